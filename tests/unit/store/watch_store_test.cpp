// What the queue keeps of watches, and how events about them are numbered, replaced and sent.
#include "tests/unit/store/doors_fixture.hpp"

using namespace relay;
using namespace relay::store;

namespace {

new_watch watch_of(const std::string& id, const std::string& command,
                   const std::vector<std::string>& mailboxes, watch_pace pace = {})
{
    new_watch w{id, command, pace, {}};
    for (const auto& m : mailboxes)
        w.mailboxes.push_back(*mailbox_address::parse(m));
    return w;
}

struct watches_fixture : test::doors_fixture {
    std::vector<watched_mailbox> unseen(std::int64_t after = 0)
    {
        watched_query q;
        q.what = watched_query::which::unseen;
        q.after = after;
        return *await(queue->watched(std::move(q)));
    }
    std::vector<watched_mailbox> about(const std::string& key)
    {
        watched_query q;
        q.what = watched_query::which::of_mailboxes;
        q.keys = {key};
        return *await(queue->watched(std::move(q)));
    }
    watch_put put(new_watch w) { return *await(queue->put_watch(std::move(w))); }

    // `text` stands for the state of the mailbox at `place`.
    void publish(std::int64_t place, const std::string& text)
    {
        std::vector<observation> seen;
        seen.push_back({place,
                        R"({"type":"event","event":"availability.changed","data":{"state":")" + text + "\"}}",
                        text});
        REQUIRE(await(out->publish(std::move(seen))).has_value());
    }
    // "1 busy" for each event that goes out now.
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

TEST_CASE_METHOD(watches_fixture, "a watch is kept with its mailboxes, which nobody has looked at",
                 "[unit][store]")
{
    CHECK(put(watch_of("w", "c-1", {"A@corp.example", "b@corp.example"}, {std::chrono::days(7), 30s})) ==
          watch_put::stored);
    const auto all = *await(queue->watches());
    REQUIRE(all.size() == 1);
    CHECK(all[0].watch_id == "w");
    CHECK(all[0].command_id == "c-1");
    CHECK(all[0].pace == watch_pace{std::chrono::days(7), 30s});
    CHECK(all[0].mailboxes == 2);
    const auto fresh = unseen();
    REQUIRE(fresh.size() == 2);
    CHECK(fresh[0].mailbox == "A@corp.example");
    CHECK(fresh[0].watch_id == "w");
    CHECK_FALSE(fresh[0].published);
    CHECK(unseen(fresh[0].place).size() == 1);
    CHECK(about("a@corp.example").size() == 1);
    CHECK(*await(queue->watched_mailboxes("", 10)) == lines{"a@corp.example", "b@corp.example"});
    CHECK(*await(queue->watched_mailboxes("a@corp.example", 10)) == lines{"b@corp.example"});
}

TEST_CASE_METHOD(watches_fixture, "the same command changes a watch only once, another one replaces it",
                 "[unit][store]")
{
    REQUIRE(put(watch_of("w", "c-1", {"a@corp.example"})) == watch_put::stored);
    const auto place = unseen().at(0).place;
    publish(place, "free");
    CHECK(unseen().empty());
    CHECK(put(watch_of("w", "c-1", {"a@corp.example"})) == watch_put::known);
    CHECK(unseen().empty()); // it is not told anew
    CHECK(about("a@corp.example").at(0).published == "free");

    CHECK(put(watch_of("w", "c-2", {"a@corp.example", "c@corp.example"})) == watch_put::stored);
    REQUIRE(unseen().size() == 2);
    CHECK(unseen()[0].place > place); // no place is used twice
    CHECK(await(queue->watches())->size() == 1);

    CHECK(*await(queue->remove_watch("w")) == watch_removal::removed);
    CHECK(*await(queue->remove_watch("w")) == watch_removal::unknown);
    CHECK(unseen().empty());
    CHECK(await(queue->watches())->empty());
    CHECK(await(queue->watched_mailboxes("", 10))->empty());
}

TEST_CASE_METHOD(watches_fixture, "mailboxes are read by the pace of their watch", "[unit][store]")
{
    const watch_pace quick{std::chrono::days(60), 30s};
    put(watch_of("w", "c-1", {"a@corp.example", "b@corp.example"}, quick));
    put(watch_of("v", "c-2", {"a@corp.example"}));
    put(watch_of("u", "c-3", {"c@corp.example"}, quick));
    watched_query q;
    q.pace = quick;
    const auto found = *await(queue->watched(q));
    REQUIRE(found.size() == 3);
    CHECK(found[0].mailbox == "a@corp.example");
    CHECK(found[1].mailbox == "b@corp.example");
    CHECK(found[2].mailbox == "c@corp.example");
    q.after = found[1].place;
    q.most = 1;
    CHECK(await(queue->watched(q))->size() == 1);
    CHECK(about("a@corp.example").size() == 2);
}

TEST_CASE_METHOD(watches_fixture, "an event that was never sent is replaced in place", "[unit][store]")
{
    put(watch_of("w", "c-1", {"a@corp.example", "b@corp.example"}));
    const auto a = unseen()[0].place, b = unseen()[1].place;
    publish(a, "a-1");
    publish(b, "b-1");
    publish(a, "a-2");
    publish(a, "a-3");
    CHECK(out->unacked() == 2);
    link_up();
    CHECK(events() == lines{"1 a-3", "2 b-1"});
    link_down();
    publish(a, "a-4"); // what was sent stays as it is
    publish(a, "a-5");
    link_up();
    CHECK(events() == lines{"1 a-3", "2 b-1", "3 a-5"});
    out->acknowledge(3);
    publish(b, "b-2"); // the link is up: it goes at once
    publish(b, "b-3");
    CHECK(events() == lines{"4 b-2", "5 b-3"});
}

TEST_CASE_METHOD(watches_fixture, "a restart forgets neither what was told nor what was never sent",
                 "[unit][store]")
{
    put(watch_of("w", "c-1", {"a@corp.example"}));
    const auto a = unseen()[0].place;
    publish(a, "a-1");
    restart();
    CHECK(about("a@corp.example").at(0).published == "a-1");
    publish(a, "a-2");
    link_up();
    CHECK(events() == lines{"1 a-2"});
    restart();
    publish(a, "a-3");
    link_up();
    CHECK(events() == lines{"1 a-2", "2 a-3"});
}

TEST_CASE_METHOD(watches_fixture,
                 "an event keeps its place among results, and keeps up with a replaced watch",
                 "[unit][store]")
{
    put(watch_of("w", "c-1", {"a@corp.example"}));
    publish(unseen()[0].place, "a-1");
    in->offer(write("x-1"));
    time.settle();
    finish(taken().at(0));
    put(watch_of("w", "c-2", {"A@corp.example"}));
    publish(unseen()[0].place, "a-2");
    CHECK(out->unacked() == 2);
    link_up();
    const auto frames = sent();
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].at("data").at("state") == "a-2");
    CHECK(frames[1].at("id") == "x-1");
    CHECK(frames[1].at("seq") == 2);
}

