#include "common/log/journal_formatter.hpp"

#include "common/log_event/log_event.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

// A line break would end the field: printable() leaves none.
void add(spdlog::memory_buf_t& entry, std::string_view field, std::string_view value)
{
    if (!value.empty())
        fmt::format_to(std::back_inserter(entry), "{}={}\n", field, printable(value));
}

} // namespace

void journal_formatter::format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& entry)
{
    fmt::format_to(std::back_inserter(entry), "PRIORITY={}\nSYSLOG_IDENTIFIER=workestra-relay\n",
                   priority_of(message.level));
    if (message.source.funcname) {
        add(entry, "EVENT", message.source.funcname);
        if (const auto* event = event::named(message.source.funcname))
            add(entry, "MESSAGE_ID", event->message_id());
    }
    if (const auto* about = subject_of(message.source)) {
        add(entry, "COMMAND_ID", about->command_id);
        add(entry, "OPERATION", about->operation);
        add(entry, "MAILBOX", about->mailbox);
    }
    fmt::format_to(std::back_inserter(entry), "MESSAGE=");
    line_.format(message, entry); // ends with a line break, and has no other
}

std::unique_ptr<spdlog::formatter> journal_formatter::clone() const
{
    return std::make_unique<journal_formatter>(*this);
}

} // namespace relay
