// What hosts make of a meeting by hand, and what the agent then takes for the event: copies, deleted and restored items, series.
#include "tests/integration/scenario.hpp"

#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <algorithm>
#include <thread>

using namespace relay::test;

namespace {

const json::object event_b1{{"event_id", "b-1"}};

std::string path_of(const json::value& item)
{
    return "/mailboxes/" + std::string(host) + "/items/" +
           boost::urls::encode(text_at(item, "/id"), boost::urls::unreserved_chars);
}

// Everything of the host's mailbox that has this UID, or any other.
enum class uid_is { this_one, another };
json::array with_uid(relay_world& w, const std::string& uid, uid_is wanted,
                     std::string_view folder = "calendar")
{
    json::array found;
    for (const auto& item : w.items(host, folder))
        if ((text_at(item, "/uid") == uid) == (wanted == uid_is::this_one))
            found.push_back(item);
    return found;
}

json::object only(const json::array& items)
{
    REQUIRE(items.size() == 1);
    return items.front().as_object();
}

std::string book(relay_world& w)
{
    const auto r = w.call("event.create", host, booking("b-1"), {{"id", "c-1"}});
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    return text_at(r, "/output/uid");
}

json::object rename(relay_world& w, std::string_view subject, json::object more = {})
{
    return w.call("event.update", host, {{"event_id", "b-1"}, {"set", {{"subject", subject}}}},
                  std::move(more));
}

void copy(relay_world& w, const json::object& item, std::string_view folder = "calendar")
{
    w.exchange().post(path_of(item) + "/copy", {{"folder", folder}});
}

void move(relay_world& w, const json::object& item, std::string_view folder)
{
    w.exchange().post(path_of(item) + "/move", {{"folder", folder}});
}

void followed(relay_world& w)
{
    REQUIRE(eventually([&] { return at(w.exchange().get("/streaming"), "/streams") == 1; }));
    std::this_thread::sleep_for(1s); // and has looked once more, as something may have happened before
}

// "moved 2026-12-01T09:00:00Z series", in the order of seq.
std::vector<std::string> told(relay_world& w)
{
    std::vector<std::string> all;
    const auto events = w.cloud().get("/events");
    for (const auto& event : events.as_array()) {
        if (at(event, "/event") != "event.changed")
            continue;
        const auto data = at(event, "/data").as_object();
        auto text = text_at(data, "/change");
        if (data.contains("start"))
            text += " " + text_at(data, "/start");
        if (data.contains("series"))
            text += " series";
        all.push_back(std::move(text));
    }
    return all;
}

// As after the loss of the machine: the queue is gone, the agent starts anew.
void lose_store(relay_world& w)
{
    w.kill_agent();
    REQUIRE(eventually([&] { return !w.connected(); }));
    fs::remove_all(w.data_folder());
    fs::create_directory(w.data_folder());
    w.start_agent();
    w.wait_connected();
}

// The cloud sends the command again, and its new result.
json::object redelivered(relay_world& w, const std::string& id)
{
    const auto before = at(w.record(id), "/results").to_number<int>();
    w.cloud().post("/commands/" + id + "/redeliver", {});
    REQUIRE(eventually([&] { return at(w.record(id), "/results").to_number<int>() > before; }, 40s));
    json::object last;
    const auto results = w.cloud().get("/results");
    for (const auto& result : results.as_array())
        if (text_at(result, "/id") == id)
            last = result.as_object();
    return last;
}

} // namespace

