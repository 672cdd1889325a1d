// Why the queue cannot be opened, in a sentence that says what to do.
#pragma once

#include "common/error/error.hpp"

#include <filesystem>
#include <string>

namespace relay::app {

// `ec`: what opening the queue in `folder` brought. Looks at the folder to tell what is the matter.
std::string store_refusal(error_code ec, const std::filesystem::path& folder);

// Why root must not run the agent on `folder`: it belongs to another user, who could not open what root makes there. Empty
// where it does not, or where we are not root.
std::string refusal_to_root(const std::filesystem::path& folder);

} // namespace relay::app
