// The control interface of cloud-sim: tests/stand_ins/README.md says what each call does.
#pragma once

#include "tests/stand_ins/cloud/cloud.hpp"
#include "tests/stand_ins/control/routes.hpp"

namespace relay::cloud_sim {

// The routes refer to `c` and `disk` and must not outlive them.
void add_routes(stand_in::routes& routes, cloud& c, recorder& disk);

} // namespace relay::cloud_sim
