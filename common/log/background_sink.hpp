// Writes the log's lines on a thread of its own, so that a reader that hangs, or a disk that does not answer, holds up
// nobody who has something to say.
#pragma once

#include "common/log/line_writer.hpp"
#include "common/time/time_source.hpp"

#include <spdlog/sinks/sink.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace relay {

// What became of lines that could not be written.
struct log_losses {
    std::uint64_t lines = 0; // lost so far
    std::string trouble;     // why they are; empty: lines are written
};

// As long as lines are written at once, each is out before log() returns: a crash takes none along. Once one takes longer
// than `patience`, they gather, `most_bytes` of them at the most. What is lost beyond that is counted in a line at its
// place. Thread-safe; order is kept.
class background_sink final : public spdlog::sinks::sink {
public:
    struct limits {
        std::size_t most_bytes = 1024 * 1024;
        duration patience = 100ms;
        duration between_patience = 5s; // after it was not rewarded
        duration goodbye = 2s;          // how long flush() and the destructor wait for lines to get out
    };

    // Throws std::system_error where there is no thread to be had.
    background_sink(std::unique_ptr<line_writer> to, std::unique_ptr<spdlog::formatter> form, limits l);
    // What is not written by then is left to the thread, which lives no longer than the process.
    ~background_sink() override;

    void log(const spdlog::details::log_msg& message) override;
    void flush() override;
    void set_pattern(const std::string&) override {} // the form is the constructor's
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

    log_losses losses() const;

private:
    struct state;
    std::shared_ptr<state> state_; // shared with the thread, which may hang
    std::thread thread_;
};

} // namespace relay
