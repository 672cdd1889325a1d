// What enters: checked, stored where it is a write, answered at once where it must not run, handed on in order.
#include "tests/unit/store/doors_fixture.hpp"

using namespace relay;
using namespace relay::store;
using lines = std::vector<std::string>;
using relay::test::doors_fixture;

TEST_CASE_METHOD(doors_fixture, "a write is accepted and handed on once it is stored", "[unit][store]")
{
    link_up();
    gate->open = false;
    in->offer(write("c-1"));
    CHECK(published().empty());
    CHECK(taken().empty());
    CHECK(in->open() == 1);
    gate->open_gate();
    CHECK(published() == lines{"accepted c-1"});
    const auto all = taken();
    REQUIRE(all.size() == 1);
    const auto& t = *all.front();
    CHECK(t.id == "c-1");
    CHECK(t.op == "event.cancel");
    CHECK(t.mailbox == "Host@corp.example");
    CHECK(t.ordering_key == "host@corp.example/e-1");
    CHECK(t.kind == protocol::operation_class::write);
    CHECK(t.deadline == t.received_at + protocol::default_write_ttl);
    finish(all.front());
    CHECK(published() == lines{"result c-1 ok #1"});
    CHECK(in->open() == 0);
}

TEST_CASE_METHOD(doors_fixture, "a read is handed on at once, and nothing is stored of it", "[unit][store]")
{
    link_up();
    gate->open = false;
    in->offer(read("r-1"));
    const auto all = taken();
    REQUIRE(all.size() == 1);
    CHECK(all.front()->deadline == time.now() + protocol::default_read_ttl);
    CHECK(published().empty());
    CHECK(await(queue->status())->unfinished == 0);
}

TEST_CASE_METHOD(doors_fixture, "an invalid command gets its fault, without accepted and without seq",
                 "[unit][store]")
{
    link_up();
    auto bad = write("c-1");
    bad.params.clear();
    in->offer(bad);
    auto unknown = read("c-2");
    unknown.op = "event.explode";
    in->offer(unknown);
    auto no_time = write("c-3");
    no_time.ttl = 0ms;
    in->offer(no_time);
    const auto frames = sent();
    REQUIRE(frames.size() == 3);
    for (const auto& f : frames)
        CHECK_FALSE(f.contains("seq"));
    CHECK(frames[0].at("error").at("code") == "invalid_request");
    CHECK(frames[1].at("error").at("code") == "unsupported_operation");
    CHECK(frames[2].at("error").at("message").as_string().starts_with("ttl_ms"));
    CHECK(taken().empty());
    CHECK(in->open() == 0);
    in->offer(write("c-1")); // its id was not remembered
    CHECK(published() == lines{"accepted c-1"});
}

TEST_CASE_METHOD(doors_fixture, "the longest ttl is longest_ttl", "[unit][store]")
{
    auto c = write("c-1");
    c.ttl = milliseconds::max();
    in->offer(c);
    const auto all = taken();
    REQUIRE(all.size() == 1);
    CHECK(all.front()->deadline == all.front()->received_at + protocol::longest_ttl);
    CHECK(await(queue->unfinished())->front().received.ttl == protocol::longest_ttl);
}

TEST_CASE_METHOD(doors_fixture, "a command beyond the window is overloaded and not stored", "[unit][store]")
{
    link_up();
    for (int i = 0; i < window; ++i)
        in->offer(i % 2 ? write("c-" + std::to_string(i)) : read("c-" + std::to_string(i)));
    in->offer(write("c-8"));
    in->offer(read("c-9"));
    CHECK(in->open() == 8);
    const auto lines_told = published();
    CHECK(std::count(lines_told.begin(), lines_told.end(), "result c-8 overloaded") == 1);
    CHECK(std::count(lines_told.begin(), lines_told.end(), "result c-9 overloaded") == 1);
    CHECK(await(queue->status())->unfinished == 4);

    const auto all = taken();
    REQUIRE(all.size() == 8);
    finish(all[1]->kind == protocol::operation_class::write ? all[1] : all[4]);
    in->offer(write("c-8"));
    CHECK(in->open() == 8);
}

