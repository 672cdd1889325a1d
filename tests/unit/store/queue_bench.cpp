// How fast the queue is on this disk: `unit_store "[bench]"`. Not part of a run without that tag.
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>

using namespace relay;
using namespace relay::store;

namespace {

std::int64_t resident_kib()
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:"))
            return std::stoll(line.substr(6));
    return 0;
}

// Where the build is: on the disk, other than what the tests use.
struct bench {
    std::filesystem::path folder = std::filesystem::current_path() / "queue-bench";
    asio::io_context context;
    spdlog::logger log{"bench"};
    std::unique_ptr<sqlite_queue_store> queue;

    bench()
    {
        std::filesystem::remove_all(folder);
        open();
    }
    ~bench()
    {
        queue.reset();
        std::filesystem::remove_all(folder);
    }
    void open()
    {
        queue.reset();
        queue =
            sqlite_queue_store::open({folder, 10'000'000, sqlite_queue_store::threading::own_thread, {}}, log)
                .value();
    }

    // Runs `many` calls of `one(i)`, at most `side_by_side` at a time; says how many a second.
    template <class One>
    void measure(const char* what, int many, int side_by_side, One one)
    {
        int next = 0;
        std::vector<double> took;
        const auto worker = [&]() -> task<void> {
            while (next < many) {
                const int i = next++;
                const auto start = std::chrono::steady_clock::now();
                co_await one(i);
                took.push_back(
                    std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                        .count());
            }
        };
        const auto start = std::chrono::steady_clock::now();
        for (int w = 0; w < side_by_side; ++w)
            asio::co_spawn(context, worker(), [](std::exception_ptr e) {
                if (e)
                    std::rethrow_exception(e);
            });
        context.restart();
        context.run();
        const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        std::sort(took.begin(), took.end());
        std::cout << what << ", " << side_by_side << " outstanding: " << static_cast<int>(many / seconds)
                  << "/s, p50 " << took[took.size() / 2] << " ms, p99 " << took[took.size() * 99 / 100]
                  << " ms, resident " << resident_kib() / 1024 << " MiB\n";
    }
    task<void> admit(int i)
    {
        new_command c;
        c.command.id = "command-" + std::to_string(i);
        c.command.op = "event.create";
        c.command.mailbox = "host@corp.example";
        c.command.params = {{"event_id", "event-" + std::to_string(i)}, {"subject", std::string(200, 's')}};
        c.fingerprint = std::string(32, 'f');
        c.ttl = 24h;
        const auto done = co_await queue->admit(std::move(c));
        if (done.has_error())
            throw std::runtime_error(done.error().message());
    }
    task<void> finish(int i)
    {
        const write_end end;
        const auto done = co_await queue->finish("command-" + std::to_string(i), std::string(300, 'r'), end);
        if (done.has_error())
            throw std::runtime_error(done.error().message());
    }
    // So many entries in a commit; the agent puts at most 256 into one.
    task<void> audit(std::size_t entries)
    {
        audit_entry e;
        e.id = "command-1";
        e.session = "s-1";
        e.op = "availability.get";
        e.outcome = "ok";
        e.mailboxes = 3;
        e.addresses = {"one@corp.example", "two@corp.example", "three@corp.example"};
        std::vector<audit_entry> batch(entries, e);
        const auto done = co_await queue->record(std::move(batch));
        if (done.has_error())
            throw std::runtime_error(done.error().message());
    }
    task<void> drain()
    {
        for (sequence after = 0;;) {
            const auto page = co_await queue->read(after, 512, 512 * 1024);
            if (page->empty())
                break;
            after = page->back().seq;
            (void)co_await queue->acknowledge(after);
        }
    }
};

} // namespace

TEST_CASE("commands a second, and draining what piled up", "[.][bench]")
{
    bench b;
    const auto run = [&](int first, int many, int at_a_time) {
        b.measure("admit", many, at_a_time, [&](int i) { return b.admit(first + i); });
        b.measure("finish", many, at_a_time, [&](int i) { return b.finish(first + i); });
    };
    run(0, 300, 1);
    b.measure("audit, 1 entry a commit", 300, 1, [&](int) { return b.audit(1); });
    b.measure("audit, 256 entries a commit", 300, 1, [&](int) { return b.audit(256); });
    run(1'000, 20'000, 64);
    run(30'000, 80'000, 1'000);
    b.measure("read and acknowledge 100,300 results", 1, 1, [&](int) { return b.drain(); });
}

TEST_CASE("a million stored results take no memory", "[.][bench][million]")
{
    bench b;
    b.measure("append", 1'000'000, 4'000,
              [&](int) -> task<void> { (void)co_await b.queue->append(std::string(300, 'r'), {}, {}); });
    b.measure("open", 1, 1, [&](int) -> task<void> {
        b.open();
        co_return;
    });
    b.measure("read and acknowledge 1,000,000 messages", 1, 1, [&](int) { return b.drain(); });
}

TEST_CASE("one admission after the other, for counting system calls", "[.][syscalls]")
{
    bench b;
    b.measure("admit", 500, 1, [&](int i) { return b.admit(i); });
}
