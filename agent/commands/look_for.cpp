#include "agent/commands/look_for.hpp"

#include <algorithm>
#include <utility>

namespace relay::commands {

task<ews::outcome<marked_items>> look_up(command_run& run, const mailbox_address& mailbox,
                                         const std::string& event_id, reach far)
{
    std::function<std::optional<duration>()> limit = [&run,
                                                      first = true]() mutable -> std::optional<duration> {
        if (!std::exchange(first, false) && run.is_read() && run.deadline_passed())
            return std::nullopt;
        return run.request_limit();
    };
    auto items =
        co_await exchange_access::look_up(run.use().exchange, std::move(limit), mailbox, event_id, far);
    if (items.has_value())
        run.succeeded();
    co_return items;
}

task<boost::system::result<marked_items, ending>> look_for(command_run& run, const mailbox_address& mailbox,
                                                           const std::string& event_id, reach unsettled,
                                                           reach settled, std::string_view uid)
{
    const auto answers = [&](const ews::found_item& item) { return uid.empty() || item.uid == uid; };
    // Nothing at all was found everywhere: only a new item can have been missed, in the calendar.
    bool again = false;
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        // Decided before the question leaves: an effect may come between the answer and its arrival.
        const bool conclusive = run.settled();
        // It may have become a repeat while it waited: time may have jumped.
        const bool doubt = !run.is_read() && run.may_be_repeat();
        const auto far = !conclusive ? unsettled : doubt ? reach::certain : settled;
        auto found = co_await look_up(run, mailbox, event_id,
                                      far == reach::usual || again ? reach::usual : reach::everywhere);
        if (found.has_error()) {
            if (auto over = co_await run.after_failure(found.error()))
                co_return *over;
            continue;
        }
        found->conclusive = conclusive;
        if (far != reach::certain || again || !found->live.empty() ||
            std::ranges::any_of(found->deleted, answers))
            co_return std::move(*found);
        again = true;
        if (auto over = co_await run.wait_for_sight())
            co_return *over;
    }
}

protocol::fault event_not_found()
{
    return {protocol::fault_code::event_not_found, "no item of the mailbox carries this event_id", {}};
}

protocol::fault copied_by_hand()
{
    return {protocol::fault_code::conflict,
            "several items of the mailbox carry this event_id: somebody copied the meeting, or restored one "
            "that was deleted; delete the copies in Outlook",
            {}};
}

protocol::fault made_a_series()
{
    return {protocol::fault_code::conflict,
            "somebody made a series of this meeting in Outlook, and the agent changes none: end the series "
            "there, or have the host change or delete it",
            {}};
}

} // namespace relay::commands
