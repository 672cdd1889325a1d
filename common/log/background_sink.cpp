#include "common/log/background_sink.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace relay {
namespace {

constexpr std::string_view too_slow = "whoever reads it, or the disk it is on, does not keep up";
constexpr duration between_tries = 10s; // while nothing can be written, and nobody says anything

} // namespace

struct background_sink::state {
    state(std::unique_ptr<line_writer> w, std::unique_ptr<spdlog::formatter> f, limits l)
        : most(l),
          to(std::move(w)),
          form(std::move(f))
    {
    }

    void log(const spdlog::details::log_msg& message);
    bool wait_until_done(std::unique_lock<std::mutex>& hold, std::uint64_t number, duration limit);
    void run();

    const limits most;

    std::mutex lock; // guards what follows, but the writer
    std::condition_variable work, progress;
    std::uint64_t taken = 0, done = 0; // entries that came, and that are through
    log_losses lost;
    bool closing = false, ended = false;

private:
    // A line, or how many were lost at this place.
    struct entry {
        std::string line;
        std::uint64_t lost = 0;
    };

    std::string formatted(const spdlog::details::log_msg& message);
    std::string line_of_losses(std::uint64_t count, std::string_view why);
    void append(entry e);
    void drop();
    void write(std::unique_lock<std::mutex>& hold, std::string text);
    bool write_one(std::unique_lock<std::mutex>& hold, const std::string& text);

    const std::unique_ptr<line_writer> to; // the thread's alone
    const std::unique_ptr<spdlog::formatter> form;
    std::string name = "agent"; // of the logger that spoke last
    std::deque<entry> waiting;
    std::size_t bytes = 0;       // of the lines in it
    bool dropping = false;       // until half of the room is free again
    std::uint64_t unwritten = 0; // lines that could not be written, and no line tells of yet
    steady_time patient_again = steady_time::min();
};

std::string background_sink::state::formatted(const spdlog::details::log_msg& message)
{
    spdlog::memory_buf_t line;
    form->format(message, line);
    return {line.data(), line.size()};
}

std::string background_sink::state::line_of_losses(std::uint64_t count, std::string_view why)
{
    const auto text = std::to_string(count) + (count == 1 ? " line" : " lines") +
                      " of the log got lost here: " + std::string(why);
    return formatted({spdlog::source_loc{}, name, spdlog::level::warn, text});
}

void background_sink::state::append(entry e)
{
    bytes += e.line.size();
    waiting.push_back(std::move(e));
    ++taken;
    work.notify_one();
}

void background_sink::state::drop()
{
    if (waiting.empty() || waiting.back().lost == 0)
        append({{}, 0});
    ++waiting.back().lost;
    ++lost.lines;
    lost.trouble = too_slow;
}

void background_sink::state::log(const spdlog::details::log_msg& message)
{
    std::unique_lock hold(lock);
    if (closing)
        return;
    name.assign(message.logger_name.data(), message.logger_name.size());
    auto line = formatted(message);
    dropping = (dropping && bytes > most.most_bytes / 2) || bytes + line.size() > most.most_bytes;
    if (dropping) {
        drop();
        return;
    }
    const bool idle = taken == done;
    append({std::move(line), 0});
    const auto now = std::chrono::steady_clock::now();
    if (idle && now >= patient_again && !wait_until_done(hold, taken, most.patience))
        patient_again = now + most.between_patience;
}

bool background_sink::state::wait_until_done(std::unique_lock<std::mutex>& hold, std::uint64_t number,
                                             duration limit)
{
    return progress.wait_for(hold, limit, [&] { return done >= number; });
}

// False where it could not be written; whoever waits for the lock goes on meanwhile.
bool background_sink::state::write_one(std::unique_lock<std::mutex>& hold, const std::string& text)
{
    hold.unlock();
    auto trouble = to->write(text);
    hold.lock();
    const bool written = trouble.empty();
    if (!written)
        lost.trouble = std::move(trouble);
    else if (!dropping)
        lost.trouble.clear();
    return written;
}

void background_sink::state::write(std::unique_lock<std::mutex>& hold, std::string text)
{
    if (unwritten > 0 && write_one(hold, line_of_losses(unwritten, lost.trouble)))
        unwritten = 0;
    if (text.empty() || (unwritten == 0 && write_one(hold, text)))
        return;
    ++unwritten;
    ++lost.lines;
}

void background_sink::state::run()
{
    std::unique_lock hold(lock);
    for (;;) {
        if (!waiting.empty()) {
            auto next = std::move(waiting.front());
            waiting.pop_front();
            bytes -= next.line.size();
            if (waiting.empty())
                dropping = false;
            write(hold, next.lost > 0 ? line_of_losses(next.lost, too_slow) : std::move(next.line));
            ++done;
            progress.notify_all();
        } else if (closing) {
            break;
        } else if (unwritten == 0) {
            work.wait(hold);
        } else if (work.wait_for(hold, between_tries) == std::cv_status::timeout) {
            write(hold, {});
        }
    }
    ended = true;
    progress.notify_all();
}

background_sink::background_sink(std::unique_ptr<line_writer> to, std::unique_ptr<spdlog::formatter> form,
                                 limits l)
    : state_(std::make_shared<state>(std::move(to), std::move(form), l)),
      thread_([s = state_] { s->run(); })
{
}

background_sink::~background_sink()
{
    bool ended = false;
    {
        std::unique_lock hold(state_->lock);
        state_->closing = true;
        state_->work.notify_one();
        ended = state_->progress.wait_for(hold, state_->most.goodbye, [this] { return state_->ended; });
    }
    if (ended)
        thread_.join();
    else
        thread_.detach();
}

void background_sink::log(const spdlog::details::log_msg& message)
{
    state_->log(message);
}

void background_sink::flush()
{
    std::unique_lock hold(state_->lock);
    state_->wait_until_done(hold, state_->taken, state_->most.goodbye);
}

log_losses background_sink::losses() const
{
    const std::lock_guard hold(state_->lock);
    return state_->lost;
}

} // namespace relay
