// What a 401 offers: the WWW-Authenticate headers (RFC 9110, section 11.6.1), on lines of their own or in one list.
#pragma once

#include "agent/http/http.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::http {

// What follows `scheme` in the answer's challenges, decoded from base64; an empty text where the scheme is offered
// alone, nothing where it is not offered or what follows is no base64.
std::optional<std::string> challenge_token(const response& answer, std::string_view scheme);

// "Negotiate, NTLM", for a message; "nothing" where there is no challenge at all.
std::string offered_schemes(const response& answer);

} // namespace relay::http
