// What servers of other versions and makers put into their answers, though nobody asked for it: set by PUT /habits.
#pragma once

namespace relay::exchange_sim {

struct habits {
    bool more_than_asked =
        false; // items come with all fields, bodies too, and with a property of somebody else
    bool properties_twice = false; // each extended property comes once empty and once with its value
    bool detailed = false;         // free/busy answers are Detailed, whatever view was asked for
    bool times_with_zone = false;  // times in free/busy answers end with Z
    int meetings_a_day =
        0; // in free/busy answers, of every mailbox beside its own, from 8:00 UTC on, one an hour
};

} // namespace relay::exchange_sim
