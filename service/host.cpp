#include "service/host.hpp"

#include "common/log_event/log_event.hpp"
#include "common/platform/idle_memory.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <cstdlib>
#include <utility>

namespace relay::service {
namespace {

// After drain and force_stop(): whoever still runs then hangs, and everything owed is in the store.
constexpr duration stop_grace = 20s;
constexpr duration disk_limit = 60s; // for a file of at most 1 MiB

// By then the link stands and Exchange has been asked, if they are there.
constexpr duration start_takes = 10s;
// Without a command. The probe of each minute runs code that nothing else needs then, to sign in.
constexpr duration idle_after = 30s;

} // namespace

host::host(asio::any_io_executor executor, app::agent& agent, settings_source reread,
           std::chrono::seconds drain_timeout, spdlog::logger& log)
    : agent_(agent),
      reread_(std::move(reread)),
      drain_timeout_(drain_timeout),
      log_(log),
      children_(executor),
      signals_(executor, {.stop = [this] { stop_asked(); }, .reload = [this] { reload_asked(); }})
{
    agent_.on_link_change([this](const uplink::link_status& s) { tell(s); });
}

task<void> host::run()
{
    if (const auto period = platform::service_notify::watchdog())
        children_.spawn(keep_watchdog(*period));
    children_.spawn(give_back_memory());
    manager_.ready(
        "connecting to the cloud"); // ready means: commands are kept from now on, whether or not the cloud is there

    std::exception_ptr failure;
    try {
        co_await agent_.run();
    } catch (...) {
        failure = std::current_exception();
    }
    signals_.close();
    agent_.on_link_change({});
    children_.stop();
    co_await children_.join();
    if (failure)
        std::rethrow_exception(failure);
}

void host::stop_asked()
{
    if (++stops_ > 1) {
        event::stop_forced.warn(
            log_,
            "asked to stop again: not waiting for what is under way; it is looked up at the next start");
        agent_.force_stop();
        return;
    }
    event::stopping.info(log_, "stopping: finishing what is under way, {} s at most", drain_timeout_.count());
    manager_.stopping("finishing what is under way");
    children_.spawn(end_by(drain_timeout_ + stop_grace));
    agent_.stop();
}

void host::reload_asked()
{
    if (stops_ > 0)
        return;
    reload_again_ = true;
    if (!std::exchange(reloading_, true))
        children_.spawn(reload());
}

// Reading a password may take its time, and the agent works on meanwhile.
task<void> host::reload()
{
    while (std::exchange(reload_again_, false)) {
        manager_.reloading();
        const auto read = co_await blocking_.run(reread_, time_.now() + disk_limit);
        if (read.has_value() && *read) {
            drain_timeout_ = (*read)->agent.drain_timeout;
            const auto outcome = co_await agent_.reload(**read);
            tell(outcome);
        } else if (read.has_error()) {
            event::config_refused.error(log_, "configuration not reloaded: reading it: {}",
                                        read.error().message());
            manager_.ready("configuration not reloaded: it cannot be read");
        } else {
            event::config_refused.error(
                log_,
                "configuration not reloaded: the old one stays in use until the mistakes above are mended");
            manager_.ready("configuration not reloaded: it has mistakes");
        }
    }
    reloading_ = false;
}

void host::tell(const app::agent::reloaded& outcome)
{
    for (const auto& refused : outcome.refused)
        log_.error("configuration: {}", refused);
    for (const auto& note : outcome.notes)
        log_.warn("configuration: {}", note);
    if (outcome.refused.empty()) {
        event::config_reloaded.info(log_, "configuration reloaded");
        manager_.ready("configuration reloaded");
    } else {
        event::config_refused.error(
            log_,
            "configuration reloaded in part: what is named above stays as it was until it is mended and "
            "the agent is reloaded again");
        manager_.ready("configuration reloaded in part: the log says what is wrong");
    }
}

void host::tell(const uplink::link_status& s)
{
    if (stops_ > 0)
        return;
    manager_.status(s.last_error.empty() || s.state == uplink::link_state::connected
                        ? fmt::format("{}: {}", uplink::name(s.state), s.url)
                        : fmt::format("{}: {} ({})", uplink::name(s.state), s.url, s.last_error));
}

task<void> host::keep_watchdog(duration period)
{
    for (;;) {
        manager_.alive();
        if (const auto ec = co_await time_.sleep_for(period / 2); ec)
            co_return;
    }
}

task<void> host::give_back_memory()
{
    if (const auto ec = co_await time_.sleep_for(start_takes); ec)
        co_return;
    for (std::optional<std::uint64_t> before;;) {
        const auto ended = agent_.commands_ended();
        if (!before || ended == *before)
            platform::give_back_idle_memory();
        before = ended;
        if (const auto ec = co_await time_.sleep_for(idle_after); ec)
            co_return;
    }
}

task<void> host::end_by(duration limit)
{
    if (const auto ec = co_await time_.sleep_for(limit); ec)
        co_return;
    event::stop_forced.error(log_, "did not stop in time: ending at once; what is owed is in the store");
    log_.flush();
    std::_Exit(EXIT_FAILURE); // as a crash would: the store is made for it
}

} // namespace relay::service
