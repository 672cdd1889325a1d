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
    std::string_view distinguished; // DistinguishedFolderId/@Id
    std::string_view display_name, folder_class;
    folder_kind parent;
};

const folder_traits& traits_of(folder_kind folder) noexcept;

// `node` is a FolderId or DistinguishedFolderId. Throws item_error, or soap_fault for what the schema
// refuses.
folder_ref resolve_folder(pugi::xml_node node, operation_context& context);

} // namespace relay::exchange_sim
