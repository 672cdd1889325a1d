#include "agent/commands/look_for.hpp"

#include "agent/store/loop/command_subject.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <utility>

namespace relay::commands {
namespace {

void say_not_searched(command_run& run, const marked_items& items)
{
    if (!items.live.empty())
        return;
    if (const auto unknown = not_searched(items))
        unnamed.warn(run.use().log, subject_of(run.context()),
                     "{} {}: {}; what is in them counts as not found", run.context().op, run.context().id,
                     unknown->message);
}

} // namespace

task<ews::outcome<marked_items>> look_up(command_run& run, const mailbox_address& mailbox,
                                         const std::string& event_id, search_scope far)
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
                                                           const std::string& event_id,
                                                           search_scope unsettled, search_scope settled,
                                                           std::string_view uid)
{
    const auto answers = [&](const ews::found_item& item) { return uid.empty() || item.uid == uid; };
    // Nothing at all was found everywhere: only a new item can have been missed, in the calendar.
    bool again = false;
    std::vector<ews::folder_refusal> refused; // by the look through all folders
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        // Decided before the question leaves: an effect may come between the answer and its arrival.
        const bool conclusive = run.settled();
        // It may have become a repeat while it waited: time may have jumped.
        const bool doubt = !run.is_read() && run.may_be_repeat();
        const auto far = !conclusive ? unsettled : doubt ? search_scope::certain : settled;
        auto found = co_await look_up(run, mailbox, event_id,
                                      far == search_scope::usual || again ? search_scope::usual
                                                                          : search_scope::everywhere);
        if (found.has_error()) {
            if (auto over = co_await run.after_failure(found.error()))
                co_return *over;
            continue;
        }
        found->conclusive = conclusive;
        if (far != search_scope::certain || again || !found->live.empty() ||
            std::ranges::any_of(found->deleted, answers)) {
            if (refused.size() > found->refused.size())
                found->refused = std::move(refused);
            say_not_searched(run, *found);
            co_return std::move(*found);
        }
        again = true;
        refused = std::move(found->refused);
        if (auto over = co_await run.wait_for_sight())
            co_return *over;
    }
}

protocol::fault event_not_found(const marked_items& items)
{
    protocol::fault f{
        protocol::fault_code::event_not_found, "no item of the mailbox carries this event_id", {}};
    if (const auto unknown = not_searched(items))
        f.message += "; " + unknown->message;
    return f;
}

std::optional<protocol::fault> not_searched(const marked_items& items)
{
    if (items.refused.empty())
        return std::nullopt;
    const auto& first = items.refused.front();
    auto f = first.why.fault;
    f.message = fmt::format("{} of the mailbox's folders cannot be searched{} ({})", items.refused.size(),
                            first.id.empty() ? ", Deleted Items among them" : "", f.exchange);
    return f;
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
