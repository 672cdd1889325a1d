// What the riot does to the agent and to those around it.
#include "tests/chaos/riot.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

namespace relay::chaos {
namespace {

// The agent's clock runs an hour ahead of ours between the jumps, and never behind it, nor past what the servers'
// certificates are good for.
constexpr std::chrono::nanoseconds usual_shift = 1h, least_shift = 1min, most_shift = 10 * 24h;
constexpr std::size_t few_cards = 8;                      // then a fresh deck is laid on them
constexpr const char* at_exchange = "faults at Exchange"; // counted as they strike
constexpr milliseconds slowest_deed{600};
constexpr auto given_up_after = 2s; // of silence the cloud takes a link for dead

} // namespace

const std::vector<riot::card>& riot::cards()
{
    using r = riot;
    static const std::vector<card> all{
        {"process", "kill", 6, [](r& t) { return t.kill(); }},
        {"process", "SIGTERM", 1, [](r& t) { return t.stop(); }},
        {"process", "disk hangs", 2, [](r& t) { return t.hang_disk(t.pick(0, 3), t.short_time()); }},
        {"process", "disk hangs for long", 1, [](r& t) { return t.hang_disk(t.pick(0, 3), t.long_time()); }},
        {"process", "process stopped", 1, [](r& t) { return t.freeze(standstill::process, t.short_time()); }},
        {"process", "process stopped for long", 1,
         [](r& t) { return t.freeze(standstill::process, t.long_time()); }},
        {"link", "cut", 4,
         [](r& t) {
             return t.link({{"action", "cut"}});
         }},
        {"link", "drain", 1,
         [](r& t) {
             return t.link({{"action", "drain"}, {"reconnect_after_ms", t.pick(0, 30)}});
         }},
        {"link", "silent", 1,
         [](r& t) { return t.behave("silent", true, false, milliseconds(t.pick(100, 2500))); }},
        {"link", "withheld acks", 1,
         [](r& t) { return t.behave("withhold_acks", true, false, milliseconds(t.pick(100, 1500))); }},
        {"link", "reject", 1, [](r& t) { return t.reject(); }},
        {"time", "clock jump", 2,
         [](r& t) { return t.jump_clock(t.machine_.wall_ahead() + milliseconds(t.pick(-3000, 3000))); }},
        {"time", "clock jump by minutes", 1,
         [](r& t) { return t.jump_clock(usual_shift + std::chrono::minutes(t.pick(-59, 59))); }},
        {"time", "clock jump by days", 1,
         [](r& t) { return t.jump_clock(std::chrono::hours(t.pick(1, 10 * 24))); }},
        {"time", "start with a wrong clock", 1, [](r& t) { return t.start_with_wrong_clock(); }},
        {"time", "machine suspended", 1,
         [](r& t) { return t.freeze(standstill::machine, milliseconds(t.pick(50, 3000))); }},
        {"time", "virtual machine paused", 1,
         [](r& t) { return t.freeze(standstill::virtual_machine, milliseconds(t.pick(50, 3000))); }},
        {"cloud", "cancel", 2, [](r& t) { return t.cancel(); }},
        {"cloud", "sent again", 2, [](r& t) { return t.send_again(); }},
        {"copies", "queue put back", 3, [](r& t) { return t.put_back(); }},
        {"copies", "cloud put back", 1, [](r& t) { return t.set_cloud_back(); }},
        {"handover", "late for another agent", 3, [](r& t) { return t.hand_over(); }},
        {"handover", "kill of the other agent", 1,
         [](r& t) {
             t.other_.kill();
             return true;
         }},
        {"owner", "owner edits", 1, [](r& t) { return t.let_owner(deed::edit); }},
        {"owner", "owner copies", 2, [](r& t) { return t.let_owner(deed::copy); }},
        {"owner", "owner moves", 1, [](r& t) { return t.let_owner(deed::move); }},
        {"owner", "owner deletes", 2, [](r& t) { return t.let_owner(deed::remove); }},
        {"owner", "owner restores", 1, [](r& t) { return t.let_owner(deed::restore); }},
        {"exchange", at_exchange, 12, [](r& t) { return t.exchange_trouble(); }},
    };
    return all;
}

std::vector<std::string> riot::families()
{
    std::vector<std::string> all;
    for (const auto& c : cards())
        if (all.empty() || all.back() != c.family)
            all.emplace_back(c.family);
    return all;
}

std::vector<std::string> riot::never(const std::map<std::string, int>& caused,
                                     const std::set<std::string>& without)
{
    std::vector<std::string> names;
    for (const auto& c : cards())
        if (!without.contains(c.family) && !caused.contains(c.name))
            names.emplace_back(c.name);
    return names;
}

const riot::card* riot::draw()
{
    if (deck_.size() <= few_cards) {
        std::vector<const card*> fresh;
        for (const auto& c : cards())
            if (!without_.contains(c.family))
                fresh.insert(fresh.end(), static_cast<std::size_t>(c.times), &c);
        std::ranges::shuffle(fresh, random_);
        std::set<const card*> left(deck_.begin(), deck_.end());
        deck_ = std::move(fresh);
        deck_.insert(deck_.end(), left.begin(), left.end());
    }
    if (deck_.empty())
        return nullptr;
    const auto* drawn = deck_.back();
    deck_.pop_back();
    return drawn;
}

void riot::cause_trouble()
{
    const auto* drawn = draw();
    if (!drawn)
        return;
    // An agent that is to be late is not freed from that by a death.
    const bool in_the_way = handover_.under_way() && std::string_view(drawn->name) == "kill" && chance(0.8);
    if (in_the_way || !drawn->cause(*this)) {
        // Anywhere: were those that cannot be caused all on top, the others would never be drawn.
        deck_.insert(deck_.begin() + pick<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(deck_.size())),
                     drawn);
    } else if (drawn->name != at_exchange) {
        caused(drawn->name);
    }
}

