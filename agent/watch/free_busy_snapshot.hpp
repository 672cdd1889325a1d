// How busy a mailbox was seen to be: what the cloud is told, and what the next look is compared with.
#pragma once

#include "agent/ews/exchange.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::watch {

// A value. `busy` is cut to the window, sorted and joined (exchange_access::join_periods).
struct free_busy_snapshot {
    utc_time from{}, to{}; // the window that was looked at
    std::vector<ews::busy_period> busy;
    std::optional<protocol::fault> error; // in place of busy

    // A few bytes a period, for the store.
    std::string packed() const;
    // Nothing where `text` is not what packed() made: then it is as if nothing had been told.
    static std::optional<free_busy_snapshot> unpacked(std::string_view text);
};

// Whether the cloud, told `published`, has to hear of `seen`. Time that passed, and what the end of a window cuts, is no news; busy
// time that has come into the window since is. A period that goes on beyond the window it was told in counts as told until
// its end is seen.
bool differs(const free_busy_snapshot& published, const free_busy_snapshot& seen);

} // namespace relay::watch
