// The whole examination, from outside the agent: every check, in the order of INTERFACE.md ("Commands", doctor).
#pragma once

#include "agent/doctor/report.hpp"
#include "agent/ews/ews_client.hpp"
#include "agent/http/settings.hpp"
#include "agent/uplink/tls_connector.hpp"
#include "common/config/load.hpp"

#include <optional>

namespace relay::doctor {

// What to look at.
struct doctor_input {
    // The configuration with what is wrong in it, and as much of it as can be used: nothing where it cannot be read at all.
    std::filesystem::path config_file;
    config::mistakes mistakes{};
    std::optional<config::settings> settings{};
    std::string variables{}; // whose were laid over the file: "of the running agent"; empty: not told
    // The same as those take it who go there; read only where `settings` names a cloud or a server.
    uplink::dial_settings cloud{};
    http::client_settings exchange{};
    ews::client_settings ews{};

    std::vector<mailbox_address> mailboxes{};
};

// Looks at everything that can be looked at, and tells `listener` while it goes on. Touches neither the queue nor the session
// of an agent that runs. Blocks for short times: for a loop of its own.
task<report> examine(time_source& time, doctor_input who, progress::listener listener);

} // namespace relay::doctor
