#include "agent/dispatch/meeting.hpp"

#include "common/text/text.hpp"
#include "common/time/zones.hpp"

#include <fmt/format.h>

namespace relay::dispatch {
namespace {

using protocol::body_format;
using protocol::event_body;

constexpr std::string_view html_mark = "workestra-online-meeting";
constexpr std::string_view text_rule = "________________________________";
constexpr std::string_view text_label = "Join online: ";
constexpr std::size_t longest_location = 255;

std::string html_block(const std::string& url)
{
    const auto safe = markup_escaped(url);
    return fmt::format(R"(<div id="{}"><p>{}<a href="{}">{}</a></p></div>)", html_mark, text_label, safe,
                       safe);
}

std::string without_html_block(std::string content)
{
    const auto lower = ascii_lower(content);
    const auto mark = lower.find(html_mark);
    if (mark == lower.npos)
        return content;
    const auto begin = lower.rfind("<div", mark);
    const auto end = lower.find("</div>", mark);
    if (begin == lower.npos || end == lower.npos)
        return content;
    content.erase(begin, end + std::string_view("</div>").size() - begin);
    return content;
}

std::string without_text_block(std::string content)
{
    const auto label = content.rfind(text_label);
    const auto rule = label == content.npos ? content.npos : content.rfind(text_rule, label);
    if (rule == content.npos)
        return content;
    // Between rule and label stands one line end, as \n or as Exchange's \r\n; else a person wrote this.
    if (!trim(std::string_view(content).substr(rule + text_rule.size(), label - rule - text_rule.size()))
             .empty())
        return content;
    content.erase(rule);
    for (int line_ends = 0; line_ends < 2 && content.ends_with('\n'); ++line_ends) {
        content.pop_back();
        if (content.ends_with('\r'))
            content.pop_back();
    }
    return content;
}

// An HTML body as it was given, where it was a fragment: Exchange answers it inside <html>, a <head> that holds nothing
// but <meta> elements, and <body>. What has more in its head, or comes without one, was a document of its own.
std::string without_wrapper(std::string content)
{
    const auto lower = ascii_lower(content);
    const auto skip_blanks = [&](std::size_t at) {
        return std::min(lower.find_first_not_of(" \t\r\n", at), lower.size());
    };
    const auto take = [&](std::size_t& at, std::string_view tag) {
        at = skip_blanks(at);
        if (!std::string_view(lower).substr(at).starts_with(tag))
            return false;
        at += tag.size();
        return true;
    };
    std::size_t at = 0;
    if (!take(at, "<html>") || !take(at, "<head>"))
        return content;
    int metas = 0;
    for (; take(at, "<meta "); ++metas)
        at = std::min(lower.find('>', at), lower.size() - 1) + 1;
    if (metas == 0 || !take(at, "</head>") || !take(at, "<body>"))
        return content;
    const auto end = lower.rfind("</body>");
    if (end == lower.npos || end < at)
        return content;
    // The line ends beside the tags are Exchange's too.
    auto inner = std::string_view(content).substr(at, end - at);
    for (const std::string_view line_end : {"\r\n", "\n"})
        if (inner.starts_with(line_end)) {
            inner.remove_prefix(line_end.size());
            break;
        }
    for (const std::string_view line_end : {"\r\n", "\n"})
        if (inner.ends_with(line_end)) {
            inner.remove_suffix(line_end.size());
            break;
        }
    return std::string(inner);
}

// True where nothing but tags and blanks is left.
bool is_blank_html(std::string_view html)
{
    bool in_tag = false;
    for (const char c : html) {
        if (c == '<')
            in_tag = true;
        else if (c == '>')
            in_tag = false;
        else if (!in_tag && c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return false;
    }
    return true;
}

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

event_body with_link(const std::optional<event_body>& body, const std::string& url)
{
    if (!body)
        return {body_format::html, html_block(url)};
    if (body->format == body_format::text)
        return {body_format::text,
                fmt::format("{}\n\n{}\n{}{}\n", body->content, text_rule, text_label, url)};
    const auto end = ascii_lower(body->content).rfind("</body>");
    auto content = body->content;
    content.insert(end == content.npos ? content.size() : end, html_block(url));
    return {body_format::html, std::move(content)};
}

std::optional<event_body> without_link(event_body body)
{
    const bool html = body.format == body_format::html;
    if (html)
        body.content = without_wrapper(std::move(body.content));
    auto rest = html ? without_html_block(body.content) : without_text_block(body.content);
    const bool had_link = rest.size() != body.content.size();
    if (had_link && (html ? is_blank_html(rest) : trim(rest).empty()))
        return std::nullopt;
    return event_body{body.format, std::move(rest)};
}

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
            f.windows_zone = now.windows_zone.empty() ? "UTC" : now.windows_zone;
        }
    }

    const auto& url_before = now.fields.online_meeting_url;
    const auto url = set.online_meeting_url ? *set.online_meeting_url : url_before;
    if (set.online_meeting_url)
        f.online_meeting_url = *set.online_meeting_url;

    if (set.body || set.online_meeting_url) {
        const auto text = set.body          ? *set.body
                          : now.fields.body ? without_link(*now.fields.body)
                                            : std::nullopt;
        f.body = url ? std::optional(with_link(text, *url)) : text;
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

protocol::event_fields as_given(const ews::item& i)
{
    auto given = i.fields;
    given.location = given_location(i);
    if (given.body)
        given.body = without_link(std::move(*given.body));
    // The IANA name we noted holds while the item is still in that zone; else the zone somebody chose in Outlook.
    const auto noted = given.time_zone;
    if (!i.windows_zone.empty() && windows_zone_or_utc(noted) != i.windows_zone) {
        const auto chosen = iana_zone(i.windows_zone);
        given.time_zone = chosen ? std::optional(std::string(*chosen)) : std::nullopt;
    }
    return given;
}

std::string uid_for(const std::string& event_id, const std::string& command_id)
{
    constexpr std::size_t digits = 40;
    return to_hex(sha256(event_id + '\n' + command_id)).substr(0, digits) + "@workestra-relay";
}

} // namespace relay::dispatch
