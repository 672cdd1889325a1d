#include "agent/exchange_access/answer_lists.hpp"

#include "common/time/rfc3339.hpp"

#include <boost/json/object.hpp>

namespace relay::exchange_access {
namespace {

std::string_view name(ews::busy_status s)
{
    switch (s) {
    case ews::busy_status::busy:
        return "busy";
    case ews::busy_status::tentative:
        return "tentative";
    case ews::busy_status::oof:
        return "oof";
    case ews::busy_status::working_elsewhere:
        return "working_elsewhere";
    case ews::busy_status::no_data:
        return "no_data";
    }
    return "busy";
}

std::string_view name(ews::answer a)
{
    switch (a) {
    case ews::answer::none:
        return "none";
    case ews::answer::accepted:
        return "accepted";
    case ews::answer::tentative:
        return "tentative";
    case ews::answer::declined:
        return "declined";
    }
    return "none";
}

} // namespace

json::array busy_list(const std::vector<ews::busy_period>& busy)
{
    json::array list;
    list.reserve(busy.size());
    for (const auto& p : busy)
        list.push_back(
            {{"start", format_rfc3339(p.start)}, {"end", format_rfc3339(p.end)}, {"status", name(p.status)}});
    return list;
}

json::array response_list(const std::vector<ews::attendee_answer>& answers)
{
    json::array responses;
    for (const auto& a : answers)
        responses.push_back({{"email", a.email}, {"response", name(a.response)}});
    return responses;
}

} // namespace relay::exchange_access
