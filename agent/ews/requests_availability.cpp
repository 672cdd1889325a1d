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
    using std::chrono::seconds;
    constexpr std::chrono::minutes usual{30},
        shortest{5}; // Exchange takes 5 to 1440, below the window's length
    availability_window w;
    w.merge_interval = end - start > usual ? usual : shortest;
    w.start = std::chrono::floor<seconds>(start);
    w.end = std::max<utc_time>(std::chrono::ceil<seconds>(end), w.start + 2 * shortest);
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
    // Said although we ask for no merged view: a server may still answer with nothing else, and the default
    // of 30 is refused where the window is no longer than that.
    add(options, "t:MergedFreeBusyIntervalInMinutes", std::to_string(window.merge_interval.count()));
    add(options, "t:RequestedView", "FreeBusy");
    return request.str();
}

} // namespace relay::ews
