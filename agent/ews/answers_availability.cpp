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

std::optional<busy_period> period_of(pugi::xml_node event, bool& readable)
{
    const auto start = parse_xml_time(trimmed(child(event, "StartTime")));
    const auto end = parse_xml_time(trimmed(child(event, "EndTime")));
    readable = start.has_value() && end.has_value() && *start <= *end;
    const auto status = busy_status_of(trimmed(child(event, "BusyType")));
    if (!readable || !status || *start == *end)
        return std::nullopt;
    return busy_period{*start, *end, *status};
}

mailbox_busy read_events(pugi::xml_node events, const availability_window& window)
{
    std::vector<busy_period> periods;
    for (auto event = events.first_child(); event; event = event.next_sibling()) {
        if (local_name(event) != "CalendarEvent")
            continue;
        bool readable = true;
        const auto period = period_of(event, readable);
        if (!readable) // half a list would show time as free that is not
            return unreadable_view();
        if (period && period->start < window.end && period->end > window.start)
            periods.push_back(*period);
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

mailbox_busy read_view(pugi::xml_node view, const availability_window& window)
{
    const auto type = trimmed(child(view, "FreeBusyViewType"));
    if (const auto events = child(view, "CalendarEventArray"))
        return read_events(events, window);
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
    return e.remedy == remedy::give_up ||
           std::ranges::find(mailbox_codes, e.fault.exchange) != mailbox_codes.end();
}

} // namespace

outcome<std::vector<mailbox_busy>> read_availability(const soap_answer& a, std::size_t mailboxes,
                                                     const availability_window& window, const call& c)
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
            answers.push_back(read_view(child(node, "FreeBusyView"), window));
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
    if (answers.size() != mailboxes)
        return failed_call(c, fault_code::exchange_unavailable, remedy::give_up,
                           "Exchange answered for another number of mailboxes than it was asked about");
    if (first && failed_as_a_whole == mailboxes)
        return std::move(*first);
    return answers;
}

} // namespace relay::ews
