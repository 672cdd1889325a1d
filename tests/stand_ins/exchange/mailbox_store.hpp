// All mailboxes and their items, with the indexes that keep look-ups fast at 5,000 mailboxes and 200,000
// items.
#pragma once

#include "tests/stand_ins/exchange/calendar_item.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>

namespace relay::exchange_sim {

// What happened to an item, told when it is so.
struct item_change {
    enum class kind { created, modified, touched, moved, deleted }; // touched: the change key only
    kind what;
    const calendar_item& item;
    std::string old_id{}; // moved
    folder_kind old_folder = folder_kind::calendar;
};

// Loop thread only. Items and mailboxes keep their addresses until they are erased (mailboxes for ever).
class mailbox_store {
public:
    // Adds a mailbox, or returns the one of that address (compared without case).
    mailbox& put_mailbox(std::string_view email, std::string_view display_name);
    // `email` is another address of the mailbox from now on; false where it is one of another.
    bool add_alias(mailbox& box, std::string_view email);
    // By its primary address or another.
    mailbox* find_mailbox(std::string_view email) noexcept;
    mailbox* mailbox_by_number(std::uint32_t number) noexcept;
    const std::deque<mailbox>& mailboxes() const noexcept { return mailboxes_; }

    // `name` with the same meaning always gives the same pointer.
    property_key intern(std::string_view name);

    // Gives `item` its ids and files it. Its UID, where it has none, is made up as Outlook makes them up.
    calendar_item& insert(mailbox& owner, folder_kind folder, calendar_item item, utc_time now);
    // nullptr where no item has exactly this id.
    calendar_item* find(std::string_view id) noexcept;
    // Replaces the content of `item` by `changed` and gives it a new change key.
    void replace(calendar_item& item, calendar_item changed, utc_time now);
    // As background assistants do: the change key moves on although nothing visible changed.
    void bump(calendar_item& item);
    // To another folder; the item's id changes, as in life.
    void move(calendar_item& item, folder_kind folder, utc_time now);
    // A second item with all that `item` has, the marks included, but ids and a UID of its own.
    calendar_item& copy(const calendar_item& item, folder_kind folder, utc_time now);
    void erase(calendar_item& item);

    // Items whose String property `key` equals `value` without case; a view until the next change of the
    // mailbox.
    const std::vector<calendar_item*>& with_property(const mailbox& owner, property_key key,
                                                     std::string_view value) const;
    // Items of `folder` that overlap [start, end), by start, series left out. An item of no length overlaps where it
    // lies inside.
    std::vector<calendar_item*> overlapping(const mailbox& owner, folder_kind folder, utc_time start,
                                            utc_time end) const;

    // The one listener, told of every change; empty: nobody.
    void on_change(std::function<void(const item_change&)> listener) { listener_ = std::move(listener); }

    std::size_t item_count() const noexcept { return items_.size(); }

private:
    void tell(const item_change& change) const
    {
        if (listener_)
            listener_(change);
    }
    void index(calendar_item& item);
    void unindex(calendar_item& item);
    std::string next_item_id(const mailbox& owner);
    std::string next_change_key();

    std::deque<mailbox> mailboxes_;
    std::unordered_map<std::string, mailbox*> by_email_;
    std::unordered_map<std::string_view, std::unique_ptr<calendar_item>>
        items_; // keys are views of the items' ids
    std::unordered_set<std::string> property_names_;
    std::uint64_t serial_ = 0;
    std::uint64_t change_ = 0;
    std::function<void(const item_change&)> listener_;
};

} // namespace relay::exchange_sim
