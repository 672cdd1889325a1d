// Who is to be told of changes: streaming subscriptions, and the streams that read them.
#pragma once

#include "tests/stand_ins/exchange/affinity_wish.hpp"
#include "tests/stand_ins/exchange/mailbox_store.hpp"
#include "tests/stand_ins/exchange/product.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <list>
#include <map>
#include <memory>
#include <set>
#include <span>

namespace relay::exchange_sim {

inline constexpr std::size_t most_ids_of_a_stream = 200;

// How the server treats subscriptions and streams from now on; PUT /streaming changes it.
struct streaming_rules {
    std::size_t most_subscriptions = 5000; // of the service account
    std::size_t most_streams = 3;          // HangingConnectionLimit
    std::size_t back_ends = 1;             // mailboxes are spread over so many mailbox servers
    milliseconds heartbeat{30'000};
    milliseconds minute{60'000};           // what one minute of ConnectionTimeout lasts
    milliseconds unread_life{30 * 60'000}; // a subscription that no stream reads dies after it
    std::size_t piece_bytes = 0;           // of a write to the client; 0: an envelope at once
    bool silent = false;                   // streams send nothing more, also no heartbeat
    bool as_seen = false;    // with the namespaces that real servers use in place of the schema's
    std::string always_lost; // a mailbox whose subscription dies as soon as a stream reads it; empty: none
    bool beside = false;     // what is pending is told in the message that names lost subscriptions
    bool own_only = false;   // a stream may read only subscriptions of the mailbox that it acts for
    bool forgets_cookies = false; // a balancer leads streams to another server than the cookie names
};

struct subscription {
    std::string id;
    mailbox* of = nullptr;
    std::vector<folder_kind> folders; // none: all
    std::set<std::string, std::less<>> event_types;
    std::size_t back_end = 0;
    std::vector<std::string> pending; // event elements that nobody has read yet
    bool read = false;                // by a stream
    steady_time unread_since{};
};

class event_stream;
class live_answer;

// Loop thread only. Outlives its streams.
class subscription_desk {
public:
    // Sees every change of `store` from now on. All of them outlive the desk.
    subscription_desk(boost::asio::any_io_executor executor, const product& server, mailbox_store& store,
                      time_source& time);
    ~subscription_desk();

    streaming_rules rules;

    // The mailbox server that a request of `acting` reaches. Nothing where it names a cookie that is none.
    std::optional<std::size_t> route(const affinity_wish& wish, const mailbox* acting) const;
    static std::string cookie_of(std::size_t back_end);

    // The id of the new subscription. Throws item_error.
    std::string subscribe(subscription wanted);
    // Throws item_error.
    void unsubscribe(const std::string& id, std::optional<std::size_t> back_end);
    // Opens a stream, or answers in one envelope why not.
    std::shared_ptr<live_answer> open(const std::vector<std::string>& ids, int minutes, const mailbox* acting,
                                      std::optional<std::size_t> back_end, std::string& refused);

    // Subscriptions of `of` (null: all) are gone; streams that read them are told so with `code`, and end.
    void lose(const mailbox* of, const std::string& code);
    // What happens to all streams that are open.
    enum class act { cut, close, end };
    void act_on_streams(act what);
    void fail_streams(const std::string& code);
    // The rules have changed: streams look at them.
    void rules_changed();

    const std::map<std::string, subscription>& subscriptions() const noexcept { return subscriptions_; }
    std::size_t streams() const noexcept { return streams_.size(); }

private:
    friend class event_stream;

    void on_change(const item_change& change);
    void tell(const mailbox& of, std::initializer_list<folder_kind> folders, std::string_view type,
              const std::string& event);
    void drop_unread();
    // Why a stream of these may not be opened: an answer, or empty.
    std::string why_not(const std::vector<std::string>& ids, const mailbox* acting,
                        std::optional<std::size_t> back_end);

    boost::asio::any_io_executor executor_;
    const product& server_;
    mailbox_store& store_;
    time_source& time_;
    std::map<std::string, subscription> subscriptions_;
    std::list<event_stream*> streams_;
    std::uint64_t serial_ = 0;
};

// What the operations of notifications need beside the rest, and what they leave.
struct notification_context {
    subscription_desk& desk;
    affinity_wish wish{};
    std::string set_cookie{};            // the affinity that the answer tells
    std::shared_ptr<live_answer> live{}; // the answer, where it is a stream

    // The mailbox server that a request about a subscription reaches; nothing: none that has it.
    std::optional<std::size_t> reached(const mailbox* acting) const;
};

} // namespace relay::exchange_sim
