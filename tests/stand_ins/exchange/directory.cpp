// ResolveNames, GetServerTimeZones and ConvertId: what the server knows besides calendars.
#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/item_shape.hpp"
#include "tests/stand_ins/exchange/operations.hpp"

#include <array>

namespace relay::exchange_sim {
namespace {

constexpr std::size_t most_resolved = 100;

std::vector<const mailbox*> resolve(std::string_view entry, operation_context& context)
{
    if (ascii_lower(entry.substr(0, 5)) == "smtp:")
        entry.remove_prefix(5);
    if (entry.find('@') != entry.npos) {
        const auto* exact = context.store.find_mailbox(entry);
        return exact && !exact->hidden ? std::vector<const mailbox*>{exact} : std::vector<const mailbox*>{};
    }
    std::vector<const mailbox*> found;
    const auto wanted = ascii_lower(entry);
    for (const auto& box : context.store.mailboxes())
        if (!box.hidden &&
            (box.key.starts_with(wanted) || ascii_lower(box.display_name).find(wanted) != std::string::npos))
            found.push_back(&box);
    return found;
}

std::string duration_text(std::chrono::minutes length)
{
    const auto minutes = length.count();
    return (minutes < 0 ? "-PT" : "PT") + std::to_string(minutes < 0 ? -minutes : minutes) + "M";
}

std::string offset_text(std::chrono::seconds time)
{
    return (time.count() < 0 ? "-PT" : "PT") + std::to_string(std::abs(time.count())) + "S";
}

void put_period(std::string& out, const std::string& id, std::string_view name, std::chrono::minutes bias)
{
    out.append("<t:Period");
    put_attribute(out, "Bias", duration_text(bias));
    put_attribute(out, "Name", name);
    put_attribute(out, "Id", id);
    out.append("/>");
}

void put_transition(std::string& out, const std::string& period, const zone_rule::switch_day& day)
{
    constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
    out.append("<t:RecurringDayTransition><t:To Kind=\"Period\">");
    escape_to(out, period);
    out.append("</t:To>");
    put(out, "TimeOffset", offset_text(day.time));
    put(out, "Month", std::int64_t{day.month});
    put(out, "DayOfWeek", weekdays[day.weekday]);
    put(out, "Occurrence", day.week == 5 ? std::int64_t{-1} : std::int64_t{day.week});
    out.append("</t:RecurringDayTransition>");
}

void put_zone(std::string& out, const std::string& id, const zone_rule& rule, bool full)
{
    out.append("<t:TimeZoneDefinition");
    put_attribute(out, "Id", id);
    put_attribute(out, "Name", id);
    if (!full) {
        out.append("/>");
        return;
    }
    const auto standard = "trule:Microsoft/Registry/" + id + "/1-Standard";
    const auto daylight = "trule:Microsoft/Registry/" + id + "/1-Daylight";
    out.append("><t:Periods>");
    put_period(out, standard, "Standard", rule.bias + rule.standard_bias);
    if (rule.has_daylight())
        put_period(out, daylight, "Daylight", rule.bias + rule.daylight_bias);
    out.append("</t:Periods><t:TransitionsGroups><t:TransitionsGroup Id=\"0\">");
    if (rule.has_daylight()) {
        put_transition(out, daylight, rule.to_daylight);
        put_transition(out, standard, rule.to_standard);
    } else {
        out.append("<t:Transition><t:To Kind=\"Period\">");
        escape_to(out, standard);
        out.append("</t:To></t:Transition>");
    }
    out.append("</t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition><t:To "
               "Kind=\"Group\">0</t:To>"
               "</t:Transition></t:Transitions></t:TimeZoneDefinition>");
}

} // namespace

std::string resolve_names(operation_context& context)
{
    const auto request = context.request.operation;
    if (!parse_boolean(attribute(request, "ReturnFullContactData")))
        refuse_schema("The attribute 'ReturnFullContactData' is missing or has an unknown value.");
    const auto found = resolve(child_text(request, "UnresolvedEntry"), context);
    const auto put_resolutions = [&](std::string& out) {
        const auto count = std::min(found.size(), most_resolved);
        out.append("<m:ResolutionSet");
        put_attribute(out, "TotalItemsInView", std::to_string(count));
        put_attribute(out, "IncludesLastItemInRange", count == found.size() ? "true" : "false");
        out.append(">");
        for (std::size_t i = 0; i < count; ++i) {
            out.append("<t:Resolution>");
            put_mailbox_element(out, found[i]->display_name, found[i]->email,
                                found[i]->members.empty() ? "Mailbox" : "PublicDL");
            out.append("</t:Resolution>");
        }
        out.append("</m:ResolutionSet>");
    };
    answer_writer answer(context.server, "ResolveNames");
    if (!context.acting)
        answer.error({"ErrorNameResolutionNoMailbox", "The account has no mailbox to resolve names in.", {}});
    else if (found.empty())
        answer.error({"ErrorNameResolutionNoResults", "No results were found.", {}});
    else if (found.size() == 1)
        answer.message(put_resolutions);
    else
        answer.warning("ErrorNameResolutionMultipleResults", "Multiple results were found.", put_resolutions);
    return std::move(answer).finish();
}

std::string get_server_time_zones(operation_context& context)
{
    const auto request = context.request.operation;
    const bool full = parse_boolean(attribute(request, "ReturnFullTimeZoneData")).value_or(true);
    const auto ids = child(request, "Ids");
    answer_writer answer(context.server, "GetServerTimeZones");
    answer.message([&](std::string& out) {
        out.append("<m:TimeZoneDefinitions>");
        if (ids) {
            // Unknown ids are left out, as Exchange does.
            for (const auto node : elements(ids))
                if (const std::string id(text_of(node)); const auto* rule = context.zones.find(id))
                    put_zone(out, id, *rule, full);
        } else {
            for (const auto& [id, rule] : context.zones.all())
                put_zone(out, id, rule, full);
        }
        out.append("</m:TimeZoneDefinitions>");
    });
    return std::move(answer).finish();
}

// Between Exchange's own form of an id and hexadecimal: enough for clients that convert something to see who
// answers.
std::string convert_id(operation_context& context)
{
    const auto request = context.request.operation;
    const auto format = attribute(request, "DestinationFormat");
    if (format != "EwsId" && format != "HexEntryId" && format != "EntryId")
        refuse_request("ErrorInvalidIdFormat", "The stand-in does not convert to this format.");
    answer_writer answer(context.server, "ConvertId");
    for (const auto node : elements(child(request, "SourceIds")))
        answer.message([&](std::string& out) {
            const auto id = attribute(node, "Id");
            const auto blob = from_base64(id);
            const bool known = blob && blob->size() == 48 && context.store.find(id);
            if (!known)
                refuse_item("ErrorInvalidIdMalformed", "Id is malformed.");
            out.append(
                R"(<m:AlternateId xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t:AlternateIdType")");
            put_attribute(out, "Format", format);
            put_attribute(out, "Id", format == "HexEntryId" ? to_hex(*blob) : std::string(id));
            put_attribute(out, "Mailbox", attribute(node, "Mailbox"));
            out.append("/>");
        });
    return std::move(answer).finish();
}

} // namespace relay::exchange_sim
