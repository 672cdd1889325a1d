#include "agent/dispatch/look_up.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace relay::dispatch {
namespace {

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
                                        std::vector<ews::found_item>& all)
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
        std::ranges::move(*found, std::back_inserter(all));
    }
    co_return boost::system::in_place_value;
}

// Asks for what a search does not tell.
task<ews::outcome<void>> complete(ews::exchange& exchange, const request_limit& limit,
                                  const mailbox_address& mailbox, std::vector<ews::found_item>& all)
{
    for (auto& item : all) {
        if (!item.uid.empty())
            continue;
        const auto left = limit();
        if (!left)
            co_return out_of_time();
        const auto whole = co_await exchange.get(mailbox, item.ref, *left);
        if (whole.has_error())
            co_return retry_if_moved(whole.error());
        item.uid = whole->uid;
        item.invited = whole->invited;
        item.series = whole->series;
    }
    co_return boost::system::in_place_value;
}

} // namespace

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
    auto done = co_await complete(exchange, limit, mailbox, *found);
    if (done.has_error())
        co_return done.error();
    auto items = sorted_out(*found);
    const bool suspicious = !items.live.empty() || !items.copies.empty();
    if (holds_original(items) || (far == reach::usual && !suspicious))
        co_return items;
    done = co_await look_elsewhere(exchange, limit, mailbox, event_id, *found);
    if (!done.has_error())
        done = co_await complete(exchange, limit, mailbox, *found);
    if (done.has_error())
        co_return done.error();
    items = sorted_out(std::move(*found));
    items.everywhere = true;
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

} // namespace relay::dispatch
