// How an account signs in over HTTP: words that the configuration and the transport share.
#pragma once

#include "common/secret/secret.hpp"

#include <string_view>

namespace relay {

enum class auth_scheme { basic, ntlm, negotiate };

// Extended Protection: whether the sign-in is tied to the certificate that the server showed.
enum class channel_binding {
    automatic, // tied; if that is refused, once more without, and what worked is remembered
    always,
    never,
};

// The value of Authorization or Proxy-Authorization for Basic (RFC 7617). A user name with a colon cannot be carried.
secret basic_authorization(std::string_view user, const secret& password);

} // namespace relay
