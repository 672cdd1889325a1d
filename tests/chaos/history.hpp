// The judge: whether what Exchange went through agrees with what the cloud asked for and was told, given what the
// owner of the mailbox did by hand. Knows nothing of processes; works on one event at a time, from the ledgers of
// the stand-ins.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
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
    std::string agent = {};             // who gets it; empty: the only one
    bool given_on = false;              // to another agent, after its time on the first
    bool given_again = false; // by the cloud itself, in its turn, to a store that knew nothing of it

    bool sent_again() const noexcept { return first_sent != last_sent || given_again; }
};

bool succeeded(const asked& c);
std::string error_code_of(const asked& c); // empty where it succeeded or has no result

// What was done between these numbers of Exchange's ledger is not in the queue of the agent, which was put back to a copy.
struct lost_memory {
    std::int64_t after = 0, until = 0;
};

// What exchange-sim tells: the entries of its ledger and the items of the event's mailbox, of this event
// alone.
struct evidence {
    json::array writes, notifications, hands, items;
    json::array told = {}; // the event.changed that the cloud got
    std::vector<lost_memory> lost = {};
};

// The field as text, empty where it is none.
std::string text_of(const json::object& o, std::string_view name);

// What is wrong with an event after everything has settled, a sentence each; empty where all is well:
// every command has a result; one that succeeded was applied once, one that failed was not; effects and what
// reads saw follow the order of the commands; each recipient was told once; the calendar holds one item, or
// none, as it should; copies made by hand are as their maker left them; what the cloud was told of the owner's
// deeds was done by the owner.
std::vector<std::string> judge_event(const std::vector<asked>& commands, const evidence& e);

} // namespace relay::chaos
