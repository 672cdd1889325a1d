// The folders of a mailbox: their names in requests, and which one a request means.
#pragma once

#include "tests/stand_ins/exchange/operations.hpp"

#include <optional>

namespace relay::exchange_sim {

struct folder_ref {
    mailbox* owner;
    folder_kind folder;
};

struct folder_traits {
    folder_kind kind;
    std::string_view distinguished; // DistinguishedFolderId/@Id; empty for one that the user made
    std::string_view display_name, folder_class;
    folder_kind parent;
};

// Its views live as long as the mailbox gets no further folder.
folder_traits traits_of(const mailbox& owner, folder_kind folder);
// "calendar", "deleteditems", or the name that the user gave.
std::string_view name_of(const mailbox& owner, folder_kind folder);
// By that name, nothing where there is none.
std::optional<folder_kind> folder_named(const mailbox& owner, std::string_view name);
// As in Outlook. Throws std::invalid_argument where there is one of that name, or there are too many.
folder_kind make_folder(mailbox& owner, made_folder folder);

// `node` is a FolderId or DistinguishedFolderId. Throws item_error, or soap_fault for what the schema
// refuses.
folder_ref resolve_folder(pugi::xml_node node, operation_context& context);

} // namespace relay::exchange_sim
