// A password from whoever runs a command: typed at the terminal without being shown, or through standard input.
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"

#include <string>

namespace relay::platform {

bool input_is_terminal();

// What comes is for take_secret() to look at; a line break at its end counts in no limit.

// Prints `prompt` on standard error and reads a line of at most `most_bytes` from the terminal, which shows nothing of it
// meanwhile. Ctrl-C puts the terminal back as it was and ends the process. Errors: the system's; message_size where the
// line is longer. Blocks.
result<secret> ask_hidden(const std::string& prompt, std::size_t most_bytes);

// All of standard input. Errors: as above. Blocks.
result<secret> read_input(std::size_t most_bytes);

} // namespace relay::platform
