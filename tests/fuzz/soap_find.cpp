// Answers to FindItem: only exact marks are found, and a search always goes forward.
#include "tests/fuzz/soap.hpp"

using namespace relay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const ews::call c{ews::operation::find_item, true, true};
    const std::vector<ews::find_position> both{{ews::item_location::live, 0},
                                               {ews::item_location::deleted, 100}};
    const std::vector<ews::find_position> one{{ews::item_location::deleted, 0}};
    fuzz::read_answer(fuzz::text_of_input(data, size), c, [&](const ews::soap_answer& a) {
        for (const auto* asked : {&both, &one}) {
            const auto got = ews::read_found(a, *asked, "ev-1", c);
            if (got.has_error()) {
                fuzz::check(got.error(), c);
                continue;
            }
            for (const auto& item : got->items)
                fuzz::require(item.event_id == "ev-1" && !item.ref.id.empty() && is_utf8(item.ref.id) &&
                              is_utf8(item.uid) && is_utf8(item.command_id));
            fuzz::require(got->unfinished.size() <= asked->size());
            for (const auto& next : got->unfinished)
                fuzz::require(next.offset > 0);
        }
    });
    return 0;
}
