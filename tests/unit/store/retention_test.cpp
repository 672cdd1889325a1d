// Old commands are forgotten by the hour, and a queue that cannot be written is tried again.
#include "agent/store/retention.hpp"
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
    asio::co_spawn(context, keep_history(*queue, time, std::chrono::days(7), log),
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
