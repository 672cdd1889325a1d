// Checks of what lies on this machine. They change nothing, take no lock, and never throw for what they find; all of them
// block for a moment (the queue's for seconds at most), on any thread.
#pragma once

#include "agent/doctor/report.hpp"
#include "common/config/load.hpp"
#include "common/time/time_source.hpp"
#include "common/tls/tls.hpp"

#include <filesystem>

namespace relay::doctor {

// `file` was read, and this is what is wrong with it.
check configuration(const std::filesystem::path& file, const config::mistakes& wrong);
// The files that hold secrets, the CA files and, where it is named, the configuration: whether they are there, and for whom.
check file_permissions(const config::settings& s, const std::filesystem::path& config_file = {});
// Whether it is there, can be written and has room.
check data_folder(const std::filesystem::path& folder);
// Whether the queue in it is sound.
check queue_file(const std::filesystem::path& folder);
// The agent's own: whether it is there, belongs to its key, hangs together and lasts.
check certificate(const tls::credential_files& files, utc_time now);

// Whether there is no certificate and no key at all: this machine was not enrolled yet.
bool not_enrolled(const tls::credential_files& files);

inline constexpr std::string_view enroll_advice =
    "Enrol this machine: workestra-relay enroll --url https://… --token … (Workestra gives both; a token "
    "works once).";

} // namespace relay::doctor
