// GetUserAvailability: free/busy time, mailbox by mailbox, in the wall clock of the request's zone.
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/occurrences.hpp"
#include "tests/stand_ins/exchange/operations.hpp"
#include "tests/stand_ins/exchange/times.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace relay::exchange_sim {
namespace {

using namespace std::chrono;

constexpr std::size_t most_mailboxes = 100;
constexpr days longest_window{62};
constexpr std::size_t most_events = 1000;
constexpr std::size_t most_members = 99; // of a distribution list, those of lists in it included

enum class view { merged_only, free_busy, free_busy_merged, detailed, detailed_merged };

struct question {
    utc_time start, end;
    const zone_rule* zone;
    exchange_sim::view view;
    minutes interval{30};
    bool times_with_zone = false;
    int meetings_a_day = 0;
};

int number_in(pugi::xml_node parent, std::string_view name, int least, int most)
{
    const auto value = parse_integer(child_text(parent, name));
    if (!value || *value < least || *value > most)
        refuse_schema("The element '" + std::string(name) + "' has no valid value.");
    return static_cast<int>(*value);
}

zone_rule::switch_day read_switch_day(pugi::xml_node node)
{
    constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
    const auto weekday = std::ranges::find(weekdays, child_text(node, "DayOfWeek"));
    const auto time = parse_time_of_day(child_text(node, "Time"));
    if (weekday == weekdays.end() || !time)
        refuse_schema("The element '" + std::string(local_name(node)) + "' has no valid value.");
    return {static_cast<unsigned>(number_in(node, "Month", 0, 12)),
            static_cast<unsigned>(number_in(node, "DayOrder", 0, 5)),
            static_cast<unsigned>(weekday - weekdays.begin()), *time};
}

zone_rule read_zone(pugi::xml_node node)
{
    constexpr int most = 24 * 60;
    zone_rule rule;
    rule.bias = minutes(number_in(node, "Bias", -most, most));
    rule.standard_bias = minutes(number_in(child(node, "StandardTime"), "Bias", -most, most));
    rule.daylight_bias = minutes(number_in(child(node, "DaylightTime"), "Bias", -most, most));
    rule.to_standard = read_switch_day(child(node, "StandardTime"));
    rule.to_daylight = read_switch_day(child(node, "DaylightTime"));
    if (rule.to_standard.month == 0 || rule.to_daylight.month == 0)
        rule.daylight_bias = rule.standard_bias;
    return rule;
}

question read_question(pugi::xml_node request, const zone_rule& zone)
{
    const auto options = child(request, "FreeBusyViewOptions");
    const auto window = child(options, "TimeWindow");
    question q{};
    q.zone = &zone;
    q.start = read_time(child_text(window, "StartTime")).in(zone);
    q.end = read_time(child_text(window, "EndTime")).in(zone);
    if (q.end <= q.start)
        refuse_request("ErrorInvalidTimeInterval",
                       "The start time of the window must be before its end time.");
    if (q.end - q.start > longest_window)
        refuse_request("ErrorTimeIntervalTooBig",
                       "The requested time duration specified for FreeBusyViewOptions.TimeWindow "
                       "is too long. The allowed limit = 62 days.");
    const auto wanted = child_text(options, "RequestedView");
    constexpr std::pair<std::string_view, view> views[] = {{"MergedOnly", view::merged_only},
                                                           {"FreeBusy", view::free_busy},
                                                           {"", view::free_busy},
                                                           {"FreeBusyMerged", view::free_busy_merged},
                                                           {"Detailed", view::detailed},
                                                           {"DetailedMerged", view::detailed_merged}};
    const auto found = std::ranges::find(views, wanted, [](const auto& v) { return v.first; });
    if (wanted == "None")
        refuse_request("ErrorInvalidFreeBusyViewType",
                       "The free/busy view type None is not valid in a request.");
    if (found == std::end(views))
        refuse_schema("RequestedView has an unknown value.");
    q.view = found->second;
    if (child(options, "MergedFreeBusyIntervalInMinutes")) {
        q.interval = minutes(number_in(options, "MergedFreeBusyIntervalInMinutes", -100'000, 100'000));
        if (q.interval < minutes(5) || q.interval > minutes(1440) || q.interval > q.end - q.start)
            refuse_request("ErrorInvalidMergedFreeBusyInterval",
                           "The merged free/busy interval is not valid.");
    }
    return q;
}

// How much a status weighs in a merged view: the digit that stands for it.
int digit_of(std::string_view busy)
{
    constexpr std::array<std::string_view, 6> digits{"Free", "Tentative", "Busy",
                                                     "OOF",  "NoData",    "WorkingElsewhere"};
    const auto found = std::ranges::find(digits, busy);
    return found == digits.end() ? 0 : static_cast<int>(found - digits.begin());
}

// What is worked elsewhere is time somebody can be had: any real status wins over it.
double weight_of(char digit)
{
    return digit == '5' ? 0.5 : digit - '0';
}

void lay_over(char& slot, char digit)
{
    if (weight_of(digit) > weight_of(slot))
        slot = digit;
}

std::string free_slots(const question& q)
{
    return std::string(
        static_cast<std::size_t>((q.end - q.start + q.interval - milliseconds(1)) / q.interval), '0');
}

std::string merged(const std::vector<occurrence>& events, const question& q)
{
    auto digits = free_slots(q);
    for (const auto& e : events) {
        const auto digit = static_cast<char>('0' + (e.is_free() ? 0 : digit_of(e.busy())));
        if (e.start == e.end) // takes no time
            continue;
        const auto from = std::max(e.start, q.start), to = std::min(e.end, q.end);
        for (auto t = from - (from - q.start) % q.interval; t < to; t += q.interval)
            lay_over(digits[static_cast<std::size_t>((t - q.start) / q.interval)], digit);
    }
    return digits;
}

// Half an hour of each hour, from 8:00 on.
void put_made_up_events(std::string& out, const question& q)
{
    for (auto day = floor<days>(q.start); day < q.end; day += days(1))
        for (int i = 0; i < q.meetings_a_day; ++i) {
            const utc_time start = day + hours(8 + i), end = start + minutes(30);
            if (start >= q.end || end <= q.start)
                continue;
            out.append("<t:CalendarEvent>");
            put(out, "StartTime", format_naive(q.zone->to_local(start)));
            put(out, "EndTime", format_naive(q.zone->to_local(end)));
            put(out, "BusyType", "Busy");
            out.append("</t:CalendarEvent>");
        }
}

void put_event(std::string& out, const occurrence& e, const question& q, bool detailed)
{
    out.append("<t:CalendarEvent>");
    const auto time = [&](utc_time t) {
        return q.times_with_zone ? format_rfc3339(floor<seconds>(t)) : format_naive(q.zone->to_local(t));
    };
    put(out, "StartTime", time(e.start));
    put(out, "EndTime", time(e.end));
    put(out, "BusyType", e.is_free() ? std::string_view("Free") : e.busy());
    if (detailed) {
        const bool hidden = e.item->sensitivity == "Private";
        out.append("<t:CalendarEventDetails>");
        put(out, "ID", to_hex(sha256(e.item->id)));
        if (!hidden) {
            put(out, "Subject", e.subject());
            put(out, "Location", e.location());
        }
        put(out, "IsMeeting", e.item->is_meeting());
        put(out, "IsRecurring", e.item->repeats.has_value());
        put(out, "IsException", e.change != nullptr);
        put(out, "IsReminderSet", e.item->reminder_set);
        put(out, "IsPrivate", hidden);
        out.append("</t:CalendarEventDetails>");
    }
    out.append("</t:CalendarEvent>");
}

void put_working_hours(std::string& out)
{
    constexpr std::string_view zone_time =
        "<t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>0</t:DayOrder>"
        "<t:Month>0</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek>";
    out.append("<t:WorkingHours><t:TimeZone><t:Bias>0</t:Bias><t:StandardTime>").append(zone_time);
    out.append("</t:StandardTime><t:DaylightTime>")
        .append(zone_time)
        .append("</t:DaylightTime></t:TimeZone>");
    out.append("<t:WorkingPeriodArray><t:WorkingPeriod><t:DayOfWeek>Monday Tuesday Wednesday Thursday Friday"
               "</t:DayOfWeek><t:StartTimeInMinutes>480</t:StartTimeInMinutes><t:EndTimeInMinutes>1020"
               "</t:EndTimeInMinutes></t:WorkingPeriod></t:WorkingPeriodArray></t:WorkingHours>");
}

std::string_view name_of(view v)
{
    constexpr std::array<std::string_view, 5> names{"MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed",
                                                    "DetailedMerged"};
    return names[static_cast<std::size_t>(v)];
}

// What the caller gets to see of what it asked for.
std::optional<view> allowed_view(view asked, free_busy_rights rights)
{
    switch (rights) {
    case free_busy_rights::detail:
        return asked;
    case free_busy_rights::time:
        return asked == view::detailed          ? view::free_busy
               : asked == view::detailed_merged ? view::free_busy_merged
                                                : asked;
    case free_busy_rights::merged:
        return view::merged_only;
    case free_busy_rights::hidden:
        return std::nullopt;
    case free_busy_rights::no_access:
        break;
    }
    refuse_item("ErrorNoFreeBusyAccess", "The caller has not assigned any free/busy permissions.");
}

bool has_digits(view v)
{
    return v == view::merged_only || v == view::free_busy_merged || v == view::detailed_merged;
}

void open_view(std::string& out, std::string_view type)
{
    out.append("<m:ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>"
               "</m:ResponseMessage><m:FreeBusyView>");
    put(out, "FreeBusyViewType", type);
}

std::vector<occurrence> events_of(const mailbox& box, const question& q, const operation_context& context)
{
    if (!box.free_busy_failure.empty())
        refuse_item(box.free_busy_failure, "The mailbox is not well.");
    auto events = occurrences_in(context.store, context.zones, box, q.start, q.end);
    if (events.size() > most_events)
        refuse_item("ErrorResultSetTooBig", "The result set contains too many calendar entries.");
    return events;
}

void put_view(std::string& out, const mailbox& box, const question& q, const operation_context& context)
{
    const auto seen = allowed_view(q.view, &box == context.acting ? free_busy_rights::detail : box.rights);
    if (!seen) {
        open_view(out, "None");
        out.append("</m:FreeBusyView>");
        return;
    }
    const auto events = events_of(box, q, context);
    open_view(out, name_of(*seen));
    if (has_digits(*seen))
        put(out, "MergedFreeBusy", merged(events, q));
    if (*seen != view::merged_only && (!events.empty() || q.meetings_a_day != 0)) {
        out.append("<t:CalendarEventArray>");
        for (const auto& e : events)
            put_event(out, e, q, *seen == view::detailed || *seen == view::detailed_merged);
        put_made_up_events(out, q);
        out.append("</t:CalendarEventArray>");
    }
    put_working_hours(out);
    out.append("</m:FreeBusyView>");
}

// The mailboxes that a list leads to, each once; of addresses that are none a null.
void collect_members(const mailbox& list, const operation_context& context, std::set<std::string>& seen,
                     std::vector<const mailbox*>& members)
{
    for (const auto& address : list.members) {
        if (!seen.insert(ascii_lower(address)).second)
            continue;
        const auto* member = context.store.find_mailbox(address);
        if (member && !member->members.empty())
            collect_members(*member, context, seen, members);
        else
            members.push_back(member);
    }
}

// A distribution list is answered as one merged view of its members; of whom nothing can be told counts as no data.
void put_list(std::string& out, const mailbox& list, const question& q, const operation_context& context)
{
    std::set<std::string> seen{list.key};
    std::vector<const mailbox*> members;
    collect_members(list, context, seen, members);
    if (members.size() > most_members)
        refuse_item("ErrorFreeBusyDLLimitReached", "The distribution list has too many members.");
    auto joined = free_slots(q);
    for (const auto* member : members) {
        std::string digits(joined.size(), '4');
        try {
            if (member && allowed_view(q.view, member->rights))
                digits = merged(events_of(*member, q, context), q);
        } catch (const item_error&) {
        }
        for (std::size_t i = 0; i < joined.size(); ++i)
            lay_over(joined[i], digits[i]);
    }
    open_view(out, name_of(view::merged_only));
    put(out, "MergedFreeBusy", joined);
    out.append("</m:FreeBusyView>");
}

void put_answer(std::string& out, pugi::xml_node entry, const question& q, const operation_context& context)
{
    const auto address = child_text(child(entry, "Email"), "Address");
    if (!context.failing_code.empty() &&
        (context.failing_mailbox == "*" || context.failing_mailbox == ascii_lower(address)))
        refuse_item(context.failing_code, "The stand-in was told to fail for this mailbox.");
    if (address.find('@') == address.npos)
        refuse_item("ErrorInvalidSmtpAddress", "The SMTP address format is invalid.");
    const auto* box = context.store.find_mailbox(address);
    if (!box)
        refuse_item("ErrorMailRecipientNotFound",
                    "Unable to resolve e-mail address to an Active Directory object.");
    if (box->members.empty())
        put_view(out, *box, q, context);
    else
        put_list(out, *box, q, context);
}

void put_failure(std::string& out, const refusal& r)
{
    out.append("<m:ResponseMessage ResponseClass=\"Error\"><m:MessageText>");
    escape_to(out, r.text);
    out.append("</m:MessageText><m:ResponseCode>").append(r.code);
    out.append("</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
    put_message_xml(out, r, "m");
    out.append(
        "</m:ResponseMessage><m:FreeBusyView><t:FreeBusyViewType>None</t:FreeBusyViewType></m:FreeBusyView>");
}

} // namespace

std::string get_user_availability(operation_context& context)
{
    const auto request = context.request.operation;
    const auto own_zone = child(request, "TimeZone");
    if (!own_zone && context.request.context_zone.empty())
        refuse_request("ErrorTimeZone", "The request names no time zone.");
    const auto zone = own_zone ? read_zone(own_zone) : context.context_zone();
    const auto mailboxes = child(request, "MailboxDataArray");
    const auto count = count_elements(mailboxes);
    if (count == 0)
        refuse_request("ErrorMailboxDataArrayEmpty", "There are no mailboxes in the request.");
    if (count > most_mailboxes)
        refuse_request("ErrorMailboxDataArrayTooBig",
                       "There are too many target users in the request. The allowed limit = "
                       "100.");
    if (!child(request, "FreeBusyViewOptions"))
        refuse_request("ErrorMissingArgument",
                       "FreeBusyViewOptions or SuggestionsViewOptions must be there.");
    auto q = read_question(request, zone);
    q.times_with_zone = context.habits.times_with_zone;
    q.meetings_a_day = context.habits.meetings_a_day;
    if (context.habits.detailed)
        q.view = view::detailed;

    std::string body = "<m:GetUserAvailabilityResponse xmlns:m=\"";
    body.append(messages_namespace)
        .append("\" xmlns:t=\"")
        .append(types_namespace)
        .append("\"><m:FreeBusyResponseArray>");
    for (const auto entry : elements(mailboxes)) {
        body.append("<m:FreeBusyResponse>");
        const auto mark = body.size();
        try {
            put_answer(body, entry, q, context);
        } catch (const item_error& e) {
            body.resize(mark);
            put_failure(body, e);
        }
        body.append("</m:FreeBusyResponse>");
    }
    return envelope(context.server,
                    body.append("</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>"));
}

} // namespace relay::exchange_sim
