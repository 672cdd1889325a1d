// This process and the machine it runs on.
#pragma once

#include "common/error/error.hpp"

#include <string>
#include <string_view>

namespace relay::platform {

// As `hello` and enrolment name it: "linux" or "windows".
std::string_view os_name() noexcept;

// The machine's name as it knows it; "localhost" where it does not say.
std::string host_name();

// To be called first in main(), before threads: a crash leaves no core file with passwords in it (nor lets another process
// of the same user attach), files are made for the owner alone, and a peer that closes is an error code, not SIGPIPE.
error_code harden_process();

} // namespace relay::platform
