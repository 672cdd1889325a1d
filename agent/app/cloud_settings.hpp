// What the configuration says about the cloud, as the parts that go there take it.
#pragma once

#include "agent/enrolment/identity_files.hpp"
#include "agent/enrolment/outcome.hpp"
#include "agent/uplink/tls_connector.hpp"
#include "common/config/settings.hpp"

#include <string>

namespace relay::app {

tls::credential_files credentials(const config::cloud_settings& c);
// Whom to believe to be the cloud.
enrolment::trust_files trust_of(const config::cloud_settings& c);
// Where enrolling puts what the cloud grants. A renewal's CA goes to told_ca_file, whatever is there.
enrolment::places enrolment_places(const config::cloud_settings& c);
uplink::dial_settings dial_settings(const config::cloud_settings& c);

struct identity {
    std::string agent_id;
    tls::certificate_facts certificate;
};

// Who the certificate in place says we are. First ends what an enrolment that died had begun. Blocking, at start and at a
// reload.
enrolment::outcome<identity> own_identity(const config::cloud_settings& c);

} // namespace relay::app
