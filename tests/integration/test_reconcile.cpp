// What the agent finds in Exchange after the unexpected: moved and unseen items, late commits, kills,
// and commands that another agent had before.
#include "tests/integration/scenario.hpp"

#include <thread>

using namespace relay::test;

namespace {

world_options with(configuration config)
{
    return {.config = std::move(config), .exchange_arguments = {}, .cloud_arguments = {}, .environment = {}};
}

std::string item_id(relay_world& w, std::string_view folder = "calendar")
{
    return text_at(w.items(host, folder).at(0), "/id");
}

void by_hand(relay_world& w, std::string_view what, const std::string& id, std::string_view folder)
{
    std::string escaped;
    for (const char c : id)
        escaped += c == '/' ? "%2F" : c == '+' ? "%2B" : c == '=' ? "%3D" : std::string(1, c);
    w.exchange().post("/mailboxes/host@corp.example/items/" + escaped + "/" + std::string(what),
                      {{"folder", folder}});
}

void make_folder(relay_world& w, std::string_view name, json::object more = {})
{
    more["name"] = name;
    w.exchange().post("/mailboxes/host@corp.example/folders", std::move(more));
}

json::object set_subject(std::string_view subject)
{
    return {{"event_id", "b-1"}, {"set", {{"subject", subject}}}};
}

const json::object event_b1{{"event_id", "b-1"}};

// Ends the agent and starts another one: another identity, another store.
void hand_over(relay_world& w)
{
    w.configure({{"agent.data_dir", "'" + (w.folder() / "data-2").string() + "'"},
                 {"cloud.certificate_file", "'" + (development_pki() / "agent-2.crt").string() + "'"},
                 {"cloud.private_key_file", "'" + (development_pki() / "agent-2.key").string() + "'"}});
    fs::create_directory(w.folder() / "data-2");
    if (w.agent().running())
        w.kill_agent();
    REQUIRE(eventually([&] { return !w.connected(); }));
    w.start_agent();
    w.wait_connected();
}

} // namespace

TEST_CASE("an event whose item was moved to another folder is found, changed and cancelled there",
          "[integration]")
{
    scenario w;
    make_folder(w, "Team");
    make_folder(w, "Mail of last year", {{"class", "IPF.Note"}, {"parent", "inbox"}});
    for (int i = 0; i < 30; ++i) // more than one request asks about
        make_folder(w, "Folder " + std::to_string(i), {{"class", "IPF.Note"}});
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    std::string before = "calendar";
    for (const std::string folder : {"Team", "Mail of last year", "inbox", "Folder 29"}) {
        by_hand(w, "move", item_id(w, before), folder);
        before = folder;
        const auto got = w.call("event.get", host, event_b1);
        INFO(folder << ": " << described(got));
        CHECK(outcome(got) == "ok");
        CHECK(outcome(w.call("event.update", host, set_subject(folder))) == "ok");
        CHECK(text_at(w.items(host, folder).at(0), "/subject") == folder);
    }
    const auto gone = w.call("event.cancel", host, event_b1);
    CHECK(at(gone, "/output/existed").as_bool());
    CHECK(w.ledger() == tally{.creates = 1,
                              .updates = 4,
                              .deletes = 1,
                              .invitations = 2,
                              .update_notices = 8,
                              .cancellations = 2});
}

