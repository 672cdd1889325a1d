// Random calendars as exchange-sim's control interface takes them, and what Exchange's rules make of them minute by
// minute. The rules are written down here once more, in the plainest way there is, and know nothing of how the
// stand-in does it: a day is an occurrence or is not, and a zone is what the C library says.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace relay::test {

namespace json = boost::json;
using minute = std::int64_t; // since 1970: of UTC, or of a wall clock

// A zone as the machine's C library knows it, from 2025 to 2029.
class oracle_zone {
public:
    oracle_zone(std::string windows_id, const std::string& iana_id);

    const std::string& windows_id() const noexcept { return windows_id_; }
    minute to_local(minute utc) const;
    // Of a wall clock time that exists twice the one in standard time; one that is left out counts as standard time.
    minute to_utc(minute local) const;

private:
    struct era {
        minute from;
        int offset;
        bool daylight;
    };
    const era& era_at(minute utc) const;

    std::string windows_id_;
    std::vector<era> eras_;
};

// Both hemispheres, offsets of 30 and 45 minutes, changes of half an hour, at midnight and before it. Made once.
const std::vector<oracle_zone>& oracle_zones();

enum class kind_of_time {
    tentative,
    busy,
    oof,
    no_data,
    working_elsewhere
}; // digit of a merged view, less one
inline constexpr std::array<std::string_view, 5> kind_names{"tentative", "busy", "oof", "no_data",
                                                            "working_elsewhere"};

struct taken_time {
    minute start, end;
    kind_of_time kind;
};

struct random_calendar {
    json::array items;             // for POST /mailboxes/EMAIL/items
    std::vector<taken_time> taken; // as it is, overlapping where items do
};

using random_source = std::mt19937_64;
// Uniform, both ends included.
std::int64_t pick(random_source& random, std::int64_t least, std::int64_t most);
bool chance(random_source& random, int percent);

// About `items` items, most of them between the two times. Nothing is told of what begins after `to`.
random_calendar make_calendar(random_source& random, minute from, minute to, int items);

// For each kind, each minute of [from, to).
using minute_map = std::array<std::vector<bool>, 5>;
minute_map minutes_of(const std::vector<taken_time>& taken, minute from, minute to);
// The same where nothing is seen but the worst kind in each slot, counted from `from`. Several calendars: a list's
// members.
minute_map merged_minutes(const std::vector<const random_calendar*>& calendars, minute from, minute to,
                          minute slot);

// The `busy` of an answer as minutes; `wrong` says what PROTOCOL.md does not allow of it, empty where all is well.
struct read_busy {
    minute_map minutes;
    std::string wrong;
};
read_busy read_minutes(const json::array& busy, minute from, minute to);
// The first minute that differs, for the message of a failed check; empty where none does.
std::string difference(const minute_map& got, const minute_map& wanted, minute from);

std::string rfc3339(minute utc);

} // namespace relay::test
