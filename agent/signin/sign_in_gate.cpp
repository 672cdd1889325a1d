#include "agent/signin/sign_in_gate.hpp"

#include <algorithm>

namespace relay::signin {

bool sign_in_gate::in_doubt(steady_time now) const
{
    if (travel_ == credentials_travel::with_each_connection || !proven_)
        return true;
    // A success vouches for the run of requests it is part of, not for one that begins after a pause: the password may
    // have been changed in it, and every connection would then be refused at once.
    return pending_.empty() && now - proven_at_ > verdict_lasts;
}

sign_in_gate::decision sign_in_gate::ask(steady_time now)
{
    if (refused_) {
        if (now < next_probe_)
            return {answer::refuse};
        next_probe_ = now + probe_interval; // counted from the try: its outcome may never be known
        return admit(now, answer::probe, true);
    }
    if (refused_once_)
        return {answer::wait};
    const bool unknown = in_doubt(now);
    if (unknown)
        proven_ = false;
    const bool doubtful = unknown || used_up();
    // Only for who proves: a slow request that goes on the word of another holds nobody up.
    if (doubtful && now < look_again())
        return {answer::wait};
    if (!doubtful)
        ++on_last_word_;
    return admit(now, answer::go, doubtful);
}

sign_in_gate::decision sign_in_gate::admit(steady_time now, answer what, bool doubtful)
{
    pending_.emplace(++last_, attempt{now, what == answer::probe, doubtful});
    return {what, last_, doubtful};
}

bool sign_in_gate::start(ticket number, steady_time now)
{
    const auto found = pending_.find(number);
    if (found == pending_.end()) // its credentials have been replaced
        return false;
    if ((refused_once_ && *refused_once_ != number) || (refused_ && number <= refused_ticket_))
        return false;
    auto& a = found->second;
    if (a.started)
        return true;
    // It may have been let through long ago, and waited for the password beside others.
    const auto is_fresh = [&](const auto& other) {
        return other.second.started && now - other.second.since < leader_patience;
    };
    if (in_doubt(now) && std::ranges::any_of(pending_, is_fresh))
        return false;
    a.since = now;
    a.started = true;
    return true;
}

void sign_in_gate::refused_once(ticket number)
{
    if (pending_.contains(number))
        refused_once_ = number;
}

bool sign_in_gate::settle(ticket number, verdict v, steady_time now)
{
    const auto settled = pending_.extract(number);
    if (!settled)
        return false;
    if (refused_once_ == number) {
        refused_once_.reset();
        if (v != verdict::accepted)
            v = verdict::refused;
    }
    switch (v) {
    case verdict::accepted:
        // A late success beside a refusal was perhaps sent with the password of before: only a probe reopens.
        if (refused_ && number <= refused_ticket_)
            break;
        refused_ = false;
        proven_ = true;
        proven_at_ = now;
        on_last_word_ = 0;
        break;
    case verdict::refused:
        refused_ = true;
        refused_ticket_ = last_;
        proven_ = false;
        next_probe_ = now + probe_interval;
        break;
    case verdict::unknown:
        break;
    case verdict::untried:
        if (settled.mapped().probe)
            next_probe_ = std::min(next_probe_, now);
        break;
    }
    return true;
}

void sign_in_gate::credentials_changed()
{
    pending_.clear(); // a verdict on the old credentials no longer finds its ticket
    refused_ = proven_ = false;
    refused_once_.reset();
}

void sign_in_gate::recall_refusal(steady_time next_probe)
{
    refused_ = true;
    refused_ticket_ = last_;
    proven_ = false;
    next_probe_ = next_probe;
}

steady_time sign_in_gate::look_again() const
{
    if (refused_once_)
        return steady_time::max(); // settle() comes
    // The newest attempt counts: however long the server hangs, one more try a patience is all it gets.
    steady_time newest = steady_time::min();
    for (const auto& [number, a] : pending_)
        if (a.doubtful)
            newest = std::max(newest, a.since + leader_patience);
    return newest;
}

} // namespace relay::signin