TEST_CASE_METHOD(doors_fixture, "a full window does not hide what is known of a repeated write",
                 "[unit][store]")
{
    link_up();
    in->offer(write("done"));
    finish(taken().at(0));
    for (int i = 0; i < window; ++i)
        in->offer(write("c-" + std::to_string(i), "e-" + std::to_string(i)));
    CHECK(published().size() == 10);
    in->offer(write("done"));
    in->offer(write("c-1", "e-1"));
    in->offer(write("c-1", "another"));
    CHECK(published() == lines{"result done ok #1", "accepted c-1", "problem c-1 id_reused"});
    in->close();
    in->offer(write("done"));
    in->offer(write("c-1", "e-1"));
    in->offer(write("new"));
    CHECK(published() == lines{"result done ok #1", "accepted c-1", "result new overloaded"});
}

TEST_CASE_METHOD(doors_fixture, "a policy that changed does not deny what was accepted before",
                 "[unit][store]")
{
    link_up();
    in->offer(write("c-1"));
    finish(taken().at(0));
    CHECK(published().size() == 2);
    denied = protocol::fault{protocol::fault_code::policy_denied, "no", {}};
    in->offer(write("c-1"));
    in->offer(write("c-2"));
    CHECK(published() == lines{"result c-1 ok #1", "result c-2 policy_denied"});
}

TEST_CASE_METHOD(doors_fixture, "a write repeated while it is being stored runs once and is accepted twice",
                 "[unit][store]")
{
    link_up();
    gate->open = false;
    in->offer(write("c-1"));
    in->offer(write("c-1"));
    in->offer(write("c-1", "another event"));
    time.settle();
    gate->open_gate();
    CHECK(published() == lines{"accepted c-1", "accepted c-1", "problem c-1 id_reused"});
    CHECK(taken_ids() == lines{"c-1"});
    CHECK(in->open() == 1);
}

TEST_CASE_METHOD(doors_fixture, "a repeat of a write that could not be stored is refused with it",
                 "[unit][store]")
{
    link_up();
    gate->open = false;
    gate->writes_fail = errc::store_full;
    in->offer(write("c-1"));
    in->offer(write("c-1"));
    time.settle();
    gate->open_gate();
    CHECK(published() == lines{"result c-1 overloaded", "result c-1 overloaded"});
    CHECK(taken().empty());
    CHECK(in->open() == 0);
    gate->writes_fail.reset();
    in->offer(write("c-1"));
    CHECK(published() == lines{"accepted c-1"});
}

TEST_CASE_METHOD(doors_fixture, "a finished write is answered with its result, with seq while it is owed",
                 "[unit][store]")
{
    link_up();
    in->offer(write("c-1"));
    finish(taken().at(0));
    CHECK(published() == lines{"accepted c-1", "result c-1 ok #1"});
    in->offer(write("c-1"));
    CHECK(published() == lines{"result c-1 ok #1"});
    out->acknowledge(1);
    time.advance(outbox::ack_patience);
    in->offer(write("c-1"));
    CHECK(published() == lines{"result c-1 ok"});
    CHECK(taken().empty());
    CHECK(in->open() == 0);
}

TEST_CASE_METHOD(doors_fixture, "a read repeated while it runs is ignored, and runs again after it",
                 "[unit][store]")
{
    link_up();
    in->offer(read("r-1"));
    in->offer(read("r-1"));
    const auto all = taken();
    REQUIRE(all.size() == 1);
    await(out->answer_read(ok("r-1"), all.front()->deadline));
    in->release(all.front());
    CHECK(published() == lines{"result r-1 ok"});
    in->offer(read("r-1"));
    CHECK(taken_ids() == lines{"r-1"});
}

TEST_CASE_METHOD(doors_fixture, "a read and a write never share an id", "[unit][store]")
{
    link_up();
    in->offer(read("c-1"));
    in->offer(write("c-1"));
    in->offer(write("c-2"));
    in->offer(read("c-2"));
    CHECK(published() == lines{"problem c-1 id_reused", "accepted c-2", "problem c-2 id_reused"});
    CHECK(taken_ids() == lines{"c-1", "c-2"});
}

