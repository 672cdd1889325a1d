// What is owed to the cloud: stored, replaced while nobody has seen it, read, and dropped once it is acknowledged.
#include "agent/store/tables/queue_tables.hpp"

#include <algorithm>
#include <cassert>

namespace relay::store::step {
namespace {

using how = stored_observation::how;

// In place of an event of the same name that was never sent, or under the next seq.
result<stored_observation> store_event(queue_tables& t, const std::string& about, std::string_view body,
                                       bool at_once)
{
    const auto unsent = t.outbox().find_replaceable(about);
    if (unsent.has_error())
        return unsent.error();
    const auto size = static_cast<std::int64_t>(body.size());
    if (*unsent) {
        const auto before = t.outbox().bytes(**unsent, **unsent);
        if (before.has_error())
            return before.error();
        t.now().message_bytes += size - *before;
        if (const auto replaced = t.outbox().replace(**unsent, body); replaced.has_error())
            return replaced.error();
        return stored_observation{how::replaced, **unsent};
    }
    // About to be sent: nothing may replace it any more, so it gets no name.
    const auto name = at_once ? std::nullopt : std::optional<std::string_view>(about);
    const auto seq = t.now().next_seq;
    if (const auto added = t.outbox().add_event(seq, body, name, t.utc_now()); added.has_error())
        return added.error();
    t.now().message_bytes += size;
    ++t.now().next_seq;
    return stored_observation{how::added, seq};
}

} // namespace

result<sequence> append::operator()(queue_tables& t) const
{
    const sequence seq = t.now().next_seq;
    if (const auto done = t.outbox().add(seq, body, command_id, expires_at, t.utc_now()); done.has_error())
        return done.error();
    t.now().message_bytes += static_cast<std::int64_t>(body.size());
    ++t.now().next_seq;
    return seq;
}

result<std::vector<stored_message>> read::operator()(queue_tables& t) const
{
    return t.outbox().read(after, most, most_bytes);
}

result<std::vector<stored_message>> read_to_send::operator()(queue_tables& t) const
{
    auto page = t.outbox().read(after, most, most_bytes);
    if (page.has_error() || page->empty())
        return page;
    if (const auto done = t.outbox().settle_to_send(after, page->back().seq); done.has_error())
        return done.error();
    for (auto& m : *page)
        m.replaceable = false;
    // How far sending comes is not stored: that would be a commit a frame. From the first on any may have gone.
    t.now().sent = any_message;
    return page;
}

result<sequence> acknowledge::operator()(queue_tables& t) const
{
    auto& now = t.now();
    // What was never given out cannot be held by anybody, whatever the cloud says.
    const auto up_to = std::min({seq, now.next_seq - 1, now.acked + most});
    if (up_to <= now.acked)
        return now.acked;
    const auto commands = t.commands().acknowledge(up_to);
    if (commands.has_error())
        return commands.error();
    now.owed -= commands->commands;
    now.history_bytes += commands->bytes;
    assert(now.owed >= now.unfinished);
    const auto bytes = t.outbox().bytes(now.acked + 1, up_to);
    if (bytes.has_error())
        return {boost::system::in_place_error, bytes.error()};
    now.message_bytes -= *bytes;
    if (const auto done = t.outbox().remove(up_to); done.has_error())
        return done.error();
    now.acked = up_to;
    // More goes than came: a smaller budget than before is reached in time, too.
    const auto most_forgotten = 2 * static_cast<std::size_t>(commands->commands) + 16;
    if (const auto done = t.trim_history(most_forgotten); done.has_error())
        return {boost::system::in_place_error, done.error()};
    return up_to;
}

result<std::vector<stored_observation>> publish::operator()(queue_tables& t) const
{
    std::vector<stored_observation> done;
    done.reserve(seen.size());
    for (const auto& s : seen) {
        const auto about = t.watches().note(s.place, s.published);
        if (about.has_error())
            return about.error();
        if (!*about) {
            done.push_back({how::dropped, 0});
            continue;
        }
        auto stored = store_event(t, **about, s.body, at_once);
        if (stored.has_error())
            return stored.error();
        done.push_back(*stored);
    }
    return done;
}

result<std::vector<stored_observation>> publish_changes::operator()(queue_tables& t) const
{
    std::vector<stored_observation> done;
    for (const auto& s : seen) {
        const auto taken = t.tracked_events().take(s);
        if (taken.has_error())
            return taken.error();
        for (const auto& news : s.publish) {
            if (!*taken) {
                done.push_back({how::dropped, 0});
                continue;
            }
            // One kind of change tells of the others too: what is about to come after it must not be put before it.
            const auto about = s.about + "/" + news.change;
            if (const auto settled = t.outbox().settle(s.about, about); settled.has_error())
                return settled.error();
            auto stored = store_event(t, about, news.body, at_once);
            if (stored.has_error())
                return stored.error();
            done.push_back(*stored);
        }
    }
    return done;
}

} // namespace relay::store::step
