// The reference model: what must come of the commands of a cloud, by PROTOCOL.md alone. It is told what can
// be seen at the seams (link, store, Exchange) and says at once where something cannot be right. It knows
// nothing of the agent.
#pragma once

#include "common/time/time_source.hpp"
#include "tests/simulation/verdict.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace relay::simulation {

namespace json = boost::json;

enum class kind { create, update, cancel, get, verify };

std::string_view name(kind k) noexcept; // the operation of PROTOCOL.md
constexpr bool is_write(kind k) noexcept
{
    return k == kind::create || k == kind::update || k == kind::cancel;
}

// A command as the cloud made it.
struct order {
    std::string id;
    kind what = kind::verify;
    std::string mailbox;
    std::string event;   // empty for verify
    std::string subject; // create, update: what the item is to say
    milliseconds ttl{0};
    bool redelivered = false;

    std::string lane() const { return mailbox + '/' + event; }
};

// What is seen of the agent just before it takes a command from the link.
struct agent_view {
    std::size_t open = 0; // commands without a result
    bool is_open = false; // this command among them: a repeat is ignored
    bool closing = false; // it said goodbye
};

class reference {
public:
    static constexpr std::size_t window = 64;

    reference(verdict& v, const time_source& time, duration settle)
        : verdict_(v),
          time_(time),
          settle_(settle)
    {
    }

    void made(order o);
    const order* find(const std::string& id) const;
    // Another agent that had the command before has carried it out.
    void done_elsewhere(const std::string& id);
    // No command for the event is under way, as far as the agent is concerned.
    bool quiet(const std::string& lane) const;
    // What the event's item says; nothing where there is none.
    std::optional<std::string> item(const std::string& lane) const;

    // ---- what the agent took from the link ----
    void delivered(const std::string& id, const agent_view& agent);
    // The id of a write with other content.
    void reuse_delivered(const std::string& id) { taken_.push_back(id); }
    void cancel_delivered(const std::string& id);
    void refused(const std::string& id, std::string_view code);
    // A result without seq left for the cloud.
    void answered(const std::string& id, const json::object& result);

    // ---- what became durable ----
    void admitting(const std::string& id);
    void stored(const std::string& id);
    void begun(const std::string& id);
    void retracted(const std::string& id);
    void finished(const std::string& id, std::int64_t seq, const std::string& body);
    void appended(const std::string& id, std::int64_t seq, const std::string& body);
    void found_at_start(std::int64_t next_seq);

    // ---- what reached Exchange ----
    void request_begins(const std::string& lane);
    void request_ends(const std::string& lane);
    // The command that a write request for the event belongs to; null where none may send one now.
    void write_sent(const std::string& lane, kind what, const std::string& id);
    void write_known_undone(const std::string& lane);
    // Returns the command that did it.
    std::string applied(const std::string& lane, kind what, const std::string& id, const std::string& subject,
                        bool notified);
    void struck(const std::string& lane, std::string_view code);

    // The agent was asked to stop: reads that run may end for that reason.
    void closing() { closing_ = true; }
    // All that was in the agent's memory is gone.
    void agent_gone();

    // ---- at the end ----
    // Accepted writes without a result, and reads that were taken and not answered.
    std::size_t owed() const;
    std::int64_t last_seq() const noexcept { return static_cast<std::int64_t>(messages_.size()); }

    struct message {
        std::string id;
        std::string body;
    };
    // The stored message `seq`, or null.
    const message* stored_message(std::int64_t seq) const;
    // The result of a finished write, or null.
    const std::string* result_of(const std::string& id) const;
    bool is_stored(const std::string& id) const;
    // When writes finished: by id.
    const std::map<std::string, steady_time>& finish_times() const noexcept { return finished_at_; }

private:
    // What is known of one command.
    struct track {
        order what;
        bool delivered = false;
        bool must_refuse = false; // came beyond the window
        bool may_refuse = false;  // came beyond it, or after goodbye, at least once
        steady_time received{};   // of the delivery that counts
        bool pending = false;     // a write: taken from the link, not stored yet
        bool stored = false;
        int place = -1; // in its lane, once stored
        bool begun = false;
        int begins = 0;
        bool cancel_asked = false;
        bool must_cancel = false;        // it was not begun when the cancel came
        std::optional<steady_time> sent; // a write request whose outcome nobody knows
        int effects = 0;
        int notified = 0;
        bool elsewhere = false;
        std::optional<std::string> result;
        // A read: where it stands in its lane, once for each run whose answer has not left. A run is over for the
        // agent before its answer is on the link: a repeat in between is another run, and answered too.
        struct standing {
            steady_time received;
            std::size_t behind;               // so many stored writes
            std::vector<std::string> pending; // and these, where they get stored
        };
        std::deque<standing> open;
    };
    struct lane {
        std::vector<std::string> writes; // in the order stored, which has to be the order received
        std::size_t finished = 0;
        std::optional<std::string> now;                              // what the item says
        std::vector<std::optional<std::string>> after{std::nullopt}; // …after so many writes had finished
        int requests = 0;                                            // under way at Exchange
    };

    track* known(const std::string& id);
    track* head(lane& l);
    void judge_read(track& t, const json::object& result); // of the first run
    void judge(const track& t, const lane& l, const json::object& result);
    void judge_ok(const track& t, const lane& l, const json::object& output);
    void judge_error(const track& t, const lane& l, std::string_view code, std::int64_t attempts);
    void judge_get(const track& t, const lane& l, const std::optional<std::string>& seen);
    bool too_late(const track& t) const;
    void broken(const std::string& id, const std::string& rule);

    verdict& verdict_;
    const time_source& time_;
    const duration settle_;
    std::map<std::string, track> commands_;
    std::map<std::string, lane> lanes_;
    std::map<std::string, std::set<std::string, std::less<>>>
        struck_;                     // by mailbox: codes that Exchange answered
    std::vector<std::string> taken_; // ids of writes in the order they were taken from the link
    std::size_t admitted_ = 0;       // of these
    std::vector<message> messages_;  // by seq - 1
    std::map<std::string, steady_time> finished_at_;
    bool closing_ = false;
};

} // namespace relay::simulation
