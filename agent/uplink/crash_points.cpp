#include "agent/uplink/crash_points.hpp"

namespace relay::uplink {

crash_step step_of(std::string_view frame) noexcept
{
    if (frame.starts_with(R"({"type":"result")"))
        return "send.result";
    if (frame.starts_with(R"({"type":"accepted")"))
        return "send.accepted";
    if (frame.starts_with(R"({"type":"hello")"))
        return "send.hello";
    if (frame.starts_with(R"({"type":"goodbye")"))
        return "send.goodbye";
    return "send.other";
}

crash_step step_of(const protocol::inbound& message) noexcept
{
    struct names {
        crash_step operator()(const protocol::welcome&) const { return "take.welcome"; }
        crash_step operator()(const protocol::command&) const { return "take.command"; }
        crash_step operator()(const protocol::ack&) const { return "take.ack"; }
        crash_step operator()(const protocol::cancel&) const { return "take.cancel"; }
        crash_step operator()(const protocol::drain&) const { return "take.drain"; }
        crash_step operator()(const protocol::reject&) const { return "take.other"; }
        crash_step operator()(const protocol::problem&) const { return "take.other"; }
        crash_step operator()(const protocol::unknown_type&) const { return "take.other"; }
    };
    return std::visit(names{}, message);
}

} // namespace relay::uplink
