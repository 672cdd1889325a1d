// For whoever wants to know that all operations were tried.
#pragma once

#include <string_view>
#include <vector>

namespace relay::exchange_sim {

std::vector<std::string_view> operation_names();

} // namespace relay::exchange_sim
