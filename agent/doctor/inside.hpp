// The examination as the running agent makes it of itself (agent.diagnose): by what it has at hand, without new connections.
#pragma once

#include "agent/doctor/report.hpp"
#include "agent/store/queue_store.hpp"
#include "agent/uplink/uplink.hpp"
#include "common/config/settings.hpp"
#include "common/tls/tls.hpp"

#include <optional>

namespace relay::doctor {

// Configuration, file permissions, data folder and certificate. Blocks for a moment; any thread.
report look_at_own_files(const config::settings& s, const tls::credential_files& files, utc_time now);
// The queue as its store tells it; nothing: the store failed or does not answer.
check own_queue(const std::optional<store::queue_status>& queue);
// The link to the cloud: it carried the question, or will carry the answer.
// Whether its log can be written.
check own_log(std::uint64_t lines_lost, const std::string& trouble);
check own_link(const uplink::link_status& link);

} // namespace relay::doctor
