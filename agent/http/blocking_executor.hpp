// What may block and therefore must not run on the loop: reading files, asking a program or a security library.
#pragma once

#include "common/async/async.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

namespace relay::http {

// Runs one job after the other, each on a thread that lives no longer than it does. Loop thread only. Not bounded by
// itself: a coroutine has one job at a time, and one that leaves takes its job out of the queue.
class blocking_executor {
public:
    blocking_executor();
    ~blocking_executor(); // as stop()
    blocking_executor(const blocking_executor&) = delete;
    blocking_executor& operator=(const blocking_executor&) = delete;

    // Calls `work` off the loop; its result, or what it throws. Errors: cause::timed_out at `deadline` (or where there is
    // no thread to be had), operation_aborted by value where the coroutine or all of us are cancelled. Nobody waits then for a job that
    // has begun, so `work` owns what it uses or refers to what outlives this object.
    template <class Work>
    task<result<std::invoke_result_t<Work&>>> run(Work work, steady_time deadline)
    {
        using got = result<std::invoke_result_t<Work&>>;
        const auto place = std::make_shared<std::optional<std::invoke_result_t<Work&>>>();
        std::function<void()> all = [place, work = std::move(work)]() mutable { place->emplace(work()); };
        if (const auto ec = co_await carry_out(std::move(all), deadline))
            co_return got(boost::system::in_place_error, ec);
        co_return got(boost::system::in_place_value, std::move(**place));
    }

    // Lets nobody wait any longer, and waits for the job that has begun. Idempotent.
    void stop();

private:
    class state;
    task<error_code> carry_out(std::function<void()> work, steady_time deadline);

    std::shared_ptr<state> state_; // a job that ends after us finds it gone
};

} // namespace relay::http
