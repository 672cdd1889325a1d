#include "agent/app/admin_requests.hpp"

#include <fmt/format.h>

#include <string_view>

namespace relay::app {
namespace {

using commands::admin_request;

std::string_view why_not(admin_request w)
{
    switch (w) {
    case admin_request::granted:
        break;
    case admin_request::unknown:
        return "the agent has no such write at hand; look at queue show, and try again in a moment";
    case admin_request::under_way:
        return "it is being carried out now; wait for its result";
    case admin_request::outcome_unknown:
        return "a try of it was begun, and whether that took effect is being looked up in Exchange; the "
               "agent goes on until it knows, and then tells the cloud what is true";
    case admin_request::redelivered:
        return "another agent may have carried it out already, and only looking it up in Exchange tells; it "
               "ends by itself when Exchange answers";
    case admin_request::waits_for_earlier:
        return "it waits for its turn behind another command for the same event; retry that one";
    case admin_request::paused:
        return "Exchange asked for a pause, and it is tried when that is over";
    case admin_request::draining:
        return "the agent is stopping; what waits is tried at its next start";
    }
    return "";
}

admin::answer refused(std::string_view verb, const std::string& id, admin_request w)
{
    return {false, fmt::format("{} is not {}: {}", id, verb, why_not(w))};
}

} // namespace

admin::answer answer_admin_request(commands::dispatcher& works, const admin::request& asked)
{
    if (asked.what == "queue.retry") {
        const auto w = works.retry_now(asked.id);
        if (w != admin_request::granted)
            return refused("tried", asked.id, w);
        if (works.gate().state() == exchange_access::server_state::auth_failed)
            return {true, fmt::format("{} is tried now, but Exchange refuses the service account: put the "
                                      "right password in place and reload the agent",
                                      asked.id)};
        return {true, fmt::format("{} is tried now", asked.id)};
    }
    if (asked.what == "queue.drop") {
        const auto w = works.drop(asked.id);
        if (w != admin_request::granted)
            return refused("dropped", asked.id, w);
        return {true, fmt::format("{} is dropped; the cloud is told that it was cancelled", asked.id)};
    }
    return {false, "this version of the agent cannot do that; restart it after an upgrade"};
}

} // namespace relay::app
