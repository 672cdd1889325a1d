#include "agent/store/loop/retention.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

namespace relay::store {
namespace {

constexpr std::size_t pruned_a_call = 500; // some milliseconds of the store's thread, for which commands wait
constexpr std::size_t pages_a_call = 512;  // as much
constexpr duration between_rounds = 1h;
constexpr duration until_told = 2s; // nothing is forgotten before the cloud has told the time

} // namespace

std::optional<utc_time> forgettable(const vouched_time& clock, std::chrono::days keep)
{
    const auto now = clock.proven();
    return now ? std::optional(*now - keep) : std::nullopt;
}

task<void> keep_history(queue_store& store, const vouched_time& clock, time_source& time,
                        std::chrono::days keep, spdlog::logger& log)
{
    bool failing = false;
    for (;;) {
        const auto before = forgettable(clock, keep);
        std::size_t forgotten = 0;
        while (before) {
            const auto pruned = co_await store.prune(*before, clock.at_the_latest(), pruned_a_call);
            if (pruned.has_error() && !failing)
                log.warn("queue: cannot forget old commands: {}; tried again hourly",
                         pruned.error().message());
            failing = pruned.has_error();
            if (failing)
                break;
            forgotten += *pruned;
            if (*pruned < pruned_a_call)
                break;
        }
        for (bool more = before && !failing; more;) {
            const auto given_back = co_await store.shrink(pages_a_call);
            more = given_back.has_value() && *given_back == pages_a_call;
        }
        if (forgotten != 0)
            log.debug("queue: forgot {} commands that finished more than {} days ago", forgotten,
                      keep.count());
        if (const auto ec = co_await time.sleep_for(before ? between_rounds : until_told))
            co_return;
    }
}

} // namespace relay::store