TEST_CASE_METHOD(doors_fixture, "a read under the id of a write that is over gets a problem and no answer",
                 "[unit][store]")
{
    link_up();
    in->offer(write("c-1"));
    finish(taken().at(0));
    CHECK(published().size() == 2);
    SECTION("while it waits for its turn, which it then gives up")
    {
        in->offer(read("c-1"));
        CHECK(published() == lines{"problem c-1 id_reused"});
        const auto t = taken().at(0);
        CHECK(t->cancelled);
        CHECK_FALSE(await(in->may_answer(t)));
        in->release(t);
    }
    SECTION("after it was carried out")
    {
        gate->open = false;
        in->offer(read("c-1"));
        const auto t = taken().at(0);
        t->started = true;
        bool may = true;
        asio::co_spawn(context, in->may_answer(t), [&](std::exception_ptr, bool yes) { may = yes; });
        time.settle();
        CHECK(published().empty());
        gate->open_gate();
        CHECK(published() == lines{"problem c-1 id_reused"});
        CHECK_FALSE(may);
        in->release(t);
    }
    SECTION("and does not stand before what the write's id is for")
    {
        gate->open = false;
        in->offer(read("c-1"));
        const auto t = taken().at(0);
        for (int i = 0; i < 2; ++i) {
            in->offer(write("c-1"));
            in->offer(write("c-1", "another event"));
            in->offer(read("c-1"));
            gate->open_gate();
            auto now_told = published();
            std::ranges::sort(now_told);
            auto expected = lines{"problem c-1 id_reused", "problem c-1 id_reused", "result c-1 ok #1"};
            if (i == 0) // the read that runs
                expected.insert(expected.begin(), "problem c-1 id_reused");
            CHECK(now_told == expected);
        }
        in->release(t);
    }
    SECTION("where it would be refused")
    {
        denied = protocol::fault{protocol::fault_code::policy_denied, "no", {}};
        in->offer(read("c-1"));
        in->close();
        in->offer(read("c-1"));
        CHECK(published() == lines{"problem c-1 id_reused", "problem c-1 id_reused"});
    }
    CHECK(in->open() == 0);
    in->offer(write("c-1"));
    CHECK(published() == lines{"result c-1 ok #1"});
}

TEST_CASE_METHOD(doors_fixture, "a read is answered where its id cannot be looked up", "[unit][store]")
{
    link_up();
    gate->reads_fail = errc::store_io;
    in->offer(read("r-1"));
    CHECK(await(in->may_answer(taken().at(0))));
}

