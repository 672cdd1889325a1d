// What the agent is made of and runs on.
#pragma once

#include <boost/json/object.hpp>

#include <string_view>

namespace relay::support {

// {"agent","os":{…},"libraries":{…}}: of the libraries what this process has loaded, not what it was built with, where they
// can tell.
boost::json::object versions(std::string_view agent_version);

} // namespace relay::support
