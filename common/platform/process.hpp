// This process and the machine it runs on.
#pragma once

#include "common/error/error.hpp"

#include <string>
#include <string_view>

namespace relay::platform {

// As `hello` and enrolment name it: "linux" or "windows".
std::string_view os_name() noexcept;

// The machine's name as it knows it, in UTF-8; "localhost" where it does not say.
std::string host_name();

// Whether so few file descriptors are left that a failure just now may come of that: what libraries then say is
// something else, such as that a name is not known.
bool files_run_out();
inline constexpr std::string_view no_files_left =
    "the agent has no file descriptors left (LimitNOFILE= of its unit; ulimit -n)";

// To be called first in main(), before threads: a crash leaves no core file with passwords in it (nor lets another process
// of the same user attach), files are made for the owner alone, and a peer that closes is an error code, not SIGPIPE.
error_code harden_process();

} // namespace relay::platform
