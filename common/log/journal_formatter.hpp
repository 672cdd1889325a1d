// How a log message becomes an entry of systemd's journal, with fields that alerting and searches go by.
#pragma once

#include "common/log/line_formatter.hpp"

namespace relay {

// MESSAGE (the line, as text or JSON), PRIORITY, SYSLOG_IDENTIFIER; of a named line EVENT and MESSAGE_ID; of one about a
// command COMMAND_ID, OPERATION and, if it has one, MAILBOX. Nothing from outside can add a field.
class journal_formatter final : public spdlog::formatter {
public:
    explicit journal_formatter(line_format format) : line_(format, line_priority::beside) {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& entry) override;
    std::unique_ptr<spdlog::formatter> clone() const override;

private:
    line_formatter line_;
};

} // namespace relay
