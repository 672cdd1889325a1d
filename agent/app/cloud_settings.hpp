// What the configuration says about the cloud, as the parts that go there take it.
#pragma once

#include "agent/enrolment/outcome.hpp"
#include "agent/uplink/tls_connector.hpp"
#include "common/config/settings.hpp"

#include <string>

namespace relay::app {

tls::credential_files credentials(const config::cloud_settings& c);
uplink::dial_settings dial_settings(const config::cloud_settings& c);

struct identity {
    std::string agent_id;
    tls::certificate_facts certificate;
};

// Who the certificate in place says we are. First ends what an enrolment that died had begun. Blocking, at start and at a
// reload.
enrolment::outcome<identity> own_identity(const config::cloud_settings& c);

} // namespace relay::app
