// What the operating system asks of the process: to stop, or to read its configuration again.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace relay::platform {

// Keeps a SIGHUP that comes before there are process_signals until there are: it is a reload then, and does not end the
// process. First thing in main(), before there is another thread.
void hold_reload_signal();
// SIGHUP ends the process as ever: for a command that never has process_signals.
void release_reload_signal();

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

    // No call back comes after this; SIGTERM and SIGINT do again what they do by default, SIGHUP does nothing: there is
    // nothing left to reload, and an end in order is not to be cut off by it. Idempotent.
    void close();

private:
    struct state;
    std::shared_ptr<state> state_; // shared with the wait under way
};

} // namespace relay::platform