// ---- the process ----

bool riot::kill()
{
    armed_ = armed_ && !lab_.running();
    lab_.kill("at random");
    return true;
}

bool riot::stop()
{
    lab_.note("SIGTERM");
    lab_.world().agent().signal(SIGTERM);
    return true;
}

bool riot::reject()
{
    behave("reject", {{"code", "try_later"}, {"message", "later"}, {"retry_after_s", 1}}, nullptr,
           milliseconds(pick(50, 500)));
    return link({{"action", "cut"}});
}

bool riot::cancel()
{
    if (recent_.empty())
        return false;
    lab_.cancel(recent_[pick<std::size_t>(0, recent_.size() - 1)]);
    return true;
}

bool riot::send_again()
{
    if (recent_.empty())
        return false;
    lab_.send_again(recent_[pick<std::size_t>(0, recent_.size() - 1)]);
    return true;
}

bool riot::exchange_trouble()
{
    static constexpr const char* requests[] = {"CreateItem", "CreateItem", "UpdateItem", "DeleteItem",
                                               "FindItem",   "GetItem",    "*"};
    struct ill {
        const char* action;
        json::object more;
        bool may_come_after; // hiding an answer of this kind would be a lie where it proves that nothing was
                             // done
        const char* only = nullptr; // of which request; any
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
        {"status", {{"status", 421}}, false},
        {"truncate", {}, true},
        {"empty", {}, true},
        {"garbage", {}, true},
        {"html", {}, true},
        {"soap_fault", {{"code", "ErrorInternalServerError"}}, true},
        {"error", {{"code", "ErrorInternalServerError"}}, true},
        {"error", {{"code", "ErrorTimeoutExpired"}}, true},
        {"error", {{"code", "ErrorQuotaExceeded"}}, true, "CreateItem"},
        {"saved_and_refused", {{"code", "ErrorInvalidRecipients"}}, false, "CreateItem"},
        {"saved_and_refused", {{"code", "ErrorMessageSizeExceeded"}, {"as", "fault"}}, false, "UpdateItem"},
        {"saved_and_refused", {{"code", "ErrorExceededMaxRecipientLimit"}}, false},
        {"lacking", {{"element", "m:FindItemResponseMessage"}, {"keep", 1}}, false, "FindItem"},
        {"error", {{"code", "ErrorIrresolvableConflict"}}, false, "UpdateItem"},
        {"busy", {{"back_off_ms", 100}}, false},
    };
    json::array plan;
    for (int n = pick(1, 3); n > 0; --n) {
        const auto& chosen = ills[pick<std::size_t>(0, ills.size() - 1)];
        auto fault = chosen.more;
        fault["action"] = chosen.action;
        fault["operation"] =
            chosen.only ? chosen.only : requests[pick<std::size_t>(0, std::size(requests) - 1)];
        fault["when"] = chosen.may_come_after && chance(0.7) ? "after" : "before";
        if (chosen.action == std::string_view("late") || chosen.action == std::string_view("delay"))
            fault["ms"] = pick(10, 500); // within exchange.settle_s
        plan.push_back(std::move(fault));
    }
    lab_.note("faults " + json::serialize(plan));
    lab_.world().faults(std::move(plan));
    return true;
}

