#include "tests/stand_ins/exchange/page.hpp"

#include "tests/stand_ins/exchange/refusal.hpp"

#include <algorithm>
#include <string>

namespace relay::exchange_sim {

std::int64_t number_attribute(pugi::xml_node node, const char* name, std::int64_t otherwise,
                              std::int64_t least)
{
    if (!node.attribute(name))
        return otherwise;
    const auto value = parse_integer(attribute(node, name));
    if (!value || *value < least)
        refuse_schema(std::string(name) + " has no valid value.");
    return *value;
}

page read_page(pugi::xml_node view, std::int64_t most)
{
    page p;
    p.limit = std::min(number_attribute(view, "MaxEntriesReturned", most, 1), most);
    p.offset = number_attribute(view, "Offset", 0, 0);
    const auto base = attribute(view, "BasePoint");
    if (view && base != "Beginning" && base != "End")
        refuse_schema("BasePoint is missing or has an unknown value.");
    return p;
}

} // namespace relay::exchange_sim
