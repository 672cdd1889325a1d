#include "common/tls/tls_error.hpp"

#include <string>

namespace relay::tls {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
class doubt_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "relay.tls"; }

    std::string message(int value) const override
    {
        switch (static_cast<doubt>(value)) {
        case doubt::unknown_issuer:
            return "certificate of an unknown issuer";
        case doubt::expired:
            return "certificate expired";
        case doubt::not_yet_valid:
            return "certificate not valid yet";
        case doubt::not_the_pinned_one:
            return "not the pinned certificate";
        case doubt::unfit:
            return "certificate refused";
        case doubt::ours_refused:
            return "our certificate is refused";
        case doubt::ours_unknown_issuer:
            return "our certificate's issuer is unknown to the peer";
        case doubt::ours_expired:
            return "our certificate expired";
        case doubt::ours_revoked:
            return "our certificate is revoked";
        case doubt::ours_missing:
            return "the peer wants a certificate";
        case doubt::not_tls:
            return "not TLS";
        case doubt::no_common_ground:
            return "no common ground in the TLS handshake";
        }
        return "unknown error";
    }
};

const doubt_category doubts;

} // namespace

error_code make_error_code(doubt d) noexcept
{
    return {static_cast<int>(d), doubts};
}

bool is_about_ours(const error_code& ec) noexcept
{
    return ec == doubt::ours_refused || ec == doubt::ours_unknown_issuer || ec == doubt::ours_expired ||
           ec == doubt::ours_revoked || ec == doubt::ours_missing;
}

} // namespace relay::tls
