#include "common/log_event/log_event.hpp"

#include <algorithm>

namespace relay::event {

std::span<const log_event> all() noexcept
{
    static constexpr log_event events[] = {
        started,         stopping,       stopped,        stop_forced,
        config_reloaded, config_refused, clock_jump,     internal_fault,
        link_up,         link_down,      link_rejected,  link_drained,
        cloud_problem,   old_copy_found, cloud_set_back, certificate_renewed,
        exchange_up,     exchange_busy,  streaming_up,   exchange_auth_failed,
        streaming_down,  write_doubtful, queue_up,       certificate_not_renewed,
        queue_down,      queue_full,     queue_damaged,  exchange_unreachable,
        audit_up,        audit_down,     audit_changed};
    return events;
}

const log_event* named(std::string_view name) noexcept
{
    const auto events = all();
    const auto found = std::ranges::find(events, name, &log_event::name);
    return found == events.end() ? nullptr : &*found;
}

} // namespace relay::event
