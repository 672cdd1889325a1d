// The agent's log: one line a message, text or JSON, on standard error or in a rotating file.
#pragma once

#include "common/config/settings.hpp"
#include "common/log/background_sink.hpp"

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace relay {

inline constexpr std::size_t max_log_message_bytes = 8 * 1024; // what is longer is cut, and says so
inline constexpr std::size_t max_log_file_bytes = 10 * 1024 * 1024;
inline constexpr std::size_t max_log_files = 5; // agent.log, and agent.1.log to agent.4.log

// A logger that no registry knows. Thread-safe, and never held up by who reads it: see background_sink. A line holds time (UTC), level, component (the logger's name) and the
// message; control characters in the message are escaped, so that no text from outside can forge a line. Where
// standard error is the journal each line is an entry of it, with fields (journal_formatter.hpp).
// Throws std::runtime_error, in words for an administrator, where the file cannot be written.
std::shared_ptr<spdlog::logger> make_logger(const config::log_settings& settings,
                                            std::string component = "agent");

// What writes lines as `settings` want them. The same file is opened anew, so that one that was moved away (logrotate) is let
// go of. May block, any thread. Throws as make_logger().
spdlog::sink_ptr open_outlet(const config::log_settings& settings);

// Takes other settings into use for a logger that make_logger() made; `outlet` was opened for them. No line is lost or torn.
void use_settings(spdlog::logger& log, const config::log_settings& settings, spdlog::sink_ptr outlet);

// What became of lines that could not be written, since the settings in use were taken into use. On the thread that calls
// use_settings().
log_losses losses_of(const spdlog::logger& log);

// Changes what is logged from now on; any thread.
void set_level(spdlog::logger& log, config::log_level level);

} // namespace relay
