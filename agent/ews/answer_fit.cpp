#include "agent/ews/answer_fit.hpp"

#include <algorithm>

namespace relay::ews {
namespace {

constexpr std::string_view blanks = " \t\r\n";

// The name in a start tag, without its prefix; `tag` begins behind "<".
std::string_view name_in(std::string_view tag) noexcept
{
    const auto name = tag.substr(0, tag.find_first_of(" \t\r\n/>"));
    const auto colon = name.rfind(':');
    return colon == name.npos ? name : name.substr(colon + 1);
}

bool names_its_request(const http::response& r) noexcept
{
    return std::ranges::any_of(r.headers, [](const auto& h) { return h.first == http::request_id_header; });
}

} // namespace

std::string_view body_element(std::string_view envelope) noexcept
{
    for (auto at = envelope.find('<'); at != envelope.npos; at = envelope.find('<', at + 1)) {
        if (name_in(envelope.substr(at + 1)) != "Body")
            continue;
        auto rest = envelope.substr(at + 1);
        const auto end = rest.find('>');
        if (end == rest.npos || rest[end - 1] == '/')
            return {};
        rest.remove_prefix(end + 1);
        rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
        return rest.starts_with('<') ? name_in(rest.substr(1)) : std::string_view();
    }
    return {};
}

bool may_answer(const http::response& r, operation op) noexcept
{
    constexpr std::string_view suffix = "Response";
    constexpr int unauthorized = 401, ok = 200;
    if (r.status == unauthorized)
        return true;
    const auto element = body_element(r.body);
    if (element == "Fault")
        return names_its_request(r);
    return r.status == ok && element.ends_with(suffix) &&
           element.substr(0, element.size() - suffix.size()) == name(op);
}

} // namespace relay::ews
