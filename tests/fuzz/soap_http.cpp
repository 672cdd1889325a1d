// Whole HTTP answers: status, headers and body are all the server's.
#include "tests/fuzz/soap.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace relay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    FuzzedDataProvider given(data, size);
    http::response r;
    r.status = given.ConsumeIntegralInRange(0, 999);
    const ews::call c{given.PickValueInArray({ews::operation::find_item, ews::operation::create_item}),
                      given.ConsumeBool(), given.ConsumeBool()};
    r.content_type = given.ConsumeRandomLengthString(40);
    for (const auto* name : {"location", "retry-after", "x-owa-version"})
        r.headers.emplace_back(name, given.ConsumeRandomLengthString(300));
    r.body = given.ConsumeRemainingBytesAsString();
    const auto opened = ews::open_answer(std::move(r), c);
    if (opened.answer.has_error())
        fuzz::check(opened.answer.error(), c);
    else
        fuzz::require((*opened.answer)->operation() && !(*opened.answer)->is_fault());
    if (opened.version)
        fuzz::require(!opened.version->product().empty() &&
                      ews::parse_server_version(opened.version->str()) == opened.version);
    return 0;
}
