// An Exchange of a few lines for tests: calendars in memory, and a script of what goes wrong
// when.
#pragma once

#include "agent/ews/exchange.hpp"
#include "common/async/notifier.hpp"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace relay::test {

class scripted_exchange final : public ews::exchange {
public:
    enum class call {
        resolve,
        recipient,
        open,
        availability,
        find,
        folders,
        find_in,
        get,
        create,
        update,
        remove
    };

    // What happens to one call.
    struct trouble {
        call which;
        ews::error error;
        bool done_all_the_same = false;          // the work is done, only its answer is lost
        std::optional<duration> done_later = {}; // the work is done that much later
        bool uninvited = false;                  // done, but Exchange breaks off before it sends invitations
        std::string mailbox = {};                // only where it is asked for this one (its key); empty: any
    };

    scripted_exchange(const asio::any_io_executor& executor, time_source& time)
        : time_(time),
          moved_(executor)
    {
    }

    struct stored {
        std::string mailbox; // lower case
        ews::found_item marks;
        ews::item_fields fields;
        std::string folder = {};                    // empty: calendar or Deleted Items, as `marks` says
        steady_time seen_from = steady_time::min(); // find() leaves it out before
    };

    std::vector<stored> items;
    std::vector<call> calls;               // in the order they were made
    std::deque<trouble> troubles;          // each strikes the next call of its kind
    std::vector<std::string> told;         // "create e-1": one entry for each write that took effect
    duration slowness{0};                  // every call takes that long
    duration lag{0};                       // find() leaves what is made out for that long
    std::vector<ews::mail_folder> folders; // beside calendar and Deleted Items
    std::map<std::string, ews::error>
        refusing; // folders by their ids that cannot be searched; "": Deleted Items
    std::size_t running = 0, most_running = 0;
    std::map<std::string, std::size_t> running_for, most_for; // by the mailbox that is acted for
    // Each availability() that was made, by its mailboxes.
    std::vector<std::vector<std::string>> asked_about;
    // What a mailbox's answer is; empty: busy for the first hour of the window asked for.
    std::function<ews::mailbox_busy(const mailbox_address&, utc_time start, utc_time end)> calendar;
    // Who addresses are, by their keys; whoever is not in it is a mailbox of that primary address.
    std::map<std::string, ews::recipient> address_book;
    // How much longer an availability() takes; may be empty.
    std::function<duration(const std::vector<mailbox_address>&)> takes;
    // What becomes of a whole availability() instead; empty, or nothing from it: it succeeds.
    std::function<std::optional<ews::error>(const std::vector<mailbox_address>&)> ill;

    int count(call c) const { return static_cast<int>(std::count(calls.begin(), calls.end(), c)); }
    int effects(const std::string& what) const
    {
        return static_cast<int>(std::count(told.begin(), told.end(), what));
    }
    // Work of a lost request that is due by now is done.
    void run_late_work();

    task<ews::outcome<ews::server_info>> resolve_account(duration limit) override;
    task<ews::outcome<ews::recipient>> find_recipient(const mailbox_address& address,
                                                      duration limit) override;
    task<ews::outcome<ews::mailbox_info>> open_calendar(const mailbox_address& mailbox,
                                                        duration limit) override;
    task<ews::outcome<std::vector<ews::mailbox_busy>>> availability(std::vector<mailbox_address> mailboxes,
                                                                    utc_time start, utc_time end,
                                                                    duration limit) override;
    task<ews::outcome<ews::search_result>> find(const mailbox_address& mailbox, std::string event_id,
                                                duration limit) override;
    task<ews::outcome<std::vector<ews::mail_folder>>> other_folders(const mailbox_address& mailbox,
                                                                    duration limit) override;
    task<ews::outcome<ews::search_result>> find_in(const mailbox_address& mailbox, std::string event_id,
                                                   std::vector<ews::mail_folder> asked,
                                                   duration limit) override;
    task<ews::outcome<ews::item>> get(const mailbox_address& mailbox, ews::item_ref ref,
                                      duration limit) override;
    task<ews::outcome<std::vector<ews::outcome<ews::item_state>>>>
    states(const mailbox_address&, std::vector<std::string>, duration) override
    {
        co_return ews::error{};
    }
    task<ews::outcome<ews::item_ref>> create(const mailbox_address& mailbox, ews::item_fields fields,
                                             ews::marks m, std::string uid, protocol::notify notify,
                                             ews::write_bounds bounds) override;
    task<ews::outcome<ews::item_ref>> update(const mailbox_address& mailbox, ews::item_ref ref,
                                             ews::item_fields fields, std::string command_id,
                                             protocol::notify notify, ews::write_bounds bounds) override;
    task<ews::outcome<void>> remove(const mailbox_address& mailbox, ews::item_ref ref,
                                    protocol::notify notify, ews::write_bounds bounds) override;

private:
    struct late {
        steady_time at;
        std::function<void()> work;
    };

    task<std::optional<trouble>> enter(call c, std::string mailbox = {});
    template <class T>
    ews::outcome<T> finish(const std::optional<trouble>& t, std::function<T()> work);
    stored* find_item(const std::string& id);

    time_source& time_;
    notifier moved_;
    std::vector<late> late_;
    int next_id_ = 1;
};

} // namespace relay::test
