// Answers to the search for folders: ids only of folders that were told of, pages only forward, a walk that
// ends.
#include "tests/fuzz/soap.hpp"

using namespace relay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const ews::call opening{ews::operation::get_folder, true, true},
        searching{ews::operation::find_folder, true, true};
    const auto text = fuzz::text_of_input(data, size);
    fuzz::read_answer(text, opening, [&](const ews::soap_answer& a) {
        const auto usual = ews::read_usual_folders(a, opening);
        if (usual.has_error())
            fuzz::check(usual.error(), opening);
        else
            fuzz::require(!usual->calendar.empty() && !usual->deleted_items.empty());
    });
    fuzz::read_answer(text, searching, [&](const ews::soap_answer& a) {
        const auto page = ews::read_folders(a, 100, searching);
        if (page.has_error()) {
            fuzz::check(page.error(), searching);
            return;
        }
        fuzz::require(!page->next_offset || *page->next_offset > 100);
        const auto others = ews::others_of(page->folders, {"C", "D"});
        fuzz::require(others.size() <= page->folders.size());
        for (const auto& folder : others)
            fuzz::require(!folder.id.empty() && folder.id != "C" && folder.id != "D" && is_utf8(folder.id));
    });
    return 0;
}
