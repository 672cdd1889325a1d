#include "tests/stand_ins/exchange/restriction.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/refusal.hpp"
#include "tests/stand_ins/exchange/xml.hpp"

#include <algorithm>

namespace relay::exchange_sim {

restriction::restriction(pugi::xml_node node, mailbox_store& store)
{
    constexpr std::pair<std::string_view, kind> names[] = {{"And", kind::all},
                                                           {"Or", kind::any},
                                                           {"Not", kind::none},
                                                           {"IsEqualTo", kind::equal},
                                                           {"IsNotEqualTo", kind::not_equal},
                                                           {"Exists", kind::exists},
                                                           {"Contains", kind::contains},
                                                           {"IsGreaterThan", kind::greater},
                                                           {"IsGreaterThanOrEqualTo", kind::greater_equal},
                                                           {"IsLessThan", kind::less},
                                                           {"IsLessThanOrEqualTo", kind::less_equal}};
    const auto name = local_name(node);
    const auto found = std::ranges::find(names, name, [](const auto& n) { return n.first; });
    if (found == std::end(names))
        refuse_schema("The element '" + std::string(name) + "' is no restriction.");
    kind_ = found->second;
    if (kind_ == kind::all || kind_ == kind::any || kind_ == kind::none) {
        for (const auto part : elements(node))
            parts_.emplace_back(part, store);
        return;
    }
    left_ = read_path_in(node, store);
    if (left_.field == "calendar:UID")
        refuse_request("ErrorUnsupportedPathForQuery",
                       "The property can not be used with this type of restriction.");
    const auto holder = kind_ == kind::contains ? node : child(node, "FieldURIOrConstant");
    const auto constant = child(holder, "Constant");
    if (kind_ != kind::exists && !constant)
        refuse_request("ErrorInvalidRestriction", "Only constants can be compared with.");
    constant_ = attribute(constant, "Value");
    if (kind_ == kind::contains && node.attribute("ContainmentMode"))
        mode_ = attribute(node, "ContainmentMode");
}

int restriction::compare(const std::string& value) const
{
    const auto a = parse_xml_time(value), b = parse_xml_time(constant_);
    if (a && b)
        return *a < *b ? -1 : *a > *b;
    const auto m = parse_integer(value), n = parse_integer(constant_);
    if (m && n)
        return *m < *n ? -1 : *m > *n;
    return ascii_lower(value).compare(ascii_lower(constant_));
}

bool restriction::holds(const calendar_item& item) const
{
    const auto part_holds = [&](const restriction& r) { return r.holds(item); };
    if (kind_ == kind::all)
        return std::ranges::all_of(parts_, part_holds);
    if (kind_ == kind::any)
        return std::ranges::any_of(parts_, part_holds);
    if (kind_ == kind::none)
        return std::ranges::none_of(parts_, part_holds);

    const auto values = values_of(item, left_);
    if (kind_ == kind::exists)
        return !values.empty();
    if (kind_ == kind::not_equal)
        return std::ranges::none_of(values, [&](const std::string& v) { return compare(v) == 0; });
    return std::ranges::any_of(values, [&](const std::string& v) {
        switch (kind_) {
        case kind::equal:
            return compare(v) == 0;
        case kind::greater:
            return compare(v) > 0;
        case kind::greater_equal:
            return compare(v) >= 0;
        case kind::less:
            return compare(v) < 0;
        case kind::less_equal:
            return compare(v) <= 0;
        default:
            break;
        }
        const auto text = ascii_lower(v), wanted = ascii_lower(constant_);
        return mode_ == "FullString" ? text == wanted
               : mode_ == "Prefixed" ? text.starts_with(wanted)
                                     : text.find(wanted) != text.npos;
    });
}

} // namespace relay::exchange_sim
