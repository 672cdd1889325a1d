// What is found in Exchange, or not found, and what is made of it: moved, copied, unseen, half-done items.
#include "tests/unit/commands/agent_fixture.hpp"

#include "agent/exchange_access/identity.hpp"

using namespace relay;
using namespace relay::test;

namespace {

const ews::error quota{{protocol::fault_code::exchange_error, "quota", "ErrorQuotaExceeded"},
                       ews::retry_action::give_up,
                       ews::effect::unknown,
                       {},
                       false};
const ews::error forbidden{{protocol::fault_code::exchange_error, "denied", "ErrorAccessDenied"},
                           ews::retry_action::give_up,
                           ews::effect::none,
                           {},
                           false};

// A mailbox with more folders than one request asks about.
struct folders_fixture : agent_fixture {
    folders_fixture()
    {
        for (int i = 0; i < 45; ++i)
            exchange.folders.push_back({"folder-" + std::to_string(i), ews::item_location::live});
        exchange.folders.push_back({"thrown away", ews::item_location::deleted});
    }
};

} // namespace

// ---- moved ----

TEST_CASE_METHOD(folders_fixture,
                 "an item that was moved to another folder is updated, read and cancelled there",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0", "folder-44");
    update("c-1", "e-1");
    CHECK(output("c-1").at("uid") == "uid");
    send("c-2", "event.get", {{"event_id", "e-1"}});
    CHECK(ok("c-2"));
    cancel_event("c-3", "e-1");
    CHECK(output("c-3").at("existed") == true);
    CHECK(exchange.told == std::vector<std::string>{"update e-1", "cancel e-1"});
}

TEST_CASE_METHOD(folders_fixture,
                 "the other folders are asked about only where calendar and Deleted Items hold nothing live",
                 "[unit][commands]")
{
    create("c-1", "e-1");
    update("c-2", "e-1");
    CHECK(exchange.count(call::folders) == 0);
    cancel_event("c-3", "e-1");
    CHECK(exchange.count(call::folders) == 0);
    send("c-4", "event.get", {{"event_id", "e-1"}});
    CHECK(code("c-4") == "event_not_found");
    CHECK(exchange.count(call::folders) == 1);
    CHECK(exchange.count(call::find_in) == 3);
}

TEST_CASE_METHOD(folders_fixture, "a second create of an event whose item was moved is a conflict",
                 "[unit][commands]")
{
    create("c-1", "e-1");
    REQUIRE(ok("c-1"));
    exchange.items.front().folder = "folder-44";
    create("c-2", "e-1");
    CHECK(code("c-2") == "conflict");
    CHECK(exchange.items.size() == 1);

    const auto asked = exchange.count(call::folders);
    create("c-3", "e-2");
    CHECK(ok("c-3"));
    CHECK(exchange.count(call::folders) == asked);
}

