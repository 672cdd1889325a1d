#include "tests/stand_ins/exchange/property_path.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/refusal.hpp"
#include "tests/stand_ins/exchange/xml.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace relay::exchange_sim {
namespace {

// [MS-OXPROPS] 1.3.2
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> distinguished_sets{{
    {"Meeting", "6ed8da90-450b-101b-98da-00aa003f1305"},
    {"Appointment", "00062002-0000-0000-c000-000000000046"},
    {"Common", "00062008-0000-0000-c000-000000000046"},
    {"PublicStrings", "00020329-0000-0000-c000-000000000046"},
    {"Address", "00062004-0000-0000-c000-000000000046"},
    {"InternetHeaders", "00020386-0000-0000-c000-000000000046"},
    {"CalendarAssistant", "11000e07-b51b-40d6-af21-caa85edab1d0"},
    {"UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b"},
    {"Task", "00062003-0000-0000-c000-000000000046"},
    {"Sharing", "00062040-0000-0000-c000-000000000046"},
}};

constexpr std::string_view global_object_id = "6ed8da90-450b-101b-98da-00aa003f1305#3";
constexpr std::string_view clean_global_object_id = "6ed8da90-450b-101b-98da-00aa003f1305#35";

constexpr std::array<std::string_view, 14> value_types{
    "ApplicationTime", "Binary",  "Boolean", "CLSID", "Currency", "Double", "Error",
    "Float",           "Integer", "Long",    "Null",  "Object",   "Short",  "String"};

bool is_guid(std::string_view text)
{
    if (text.size() != 36)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = std::string_view("0123456789abcdefABCDEF").find(text[i]) != std::string_view::npos;
        if (dash ? text[i] != '-' : !hex)
            return false;
    }
    return true;
}

bool is_value_type(std::string_view type)
{
    if (type == "SystemTime" || type == "SystemTimeArray")
        return true;
    if (type.ends_with("Array"))
        type.remove_suffix(5);
    return std::ranges::find(value_types, type) != value_types.end();
}

std::string read_set(pugi::xml_node node)
{
    const auto well_known = attribute(node, "DistinguishedPropertySetId");
    const auto own = attribute(node, "PropertySetId");
    if (!own.empty()) {
        if (!is_guid(own))
            refuse_schema("PropertySetId is no GUID.");
        return ascii_lower(own);
    }
    const auto found =
        std::ranges::find(distinguished_sets, well_known, [](const auto& s) { return s.first; });
    if (found == distinguished_sets.end())
        refuse_schema("DistinguishedPropertySetId has an unknown value.");
    return std::string(found->second);
}

[[noreturn]] void refuse_combination()
{
    refuse_request("ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid.");
}

property_path read_extended(pugi::xml_node node, mailbox_store& store)
{
    const bool has_set = node.attribute("DistinguishedPropertySetId") || node.attribute("PropertySetId");
    const bool two_sets = node.attribute("DistinguishedPropertySetId") && node.attribute("PropertySetId");
    const bool has_name = node.attribute("PropertyName");
    const bool has_id = node.attribute("PropertyId");
    const bool has_tag = node.attribute("PropertyTag");
    if (!is_value_type(attribute(node, "PropertyType")))
        refuse_schema("PropertyType has an unknown value.");
    if (two_sets || (has_tag ? has_set || has_name || has_id : !has_set || has_name == has_id))
        refuse_combination();

    property_path path;
    if (has_tag)
        path.extended_name = ascii_lower(attribute(node, "PropertyTag"));
    else if (has_id)
        path.extended_name = "#" + std::string(attribute(node, "PropertyId"));
    else
        path.extended_name = attribute(node, "PropertyName");
    const auto key =
        has_tag ? path.extended_name : read_set(node) + (has_name ? "/" : "") + path.extended_name;
    path.extended = store.intern(key);
    path.element = "<t:ExtendedFieldURI";
    for (const auto a : node.attributes())
        if (!std::string_view(a.name()).starts_with("xmlns"))
            put_attribute(path.element, a.name(), a.value());
    path.element += "/>";
    return path;
}

