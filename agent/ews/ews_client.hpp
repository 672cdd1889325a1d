// The Exchange server behind agent/ews/exchange.hpp: EWS over one http::transport.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/ews/notifications.hpp"
#include "agent/ews/server_version.hpp"
#include "agent/http/http.hpp"

#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string_view>

namespace relay::ews {

enum class operation;
struct call;
struct find_position;
class soap_answer;

// One request to Exchange, for metrics and the log. Views hold during the call only.
struct request_report {
    std::string_view operation;     // "CreateItem"
    const error* failure = nullptr; // null: it succeeded
    int http_status = 0;            // 0: no answer
    duration took{0};               // of a stream: until its first message
    std::string_view request_id;    // ours; Exchange logs it too
    std::string_view front_end;     // X-FEServer, where it said
};

struct client_settings {
    std::string host;     // of exchange.url: Exchange Online is told by its name
    std::string username; // as configured: what resolve_account looks up
    std::function<void(const request_report&)> on_request; // may be empty; on the loop thread, must not throw
    // The free/busy answer of a mailbox has entries that were left out; told once a mailbox. May be empty, as above.
    std::function<void(const mailbox_address&)> on_left_out = {};
};

// Loop thread only. No call is repeated: that is the caller's business. Outlives its calls.
class ews_client final : public exchange, public notifications {
public:
    // `http` and `time` outlive the client.
    ews_client(http::transport& http, time_source& time, client_settings settings);

    // New settings for calls begun from now on. What was learnt about the server is forgotten.
    void reconfigure(client_settings settings);
    // The version in the last answer that carried one.
    const std::optional<server_version>& version() const noexcept { return version_; }

    task<outcome<server_info>> resolve_account(duration limit) override;
    // One request, and another where the account has no mailbox, for which Exchange resolves no names: then in the name of one that
    // it has acted for, or of `address` itself.
    task<outcome<recipient>> find_recipient(const mailbox_address& address, duration limit) override;
    // Two requests: GetFolder, which decides, and ResolveNames for the display name, which falls back to the
    // address.
    task<outcome<mailbox_info>> open_calendar(const mailbox_address& mailbox, duration limit) override;
    // GetFolder of the inbox: not what the agent needs, but what an administrator wants to know that it could.
    task<outcome<void>> open_inbox(const mailbox_address& mailbox, duration limit);
    task<outcome<std::vector<mailbox_busy>>> availability(std::vector<mailbox_address> mailboxes,
                                                          utc_time start, utc_time end,
                                                          duration limit) override;
    // One request, one more for each further 100 items with the mark, and some for folders that refuse; see folder_search.
    task<outcome<search_result>> find(const mailbox_address& mailbox, std::string event_id,
                                      duration limit) override;
    // Two requests, and one more for each further 500 folders, at most max_folder_pages.
    task<outcome<std::vector<mail_folder>>> other_folders(const mailbox_address& mailbox,
                                                          duration limit) override;
    task<outcome<search_result>> find_in(const mailbox_address& mailbox, std::string event_id,
                                         std::vector<mail_folder> folders, duration limit) override;
    task<outcome<item>> get(const mailbox_address& mailbox, item_ref ref, duration limit) override;
    // One request, and another where Exchange stops at an item that it cannot read.
    task<outcome<std::vector<outcome<item_state>>>>
    states(const mailbox_address& mailbox, std::vector<std::string> item_ids, duration limit) override;
    task<outcome<item_ref>> create(const mailbox_address& mailbox, item_fields fields, marks m,
                                   std::string uid, protocol::notify notify, write_bounds bounds) override;
    task<outcome<item_ref>> update(const mailbox_address& mailbox, item_ref ref, item_fields fields,
                                   std::string command_id, protocol::notify notify,
                                   write_bounds bounds) override;
    task<outcome<void>> remove(const mailbox_address& mailbox, item_ref ref, protocol::notify notify,
                               write_bounds bounds) override;

    task<outcome<subscribed>> subscribe(mailbox_address mailbox, affinity group, duration limit) override;
    task<outcome<void>> listen(affinity group, std::vector<std::string> subscriptions,
                               std::chrono::minutes length,
                               std::function<void(const stream_message&)> to) override;
    task<outcome<void>> unsubscribe(affinity group, std::string subscription, duration limit) override;

    static constexpr int max_folder_pages = 10;

private:
    // Reads a whole answer of one operation.
    template <class T>
    using reader = std::function<outcome<T>(const soap_answer&, const call&)>;

    // How long one request may take, and until when it may leave where that is bounded.
    struct bounds_of_request {
        bounds_of_request(duration l) : limit(l) {}
        bounds_of_request(const write_bounds& b) : limit(b.limit), not_after(b.not_after) {}
        duration limit;
        std::optional<steady_time> not_after = {};
    };

    // One request and its answer. `mailbox` is impersonated where it is not null. With a `group` it goes to the group's
    // mailbox server; `cookie`, where not null, gets what the answer says of that.
    template <class T>
    task<outcome<T>> ask(operation op, std::string body, const mailbox_address* mailbox,
                         bounds_of_request bounds, reader<T> read, const affinity* group = nullptr,
                         std::string* cookie = nullptr);
    void tell_of_left_out(const mailbox_address& mailbox);
    void report(operation op, const error* failure, int status, duration took, std::string_view id,
                std::string_view front_end) const;
    task<outcome<search_result>> search(const mailbox_address& mailbox, std::string event_id,
                                        std::vector<find_position> folders, duration limit);
    // Why the server is not even asked, where it is not.
    std::optional<error> refusal(const call& c) const;
    std::string new_request_id();

    http::transport& http_;
    time_source& time_;
    client_settings settings_;
    bool online_host_ = false;
    bool answered_ = false; // as EWS, since the start
    std::optional<server_version> version_;
    std::mt19937_64 random_;
    std::optional<mailbox_address> acted_for_; // one whose impersonation worked
    std::set<std::string> left_out_;           // the mailboxes that were told of
};

} // namespace relay::ews
