// What PROTOCOL.md ("Operations") says about the output of each operation, given what was asked.
#pragma once

#include "tests/stand_ins/cloud/shape.hpp"

namespace relay::cloud_sim {

// `op`, `mailbox` and `params` of the command, `output` of its ok result. Params of a wrong kind are passed over: what
// the agent should have said to them is for the test to know.
void check_output(std::string_view op, std::string_view mailbox, const json::object& params,
                  const json::object& output, findings& found);

} // namespace relay::cloud_sim
