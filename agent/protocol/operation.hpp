// A command's operation, as the parts of the agent see it that carry nothing out: the inbox, policy, the audit, the metrics. Which
// operations there are, and what each does, is in agent/commands: one file each.
#pragma once

#include "agent/protocol/params.hpp"

#include <memory>
#include <span>

namespace relay::protocol {

enum class operation_class { read, write };

// Which mailboxes an operation is about.
enum class operation_mailboxes {
    none,
    one,     // it acts in the command's `mailbox`
    several, // it asks about those in its params; a denied one fails alone
};

inline constexpr milliseconds default_read_ttl{30'000};
inline constexpr milliseconds default_write_ttl{86'400'000};
inline constexpr milliseconds longest_ttl{std::chrono::years{10}}; // a longer one is taken as this

// Keeps the cloud told of how busy mailboxes are. An address that is named twice is watched once.
struct availability_watch {
    std::string watch_id;
    std::vector<mailbox_address> mailboxes;
    std::chrono::days horizon{60};
    std::chrono::seconds interval{300};
};

// What a command asks for, its params checked against PROTOCOL.md ("Operations", "Limits"). Does not change: the inbox, the
// dispatcher and whoever carries it out share it.
class operation {
public:
    virtual ~operation() = default;

    // The mailbox that it acts in; null if it acts in none.
    virtual const mailbox_address* mailbox() const { return nullptr; }
    // The mailboxes whose free/busy it asks for, in the order given.
    virtual std::span<const mailbox_address> asks_about() const { return {}; }
    // Whom it would put on an event's list of attendees.
    virtual std::span<const attendee> invites() const { return {}; }
    // Empty if it is about no event.
    virtual const std::string& event_id() const;
    // What the commands share that run one after the other: "mailbox/event_id" (mailbox in lower case) for those about an
    // event. Empty for operations that run side by side.
    virtual std::string ordering_key() const;
    // The watch that it would have the agent keep; null if none.
    virtual const availability_watch* new_watch() const { return nullptr; }
    // It may take two requests, of which the first may take effect without the second.
    virtual bool may_apply_in_part() const { return false; }
};

using operation_ptr = std::shared_ptr<const operation>;

// What an operation is read from.
struct unread_operation {
    std::optional<mailbox_address> mailbox; // there if the operation acts in one
    params_reader params;
    findings& found; // what is read does not count once there is one
};

// What the agent knows of an operation before there is a command.
struct operation_row {
    std::string_view name;
    operation_class kind;
    operation_mailboxes mailboxes;
    operation_ptr (*read)(unread_operation& from);
};

// The operations that an agent implements, in the order of PROTOCOL.md. A view: the rows outlive it.
class operation_catalog {
public:
    constexpr explicit operation_catalog(std::span<const operation_row> rows) : rows_(rows) {}

    std::span<const operation_row> rows() const noexcept { return rows_; }
    // Null if the agent does not know `name`.
    const operation_row* find(std::string_view name) const noexcept;
    std::optional<operation_class> class_of(std::string_view name) const noexcept;

    // Checks `op`, `mailbox` and `params`. Unknown params are ignored; null is absent, but in `set`.
    // Faults: unsupported_operation; invalid_request whose message starts with the field's path
    // ("params.attendees[2].email: …").
    checked<operation_ptr> read(const command& c) const;

private:
    std::span<const operation_row> rows_;
};

} // namespace relay::protocol
