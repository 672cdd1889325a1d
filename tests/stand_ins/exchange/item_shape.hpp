// Writes calendar items as GetItem and FindItem answer them: the asked properties, in the schema's order.
#pragma once

#include "tests/stand_ins/exchange/habits.hpp"
#include "tests/stand_ins/exchange/property_path.hpp"

#include <bitset>

namespace relay::exchange_sim {

enum class answered_by { get_item, find_item };

// Which properties an ItemShape asks for.
class item_shape {
public:
    // Throws soap_fault. Properties that an item does not have, or that we do not keep, are left out of
    // answers.
    item_shape(pugi::xml_node shape, mailbox_store& store, answered_by asker, habits h = {});

    // Appends <t:CalendarItem>, or the element of a message.
    void put_item(std::string& out, const calendar_item& item) const;

private:
    std::bitset<64> fields_;
    std::vector<property_path> extended_;
    std::string_view body_type_ = "Best";
    answered_by asker_;
    habits habits_;
};

// Appends <t:ItemId Id="…" ChangeKey="…"/>.
void put_item_id(std::string& out, const calendar_item& item);
// Appends <t:FolderId …/>, or an element of another name with the same attributes.
void put_folder_id(std::string& out, const mailbox& owner, folder_kind folder,
                   std::string_view element = "FolderId");
std::string folder_id(const mailbox& owner, folder_kind folder);
// Appends the elements of <t:Mailbox> for an address.
void put_mailbox_element(std::string& out, std::string_view name, std::string_view email,
                         std::string_view type = "Mailbox");

} // namespace relay::exchange_sim
