// The reference model: what must come of the commands of a cloud, by PROTOCOL.md alone. It is told what can
// be seen at the seams (link, store, Exchange) and says at once where something cannot be right. It knows
// nothing of the agent.
#pragma once

#include "common/time/time_source.hpp"
#include "tests/simulation/verdict.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
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
    // It is sent again, to an agent that may not be the first that has it.
    const order& redelivered(const std::string& id);
    // Another agent that had the command before has carried it out.
    void done_elsewhere(const std::string& id);
    // The time of the command is over by every clock, and so is what it sent: another agent may have it.
    bool over_for_good(const std::string& id) const;
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

    // ---- what its machine does ----
    void wall_clock_jumped(milliseconds by);

    // ---- what people do ----
    // Somebody changed the event's item by hand: it says `now`, or is gone.
    void changed_by_hand(const std::string& lane, std::optional<std::string> now, bool restored);
    void copied_by_hand(const std::string& lane);
    // The agent changed a copy that somebody made by hand.
    void copy_touched(const std::string& lane);
    // The owner took an item out of Deleted Items: there may be two.
    bool restored_by_hand(const std::string& lane) const;

    // ---- what became durable ----
    void admitting(const std::string& id);
    void stored(const std::string& id);
    void begun(const std::string& id);
    void retracted(const std::string& id);
    void finished(const std::string& id, std::int64_t seq, const std::string& body);
    void appended(const std::string& id, std::int64_t seq, const std::string& body);
    void acknowledged(std::int64_t seq);
    void found_at_start(std::int64_t next_seq);
    // What the store holds, for an older copy of it that may come back; of a new one nothing.
    struct memory;
    using memory_ptr = std::shared_ptr<const memory>;
    memory_ptr remembered() const;
    void put_back(const memory& m);
    // The store got a new id: what is owed is numbered from 1.
    void renewed();
    // The same, and the store owes again what a cloud that was put back has lost: of its messages it holds `held`.
    void owed_again(std::int64_t held, const std::vector<std::string>& bodies);

    // ---- what reached Exchange ----
    void request_begins(const std::string& lane);
    void request_ends(const std::string& lane);
    // The command that a write request for the event belongs to; null where none may send one now.
    void write_sent(const std::string& lane, kind what, const std::string& id);
    // Nothing more can come of what was sent.
    void write_is_over(const std::string& lane);
    // Returns the command that did it.
    std::string applied(const std::string& lane, kind what, const std::string& id, const std::string& subject,
                        bool notified);
    // The invitations of what was saved and not sent went out; `first`: nobody had been invited before.
    void sent_again(const std::string& lane, const std::string& id, bool first);
    // A request met this error. `passing`: it says nothing about the next one.
    void struck(const std::string& lane, std::string_view code, bool passing);

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
    // Whether the result of a write may differ from one that was given before: an older copy of the store came back, or
    // another agent had it.
    bool may_be_judged_anew(const std::string& id) const;
    // When writes finished: by id.
    const std::map<std::string, steady_time>& finish_times() const noexcept { return finished_at_; }

private:
    // What is known of one command.
    struct track {
        order what;
        bool delivered = false;
        bool must_refuse = false;    // came beyond the window
        bool may_refuse = false;     // came beyond it, or after goodbye, at least once
        steady_time received{};      // of the delivery that counts
        steady_time counts_from{};   // the latest instant at which a restarted agent may take it to have come
        milliseconds wall_ahead{0};  // so far the wall clock has run before elapsed time since
        milliseconds wall_offset{0}; // at `received`
        milliseconds lowest_offset{0}; // since
        bool pending = false;          // a write: taken from the link, not stored yet
        bool stored = false;
        int place = -1; // under its ordering key, once stored
        bool begun = false;
        int begins = 0;
        bool cancel_asked = false;
        bool must_cancel = false;        // it was not begun when the cancel came
        std::optional<steady_time> sent; // a write request whose outcome nobody knows
        int sends = 0;
        int effects = 0;
        int notified = 0;
        bool elsewhere = false; // another agent carried it out
        bool relived = false;   // an older copy of the store knows less of it than there was
        bool told_late = false; // its item was saved and not sent at first
        std::optional<std::string> result;
        // A read: where it stands under its ordering key, once for each run whose answer has not left. A run is over for the
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
        std::optional<std::string> now; // what the item says
        using sights = std::set<std::optional<std::string>>;
        std::vector<sights> after{sights{std::nullopt}}; // what it said while so many writes had finished
        std::string last_effect; // the command that changed it last; empty: somebody by hand
        struct past {
            steady_time from;
            std::optional<std::string> said;
        };
        std::vector<past> by_others; // what it said before and after each change by a person or another agent
        bool restored = false, copied = false; // by hand
        bool from_elsewhere = false;           // another agent changed it
        int requests = 0;                      // under way at Exchange
    };

    track* known(const std::string& id);
    track* head(lane& l);
    void judge_read(track& t, const json::object& result); // of the first run
    void judge(const track& t, const lane& l, const json::object& result);
    void judge_ok(const track& t, const lane& l, const json::object& output);
    void judge_error(const track& t, const lane& l, std::string_view code, std::int64_t attempts);
    void judge_get(const track& t, const lane& l, const std::optional<std::string>& seen);
    void judge_conflict(const track& t, const lane& l);
    void judge_failure(const track& t, std::string_view code);
    // By mailbox: codes that Exchange answered.
    using codes = std::map<std::string, std::set<std::string, std::less<>>>;
    static bool met(const codes& met_by, const track& t, std::string_view code);
    bool too_late(const track& t) const;
    steady_time latest_end(const track& t) const { return std::max(t.received, t.counts_from) + t.what.ttl; }
    // Somebody else took the item away, or put it there, since the command came: either may be told.
    bool may_have_been(const track& t, const lane& l, bool there) const;
    void received_now(track& t);
    void changed_by_others(lane& l, std::optional<std::string> now);
    bool overtaken(const track& t, const lane& l) const { return l.last_effect != t.what.id; }
    void broken(const std::string& id, const std::string& rule);

    verdict& verdict_;
    const time_source& time_;
    const duration settle_;
    std::map<std::string, track> commands_;
    std::map<std::string, lane> lanes_;
    codes struck_, passing_;         // the latter say nothing about the next request
    std::vector<std::string> taken_; // ids of writes in the order they were taken from the link
    std::size_t admitted_ = 0;       // of these
    std::vector<message> messages_;  // by seq - 1
    std::int64_t acknowledged_ = 0;
    std::map<std::string, steady_time> finished_at_;
    milliseconds wall_offset_{0}; // of the wall clock, from the jumps it made
    bool closing_ = false;
    bool forgetful_ = false; // the store was lost or put back
};

struct reference::memory {
    struct command {
        int place = -1;
        bool begun = false;
        int begins = 0;
        std::optional<std::string> result;
        steady_time received{};
        milliseconds wall_offset{0};
    };
    std::map<std::string, command> commands; // those that are stored
    struct turns {
        std::vector<std::string> writes;
        std::size_t finished = 0;
        std::vector<std::set<std::optional<std::string>>> after{{std::nullopt}};
    };
    std::map<std::string, turns> lanes;
    std::vector<message> messages;
    std::int64_t acknowledged = 0;
    std::map<std::string, steady_time> finished_at;
};

} // namespace relay::simulation
