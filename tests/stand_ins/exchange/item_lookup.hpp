// From an ItemId to the item, with the rights of the caller.
#pragma once

#include "tests/stand_ins/exchange/operations.hpp"

namespace relay::exchange_sim {

// `node` is an ItemId. Throws item_error: ErrorInvalidIdMalformed, ErrorInvalidChangeKey, ErrorItemNotFound.
calendar_item& look_up_item(pugi::xml_node node, operation_context& context);
calendar_item& look_up_item(std::string_view id, std::string_view change_key, operation_context& context);

} // namespace relay::exchange_sim