TEST_CASE_METHOD(watches_fixture, "nothing is told of a mailbox that nobody watches any more",
                 "[unit][store]")
{
    put(watch_of("w", "c-1", {"a@corp.example"}));
    const auto a = unseen()[0].place;
    REQUIRE(await(queue->remove_watch("w")).has_value());
    publish(a, "a-1");
    CHECK(out->unacked() == 0);
    link_up();
    CHECK(events().empty());
}

TEST_CASE_METHOD(watches_fixture, "what cannot be stored is not told, and is told later", "[unit][store]")
{
    put(watch_of("w", "c-1", {"a@corp.example"}));
    const auto a = unseen()[0].place;
    gate->writes_fail = errc::store_full;
    std::vector<observation> seen{{a, "{}", "a-1"}};
    CHECK(await(out->publish(seen)).error() == errc::store_full);
    gate->writes_fail.reset();
    CHECK(unseen().size() == 1);
    publish(a, "a-1");
    link_up();
    CHECK(events() == lines{"1 a-1"});
}

TEST_CASE_METHOD(watches_fixture, "on a full disk results go out that lie before an event", "[unit][store]")
{
    put(watch_of("w", "c-1", {"a@corp.example"}));
    in->offer(write("x-1"));
    time.settle();
    finish(taken().at(0));
    link_up();
    CHECK(now(out->next())); // a session that ended before the result was acknowledged
    link_down();
    publish(unseen()[0].place, "a-1");
    gate->writes_fail = errc::store_full;
    link_up();
    const auto frame = now(out->next());
    REQUIRE(frame);
    CHECK(frame->find("x-1") != std::string::npos);
    CHECK_FALSE(now(out->next())); // an event that may still be replaced does not
    gate->writes_fail.reset();
    CHECK(events() == lines{"2 a-1"});
}

