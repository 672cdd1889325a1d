// Answers to CreateItem, UpdateItem and DeleteItem.
#include "tests/fuzz/soap.hpp"

using namespace relay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto input = fuzz::text_of_input(data, size);
    const ews::call create{ews::operation::create_item, true, true},
        update{ews::operation::update_item, true, false}, remove{ews::operation::delete_item, true, true};
    const auto check_ref = [](const ews::outcome<ews::item_ref>& got, const ews::call& c) {
        if (got.has_error())
            return fuzz::check(got.error(), c);
        fuzz::require(!got->id.empty() && is_utf8(got->id) && is_utf8(got->change_key));
    };
    fuzz::read_answer(input, create,
                      [&](const ews::soap_answer& a) { check_ref(ews::read_created(a, create), create); });
    fuzz::read_answer(input, update,
                      [&](const ews::soap_answer& a) { check_ref(ews::read_updated(a, update), update); });
    fuzz::read_answer(input, remove, [&](const ews::soap_answer& a) {
        const auto got = ews::read_removed(a, remove);
        if (got.has_error())
            fuzz::check(got.error(), remove);
    });
    return 0;
}
