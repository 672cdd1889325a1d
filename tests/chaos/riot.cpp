#include "tests/chaos/riot.hpp"

#include "common/crash_point/crash_point.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace relay::chaos {
namespace {

constexpr std::size_t most_open = 40; // commands without a result
constexpr int most_commands_an_event = 8, most_cancels_an_event = 2;
constexpr auto heal_limit = 60s;
// The agent's clock runs ahead of ours, so that it can jump back without leaving the time its certificates
// are good for.
constexpr std::chrono::nanoseconds usual_shift = 1h;

test::world_options options_for(const fs::path& clock_file)
{
    const char* before = std::getenv("ASAN_OPTIONS");
    return {
        .config = quick_settings(),
        .exchange_arguments = {},
        .cloud_arguments = {"--heartbeat-s", "1"},
        .environment = {{"LD_PRELOAD", RELAY_SHIFTED_CLOCK},
                        {"RELAY_CLOCK_SHIFT", clock_file.string()},
                        {"ASAN_OPTIONS", std::string(before ? before : "") + ":verify_asan_link_order=0"}},
        .start_agent = false};
}

} // namespace

riot::riot(std::string name, std::uint64_t seed)
    : random_(seed),
      clock_file_(clock_folder_.path() / "clock"),
      lab_(std::move(name), options_for(clock_file_)),
      shift_(usual_shift)
{
    set_clock(shift_);
    lab_.revive();
}

void riot::caused(const std::string& kind)
{
    ++faults_;
    ++by_kind_[kind];
}

// ---- commands ----

void riot::send_some()
{
    if (lab_.learn() >= most_open)
        return;
    std::vector<asked> batch;
    for (int n = pick(1, 4); n > 0; --n)
        batch.push_back(some_command());
    commands_ += batch.size();
    for (auto& id : lab_.ask(std::move(batch)))
        recent_.push_back(std::move(id));
}

asked riot::some_command()
{
    if (chance(0.05)) {
        asked c;
        c.op = "availability.get";
        c.params = {{"mailboxes", json::array{"user1@corp.example", "user2@corp.example"}},
                    {"start", "2026-12-01T00:00:00Z"},
                    {"end", "2026-12-03T00:00:00Z"}};
        return c;
    }
    std::vector<meeting*> open;
    for (auto& m : meetings_)
        if (m.commands < most_commands_an_event)
            open.push_back(&m);
    if (!open.empty() && chance(0.65))
        return about(*open[pick<std::size_t>(0, open.size() - 1)], false);
    meetings_.push_back({"user" + std::to_string(pick(1, 9)) + "@corp.example", lab_.new_event()});
    return about(meetings_.back(), true);
}

asked riot::about(meeting& m, bool fresh)
{
    ++m.commands;
    asked c;
    c.mailbox = m.mailbox;
    const auto subject = "Subject " + std::to_string(++subjects_);
    const auto what = fresh ? 0 : pick(1, 100);
    if (what <= 10) { // also while it is there: a conflict
        c.op = "event.create";
        c.params = test::booking(m.id);
        c.params["subject"] = subject;
        if (chance(0.1))
            c.params["notify"] = "none";
    } else if (what <= 60) {
        c.op = "event.update";
        c.params = {
            {"event_id", m.id}, {"set", {{"subject", subject}}}, {"notify", chance(0.3) ? "none" : "all"}};
    } else if (what <= 75 || m.cancels == most_cancels_an_event) {
        c.op = "event.get";
        c.params = {{"event_id", m.id}};
        return c;
    } else {
        ++m.cancels;
        c.op = "event.cancel";
        c.params = {{"event_id", m.id}, {"notify", chance(0.1) ? "none" : "all"}};
    }
    if (chance(0.1))
        c.ttl_ms = pick(100, 3000);
    return c;
}

// ---- trouble ----

void riot::cause_trouble()
{
    const auto what = pick(1, 100);
    if (what <= 22) {
        armed_ = armed_ && !lab_.running();
        lab_.kill("at random");
        caused("kill");
    } else if (what <= 27) {
        lab_.note("SIGTERM");
        lab_.world().agent().signal(SIGTERM);
        caused("SIGTERM");
    } else if (what <= 36) {
        link({{"action", "cut"}});
        caused("cut");
    } else if (what <= 40) {
        link({{"action", "drain"}, {"reconnect_after_ms", pick(0, 30)}});
        caused("drain");
    } else if (what <= 43) {
        behave("silent", true, false, milliseconds(pick(100, 2500)));
        caused("silent");
    } else if (what <= 47) {
        behave("withhold_acks", true, false, milliseconds(pick(100, 1500)));
        caused("withheld acks");
    } else if (what <= 49) {
        behave("reject", {{"code", "try_later"}, {"message", "later"}, {"retry_after_s", 1}}, nullptr,
               milliseconds(pick(50, 500)));
        link({{"action", "cut"}});
        caused("reject");
    } else if (what <= 54) {
        jump_clock();
        caused("clock jump");
    } else if (what <= 59 && !recent_.empty()) {
        lab_.cancel(recent_[pick<std::size_t>(0, recent_.size() - 1)]);
        caused("cancel");
    } else if (what <= 64 && !recent_.empty()) {
        lab_.send_again(recent_[pick<std::size_t>(0, recent_.size() - 1)]);
        caused("sent again");
    } else {
        exchange_trouble();
    }
}

