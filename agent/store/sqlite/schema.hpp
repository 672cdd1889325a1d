// The tables of the queue file, as steps from one version to the next.
#pragma once

#include "agent/store/sqlite/database.hpp"

#include <span>

namespace relay::store {

inline constexpr const char* queue_file_name = "queue.db"; // in agent.data_dir

std::span<const sqlite::migration> queue_schema() noexcept;

// errc::store_corrupt where `db` is neither empty nor a queue, but some other program's.
result<void> check_is_queue(sqlite::database& db);

} // namespace relay::store
