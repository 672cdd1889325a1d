// The tables of the queue file, as steps from one version to the next.
#pragma once

#include "agent/store/sqlite/database.hpp"

#include <span>

namespace relay::store {

std::span<const sqlite::migration> queue_schema() noexcept;

} // namespace relay::store
