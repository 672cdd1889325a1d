#include "tests/stand_ins/cloud/watch_checks.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/array.hpp>

#include <algorithm>

namespace relay::cloud_sim {
namespace {

constexpr std::int64_t usual_days = 60; // horizon_days where it is absent

std::string_view text_in(const json::object& o, std::string_view name)
{
    const auto* value = o.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string_view(*text) : std::string_view{};
}

const json::array* list_in(const json::object& o, std::string_view name)
{
    const auto* value = o.if_contains(name);
    return value ? value->if_array() : nullptr;
}

std::int64_t days_in(const json::object& params)
{
    const auto* days = params.if_contains("horizon_days");
    return days && days->is_int64() ? days->get_int64() : usual_days;
}

} // namespace

void watch_book::asked(std::string_view op, const json::object& params)
{
    const auto* mailboxes = list_in(params, "mailboxes");
    if (op != "availability.watch" || !mailboxes)
        return;
    auto& w = watches_[std::string(text_in(params, "watch_id"))];
    for (const auto& m : *mailboxes)
        if (const auto* name = m.if_string()) {
            auto& days = w.mailboxes[ascii_lower(*name)];
            days = std::max(days, days_in(params));
        }
}

void watch_book::check(const json::object& frame, findings& found) const
{
    const auto* field = frame.if_contains("data");
    const auto* data = field ? field->if_object() : nullptr;
    if (text_in(frame, "event") != "availability.changed" || !data)
        return;
    const auto w = watches_.find(std::string(text_in(*data, "watch_id")));
    if (w == watches_.end()) {
        found.push_back({"unasked_event", "data.watch_id is of no watch that was asked for"});
        return;
    }
    const auto mailbox = w->second.mailboxes.find(ascii_lower(text_in(*data, "mailbox")));
    if (mailbox == w->second.mailboxes.end()) {
        found.push_back({"unasked_event", "data.mailbox is not among those of the watch"});
        return;
    }
    const auto as_of = parse_rfc3339(text_in(*data, "as_of"));
    const auto* busy = list_in(*data, "busy");
    if (!as_of || !busy)
        return;
    const auto end = *as_of + std::chrono::days(mailbox->second);
    for (const auto& entry : *busy) {
        const auto* period = entry.if_object();
        const auto to = parse_rfc3339(period ? text_in(*period, "end") : std::string_view{});
        if (to && *to > end) {
            found.push_back({"event", "data.busy goes beyond the horizon of the watch"});
            return;
        }
    }
}

} // namespace relay::cloud_sim