bool riot::behave(const char* key, json::value on, json::value off, milliseconds length)
{
    lab_.note(std::string(key) + " for " + std::to_string(length.count()) + " ms");
    lab_.world().cloud().put("/behaviour", json::object{{key, std::move(on)}});
    later(length, [this, key, off = std::move(off)] {
        lab_.note(std::string(key) + " is over");
        lab_.world().cloud().put("/behaviour", json::object{{key, off}});
    });
    return true;
}

bool riot::link(const json::object& action)
{
    lab_.note("link " + json::serialize(action));
    stand_in::control_client client(lab_.world().cloud().url()); // 409 where there is no link
    const auto reply = client.call("POST", "/link", action);
    return reply.has_value() && reply->status == 200;
}

// ---- time ----

void riot::set_clock(std::chrono::nanoseconds ahead)
{
    // An agent whose clock is set back while it is off takes a command's ttl for longer than the cloud does:
    // docs/exactly-once.md, "Two agents".
    if (handover_.under_way())
        ahead = std::max(ahead, machine_.wall_ahead());
    ahead = std::clamp(ahead, least_shift, most_shift);
    machine_.set_wall(ahead);
    lab_.note("clock " + std::to_string(std::chrono::duration_cast<milliseconds>(ahead).count()) +
              " ms ahead");
}

bool riot::jump_clock(std::chrono::nanoseconds ahead)
{
    set_clock(ahead);
    return true;
}

// Eight days ahead, until it is corrected: long enough to take a fresh result for one that may be forgotten.
bool riot::start_with_wrong_clock()
{
    if (must_wait_for_handover())
        return false;
    armed_ = false;
    lab_.kill("its clock will be wrong");
    const auto right = machine_.wall_ahead();
    set_clock(right + std::chrono::hours(8 * 24));
    lab_.start();
    later(milliseconds(pick(200, 1500)), [this, right] { set_clock(right); });
    return true;
}

bool riot::freeze(standstill what, milliseconds length)
{
    if (stands_still_)
        return false; // one that ends sooner would end this one too
    stands_still_ = true;
    static constexpr const char* names[] = {"process stopped", "machine suspended", "virtual machine paused"};
    const std::string name = names[static_cast<int>(what)];
    auto& agent = lab_.world().agent();
    const auto pid = agent.pid();
    const auto since = std::chrono::steady_clock::now();
    lab_.note(name + " for " + std::to_string(length.count()) + " ms");
    agent.signal(SIGSTOP);
    later(length, [this, what, pid, since, name] {
        stands_still_ = false;
        const auto stood = std::chrono::steady_clock::now() - since;
        if (!lab_.running() || lab_.world().agent().pid() != pid)
            return;
        if (what == standstill::machine)
            machine_.slept(stood);
        else if (what == standstill::virtual_machine)
            machine_.was_paused(stood);
        if (stood >= given_up_after)
            link({{"action", "cut"}});
        lab_.note("no longer " + name);
        lab_.world().agent().signal(SIGCONT);
    });
    return true;
}

bool riot::hang_disk(int after, milliseconds length)
{
    if (disk_hangs_)
        return false;
    disk_hangs_ = true;
    lab_.note("the disk hangs after " + std::to_string(after) + " syncs, for " +
              std::to_string(length.count()) + " ms");
    machine_.hang_disk_after(after);
    later(length, [this] {
        disk_hangs_ = false;
        lab_.note("the disk works");
        machine_.free_disk();
    });
    return true;
}