TEST_CASE("a meeting that the host copied is changed, read and cancelled as before, and the copy stays",
          "[integration]")
{
    scenario w;
    w.exchange().post("/mailboxes/host@corp.example/folders",
                      {{"name", "Team"}, {"class", "IPF.Appointment"}});
    const auto uid = book(w);
    copy(w, only(w.items(host)));
    copy(w, only(with_uid(w, uid, uid_is::this_one)), "Team");
    copy(w, only(with_uid(w, uid, uid_is::this_one)), "deleteditems");
    const auto by_hand = only(with_uid(w, uid, uid_is::another));

    const auto changed = rename(w, "Changed");
    CHECK(outcome(changed) == "ok");
    CHECK(text_at(changed, "/output/uid") == uid);
    CHECK(text_at(only(with_uid(w, uid, uid_is::this_one)), "/subject") == "Changed");
    CHECK(text_at(w.call("event.get", host, event_b1), "/output/subject") == "Changed");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "conflict");

    // Moved, with a copy where it was.
    move(w, only(with_uid(w, uid, uid_is::this_one)), "Team");
    CHECK(outcome(rename(w, "Moved")) == "ok");
    CHECK(text_at(only(with_uid(w, uid, uid_is::this_one, "Team")), "/subject") == "Moved");

    CHECK(at(w.call("event.cancel", host, event_b1), "/output/existed").as_bool());
    CHECK(with_uid(w, uid, uid_is::this_one, "Team").empty());
    CHECK(only(with_uid(w, uid, uid_is::another)) == by_hand);
    CHECK(with_uid(w, uid, uid_is::another, "Team").size() == 1);
    CHECK(w.ledger() == tally{.creates = 1,
                              .updates = 2,
                              .deletes = 1,
                              .invitations = 2,
                              .update_notices = 4,
                              .cancellations = 2});
}

TEST_CASE(
    "a host who copies a meeting and deletes the original is told to have deleted it, and keeps the copy",
    "[integration]")
{
    scenario w;
    const auto uid = book(w);
    followed(w);
    const auto original = only(w.items(host));
    copy(w, original);
    w.exchange().remove(path_of(original));
    const auto by_hand = only(with_uid(w, uid, uid_is::another));
    w.exchange().patch(path_of(by_hand),
                       {{"start", "2026-12-01T15:00:00Z"}, {"end", "2026-12-01T15:30:00Z"}});
    const auto moved = only(with_uid(w, uid, uid_is::another));
    const std::vector<std::string> deleted{"deleted 2026-12-01T09:00:00Z"};
    CHECK(eventually([&] { return !told(w).empty(); }, 15s));
    std::this_thread::sleep_for(3s);
    CHECK(told(w) == deleted);

    CHECK(outcome(rename(w, "Changed")) == "event_not_found");
    CHECK(outcome(w.call("event.get", host, event_b1)) == "event_not_found");
    CHECK_FALSE(at(w.call("event.cancel", host, event_b1), "/output/existed").as_bool());
    CHECK(only(w.items(host)) == moved);
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
    // The event can be booked again beside it.
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    CHECK(w.items(host).size() == 2);
}

TEST_CASE("a copy stays a copy for an agent that lost everything", "[integration]")
{
    scenario w;
    const auto uid = book(w);
    REQUIRE(outcome(rename(w, "Changed")) == "ok"); // the items no longer carry the create's id
    copy(w, only(w.items(host)));
    lose_store(w);
    CHECK(outcome(rename(w, "Again")) == "ok");
    CHECK(text_at(only(with_uid(w, uid, uid_is::this_one)), "/subject") == "Again");
    w.exchange().remove(path_of(only(with_uid(w, uid, uid_is::this_one))));
    const auto by_hand = only(w.items(host));
    CHECK(outcome(rename(w, "And again")) == "event_not_found");
    CHECK(outcome(w.call("event.cancel", host, event_b1)) == "ok");
    CHECK(only(w.items(host)) == by_hand);
    CHECK(w.ledger().cancellations == 0);
}

TEST_CASE("a meeting that was deleted in Outlook is not booked again by an agent that lost its queue",
          "[integration]")
{
    scenario w;
    const auto uid = book(w);
    REQUIRE(outcome(rename(w, "Changed")) == "ok");
    bool by_cloud = false;
    SECTION("deleted by the host")
    {
        w.exchange().remove(path_of(only(w.items(host))));
    }
    SECTION("deleted by the host, who keeps a copy")
    {
        const auto original = only(w.items(host));
        copy(w, original);
        w.exchange().remove(path_of(original));
    }
    SECTION("cancelled by the cloud")
    {
        REQUIRE(outcome(w.call("event.cancel", host, event_b1)) == "ok");
        by_cloud = true;
    }
    const auto before = w.ledger();
    lose_store(w);
    const auto again = redelivered(w, "c-1");
    INFO(described(again) << ": " << json::serialize(again));
    CHECK(outcome(again) == "ok");
    CHECK(text_at(again, "/output/uid") == uid);
    CHECK(at(again, "/output/deleted").as_bool());
    CHECK(text_at(again, "/output/item_id") ==
          text_at(only(with_uid(w, uid, uid_is::this_one, "deleteditems")), "/id"));
    CHECK(with_uid(w, uid, uid_is::this_one).empty());
    CHECK(w.ledger() == before);
    if (!by_cloud) // the cloud takes it for booked: it hears that it is not
        CHECK(eventually([&] { return told(w) == std::vector<std::string>{"deleted"}; }, 20s));
}

