// What the local HTTP answers beside the status document: the metrics, and what the page draws.
#pragma once

#include "agent/status/recorder.hpp"
#include "agent/status/snapshot.hpp"
#include "common/platform/process_usage.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace relay::status {

// Every metric of INTERFACE.md, and the process's own.
std::string metrics_text(const snapshot& s, const recorder& r, const platform::process_usage& u);

// For the page, beyond the contract: what is wrong, the last hour by minutes, the last commands.
boost::json::object history_json(const snapshot& s, recorder& r);

} // namespace relay::status
