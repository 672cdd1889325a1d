#include "common/log/background_sink.hpp"
#include "common/log/line_formatter.hpp"

#include <spdlog/logger.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

using namespace relay;

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

// What a reader does: reads, hangs, or has no room.
struct reader {
    std::mutex lock;
    std::condition_variable changed;
    std::vector<std::string> lines;
    bool hangs = false;
    std::string trouble;

    void set(bool hang, std::string why = {})
    {
        const std::lock_guard hold(lock);
        hangs = hang;
        trouble = std::move(why);
        changed.notify_all();
    }
    std::vector<std::string> seen()
    {
        const std::lock_guard hold(lock);
        return lines;
    }
};

class to_reader final : public line_writer {
public:
    explicit to_reader(std::shared_ptr<reader> r) : reader_(std::move(r)) {}
    std::string write(std::string_view line) override
    {
        std::unique_lock hold(reader_->lock);
        reader_->changed.wait(hold, [this] { return !reader_->hangs; });
        if (reader_->trouble.empty())
            reader_->lines.emplace_back(line);
        return reader_->trouble;
    }

private:
    std::shared_ptr<reader> reader_; // outlives a sink that was given up
};

struct log_fixture {
    std::shared_ptr<reader> to = std::make_shared<reader>();
    background_sink::limits limits{
        .most_bytes = 4096, .patience = 50ms, .between_patience = 1h, .goodbye = 200ms};
    std::shared_ptr<background_sink> sink;
    std::shared_ptr<spdlog::logger> log;

    void open()
    {
        sink = std::make_shared<background_sink>(
            std::make_unique<to_reader>(to),
            std::make_unique<line_formatter>(line_format::text, line_priority::none), limits);
        log = std::make_shared<spdlog::logger>("agent", sink);
    }
    ~log_fixture() { to->set(false); }
};

} // namespace

TEST_CASE_METHOD(log_fixture, "while lines are read, each is out before the next thing happens",
                 "[unit][log]")
{
    limits.patience = 10s;
    open();
    for (int i = 0; i < 20; ++i) {
        log->info("line {}", i);
        const auto seen = to->seen();
        REQUIRE(seen.size() == static_cast<std::size_t>(i) + 1);
        CHECK_THAT(seen.back(), EndsWith("line " + std::to_string(i) + "\n"));
    }
    CHECK(sink->losses().lines == 0);
}

TEST_CASE_METHOD(log_fixture,
                 "a reader that hangs holds nobody up, and what was lost is counted at its place",
                 "[unit][log]")
{
    open();
    to->set(true);
    const auto before = std::chrono::steady_clock::now();
    constexpr int many = 1000;
    for (int i = 0; i < many; ++i)
        log->info("line {}", i);
    CHECK(std::chrono::steady_clock::now() - before < 5s);
    CHECK(sink->losses().lines > many / 2);
    CHECK_THAT(sink->losses().trouble, Contains("does not keep up"));
    to->set(false);
    log->flush();
    log->info("after");
    log->flush();
    const auto seen = to->seen();
    const auto kept = seen.size() - 2; // the first ones, in order, then how many are missing, then the last
    CHECK(kept + sink->losses().lines == many);
    for (std::size_t i = 0; i < kept; ++i)
        CHECK_THAT(seen[i], EndsWith("line " + std::to_string(i) + "\n"));
    CHECK_THAT(seen[kept], Contains("warn") && Contains(std::to_string(many - static_cast<int>(kept)) +
                                                        " lines of the log got lost here"));
    CHECK_THAT(seen[kept + 1], EndsWith("after\n"));
    CHECK(sink->losses().trouble.empty());
}

TEST_CASE_METHOD(log_fixture, "what was lost last is told although nothing is logged after it", "[unit][log]")
{
    open();
    to->set(true);
    for (int i = 0; i < 1000; ++i)
        log->info("line {}", i);
    to->set(false);
    log->flush();
    CHECK_THAT(to->seen().back(), Contains("lines of the log got lost here"));
}

TEST_CASE_METHOD(log_fixture, "lines that cannot be written are counted once they can be again",
                 "[unit][log]")
{
    limits.patience = 10s;
    open();
    log->info("first");
    to->set(false, "No space left on device");
    for (int i = 0; i < 3; ++i)
        log->info("lost");
    CHECK(sink->losses().lines == 3);
    CHECK(sink->losses().trouble == "No space left on device");
    to->set(false);
    log->info("last");
    const auto seen = to->seen();
    REQUIRE(seen.size() == 3);
    CHECK_THAT(seen[1], Contains("3 lines of the log got lost here: No space left on device"));
    CHECK_THAT(seen[2], EndsWith("last\n"));
    CHECK(sink->losses().trouble.empty());
}

TEST_CASE_METHOD(log_fixture, "the last words are written, and an end does not wait for a reader that hangs",
                 "[unit][log]")
{
    limits.patience = 1ns;
    open();
    for (int i = 0; i < 10; ++i)
        log->info("line {}", i);
    log.reset();
    sink.reset();
    CHECK(to->seen().size() == 10);

    open();
    to->set(true);
    log->info("hangs");
    log->info("waits");
    const auto before = std::chrono::steady_clock::now();
    log.reset();
    sink.reset();
    CHECK(std::chrono::steady_clock::now() - before < 5s);
}
