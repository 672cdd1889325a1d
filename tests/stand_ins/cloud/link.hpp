// One WebSocket to an agent, as the cloud's logic sees it: frames out, and ways to end it.
#pragma once

#include <cstdint>
#include <string>

namespace relay::cloud_sim {

enum class frame_format { text, binary };

// Calls return at once; what is sent goes out in order. Loop thread only.
class link {
public:
    virtual ~link() = default;

    virtual void send(std::string frame, frame_format format = frame_format::text) = 0;
    // Closes with a close frame after what was sent before.
    virtual void close(std::uint16_t code) = 0;
    // Resets the TCP connection: no close frame, no alert.
    virtual void cut() = 0;
    // From now on nothing is read or written any more, as on a link whose middle is gone; or again as usual.
    virtual void freeze(bool frozen) = 0;
};

} // namespace relay::cloud_sim
