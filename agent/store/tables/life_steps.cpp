// The store as a whole: who it is, another life under a new id, what it forgets, how full it is.
#include "agent/store/tables/queue_tables.hpp"

#include <algorithm>

namespace relay::store::step {
namespace {

// Begins another life of the store: a new id, and what is owed numbered from behind + 1 on.
result<void> number_anew(queue_tables& t, std::int64_t behind)
{
    auto& now = t.now();
    const auto shift = now.acked - behind;
    if (auto done = t.commands().renumber_results(shift); done.has_error())
        return done;
    if (auto done = t.outbox().shift_down(shift); done.has_error())
        return done;
    // What the cloud was told, or what it still knows of it, is not known here.
    if (auto done = t.watches().forget_told(); done.has_error())
        return done;
    now.id = t.new_store_id();
    now.next_seq -= shift;
    now.acked = 0;
    now.sent = 0;
    return {};
}

} // namespace

result<identity> who::operator()(queue_tables& t) const
{
    return t.now().to_identity();
}

result<identity> renew::operator()(queue_tables& t) const
{
    if (const auto done = number_anew(t, 0); done.has_error())
        return done.error();
    // Numbers of the lives before say nothing in this one, and the items of old copies need not be what was written last.
    if (const auto done = t.commands().forget_acknowledged_numbers(); done.has_error())
        return done.error();
    if (const auto done = t.tracked_events().doubt_all(); done.has_error())
        return done.error();
    return t.now().to_identity();
}

result<owed_again> owe_again::operator()(queue_tables& t) const
{
    owed_again again;
    if (const auto found = t.commands().find_lost(held, t.now().acked, again); found.has_error())
        return found.error();
    const auto results = t.commands().count_acknowledged_after(held);
    if (results.has_error())
        return results.error();
    again.results = *results;
    // What is owed already goes up by so many numbers, and what is owed again comes before it.
    if (const auto done = number_anew(t, again.results); done.has_error())
        return done.error();
    if (const auto done = t.outbox().owe_again(held); done.has_error())
        return done.error();
    const auto bytes = t.commands().unacknowledge_what_is_owed();
    if (bytes.has_error())
        return bytes.error();
    t.now().history_bytes -= *bytes;
    if (const auto done = t.commands().forget_acknowledged_numbers(); done.has_error())
        return done.error();
    t.now().owed += again.results;
    again.now = t.now().to_identity();
    return again;
}

result<std::size_t> prune::operator()(queue_tables& t) const
{
    if (const auto done = t.commands().end_no_later_than(latest); done.has_error())
        return done.error();
    t.now().last_end = std::min(t.now().last_end, latest);
    auto pruned = t.commands().prune(before, most);
    if (pruned.has_error())
        return pruned.error();
    t.now().history_bytes -= pruned->bytes;
    const auto trimmed = t.trim_history(most);
    if (trimmed.has_error())
        return trimmed;
    // Whoever looks at the tracked events lets them go before that: this is for those that nobody may look at.
    if (const auto done = t.tracked_events().prune(before); done.has_error())
        return done.error();
    return std::max(static_cast<std::size_t>(pruned->commands), *trimmed);
}

result<std::size_t> shrink::operator()(queue_tables& t) const
{
    return t.give_back(most_pages);
}

// Without bytes and files, which the tables do not know.
result<queue_status> status::operator()(queue_tables& t) const
{
    const auto& now = t.now();
    queue_status s;
    s.unfinished = now.unfinished;
    s.unacked = now.to_identity().unacked;
    const auto command = t.commands().oldest();
    if (command.has_error())
        return command.error();
    const auto message = t.outbox().oldest();
    if (message.has_error())
        return message.error();
    for (const auto& came : {*command, *message})
        if (came)
            s.oldest = std::min(s.oldest.value_or(utc_time::max()), *came);
    return s;
}

} // namespace relay::store::step
