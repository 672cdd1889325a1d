// Old commands are forgotten by the hour, and a queue that cannot be written is tried again.
#include "agent/store/loop/retention.hpp"
#include "tests/unit/store/doors_fixture.hpp"

using namespace relay;
using namespace relay::store;

TEST_CASE_METHOD(test::doors_fixture,
                 "what finished longer ago than the history is forgotten within the hour", "[unit][store]")
{
    constexpr int many = 1'200; // more than one batch
    for (int i = 0; i < many; ++i) {
        const auto id = "c-" + std::to_string(i);
        REQUIRE(await(queue->admit(test::a_write(*this, id))).has_value());
        REQUIRE(await(queue->finish(id, "{}", {time.utc_now()})).has_value());
    }
    REQUIRE(await(queue->acknowledge(many - 1)).has_value());

    asio::cancellation_signal stop;
    bool ended = false;
    vouched_time clock(time);
    clock.told(time.utc_now());
    asio::co_spawn(context, keep_history(*queue, clock, time, std::chrono::days(7), log),
                   asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) { ended = true; }));
    const auto known = [&](int i) {
        return await(queue->look_up("c-" + std::to_string(i), "print of s"))->has_value();
    };
    time.advance(24h * 7 - 1h);
    CHECK(known(0));
    time.advance(2h);
    CHECK_FALSE(known(0));
    CHECK_FALSE(known(many - 2));
    CHECK(known(many - 1)); // still owed to the cloud
    stop.emit(asio::cancellation_type::terminal);
    time.settle();
    CHECK(ended);
}

namespace {

// Somebody whose memory of ids is put to the test by clocks that are wrong.
struct history_fixture : test::doors_fixture {
    vouched_time clock{time};
    asio::cancellation_signal stop;

    void end(const std::string& id)
    {
        REQUIRE(await(queue->admit(test::a_write(*this, id))).has_value());
        const auto seq = await(queue->finish(id, "{}", {clock.at_the_latest()}));
        REQUIRE(seq.has_value());
        REQUIRE(await(queue->acknowledge(*seq)).has_value());
    }
    void keep()
    {
        asio::co_spawn(context, keep_history(*queue, clock, time, std::chrono::days(7), log),
                       asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        time.settle();
    }
    void no_more()
    {
        stop.emit(asio::cancellation_type::terminal);
        time.settle();
    }
    bool known(const std::string& id) { return await(queue->look_up(id, "print of s"))->has_value(); }
};

} // namespace

TEST_CASE_METHOD(history_fixture, "a start with a clock that is days ahead forgets no id", "[unit][store]")
{
    end("c-1");
    const auto cloud = time.utc_now();
    time.jump_wall_clock(std::chrono::days(8));
    keep();
    time.advance(48h); // no link: nobody vouches for the time
    CHECK(known("c-1"));
    clock.told(cloud + 48h);
    time.advance(48h);
    CHECK(known("c-1"));
    time.jump_wall_clock(-std::chrono::days(8));
    time.advance(24h * 3 - 1h);
    CHECK(known("c-1"));
    time.advance(2h);
    CHECK_FALSE(known("c-1"));
    no_more();
}

TEST_CASE_METHOD(history_fixture, "a clock that jumps ahead while it runs forgets no id", "[unit][store]")
{
    clock.told(time.utc_now());
    end("c-1");
    keep();
    time.advance(90min);
    time.jump_wall_clock(std::chrono::days(30));
    time.advance(24h);
    CHECK(known("c-1"));
    no_more();
}

TEST_CASE_METHOD(history_fixture,
                 "what a jump adds to elapsed time forgets no id before the cloud confirms it",
                 "[unit][store]")
{
    clock.told(time.utc_now());
    end("c-1");
    keep();
    time.advance(90min);
    time.suspend(std::chrono::days(30)); // or only the wall clock was set: elapsed time is ahead by as much
    time.advance(24h);
    CHECK(known("c-1"));
    clock.told(time.utc_now());
    time.advance(2h);
    CHECK_FALSE(known("c-1"));
    no_more();
}

TEST_CASE_METHOD(history_fixture, "what ended while the clock was wrong is kept for its days, and no longer",
                 "[unit][store]")
{
    const auto cloud = time.utc_now();
    SECTION("behind")
    {
        time.jump_wall_clock(-std::chrono::days(30));
        clock.told(cloud);
        end("c-1");
        time.jump_wall_clock(std::chrono::days(30));
    }
    SECTION("ahead, and nobody knew")
    {
        time.jump_wall_clock(std::chrono::days(3'000));
        end("c-1");
        time.jump_wall_clock(-std::chrono::days(3'000));
        end("c-2"); // not before the one before it
        clock.told(cloud);
    }
    keep();
    time.advance(24h * 7 - 1h);
    CHECK(known("c-1"));
    time.advance(3h);
    CHECK_FALSE(known("c-1"));
    CHECK_FALSE(known("c-2"));
    no_more();
}
