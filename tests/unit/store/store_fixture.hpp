// What the tests of the store share: a loop in virtual time, folders that go away, and calls awaited to the
// end.
#pragma once

#include "agent/store/writer/sqlite_queue_store.hpp"
#include "tests/support/manual_time.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <optional>
#include <sstream>

namespace relay::test {

class temporary_folder {
public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// Copies the queue file and its log as a crash would leave them: without closing.
void copy_as_after_a_crash(const std::filesystem::path& from, const std::filesystem::path& to);

// One loop, one clock, one log that can be read.
struct loop_fixture {
    asio::io_context context;
    manual_time time{context};
    std::ostringstream logged;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged)};

    // Awaits `t`, which must end without the clock moving.
    template <class T>
    T await(task<T> t)
    {
        std::optional<T> answer;
        asio::co_spawn(context, std::move(t), [&](std::exception_ptr e, T v) {
            if (e)
                std::rethrow_exception(e);
            answer.emplace(std::move(v));
        });
        time.settle();
        if (!answer)
            throw std::runtime_error("the call did not end");
        return std::move(*answer);
    }
    void await(task<void> t)
    {
        bool done = false;
        asio::co_spawn(context, std::move(t), [&](std::exception_ptr e) {
            if (e)
                std::rethrow_exception(e);
            done = true;
        });
        time.settle();
        if (!done)
            throw std::runtime_error("the call did not end");
    }

    // Opens a store that works inside the call; an empty folder: in memory.
    std::unique_ptr<store::sqlite_queue_store> open(const std::filesystem::path& folder = {},
                                                    std::int64_t max_commands = 5000);
};

// A write as the inbox would give it to the store.
store::new_command a_write(const loop_fixture& f, std::string id, std::string subject = "s");

} // namespace relay::test
