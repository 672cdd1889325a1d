// What really happened, in order: writes that were carried out, the meeting messages that went out for them,
// and what users did by hand.
#pragma once

#include "tests/stand_ins/exchange/calendar_item.hpp"

#include <functional>

namespace relay::exchange_sim {

inline constexpr std::string_view event_id_property = "WorkestraEventId";
inline constexpr std::string_view command_id_property = "WorkestraCommandId";

// The value of the item's extended property of that name, in whatever set; empty where it has none.
std::string_view property_named(const calendar_item& item, std::string_view name) noexcept;

enum class write_kind { create, update, remove };
enum class notification_kind { request, update, cancel };
enum class hand_kind { make, edit, copy, move, remove, erase };

std::string_view to_string(write_kind kind) noexcept;
std::string_view to_string(notification_kind kind) noexcept;
std::string_view to_string(hand_kind kind) noexcept;

struct write_record {
    std::uint64_t n;
    write_kind operation;
    std::string mailbox, item_id, uid, event_id, command_id;
    utc_time at;
    bool unsent; // Exchange did not come to tell anybody
};

struct notification_record {
    std::uint64_t n;
    notification_kind kind;
    std::string from, to, uid, event_id, command_id;
    utc_time at;
    // What the message shows of the meeting.
    std::string subject, location, time_zone;
    utc_time start, end;
};

// The item as it is after a user's hand was on it.
struct hand_record {
    std::uint64_t n;
    hand_kind action;
    std::string mailbox, item_id, change_key, uid, event_id, subject, folder;
    std::string copy_of; // UID of the item that was copied
    utc_time at;
};

class ledger {
public:
    // `on_write` sees each write as it is recorded: the journal.
    explicit ledger(std::function<void(const write_record&)> on_write) : on_write_(std::move(on_write)) {}

    void write(write_kind operation, const calendar_item& item, utc_time at, bool unsent = false);
    // One record for each recipient; an address that is named twice is told once.
    void notify(notification_kind kind, const calendar_item& item, const std::vector<const attendee*>& to,
                utc_time at);
    void by_hand(hand_kind action, const calendar_item& item, utc_time at, std::string copy_of = {});

    const std::vector<write_record>& writes() const noexcept { return writes_; }
    const std::vector<notification_record>& notifications() const noexcept { return notifications_; }
    const std::vector<hand_record>& hands() const noexcept { return hands_; }

private:
    std::function<void(const write_record&)> on_write_;
    std::vector<write_record> writes_;
    std::vector<notification_record> notifications_;
    std::vector<hand_record> hands_;
    std::uint64_t n_ = 0; // one count for all lists: it tells what came before what
};

} // namespace relay::exchange_sim
