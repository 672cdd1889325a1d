// Keeps a wrong password from locking the service account out: while nobody knows whether the credentials are good, one
// attempt at a time; once they were refused, one probe every five minutes. Sans-IO: times come in, decisions go out.
#pragma once

#include "common/time/time_source.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace relay::signin {

inline constexpr duration probe_interval = std::chrono::minutes(5);
// How long the others wait for an attempt that brings no verdict, before one more of them may try.
inline constexpr duration leader_patience = std::chrono::seconds(3);
// A verdict this fresh still counts when the next attempt starts, so that requests that end and begin together do not
// queue behind one another.
inline constexpr duration verdict_lasts = std::chrono::milliseconds(5);
// How many requests may begin on the word of one success, before there is another verdict: with two a run of requests can grow,
// and a password that was changed just after the success is refused to no more than these and one that proves.
inline constexpr int most_on_one_word = 2;

// What carries the credentials.
enum class credentials_travel {
    with_each_request,   // Basic: once one of several overlapping requests is accepted, the rest go freely
    with_each_connection // NTLM, Negotiate: connections sign in one after the other, always
};

enum class verdict {
    accepted,
    refused,
    unknown, // no answer, or one that says nothing about the credentials
    untried, // the same, and the credentials never left us: it cost no refusal
};

// A value type without threads: the owner calls it from one.
class sign_in_gate {
public:
    using ticket = std::uint64_t; // names one attempt until it is settled

    enum class answer {
        go,     // attempt now; settle(ticket) when its verdict is known
        probe,  // the same, and it is the one try of this interval
        wait,   // ask again after any settle(), and at look_again()
        refuse, // do not touch the network
    };
    struct decision {
        answer what;
        ticket number = 0; // for go and probe
        // Nobody knows whether the credentials are good: others wait for this attempt, so it shows them with something that
        // is answered at once, and comes back for what it really wants.
        bool doubtful = false;
    };

    explicit sign_in_gate(credentials_travel travel) : travel_(travel) {}

    decision ask(steady_time now);
    // The credentials of this attempt are about to leave. False: they must not, as those of another were refused meanwhile,
    // or have only just left; settle() it and ask() again.
    bool start(ticket number, steady_time now);
    // The credentials of this attempt were refused, and it goes on with others, or another way: nobody else tries until it
    // is settled, at the worst as refused.
    void refused_once(ticket number);
    // Each ticket once; later calls for it, and tickets of credentials that have been replaced, change nothing and
    // return false.
    bool settle(ticket number, verdict v, steady_time now);
    // New credentials: whatever was known of the old ones is forgotten, a refusal above all.
    void credentials_changed();

    // These credentials were refused before this gate was made: the next try is the probe at `next_probe`.
    void recall_refusal(steady_time next_probe);

    bool refused() const noexcept { return refused_; }
    // When a caller that was told to wait should ask again although nothing was settled.
    steady_time look_again() const;

private:
    struct attempt {
        steady_time since{}; // it started, or was let through
        bool probe = false;
        bool doubtful = false;
        bool started = false;
    };
    bool in_doubt(steady_time now) const;
    // Enough requests have begun on the last success.
    bool used_up() const
    {
        return travel_ == credentials_travel::with_each_request && on_last_word_ >= most_on_one_word;
    }
    decision admit(steady_time now, answer what, bool doubtful);

    credentials_travel travel_;
    ticket last_ = 0;
    std::map<ticket, attempt> pending_;  // without a verdict
    std::optional<ticket> refused_once_; // of those
    bool refused_ = false;
    ticket refused_ticket_ = 0; // the last one given out before the refusal
    bool proven_ = false;       // an attempt of the present overlapping run was accepted
    steady_time proven_at_{};
    int on_last_word_ = 0; // requests that have begun since then, unproven
    steady_time next_probe_{};
};

} // namespace relay::signin