TEST_CASE("an item in a folder that was thrown away is as deleted as one in Deleted Items", "[integration]")
{
    scenario w;
    make_folder(w, "Old calendar", {{"parent", "deleteditems"}});
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    by_hand(w, "move", item_id(w), "Old calendar");
    CHECK(outcome(w.call("event.update", host, set_subject("x"))) == "event_not_found");
    CHECK_FALSE(at(w.call("event.cancel", host, event_b1), "/output/existed").as_bool());
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a booking whose item was moved while its agent was dead is not made again", "[integration]")
{
    scenario w;
    make_folder(w, "Team");
    w.faults({fault("CreateItem", "after", "hang")});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.ledger().creates == 1; }));
    w.kill_agent();
    by_hand(w, "move", item_id(w), "Team");
    w.start_agent();
    const auto r = w.result(id, 60s);
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(text_at(r, "/output/item_id") == item_id(w, "Team"));
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("an event that is created again after its item was moved is a conflict, not a second item",
          "[integration]")
{
    scenario w;
    make_folder(w, "Team");
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    by_hand(w, "move", item_id(w), "Team");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "conflict");
    CHECK(w.items(host).empty());
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("an item that Exchange shows late is not made twice", "[integration]")
{
    scenario w;
    w.faults({fault("FindItem", "before", "unseen", {{"ms", 1500}}, 0),
              fault("CreateItem", "after", "reset", {}, 0)});
    SECTION("after a lost answer")
    {
        CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    }
    SECTION("after a late commit and a lost answer")
    {
        w.faults({fault("FindItem", "before", "unseen", {{"ms", 1500}}, 0),
                  fault("CreateItem", "before", "late", {{"ms", 1700}})});
        CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    }
    SECTION("after a kill")
    {
        const auto id = w.send("event.create", host, booking("b-1"));
        REQUIRE(eventually([&] { return w.ledger().creates == 1; }));
        w.kill_agent();
        w.start_agent();
        CHECK(outcome(w.result(id, 60s)) == "ok");
    }
    SECTION("after its agent and its store are lost")
    {
        w.faults(
            {fault("FindItem", "before", "unseen", {{"ms", 1500}}, 0), fault("CreateItem", "after", "hang")});
        const auto id = w.send("event.create", host, booking("b-1"));
        REQUIRE(eventually([&] { return w.ledger().creates == 1; }));
        hand_over(w);
        w.cloud().post("/commands/" + id + "/redeliver", {});
        CHECK(outcome(w.result(id, 60s)) == "ok");
    }
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("an update or cancel right after a create that Exchange does not show yet finds it",
          "[integration]")
{
    scenario w;
    w.faults({fault("FindItem", "before", "unseen", {{"ms", 1500}}, 0)});
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    CHECK(outcome(w.call("event.update", host, set_subject("New"))) == "ok");
    REQUIRE(outcome(w.call("event.create", host, booking("b-2"))) == "ok");
    CHECK(at(w.call("event.cancel", host, {{"event_id", "b-2"}}), "/output/existed").as_bool());
    CHECK(w.items(host).size() == 1);
}

TEST_CASE("a write that Exchange carries out just before it has settled takes effect once", "[integration]")
{
    // exchange.settle_s is 2 s here.
    const bool killed = GENERATE(false, true);
    const int ms = GENERATE(300, 1900);
    scenario w;
    const auto late = [&](std::string_view operation, std::string_view op, json::object params) {
        w.faults({fault(operation, "before", "late", {{"ms", ms}})});
        const auto requests = w.requests(operation);
        const auto id = w.send(op, host, std::move(params));
        if (killed) {
            REQUIRE(eventually([&] { return w.requests(operation) == requests + 1; }));
            w.kill_agent();
            w.start_agent();
        }
        const auto r = w.result(id, 60s);
        INFO(op << " after " << ms << " ms, killed: " << killed << ": " << described(r));
        CHECK(outcome(r) == "ok");
    };
    late("CreateItem", "event.create", booking("b-1"));
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
    late("UpdateItem", "event.update", set_subject("New"));
    CHECK(w.ledger() == tally{.creates = 1, .updates = 1, .invitations = 2, .update_notices = 2});
    late("DeleteItem", "event.cancel", event_b1);
    CHECK(w.ledger() == tally{.creates = 1,
                              .updates = 1,
                              .deletes = 1,
                              .invitations = 2,
                              .update_notices = 2,
                              .cancellations = 2});
}

TEST_CASE("invitations that Exchange did not come to send are sent once", "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "unsent")});
    SECTION("by the agent that made the booking")
    {
        CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    }
    SECTION("where sending them is cut off as well")
    {
        w.faults({fault("CreateItem", "before", "unsent"), fault("UpdateItem", "after", "reset")});
        CHECK(outcome(w.call("event.create", host, booking("b-1"), {})) == "ok");
    }
    SECTION("after a kill")
    {
        const auto id = w.send("event.create", host, booking("b-1"));
        REQUIRE(eventually([&] { return w.ledger().creates == 1; }));
        w.kill_agent();
        w.start_agent();
        CHECK(outcome(w.result(id, 60s)) == "ok");
    }
    SECTION("by the agent that gets the booking next")
    {
        const auto id = w.send("event.create", host, booking("b-1"));
        REQUIRE(eventually([&] { return w.ledger().creates == 1; }));
        hand_over(w);
        w.cloud().post("/commands/" + id + "/redeliver", {});
        CHECK(outcome(w.result(id, 60s)) == "ok");
    }
    CHECK(w.ledger() == tally{.creates = 1, .updates = 1, .invitations = 2});
    CHECK(at(w.items(host).at(0), "/invited").as_bool());
}

TEST_CASE("an update that was saved and told to nobody is told where nobody was ever invited",
          "[integration]")
{
    scenario w;
    auto params = booking("b-1");
    params["notify"] = "none";
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    w.faults({fault("UpdateItem", "before", "unsent")});
    CHECK(outcome(w.call("event.update", host, set_subject("New"))) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .updates = 2, .invitations = 2});
}

