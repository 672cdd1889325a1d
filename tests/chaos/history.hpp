// The judge: whether what Exchange went through agrees with what the cloud asked for and was told. Knows
// nothing of processes; works on one event at a time, from the ledgers of the stand-ins.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::chaos {

namespace json = boost::json;

// A command for an event, as the cloud sees it. Sends are counted over all commands: one that was sent for
// the last time before another was sent at all must take effect before it; of others nothing is known.
struct asked {
    std::string id, op, mailbox, event_id;
    json::object params;
    std::optional<int> ttl_ms = std::nullopt;
    std::size_t first_sent = 0, last_sent = 0;
    std::optional<json::object> result; // the frame

    bool sent_again() const noexcept { return first_sent != last_sent; }
};

bool succeeded(const asked& c);
std::string error_code_of(const asked& c); // empty where it succeeded or has no result

// What exchange-sim tells: the entries of its ledger and the items of the event's mailbox, of this event
// alone.
struct evidence {
    json::array writes, notifications, items;
};

// What is wrong with an event after everything has settled, a sentence each; empty where all is well:
// every command has a result; one that succeeded was applied once, one that failed was not; effects and what
// reads saw follow the order of the commands; each recipient was told once; the calendar holds one item, or
// none, as it should.
std::vector<std::string> judge_event(const std::vector<asked>& commands, const evidence& e);

} // namespace relay::chaos
