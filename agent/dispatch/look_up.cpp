#include "agent/dispatch/look_up.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace relay::dispatch {
namespace {

void take_in(marked_items& items, std::vector<ews::found_item> found)
{
    for (auto& item : found)
        (item.where == ews::whereabouts::live ? items.live : items.deleted).push_back(std::move(item));
}

ews::error out_of_time()
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_unavailable,
               "the mailbox has more folders than could be looked through in time",
               {}};
    e.remedy = ews::remedy::retry;
    return e;
}

using request_limit = std::function<std::optional<duration>()>;

// Adds what lies in the other folders of the mailbox.
task<ews::outcome<void>> look_elsewhere(ews::exchange& exchange, const request_limit& limit,
                                        const mailbox_address& mailbox, const std::string& event_id,
                                        marked_items& items)
{
    auto left = limit();
    if (!left)
        co_return out_of_time();
    const auto folders = co_await exchange.other_folders(mailbox, *left);
    if (folders.has_error())
        co_return folders.error();
    for (auto rest = std::span(*folders); !rest.empty();) {
        const auto some = rest.first(std::min(rest.size(), ews::max_find_folders));
        rest = rest.subspan(some.size());
        left = limit();
        if (!left)
            co_return out_of_time();
        std::vector<ews::mail_folder> asked(some.begin(), some.end());
        auto found = co_await exchange.find_in(mailbox, event_id, std::move(asked), *left);
        if (found.has_error())
            co_return found.error();
        take_in(items, std::move(*found));
    }
    for (auto& item : items.live) {
        left = limit();
        if (!left)
            co_return out_of_time();
        const auto whole = co_await exchange.get(mailbox, item.ref, *left);
        if (whole.has_error())
            co_return retry_if_moved(whole.error());
        item.uid = whole->uid;
        item.invited = whole->invited;
    }
    co_return boost::system::in_place_value;
}

} // namespace

const ews::found_item* marked_items::changed_by(const std::string& id) const
{
    for (const auto* items : {&live, &deleted})
        for (const auto& item : *items)
            if (item.command_id == id)
                return &item;
    return nullptr;
}

task<ews::outcome<marked_items>> look_up(ews::exchange& exchange,
                                         std::function<std::optional<duration>()> limit,
                                         const mailbox_address& mailbox, const std::string& event_id,
                                         reach far)
{
    const auto left = limit();
    if (!left)
        co_return out_of_time();
    auto found = co_await exchange.find(mailbox, event_id, *left);
    if (found.has_error())
        co_return found.error();
    marked_items items;
    take_in(items, std::move(*found));
    if (items.live.empty() && far == reach::everywhere) {
        const auto elsewhere = co_await look_elsewhere(exchange, limit, mailbox, event_id, items);
        if (elsewhere.has_error())
            co_return elsewhere.error();
    }
    co_return items;
}

task<ews::outcome<marked_items>> look_up(command_run& run, const mailbox_address& mailbox,
                                         const std::string& event_id, reach far)
{
    request_limit limit = [&run, first = true]() mutable -> std::optional<duration> {
        if (!std::exchange(first, false) && run.is_read() && run.deadline_passed())
            return std::nullopt;
        return run.request_limit();
    };
    auto items = co_await look_up(run.use().exchange, std::move(limit), mailbox, event_id, far);
    if (items.has_value())
        run.succeeded();
    co_return items;
}

task<boost::system::result<marked_items, ending>> look_for(command_run& run, const mailbox_address& mailbox,
                                                           const std::string& event_id, reach unsettled,
                                                           reach settled)
{
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
        if (far != reach::certain || again || !found->live.empty() || !found->deleted.empty())
            co_return std::move(*found);
        again = true;
        if (auto over = co_await run.wait_for_sight())
            co_return *over;
    }
}

ews::error retry_if_moved(ews::error e)
{
    if (e.fault.exchange == "ErrorItemNotFound")
        e.remedy = ews::remedy::retry;
    return e;
}

protocol::fault event_not_found()
{
    return {protocol::fault_code::event_not_found, "no item of the mailbox carries this event_id", {}};
}

protocol::fault copied_by_hand()
{
    return {protocol::fault_code::conflict,
            "several items of the mailbox carry this event_id: somebody copied the meeting; delete the "
            "copies in Outlook",
            {}};
}

} // namespace relay::dispatch
