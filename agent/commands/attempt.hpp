// What is known of whether a command took effect in Exchange, and what that allows next. Sans-IO: what happened comes in, with
// the time at which it did; what may be done goes out. command_run performs it. docs/exactly-once.md, "The states of a
// write", draws the states and names the steps between them as here.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/store/loop/command_context.hpp"

#include <algorithm>
#include <optional>

namespace relay::commands {

// A value type without threads. It keeps the record of its command up to date; the record outlives it.
class attempt {
public:
    enum class state {
        accepted, // nothing that this agent sent for it can take effect any more
        begun,    // stored as begun: its request may leave, or is under way
        unknown,  // its request may have taken effect, or may still: only a look at Exchange tells
    };
    // How long it takes until what a look does not find is not there.
    struct waits {
        duration settle; // exchange.settle_s: a request whose connection is gone may still be carried out
        duration sight;  // what has been carried out may not be shown yet
    };
    // What becomes of the try that is stored as begun.
    enum class stored_try {
        stays,     // a part of it took effect, or may have: a restart must look it up
        take_back, // it is known to have changed nothing
    };

    attempt(store::command_context& record, waits w, steady_time now);

    state in() const noexcept { return state_; }
    bool is_unknown() const noexcept { return state_ == state::unknown; }

    // ---- what happened ----
    // A try begins, which may be a look only. Counted once until it fails, and not where it only finds out what others did with a
    // command whose time is over.
    void starts(steady_time now);
    void count_try();
    void try_failed() { counted_ = false; }

    // accepted → begun: it is stored, and only now may its request leave.
    void begun();
    // begun → accepted: Exchange proved that the request changed nothing, or what goes beside the begin failed.
    stored_try changed_nothing();
    // begun → accepted: the request did not leave.
    stored_try not_sent();
    // The same, as the command's time was over; where nothing of it was sent before, it was no try.
    stored_try came_too_late();
    // The first of the try's two requests was carried out, or, if that is not `certain`, may have been: whatever becomes of
    // the second, the try is not without effect.
    void partly_applied(bool certain);
    // begun → unknown. `final`: the fault ends the command if it turns out that the try did not take effect, because trying again
    // would change nothing. A try that Exchange answered has settled.
    void outcome_unknown(const ews::error& e, bool final, steady_time now);
    // unknown → accepted: a look that counts found nothing of it. What ends the command for good, if anything does.
    std::optional<protocol::fault> absent();
    // Time has jumped: the write is as one found at a start. The machine may have been put back to a snapshot of its memory, of
    // which there was another life meanwhile; and if only the wall clock was set, nobody has waited as long as it seems.
    void time_jumped(steady_time now);

    // ---- what that allows ----
    // Cancel, drop and policy may end it: nothing of it can have taken effect that is not known.
    bool may_be_ended() const noexcept { return state_ != state::unknown; }
    // Its time may end it: no other agent, and no other life of this one, can have carried it out unseen either.
    bool time_may_end_it() const noexcept { return may_be_ended() && !others_unknown_; }
    bool may_be_partly_applied() const;
    bool is_partly_applied() const noexcept { return partly_ == part::yes; }
    // Nothing that was sent before can still take effect, from then on. Measured by the steady clock: a try found begun at a
    // start was sent before this start, and no wall clock is asked when.
    steady_time settles_at() const;
    bool settled(steady_time now) const { return now >= settles_at(); }
    // This may be a repeat: it was here before a restart, or may have been given to another agent.
    bool may_be_repeat() const { return record_.redelivered || record_.restored || tried_in_vain_; }
    // What Exchange answered to a try that may have taken effect all the same; nothing if it did not answer.
    const std::optional<protocol::fault>& answered() const noexcept { return answered_; }
    // Whether trying again would change nothing. Counts what is permanent by its kind, but may be a mishap if it comes once:
    // to be asked once for each failure.
    bool is_final(const ews::error& e);

private:
    static constexpr int most_doubts = 5;
    enum class part { no, maybe, yes };

    void expect_others(steady_time now);
    bool is_read() const noexcept { return record_.kind == protocol::operation_class::read; }

    store::command_context& record_;
    waits waits_;
    state state_ = state::accepted;
    steady_time own_settles_at_ = steady_time::min(); // in state unknown
    // Redelivered or restored: what was sent for it elsewhere is over by then.
    steady_time others_settle_at_ = steady_time::min();
    // Another agent, or another life of this one, may have carried it out, and no look has told yet.
    bool others_unknown_ = false;
    std::optional<protocol::fault> final_; // of the try whose outcome is unknown
    std::optional<protocol::fault> answered_;
    part partly_ = part::no;
    bool tried_in_vain_ = false; // a try of this life had an unknown outcome
    bool counted_ = false;       // the present try is in the record's attempts
    bool sent_before_ = false;   // the record's `sent`, before the present try
    int doubts_ = 0;
};

} // namespace relay::commands
