#include "tests/chaos/cases.hpp"

#include "common/crash_point/crash_point.hpp"
#include "tests/stand_ins/control/routes.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <thread>

namespace relay::chaos {
namespace {

constexpr auto death_limit = 15s;
constexpr auto reached_within = 600ms; // after all results are there: acknowledgements take that long at most

struct write_kind {
    const char* name;    // "create"
    const char* step;    // "ews.create"
    const char* request; // "CreateItem"
};
constexpr write_kind kinds[] = {{"create", "ews.create", "CreateItem"},
                                {"update", "ews.update", "UpdateItem"},
                                {"cancel", "ews.remove", "DeleteItem"}};

// What hides the answer of a request that is carried out.
struct hiding {
    const char* name;
    json::object fault;
};
const std::vector<hiding>& hidings()
{
    static const std::vector<hiding> all{
        {"answered", {}},
        {"reset", {{"when", "after"}, {"action", "reset"}}},
        {"late", {{"action", "late"}, {"ms", 300}}},
        {"hang", {{"when", "after"}, {"action", "hang"}}},
        {"truncate", {{"when", "after"}, {"action", "truncate"}}},
        {"503", {{"when", "after"}, {"action", "status"}, {"status", 503}}},
        {"empty", {{"when", "after"}, {"action", "empty"}}},
        {"refused after the save", {{"action", "saved_and_refused"}, {"code", "ErrorInvalidRecipients"}}},
    };
    return all;
}

std::string other_mailbox(lab& l)
{
    // A few mailboxes, so that a list of items stays short.
    static thread_local int turn = 0;
    (void)l;
    return "user" + std::to_string(turn++ % 9 + 1) + "@corp.example";
}

json::object params_of(const write_kind& kind, const std::string& event_id)
{
    if (kind.name == std::string_view("create"))
        return test::booking(event_id);
    if (kind.name == std::string_view("update"))
        return {{"event_id", event_id},
                {"set",
                 {{"subject", "Moved"}, {"start", "2026-12-01T11:00:00Z"}, {"end", "2026-12-01T12:00:00Z"}}},
                {"notify", "all"}};
    return {{"event_id", event_id}, {"notify", "all"}};
}

void plan(lab& l, const char* request, json::object fault)
{
    json::array faults;
    if (!fault.empty()) {
        fault["operation"] = request;
        faults.push_back(std::move(fault));
    }
    l.note("faults: " + json::serialize(faults));
    l.world().faults(std::move(faults));
}

void run_to_result(lab& l)
{
    if (!l.heal(30s))
        throw std::runtime_error("a command of the preparation has no result");
}

// A fresh agent that will die at `place`, connected where it lives long enough for that.
void arm(lab& l, const std::string& place)
{
    if (l.running())
        l.stop();
    l.start(place);
    test::eventually([&] { return !l.running() || l.world().connected(); }, 10s);
}

// Waits for the death; gives up once everything has its result and some time has passed.
bool dies(lab& l)
{
    const auto until = std::chrono::steady_clock::now() + death_limit * test::slowness();
    std::optional<std::chrono::steady_clock::time_point> finished;
    for (;;) {
        if (l.died(5ms))
            return true;
        const auto now = std::chrono::steady_clock::now();
        if (!l.running())
            return l.died(0ms); // just now
        if (now > until || (finished && now > *finished + reached_within * test::slowness()))
            return false;
        if (!finished && l.learn() == 0)
            finished = now;
    }
}

struct errand {
    std::string mailbox, event_id;
};

// The event that the write is about: there already, where it changes one.
errand prepare(lab& l, const write_kind& kind)
{
    errand e{other_mailbox(l), l.new_event()};
    l.world().faults({});
    if (kind.name != std::string_view("create")) {
        if (!l.running())
            l.revive();
        l.ask("event.create", e.mailbox, test::booking(e.event_id));
        run_to_result(l);
    }
    return e;
}

void ask(lab& l, const write_kind& kind, const errand& e)
{
    l.ask(std::string("event.") + kind.name, e.mailbox, params_of(kind, e.event_id));
}

bool arrived(lab& l, const char* request, int before)
{
    return test::eventually([&] { return l.world().requests(request) > before; }, 10s);
}

// ---- roads ----

bool during_write(lab& l, const std::string& place, const write_kind& kind, const hiding& h)
{
    const auto e = prepare(l, kind);
    arm(l, place);
    plan(l, kind.request, h.fault);
    ask(l, kind, e);
    return dies(l);
}

// Dies once with the outcome of a try unknown, then again at `place` while it makes up for that.
bool during_recovery(lab& l, const std::string& first, const std::string& place, const write_kind& kind)
{
    const auto e = prepare(l, kind);
    arm(l, first);
    ask(l, kind, e);
    if (!dies(l))
        return false;
    l.start(place);
    return dies(l);
}

bool from_outside(lab& l, const std::string& place, const write_kind& kind)
{
    const auto e = prepare(l, kind);
    arm(l, {});
    const bool done = place == outside_places[1];
    plan(l, kind.request, {{"when", done ? "after" : "before"}, {"action", "delay"}, {"ms", 300}});
    const auto before = l.world().requests(kind.request);
    const auto writes = l.world().ledger();
    ask(l, kind, e);
    if (!arrived(l, kind.request, before) ||
        (done && !test::eventually([&] { return l.world().ledger() != writes; }, 10s)))
        return false;
    l.kill(place);
    return true;
}

bool while_stopping(lab& l, const std::string& place, const write_kind& kind)
{
    const auto e = prepare(l, kind);
    arm(l, place);
    plan(l, kind.request, {{"when", "after"}, {"action", "delay"}, {"ms", 200}});
    const auto before = l.world().requests(kind.request);
    ask(l, kind, e);
    arrived(l, kind.request, before);
    l.note("stop");
    l.world().agent().signal(SIGTERM);
    return l.died(death_limit);
}

bool at_start(lab& l, const std::string& place)
{
    if (l.running())
        l.stop();
    l.start(place);
    return l.died(death_limit);
}

bool after_refusal(lab& l, const std::string& place, const write_kind& kind)
{
    const auto e = prepare(l, kind);
    arm(l, place);
    plan(l, kind.request, {{"when", "before"}, {"action", "busy"}, {"back_off_ms", 50}});
    ask(l, kind, e);
    return dies(l);
}

// The item of the event that is in a calendar.
std::string live_item(lab& l, const errand& e)
{
    const auto items = l.world().exchange().get("/mailboxes/" + e.mailbox + "/items");
    for (const auto& i : items.as_array())
        if (text_of(i.as_object().at("properties").as_object(), "WorkestraEventId") == e.event_id &&
            text_of(i.as_object(), "folder") != "deleteditems")
            return "/mailboxes/" + e.mailbox + "/items/" +
                   stand_in::percent_encode(text_of(i.as_object(), "id"));
    throw std::runtime_error("there is no item of " + e.event_id);
}

// The owner copied the meeting before it is changed.
bool beside_a_copy(lab& l, const std::string& place, const write_kind& kind, const hiding& h)
{
    const auto e = prepare(l, kind);
    l.note("the owner copies " + e.event_id);
    l.world().exchange().post(live_item(l, e) + "/copy", {{"folder", "calendar"}});
    arm(l, place);
    plan(l, kind.request, h.fault);
    ask(l, kind, e);
    return dies(l);
}

// Dies when the item is made and nothing is known of that; the owner deletes it before the agent is back, which dies again
// at `place`.
bool deleted_meanwhile(lab& l, const std::string& place)
{
    const auto e = prepare(l, kinds[0]);
    arm(l, "ews.create.after");
    ask(l, kinds[0], e);
    if (!dies(l))
        return false;
    l.note("the owner deletes " + e.event_id);
    l.world().exchange().remove(live_item(l, e));
    l.start(place);
    return dies(l);
}

json::object availability()
{
    return {{"mailboxes", json::array{"user1@corp.example"}},
            {"start", "2026-12-01T00:00:00Z"},
            {"end", "2026-12-02T00:00:00Z"}};
}

bool reading(lab& l, const std::string& place)
{
    arm(l, place);
    l.ask("availability.get", {}, availability());
    return dies(l);
}

// A watch is begun; its first look tells of a mailbox.
bool watching(lab& l, const std::string& place)
{
    arm(l, place);
    l.ask("availability.watch", {},
          {{"watch_id", l.new_event()}, {"mailboxes", json::array{"user1@corp.example"}}});
    return dies(l);
}

// A read whose result is ready while the link is down.
bool storing_a_read(lab& l, const std::string& place)
{
    arm(l, place);
    plan(l, "GetUserAvailability", {{"when", "before"}, {"action", "delay"}, {"ms", 300}});
    const auto before = l.world().requests("GetUserAvailability");
    l.ask("availability.get", {}, availability());
    arrived(l, "GetUserAvailability", before);
    l.note("no welcome, cut");
    l.world().cloud().put("/behaviour", {{"no_welcome", true}});
    l.world().cut_link();
    const bool dead = l.died(death_limit);
    l.world().cloud().put("/behaviour", {{"no_welcome", false}});
    return dead;
}

// The data folder is put back as it was some commands ago.
bool old_copy(lab& l, const std::string& place)
{
    l.revive();
    l.ask("event.create", "user1@corp.example", test::booking(l.new_event()));
    run_to_result(l);
    l.stop();
    const auto folder = l.world().data_folder();
    const auto copy = l.world().folder() / "old";
    fs::copy(folder, copy, fs::copy_options::recursive);
    l.revive();
    l.ask("event.create", "user1@corp.example", test::booking(l.new_event()));
    run_to_result(l);
    l.stop();
    fs::remove_all(folder);
    fs::rename(copy, folder);
    l.note("the data folder is an old copy");
    arm(l, place);
    const bool dead = l.died(death_limit);
    l.ask("event.create", "user1@corp.example", test::booking(l.new_event()));
    return dead;
}

// A copy that holds a try of unknown outcome is put back, and looks it up before it meets the cloud: its numbers have
// reached the cloud's by then.
bool old_copy_that_worked(lab& l, const std::string& place)
{
    const auto e = prepare(l, kinds[0]);
    arm(l, "ews.create.after");
    ask(l, kinds[0], e);
    if (!dies(l))
        return false;
    const auto folder = l.world().data_folder();
    const auto copy = l.world().folder() / "old";
    fs::remove(folder / "agent.sock"); // sockets do not copy
    fs::copy(folder, copy, fs::copy_options::recursive);
    run_to_result(l);
    l.stop();
    fs::remove_all(folder);
    fs::rename(copy, folder);
    l.note("the data folder is an old copy, and there is no link");
    l.world().cloud().put("/behaviour", {{"refuse_upgrade", 503}});
    l.start(place);
    const auto results = "SELECT count(*) FROM commands WHERE finished_at IS NOT NULL AND acknowledged = 0";
    test::eventually([&] { return !l.running() || count_in_queue(folder / "queue.db", results) > 0; });
    l.world().cloud().put("/behaviour", {{"refuse_upgrade", 0}});
    l.ask("event.create", "user1@corp.example", test::booking(l.new_event()));
    return l.died(death_limit);
}

// Until the log of the store has grown enough to be copied into the file.
bool checkpointing(lab& l, const std::string& place)
{
    arm(l, place);
    for (int i = 0; i < 40 && l.running(); ++i) {
        auto large = test::booking(l.new_event());
        large["body"] = json::object{{"format", "text"}, {"content", std::string(200'000, 'x')}};
        l.ask("event.create", other_mailbox(l), std::move(large));
        std::this_thread::sleep_for(20ms);
    }
    return dies(l);
}

bool cancelling(lab& l, const std::string& place)
{
    const auto e = prepare(l, kinds[1]);
    arm(l, place);
    plan(l, "UpdateItem", {{"when", "after"}, {"action", "delay"}, {"ms", 300}});
    const auto before = l.world().requests("UpdateItem");
    ask(l, kinds[1], e);
    const auto waiting = l.ask("event.cancel", e.mailbox, {{"event_id", e.event_id}});
    arrived(l, "UpdateItem", before);
    l.cancel(waiting);
    return dies(l);
}

bool draining(lab& l, const std::string& place)
{
    const auto e = prepare(l, kinds[0]);
    arm(l, place);
    ask(l, kinds[0], e);
    l.note("drain");
    l.world().cloud().post("/link", {{"action", "drain"}, {"reconnect_after_ms", 10}});
    return dies(l);
}

bool odd_frame(lab& l, const std::string& place, const char* text)
{
    arm(l, place);
    l.note(std::string("raw ") + text);
    l.world().cloud().post("/raw", {{"text", text}});
    return dies(l);
}

// ---- the list ----

class list {
public:
    explicit list(bool reduced) : reduced_(reduced) {}

    void add(const std::string& place, const std::string& name, std::function<bool(lab&)> road,
             std::size_t stores = 1)
    {
        cases_.push_back({place + ", " + name, place.substr(0, place.find(':')), std::move(road), stores});
    }

    // By all kinds, or by the next one.
    void each_kind(const std::function<void(const write_kind&)>& one)
    {
        if (reduced_)
            return one(kinds[turn_++ % std::size(kinds)]);
        for (const auto& k : kinds)
            one(k);
    }

    void each_hiding(const std::function<void(const hiding&)>& one)
    {
        if (reduced_)
            return one(hidings()[hiding_turn_++ % hidings().size()]);
        for (const auto& h : hidings())
            one(h);
    }

    void write(const std::string& place, const write_kind& kind, const hiding& h)
    {
        add(place, std::string(kind.name) + ", " + h.name,
            [=, &kind, &h](lab& l) { return during_write(l, place, kind, h); });
    }

    std::vector<sweep_case> take() { return std::move(cases_); }

private:
    bool reduced_;
    std::size_t turn_ = 0, hiding_turn_ = 0;
    std::vector<sweep_case> cases_;
};

const std::vector<std::string> moments{".before", ".after"};

void add_writes(list& l)
{
    for (const auto* step : {"take.command", "store.admit", "send.accepted", "store.begin", "ews.find",
                             "store.finish", "send.result", "take.ack", "store.acknowledge"})
        for (const auto& m : moments)
            l.each_kind([&](const write_kind& k) {
                l.each_hiding([&](const hiding& h) { l.write(step + m, k, h); });
            });
    for (const auto& k : kinds)
        for (const auto& m : moments)
            l.each_hiding([&](const hiding& h) { l.write(k.step + m, k, h); });
    for (const auto& m : moments)
        l.each_hiding([&](const hiding& h) { l.write("ews.get" + m, kinds[1], h); });
    // The look-up that follows where the answer was hidden.
    for (const auto& m : moments)
        l.each_kind([&](const write_kind& k) {
            l.each_hiding([&](const hiding& h) {
                if (!h.fault.empty())
                    l.write("ews.find" + m + ":2", k, h);
            });
        });
}

void add_copies(list& l)
{
    for (const auto& k : {std::cref(kinds[1]), std::cref(kinds[2])})
        for (const auto& m : moments)
            for (const auto& place : {k.get().step + m, "ews.find" + m, "store.finish" + m})
                l.each_hiding([&](const hiding& h) {
                    l.add(place, std::string(k.get().name) + " beside a copy, " + h.name,
                          [=, &h](lab& where) { return beside_a_copy(where, place, k, h); });
                });
}

void add_recoveries(list& l)
{
    for (const auto* first : {".before", ".after"})
        for (const auto* step : {"start.open", "start.migrate", "start.recover", "send.hello", "take.welcome",
                                 "ews.find", "store.finish", "send.result", "take.ack", "store.acknowledge"})
            for (const auto& m : moments)
                l.each_kind([&](const write_kind& k) {
                    const auto place = step + m, died_at = k.step + std::string(first);
                    l.add(place, std::string(k.name) + ", after a death at " + died_at,
                          [=, &k](lab& where) { return during_recovery(where, died_at, place, k); });
                });
    for (const auto& m : moments)
        for (const auto* step : {"start.recover", "ews.find", "store.finish"})
            l.add(step + m, "create, deleted by hand meanwhile",
                  [place = step + m](lab& where) { return deleted_meanwhile(where, place); });
    // Begun and not sent: it is applied after the restart, and dies there again.
    for (const auto& k : kinds)
        for (const auto& m : moments)
            l.add(k.step + m, std::string(k.name) + ", twice", [=, &k](lab& where) {
                return during_recovery(where, k.step + std::string(".before"), k.step + m, k);
            });
}

void add_others(list& l)
{
    for (const auto* place : outside_places)
        for (const auto& k : kinds)
            l.add(place, k.name, [=, &k](lab& where) { return from_outside(where, place, k); });
    for (const auto* step : {"stop.drain", "stop.close", "send.goodbye"})
        for (const auto& m : moments)
            l.each_kind([&](const write_kind& k) {
                l.add(step + m, k.name,
                      [place = step + m, &k](lab& where) { return while_stopping(where, place, k); });
            });
    for (const auto& m : moments) {
        for (const auto* step :
             {"start.open", "start.migrate", "start.recover", "store.prune", "send.hello", "take.welcome"})
            l.add(step + m, "idle", [place = step + m](lab& where) { return at_start(where, place); });
        l.each_kind([&](const write_kind& k) {
            l.add("store.retract" + m, k.name,
                  [place = "store.retract" + m, &k](lab& where) { return after_refusal(where, place, k); });
        });
        l.add("store.append" + m, "read",
              [place = "store.append" + m](lab& where) { return storing_a_read(where, place); });
        l.add("store.checkpoint" + m, "create",
              [place = "store.checkpoint" + m](lab& where) { return checkpointing(where, place); });
        l.add("ews.other" + m, "read",
              [place = "ews.other" + m](lab& where) { return reading(where, place); });
        l.add("store.audit" + m, "read",
              [place = "store.audit" + m](lab& where) { return reading(where, place); });
        for (const auto* step : {"store.watch", "store.tell"})
            l.add(step + m, "watch", [place = step + m](lab& where) { return watching(where, place); });
        l.add("take.cancel" + m, "cancel",
              [place = "take.cancel" + m](lab& where) { return cancelling(where, place); });
        l.add("take.drain" + m, "create",
              [place = "take.drain" + m](lab& where) { return draining(where, place); });
        l.add("take.other" + m, "unknown type", [place = "take.other" + m](lab& where) {
            return odd_frame(where, place, R"({"type":"news"})");
        });
        l.add("send.other" + m, "problem",
              [place = "send.other" + m](lab& where) { return odd_frame(where, place, "[]"); });
        l.add(
            "store.renew" + m, "old copy",
            [place = "store.renew" + m](lab& where) { return old_copy(where, place); }, 2);
        l.add(
            "store.renew" + m, "old copy that worked before the link was up",
            [place = "store.renew" + m](lab& where) { return old_copy_that_worked(where, place); }, 2);
    }
}

} // namespace

std::vector<std::string> all_places()
{
    std::vector<std::string> all;
    for (const auto& step : crash_steps)
        for (const auto& m : moments)
            all.push_back(std::string(step) + m);
    all.insert(all.end(), std::begin(outside_places), std::end(outside_places));
    return all;
}

std::vector<sweep_case> sweep_cases(bool reduced)
{
    list l(reduced);
    add_writes(l);
    add_copies(l);
    add_recoveries(l);
    add_others(l);
    return l.take();
}

} // namespace relay::chaos