TEST_CASE_METHOD(doors_fixture, "a store that fails makes writes overloaded, and is logged once",
                 "[unit][store]")
{
    link_up();
    for (const auto trouble : {errc::store_full, errc::store_read_only, errc::store_io}) {
        gate->writes_fail = trouble;
        in->offer(write("c-1"));
        in->offer(read("r-" + std::to_string(static_cast<int>(trouble))));
        CHECK(published() == lines{"result c-1 overloaded"});
    }
    CHECK(taken().size() == 3);
    gate->writes_fail.reset();
    in->offer(write("c-1"));
    CHECK(published() == lines{"accepted c-1"});
    const auto text = logged.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE_METHOD(doors_fixture, "a queue that is full makes writes overloaded until results are acknowledged",
                 "[unit][store]")
{
    stop_doors();
    queue.reset();
    queue = open({}, 2);
    gate = std::make_unique<test::gated_store>(context.get_executor(), *queue);
    make_doors();
    link_up();
    for (const auto* id : {"c-1", "c-2", "c-3"})
        in->offer(write(id, id));
    CHECK(published() == lines{"accepted c-1", "accepted c-2", "result c-3 overloaded"});
    finish(taken().at(0));
    CHECK(published() == lines{"result c-1 ok #1"});
    out->acknowledge(1);
    time.advance(outbox::ack_patience);
    in->offer(write("c-3", "c-3"));
    CHECK(published() == lines{"accepted c-3"});
}

TEST_CASE_METHOD(doors_fixture, "a read waits for writes of its lane that are being stored, others pass",
                 "[unit][store]")
{
    gate->open = false;
    in->offer(write("w-1", "e-1"));
    in->offer(event_get("g-1", "e-1"));
    in->offer(event_get("g-2", "e-2"));
    in->offer(read("r-1"));
    in->offer(write("w-2", "e-1"));
    in->offer(event_get("g-3", "e-1"));
    CHECK(taken_ids() == lines{"g-2", "r-1"});
    gate->open_gate();
    CHECK(taken_ids() == lines{"w-1", "g-1", "w-2", "g-3"});
    in->offer(event_get("g-4", "e-1"));
    CHECK(taken_ids() == lines{"g-4"});
}

TEST_CASE_METHOD(doors_fixture, "a lane goes on past a write that could not be stored", "[unit][store]")
{
    link_up();
    gate->open = false;
    gate->writes_fail = errc::store_full;
    in->offer(write("w-1", "e-1"));
    in->offer(event_get("g-1", "e-1"));
    CHECK(taken().empty());
    gate->open_gate();
    CHECK(taken_ids() == lines{"g-1"});
    CHECK(published() == lines{"result w-1 overloaded"});
}

TEST_CASE_METHOD(doors_fixture, "writes come out in the order received", "[unit][store]")
{
    lines expected;
    for (int i = 0; i < window; ++i) {
        in->offer(write("c-" + std::to_string(i), "e-" + std::to_string(i % 3)));
        expected.push_back("c-" + std::to_string(i));
    }
    CHECK(taken_ids() == expected);
}

TEST_CASE_METHOD(doors_fixture, "cancel marks what has not begun, being stored or waiting, and wakes it",
                 "[unit][store]")
{
    gate->open = false;
    in->offer(write("c-1"));
    in->cancel("c-1");
    in->cancel("unknown");
    gate->open_gate();
    time.settle();
    in->offer(read("r-1"));
    in->offer(read("r-2"));
    in->cancel("r-1");
    const auto all = taken();
    REQUIRE(all.size() == 3);
    CHECK(all[0]->cancelled);
    CHECK(all[1]->cancelled);
    int woken = 0;
    all[2]->wake = [&] { ++woken; };
    in->cancel("r-2");
    CHECK(all[2]->cancelled);
    CHECK(woken == 1);
}

TEST_CASE_METHOD(doors_fixture, "cancel leaves alone what has begun, also before a restart", "[unit][store]")
{
    in->offer(write("c-1"));
    in->offer(write("c-2"));
    auto all = taken();
    REQUIRE(all.size() == 2);
    all[0]->started = true;
    in->cancel("c-1");
    CHECK_FALSE(all[0]->cancelled);
    REQUIRE(await(queue->begin("c-1", time.utc_now())).has_value());
    restart();
    in->cancel("c-1");
    in->cancel("c-2");
    all = taken();
    REQUIRE(all.size() == 2);
    CHECK_FALSE(all[0]->cancelled);
    CHECK(all[1]->cancelled);
}

TEST_CASE_METHOD(doors_fixture, "cancel leaves alone what another agent may have begun", "[unit][store]")
{
    auto c = write("c-1");
    c.redelivered = true;
    in->offer(c);
    const auto all = taken();
    REQUIRE(all.size() == 1);
    in->cancel("c-1");
    CHECK_FALSE(all[0]->cancelled);
}

TEST_CASE_METHOD(doors_fixture,
                 "after a restart unfinished writes come again, in order and with what was begun",
                 "[unit][store]")
{
    auto first = write("c-2");
    first.ttl = 1h;
    first.redelivered = true;
    in->offer(first);
    in->offer(write("c-1"));
    in->offer(read("r-1"));
    time.settle();
    REQUIRE(await(queue->begin("c-2", time.utc_now())).has_value());
    const auto begun_at = time.utc_now();
    time.advance(10min);
    restart();
    CHECK(in->open() == 2);
    const auto all = taken();
    REQUIRE(all.size() == 2);
    const auto& t = *all.front();
    CHECK(t.id == "c-2");
    CHECK(t.ordering_key == "host@corp.example/e-1");
    CHECK(t.redelivered);
    CHECK(t.attempts == 1);
    REQUIRE(t.begun.has_value());
    CHECK(t.begun->at == begun_at);
    CHECK(t.deadline == time.now() + 50min);
    CHECK(all.back()->id == "c-1");
    CHECK_FALSE(all.back()->begun.has_value());
    CHECK_FALSE(all.back()->redelivered); // the cloud did not say so
    CHECK(all.back()->restored);          // the file may be an old copy: never begun is no proof
}

TEST_CASE_METHOD(doors_fixture, "time off counts against the ttl, a clock set back does not", "[unit][store]")
{
    auto c = write("c-1");
    c.ttl = 1h;
    in->offer(c);
    time.settle();
    time.jump_wall_clock(-24h);
    restart();
    CHECK(taken().at(0)->deadline == time.now() + 1h);
    time.jump_wall_clock(24h + 2h);
    restart();
    in->session_began("s-2");
    CHECK(taken().at(0)->deadline == time.now() - 1h);
    time.jump_wall_clock(std::chrono::years(200));
    restart();
    in->session_began("s-3");
    CHECK(taken().at(0)->deadline < time.now());
}

TEST_CASE_METHOD(
    doors_fixture,
    "a write whose time is over by the machine's clock alone waits for the cloud's, and its lane with it",
    "[unit][store]")
{
    auto c = write("c-1");
    c.ttl = 1h;
    in->offer(c);
    in->offer(write("c-2"));
    in->offer(write("c-3", "e-2"));
    time.settle();
    const auto cloud = time.utc_now();
    time.jump_wall_clock(22h); // it boots with a clock almost a day ahead
    restart();
    CHECK(taken_ids() == std::vector<std::string>{"c-3"});
    CHECK(in->open() == 3);
    in->cancel("c-2");
    SECTION("by which there is time left")
    {
        out->clock().told(cloud + 10min);
        in->session_began("s-2");
        const auto all = taken();
        REQUIRE(all.size() == 2);
        CHECK(all[0]->id == "c-1");
        CHECK(all[0]->deadline == time.now() + 50min);
        CHECK(all[0]->restored);
        CHECK(all[1]->cancelled);
    }
    SECTION("by which it is over too")
    {
        out->clock().told(cloud + 61min);
        in->session_began("s-2");
        CHECK(taken().at(0)->deadline == time.now() - 1min);
    }
}

TEST_CASE_METHOD(doors_fixture, "the time of receipt is the earlier one of two clocks", "[unit][store]")
{
    out->clock().told(time.utc_now() - 10min); // this machine's is ahead
    in->offer(write("c-1"));
    time.settle();
    CHECK(await(queue->unfinished())->front().received.received_at == time.utc_now() - 10min);
}

TEST_CASE_METHOD(doors_fixture,
                 "a stored write that no longer parses comes with the fault, one that policy forbids without",
                 "[unit][store]")
{
    in->offer(write("c-1"));
    time.settle();
    const bool forbidden = GENERATE(true, false); // which dispatch asks for itself: a try may have been made
    denied = protocol::fault{
        forbidden ? protocol::fault_code::policy_denied : protocol::fault_code::invalid_request, "no", {}};
    restart();
    const auto all = taken();
    REQUIRE(all.size() == 1);
    CHECK(all.front()->operation.has_error() != forbidden);
    CHECK(all.front()->ordering_key == "host@corp.example/e-1");
}

TEST_CASE_METHOD(doors_fixture, "after close everything new is overloaded, what is open goes on",
                 "[unit][store]")
{
    link_up();
    in->offer(write("c-1"));
    in->close();
    in->offer(write("c-2"));
    in->offer(read("r-1"));
    CHECK(published() == lines{"accepted c-1", "result c-2 overloaded", "result r-1 overloaded"});
    CHECK(taken_ids() == lines{"c-1"});
}

TEST_CASE_METHOD(doors_fixture, "a command that is released after it was replaced frees nothing",
                 "[unit][store]")
{
    in->offer(read("r-1"));
    const auto first = taken().at(0);
    in->release(first);
    in->offer(read("r-1"));
    in->release(first);
    CHECK(in->open() == 1);
}

TEST_CASE_METHOD(doors_fixture,
                 "commands under way have one memory, and what is answered gives its share back",
                 "[unit][store]")
{
    link_up();
    constexpr std::size_t large = memory_budget::usual / 4; // a command counts twice
    in->offer(read("r-1"), large);
    in->offer(read("r-2"), large);
    in->offer(read("r-3"), 1'000);
    CHECK(published() == lines{"result r-3 overloaded"});
    auto all = taken();
    REQUIRE(all.size() == 2);
    in->release(all.front());
    all.clear();
    in->offer(read("r-4"), large);
    CHECK(taken().size() == 1);
}

TEST_CASE_METHOD(doors_fixture, "watches that come by the thousand are overloaded, and bookings are not",
                 "[unit][store]")
{
    stop_doors();
    queue = open({}, 100'000); // nothing is acknowledged here
    gate = std::make_unique<test::gated_store>(context.get_executor(), *queue);
    make_doors();
    link_up();
    const auto unwatch = [&](int n) {
        protocol::command c;
        c.id = "u-" + std::to_string(n);
        c.op = "availability.unwatch";
        c.params = {{"watch_id", "w"}};
        in->offer(std::move(c));
        time.settle();
        const auto all = taken();
        for (const auto& t : all)
            finish(t);
        (void)published();
        return all.size() == 1;
    };
    int n = 0;
    while (n < 6'000 && unwatch(n))
        ++n;
    CHECK(n == 5'000);
    in->offer(write("booking"));
    CHECK(taken().size() == 1);
    time.advance(1s);
    int more = 0;
    while (more < 100 && unwatch(10'000 + more))
        ++more;
    CHECK(more == 20);
}
