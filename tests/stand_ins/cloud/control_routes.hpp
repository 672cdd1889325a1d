// The control interface of cloud-sim: tests/stand_ins/README.md says what each call does.
#pragma once

#include "tests/stand_ins/cloud/cloud.hpp"
#include "tests/stand_ins/cloud/enrolment_desk.hpp"
#include "tests/stand_ins/control/routes.hpp"

namespace relay::cloud_sim {

// The routes refer to `c`, `disk` and `desk` and must not outlive them.
void add_routes(stand_in::routes& routes, cloud& c, recorder& disk);
void add_enrolment_routes(stand_in::routes& routes, enrolment_desk& desk);

} // namespace relay::cloud_sim
