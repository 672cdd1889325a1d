// What a session sends back, and how the connection fares afterwards.
#pragma once

#include "common/time/time_source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace relay::exchange_sim {

enum class ending {
    keep,       // as the client wishes
    close,      // in order, after the answer
    reset,      // TCP reset, nothing is sent
    hang,       // nothing is sent until the client gives up
    truncate,   // half of the answer, then the connection ends
    cut_chunks, // the same, of an answer that comes in chunks
};

class live_answer;

struct reply {
    unsigned status = 200;
    std::string content_type = "text/xml; charset=utf-8";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    // An answer too large to be held: `filler` spaces after `body`, then `tail`.
    std::uint64_t filler = 0;
    std::string tail;
    std::shared_ptr<live_answer> live; // in place of all that
    exchange_sim::ending ending = ending::keep;
    std::optional<std::string> echo; // its client-request-id, empty for none; absent: as the client wishes
    // A second answer to the same request on the same connection, in TLS records of its own. Until it is out, nothing is read.
    std::shared_ptr<reply> then;
    milliseconds then_after{0};
    // As long as it lives, the request counts as in flight: until its answer is sent, or its client gave up.
    std::shared_ptr<void> in_flight;
};

} // namespace relay::exchange_sim
