// An Exchange server in memory: calendars with the agent's marks, and everything that can go wrong between a
// request and its answer. What a request does and what its answer says are decided when it arrives; that the
// one who asked goes away meanwhile changes neither. People work in the same calendars by hand.
#pragma once

#include "tests/simulation/reference.hpp"
#include "tests/simulation/troubles.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relay::simulation {

// What the owner of a calendar does to a meeting by hand.
enum class deed { copy, move, edit, trash, restore, tidy };

std::string_view name(deed d) noexcept;

class calendars {
public:
    calendars(reference& model, time_source& time, duration settle)
        : model_(model),
          time_(time),
          settle_(settle)
    {
    }

    // One after the other, for the next writes and the next reads.
    void strike_write(mishap m) { for_writes_.push_back(m); }
    void strike_read(mishap m) { for_reads_.push_back(m); }
    // For every request, or every write, from now on.
    void mood(mishap m) { mood_ = m; }
    void heal();

    // Carries out what is due by now.
    void run_due();
    // As another agent would do it, now: looked up by the marks first. True where it had to do something.
    bool carry_out(const order& o);
    // The owner does something to the event's item, where there is one to do it to.
    void by_hand(const std::string& mailbox, const std::string& event, deed d);

    enum class folder { calendar, other, deleted };
    struct item {
        std::string id, mailbox, event, command;
        std::string uid, born_uid; // the latter as its create gave it: a copy by hand keeps that note
        std::string subject;
        int version = 1;
        folder where = folder::calendar;
        bool invited = true;
        bool copy = false;     // made by hand
        bool restored = false; // taken out of Deleted Items by hand

        bool live() const noexcept { return where != folder::deleted; }
    };
    const std::vector<item>& items() const noexcept { return items_; }
    std::size_t requests() const noexcept { return requests_; }

private:
    friend class exchange_client;

    struct fate {
        std::optional<duration> carried_out_after;
        duration takes{0};
        std::optional<ews::error> error;
        bool sends = true; // invitations and notices
        bool over = false; // Exchange itself has answered that it failed
    };
    using work = std::function<ews::outcome<ews::item_ref>(bool sends)>;
    struct due_work {
        steady_time at;
        std::function<void()> what;
    };

    fate fate_of(const std::string& lane, ews::operation op, bool answered_before, duration limit);
    void meet(fate& f, const mishap& m, ews::operation op, bool answered_before) const;
    item* find_item(const std::string& id);
    item* original(const std::string& mailbox, const std::string& event, bool live);
    item& add(std::string mailbox, std::string event, std::string command, std::string uid,
              std::string subject);
    // Into another folder, where it has another id.
    void move(item& i, folder to);
    // An agent changes it.
    void touched(const item& i);
    std::string next_id() { return "item-" + std::to_string(next_id_++); }

    reference& model_;
    time_source& time_;
    const duration settle_;
    std::vector<item> items_;
    std::vector<due_work> due_;
    std::deque<mishap> for_writes_, for_reads_;
    mishap mood_;
    int next_id_ = 1;
    std::size_t requests_ = 0;
};

} // namespace relay::simulation
