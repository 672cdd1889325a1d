// What the queue keeps of the agent's tracked events, and when something seen of them counts.
#include "tests/unit/store/doors_fixture.hpp"

using namespace relay;
using namespace relay::store;

namespace {

constexpr std::string_view host = "host@corp.example";
const auto nine = utc_time(1'800'000'000'000ms), ten = nine + 1h;

event_write write_of(event_write::effect what, std::optional<utc_time> start = {},
                     std::optional<utc_time> end = {})
{
    event_write w;
    w.what = what;
    w.key = host;
    w.mailbox = "Host@corp.example";
    w.item_id = "item";
    w.start = start;
    w.end = end;
    return w;
}

event_observation observation_of(const tracked_event& e)
{
    event_observation s;
    s.place = e.place;
    s.version = e.version;
    s.about = about_event(e.event_id, e.key);
    return s;
}

struct tracked_events_fixture : test::doors_fixture {
    using effect = event_write::effect;

    // A write about the event "e" comes; it ends with finish().
    void admit(const std::string& id)
    {
        const auto admitted = await(queue->admit(test::a_write(*this, id)));
        REQUIRE(admitted.has_value());
    }
    void finish(const std::string& id, event_write w)
    {
        protocol::result r{id, boost::json::object{}, 1, 5ms};
        const auto finished = await(out->finish(std::move(r), std::move(w)));
        REQUIRE(finished.has_value());
    }
    void write(const std::string& id, event_write w)
    {
        admit(id);
        finish(id, std::move(w));
    }
    std::vector<tracked_event> known() { return *await(queue->tracked_events(std::string(host), 0, 100)); }

