// Everything that support asks for first, collected without what must not leave the customer's network.
#pragma once

#include "agent/support/redaction.hpp"
#include "common/config/load.hpp"
#include "common/time/time_source.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::support {

inline constexpr std::size_t most_log_bytes = 10 * 1024 * 1024;
inline constexpr std::size_t most_queue_entries = 20'000; // the newest; what waits or runs comes first

struct sources {
    std::filesystem::path config_file;
    config::reading configuration;
    std::string_view agent_version;
    utc_time now;
    std::function<boost::json::object()> doctor; // its report; may take a while
    std::vector<std::string> remarks;            // of the caller, for the list of contents
};

// One file of the bundle, clean.
struct member {
    std::string name;
    std::string content;
    redaction::tally removed;
    std::string note; // one sentence where something is missing
};

// Never throws for what it cannot have: a member then says why. The first one lists the others. Blocks for as long as the
// doctor takes and a minute more; any thread. `clean` knows the secrets.
std::vector<member> collect(const sources& from, redaction& clean);

// The members in one .tar.gz, below one folder `folder`.
std::string pack(const std::vector<member>& members, std::string_view folder, utc_time now);

} // namespace relay::support
