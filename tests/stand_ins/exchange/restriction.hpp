// Restrictions of FindItem: conditions on properties, put together with And, Or and Not.
#pragma once

#include "tests/stand_ins/exchange/property_path.hpp"

namespace relay::exchange_sim {

class restriction {
public:
    // `node` is the element below Restriction. Throws soap_fault for what EWS refuses.
    restriction(pugi::xml_node node, mailbox_store& store);

    bool holds(const calendar_item& item) const;
    // True where the restriction is one equality on an extended property: the store has an index for that.
    bool is_look_up() const noexcept { return kind_ == kind::equal && left_.extended; }
    const property_path& property() const noexcept { return left_; }
    const std::string& constant() const noexcept { return constant_; }

private:
    enum class kind {
        all,
        any,
        none,
        equal,
        not_equal,
        exists,
        contains,
        greater,
        greater_equal,
        less,
        less_equal
    };
    int compare(const std::string& value) const;

    kind kind_;
    std::vector<restriction> parts_;
    property_path left_;
    std::string constant_;
    std::string_view mode_ = "Substring"; // of contains
};

} // namespace relay::exchange_sim
