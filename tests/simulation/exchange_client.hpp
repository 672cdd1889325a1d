// One agent's way to the simulated Exchange.
#pragma once

#include "tests/simulation/calendars.hpp"

namespace relay::simulation {

// One agent's way to the server; it can be cut off for good, as by the death of the agent.
class exchange_client final : public ews::exchange {
public:
    exchange_client(calendars& server, const time_source& agents) : server_(server), agents_clock_(agents) {}

    void cut_off() noexcept { cut_off_ = true; }

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
    task<std::optional<ews::error>> ask(std::string lane, ews::operation op, duration limit);
    struct writing {
        std::string lane;
        kind what;
        std::string command; // empty: the request does not say
        ews::operation op;
    };
    task<ews::outcome<ews::item_ref>> write(writing w, calendars::work job, ews::write_bounds bounds);
    std::string lane_of(const mailbox_address& mailbox, const std::string& item_id);
    std::vector<ews::found_item> matching(const std::string& mailbox, const std::string& event,
                                          bool elsewhere) const;

    calendars& server_;
    const time_source& agents_clock_;
    bool answered_ = false; // Exchange has answered this life of the agent
    bool cut_off_ = false;
};

} // namespace relay::simulation
