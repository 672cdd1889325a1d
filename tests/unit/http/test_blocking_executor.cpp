// What is done off the loop: in turn, bounded by a deadline, and left alone by those who no longer want it.
#include "agent/http/blocking_executor.hpp"
#include "agent/http/cause.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <thread>

namespace relay::test {
namespace {

using http::cause;

// A password source that hangs until it is let go.
struct hanging_fixture : http_fixture {
    std::promise<void> let_go;
    std::atomic<int> begun{0}, ended{0};
    scripted_server server{who, scripted_server::always()};

    hanging_fixture()
    {
        settings.password = [this, gate = let_go.get_future().share()]() -> result<secret> {
            ++begun;
            gate.wait();
            ++ended;
            return secret("right");
        };
        connect(server);
    }
    ~hanging_fixture()
    {
        if (!ended)
            let_go.set_value();
        client.reset();
    }
};

TEST_CASE_METHOD(hanging_fixture, "a password that takes too long to read costs the request its limit only",
                 "[unit][http]")
{
    const auto got = bad(perform(post("one", 20ms)));
    CHECK(got.code == errc::bad_credentials_source);
    CHECK(got.how_far == http::reached::nothing);
    CHECK(ended == 0);
    CHECK(server.connections == 0);
}

TEST_CASE_METHOD(hanging_fixture, "cancelling does not wait for a password that is being read",
                 "[unit][http]")
{
    asio::cancellation_signal stop;
    const auto got = start(post("one"), stop.slot());
    run_until([&] { return begun == 1; });
    stop.emit(asio::cancellation_type::terminal);
    run();
    CHECK(bad(**got).code == asio::error::operation_aborted);
    CHECK(bad(**got).how_far == http::reached::nothing);
    CHECK(ended == 0);
    CHECK(client->now().in_flight == 0);
}

TEST_CASE_METHOD(hanging_fixture, "a client that goes away waits for a password that is being read",
                 "[unit][http]")
{
    const auto got = start(post("one"));
    run_until([&] { return begun == 1; });
    std::thread later([this] { let_go.set_value(); });
    client.reset();
    CHECK(ended == 1);
    later.join();
    run();
    CHECK(bad(**got).code == asio::error::operation_aborted);
}

TEST_CASE_METHOD(hanging_fixture, "the loop goes on while a password is being read", "[unit][http]")
{
    const auto got = start(post("one"));
    run_until([&] { return begun == 1; });
    CHECK_FALSE(*got);
    let_go.set_value();
    run();
    CHECK(ok(**got).status == 200);
}

struct executor_fixture : http_fixture {
    std::unique_ptr<http::blocking_executor> off_loop = std::make_unique<http::blocking_executor>();
    std::vector<std::string> seen;

    // Notes what became of the job.
    task<void> note(std::function<std::string()> work, duration limit = 5s)
    {
        try {
            const auto got =
                co_await off_loop->run(std::move(work), std::chrono::steady_clock::now() + limit);
            seen.push_back(got.has_value() ? *got : got.error().message());
        } catch (const std::exception& e) {
            seen.push_back(std::string("threw ") + e.what());
        }
    }
};

TEST_CASE_METHOD(executor_fixture, "an errand that throws throws in the coroutine that waits for it",
                 "[unit][http]")
{
    spawn(note([]() -> std::string { throw std::runtime_error("no"); }));
    run();
    CHECK(seen == std::vector<std::string>{"threw no"});
}

TEST_CASE_METHOD(executor_fixture, "errands run one after the other, in order, off the loop's thread",
                 "[unit][http]")
{
    std::atomic<int> at_once{0}, most{0};
    for (int i = 0; i < 20; ++i)
        spawn(note([&, i, here = std::this_thread::get_id()] {
            most = std::max(most.load(), ++at_once);
            const bool elsewhere = std::this_thread::get_id() != here;
            --at_once;
            return std::to_string(i) + (elsewhere ? "" : " on the loop");
        }));
    run();
    REQUIRE(seen.size() == 20);
    for (std::size_t i = 0; i < 20; ++i)
        CHECK(seen[i] == std::to_string(i));
    CHECK(most == 1);
}

TEST_CASE_METHOD(executor_fixture, "an errand nobody waits for any longer is not begun", "[unit][http]")
{
    std::promise<void> let_go;
    std::atomic<bool> begun{false}, second{false};
    spawn(note([&]() -> std::string {
        begun = true;
        let_go.get_future().wait();
        return "first";
    }));
    spawn(note([&]() -> std::string { return second = true, "second"; }, 10ms));
    run_until([&] { return seen.size() == 1; });
    CHECK(begun);
    let_go.set_value();
    run();
    CHECK(seen == std::vector<std::string>{http::make_error_code(cause::timed_out).message(), "first"});
    CHECK_FALSE(second);
}

TEST_CASE_METHOD(executor_fixture, "who goes away keeps nobody waiting but for the errand that has begun",
                 "[unit][http]")
{
    std::promise<void> let_go;
    std::atomic<bool> begun{false};
    for (int i = 0; i < 3; ++i)
        spawn(note([&]() -> std::string {
            begun = true;
            let_go.get_future().wait();
            return "done";
        }));
    run_until([&] { return begun.load(); });
    let_go.set_value();
    off_loop->stop();
    run();
    const auto aborted = error_code(asio::error::operation_aborted).message();
    CHECK(seen == std::vector<std::string>{aborted, aborted, aborted});
    spawn(note([]() -> std::string { return "late"; }));
    run();
    CHECK(seen.back() == aborted);
}

} // namespace
} // namespace relay::test
