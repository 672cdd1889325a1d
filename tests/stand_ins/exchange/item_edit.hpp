// Applies the properties of a CreateItem or UpdateItem to an item, with the checks Exchange makes.
#pragma once

#include "tests/stand_ins/exchange/operations.hpp"
#include "tests/stand_ins/exchange/times.hpp"

#include <optional>

namespace relay::exchange_sim {

// Works on a copy of the item; what it holds after finish() is ready to be stored. The functions throw
// item_error for what Exchange refuses item by item, and soap_fault for what the schema refuses.
class item_edit {
public:
    item_edit(calendar_item item, operation_context& context) : item_(std::move(item)), context_(context) {}

    // `property` is a child of t:CalendarItem.
    void set(pugi::xml_node property);
    // SetItemField and the like, children of Updates.
    void apply(pugi::xml_node change);
    // Gives naive times their zone, rounds all-day events, and checks what only shows in the whole.
    void finish();

    calendar_item& item() noexcept { return item_; }

private:
    void set_field(pugi::xml_node change);
    void append_field(pugi::xml_node change);
    void delete_field(pugi::xml_node change);
    void set_extended(pugi::xml_node property);

    calendar_item item_;
    operation_context& context_;
    std::optional<request_time> start_, end_;
};

} // namespace relay::exchange_sim