TEST_CASE_METHOD(
    test::loop_fixture,
    "an event that may still be replaced was not sent, nor was what is behind it, whoever sent that before",
    "[unit][store]")
{
    const test::temporary_folder folder;
    auto queue = open(folder.path());
    REQUIRE(await(queue->put_watch(watch_of("w", "c-1", {"a@corp.example"}))).has_value());
    watched_query q;
    q.what = watched_query::which::unseen;
    const auto place = await(queue->watched(q))->front().place;
    REQUIRE(await(queue->append("{}", "", {})).has_value());
    REQUIRE(await(queue->read_to_send(0, 10, 1'000)).has_value());
    std::vector<observation> seen;
    seen.push_back({place, "{}", "a-1"});
    REQUIRE(await(queue->publish(seen, false)).has_value());
    REQUIRE(await(queue->append("{}", "", {})).has_value());
    queue.reset();
    queue = open(folder.path());
    CHECK(await(queue->who())->next_seq == 4);
    CHECK(await(queue->who())->sent == 1);
    seen.front().published = "a-2";
    REQUIRE(await(queue->publish(seen, false)).has_value()); // in place: no number moves
    REQUIRE(await(queue->read_to_send(0, 10, 1'000)).has_value());
    queue.reset();
    queue = open(folder.path());
    CHECK(await(queue->who())->sent == 3);
}

TEST_CASE_METHOD(watches_fixture, "an old copy numbers events anew and still replaces them", "[unit][store]")
{
    put(watch_of("w", "c-1", {"a@corp.example", "b@corp.example"}));
    const auto a = unseen()[0].place, b = unseen()[1].place;
    publish(a, "a-1");
    link_up();
    CHECK(events() == lines{"1 a-1"});
    out->acknowledge(1);
    link_down();
    publish(b, "b-1");
    REQUIRE(await(queue->renew())->next_seq == 2);
    CHECK(unseen().size() ==
          2); // what the cloud was told by the life after the copy is not known: all is told anew
    restart();
    publish(b, "b-2");
    link_up();
    CHECK(events() == lines{"1 b-2"});
}

TEST_CASE_METHOD(watches_fixture,
                 "many events that wait on the disk go out in order, none replaced after it was sent",
                 "[unit][store]")
{
    std::vector<std::string> many;
    for (int i = 0; i < 1500; ++i)
        many.push_back("u" + std::to_string(i) + "@corp.example");
    put(watch_of("w", "c-1", many));
    for (std::int64_t after = 0;;) {
        const auto page = unseen(after);
        if (page.empty())
            break;
        after = page.back().place;
        for (const auto& m : page)
            publish(m.place, "first");
    }
    link_up();
    const auto first = now(out->next());
    REQUIRE(first);
    const auto last = about("u1499@corp.example").at(0).place; // on the disk still
    publish(about("u0@corp.example").at(0).place, "second");   // sent: a new event
    publish(last, "second");
    const auto rest = events();
    REQUIRE(rest.size() == 1500);
    CHECK(rest[0] == "2 first");
    CHECK(rest[1498] == "1500 second");
    CHECK(rest[1499] == "1501 second");
}
