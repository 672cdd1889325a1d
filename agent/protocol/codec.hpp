// Frames to values and back. Pure functions: no clock, no sockets; every one of them is fuzzed.
#pragma once

#include "agent/protocol/messages.hpp"

namespace relay::protocol {

// Reads one text frame from the cloud. A frame that PROTOCOL.md calls invalid comes back as the `problem` to answer with.
// Never throws on outside bytes; nesting is bounded (32), and so is the number of values.
boost::system::result<inbound, problem> decode(std::string_view frame);

std::string encode(const hello& h);
std::string encode_accepted(std::string_view id);
std::string encode(const problem& p);
std::string encode_goodbye(std::string_view reason);

// A result without seq: what is stored for a write, and sent as it is for a read.
std::string encode(const result& r);
// An event without seq: what is stored.
std::string encode_event(std::string_view event, const json::object& data);
// A stored body as a frame, with its number put in.
std::string with_seq(std::string_view body, sequence seq);

// The JSON form of a fault: {"code","message","retryable"} and "exchange" where there is one.
json::object to_json(const fault& f);

} // namespace relay::protocol
