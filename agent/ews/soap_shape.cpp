// What is done to an answer's text before a parser sees it.
#include "agent/ews/soap_answer.hpp"

#include <algorithm>
#include <cstdint>

namespace relay::ews {
namespace {

bool is_illegal_control(unsigned char c) noexcept
{
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

bool is_xml_char(std::uint32_t c) noexcept
{
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return c <= 0xd7ff || (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

struct reference {
    std::size_t length = 0; // 0: not a character reference
    std::uint32_t code = 0;
};

// The character reference that `text` starts with.
reference read_reference(std::string_view text) noexcept
{
    if (!text.starts_with("&#"))
        return {};
    std::size_t i = 2;
    const bool hex = i < text.size() && text[i] == 'x';
    if (hex)
        ++i;
    const auto first = i;
    std::uint32_t code = 0;
    for (; i < text.size(); ++i) {
        const char c = text[i];
        std::uint32_t digit = 0;
        if (c >= '0' && c <= '9')
            digit = static_cast<std::uint32_t>(c - '0');
        else if (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            digit = static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
        else
            break;
        code = std::min<std::uint32_t>(code * (hex ? 16 : 10) + digit, 0x110000); // stays illegal once it is
    }
    if (i == first || i == text.size() || text[i] != ';')
        return {};
    return {i + 1, code};
}

// Walks markup only: where an element starts or ends, and how many nodes there are.
class shape_scan {
public:
    explicit shape_scan(std::string_view text) noexcept : rest_(text) {}

    unreadable run() noexcept
    {
        for (;;) {
            const auto open = rest_.find('<');
            if (open == rest_.npos)
                return unreadable::none;
            if (open != 0)
                ++nodes_; // a text
            rest_.remove_prefix(open);
            const auto problem = markup();
            if (problem != unreadable::none)
                return problem;
            if (nodes_ > max_answer_nodes)
                return unreadable::too_many_nodes;
        }
    }

private:
    unreadable skip_past(std::string_view end) noexcept
    {
        const auto at = rest_.find(end);
        if (at == rest_.npos)
            return unreadable::not_xml;
        rest_.remove_prefix(at + end.size());
        ++nodes_;
        return unreadable::none;
    }

    unreadable markup() noexcept
    {
        if (rest_.starts_with("<!--"))
            return skip_past("-->");
        if (rest_.starts_with("<![CDATA["))
            return skip_past("]]>");
        if (rest_.starts_with("<!"))
            return unreadable::doctype;
        if (rest_.starts_with("<?"))
            return skip_past("?>");
        if (rest_.starts_with("</")) {
            --depth_;
            return depth_ < 0 ? unreadable::not_xml : skip_past(">");
        }
        return start_tag();
    }

    // Counts attributes too: each is a node's worth of memory.
    unreadable start_tag() noexcept
    {
        ++nodes_;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            const char c = rest_[i];
            if (c == '"' || c == '\'') {
                i = rest_.find(c, i + 1);
                if (i == rest_.npos)
                    return unreadable::not_xml;
                ++nodes_;
            } else if (c == '>') {
                if (rest_[i - 1] != '/' && ++depth_ > max_answer_depth)
                    return unreadable::too_deep;
                rest_.remove_prefix(i + 1);
                return unreadable::none;
            }
        }
        return unreadable::not_xml;
    }

    std::string_view rest_;
    int depth_ = 0;
    std::size_t nodes_ = 0;
};

} // namespace

void remove_illegal_characters(std::string& text)
{
    const auto first = std::ranges::find_if(
        text, [](char c) { return c == '&' || is_illegal_control(static_cast<unsigned char>(c)); });
    auto to = static_cast<std::size_t>(first - text.begin());
    for (auto from = to; from < text.size();) {
        if (is_illegal_control(static_cast<unsigned char>(text[from]))) {
            ++from;
            continue;
        }
        if (text[from] == '&')
            if (const auto ref = read_reference(std::string_view(text).substr(from));
                ref.length != 0 && !is_xml_char(ref.code)) {
                from += ref.length;
                continue;
            }
        text[to++] = text[from++];
    }
    text.resize(to);
}

unreadable check_shape(std::string_view text) noexcept
{
    return shape_scan(text).run();
}

} // namespace relay::ews
