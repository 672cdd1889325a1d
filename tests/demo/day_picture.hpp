// Free/busy of one day as a picture in text: a row a mailbox, a cell a half hour.
#pragma once

#include <boost/json/array.hpp>

#include <string>

namespace relay::demo {

// `mailboxes` as availability.get answers it for a day that begins at `day` ("2026-12-01"), shown from 08:00 to 18:00
// UTC. `blocks`: with block characters, else in ASCII.
std::string day_picture(const boost::json::array& mailboxes, const std::string& day, bool blocks);

} // namespace relay::demo
