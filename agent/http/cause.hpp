// Why a request to Exchange failed below HTTP.
#pragma once

#include "common/error/error.hpp"

namespace relay::http {

enum class cause {
    bad_settings = 1, // permanent: no usable URL, Basic over plaintext, a header with a line break
    unreachable,      // transient: no such name, nobody listens, no route
    tls_failed, // transient: no handshake, or a certificate that does not pass; an administrator mends it
    timed_out,  // transient
    connection_lost,  // transient: closed or reset before the whole answer was there
    bad_answer,       // transient: what came back is not HTTP
    answer_too_large, // permanent: over max_body_bytes or max_header_bytes
    queue_full,       // transient: more than max_waiting requests wait for a connection
    mixed_up,         // transient: the answer is, or may be, one to another request
    sign_in_failed,   // unauthorized: the server does not offer the method, or it could not be carried out
    too_late,         // permanent: request::not_after came first
};

error_code make_error_code(cause c) noexcept;

} // namespace relay::http

template <>
struct boost::system::is_error_code_enum<relay::http::cause> : std::true_type {
};
