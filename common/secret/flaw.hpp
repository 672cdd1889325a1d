// The one door that a secret comes in by, whatever brought it: a file, a command, standard input, the environment. What no
// password or token can be is refused here with a sentence; sent, it would be a refusal that counts towards a lock-out.
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace relay {

// What is wrong with a secret. The message goes on after its name: "is empty".
enum class secret_flaw {
    empty = 1,
    byte_order_mark,
    utf_16,
    not_utf8,
    several_lines,
    control_character,
    too_long,
    no_source, // the program that prints it did not end well, in time and with little enough
};

error_code make_error_code(secret_flaw f) noexcept;

// Takes a secret of at most `longest` bytes out of what was read, without its last line break; `text` is wiped in any case.
// Errors: secret_flaw.
result<secret> take_secret(std::string& text, std::size_t longest);

// "the password is empty", "the password cannot be read: Permission denied".
std::string trouble_with(std::string_view what, const error_code& why);

} // namespace relay

template <>
struct boost::system::is_error_code_enum<relay::secret_flaw> : std::true_type {
};
