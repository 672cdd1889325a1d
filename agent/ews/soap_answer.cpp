#include "agent/ews/soap_answer.hpp"

#include "common/text/text.hpp"

#include <charconv>

namespace relay::ews {
namespace {

// No DOCTYPE, no processing instructions, no comments; pugixml never expands an entity beyond XML's own five.
// A text of nothing but white space counts where it is all that an element holds (a body may be just that).
constexpr unsigned parse_flags = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol |
                                 pugi::parse_wconv_attribute | pugi::parse_ws_pcdata_single;

// Servers pad numbers ("01") and leave attributes out.
std::optional<int> number(pugi::xml_node node, const char* attribute)
{
    const auto text = trim(node.attribute(attribute).value());
    int value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.size() > 5 || ec != std::errc{} || end != text.data() + text.size() || value < 0)
        return std::nullopt;
    return value;
}

std::optional<server_version> version_in(pugi::xml_node header)
{
    const auto info = child(header, "ServerVersionInfo");
    const auto major = number(info, "MajorVersion");
    const auto minor = number(info, "MinorVersion");
    if (!major || !minor)
        return std::nullopt;
    return server_version{*major, *minor, number(info, "MajorBuildNumber").value_or(0),
                          number(info, "MinorBuildNumber").value_or(0)};
}

pugi::xml_node first_element(pugi::xml_node parent)
{
    for (auto node = parent.first_child(); node; node = node.next_sibling())
        if (node.type() == pugi::node_element)
            return node;
    return {};
}

} // namespace

soap_answer::soap_answer(std::string text) : text_(std::move(text))
{
    read();
}

void soap_answer::read()
{
    if (trim(text_).empty()) {
        problem_ = unreadable::empty;
        return;
    }
    // UTF-16 and UTF-32 are known by their first characters; all in ASCII they would pass for UTF-8 with NULs.
    constexpr std::size_t longest_character = 4;
    if (text_.substr(0, longest_character).find('\0') != text_.npos || !is_utf8(text_)) {
        problem_ = unreadable::not_utf8;
        return;
    }
    remove_illegal_characters(text_);
    problem_ = check_shape(text_);
    if (problem_ != unreadable::none)
        return;
    if (!document_.load_buffer_inplace(text_.data(), text_.size(), parse_flags, pugi::encoding_utf8)) {
        problem_ = unreadable::not_xml;
        return;
    }
    const auto envelope = child(document_.root(), "Envelope");
    const auto body = child(envelope, "Body");
    if (!body) {
        problem_ = unreadable::not_soap;
        return;
    }
    version_ = version_in(child(envelope, "Header"));
    operation_ = first_element(body);
}

bool soap_answer::is_fault() const noexcept
{
    return local_name(operation_) == "Fault";
}

std::string_view local_name(pugi::xml_node node) noexcept
{
    const std::string_view name = node.name();
    const auto colon = name.rfind(':');
    return colon == name.npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(pugi::xml_node parent, std::string_view name) noexcept
{
    for (auto node = parent.first_child(); node; node = node.next_sibling())
        if (local_name(node) == name)
            return node;
    return {};
}

std::string text_of(pugi::xml_node element)
{
    std::string text;
    for (auto node = element.first_child(); node; node = node.next_sibling())
        if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata)
            text += node.value();
    return text;
}

std::string_view trimmed(pugi::xml_node element) noexcept
{
    return trim(element.child_value());
}

} // namespace relay::ews