TEST_CASE_METHOD(folders_fixture, "what lies in a folder that was thrown away is deleted", "[unit][commands]")
{
    put("item-9", "e-1", "c-0", "thrown away");
    update("c-1", "e-1");
    CHECK(code("c-1") == "event_not_found");
    cancel_event("c-2", "e-1");
    CHECK(output("c-2").at("existed") == false);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(folders_fixture, "a create found begun whose item was moved since is not made again",
                 "[unit][commands]")
{
    exchange.slowness = 1s;
    create("c-1", "e-1");
    time.advance(1500ms);
    stop();
    exchange.slowness = 0s;
    put("item-9", "e-1", "c-1", "folder-3");
    start();
    time.advance(130s);
    CHECK(output("c-1").at("item_id") == "item-9");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(folders_fixture, "a folder that cannot be searched keeps the answer open",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0", "folder-30");
    exchange.troubles = {{call::find_in, outage}, {call::folders, outage}};
    update("c-1", "e-1");
    CHECK(result("c-1") == nullptr);
    time.advance(1min);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("update e-1") == 1);
}

TEST_CASE_METHOD(folders_fixture, "a read does not go through folders past its time", "[unit][commands]")
{
    exchange.slowness = 2s;
    send("c-1", "event.get", {{"event_id", "e-1"}}, 5000ms);
    time.advance(20s);
    CHECK(code("c-1") == "exchange_unavailable");
    CHECK(exchange.count(call::find_in) <= 1);
}

// ---- slow to show ----

TEST_CASE_METHOD(
    agent_fixture,
    "an update or cancel right after the create looks again before it says that there is nothing",
    "[unit][commands]")
{
    exchange.lag = 4s;
    create("c-1", "e-1");
    update("c-2", "e-1");
    CHECK(result("c-2") == nullptr);
    time.advance(6s);
    CHECK(ok("c-2"));
    create("c-3", "e-3");
    cancel_event("c-4", "e-3");
    time.advance(6s);
    CHECK(output("c-4").at("existed") == true);
    CHECK(exchange.effects("cancel e-3") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a redelivered create is looked for again before it is applied",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-1").seen_from = time.now() + 4s; // made moments ago, by another agent
    create("c-1", "e-1", {}, true);
    CHECK(result("c-1") == nullptr);
    time.advance(11s);
    CHECK(output("c-1").at("item_id") == "item-9");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "a redelivered create that is nowhere is applied after ten seconds",
                 "[unit][commands]")
{
    create("c-1", "e-1", {}, true);
    time.advance(9s);
    CHECK(exchange.told.empty());
    time.advance(2s);
    CHECK(ok("c-1"));
    CHECK(result("c-1")->at("attempts") == 1);
}

TEST_CASE_METHOD(
    agent_fixture,
    "the time of a redelivered create does not end it before it was looked up, and it is applied no more",
    "[unit][commands]")
{
    const bool applied = GENERATE(false, true);
    if (applied)
        put("item-9", "e-1", "c-1");
    exchange.troubles = {{call::find, outage}, {call::find, outage}, {call::find, outage},
                         {call::find, outage}, {call::find, outage}, {call::find, outage}};
    create("c-1", "e-1", 5000ms, true);
    time.advance(6s);
    CHECK(result("c-1") == nullptr);
    time.advance(3min);
    CHECK(ok("c-1") == applied);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(
    agent_fixture,
    "what an old copy of the queue holds as not begun is looked up before its time is said to be over",
    "[unit][commands]")
{
    const bool applied = GENERATE(false, true);
    exchange.troubles.assign(1000, {call::find, outage});
    create("c-1", "e-1", 5000ms);
    stop();
    if (applied) // by the life that went on
        put("item-9", "e-1", "c-1");
    time.advance(20s);
    start();
    time.advance(1min);
    CHECK(result("c-1") == nullptr); // Exchange is away, and only it knows
    exchange.troubles.clear();
    time.advance(3min);
    CHECK(ok("c-1") == applied);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "a redelivered update leaves time to the one who had it before",
                 "[unit][commands]")
{
    auto& item = put("item-9", "e-1", "c-0");
    update("c-1", "e-1", true);
    CHECK(exchange.count(call::update) == 0);
    item.marks.command_id = "c-1"; // it arrives
    time.advance(6s);
    CHECK(ok("c-1"));
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "an item made at the last moment of settling and shown later still is not made again",
                 "[unit][commands]")
{
    exchange.lag = 4s;
    exchange.troubles = {{call::create, answer_lost, false, 119s}};
    create("c-1", "e-1");
    time.advance(200s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture,
                 "a look that began before the try had settled does not count, though it ends after",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost, false, 119'990ms}};
    create("c-1", "e-1");
    time.advance(116s);
    exchange.slowness = 9s; // the next look spans the moment
    time.advance(100s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

// ---- begun, and cut off ----

TEST_CASE_METHOD(agent_fixture,
                 "a create begun for an event that another command made is a conflict, also after a restart",
                 "[unit][commands]")
{
    exchange.slowness = 1s;
    put("item-9", "e-1", "c-0");
    create("c-1", "e-1"); // dies with its try begun, and the look not yet answered
    time.advance(500ms);
    stop();
    exchange.slowness = 0s;
    start();
    time.advance(130s);
    CHECK(code("c-1") == "conflict");
    CHECK(exchange.told.empty());
}

// ---- copied by hand ----

TEST_CASE_METHOD(agent_fixture, "of two items with one UID none is touched, and it is told what to do",
                 "[unit][commands]")
{
    put("item-8", "e-1", "c-0");
    put("item-9", "e-1", "c-0");
    update("c-1", "e-1");
    cancel_event("c-2", "e-1");
    create("c-3", "e-1");
    send("c-4", "event.get", {{"event_id", "e-1"}});
    for (const auto* id : {"c-1", "c-2", "c-3", "c-4"}) {
        CHECK(code(id) == "conflict");
        CHECK_THAT(std::string(result(id)->at("error").at("message").as_string()),
                   Catch::Contains("delete the copies in Outlook"));
    }
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "a copy in Deleted Items does not count", "[unit][commands]")
{
    put("item-8", "e-1", "c-0").marks.where = ews::item_location::deleted;
    put("item-9", "e-1", "c-0");
    update("c-1", "e-1");
    CHECK(output("c-1").at("item_id") == "item-9");
    cancel_event("c-2", "e-1");
    CHECK(ok("c-2"));
}

TEST_CASE_METHOD(agent_fixture,
                 "two items of which one was changed by a later command are not touched either",
                 "[unit][commands]")
{
    put("item-8", "e-1", "c-0");
    put("item-9", "e-1", "c-2");
    update("c-3", "e-1");
    CHECK(code("c-3") == "conflict");
    update("c-2", "e-1", true); // but what was applied was applied
    CHECK(output("c-2").at("item_id") == "item-9");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "of copies a repeated create names the one that it made", "[unit][commands]")
{
    put("item-8", "e-1", "c-1").marks.born_uid.clear(); // by an older agent
    auto& ours = put("item-9", "e-1", "c-1").marks;
    ours.uid = exchange_access::uid_for("e-1", "c-1");
    ours.born_uid.clear();
    create("c-1", "e-1", {}, true);
    CHECK(output("c-1").at("item_id") == "item-9");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "a second item does not end an update whose own outcome is unknown before it has settled",
                 "[unit][commands]")
{
    create("c-1", "e-1");
    exchange.troubles = {{call::update, answer_lost, false, 60s}};
    update("c-2", "e-1");
    put("item-9", "e-1", "c-1"); // restored, say
    time.advance(50s);
    CHECK(result("c-2") == nullptr);
    time.advance(20s);
    CHECK(ok("c-2"));
}

TEST_CASE_METHOD(folders_fixture,
                 "commands go on with the original, wherever it lies, and never touch a copy",
                 "[unit][commands]")
{
    create_meeting("c-1", "e-1");
    put_copy("copy", "item-1");
    SECTION("in the calendar, beside the copy") {}
    SECTION("in another folder, and the copy in the calendar")
    {
        exchange.items.front().folder = "folder-44";
    }
    SECTION("in the calendar, and the copy in another folder")
    {
        exchange.items.back().folder = "folder-3";
    }
    SECTION("made by an older agent, which noted nothing")
    {
        exchange.items.front().marks.born_uid.clear();
        exchange.items.back().marks.born_uid.clear();
        exchange.items.front().folder = "folder-44";
    }
    update("c-2", "e-1");
    CHECK(output("c-2").at("item_id") == "item-1");
    send("c-3", "event.get", {{"event_id", "e-1"}});
    CHECK(output("c-3").at("subject") == "New");
    create("c-4", "e-1");
    CHECK(code("c-4") == "conflict");
    cancel_event("c-5", "e-1");
    CHECK(output("c-5").at("existed") == true);
    CHECK(exchange.items.front().marks.where == ews::item_location::deleted);
    CHECK(exchange.items.back().marks.where == ews::item_location::live);
    CHECK(exchange.items.back().marks.command_id == "c-1");
    cancel_event("c-6", "e-1");
    CHECK(output("c-6").at("existed") == false);
    create("c-7", "e-1"); // the copy keeps nobody from it
    CHECK(ok("c-7"));
}

TEST_CASE_METHOD(agent_fixture, "where the original is gone the copy is nobody's event", "[unit][commands]")
{
    create_meeting("c-1", "e-1");
    put_copy("copy", "item-1");
    SECTION("deleted")
    {
        exchange.items.front().marks.where = ews::item_location::deleted;
    }
    SECTION("gone for good")
    {
        exchange.items.erase(exchange.items.begin());
    }
    SECTION("gone for good, and the copy in Deleted Items")
    {
        exchange.items.erase(exchange.items.begin());
        exchange.items.front().marks.where = ews::item_location::deleted;
    }
    update("c-2", "e-1");
    send("c-3", "event.get", {{"event_id", "e-1"}});
    cancel_event("c-4", "e-1", false);
    time.advance(20s);
    CHECK(code("c-2") == "event_not_found");
    CHECK(code("c-3") == "event_not_found");
    CHECK(output("c-4").at("existed") == false);
    CHECK(exchange.items.back().marks.command_id == "c-1");
    CHECK(exchange.effects("update e-1") + exchange.effects("cancel e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture, "a copy in Deleted Items does not tell that another agent cancelled",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0");
    put_copy("copy", "item-9").marks.where = ews::item_location::deleted;
    exchange.items.erase(exchange.items.begin());
    cancel_event("c-1", "e-1", true);
    time.advance(30s);
    CHECK(output("c-1").at("existed") == false);
}

TEST_CASE_METHOD(agent_fixture, "nobody is invited to a copy", "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost, true, {}, true}};
    create_meeting("c-1", "e-1");
    put_copy("copy", "item-1");
    time.advance(300s);
    CHECK(output("c-1").at("item_id") == "item-1");
    CHECK(exchange.items.front().marks.invited == true);
    CHECK(exchange.items.back().marks.invited == false);
}

// ---- overtaken, and deleted since ----

TEST_CASE_METHOD(folders_fixture, "a redelivered create does not bring back what was deleted since",
                 "[unit][commands]")
{
    auto& item = put("item-9", "e-1", "c-2").marks;
    item.uid = item.born_uid = exchange_access::uid_for("e-1", "c-1"); // made by c-1, updated by c-2
    item.where = ews::item_location::deleted;
    SECTION("deleted")
    {
        create("c-1", "e-1", {}, true);
        CHECK(output("c-1").at("item_id") == "item-9");
    }
    SECTION("below Deleted Items")
    {
        exchange.items.back().folder = "thrown away";
        create("c-1", "e-1", {}, true);
        time.advance(10s);
        CHECK(output("c-1").at("item_id") == "item-9");
    }
    SECTION("deleted, by an older agent, and not said to be redelivered")
    {
        item.born_uid.clear();
        create("c-1", "e-1");
        CHECK(output("c-1").at("item_id") == "item-9");
    }
    SECTION("deleted for good, of which a copy tells")
    {
        put_copy("copy", "item-9").marks.where = ews::item_location::live;
        exchange.items.erase(exchange.items.begin());
        create("c-1", "e-1", {}, true);
        time.advance(10s);
        CHECK(output("c-1").at("item_id") == "");
    }
    CHECK(output("c-1").at("deleted") == true);
    std::vector<store::tracked_event> followed; // the watcher finds out what became of it
    asio::co_spawn(context, queue->tracked_events("host@corp.example", 0, 10),
                   [&](std::exception_ptr, auto found) { followed = *found; });
    time.settle();
    REQUIRE(followed.size() == 1);
    CHECK(followed.front().item_id.empty());
    CHECK_FALSE(followed.front().sure);
    CHECK(output("c-1").at("uid").as_string() == std::string_view(exchange_access::uid_for("e-1", "c-1")));
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "a redelivered create whose item was deleted and made again answers with the one that lives",
                 "[unit][commands]")
{
    auto& item = put("item-8", "e-1", "c-1").marks;
    item.uid = item.born_uid = exchange_access::uid_for("e-1", "c-1");
    item.where = ews::item_location::deleted;
    put("item-9", "e-1", "c-3");
    create("c-1", "e-1", {}, true);
    CHECK(output("c-1").at("item_id") == "item-9");
    CHECK_FALSE(output("c-1").contains("deleted"));
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "a meeting that was cancelled before does not hide one that is not shown yet",
                 "[unit][commands]")
{
    put("item-8", "e-1", "c-0").marks.where = ews::item_location::deleted;
    auto& made = put("item-9", "e-1", "c-1"); // by another agent, moments ago
    made.marks.uid = made.marks.born_uid = exchange_access::uid_for("e-1", "c-1");
    made.seen_from = time.now() + 9s;
    create("c-1", "e-1", {}, true);
    time.advance(12s);
    CHECK(output("c-1").at("item_id") == "item-9");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "the mark of a deleted item does not vouch for an update of the one that lives",
                 "[unit][commands]")
{
    auto& item = put("item-8", "e-1", "c-2").marks;
    item.uid = item.born_uid = "uid-1";
    item.where = ews::item_location::deleted;
    SECTION("while another lives")
    {
        put("item-9", "e-1", "c-3");
        update("c-2", "e-1", true);
        time.advance(6s);
        CHECK(output("c-2").at("item_id") == "item-9");
        CHECK(exchange.items.back().marks.command_id == "c-2");
    }
    SECTION("while none lives it was applied, and is not applied again")
    {
        update("c-2", "e-1", true);
        CHECK(output("c-2").at("item_id") == "item-8");
        CHECK(output("c-2").at("deleted") == true);
        CHECK(exchange.told.empty());
    }
}

// ---- made a series ----

TEST_CASE_METHOD(folders_fixture, "what the host made a series is neither changed nor cancelled",
                 "[unit][commands]")
{
    std::string folder;
    SECTION("in the calendar") {}
    SECTION("in another folder")
    {
        folder = "folder-44";
    }
    put("item-9", "e-1", "c-0", folder).marks.series = true;
    update("c-1", "e-1");
    cancel_event("c-2", "e-1");
    for (const auto* id : {"c-1", "c-2"}) {
        CHECK(code(id) == "conflict");
        CHECK_THAT(std::string(result(id)->at("error").at("message").as_string()), Catch::Contains("series"));
    }
    send("c-3", "event.get", {{"event_id", "e-1"}});
    CHECK(output("c-3").at("series") == true);
    CHECK(exchange.told.empty());
    exchange.items.front().marks.series = false;
    cancel_event("c-4", "e-1");
    CHECK(output("c-4").at("existed") == true);
}

// ---- saved, but not sent ----

TEST_CASE_METHOD(agent_fixture,
                 "invitations that a lost create did not send are sent once it has settled, once",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost, true, {}, true}};
    create_meeting("c-1", "e-1");
    time.advance(119s);
    CHECK(exchange.count(call::update) == 0); // Exchange may be about to send them
    time.advance(10s);
    CHECK(output("c-1").at("uid").as_string() == std::string_view(exchange_access::uid_for("e-1", "c-1")));
    CHECK(exchange.effects("create e-1") == 1);
    CHECK(exchange.effects("invite e-1") == 1);
    CHECK(exchange.effects("tell e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture, "invitations that went out although the answer was lost are not sent again",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost, true}};
    create_meeting("c-1", "e-1");
    time.advance(10s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("invite e-1") == 1);
    CHECK(exchange.count(call::update) == 0);
}

TEST_CASE_METHOD(agent_fixture, "sending the invitations may itself be cut off: the item's flag tells",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost, true, {}, true}};
    SECTION("after it was done")
    {
        exchange.troubles.push_back({call::update, answer_lost, true});
    }
    SECTION("before it was done")
    {
        exchange.troubles.push_back({call::update, answer_lost});
    }
    SECTION("half-way")
    {
        exchange.troubles.push_back({call::update, answer_lost, true, {}, true});
    }
    SECTION("by a restart")
    {
        create_meeting("c-1", "e-1");
        time.advance(110s);
        restart();
    }
    if (exchange.calls.empty())
        create_meeting("c-1", "e-1");
    time.advance(300s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
    CHECK(exchange.effects("invite e-1") == 1);
    CHECK(exchange.effects("tell e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture, "invitations that Exchange refuses to send do not make the item unmade",
                 "[unit][commands]")
{
    SECTION("the create said so")
    {
        exchange.troubles = {{call::create, quota, true, {}, true}};
    }
    SECTION("the sending says so")
    {
        exchange.troubles = {{call::create, answer_lost, true, {}, true}, {call::update, forbidden}};
    }
    create_meeting("c-1", "e-1");
    time.advance(300s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
    CHECK(exchange.effects("invite e-1") == 0);
    CHECK(exchange.count(call::update) <= 1);
}

TEST_CASE_METHOD(agent_fixture, "an update that was saved and not sent is sent where nobody was ever invited",
                 "[unit][commands]")
{
    exchange.items.push_back({"host@corp.example",
                              {{"item-9", "1"}, ews::item_location::live, "e-1", "c-0", "uid", false, "uid"},
                              {}});
    SECTION("with attendees")
    {
        exchange.items.back().fields.attendees = {{*mailbox_address::parse("guest@corp.example"), "", {}}};
        exchange.troubles = {{call::update, answer_lost, true, {}, true}};
        update("c-1", "e-1");
        time.advance(130s);
        CHECK(ok("c-1"));
        CHECK(exchange.effects("invite e-1") == 1);
    }
    SECTION("an appointment has nobody to invite and is answered at once")
    {
        exchange.troubles = {{call::update, answer_lost, true}};
        update("c-1", "e-1");
        time.advance(10s);
        CHECK(ok("c-1"));
        CHECK(exchange.count(call::update) == 1);
    }
}

// ---- two agents ----

TEST_CASE_METHOD(agent_fixture,
                 "a cancel that another agent may have had finds the event where that one left it",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0").marks.where = ews::item_location::deleted;
    cancel_event("c-1", "e-1", true);
    CHECK(output("c-1").at("existed") == true);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "an agent cut off from Exchange begins nothing once the command's time is over",
                 "[unit][commands]")
{
    exchange.troubles.assign(1000, {call::find, outage});
    create("c-1", "e-1", 60'000ms);
    create("c-2", "e-2", 60'000ms, true);
    time.advance(2min);
    exchange.troubles.clear();
    time.advance(10min);
    CHECK(code("c-1") == "exchange_unavailable");
    CHECK(code("c-2") == "exchange_unavailable");
    CHECK(exchange.told.empty());
}
