// Frames from the cloud: whatever arrives, decode() answers with a message or with a problem that can be
// sent.
#include "agent/protocol/codec.hpp"
#include "agent/protocol/fingerprint.hpp"
#include "common/text/text.hpp"

#include <cstdlib>

using namespace relay;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// A frame of ours is a frame: UTF-8, and read back as something.
void check_frame(const std::string& frame)
{
    require(is_utf8(frame));
    require(protocol::decode(frame).has_value());
}

void check_command(const protocol::command& c)
{
    require(!c.id.empty() && c.id.size() <= 64);
    require(protocol::fingerprint(c).size() == 64);
    const protocol::fault refused{protocol::fault_code::invalid_request, c.op, {}};
    check_frame(protocol::encode(protocol::result{c.id, refused, 0, milliseconds(0)}));
    check_frame(
        protocol::with_seq(protocol::encode(protocol::result{c.id, c.params, 1, milliseconds(1)}), 7));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    const std::string_view frame(reinterpret_cast<const char*>(bytes), size);
    const auto decoded = protocol::decode(frame);
    if (!decoded.has_value())
        check_frame(protocol::encode(decoded.error()));
    else if (const auto* c = std::get_if<protocol::command>(&*decoded))
        check_command(*c);
    return 0;
}
