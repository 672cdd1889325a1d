#include "agent/exchange_access/look_up.hpp"

#include "agent/ews/reasons.hpp"

#include <algorithm>
#include <iterator>
#include <span>

namespace relay::exchange_access {
namespace {

ews::error out_of_time()
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_unavailable,
               "the mailbox has more folders than could be looked through in time",
               {}};
    e.retry_action = ews::retry_action::retry;
    return e;
}

using request_limit = std::function<std::optional<duration>()>;

// Adds what lies in the other folders of the mailbox.
task<ews::outcome<void>> look_elsewhere(ews::exchange& exchange, const request_limit& limit,
                                        const mailbox_address& mailbox, const std::string& event_id,
                                        ews::search_result& all)
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
        std::ranges::move(found->items, std::back_inserter(all.items));
        std::ranges::move(found->refused, std::back_inserter(all.refused));
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
                                         search_scope far)
{
    const auto left = limit();
    if (!left)
        co_return out_of_time();
    auto found = co_await exchange.find(mailbox, event_id, *left);
    if (found.has_error())
        co_return found.error();
    auto done = co_await complete(exchange, limit, mailbox, found->items);
    if (done.has_error())
        co_return done.error();
    auto items = sorted_out(found->items);
    const bool suspicious = !items.live.empty() || !items.copies.empty();
    if (holds_original(items) || (far == search_scope::usual && !suspicious)) {
        items.refused = std::move(found->refused);
        co_return items;
    }
    done = co_await look_elsewhere(exchange, limit, mailbox, event_id, *found);
    if (!done.has_error())
        done = co_await complete(exchange, limit, mailbox, found->items);
    if (done.has_error())
        co_return done.error();
    items = sorted_out(std::move(found->items));
    items.refused = std::move(found->refused);
    items.everywhere = true;
    co_return items;
}

ews::error retry_if_moved(ews::error e)
{
    if (ews::is_item_gone(e.fault))
        e.retry_action = ews::retry_action::retry;
    return e;
}

} // namespace relay::exchange_access
