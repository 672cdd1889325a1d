#include "common/platform/process_signals.hpp"

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <utility>

namespace relay::platform {
namespace {

void mask_reload_signal(int how)
{
    sigset_t reload;
    ::sigemptyset(&reload);
    ::sigaddset(&reload, SIGHUP);
    ::pthread_sigmask(how, &reload, nullptr);
}

} // namespace

void hold_reload_signal()
{
    mask_reload_signal(SIG_BLOCK);
}

void release_reload_signal()
{
    mask_reload_signal(SIG_UNBLOCK);
}

struct process_signals::state {
    boost::asio::signal_set signals;
    handlers call;
    bool closed = false; // a wait that completed before close() may still be on its way to us

    static void wait(const std::shared_ptr<state>& self)
    {
        self->signals.async_wait([self](const boost::system::error_code& ec, int number) {
            if (ec || self->closed)
                return;
            wait(self); // first, as a handler may close us
            (number == SIGHUP ? self->call.reload : self->call.stop)();
        });
    }
};

process_signals::process_signals(const boost::asio::any_io_executor& executor, handlers h)
    : state_(new state{{executor, SIGTERM, SIGINT, SIGHUP}, std::move(h)})
{
    state::wait(state_);
    release_reload_signal(); // what was held comes now
}

process_signals::~process_signals()
{
    close();
}

void process_signals::close()
{
    if (std::exchange(state_->closed, true))
        return;
    boost::system::error_code
        ignored;          // there is nothing to do about it, and nothing is left waiting either way
    hold_reload_signal(); // between its handler and its being ignored it would end us
    state_->signals.clear(ignored);
    std::signal(SIGHUP, SIG_IGN);
    release_reload_signal();
    state_->signals.cancel(ignored);
}

} // namespace relay::platform
