#include "agent/commands/meeting_body.hpp"

#include "agent/commands/html_link.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <array>

namespace relay::commands {
namespace {

using protocol::body_format;
using protocol::event_body;

constexpr std::string_view html_mark = "workestra-online-meeting";
constexpr std::string_view text_rule = "________________________________";
constexpr std::string_view text_label = "Join online: ";

std::string html_block(const std::string& url)
{
    const auto safe = markup_escaped(url);
    return fmt::format(R"(<div id="{}"><p>{}<a href="{}">{}</a></p></div>)", html_mark, text_label, safe,
                       safe);
}

std::string text_block(const std::string& url)
{
    return fmt::format("\n\n{}\n{}{}\n", text_rule, text_label, url);
}

std::string without_html_block(std::string content)
{
    const auto lower = ascii_lower(content);
    const auto mark = lower.rfind(html_mark); // what was given may hold that of another meeting
    if (mark == lower.npos)
        return content;
    const auto begin = lower.rfind("<div", mark);
    const auto end = lower.find("</div>", mark);
    if (begin == lower.npos || end == lower.npos)
        return content;
    content.erase(begin, end + std::string_view("</div>").size() - begin);
    return content;
}

// The link as a client left it that wrote the rest of the text anew: the rule may be gone, the URL stand in brackets.
std::string without_text_line(std::string content, std::string_view url)
{
    const auto label = content.rfind(text_label);
    if (label == content.npos)
        return content;
    const auto end = std::min(content.find('\n', label), content.size());
    const auto shown =
        std::string_view(content).substr(label + text_label.size(), end - label - text_label.size());
    if (shown.find(url) == shown.npos)
        return content;
    const auto begin = content.rfind('\n', label);
    content.erase(begin == content.npos ? 0 : begin, end - (begin == content.npos ? 0 : begin));
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

// An HTML body as it was given, where it was a fragment: Exchange answers it inside <html>, a <head> that holds
// nothing but <meta> elements, and <body>. What has more in its head, or comes without one, was a document of its
// own.
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

std::string with_line_feeds(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
            out += text[i];
    return out;
}

// By its place if it is as we wrote it, else by what it says.
std::string without_block(const event_body& body, const std::optional<std::string>& url)
{
    const auto& held = body.content;
    if (body.format == body_format::html) {
        auto rest = url ? without_link_line(held, text_label, *url) : held;
        return rest.size() != held.size() ? rest : without_html_block(held);
    }
    auto rest = without_text_block(held);
    return rest.size() != held.size() || !url ? rest : without_text_line(held, *url);
}

std::string without_exact_block(event_body body, const std::optional<std::string>& url)
{
    if (!url)
        return std::move(body.content);
    const auto block = body.format == body_format::html ? html_block(*url) : text_block(*url);
    if (const auto at = body.content.rfind(block); at != std::string::npos)
        body.content.erase(at, block.size());
    return std::move(body.content);
}

// What may have been given, where Exchange holds `body`: with and without its document, our link, and its line ends.
std::vector<std::optional<event_body>> possible_origins(const event_body& body,
                                                        const std::optional<std::string>& url)
{
    std::vector<std::string> texts{body.content};
    if (body.format == body_format::html)
        texts.push_back(without_wrapper(body.content));
    for (std::size_t i = 0, wholes = texts.size(); i < wholes; ++i) {
        texts.push_back(body.format == body_format::html ? without_html_block(texts[i])
                                                         : without_text_block(texts[i]));
        texts.push_back(without_block({body.format, texts[i]}, url));
        texts.push_back(without_exact_block({body.format, texts[i]}, url));
    }
    for (std::size_t i = 0, as_held = texts.size(); i < as_held; ++i)
        texts.push_back(with_line_feeds(texts[i]));
    std::vector<std::optional<event_body>> origins;
    for (auto& text : texts) {
        if (text.empty() || is_blank_html(text)) {
            origins.emplace_back(std::nullopt);
            origins.emplace_back(event_body{body_format::text, {}});
            origins.emplace_back(event_body{body_format::html, {}});
        }
        origins.emplace_back(event_body{body.format, std::move(text)});
    }
    return origins;
}

} // namespace

event_body with_link(const std::optional<event_body>& body, const std::string& url)
{
    if (!body)
        return {body_format::html, html_block(url)};
    if (body->format == body_format::text)
        return {body_format::text, body->content + text_block(url)};
    const auto end = ascii_lower(body->content).rfind("</body>");
    auto content = body->content;
    content.insert(end == content.npos ? content.size() : end, html_block(url));
    return {body_format::html, std::move(content)};
}

std::optional<event_body> without_link(event_body body, const std::optional<std::string>& url)
{
    const bool html = body.format == body_format::html;
    if (html)
        body.content = without_wrapper(std::move(body.content));
    auto rest = without_block(body, url);
    const bool had_link = rest.size() != body.content.size();
    if (had_link && (html ? is_blank_html(rest) : trim(rest).empty()))
        return std::nullopt;
    return event_body{body.format, std::move(rest)};
}

std::string note_of(const std::optional<event_body>& body)
{
    if (!body)
        return "none";
    return (body->format == body_format::html ? "html " : "text ") + to_hex(sha256(body->content));
}

std::optional<event_body> given_body(const ews::item& i)
{
    const auto held = i.fields.body.value_or(event_body{});
    if (!i.body_note.empty())
        for (auto& origin : possible_origins(held, i.fields.online_meeting_url))
            if (note_of(origin) == i.body_note)
                return std::move(origin);
    return i.fields.body ? without_link(*i.fields.body, i.fields.online_meeting_url) : std::nullopt;
}

} // namespace relay::commands
