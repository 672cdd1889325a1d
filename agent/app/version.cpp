#include "agent/app/version.hpp"

namespace relay::app {

std::string_view version() noexcept
{
    return RELAY_VERSION;
}

} // namespace relay::app