void riot::exchange_trouble()
{
    static constexpr const char* requests[] = {"CreateItem", "CreateItem", "UpdateItem", "DeleteItem",
                                               "FindItem",   "GetItem",    "*"};
    struct ill {
        const char* action;
        json::object more;
        bool may_come_after; // hiding an answer of this kind would be a lie where it proves that nothing was
                             // done
    };
    static const std::vector<ill> ills{
        {"reset", {}, true},
        {"reset", {}, true},
        {"late", {}, false},
        {"late", {}, false},
        {"hang", {}, true},
        {"delay", {}, true},
        {"status", {{"status", 503}}, true},
        {"status", {{"status", 500}}, true},
        {"truncate", {}, true},
        {"empty", {}, true},
        {"garbage", {}, true},
        {"html", {}, true},
        {"soap_fault", {{"code", "ErrorInternalServerError"}}, true},
        {"error", {{"code", "ErrorInternalServerError"}}, true},
        {"error", {{"code", "ErrorTimeoutExpired"}}, true},
        {"busy", {{"back_off_ms", 100}}, false},
    };
    json::array plan;
    for (int n = pick(1, 3); n > 0; --n) {
        const auto& chosen = ills[pick<std::size_t>(0, ills.size() - 1)];
        auto fault = chosen.more;
        fault["action"] = chosen.action;
        fault["operation"] = requests[pick<std::size_t>(0, std::size(requests) - 1)];
        fault["when"] = chosen.may_come_after && chance(0.7) ? "after" : "before";
        if (chosen.action == std::string_view("late") || chosen.action == std::string_view("delay"))
            fault["ms"] = pick(10, 500); // within exchange.settle_s
        plan.push_back(std::move(fault));
    }
    lab_.note("faults " + json::serialize(plan));
    lab_.world().faults(std::move(plan));
}

void riot::behave(const char* key, json::value on, json::value off, milliseconds length)
{
    lab_.note(std::string(key) + " for " + std::to_string(length.count()) + " ms");
    lab_.world().cloud().put("/behaviour", json::object{{key, std::move(on)}});
    undo_.push_back({std::chrono::steady_clock::now() + length, [this, key, off = std::move(off)] {
                         lab_.note(std::string(key) + " is over");
                         lab_.world().cloud().put("/behaviour", json::object{{key, off}});
                     }});
}

void riot::link(const json::object& action)
{
    lab_.note("link " + json::serialize(action));
    stand_in::control_client client(lab_.world().cloud().url()); // 409 where there is no link
    (void)client.call("POST", "/link", action);
}

void riot::jump_clock()
{
    const auto far = chance(0.3);
    shift_ =
        far ? usual_shift + std::chrono::minutes(pick(-59, 59)) : shift_ + milliseconds(pick(-3000, 3000));
    shift_ = std::clamp<std::chrono::nanoseconds>(shift_, 1min, 2h);
    set_clock(shift_);
}

void riot::set_clock(std::chrono::nanoseconds shift)
{
    lab_.note("clock " + std::to_string(std::chrono::duration_cast<milliseconds>(shift).count()) +
              " ms ahead");
    // In place: the agent has the file mapped.
    std::fstream file(clock_file_, std::ios::binary | std::ios::in | std::ios::out);
    if (!file)
        file.open(clock_file_, std::ios::binary | std::ios::out);
    const std::int64_t bytes = shift.count();
    file.write(reinterpret_cast<const char*>(&bytes), sizeof bytes);
    if (!file.flush())
        throw std::runtime_error("cannot write " + clock_file_.string());
}

void riot::start_again()
{
    if (armed_) {
        if (lab_.died(0ms))
            caused("crash point");
        armed_ = false;
    }
    if (chance(0.3))
        std::this_thread::sleep_for(milliseconds(pick(10, 400)));
    std::string place;
    if (chance(0.6)) {
        place = std::string(crash_steps[pick<std::size_t>(0, crash_steps.size() - 1)]) +
                (chance(0.5) ? ".before:" : ".after:") + std::to_string(pick(1, 8));
        armed_ = true;
    }
    lab_.start(place);
}

void riot::undo_due(bool all)
{
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(undo_, [&](const undoing& u) {
        const bool due = all || u.due <= now;
        if (due)
            u.undo();
        return due;
    });
}

int riot::struck_at_exchange()
{
    return lab_.world().exchange().get("/stats").as_object().at("faults_struck").to_number<int>();
}

std::vector<std::string> riot::round(int faults)
{
    const int until = faults_ + faults;
    meetings_.clear();
    recent_.clear();
    for (int step = 0; faults_ < until; ++step) {
        send_some();
        if (lab_.running() && chance(0.5))
            cause_trouble();
        undo_due(false);
        std::this_thread::sleep_for(milliseconds(pick(0, 40)));
        if (!lab_.running())
            start_again();
        if (const auto struck = struck_at_exchange(); struck > struck_) {
            faults_ += struck - struck_;
            by_kind_["Exchange"] += struck - struck_;
            struck_ = struck;
        }
    }
    lab_.world().faults({});
    undo_due(true);
    // An agent that was told to die somewhere is replaced: this is the time to heal.
    if (lab_.running() && armed_)
        lab_.kill("it was to die at a place");
    armed_ = false;
    std::vector<std::string> wrong;
    if (!lab_.heal(heal_limit))
        wrong.push_back("not all commands have a result");
    const auto found = lab_.verdict();
    wrong.insert(wrong.end(), found.begin(), found.end());
    if (!lab_.stop())
        wrong.push_back("the agent did not stop in order");
    else
        lab_.revive();
    return wrong;
}

} // namespace relay::chaos
