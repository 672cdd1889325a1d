// GetUserAvailability, asked in UTC: the answer's times come without a zone and are in the request's.
#include "agent/ews/requests.hpp"
#include "agent/ews/soap_request.hpp"
#include "common/time/rfc3339.hpp"

#include <algorithm>

namespace relay::ews {
namespace {

// A zone without daylight saving still needs both changes, with equal biases (else ErrorSchemaValidation).
void add_change(pugi::xml_node zone, const char* element, std::string_view month)
{
    auto change = add(zone, element);
    add(change, "t:Bias", "0");
    add(change, "t:Time", "00:00:00");
    add(change, "t:DayOrder", "1");
    add(change, "t:Month", month);
    add(change, "t:DayOfWeek", "Sunday");
}

void add_utc(pugi::xml_node parent)
{
    auto zone = add(parent, "t:TimeZone");
    add(zone, "t:Bias", "0");
    add_change(zone, "t:StandardTime", "10");
    add_change(zone, "t:DaylightTime", "3");
}

// Without Z: the window is read in the request's zone.
void add_naive_time(pugi::xml_node parent, const char* element, utc_time time)
{
    auto text = format_rfc3339(time);
    text.pop_back();
    add(parent, element, text);
}

} // namespace

availability_window window_for(utc_time start, utc_time end)
{
    availability_window w;
    w.start = std::chrono::floor<std::chrono::seconds>(start);
    // A whole number of intervals, more than one: the digits of a merged answer then cover the window, and no more.
    const auto intervals =
        std::chrono::ceil<milliseconds>(end - w.start + w.merge_interval - milliseconds{1}) /
        milliseconds{w.merge_interval};
    w.end = w.start + w.merge_interval * std::max<std::int64_t>(intervals, 2);
    w.end = std::min<utc_time>(w.end, w.start + max_availability_window);
    return w;
}

std::string write_availability(std::span<const mailbox_address> mailboxes, const availability_window& window)
{
    soap_request request("m:GetUserAvailabilityRequest", nullptr);
    auto get = request.operation();
    add_utc(get);
    auto array = add(get, "m:MailboxDataArray");
    for (const auto& mailbox : mailboxes) {
        auto data = add(array, "t:MailboxData");
        add(add(data, "t:Email"), "t:Address", mailbox.str());
        add(data, "t:AttendeeType", "Required");
    }
    auto options = add(get, "t:FreeBusyViewOptions");
    auto times = add(options, "t:TimeWindow");
    add_naive_time(times, "t:StartTime", window.start);
    add_naive_time(times, "t:EndTime", window.end);
    // Said although we ask for no merged view: a server that lets us see no more, or is asked about a distribution
    // list, answers with nothing else. The shortest interval that Exchange takes loses least.
    add(options, "t:MergedFreeBusyIntervalInMinutes", std::to_string(window.merge_interval.count()));
    add(options, "t:RequestedView", "FreeBusy");
    return request.str();
}

} // namespace relay::ews
