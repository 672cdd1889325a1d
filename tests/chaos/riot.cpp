#include "tests/chaos/riot.hpp"

#include "common/crash_point/crash_point.hpp"

#include <algorithm>
#include <thread>

namespace relay::chaos {
namespace {

constexpr std::size_t most_open = 40; // commands without a result
constexpr int most_commands_an_event = 8, most_cancels_an_event = 2;
constexpr auto heal_limit = 60s;
// The agent's clock runs ahead of ours, so that it can jump back without leaving the time that servers'
// certificates are good for.
constexpr std::chrono::nanoseconds usual_shift = 1h;

// Longer than a clock that jumps by days may make of a moment, so that the judge can tell what gave up too soon.
constexpr int long_ttl_ms = 2'000'000'000;
constexpr const char *first_agent = "agent-a", *second = "agent-b";

// Agents that are enrolled: neither clocks that are days ahead nor the certificates of others are in their way.
test::configuration settings()
{
    auto c = quick_settings();
    for (const auto* unset : {"cloud.url", "cloud.certificate_file", "cloud.private_key_file"})
        c[unset] = "";
    return c;
}

test::world_options options_for(const machine& m)
{
    return {.config = settings(),
            .exchange_arguments = {},
            .cloud_arguments = {"--heartbeat-s", "1"},
            .environment = m.environment(),
            .start_agent = false};
}

} // namespace

riot::riot(std::string name, std::uint64_t seed, std::set<std::string> without)
    : random_(seed),
      without_(std::move(without)),
      machine_(usual_shift),
      lab_(std::move(name), options_for(machine_)),
      other_(lab_, second, settings()),
      owner_(lab_),
      copy_(lab_),
      handover_(lab_, other_)
{
    auto& world = lab_.world();
    world.enroll(world.config_file(), first_agent);
    world.cloud().put("/behaviour", {{"give_again", true}});
    lab_.name_agent(first_agent);
    owner_.make_folders();
    lab_.revive();
    other_.revive();
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
    meetings_.push_back({some_mailbox(), lab_.new_event()});
    return about(meetings_.back(), true);
}

asked riot::about(meeting& m, bool fresh)
{
    ++m.commands;
    asked c;
    c.mailbox = m.mailbox;
    const auto subject = "Subject " + std::to_string(++subjects_);
    auto what = fresh ? 0 : pick(1, 100);
    // One that its owner put elsewhere, or may take out of Deleted Items again, is not made a second time.
    if (!fresh && what <= 10 && (m.by_hand.deleted || m.by_hand.moved))
        what = 60;
    if (what <= 10) { // also while it is there: a conflict
        ++m.creates;
        c.op = "event.create";
        c.params = test::booking(m.id, "2027-03-01T09:00:00Z", "2027-03-01T09:30:00Z");
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
    c.ttl_ms = chance(0.1) ? pick(100, 3000) : long_ttl_ms;
    return c;
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

void riot::later(milliseconds length, std::function<void()> undo)
{
    undo_.push_back({std::chrono::steady_clock::now() + length, std::move(undo)});
}

void riot::count_struck()
{
    const auto stats = lab_.world().exchange().get("/stats").as_object();
    const auto struck = stats.at("faults_struck").to_number<int>();
    faults_ += struck - struck_;
    if (struck > struck_)
        by_kind_["faults at Exchange"] += struck - struck_;
    struck_ = struck;
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
        if (handover_.step(random_))
            caused("given to another agent");
        undo_due(false);
        std::this_thread::sleep_for(milliseconds(pick(0, 40)));
        if (!lab_.running())
            start_again();
        if (chance(0.1))
            other_.revive();
        if (chance(0.05) && !without_.contains("copies"))
            copy_.keep();
        count_struck();
    }
    return heal_and_judge();
}

std::vector<std::string> riot::heal_and_judge()
{
    lab_.world().faults({});
    undo_due(true);
    // An agent that was told to die somewhere is replaced: this is the time to heal.
    if (lab_.running() && armed_)
        lab_.kill("it was to die at a place");
    armed_ = false;
    std::vector<std::string> wrong;
    if (!lab_.heal(heal_limit, [this] { other_.revive(); }))
        wrong.push_back("not all commands have a result");
    other_.revive();
    if (!test::eventually([&] { return other_.connected(); }, heal_limit))
        wrong.push_back("the other agent does not connect");
    const auto found = lab_.verdict(2 + renewals_, {other_.data_folder()});
    wrong.insert(wrong.end(), found.begin(), found.end());
    if (!lab_.stop())
        wrong.push_back("the agent did not stop in order");
    else
        lab_.revive();
    return wrong;
}

} // namespace relay::chaos
