// Time zones by their two names: IANA's, which the protocol speaks, and Windows', which Exchange speaks.
// The tables come from Unicode CLDR at build time; names are compared exactly, as both registries write them.
#pragma once

#include <optional>
#include <string_view>

namespace relay {

// True for every IANA name, old ones (Asia/Calcutta) as well as new ones (Asia/Kolkata).
bool is_iana_zone(std::string_view iana) noexcept;

// The id Exchange knows the zone by; "UTC" for the few zones that Windows has no id for, nothing for an unknown name.
// The view lasts for ever.
std::optional<std::string_view> windows_zone(std::string_view iana) noexcept;

// The IANA name that stands for a Windows zone by default; nothing for an unknown one. The view lasts for ever.
std::optional<std::string_view> iana_zone(std::string_view windows) noexcept;

} // namespace relay
