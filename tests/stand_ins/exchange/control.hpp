// The control interface of the stand-in: what tests set up and look at, as the README lists it.
#pragma once

#include "tests/stand_ins/control/routes.hpp"

namespace relay {
class time_source;
}

namespace relay::exchange_sim {

class ews_endpoint;
class gatekeeper;
class https_server;
class ledger;
class mailbox_store;
class zone_table;
struct product;

struct control_parts {
    mailbox_store& store;
    exchange_sim::ledger& ledger;
    exchange_sim::gatekeeper& gatekeeper;
    ews_endpoint& endpoint;
    const https_server& server;
    time_source& time;
    const zone_table& zones;
    product& shown;
};

// The parts outlive `table`.
void add_control_routes(stand_in::routes& table, control_parts parts);

} // namespace relay::exchange_sim
