// The fixed words of PROTOCOL.md, written down here a second time: a checker that shared the agent's own tables would
// share its mistakes.
#pragma once

#include <optional>
#include <string_view>

namespace relay::cloud_sim {

enum class op_class { read, write, unknown };

op_class class_of(std::string_view op) noexcept;

// Whether errors of `code` are retryable; nothing where PROTOCOL.md has no such code.
std::optional<bool> retryable(std::string_view code) noexcept;

// True for the codes that refuse a write before it is stored: no `accepted`, no `seq`.
bool refuses_before_storing(std::string_view code) noexcept;

// Command ids: 1 to 64 of A-Z a-z 0-9 . _ : -; event_id and watch_id: 1 to 200 of the same.
bool is_id(std::string_view text, std::size_t longest) noexcept;
inline constexpr std::size_t longest_command_id = 64;
inline constexpr std::size_t longest_event_id = 200;

} // namespace relay::cloud_sim
