#include "tests/simulation/frames.hpp"

#include <fmt/format.h>

namespace relay::simulation {
namespace {

std::string params_of(const order& o)
{
    switch (o.what) {
    case kind::create:
        return fmt::format(
            R"({{"event_id":"{}","subject":"{}","start":"2026-12-01T09:00:00Z","end":"2026-12-01T10:00:00Z",)"
            R"("attendees":[{{"email":"guest@corp.example"}}]}})",
            o.event, o.subject);
    case kind::update:
        return fmt::format(R"({{"event_id":"{}","set":{{"subject":"{}"}}}})", o.event, o.subject);
    case kind::cancel:
    case kind::get:
        return fmt::format(R"({{"event_id":"{}"}})", o.event);
    case kind::verify:
        break;
    }
    return "{}";
}

} // namespace

std::string command_frame(const order& o)
{
    return fmt::format(
        R"({{"type":"command","id":"{}","op":"{}","mailbox":"{}","ttl_ms":{},"redelivered":{},"params":{}}})",
        o.id, name(o.what), o.mailbox, o.ttl.count(), o.redelivered, params_of(o));
}

} // namespace relay::simulation
