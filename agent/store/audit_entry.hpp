// One line of the audit: a command and what became of it, for whoever has to account for it. Says nothing of what was
// written or read: no subject, no body, no attendee.
#pragma once

#include "agent/store/tracked_event.hpp"
#include "common/time/time_source.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::store {

// How an accepted write ended, beside its result.
struct write_end {
    utc_time at{};
    std::string outcome{"ok"}; // or a fault's code
    int attempts = 0;
    milliseconds took{0};
    std::optional<event_write> event = {}; // what it means for its event's item
};

struct audit_entry {
    // What else an outcome may be, beside "ok" and the codes of PROTOCOL.md.
    static constexpr std::string_view id_reused = "id_reused";   // answered with that problem
    static constexpr std::string_view unanswered = "unanswered"; // a read that the end of the agent cut off
    static constexpr std::string_view unrecorded = "unrecorded"; // `commands` refusals whose entries are lost

    static constexpr std::size_t longest_session = 128;
    static constexpr std::size_t longest_op = 64;
    static constexpr std::size_t longest_mailbox = 320;
    // Whose calendars an availability.get asked for is told up to so many, and only how many they were beyond: the log
    // is to show who looked at whom, not to become a directory.
    static constexpr std::size_t most_addresses = 20;

    utc_time at{};       // when it ended
    std::string id;      // of the command
    std::string session; // the one it came by, as the cloud's welcome named it
    std::string op;      // as received
    std::string mailbox; // likewise
    std::string event_id;
    std::string outcome;
    int attempts = 0;
    milliseconds took{0};
    std::optional<std::int64_t> commands;  // where it stands for more than one
    std::optional<std::int64_t> mailboxes; // that an availability.get asked for
    std::vector<std::string> addresses;    // theirs
};

// `text` cut to `limit` bytes, in whole characters; what is no UTF-8 becomes '?'.
std::string cut_to(std::string_view text, std::size_t limit);

// ---- the chain ----
// Entry n carries the SHA-256 over the hash of entry n-1 (64 hex digits), a line break, and its own text as JSON. So any
// tool can check an export: printf '%s\n%s' "$hash_before" "$line_without_hash" | sha256sum.
//
// What that proves: that nobody changed, removed, added or moved an entry without making all later hashes anew. The
// hashes have no key. Who may write to the file can make all of them anew, and the head with them; only a copy of a
// hash that lies elsewhere gives that away, which is why the agent says the head's in its log (audit_log.hpp).
using audit_hash = std::array<char, 32>;

// What the first entry of a log has for the hash before it.
inline constexpr audit_hash no_hash_before{};

// {"n":17,"at":…}: the same bytes for the same entry, always. Any bytes in, none mistaken for another entry's.
std::string audit_text(std::int64_t n, const audit_entry& e);
audit_hash audit_hash_of(const audit_hash& before, std::string_view text);
std::string audit_hex(const audit_hash& hash);
std::string_view bytes_of(const audit_hash& hash) noexcept;
// As it lies in the file. One of another length was not written by us: no entry fits what this makes of it.
audit_hash to_audit_hash(std::string_view bytes) noexcept;

// Where a chain stands.
struct audit_head {
    std::int64_t last = 0;      // number of the last entry, 0 where there was none ever
    std::int64_t forgotten = 0; // number of the entry before the first that is kept
    audit_hash last_hash = no_hash_before;
    audit_hash forgotten_hash = no_hash_before;

    friend bool operator==(const audit_head&, const audit_head&) = default;
};

} // namespace relay::store
