// GetUserAvailability's answer: one free/busy view a mailbox, as events or as merged digits.
#include "agent/ews/answers.hpp"
#include "agent/ews/vocabulary.hpp"
#include "common/time/rfc3339.hpp"

#include <algorithm>
#include <array>

namespace relay::ews {
namespace {

using protocol::fault;
using protocol::fault_code;

// Codes that tell of one mailbox's own trouble (a server elsewhere, a move), however often they come.
constexpr std::array<std::string_view, 6> mailbox_codes{
    "ErrorMailboxLogonFailed",     "ErrorProxyRequestProcessingFailed",
    "ErrorServiceDiscoveryFailed", "ErrorFreeBusyGenerationFailed",
    "ErrorTimeoutExpired",         "ErrorMailboxFailover"};

fault unreadable_view()
{
    return {fault_code::exchange_error, "Exchange's free/busy answer for this mailbox cannot be read",
            "ErrorFreeBusyGenerationFailed"}; // the nearest to what it failed at
}

fault no_rights()
{
    return {fault_code::exchange_error,
            "Exchange shows no free/busy times of this mailbox to the service account; its calendar "
            "permissions hide them",
            "ErrorNoFreeBusyAccess"};
}

// What a CalendarEvent is worth.
enum class entry {
    period,
    nothing,    // free, or without length
    broken,     // it takes no time that could be told: damaged items have such
    unreadable, // nobody knows which time it takes
};

// Of a date that was never set.
bool is_never(std::string_view time)
{
    return time.starts_with("0001-");
}

entry read_entry(pugi::xml_node event, busy_period& period)
{
    const auto from = trimmed(child(event, "StartTime")), to = trimmed(child(event, "EndTime"));
    if (is_never(from) || is_never(to))
        return entry::broken;
    const auto start = parse_xml_time(from), end = parse_xml_time(to);
    if (start.has_error() || end.has_error())
        return entry::unreadable;
    if (*end < *start)
        return entry::broken;
    const auto status = busy_status_of(trimmed(child(event, "BusyType")));
    if (!status || *start == *end)
        return entry::nothing;
    period = {*start, *end, *status};
    return entry::period;
}

mailbox_busy read_events(pugi::xml_node events, const availability_window& window, bool& left_out)
{
    std::vector<busy_period> periods;
    for (auto event = events.first_child(); event; event = event.next_sibling()) {
        if (local_name(event) != "CalendarEvent")
            continue;
        busy_period period{};
        const auto what = read_entry(event, period);
        if (what == entry::unreadable) // half a list would show time as free that is not
            return unreadable_view();
        left_out = left_out || what == entry::broken;
        if (what == entry::period && period.start < window.end && period.end > window.start)
            periods.push_back(period);
    }
    return periods;
}

// Each digit is the worst status in its interval, from the window's start on. Where they end before the window does,
// nothing is known of the rest.
std::vector<busy_period> read_digits(std::string_view digits, const availability_window& window)
{
    std::vector<busy_period> periods;
    auto from = window.start;
    for (std::size_t i = 0; from < window.end; ++i, from += window.merge_interval) {
        const auto status = i < digits.size() ? busy_status_of_digit(digits[i]) : busy_status::no_data;
        if (!status)
            continue;
        const auto to = std::min<utc_time>(from + window.merge_interval, window.end);
        if (!periods.empty() && periods.back().end == from && periods.back().status == *status)
            periods.back().end = to;
        else
            periods.push_back({from, to, *status});
    }
    return periods;
}

mailbox_busy read_view(pugi::xml_node view, const availability_window& window, bool& left_out)
{
    const auto type = trimmed(child(view, "FreeBusyViewType"));
    if (const auto events = child(view, "CalendarEventArray"))
        return read_events(events, window, left_out);
    if (type.find("Merged") != type.npos) {
        const auto digits = trimmed(child(view, "MergedFreeBusy"));
        if (!digits.empty())
            return read_digits(digits, window);
        return type == "MergedOnly" ? mailbox_busy(no_rights()) : mailbox_busy(std::vector<busy_period>{});
    }
    if (type == "FreeBusy" || type == "Detailed")
        return std::vector<busy_period>{};                   // no list: nothing in the window
    return type == "None" ? no_rights() : unreadable_view(); // never read as free
}

bool is_mailboxes_own(const error& e)
{
    return e.retry_action == retry_action::give_up ||
           std::ranges::find(mailbox_codes, e.fault.exchange) != mailbox_codes.end();
}

} // namespace

outcome<std::vector<mailbox_busy>> read_availability(const soap_answer& a, std::size_t mailboxes,
                                                     const availability_window& window, const call& c,
                                                     std::vector<std::size_t>* with_left_out)
{
    const auto response = a.operation();
    std::vector<mailbox_busy> answers;
    std::size_t failed_as_a_whole = 0;
    std::optional<error> first;
    const auto array = child(response, "FreeBusyResponseArray");
    for (auto node = array.first_child(); node; node = node.next_sibling()) {
        if (local_name(node) != "FreeBusyResponse")
            continue;
        const auto message = child(node, "ResponseMessage");
        if (succeeded(message)) {
            bool left_out = false;
            answers.push_back(read_view(child(node, "FreeBusyView"), window, left_out));
            if (left_out && with_left_out)
                with_left_out->push_back(answers.size() - 1);
            continue;
        }
        auto e = classify_message(message, c);
        answers.emplace_back(e.fault);
        if (is_mailboxes_own(e))
            continue;
        ++failed_as_a_whole;
        if (!first)
            first = std::move(e);
    }
    if (answers.size() != mailboxes) {
        auto e = failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                             "Exchange answered for another number of mailboxes than it was asked about");
        e.of_mailboxes = true; // smaller lists tell who is left out
        return e;
    }
    if (first && failed_as_a_whole == mailboxes)
        return std::move(*first);
    return answers;
}

} // namespace relay::ews
