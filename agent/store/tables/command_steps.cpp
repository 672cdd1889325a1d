// How a write is admitted, tried and ended.
#include "agent/store/tables/queue_tables.hpp"

#include <algorithm>
#include <cassert>

namespace relay::store::step {
namespace {

audit_entry entry_of(const std::string& id, commands_table::progress&& c, const write_end& end)
{
    audit_entry e;
    e.session = std::move(c.session);
    e.op = std::move(c.op);
    e.mailbox = std::move(c.mailbox);
    e.event_id = std::move(c.event_id);
    e.at = end.at;
    e.id = id;
    e.outcome = end.outcome;
    e.attempts = end.attempts;
    e.took = end.took;
    return e;
}

// What the end of a write means for the item of its event. What is waiting to be told about it stays as it is: it must not be
// replaced by what others do after it.
result<void> note_event(queue_tables& t, const std::string& event_id, const event_write& w, utc_time at)
{
    if (auto done = t.tracked_events().note(event_id, w, at); done.has_error())
        return done;
    return t.outbox().settle(about_event(event_id, w.key), {});
}

} // namespace

result<std::vector<unfinished_command>> unfinished::operator()(queue_tables& t) const
{
    return t.commands().unfinished();
}

result<std::optional<admission>> look_up::operator()(queue_tables& t) const
{
    return t.commands().look_up(id, fingerprint);
}

result<admission> admit::operator()(queue_tables& t) const
{
    auto known = t.commands().look_up(command.command.id, command.fingerprint);
    if (known.has_error())
        return known.error();
    if (*known)
        return std::move(**known);
    // A full queue refuses what is new. What it knows it answers, or the cloud could not get rid of it.
    if (t.now().owed >= t.max_commands())
        return admission(queue_full{});

    const auto event_known = t.commands().knows_event(command.event_id);
    if (event_known.has_error())
        return event_known.error();
    if (const auto stored = t.commands().add(command); stored.has_error())
        return stored.error();
    ++t.now().owed;
    ++t.now().unfinished;
    return admission(stored_now{*event_known});
}

result<void> begin::operator()(queue_tables& t) const
{
    return t.commands().begin(id, at);
}

result<void> retract::operator()(queue_tables& t) const
{
    return t.commands().retract(id, fault_code);
}

result<sequence> finish::operator()(queue_tables& t) const
{
    auto found = t.commands().find(id);
    if (found.has_error())
        return found.error();
    if (!*found)
        return errc::not_found;
    if ((*found)
            ->seq) // asked again after a commit whose answer was lost: the first result is the one that counts
        return *(*found)->seq;
    assert(t.now().unfinished > 0);
    const auto n = (*found)->n;
    const auto entry = entry_of(id, std::move(**found), end);
    const sequence seq = t.now().next_seq;
    // In the order in which they end, also where the clock is set back: what it says later must not age what ended now.
    const auto ended = std::max(end.at, t.now().last_end);
    if (const auto done = t.commands().finish(n, ended, seq, body); done.has_error())
        return done.error();
    if (const auto done = t.audit().append(entry); done.has_error())
        return done.error();
    if (const auto done = t.outbox().add_result(seq, n, t.utc_now()); done.has_error())
        return done.error();
    if (end.event)
        if (const auto done = note_event(t, entry.event_id, *end.event, end.at); done.has_error())
            return done.error();
    ++t.now().next_seq;
    --t.now().unfinished;
    t.now().last_end = ended;
    return seq;
}

} // namespace relay::store::step
