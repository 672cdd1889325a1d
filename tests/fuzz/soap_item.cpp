// Answers to GetItem: all text that comes out can go into JSON.
#include "tests/fuzz/soap.hpp"

using namespace relay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const ews::call c{ews::operation::get_item, true, true};
    fuzz::read_answer(fuzz::text_of_input(data, size), c, [&](const ews::soap_answer& a) {
        if (const auto states = ews::read_states(a, 1, c); states.has_value())
            for (const auto& answer :
                 states->front().has_value() ? states->front()->answers : std::vector<ews::attendee_answer>())
                fuzz::require(is_utf8(answer.email));
        const auto got = ews::read_item(a, c);
        if (got.has_error())
            return fuzz::check(got.error(), c);
        const auto& f = got->fields;
        fuzz::require(!got->ref.id.empty() && is_utf8(got->ref.id) && is_utf8(got->ref.change_key) &&
                      is_utf8(got->uid));
        fuzz::require(is_utf8(f.subject) && (!f.location || is_utf8(*f.location)) &&
                      (!f.body || is_utf8(f.body->content)));
        for (const auto& category : f.categories)
            fuzz::require(is_utf8(category));
        fuzz::require(f.attendees.size() == got->answers.size());
    });
    return 0;
}
