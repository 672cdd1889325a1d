#include "tests/stand_ins/exchange/xml.hpp"

#include "common/text/text.hpp"

#include <charconv>

namespace relay::exchange_sim {

std::string_view local_name(pugi::xml_node node) noexcept
{
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    return colon == name.npos ? name : name.substr(colon + 1);
}

std::string_view namespace_of(pugi::xml_node node) noexcept
{
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    const auto prefix = colon == name.npos ? std::string_view{} : name.substr(0, colon);
    for (; node; node = node.parent())
        for (const auto declared : node.attributes()) {
            std::string_view declaration = declared.name();
            if (!declaration.starts_with("xmlns"))
                continue;
            declaration.remove_prefix(5);
            if (prefix.empty() ? declaration.empty()
                               : declaration.size() == prefix.size() + 1 && declaration.substr(1) == prefix)
                return declared.value();
        }
    return {};
}

bool is_element(pugi::xml_node node) noexcept
{
    return node.type() == pugi::node_element;
}

pugi::xml_node first_element(pugi::xml_node parent) noexcept
{
    auto node = parent.first_child();
    while (node && !is_element(node))
        node = node.next_sibling();
    return node;
}

pugi::xml_node next_element(pugi::xml_node node) noexcept
{
    do
        node = node.next_sibling();
    while (node && !is_element(node));
    return node;
}

pugi::xml_node child(pugi::xml_node parent, std::string_view local) noexcept
{
    auto node = first_element(parent);
    while (node && local_name(node) != local)
        node = next_element(node);
    return node;
}

std::size_t count_elements(pugi::xml_node parent) noexcept
{
    std::size_t count = 0;
    for (auto node = first_element(parent); node; node = next_element(node))
        ++count;
    return count;
}

std::string_view text_of(pugi::xml_node node) noexcept
{
    return node.child_value();
}

std::string_view child_text(pugi::xml_node parent, std::string_view local) noexcept
{
    return trim(text_of(child(parent, local)));
}

std::string_view attribute(pugi::xml_node node, const char* name) noexcept
{
    return node.attribute(name).value();
}

void escape_to(std::string& out, std::string_view text)
{
    std::size_t plain = 0; // where the run of characters that stay as they are begins
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string_view escaped;
        switch (text[i]) {
        case '&':
            escaped = "&amp;";
            break;
        case '<':
            escaped = "&lt;";
            break;
        case '>':
            escaped = "&gt;";
            break;
        case '"':
            escaped = "&quot;";
            break;
        case '\r':
            escaped = "&#xD;";
            break;
        default:
            continue;
        }
        out.append(text, plain, i - plain).append(escaped);
        plain = i + 1;
    }
    out.append(text, plain);
}

void put(std::string& out, std::string_view name, std::string_view text)
{
    out.append("<t:").append(name).append(">");
    escape_to(out, text);
    out.append("</t:").append(name).append(">");
}

void put(std::string& out, std::string_view name, bool value)
{
    put(out, name, std::string_view(value ? "true" : "false"));
}

void put(std::string& out, std::string_view name, std::int64_t value)
{
    put(out, name, std::string_view(std::to_string(value)));
}

void put_attribute(std::string& out, std::string_view name, std::string_view text)
{
    out.append(" ").append(name).append("=\"");
    escape_to(out, text);
    out += '"';
}

bool has_illegal_reference(std::string_view xml) noexcept
{
    for (auto at = xml.find("&#"); at != xml.npos; at = xml.find("&#", at + 2)) {
        const auto end = xml.find(';', at);
        if (end == xml.npos)
            return true;
        auto digits = xml.substr(at + 2, end - at - 2);
        const bool hex = digits.starts_with('x');
        digits.remove_prefix(hex);
        std::uint32_t c = 0;
        const auto [stop, bad] =
            std::from_chars(digits.data(), digits.data() + digits.size(), c, hex ? 16 : 10);
        if (bad != std::errc{} || stop != digits.data() + digits.size())
            return true;
        const bool legal = c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) ||
                           (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
        if (!legal)
            return true;
    }
    return false;
}

std::optional<bool> parse_boolean(std::string_view text) noexcept
{
    text = trim(text);
    if (text == "true" || text == "1")
        return true;
    if (text == "false" || text == "0")
        return false;
    return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept
{
    text = trim(text);
    std::int64_t value = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (bad != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

} // namespace relay::exchange_sim
