#include "common/tls/tls_error.hpp"

#include <string>

namespace relay::tls {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
class tls_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "relay.tls"; }

    std::string message(int value) const override
    {
        switch (static_cast<tls_error>(value)) {
        case tls_error::unknown_issuer:
            return "certificate of an unknown issuer";
        case tls_error::expired:
            return "certificate expired";
        case tls_error::not_yet_valid:
            return "certificate not valid yet";
        case tls_error::not_the_pinned_one:
            return "not the pinned certificate";
        case tls_error::unfit:
            return "certificate refused";
        case tls_error::ours_refused:
            return "our certificate is refused";
        case tls_error::ours_unknown_issuer:
            return "our certificate's issuer is unknown to the peer";
        case tls_error::ours_expired:
            return "our certificate expired";
        case tls_error::ours_revoked:
            return "our certificate is revoked";
        case tls_error::ours_missing:
            return "the peer wants a certificate";
        case tls_error::not_tls:
            return "not TLS";
        case tls_error::no_common_ground:
            return "no common ground in the TLS handshake";
        }
        return "unknown error";
    }
};

const tls_error_category doubts;

} // namespace

error_code make_error_code(tls_error d) noexcept
{
    return {static_cast<int>(d), doubts};
}

bool is_tls_error(const error_code& ec) noexcept
{
    return ec.category() == make_error_code(tls_error::unfit).category();
}

bool is_about_ours(const error_code& ec) noexcept
{
    return ec == tls_error::ours_refused || ec == tls_error::ours_unknown_issuer ||
           ec == tls_error::ours_expired || ec == tls_error::ours_revoked || ec == tls_error::ours_missing;
}

} // namespace relay::tls
