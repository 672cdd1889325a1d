#include "agent/commands/html_link.hpp"

#include "common/text/text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace relay::commands {
namespace {

// A tag, a comment, or the text between two of them. Offsets, as the text they point into is cut while they are used.
struct token {
    enum class kind { text, open, close, other };
    kind what = kind::text;
    std::size_t begin = 0, end = 0;
    std::string name = {}; // of a tag, in lower case
};

constexpr std::string_view comment_begin = "<!--", comment_end = "-->";
constexpr std::size_t shortest_rule = 8; // underscores: clients shorten long ones
constexpr int most_links = 16;           // that are taken out; a body is no place for more
constexpr int most_blocks = 16;          // around one link that are taken out with it

bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

token tag_at(std::string_view html, std::size_t begin)
{
    token t{.what = token::kind::other, .begin = begin, .end = html.size()};
    if (html.substr(begin).starts_with(comment_begin)) {
        if (const auto end = html.find(comment_end, begin); end != html.npos)
            t.end = end + comment_end.size();
        return t;
    }
    // A '>' inside of a quoted attribute ends nothing.
    char quote = 0;
    for (auto at = begin + 1; at < html.size(); ++at) {
        const char c = html[at];
        if (quote != 0) {
            if (c == quote)
                quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            t.end = at + 1;
            break;
        }
    }
    auto name = html.substr(begin + 1, t.end - begin - 1);
    t.what = name.starts_with('/') ? token::kind::close : token::kind::open;
    if (t.what == token::kind::close)
        name.remove_prefix(1);
    t.name = ascii_lower(name.substr(0, name.find_first_of(" \t\r\n\f/>")));
    return t;
}

std::vector<token> tokens_of(std::string_view html)
{
    std::vector<token> tokens;
    for (std::size_t at = 0; at < html.size();) {
        if (html[at] == '<') {
            tokens.push_back(tag_at(html, at));
        } else {
            const auto end = std::min(html.find('<', at), html.size());
            tokens.push_back({.what = token::kind::text, .begin = at, .end = end});
        }
        at = tokens.back().end;
    }
    return tokens;
}

bool ends_line(const token& t)
{
    static constexpr std::array<std::string_view, 16> blocks{"p",  "div",        "br",  "hr",  "li", "ul",
                                                             "ol", "td",         "tr",  "th",  "h1", "h2",
                                                             "h3", "blockquote", "pre", "body"};
    return (t.what == token::kind::open || t.what == token::kind::close) &&
           std::ranges::find(blocks, t.name) != blocks.end();
}

// The references that stand in links and around them; any other stays as it is, and then nothing matches.
std::string decoded(std::string_view text)
{
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> references{
        {{"&amp;", "&"},
         {"&lt;", "<"},
         {"&gt;", ">"},
         {"&quot;", "\""},
         {"&#39;", "'"},
         {"&#38;", "&"},
         {"&nbsp;", " "},
         {"&#160;", " "},
         {"\xC2\xA0", " "}}};
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto* known = std::ranges::find_if(
            references, [&](const auto& r) { return text.substr(at).starts_with(r.first); });
        if (known == references.end()) {
            out += text[at++];
        } else {
            out += known->second;
            at += known->first.size();
        }
    }
    return out;
}

// With one blank for each run of them, none at the ends.
std::string on_one_line(std::string_view text)
{
    std::string out;
    for (const char c : text)
        if (!is_blank(c))
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    if (out.ends_with(' '))
        out.pop_back();
    return out;
}

std::string_view without_slash(std::string_view url)
{
    return url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
}

bool same_url(std::string_view a, std::string_view b)
{
    return without_slash(a) == without_slash(b);
}

std::string href_of(std::string_view tag)
{
    constexpr std::string_view name = "href";
    const auto lower = ascii_lower(tag);
    for (auto at = lower.find(name); at != lower.npos; at = lower.find(name, at + 1)) {
        if (!is_blank(tag[at - 1])) // never at 0: "<a" comes first
            continue;
        auto value = trim(tag.substr(at + name.size()));
        if (!value.starts_with('='))
            continue;
        value = trim(value.substr(1));
        if (value.starts_with('"') || value.starts_with('\''))
            return decoded(trim(value.substr(1, value.find(value.front(), 1) - 1)));
        return decoded(value.substr(0, value.find_first_of(" \t\r\n>")));
    }
    return {};
}

struct span {
    std::size_t begin = 0, end = 0;
};

// What a person sees as one line: the tokens between two that end a line.
struct line {
    std::size_t first = 0, last = 0; // tokens, `last` is past the end
};

std::string text_of(std::string_view html, const std::vector<token>& tokens, line l)
{
    std::string text;
    for (auto i = l.first; i < l.last; ++i)
        if (tokens[i].what == token::kind::text)
            text += decoded(html.substr(tokens[i].begin, tokens[i].end - tokens[i].begin));
    return on_one_line(text);
}

