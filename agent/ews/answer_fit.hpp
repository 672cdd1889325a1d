// Whether an answer can be one to the request that it came for. Asked by the transport, before the connection is used again.
#pragma once

#include "agent/ews/vocabulary.hpp"
#include "agent/http/http.hpp"

#include <string_view>

namespace relay::ews {

// The local name of the first element in the envelope's body, found without reading the rest of the answer. Empty where
// there is none, or where it does not come as plainly as EWS writes it.
std::string_view body_element(std::string_view envelope) noexcept;

// True for an answer to `op`, for a fault that names its request, and for a refused sign-in. Everything else comes from a
// server or a proxy in trouble, and what its connection carries next is anybody's guess. (Servers were seen to answer a
// request with 500 and then with 200: a fault that does not say whose it is may be the first of two.)
bool may_answer(const http::response& r, operation op) noexcept;

} // namespace relay::ews
