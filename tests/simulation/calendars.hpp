// An Exchange server in memory: calendars with the agent's marks, and everything that can go wrong between a
// request and its answer. What a request does and what its answer says are decided when it arrives; that the
// one who asked goes away meanwhile changes neither.
#pragma once

#include "agent/ews/exchange.hpp"
#include "tests/simulation/reference.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relay::simulation {

enum class trouble {
    none,
    unreachable, // no connection: nothing happened
    lost,        // the connection died before the request was carried out, which nobody can know
    done,        // … after it was carried out
    late,        // … and it is carried out that much later
    refused,     // for good, nothing happened
    failed,      // an answer that says failure for good and proves nothing; nothing happened
    failed_done, // the same, and it was carried out
    busy,        // throttled: this mailbox
    busy_server, // throttled: the service account
    auth,        // the service account is refused
    slow,        // the answer takes that long; carried out at its end
    slow_answer, // the same, carried out at once
};

std::string_view name(trouble t) noexcept;

struct mishap {
    trouble what = trouble::none;
    milliseconds length{0};
};

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
    // For every request, from now on.
    void mood(mishap m) { mood_ = m; }
    void heal();

    // Carries out what is due by now.
    void run_due();
    // As another agent would do it, now.
    void carry_out(const order& o);

    struct item {
        std::string id, mailbox, event, command;
        std::string uid,
            born_uid; // born_uid: as its create gave it; a copy by hand keeps it under another uid
        std::string subject;
        int version = 1;
        bool live = true;
    };
    const std::vector<item>& items() const noexcept { return items_; }
    std::size_t requests() const noexcept { return requests_; }

private:
    friend class exchange_client;

    using work = std::function<ews::outcome<ews::item_ref>()>;
    struct fate {
        std::optional<duration> carried_out_after;
        duration takes{0};
        std::optional<ews::error> error;
    };
    struct due_work {
        steady_time at;
        std::shared_ptr<work> what;
    };

    fate fate_of(const std::string& lane, bool write, duration limit);
    item* find_item(const std::string& id);
    item& add(std::string mailbox, std::string event, std::string command, std::string uid,
              std::string subject);
    void remove(item& i);

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

// One agent's way to the server; it can be cut off for good, as by the death of the agent.
class exchange_client final : public ews::exchange {
public:
    explicit exchange_client(calendars& server) : server_(server) {}

    void cut_off() noexcept { cut_off_ = true; }

    task<ews::outcome<ews::server_info>> resolve_account(duration limit) override;
    task<ews::outcome<ews::mailbox_info>> open_calendar(const mailbox_address& mailbox,
                                                        duration limit) override;
    task<ews::outcome<std::vector<ews::mailbox_busy>>> availability(std::vector<mailbox_address> mailboxes,
                                                                    utc_time start, utc_time end,
                                                                    duration limit) override;
    task<ews::outcome<std::vector<ews::found_item>>> find(const mailbox_address& mailbox,
                                                          std::string event_id, duration limit) override;
    // Nobody moves meetings here: there are no other folders.
    task<ews::outcome<std::vector<ews::mail_folder>>> other_folders(const mailbox_address& mailbox,
                                                                    duration limit) override;
    task<ews::outcome<std::vector<ews::found_item>>> find_in(const mailbox_address& mailbox,
                                                             std::string event_id,
                                                             std::vector<ews::mail_folder> folders,
                                                             duration limit) override;
    task<ews::outcome<ews::item>> get(const mailbox_address& mailbox, ews::item_ref ref,
                                      duration limit) override;
    task<ews::outcome<std::vector<ews::outcome<ews::item_state>>>>
    states(const mailbox_address&, std::vector<std::string>, duration) override
    {
        co_return ews::error{}; // the model does not look at what people do by hand;
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
    task<std::optional<ews::error>> ask(std::string lane, duration limit);
    task<ews::outcome<ews::item_ref>> write(std::string lane, kind what, std::string command,
                                            calendars::work w, ews::write_bounds bounds);
    std::string lane_of(const mailbox_address& mailbox, const std::string& item_id);

    calendars& server_;
    bool cut_off_ = false;
};

} // namespace relay::simulation
