// How requests name properties: FieldURI, and ExtendedFieldURI in its several forms.
#pragma once

#include "tests/stand_ins/exchange/mailbox_store.hpp"

#include <pugixml.hpp>

#include <string>
#include <string_view>

namespace relay::exchange_sim {

struct property_path {
    std::string_view field; // "calendar:Start"; empty for an extended property. Lives as long as the request
    property_key extended = nullptr; // forms that mean the same property give the same key
    std::string extended_name;       // "WorkestraEventId", "#34049" or "0x10f3"
    std::string element;             // the ExtendedFieldURI as it was asked, to be repeated in the answer
};

// `node` is a FieldURI, IndexedFieldURI or ExtendedFieldURI. Throws soap_fault.
property_path read_path(pugi::xml_node node, mailbox_store& store);
// The first path element among the children of `parent`. Throws soap_fault where there is none.
property_path read_path_in(pugi::xml_node parent, mailbox_store& store);

// The values of the property on `item`: texts as they would be written, in UTC where they are times. No
// values where the item has no such property.
std::vector<std::string> values_of(const calendar_item& item, const property_path& path);

// The text cut as FindItem cuts it: after 255 characters.
std::string_view cut_for_find(std::string_view text) noexcept;

} // namespace relay::exchange_sim
