// What the operating system asks of the process: to stop, or to read its configuration again.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace relay::platform {

// Calls back on the executor's thread, once a signal, from construction until close(). It keeps the io_context running.
class process_signals {
public:
    struct handlers {
        std::function<void()> stop;   // SIGTERM, SIGINT
        std::function<void()> reload; // SIGHUP
    };

    process_signals(const boost::asio::any_io_executor& executor, handlers h);
    ~process_signals();
    process_signals(const process_signals&) = delete;
    process_signals& operator=(const process_signals&) = delete;

    // No call back comes after this; the signals do again what they do by default. Idempotent.
    void close();

private:
    struct state;
    std::shared_ptr<state> state_; // shared with the wait under way
};

} // namespace relay::platform
