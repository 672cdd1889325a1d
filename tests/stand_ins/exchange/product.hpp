// The Exchange products the stand-in can pass for: what they call themselves and which requests they
// understand.
#pragma once

#include <string_view>

namespace relay::exchange_sim {

struct product {
    std::string_view name;  // as --product takes it
    std::string_view build; // X-OWA-Version
    int major, minor, major_build, minor_build;
    std::string_view version;        // ServerVersionInfo/@Version
    std::string_view newest_request; // the newest RequestServerVersion it accepts
};

// nullptr where there is none of that name.
const product* find_product(std::string_view name) noexcept;

enum class request_version { accepted, too_new, unknown };
request_version check_request_version(const product& p, std::string_view version) noexcept;

} // namespace relay::exchange_sim
