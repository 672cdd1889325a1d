// The seam between the uplink and whatever carries its frames: a WebSocket in the agent, a script in a simulation.
#pragma once

#include "common/async/async.hpp"

#include <boost/throw_exception.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace relay::uplink {

// How far connecting got.
enum class step { settings, name, tcp, proxy, tls, upgrade, welcome, serving };

std::string_view name(step s) noexcept;

// Why there is no link (any more). The message is one sentence with host and port, for the log and the status page.
struct failed {
    step at = step::serving;
    error_code code;
    std::string message;
};

template <class T>
using outcome = boost::system::result<T, failed>;

// What result::value() throws on a failure: reaching it is a bug in the caller.
[[noreturn]] inline void throw_exception_from_error(const failed& f, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked failure: " + f.message), where);
}

// RFC 6455, section 7.4.1: the ones the agent sends.
enum class close_code : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    not_text = 1003
};

// One connection that is open for frames. Loop thread only. One read, one write, one ping and one close may run at a
// time, side by side; cancelling any of them leaves a link that is good for abort() alone.
class link {
public:
    virtual ~link() = default;

    // The next text frame. Fails with errc::link_closed (the peer closed), errc::frame_too_large (1009 was sent),
    // errc::protocol_violation (a binary frame: 1003 was sent; or no WebSocket), or what the network says.
    virtual task<outcome<std::string>> read() = 0;
    // Sends the frames in order; returns when they are with the operating system. The span outlives the call.
    virtual task<outcome<void>> write(std::span<const std::string> frames) = 0;
    virtual task<outcome<void>> ping() = 0;
    // The closing handshake. A read that runs meanwhile ends with errc::link_closed. The caller sets the deadline.
    virtual task<void> close(close_code code, std::string reason) = 0;
    // Drops the connection now: whatever runs on it ends with an error. Idempotent.
    virtual void abort() noexcept = 0;

    // Frames larger than this end the link.
    virtual void limit_frames(std::size_t max_message_bytes) = 0;
    // When anything at all last came from the peer: part of a frame, a ping, a pong. At first: when the link was made.
    virtual steady_time last_arrival() const noexcept = 0;
    // From the last ping that was answered to its pong.
    virtual std::optional<duration> round_trip() const noexcept = 0;
};

using link_ptr = std::unique_ptr<link>;

enum class link_verdict {
    works,  // the cloud has spoken
    silent, // it took the connection, and then nothing came
};

// Makes links. Owned by app; outlives the uplink.
class connector {
public:
    virtual ~connector() = default;

    // All steps up to the WebSocket upgrade, each with its own deadline. Cancelling it ends it within a loop turn.
    virtual task<outcome<link_ptr>> connect() = 0;
    // Where it connects to, without secrets: for the log and the status.
    virtual std::string url() const = 0;
    // The address that the link made last goes to; empty where that is not known.
    virtual std::string address() const { return {}; }
    // What came of the link made last: the next connect() begins at the address that works, or at another one.
    virtual void judge(link_verdict) {}
};

} // namespace relay::uplink
