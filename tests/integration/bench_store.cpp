// The agent with a million results in its queue: `integration "[million]"`, best in the release preset. Not part of a
// run without that tag.
#include "agent/protocol/codec.hpp"
#include "agent/store/writer/sqlite_queue_store.hpp"
#include "common/async/task_group.hpp"
#include "tests/integration/scenario.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iostream>

using namespace relay;
using namespace relay::test;

namespace {

constexpr int many = 1'000'000;

task<void> fill_part(store::queue_store& queue, int& next)
{
    real_time time;
    while (next < many) {
        store::new_command c;
        c.command.id = fmt::format("stored-{}", next++);
        c.command.op = "event.create";
        c.command.mailbox = std::string(host);
        c.command.params = booking(c.command.id);
        c.fingerprint = std::string(32, 'f');
        c.event_id = c.command.id;
        c.received_at = time.utc_now();
        c.ttl = 24h;
        const auto id = c.command.id;
        auto body = protocol::encode(protocol::result{id,
                                                      json::object{{"event_id", id},
                                                                   {"item_id", std::string(150, 'i')},
                                                                   {"change_key", std::string(40, 'k')}},
                                                      1, 41ms});
        const auto admitted = co_await queue.admit(std::move(c));
        const store::write_end end{time.utc_now()};
        const auto finished = co_await queue.finish(id, std::move(body), end);
        if (admitted.has_error() || finished.has_error())
            throw std::runtime_error("the queue could not be filled");
    }
}

task<void> fill(store::queue_store& queue)
{
    task_group writers(co_await asio::this_coro::executor);
    int next = 0;
    for (int i = 0; i < 1'000; ++i)
        writers.spawn(fill_part(queue, next));
    co_await writers.join();
}

std::int64_t peak_mib(int pid)
{
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:"))
            return std::stoll(line.substr(6)) / 1024;
    return 0;
}

} // namespace

TEST_CASE("a million stored results: start, memory, and delivery", "[.][bench][million]")
{
    relay_world w({.config = {{"queue.max_commands", "2000000"}, {"log.level", "'info'"}},
                   .exchange_arguments = {},
                   .cloud_arguments = {},
                   .environment = {},
                   .start_agent = false});
    using clock = std::chrono::steady_clock;
    const auto ms_since = [](clock::time_point t) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - t).count();
    };
    {
        const auto start = clock::now();
        asio::io_context context;
        spdlog::logger quiet("bench", std::make_shared<spdlog::sinks::null_sink_mt>());
        auto queue = store::sqlite_queue_store::open(
                         {.folder = w.data_folder(), .max_commands = 2 * many, .utc_now = {}}, quiet)
                         .value();
        std::exception_ptr trouble;
        asio::co_spawn(context, fill(*queue), [&](std::exception_ptr e) { trouble = e; });
        context.run();
        REQUIRE_FALSE(trouble);
        std::cout << fmt::format("stored in {} ms, {} MiB on disk\n", ms_since(start),
                                 fs::file_size(w.data_folder() / "queue.db") >> 20);
    }
    w.cloud().put("/behaviour", {{"no_welcome", true}});
    auto start = clock::now();
    w.start_agent();
    REQUIRE(eventually([&] { return !w.cloud().get("/agents").as_array().empty(); }));
    std::cout << fmt::format("start to hello {} ms, peak {} MiB\n", ms_since(start),
                             peak_mib(w.agent().pid()));
    w.cloud().put("/behaviour", {{"no_welcome", false}});
    w.wait_connected(30s);
    start = clock::now();
    for (const int part : {1, 2, 3, 4}) {
        stand_in::control_client client(w.cloud().url());
        const auto reply = client.call("POST", "/bench/drain-wait",
                                       {{"until_seq", many / 4 * part}, {"timeout_ms", 600'000}}, 610s);
        REQUIRE((reply.has_value() && reply->status == 200));
        std::cout << fmt::format("{} delivered after {} ms, peak {} MiB\n", many / 4 * part, ms_since(start),
                                 peak_mib(w.agent().pid()));
    }
    CHECK(peak_mib(w.agent().pid()) < 40);
    CHECK(w.stop_agent() == 0);
}
