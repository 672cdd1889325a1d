// What the cloud gets in place of a stored message that cannot go out as it is. Pure functions on our own bodies.
#pragma once

#include "agent/protocol/fault.hpp"

#include <string>
#include <string_view>

namespace relay::store {

// The encoded result `body` (a `seq` in it is kept) with its outcome replaced by `f`; id, attempts and took_ms stay.
std::string with_outcome(std::string_view body, const protocol::fault& f);

// The encoded message `body` made small: a result becomes the error result_too_large; an event loses what can be long
// (`busy`, `responses`) and says result_too_large in `error`. `limit` is named in the message.
std::string made_small(std::string_view body, std::size_t limit);

} // namespace relay::store
