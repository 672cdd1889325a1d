// Refuses what the EWS schema refuses in the requests we know: unknown children, wrong order, wrong
// namespace.
#pragma once

#include <pugixml.hpp>

namespace relay::exchange_sim {

// Checks `operation`, the child of the SOAP body, and everything below it. Throws soap_fault
// ErrorSchemaValidation.
void check_schema_order(pugi::xml_node operation);

} // namespace relay::exchange_sim
