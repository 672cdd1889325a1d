#include "agent/commands/meeting.hpp"

#include "agent/commands/meeting_body.hpp"
#include "common/text/text.hpp"
#include "common/time/zones.hpp"

#include <algorithm>

namespace relay::commands {
namespace {

using protocol::event_body;

constexpr std::size_t longest_location = 255;

struct place {
    std::optional<std::string> location;
    bool filled = false; // by us, with the URL
};

place place_for(const std::optional<std::string>& given, const std::optional<std::string>& url)
{
    if (given || !url || code_points(*url) > longest_location)
        return {given, false};
    return {url, true};
}

std::string windows_zone_or_utc(const std::optional<std::string>& iana)
{
    return iana ? std::string(windows_zone(*iana).value_or("UTC")) : "UTC";
}

// The id under which a server knows the zone of an item, which may be one that only its calendar names ("Customized Time Zone", a
// localised name, an IANA name). Where there is none: the zone that the agent noted, or UTC.
std::string zone_to_send(const std::string& of_item, const std::optional<std::string>& noted)
{
    if (iana_zone(of_item))
        return of_item;
    return windows_zone_or_utc(is_iana_zone(of_item) ? std::optional(of_item) : noted);
}

// The location as its people gave it: what we filled in does not count, unless somebody has changed it since.
std::optional<std::string> given_location(const ews::item& i)
{
    const bool ours = i.location_filled && i.fields.location == i.fields.online_meeting_url;
    return ours ? std::nullopt : i.fields.location;
}

template <class T>
std::optional<T> with_default(const protocol::change<T>& c, T if_cleared)
{
    if (!c)
        return std::nullopt;
    return c->value_or(std::move(if_cleared));
}

} // namespace

ews::item_fields fields_for_create(const protocol::event_fields& wanted)
{
    ews::item_fields f;
    f.subject = wanted.subject;
    f.start = wanted.start;
    f.end = wanted.end;
    f.windows_zone = windows_zone_or_utc(wanted.time_zone);
    if (wanted.online_meeting_url)
        f.body = with_link(wanted.body, *wanted.online_meeting_url);
    else if (wanted.body)
        f.body = wanted.body;
    if (f.body)
        f.body_note = note_of(wanted.body);
    const auto where = place_for(wanted.location, wanted.online_meeting_url);
    if (where.location)
        f.location = where.location;
    if (where.filled)
        f.location_filled = true;
    f.attendees = wanted.attendees;
    f.show_as = wanted.show_as;
    f.reminder_minutes = wanted.reminder_minutes;
    f.is_private = wanted.is_private;
    f.categories = wanted.categories;
    if (wanted.time_zone)
        f.iana_zone = wanted.time_zone;
    if (wanted.online_meeting_url)
        f.online_meeting_url = wanted.online_meeting_url;
    return f;
}

protocol::checked<ews::item_fields> fields_for_update(const protocol::event_changes& set,
                                                      const ews::item& now)
{
    ews::item_fields f;
    f.subject = set.subject;

    if (set.start || set.end || set.time_zone) {
        // All three together: Exchange shifts the wall time where only the zone comes, and checks an End against the
        // old Start where only one of them does.
        f.start = set.start.value_or(now.fields.start);
        f.end = set.end.value_or(now.fields.end);
        if (*f.end <= *f.start)
            return protocol::fault{protocol::fault_code::invalid_request,
                                   "params.set.end: the event would end before it starts",
                                   {}};
        if (set.time_zone) {
            f.windows_zone = windows_zone_or_utc(*set.time_zone);
            f.iana_zone = *set.time_zone;
        } else {
            f.windows_zone = zone_to_send(now.windows_zone, now.fields.time_zone);
            if (iana_zone(now.windows_end_zone))
                f.windows_end_zone = now.windows_end_zone;
        }
    }

    const auto& url_before = now.fields.online_meeting_url;
    const auto url = set.online_meeting_url ? *set.online_meeting_url : url_before;
    if (set.online_meeting_url)
        f.online_meeting_url = *set.online_meeting_url;

    if (set.body || set.online_meeting_url) {
        const auto text = set.body ? *set.body : given_body(now);
        f.body = url ? std::optional(with_link(text, *url)) : text;
        f.body_note = note_of(text);
    }
    if (set.location || set.online_meeting_url) {
        const auto where = place_for(set.location ? *set.location : given_location(now), url);
        f.location = where.location;
        f.location_filled = where.filled;
    }

    f.attendees = with_default(set.attendees, {});
    f.show_as = with_default(set.show_as, protocol::show_as::busy);
    f.reminder_minutes = set.reminder_minutes;
    f.is_private = with_default(set.is_private, false);
    f.categories = with_default(set.categories, {});
    return f;
}

bool changes_who_is_asked(const ews::item_fields& fields, const ews::item& now)
{
    if (!fields.attendees)
        return false;
    const auto addresses = [](const std::vector<protocol::attendee>& list) {
        std::vector<std::string> keys;
        keys.reserve(list.size());
        for (const auto& a : list)
            keys.push_back(a.email.key());
        std::ranges::sort(keys);
        return keys;
    };
    return addresses(*fields.attendees) != addresses(now.fields.attendees);
}

bool changes_more_than_attendees(const ews::item_fields& f)
{
    return f.subject || f.start || f.body || f.location || f.show_as || f.reminder_minutes || f.is_private ||
           f.categories || f.online_meeting_url;
}

protocol::event_fields as_given(const ews::item& i)
{
    auto given = i.fields;
    given.location = given_location(i);
    given.body = given_body(i);
    // The IANA name we noted holds while the item is still in that zone; else the zone somebody chose in Outlook.
    const auto noted = given.time_zone;
    if (!i.windows_zone.empty() && windows_zone_or_utc(noted) != i.windows_zone) {
        const auto chosen = iana_zone(i.windows_zone);
        given.time_zone = chosen ? std::optional(std::string(*chosen)) : std::nullopt;
    }
    return given;
}

} // namespace relay::commands
