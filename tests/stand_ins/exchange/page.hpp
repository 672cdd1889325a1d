// The page of a listing that a request asks for.
#pragma once

#include "tests/stand_ins/exchange/xml.hpp"

#include <cstdint>

namespace relay::exchange_sim {

inline constexpr std::int64_t most_found = 1000; // EwsFindCountLimit

struct page {
    std::int64_t offset = 0;
    std::int64_t limit = most_found;
};

// An attribute that is a number of at least `least`. Throws soap_fault.
std::int64_t number_attribute(pugi::xml_node node, const char* name, std::int64_t otherwise,
                              std::int64_t least);

// `view` is an IndexedPage…View, or null: the first page of `most`. Throws soap_fault.
page read_page(pugi::xml_node view, std::int64_t most);

} // namespace relay::exchange_sim