TEST_CASE("two agents that get the same command one after the other give one result for one item",
          "[integration]")
{
    scenario w;
    const auto created = w.send("event.create", host, booking("b-1"), {{"id", "c-1"}});
    const auto first = w.result(created);
    const auto updated = w.send("event.update", host, set_subject("New"), {{"id", "c-2"}});
    const auto second = w.result(updated);
    const auto cancelled = w.send("event.cancel", host, {{"event_id", "b-2"}}, {{"id", "c-3"}});
    REQUIRE(outcome(w.result(cancelled)) == "ok");
    hand_over(w);
    const auto again = [&](const std::string& id) {
        w.cloud().post("/commands/" + id + "/redeliver", {});
        REQUIRE(eventually([&] { return w.record(id).at("results").to_number<int>() == 2; }, 30s));
        json::object last;
        const auto results = w.cloud().get("/results");
        for (const auto& result : results.as_array())
            if (text_at(result, "/id") == id)
                last = result.as_object();
        return last;
    };
    // The create was overtaken by the update: the item as it is now.
    const auto create_again = again("c-1");
    CHECK(text_at(create_again, "/output/item_id") == text_at(first, "/output/item_id"));
    CHECK(text_at(create_again, "/output/uid") == text_at(first, "/output/uid"));
    CHECK(json::serialize(again("c-2").at("output")) == json::serialize(second.at("output")));
    CHECK(outcome(again("c-3")) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .updates = 1, .invitations = 2, .update_notices = 2});
    CHECK(w.items(host).size() == 1);
}

TEST_CASE("an agent that is cut off starts nothing whose time is over", "[integration]")
{
    scenario w(with({{"exchange.timeout_s", "1"}}));
    w.faults({fault("FindItem", "before", "status", {{"status", 503}}, 0)});
    const auto id = w.send("event.create", host, booking("b-1"), {{"ttl_ms", 2000}});
    REQUIRE(w.accepted(id));
    w.stop_cloud();
    std::this_thread::sleep_for(2500ms * slowness());
    w.exchange().remove("/faults"); // Exchange is back, the cloud is not
    std::this_thread::sleep_for(1500ms);
    CHECK(w.ledger() == tally{});
    w.start_cloud();
    CHECK(outcome(w.result(id, 60s)) == "exchange_unavailable");
    CHECK(w.ledger() == tally{});
}
