// The single checks. Each looks at one thing, changes nothing, and never throws for what it finds.
#pragma once

#include "agent/doctor/report.hpp"
#include "agent/ews/exchange.hpp"
#include "common/tls/tls.hpp"

#include <filesystem>

namespace relay::doctor {

// Blocking (a statvfs): any thread, short.
check data_folder(const std::filesystem::path& folder);
// Blocking (two small files): any thread, short.
check certificate(const tls::credential_files& files, utc_time now);
// Sign-in, server version and ResolveNames, in one request.
task<check> exchange_account(ews::exchange& exchange, duration limit);

} // namespace relay::doctor
