// `status` for a person at a terminal.
#pragma once

#include "agent/status/snapshot.hpp"

#include <string>

namespace relay::status {

// Several lines, the last one ended too. Holds no control characters, whatever the parts hold.
std::string plain_text(const snapshot& s);

} // namespace relay::status
