// What ties a sign-in to the TLS connection it is made over (Extended Protection): RFC 5929, tls-server-end-point.
#pragma once

#include "common/error/error.hpp"

#include <string>
#include <string_view>

namespace relay::signin {

// The application data of the binding for a connection whose server showed the certificate `leaf_der`:
// "tls-server-end-point:" and the certificate's digest, by the hash of its own signature, MD5 and SHA-1 replaced by
// SHA-256 (RFC 5929, section 4.1). A signature without a hash of its own (Ed25519), for which the RFC says nothing,
// takes SHA-256 too. Errors: errc::bad_certificate.
result<std::string> tls_server_end_point(std::string_view leaf_der);

} // namespace relay::signin
