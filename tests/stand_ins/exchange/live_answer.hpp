// An answer without an end in sight.
#pragma once

#include "common/async/async.hpp"

#include <string>

namespace relay::exchange_sim {

// What comes next of an answer that has no length: nothing of it is its end.
struct live_piece {
    std::string text;
    bool cut = false; // the connection ends behind it, in the middle of the answer
};

// An answer that comes bit by bit, chunked, for as long as it likes.
class live_answer {
public:
    virtual ~live_answer() = default;
    // Waits for it; an end where the waiting coroutine is cancelled.
    virtual task<live_piece> next() = 0;
    virtual std::size_t piece_bytes() const = 0; // of a write; 0: all at once
};

} // namespace relay::exchange_sim