TEST_CASE("a meeting that the host restores from Deleted Items is the event again", "[integration]")
{
    scenario w;
    const auto uid = book(w);
    w.exchange().remove(path_of(only(w.items(host))));
    CHECK(outcome(w.call("event.get", host, event_b1)) == "event_not_found");
    move(w, only(w.items(host, "deleteditems")), "calendar");
    CHECK(text_at(only(w.items(host)), "/uid") == uid);
    CHECK(outcome(rename(w, "Restored")) == "ok");
    CHECK(at(w.call("event.cancel", host, event_b1), "/output/existed").as_bool());
}

TEST_CASE("a meeting that was restored beside a new booking is touched by nothing until one of them is gone",
          "[integration]")
{
    scenario w;
    const auto uid = book(w);
    w.exchange().remove(path_of(only(w.items(host))));
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    move(w, only(w.items(host, "deleteditems")), "calendar");
    const auto refused = rename(w, "Changed");
    CHECK(outcome(refused) == "conflict");
    CHECK_THAT(text_at(refused, "/error/message"), Catch::Contains("delete the copies in Outlook"));
    CHECK(outcome(w.call("event.cancel", host, event_b1)) == "conflict");
    CHECK(outcome(w.call("event.get", host, event_b1)) == "conflict");
    CHECK(w.items(host).size() == 2);
    w.exchange().remove(path_of(only(with_uid(w, uid, uid_is::this_one))));
    CHECK(outcome(rename(w, "Changed")) == "ok");
    CHECK(at(w.call("event.cancel", host, event_b1), "/output/existed").as_bool());
}

TEST_CASE("an update is not taken for done because a deleted item carries its mark", "[integration]")
{
    scenario w;
    book(w);
    REQUIRE(outcome(rename(w, "Changed", {{"id", "u-1"}})) == "ok");
    w.exchange().remove(path_of(only(w.items(host))));
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"), {{"id", "c-2"}})) == "ok");
    lose_store(w);
    const auto again = redelivered(w, "u-1");
    INFO(described(again));
    CHECK(outcome(again) == "ok");
    const auto living = only(w.items(host));
    CHECK(text_at(again, "/output/item_id") == text_at(living, "/id"));
    CHECK(text_at(living, "/subject") == "Changed");
}

TEST_CASE("what the host made a series is told, and neither moved nor deleted as a whole", "[integration]")
{
    scenario w;
    book(w);
    followed(w);
    w.exchange().patch(path_of(only(w.items(host))),
                       {{"recurrence", {{"pattern", "weekly"}, {"days", {"Tuesday"}}, {"count", 10}}}});
    const auto series = only(w.items(host));
    REQUIRE(at(series, "/recurring").as_bool());
    const std::vector<std::string> as_series{"moved 2026-12-01T09:00:00Z series"};
    CHECK(eventually([&] { return told(w) == as_series; }, 10s));

    const auto refused = w.call("event.cancel", host, event_b1);
    CHECK(outcome(refused) == "conflict");
    CHECK_THAT(text_at(refused, "/error/message"), Catch::Contains("series"));
    CHECK(outcome(rename(w, "Changed")) == "conflict");
    CHECK(at(w.call("event.get", host, event_b1), "/output/series").as_bool());
    CHECK(only(w.items(host)) == series);
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});

    // Once the host has ended the series, it is the event again.
    w.exchange().patch(path_of(series), {{"recurrence", nullptr}});
    CHECK(eventually([&] { return told(w).size() == 2; }, 10s));
    CHECK(outcome(w.call("event.cancel", host, event_b1)) == "ok");
    CHECK(w.items(host).empty());
}