// The blob that names a meeting across mailboxes, from its UID ([MS-OXOCAL] 2.2.1.27, "vCal-Uid" for foreign
// UIDs).
std::string global_id_of(std::string_view uid)
{
    std::string blob;
    if (ascii_lower(uid.substr(0, 16)) == "040000008200e000" && uid.size() % 2 == 0) {
        for (std::size_t i = 0; i < uid.size(); i += 2) {
            unsigned byte = 0;
            std::from_chars(uid.data() + i, uid.data() + i + 2, byte, 16);
            blob += static_cast<char>(byte);
        }
        return to_base64(blob);
    }
    blob.assign("\x04\x00\x00\x00\x82\x00\xe0\x00\x74\xc5\xb7\x10\x1a\x82\xe0\x08", 16);
    blob.append(20, '\0');
    const auto length = static_cast<std::uint32_t>(uid.size() + 13);
    for (int i = 0; i < 4; ++i)
        blob += static_cast<char>(length >> (8 * i) & 0xff);
    blob.append("vCal-Uid\x01\0\0\0", 12).append(uid).append(1, '\0');
    return to_base64(blob);
}

std::string flag(bool value)
{
    return value ? "true" : "false";
}

} // namespace

property_path read_path(pugi::xml_node node, mailbox_store& store)
{
    const auto name = local_name(node);
    if (name == "ExtendedFieldURI")
        return read_extended(node, store);
    property_path path;
    path.field = attribute(node, "FieldURI");
    const bool known =
        name == "IndexedFieldURI" || (name == "FieldURI" && path.field.find(':') != path.field.npos);
    if (!known)
        refuse_schema("The element '" + std::string(name) + "' is no valid path to a property.");
    return path;
}

property_path read_path_in(pugi::xml_node parent, mailbox_store& store)
{
    for (const auto node : elements(parent))
        if (local_name(node).ends_with("FieldURI"))
            return read_path(node, store);
    refuse_schema("The element '" + std::string(local_name(parent)) + "' names no property.");
}

std::vector<std::string> values_of(const calendar_item& item, const property_path& path)
{
    if (path.extended) {
        for (const auto& property : item.properties)
            if (property.key == path.extended)
                return property.values;
        if (*path.extended == global_object_id || *path.extended == clean_global_object_id)
            return {global_id_of(item.uid)};
        return {};
    }
    const auto one = [](std::string text) { return std::vector<std::string>{std::move(text)}; };
    const auto f = path.field;
    if (f == "item:Subject")
        return one(item.subject);
    if (f == "item:Body")
        return one(item.body.content);
    if (f == "item:Sensitivity")
        return one(item.sensitivity);
    if (f == "item:Importance")
        return one(item.importance);
    if (f == "item:Categories")
        return item.categories;
    if (f == "item:ItemClass")
        return one("IPM.Appointment");
    if (f == "item:DateTimeCreated" || f == "item:DateTimeReceived" || f == "item:DateTimeSent")
        return one(format_rfc3339(item.created));
    if (f == "item:LastModifiedTime")
        return one(format_rfc3339(item.modified));
    if (f == "item:ReminderIsSet")
        return one(flag(item.reminder_set));
    if (f == "item:ReminderMinutesBeforeStart")
        return one(std::to_string(item.reminder_minutes));
    if (f == "calendar:Start")
        return one(format_rfc3339(item.start));
    if (f == "calendar:End")
        return one(format_rfc3339(item.end));
    if (f == "calendar:Location")
        return one(item.location);
    if (f == "calendar:LegacyFreeBusyStatus")
        return one(item.busy);
    if (f == "calendar:IsAllDayEvent")
        return one(flag(item.all_day));
    if (f == "calendar:IsCancelled")
        return one(flag(item.cancelled));
    if (f == "calendar:IsMeeting")
        return one(flag(item.is_meeting()));
    return {};
}

std::string_view cut_for_find(std::string_view text) noexcept
{
    constexpr std::size_t limit = 255;
    std::size_t characters = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && ++characters > limit)
            return text.substr(0, i);
    return text;
}

} // namespace relay::exchange_sim
