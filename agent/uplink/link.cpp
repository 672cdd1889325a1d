#include "agent/uplink/link.hpp"

namespace relay::uplink {

std::string_view name(step s) noexcept
{
    switch (s) {
    case step::settings:
        return "settings";
    case step::name:
        return "name look-up";
    case step::tcp:
        return "TCP";
    case step::proxy:
        return "proxy";
    case step::tls:
        return "TLS";
    case step::upgrade:
        return "WebSocket upgrade";
    case step::welcome:
        return "welcome";
    case step::serving:
        return "serving";
    }
    return "unknown";
}

} // namespace relay::uplink
