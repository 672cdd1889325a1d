#include "agent/commands/attempt.hpp"

#include <cassert>
#include <utility>

namespace relay::commands {

attempt::attempt(store::command_context& record, waits w, steady_time now) : record_(record), waits_(w)
{
    // Found begun at a start: sent before that, but how long before nobody knows. The wall clock may have jumped since, and the
    // look that goes with a begin may have held the request up.
    if (record_.begun) {
        state_ = state::unknown;
        own_settles_at_ = now + waits_.settle;
    }
    if (record_.redelivered || record_.restored)
        expect_others(now);
}

void attempt::expect_others(steady_time now)
{
    others_unknown_ = !is_read() && !record_.event_id.empty();
    others_settle_at_ = now + waits_.sight;
}

void attempt::starts(steady_time now)
{
    record_.started = true;
    if (!is_unknown() && !(others_unknown_ && now >= record_.deadline))
        count_try();
}

void attempt::count_try()
{
    if (!std::exchange(counted_, true))
        ++record_.attempts;
}

void attempt::begun()
{
    assert(!is_unknown()); // nothing is sent again before it is known what became of the last try
    count_try();
    const bool sent_before = std::exchange(record_.sent, true);
    if (std::exchange(state_, state::begun) != state::begun)
        sent_before_ = sent_before;
}

attempt::stored_try attempt::changed_nothing()
{
    assert(state_ == state::begun);
    state_ = state::accepted;
    return may_be_partly_applied() ? stored_try::stays : stored_try::take_back;
}

attempt::stored_try attempt::not_sent()
{
    const auto what = changed_nothing();
    if (what == stored_try::take_back)
        record_.sent = sent_before_;
    return what;
}

attempt::stored_try attempt::came_too_late()
{
    if (partly_ == part::no && std::exchange(counted_, false))
        --record_.attempts;
    return not_sent();
}

void attempt::partly_applied(bool certain)
{
    partly_ = std::max(partly_, certain ? part::yes : part::maybe);
}

void attempt::outcome_unknown(const ews::error& e, bool final, steady_time now)
{
    assert(state_ == state::begun);
    const bool over = e.effect == ews::effect::possible;
    state_ = state::unknown;
    own_settles_at_ = now + (over ? duration::zero() : waits_.settle);
    final_ = final ? std::optional(e.fault) : std::nullopt;
    answered_ = over ? std::optional(e.fault) : std::nullopt;
    tried_in_vain_ = true;
}

std::optional<protocol::fault> attempt::absent()
{
    others_unknown_ = false;
    if (is_unknown()) // a look beside a begin tells nothing of that
        state_ = state::accepted;
    return std::exchange(final_, std::nullopt);
}

void attempt::time_jumped(steady_time now)
{
    if (is_unknown())
        own_settles_at_ = now + waits_.settle;
    record_.restored = true;
    expect_others(now);
}

bool attempt::may_be_partly_applied() const
{
    if (partly_ != part::no)
        return true;
    // An earlier life may have sent the first of two requests.
    return record_.begun && record_.operation.has_value() && (*record_.operation)->may_apply_in_part();
}

steady_time attempt::settles_at() const
{
    return is_unknown() ? std::max(own_settles_at_, others_settle_at_) : others_settle_at_;
}

bool attempt::is_final(const ews::error& e)
{
    if (e.retry_action == ews::retry_action::give_up) {
        if (!e.may_pass || is_read())
            return true;
        // What was taken up at a start has been with an EWS at this address before.
        if (record_.restored && e.fault.code == protocol::fault_code::exchange_unsupported)
            return false;
        return ++doubts_ >= most_doubts;
    }
    // Tried again, and yet no retryable code: a conflict, an item that is gone.
    return e.retry_action == ews::retry_action::retry && !protocol::retryable(e.fault.code) &&
           ++doubts_ >= most_doubts;
}

} // namespace relay::commands
