// What a TLS connection failed on, as error codes: for whoever tells an administrator what to do about it.
#pragma once

#include "common/error/error.hpp"

namespace relay::tls {

enum class tls_error {
    // The peer's certificate. Another name than the host's is errc::certificate_name_mismatch.
    unknown_issuer = 1, // nobody we trust vouches for it
    expired,            // it, or one that it stands on
    not_yet_valid,      // the same
    not_the_pinned_one,
    unfit, // any other check
    // Ours, as the peer sees it.
    ours_refused, // without saying more
    ours_unknown_issuer,
    ours_expired,
    ours_revoked,
    ours_missing,
    // Neither.
    not_tls,          // what answers speaks something else
    no_common_ground, // versions, methods; some servers say so to a missing certificate
};

error_code make_error_code(tls_error d) noexcept;

// Whether `ec` is one of them.
bool is_tls_error(const error_code& ec) noexcept;
// Whether `ec` says that the peer does not take our certificate.
bool is_about_ours(const error_code& ec) noexcept;

} // namespace relay::tls

template <>
struct boost::system::is_error_code_enum<relay::tls::tls_error> : std::true_type {
};
