#include "agent/http/challenge.hpp"

#include "common/text/text.hpp"

#include <algorithm>

namespace relay::http {
namespace {

constexpr std::size_t longest_scheme = 20;

// Calls `see(scheme, rest)` for each challenge, in order. A comma inside a quoted text separates too, which can at worst
// invent a scheme that nobody asks for.
template <class See>
void each_challenge(const response& answer, See see)
{
    for (const auto& [name, value] : answer.headers) {
        if (name != "www-authenticate")
            continue;
        for (std::string_view left = value; !left.empty();) {
            const auto item = trim(left.substr(0, left.find(',')));
            left.remove_prefix(
                std::min(left.size(), left.find(',') == left.npos ? left.size() : left.find(',') + 1));
            const auto blank = item.find(' ');
            see(item.substr(0, blank), blank == item.npos ? std::string_view{} : trim(item.substr(blank)));
        }
    }
}

} // namespace

std::optional<std::string> challenge_token(const response& answer, std::string_view scheme)
{
    std::optional<std::string> found;
    each_challenge(answer, [&](std::string_view name, std::string_view rest) {
        if (!found && ascii_iequals(name, scheme))
            found = rest.empty() ? std::string() : from_base64(rest);
    });
    return found;
}

std::string offered_schemes(const response& answer)
{
    std::string list;
    each_challenge(answer, [&](std::string_view name, std::string_view) {
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        });
        if (!name.empty() && name.size() <= longest_scheme && plain && list.size() < 100)
            list.append(list.empty() ? "" : ", ").append(name);
    });
    return list.empty() ? "nothing" : list;
}

} // namespace relay::http
