// Enrolling this machine: a key made here, a one-time token, a certificate from the cloud.
#pragma once

#include "agent/enrolment/answer.hpp"
#include "agent/enrolment/identity_files.hpp"
#include "common/secret/secret.hpp"

namespace relay::enrolment {

// What the cloud is told about this agent.
struct introduction {
    std::string name, version, os, host;
};

struct enrolled {
    std::string agent_id;
    std::string relay_url; // empty where the cloud told none
    bool ca_written = false;
    tls::certificate_facts facts;
};

// `dial.url` is enrolment_url(); dial.files holds at most the CA to trust. Writes nothing before the cloud has granted a
// certificate, and then all of it (identity_files.hpp); prepare() and recover() come before it. `time` and `files` outlive
// the call.
task<outcome<enrolled>> enroll(time_source& time, uplink::dial_settings dial, secret token, introduction who,
                               const identity_files& files);

// The identity that is in place: its certificate, or what is wrong with it, nothing where there is none at all. Blocking.
std::optional<outcome<tls::certificate_facts>> present_identity(const places& where, utc_time now);

} // namespace relay::enrolment
