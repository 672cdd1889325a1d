// Whether a command that comes again is the same one.
#pragma once

#include "agent/protocol/messages.hpp"

namespace relay::protocol {

// SHA-256 over op, mailbox and params with sorted keys: the same id with another fingerprint is id_reused. 64 hex digits.
std::string fingerprint(const command& c);

} // namespace relay::protocol
