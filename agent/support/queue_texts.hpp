// What `queue` and the support bundle say about an entry of the queue.
#pragma once

#include "agent/store/offline/queue_reader.hpp"

#include <boost/json/object.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace relay::support {

// As `queue list --json` has it (INTERFACE.md).
boost::json::object to_json(const store::queue_entry& e);
// The same and what else is known, without content: `queue show --json` and `queue export`.
boost::json::object to_full_json(const store::queue_entry& e);
// One field a line, for people.
std::string plain_text(const store::queue_entry& e);

// The table of `queue list`, line by line.
std::string table_head();
std::string table_line(const store::queue_entry& e);

// Why the queue in `folder` cannot be read, with what to do. `problem`: what SQLite said.
std::string why_unreadable(error_code ec, const std::filesystem::path& folder, std::string_view problem);

} // namespace relay::support
