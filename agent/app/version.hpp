#pragma once

#include <string_view>

namespace relay::app {

// "1.0.0": the project's version in the root CMakeLists.txt.
std::string_view version() noexcept;

} // namespace relay::app
