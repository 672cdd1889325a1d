// Calendar items as the control interface shows and takes them.
#pragma once

#include "tests/stand_ins/exchange/mailbox_store.hpp"

#include <boost/json/object.hpp>

namespace relay::exchange_sim {

boost::json::object to_json(const calendar_item& item);

// Sets the fields that `json` has. Throws std::invalid_argument for a field that does not exist or has a
// wrong value.
void apply_json(calendar_item& item, const boost::json::object& json, mailbox_store& store,
                const zone_table& zones);

// The folder that `json` names ("calendar" where it names none). Throws std::invalid_argument.
folder_kind folder_in(const boost::json::object& json, const mailbox& owner);

} // namespace relay::exchange_sim