// Where the anchor in `l` that links to `url` ends; l.first if there is none.
std::size_t end_of_link(std::string_view html, const std::vector<token>& tokens, line l, std::string_view url)
{
    bool inside = false;
    for (auto i = l.first; i < l.last; ++i) {
        const auto& t = tokens[i];
        if (t.name != "a")
            continue;
        if (t.what == token::kind::open)
            inside = same_url(href_of(html.substr(t.begin, t.end - t.begin)), url);
        else if (inside)
            return i + 1;
    }
    return l.first;
}

bool is_rule(std::string_view text)
{
    return text.size() >= shortest_rule && text.find_first_not_of('_') == text.npos;
}

// What a line says after the label, if it says no more than the link: the URL, as itself, in brackets, or both.
bool says_only(std::string_view rest, std::string_view url)
{
    for (auto word = trim(rest); !word.empty();) {
        const auto end = word.find(' ');
        auto part = word.substr(0, end);
        if (part.starts_with('<') && part.ends_with('>'))
            part = part.substr(1, part.size() - 2);
        if (!same_url(part, url))
            return false;
        word = end == word.npos ? std::string_view{} : trim(word.substr(end));
    }
    return true;
}

// The texts of a line, and its anchors' tags. Other tags stay: what they open may be closed in another line.
std::vector<span> parts_to_cut(const std::vector<token>& tokens, line l)
{
    std::vector<span> cuts;
    for (auto i = l.first; i < l.last; ++i)
        if (tokens[i].what == token::kind::text || tokens[i].name == "a")
            cuts.push_back({tokens[i].begin, tokens[i].end});
    return cuts;
}

void cut(std::string& html, const std::vector<span>& spans)
{
    for (auto s = spans.rbegin(); s != spans.rend(); ++s)
        html.erase(s->begin, s->end - s->begin);
}

// The innermost paragraph or division around `at`.
std::optional<span> block_around(std::string_view html, std::size_t at)
{
    const auto tokens = tokens_of(html);
    std::vector<const token*> open;
    for (const auto& t : tokens) {
        if (t.name != "p" && t.name != "div")
            continue;
        if (t.what == token::kind::open) {
            open.push_back(&t);
        } else if (t.what == token::kind::close && !open.empty() && open.back()->name == t.name) {
            const auto begin = open.back()->begin;
            open.pop_back();
            if (begin <= at && at <= t.end)
                return span{begin, t.end};
        }
    }
    return std::nullopt;
}

// Takes out what became empty around `at`, and else one line end there.
void tidy(std::string& html, std::size_t at)
{
    int emptied = 0;
    for (; emptied < most_blocks; ++emptied) {
        const auto block = block_around(html, at);
        if (!block || !is_blank_html(std::string_view(html).substr(block->begin, block->end - block->begin)))
            break;
        html.erase(block->begin, block->end - block->begin);
        at = block->begin;
    }
    if (emptied > 0)
        return;
    const auto tokens = tokens_of(html);
    const auto next =
        std::ranges::find_if(tokens, [&](const token& t) { return t.begin >= at && t.name == "br"; });
    if (next != tokens.end() && is_blank_html(std::string_view(html).substr(at, next->begin - at)))
        html.erase(next->begin, next->end - next->begin);
}

// The part of `l` that is our link: from the label to the end of the anchor, or the whole line if it shows the URL as text.
std::optional<line> link_in(std::string_view html, const std::vector<token>& tokens, line l,
                            std::string_view text, std::string_view label, std::string_view url)
{
    if (!text.starts_with(label))
        return std::nullopt;
    if (says_only(text.substr(label.size()), url))
        return l;
    const auto end = end_of_link(html, tokens, l, url);
    return end == l.first ? std::nullopt : std::optional(line{l.first, end});
}

// Takes one link line out, with the rule above it; false if there is none.
bool take_out_one(std::string& html, std::string_view label, std::string_view url)
{
    const auto tokens = tokens_of(html);
    std::optional<line> rule; // the last line that shows anything, if that is one
    for (line l; l.first < tokens.size(); l.first = l.last + 1) {
        l.last = l.first;
        while (l.last < tokens.size() && !ends_line(tokens[l.last]))
            ++l.last;
        const auto text = text_of(html, tokens, l);
        if (text.empty())
            continue;
        const auto link = link_in(html, tokens, l, text, label, url);
        if (!link) {
            rule = is_rule(text) ? std::optional(l) : std::nullopt;
            continue;
        }
        for (const auto& part : {std::optional(*link), rule})
            if (part) {
                const auto cuts = parts_to_cut(tokens, *part);
                cut(html, cuts);
                tidy(html, cuts.front().begin);
            }
        return true;
    }
    return false;
}

} // namespace

bool is_blank_html(std::string_view html)
{
    return std::ranges::all_of(tokens_of(html), [&](const token& t) {
        if (t.what != token::kind::text)
            return t.name != "img";
        return on_one_line(decoded(html.substr(t.begin, t.end - t.begin))).empty();
    });
}

std::string without_link_line(std::string html, std::string_view label, std::string_view url)
{
    for (int n = 0; n < most_links && take_out_one(html, trim(label), url); ++n) {
    }
    return html;
}

} // namespace relay::commands
