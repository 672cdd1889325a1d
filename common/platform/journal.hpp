// Whether the service manager collects what we write.
#pragma once

namespace relay::platform {

// True where standard error is a connection to systemd's journal (JOURNAL_STREAM, systemd.exec(5)).
bool stderr_is_journal();

} // namespace relay::platform