    // The item is seen with another start, which is told as `text`.
    void see(const tracked_event& e, const std::string& text, utc_time start = ten,
             const std::string& change = "moved")
    {
        auto s = observation_of(e);
        s.item_id = "item-2";
        s.start = start;
        s.end = start + 1h;
        s.answers = "answers";
        s.publish.push_back(
            {change, R"({"type":"event","event":"event.changed","data":{"state":")" + text + "\"}}"});
        std::vector<event_observation> seen{s};
        REQUIRE(await(out->publish_changes(std::move(seen))).has_value());
    }
    // "1 moved" for each event that goes out now.
    std::vector<std::string> events()
    {
        std::vector<std::string> lines;
        for (const auto& frame : sent())
            if (frame.at("type") == "event")
                lines.push_back(std::to_string(frame.at("seq").as_int64()) + " " +
                                std::string(frame.at("data").at("state").as_string()));
        return lines;
    }
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(tracked_events_fixture, "an event that was made is kept as it was written, across a restart",
                 "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    restart();
    REQUIRE(known().size() == 1);
    const auto e = known().front();
    CHECK(e.mailbox == "Host@corp.example");
    CHECK(e.item_id == "item");
    CHECK((e.start == nine && e.end == ten));
    CHECK(e.sure);
    CHECK(*await(queue->tracked_mailboxes("", 10)) == lines{std::string(host)});
    write("c-2", write_of(effect::changed, {}, ten + 1h)); // of its times only the end
    CHECK((known().at(0).start == nine && known().at(0).end == ten + 1h));
    write("c-3", write_of(effect::removed));
    CHECK(known().empty());
    CHECK(await(queue->tracked_mailboxes("", 10))->empty());
}

TEST_CASE_METHOD(tracked_events_fixture, "that an item is a series is kept until another item is made",
                 "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    CHECK_FALSE(known().at(0).series);
    auto s = observation_of(known().at(0));
    s.item_id = "item";
    s.series = true;
    std::vector<event_observation> seen{s};
    REQUIRE(await(out->publish_changes(std::move(seen))).has_value());
    restart();
    CHECK(known().at(0).series);
    auto w = write_of(effect::made, nine, ten);
    w.item_id = "item-3";
    write("c-2", w);
    CHECK_FALSE(known().at(0).series);
}

TEST_CASE_METHOD(tracked_events_fixture, "what was seen while we write, or before we wrote, is not told",
                 "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    const auto before = known().at(0);
    admit("c-2");
    see(before, "while it is written");
    CHECK(known().at(0).start == nine);
    finish("c-2", write_of(effect::changed, ten, ten + 1h));
    see(before, "looked at before it was written");
    CHECK(known().at(0).start == ten);
    see(known().at(0), "moved", ten + 2h);
    CHECK(known().at(0).start == ten + 2h);
    CHECK(known().at(0).item_id == "item-2");
    CHECK(known().at(0).answers == "answers");
    link_up();
    CHECK(events() == lines{"3 moved"});
}

TEST_CASE_METHOD(tracked_events_fixture, "a command about another event holds nothing back", "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    auto other = test::a_write(*this, "c-2");
    other.event_id = "another";
    REQUIRE(await(queue->admit(std::move(other))).has_value());
    see(known().at(0), "moved");
    link_up();
    CHECK(events() == lines{"2 moved"});
}

TEST_CASE_METHOD(tracked_events_fixture, "a change that was never sent is replaced in place", "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    see(known().at(0), "first");
    see(known().at(0), "second");
    CHECK(out->unacked() == 2);
    link_up();
    CHECK(events() == lines{"2 second"});
    link_down();
    see(known().at(0), "third"); // what was sent stays as it is
    link_up();
    CHECK(events() == lines{"2 second", "3 third"});
}

TEST_CASE_METHOD(tracked_events_fixture,
                 "after an uncertain end, and in an old copy, the times are not known", "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    write("c-2", write_of(effect::doubtful));
    CHECK_FALSE(known().at(0).sure);
    see(known().at(0), "seen");
    CHECK(known().at(0).sure);
    REQUIRE(await(queue->renew()).has_value());
    restart();
    CHECK_FALSE(known().at(0).sure);
    const auto overtaken = [] {
        auto w = write_of(event_write::effect::made, nine, ten);
        w.may_be_overtaken = true;
        return w;
    };
    write("c-3", write_of(effect::removed));
    write("c-4", overtaken());
    CHECK_FALSE(known().at(0).sure);
}

TEST_CASE_METHOD(tracked_events_fixture, "a change that cannot be stored changes nothing", "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    const auto e = known().at(0);
    gate->writes_fail = errc::store_full;
    auto s = observation_of(e);
    s.gone = true;
    std::vector<event_observation> seen{s};
    CHECK(await(out->publish_changes(std::move(seen))).error() == errc::store_full);
    gate->writes_fail.reset();
    CHECK(known().size() == 1);
}

TEST_CASE_METHOD(tracked_events_fixture,
                 "an event that is made again is another one: nothing of the old one counts", "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    see(known().at(0), "moved", ten + 1h);
    auto anew = write_of(effect::made, nine + 24h, ten + 24h);
    anew.item_id = "another item";
    write("c-2", anew);
    const auto e = known().at(0);
    CHECK((e.start == nine + 24h && e.end == ten + 24h && e.sure));
    CHECK(e.answers.empty());

    anew.start = nine; // the same item, found again: what others did to it meanwhile stays known
    write("c-3", anew);
    CHECK(known().at(0).start == nine + 24h);
}

TEST_CASE_METHOD(tracked_events_fixture, "no change is put before one that was told after it",
                 "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    see(known().at(0), "to eleven", ten + 1h, "moved");
    see(known().at(0), "answered", ten + 1h, "responded");
    see(known().at(0), "to twelve", ten + 2h, "moved");
    see(known().at(0), "to one", ten + 3h, "moved"); // the last one: replaced
    admit("c-2");
    finish("c-2", write_of(effect::changed, nine, ten));
    see(known().at(0), "to two", ten + 4h, "moved"); // of a time after our own write
    link_up();
    CHECK(events() == lines{"2 to eleven", "3 answered", "4 to one", "6 to two"});
}

TEST_CASE_METHOD(tracked_events_fixture, "an event whose name continues another's holds nothing of it back",
                 "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    auto e = known().at(0);
    see(e, "first");
    event_observation other = observation_of(e);
    other.about = about_event("e0", host);
    other.publish.push_back(
        {"moved", R"({"type":"event","event":"event.changed","data":{"state":"other"}})"});
    std::vector<event_observation> seen{other};
    REQUIRE(await(out->publish_changes(std::move(seen))).has_value());
    see(known().at(0), "second");
    link_up();
    CHECK(events() == lines{"2 second", "3 other"});
}

TEST_CASE_METHOD(tracked_events_fixture,
                 "an event that nobody may look at is forgotten with the history of its time",
                 "[unit][store]")
{
    write("c-1", write_of(effect::made, nine, ten));
    REQUIRE(await(queue->prune(ten, utc_time::max(), 10)).has_value());
    CHECK(known().size() == 1);
    REQUIRE(await(queue->prune(ten + 1ms, utc_time::max(), 10)).has_value());
    CHECK(known().empty());
}
