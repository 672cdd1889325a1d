// Checks of the way to the cloud, from its name to the WebSocket. One attempt, as the agent makes it, is taken apart
// into them. No hello is sent, so that a link that is up stays the cloud's only session with this agent.
#pragma once

#include "agent/doctor/report.hpp"
#include "agent/uplink/tls_connector.hpp"

#include <optional>

namespace relay::doctor {

inline constexpr std::string_view clock_check = "clock";

// What one attempt found. A value, so that what it means can be told without a network.
struct cloud_findings {
    web_url address;
    uplink::dial_report dialled;
    std::optional<uplink::failed> failure; // nothing: a WebSocket was open
    utc_time seen_at{};                    // by our clock, when the attempt ended

    // What could not be used, and was left out for the attempt; empty where all was.
    std::string certificate_trouble, ca_trouble;
    std::string ca_file;           // whom to trust; empty: the system's store
    bool ca_told_by_cloud = false; // with the enrolment
};

// Tries, and closes again. `settings.url` names a cloud. Files that cannot be used are left out, so that the rest of the
// way is looked at all the same. Takes up to a deadline a step; cancelling it ends it within a loop turn.
task<cloud_findings> look_at_cloud(time_source& time, uplink::dial_settings settings);

// Clock, name look-up, TCP, proxy, TLS and WebSocket, in this order.
std::vector<check> cloud_checks(const cloud_findings& f);
// The same checks where nobody could try.
std::vector<check> cloud_checks_not_tried(std::string_view why);

} // namespace relay::doctor
