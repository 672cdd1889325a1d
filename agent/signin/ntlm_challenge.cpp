#include "agent/signin/ntlm_challenge.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace relay::signin {
namespace {

constexpr std::string_view signature("NTLMSSP\0", 8);
constexpr std::size_t shortest = 48; // up to and with TargetInfoFields

std::uint32_t number(std::string_view bytes, std::size_t at, int size)
{
    std::uint32_t value = 0;
    for (int i = size; i-- > 0;)
        value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
    return value;
}

// What the length and offset at `at` point to; nothing where that is not inside the message.
std::optional<std::string_view> field(std::string_view message, std::size_t at)
{
    const std::size_t size = number(message, at, 2), offset = number(message, at + 4, 4);
    if (offset > message.size() || size > message.size() - offset || (size > 0 && offset < shortest))
        return std::nullopt;
    return message.substr(offset, size);
}

bool sound_pairs(std::string_view info)
{
    while (info.size() >= 4) {
        const auto id = number(info, 0, 2), size = number(info, 2, 2);
        if (id == 0)
            return size == 0;
        if (size > info.size() - 4)
            return false;
        info.remove_prefix(4 + size);
    }
    return false;
}

} // namespace

bool sound_ntlm_challenge(std::string_view token) noexcept
{
    const auto begin = token.find(signature); // inside SPNEGO too
    if (begin == token.npos)
        return true;
    const auto message = token.substr(begin);
    if (message.size() < shortest || number(message, 8, 4) != 2)
        return false;
    const auto target = field(message, 12), info = field(message, 40);
    return target && !target->empty() && target->size() % 2 == 0 && info && sound_pairs(*info);
}

} // namespace relay::signin
