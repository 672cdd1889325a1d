// How a log message becomes one line. Kept apart from the sinks so that it can be tested.
#pragma once

#include <spdlog/formatter.h>

#include <string>
#include <string_view>

namespace relay {

enum class line_format { text, json };
enum class line_priority {
    none,
    journal, // "<3>" and so on before the line; the journal keeps the time
    beside,  // the journal keeps both, in fields of their own: journal_formatter
};

class line_formatter final : public spdlog::formatter {
public:
    line_formatter(line_format format, line_priority priority) : format_(format), priority_(priority) {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override;
    std::unique_ptr<spdlog::formatter> clone() const override;

private:
    line_format format_;
    line_priority priority_;
};

// syslog's severity: see sd-daemon(3).
int priority_of(spdlog::level::level_enum level);

// `text` without control characters (C0, DEL, C1, line and paragraph separators) and ill-formed UTF-8: they become
// \n, \t, \r or \xNN and \uNNNN. At most max_log_message_bytes of it, then a note of how much was cut.
std::string printable(std::string_view text);

// The same as the inside of a JSON string; ill-formed UTF-8 becomes U+FFFD.
std::string json_escaped(std::string_view text);

} // namespace relay