// ---- what others do ----

// What cannot be done while a command may be given to another agent: the next handover waits for it in turn.
bool riot::must_wait_for_handover()
{
    if (!handover_.under_way())
        return false;
    waits_for_handover_ = true;
    return true;
}

bool riot::put_back()
{
    if (!lab_.running() || copy_.judge() != old_copy::fitness::fit)
        return false;
    if (must_wait_for_handover())
        return false;
    undo_due(true);
    armed_ = false;
    lab_.kill("its queue is put back");
    if (copy_.judge() != old_copy::fitness::fit) { // the last thing it said changed that
        lab_.start();
        return false;
    }
    const auto known = copy_.put_back();
    put_back_as_ = lab_.store_id();
    // Exchange may still be at what the agent asked for before.
    later(slowest_deed, [this, known] { lab_.forget_deeds({known, lab_.deeds()}); });
    recent_.clear(); // the copy knows not all of them
    if (chance(0.7)) // so it meets Exchange before the cloud
        behave("refuse_upgrade", 503, 0, milliseconds(pick(200, 2500)));
    lab_.start();
    ++renewals_;
    return true;
}

// The cloud comes back from its backup: of the last messages of the agent it holds nothing.
bool riot::set_cloud_back()
{
    const auto store = lab_.store_id();
    // Not while the agent's own queue is an old copy that the cloud has not told it of: what both forgot nobody knows.
    if (store.empty() || store == put_back_as_ || must_wait_for_handover())
        return false;
    const auto ledger = lab_.world().cloud().get("/ledger").as_object();
    for (const auto& s : ledger.at("stores").as_array()) {
        const auto ack = s.at("ack").to_number<std::int64_t>();
        if (text_of(s.as_object(), "id") != store || ack < 1)
            continue;
        const auto back = std::max<std::int64_t>(0, ack - pick(1, 15));
        lab_.note("the cloud is put back from " + std::to_string(ack) + " to " + std::to_string(back));
        const auto done = lab_.world().cloud().post("/set-back", {{"store", store}, {"ack", back}});
        std::vector<std::string> unanswered;
        for (const auto& id : done.at("unanswered").as_array())
            unanswered.emplace_back(id.as_string());
        lab_.forget_results(unanswered);
        ++renewals_;
        return true;
    }
    return false;
}

bool riot::hand_over()
{
    if (handover_.under_way() || std::exchange(waits_for_handover_, false) || !lab_.running())
        return false;
    // Past ttl and settle_s, and what the other one does then.
    const auto length = milliseconds(pick(2500, 6000));
    const bool by_disk = chance(0.7);
    const auto stands = pick(by_disk ? 0 : 1, 3); // 0: nothing
    handover_.begin(some_mailbox(), random_,
                    {.before =
                         [this, by_disk, length] {
                             // The first sync stores the command, the next one that its try is begun.
                             if (by_disk)
                                 hang_disk(pick(1, 2), length);
                         },
                     .after =
                         [this, stands, length] {
                             std::this_thread::sleep_for(milliseconds(pick(0, 25)));
                             if (stands > 0 && lab_.running())
                                 freeze(static_cast<standstill>(stands - 1), length);
                         }});
    return true;
}

bool riot::let_owner(deed what)
{
    constexpr int tries = 6;
    for (int i = 0; i < tries && !meetings_.empty(); ++i) {
        auto& m = meetings_[pick<std::size_t>(0, meetings_.size() - 1)];
        // A restored item must meet no other.
        if (what == deed::restore && (m.creates != 1 || !m.by_hand.deleted))
            continue;
        // Nor is one moved for which another create may be on its way: an old copy of the queue looks no further than the
        // calendar for an event that it never heard of (docs/exactly-once.md, "Looking up").
        if (what == deed::move && m.creates > 1)
            continue;
        if (owner_.act(what, m.mailbox, m.id, m.by_hand))
            return true;
    }
    return false;
}

} // namespace relay::chaos
