#include "agent/signin/sign_in_gate.hpp"

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
        return admit(now, answer::probe);
    }
    if (in_doubt(now)) {
        proven_ = false;
        if (!pending_.empty() && now < look_again())
            return {answer::wait};
    }
    return admit(now, answer::go);
}

sign_in_gate::decision sign_in_gate::admit(steady_time now, answer what)
{
    pending_.emplace(++last_, now);
    return {what, last_};
}

bool sign_in_gate::settle(ticket number, verdict v, steady_time now)
{
    if (pending_.erase(number) == 0)
        return false;
    switch (v) {
    case verdict::accepted:
        // A late success beside a refusal was perhaps sent with the password of before: only a probe reopens.
        if (refused_ && number <= refused_ticket_)
            break;
        refused_ = false;
        proven_ = true;
        proven_at_ = now;
        break;
    case verdict::refused:
        refused_ = true;
        refused_ticket_ = last_;
        proven_ = false;
        next_probe_ = now + probe_interval;
        break;
    case verdict::unknown:
        break;
    }
    return true;
}

void sign_in_gate::credentials_changed()
{
    pending_.clear(); // a verdict on the old credentials no longer finds its ticket
    refused_ = proven_ = false;
}

steady_time sign_in_gate::look_again() const
{
    // The newest attempt counts: however long the server hangs, one more try a patience is all it gets.
    return pending_.empty() ? steady_time::min() : pending_.rbegin()->second + leader_patience;
}

} // namespace relay::signin
