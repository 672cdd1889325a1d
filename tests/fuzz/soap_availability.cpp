// Answers to GetUserAvailability: no period is the wrong way round or outside what was asked.
#include "tests/fuzz/soap.hpp"

using namespace relay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const ews::call c{ews::operation::get_user_availability, false, true};
    const utc_time start{std::chrono::sys_days{std::chrono::year{2026} / 1 / 5}};
    const auto window = ews::window_for(start, start + std::chrono::days{7});
    fuzz::read_answer(fuzz::text_of_input(data, size), c, [&](const ews::soap_answer& a) {
        for (std::size_t count = 0; count <= 3; ++count) {
            const auto got = ews::read_availability(a, count, window, c);
            if (got.has_error()) {
                fuzz::check(got.error(), c);
                continue;
            }
            fuzz::require(got->size() == count);
            for (const auto& mailbox : *got) {
                if (mailbox.has_error())
                    continue;
                for (const auto& period : *mailbox)
                    fuzz::require(period.start < period.end && period.start < window.end &&
                                  period.end > window.start);
            }
        }
    });
    return 0;
}
