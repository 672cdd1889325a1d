// Answers to ResolveNames and GetFolder.
#include "tests/fuzz/soap.hpp"

using namespace relay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto input = fuzz::text_of_input(data, size);
    const ews::call resolve{ews::operation::resolve_names, false, false},
        open{ews::operation::get_folder, true, true};
    fuzz::read_answer(input, resolve, [&](const ews::soap_answer& a) {
        const auto got = ews::read_resolved(a, "svc", resolve);
        if (got.has_error())
            return fuzz::check(got.error(), resolve);
        fuzz::require(is_utf8(got->name) && is_utf8(got->email));
    });
    fuzz::read_answer(input, open, [&](const ews::soap_answer& a) {
        const auto got = ews::read_folder_opened(a, open);
        if (got.has_error())
            fuzz::check(got.error(), open);
    });
    return 0;
}
