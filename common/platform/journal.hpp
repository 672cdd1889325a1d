// systemd's journal: whether it collects what we write, and its door for entries with fields.
#pragma once

#include "common/error/error.hpp"

#include <string_view>

namespace relay::platform {

// True where standard error is a connection to systemd's journal (JOURNAL_STREAM, systemd.exec(5)).
bool stderr_is_journal();

// Whether entries with fields are taken on this machine.
bool journal_takes_fields();

// One entry: "FIELD=value" a line, no value with a line break in it (systemd's native journal protocol). Blocks for as long
// as the journal does not read. Any thread.
error_code send_to_journal(std::string_view fields);

} // namespace relay::platform
