// What CreateItem writes, GetItem's reader reads back: whatever the texts hold, less what XML cannot carry.
#include "agent/ews/soap_request.hpp"
#include "tests/fuzz/soap.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace relay;

namespace {

const auto host = *mailbox_address::parse("organizer@corp.example");

std::string some_text(FuzzedDataProvider& given)
{
    return given.ConsumeRandomLengthString(64);
}

ews::item_fields some_fields(FuzzedDataProvider& given)
{
    ews::item_fields f;
    f.subject = some_text(given);
    f.start = utc_time{
        milliseconds{given.ConsumeIntegralInRange<std::int64_t>(-11'644'473'600'000, 253'402'300'799'000)}};
    f.end = *f.start;
    f.windows_zone = "W. Europe Standard Time";
    f.body = protocol::event_body{
        given.ConsumeBool() ? protocol::body_format::html : protocol::body_format::text, some_text(given)};
    f.location = some_text(given);
    f.show_as = given.PickValueInArray({protocol::show_as::free, protocol::show_as::busy,
                                        protocol::show_as::tentative, protocol::show_as::oof,
                                        protocol::show_as::working_elsewhere});
    if (given.ConsumeBool())
        f.reminder_minutes = given.ConsumeIntegralInRange(0, 40320);
    f.is_private = given.ConsumeBool();
    f.categories = std::vector<std::string>{some_text(given), some_text(given)};
    f.online_meeting_url = some_text(given);
    f.location_filled = given.ConsumeBool();
    std::vector<protocol::attendee> people;
    for (const auto role : {protocol::attendee_role::required, protocol::attendee_role::optional,
                            protocol::attendee_role::resource})
        if (const auto address = mailbox_address::parse(some_text(given)); address.has_value())
            people.push_back({*address, some_text(given), role});
    f.attendees = people;
    return f;
}

std::optional<std::string> kept(const std::string& text)
{
    auto clean = ews::xml_text(text);
    return clean.empty() ? std::nullopt : std::optional(std::move(clean));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    FuzzedDataProvider given(data, size);
    const auto f = some_fields(given);
    const ews::marks m{some_text(given), some_text(given)};

    const auto update =
        ews::write_update(host, {some_text(given), some_text(given)}, f, m.command_id, protocol::notify::all);
    fuzz::require(is_xml_text(update) && ews::soap_answer(update).problem() == ews::unreadable::none);

    auto xml = ews::write_create(host, f, m, "uid", protocol::notify::all);
    fuzz::require(is_xml_text(xml));
    constexpr std::string_view opening = "<t:CalendarItem>";
    const auto first = xml.find(opening), last = xml.rfind("</m:Items>");
    xml = xml.substr(first, last - first).insert(opening.size(), "<t:ItemId Id='A'/>");
    const ews::soap_answer a(
        "<Envelope><Body><GetItemResponse><ResponseMessages><GetItemResponseMessage "
        "ResponseClass='Success'><Items>" +
        xml + "</Items></GetItemResponseMessage></ResponseMessages></GetItemResponse></Body></Envelope>");
    const auto got = ews::read_item(a, {ews::operation::get_item, true, true});
    fuzz::require(got.has_value());
    const auto& read = got->fields;
    fuzz::require(read.subject == ews::xml_text(*f.subject) && read.start == *f.start && read.end == *f.end);
    const auto body = kept((*f.body)->content);
    fuzz::require(read.body.has_value() == body.has_value());
    fuzz::require(!body || (read.body->content == *body && read.body->format == (*f.body)->format));
    fuzz::require(read.location == kept(**f.location) &&
                  read.online_meeting_url == kept(**f.online_meeting_url));
    fuzz::require(read.show_as == *f.show_as && read.is_private == *f.is_private &&
                  got->location_filled == *f.location_filled);
    fuzz::require(read.reminder_minutes == (f.reminder_minutes ? *f.reminder_minutes : std::nullopt));
    fuzz::require(read.categories.size() == 2 && read.categories[0] == ews::xml_text((*f.categories)[0]));
    fuzz::require(got->event_id == ews::xml_text(m.event_id) &&
                  got->command_id == ews::xml_text(m.command_id));
    fuzz::require(read.attendees.size() == f.attendees->size());
    for (std::size_t i = 0; i < read.attendees.size(); ++i)
        fuzz::require(read.attendees[i].email.str() == (*f.attendees)[i].email.str() &&
                      read.attendees[i].name == ews::xml_text((*f.attendees)[i].name));
    return 0;
}
