// The configuration file and the environment, read, checked and turned into settings: all mistakes are told at once.
#pragma once

#include "common/config/settings.hpp"

#include <boost/system/result.hpp>
#include <boost/throw_exception.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace relay::config {

enum class origin { file, environment };

// One thing wrong with the configuration. Never quotes the value of a key that can hold a secret.
struct mistake {
    origin from = origin::file;
    int line = 0;    // of the file, from 1; 0 where no line is to blame (a missing key, the environment)
    std::string key; // "exchange.url", or the name of the environment variable; empty: the file as a whole
    std::string message; // "unknown key; did you mean exchange.url?"

    friend bool operator==(const mistake&, const mistake&) = default;
};
using mistakes = std::vector<mistake>;

// What result::value() throws where nobody looked at the mistakes: a bug in the caller.
[[noreturn]] inline void throw_exception_from_error(const mistakes&, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked configuration"), where);
}

// Names and values of environment variables; only those that begin with WORKESTRA_RELAY_, and CREDENTIALS_DIRECTORY, are
// looked at.
using environment = std::map<std::string, std::string, std::less<>>;
// The environment of this process.
environment process_environment();

// What the caller is going to do, and so what has to be there.
enum class purpose {
    run,    // everything that the agent needs
    enroll, // the places of certificate and key; neither cloud.url nor Exchange need be set yet
};

// Whether the permissions of password_file and private_key_file are looked at (they are part of what can be wrong,
// but `status` and `queue` may be run by somebody who cannot even see them).
enum class file_check { permissions, none };

// Reads `file` (at most 1 MiB), lays the environment over it, fills in what enrolment told (enrolment_record.hpp) and
// the password's place where systemd hands it over (credential.hpp) and no other is set, checks everything. Blocking file access; any thread.
boost::system::result<settings, mistakes> load(const std::filesystem::path& file,
                                               const environment& variables, purpose what = purpose::run,
                                               file_check files = file_check::permissions);

// Settings as far as they could be read, with what is wrong: a key with a mistake keeps its default.
struct reading {
    settings known;
    mistakes wrong;
};
// As load(), for whoever has to work with a configuration that is broken: nothing else may run on it.
reading load_what_is_readable(const std::filesystem::path& file, const environment& variables,
                              purpose what = purpose::run, file_check files = file_check::permissions);

// The same for a text already read: what load() does after reading, but for what enrolment told.
boost::system::result<settings, mistakes> parse(std::string_view toml, const environment& variables,
                                                purpose what = purpose::run,
                                                file_check files = file_check::none);

// "agent.toml:12: exchange.urll: unknown key; did you mean exchange.url?"
std::string format(const mistake& m, const std::filesystem::path& file);

// Settings as a configuration file that parse() reads back to the same settings, but for secrets: a proxy password
// becomes *** and the arguments of password_command are left out. For support bundles and for people.
std::string to_toml(const settings& s);

} // namespace relay::config
