#include "agent/store/tables/queue_tables.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relay::store {
namespace {

std::int64_t to_number(utc_time t)
{
    return t.time_since_epoch().count();
}

utc_time to_time(std::int64_t n)
{
    return utc_time(milliseconds(n));
}

std::optional<utc_time> to_time(std::optional<std::int64_t> n)
{
    return n ? std::optional(to_time(*n)) : std::nullopt;
}

// Params that no longer parse become none: the command then fails its check and gets an answer, instead of
// being lost.
protocol::json::object to_params(const std::string& text)
{
    boost::json::error_code ec;
    auto v = boost::json::parse(text, ec, {}, {.max_depth = 64});
    if (ec || !v.is_object())
        return {};
    return std::move(v.get_object());
}

} // namespace

queue_tables::queue_tables(sqlite::database& db, std::int64_t max_commands, std::function<utc_time()> utc_now,
                           std::function<std::string()> new_store_id)
    : db_(db),
      max_commands_(max_commands),
      utc_now_(std::move(utc_now)),
      new_store_id_(std::move(new_store_id)),
      audit_(db),
      watches_(db),
      own_events_(db),
      begin_commit_(db, "BEGIN IMMEDIATE"),
      begin_job_(db, "SAVEPOINT job"),
      keep_job_(db, "RELEASE job"),
      undo_job_(db, "ROLLBACK TO job"),
      commit_(db, "COMMIT"),
      roll_back_(db, "ROLLBACK"),
      load_(db, "SELECT id, next_seq, acked, sent FROM store"),
      count_(db, "SELECT count(*), count(*) - count(finished_at) FROM commands INDEXED BY commands_owed"
                 " WHERE acknowledged = 0"),
      // One by one: asked for both at once SQLite walks through the whole table.
      ends_(db, "SELECT (SELECT min(seq) FROM outbox), (SELECT max(seq) FROM outbox)"),
      unsent_(db, "SELECT min(seq) FROM outbox WHERE about IS NOT NULL"),
      last_end_(db, "SELECT max(coalesce((SELECT max(finished_at) FROM commands INDEXED BY commands_owed"
                    " WHERE acknowledged = 0), 0), coalesce((SELECT max(finished_at) FROM commands INDEXED BY"
                    " commands_history WHERE acknowledged = 1), 0))"),
      save_(db, "INSERT INTO store(one, id, next_seq, acked, sent) VALUES (1, ?1, ?2, ?3, ?4)"
                " ON CONFLICT(one) DO UPDATE SET id = ?1, next_seq = ?2, acked = ?3, sent = ?4"),
      bury_(db, "UPDATE store SET buried = buried + 1"), // SQLite does not write what is as it was
      unfinished_(db,
                  "SELECT id, fingerprint, op, mailbox, event_id, received_at, ttl_ms, redelivered, attempts,"
                  " begun_at, last_error, params, session FROM commands INDEXED BY commands_owed"
                  " WHERE acknowledged = 0 AND finished_at IS NULL ORDER BY n"),
      find_(db, "SELECT fingerprint, finished_at, acknowledged, seq, result FROM commands WHERE id = ?1"),
      is_event_known_(db, "SELECT 1 FROM commands WHERE event_id = ?1 AND event_id <> '' LIMIT 1"),
      insert_(db, "INSERT INTO commands(id, fingerprint, op, mailbox, event_id, received_at, ttl_ms, "
                  "redelivered, params, session)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      begin_(db, "UPDATE commands SET attempts = attempts + 1, begun_at = ?2"
                 " WHERE id = ?1 AND finished_at IS NULL"),
      retract_(db, "UPDATE commands SET begun_at = NULL, last_error = ?2"
                   " WHERE id = ?1 AND finished_at IS NULL"),
      progress_(db, "SELECT n, finished_at, seq, session, op, mailbox, event_id FROM commands WHERE id = ?1"),
      finish_(db,
              "UPDATE commands SET finished_at = ?2, seq = ?3, result = ?4, params = NULL, begun_at = NULL"
              " WHERE n = ?1"),
      append_result_(db, "INSERT INTO outbox(seq, command, command_id, stored_at) VALUES (?1, ?2, '', ?3)"),
      append_(db,
              "INSERT INTO outbox(seq, body, command_id, expires_at, stored_at) VALUES (?1, ?2, ?3, ?4, ?5)"),
      read_(
          db,
          "SELECT o.seq, coalesce(c.result, o.body), coalesce(c.id, o.command_id), o.expires_at,"
          " o.about IS NOT NULL"
          " FROM outbox o LEFT JOIN commands c ON c.n = o.command WHERE o.seq > ?1 ORDER BY o.seq LIMIT ?2"),
      replaceable_(db, "SELECT seq FROM outbox WHERE about = ?1"),
      replace_(db, "UPDATE outbox SET body = ?2 WHERE seq = ?1"),
      append_event_(
          db, "INSERT INTO outbox(seq, body, command_id, stored_at, about) VALUES (?1, ?2, '', ?3, ?4)"),
      settle_(db,
              "UPDATE outbox SET about = NULL WHERE about > ?1 || '/' AND about < ?1 || '0' AND about <> ?2"),
      send_(db, "UPDATE outbox SET about = NULL WHERE about IS NOT NULL AND seq > ?1 AND seq <= ?2"),
      mark_acknowledged_(db, "UPDATE commands SET acknowledged = 1 WHERE n IN"
                             " (SELECT command FROM outbox WHERE seq <= ?1 AND command IS NOT NULL)"),
      delete_acknowledged_(db, "DELETE FROM outbox WHERE seq <= ?1"),
      renumber_results_(db, "UPDATE commands SET seq = seq - ?1 WHERE n IN"
                            " (SELECT command FROM outbox WHERE command IS NOT NULL)"),
      // By way of negative numbers, so that no row meets another's old number on the way.
      lift_outbox_(db, "UPDATE outbox SET seq = ?1 - seq"),
      lower_outbox_(db, "UPDATE outbox SET seq = -seq"),
      forget_numbers_(db, "UPDATE commands SET seq = 0 WHERE acknowledged = 1 AND seq <> 0"),
      still_known_(db,
                   "SELECT seq FROM commands WHERE acknowledged = 1 AND seq > ?1 AND seq <= ?2 ORDER BY seq"),
      // A cloud that holds nothing of this life may have lost what it had of the lives before, too.
      still_there_(db, "SELECT count(*) FROM commands WHERE acknowledged = 1 AND (seq > ?1 OR ?1 = 0)"),
      owe_again_(db,
                 "INSERT INTO outbox(seq, command, command_id, stored_at)"
                 " SELECT row_number() OVER (ORDER BY seq, finished_at, n), n, '', finished_at FROM commands"
                 " WHERE acknowledged = 1 AND (seq > ?1 OR ?1 = 0)"),
      unacknowledge_(db, "UPDATE commands SET acknowledged = 0, seq = o.seq FROM outbox o"
                         " WHERE o.command = commands.n AND commands.acknowledged = 1"),
      prune_(db, "DELETE FROM commands WHERE n IN (SELECT n FROM commands INDEXED BY commands_history"
                 " WHERE acknowledged = 1 AND finished_at < ?1 ORDER BY finished_at LIMIT ?2)"),
      not_later_(db, "UPDATE commands SET finished_at = ?1 WHERE acknowledged = 1 AND finished_at > ?1"),
      oldest_command_(db, "SELECT received_at FROM commands INDEXED BY commands_owed"
                          " WHERE acknowledged = 0 AND finished_at IS NULL ORDER BY n LIMIT 1"),
      oldest_message_(db, "SELECT coalesce(c.received_at, o.stored_at) FROM outbox o"
                          " LEFT JOIN commands c ON c.n = o.command ORDER BY o.seq LIMIT 1")
{
}

result<void> queue_tables::load()
{
    {
        auto found = load_.query({});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (*row) {
            now_.id = found.text(0);
            now_.next_seq = found.number(1);
            now_.acked = found.number(2);
            saved_sent_ = found.number(3);
        }
    }
    {
        auto counted = count_.query({});
        const auto row = counted.next();
        if (row.has_error())
            return row.error();
        now_.owed = counted.number(0);
        now_.unfinished = counted.number(1);
    }
    if (auto sound = check_outbox(); sound.has_error())
        return sound;
    if (auto sent = load_sent(); sent.has_error())
        return sent;
    if (auto ended = load_last_end(); ended.has_error())
        return ended;
    if (auto chain = audit_.load(); chain.has_error())
        return chain;
    if (now_.id.empty()) {
        now_.id = new_store_id_();
        if (auto done = save(); done.has_error())
            return done;
    }
    committed_ = now_;
    return {};
}

// What no check of the file's pages sees, as where a log of another file was taken for this one's: a seq would be given
// out twice, or one be missing.
result<void> queue_tables::check_outbox()
{
    auto found = ends_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    const auto first = found.number_or_null(0).value_or(now_.acked + 1);
    const auto last = found.number_or_null(1).value_or(now_.acked);
    if (now_.acked < 0 || first != now_.acked + 1 || last != now_.next_seq - 1)
        return db_.found_damaged(fmt::format("it holds the messages {} to {}, where {} to {} should be",
                                             first, last, now_.acked + 1, now_.next_seq - 1));
    return {};
}

// What earlier lives of this file can have sent: nothing that is not in it, and as messages go out in order nothing from the
// first on that is known to be unsent. (A file that was copied while its agent went on says the same, and this is how it is
// found out: the cloud has more.)
result<void> queue_tables::load_sent()
{
    auto found = unsent_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    const auto first_unsent = found.number_or_null(0).value_or(now_.next_seq);
    now_.sent = std::min(saved_sent_, first_unsent - 1);
    return {};
}

result<void> queue_tables::load_last_end()
{
    auto found = last_end_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    now_.last_end = to_time(found.number(0));
    return {};
}

// ---- the frame of a commit ----

result<void> queue_tables::begin_commit()
{
    roll_back(); // where that failed before
    if (db_.in_transaction())
        return errc::store_io;
    return begin_commit_.run({});
}

result<void> queue_tables::begin_job()
{
    before_job_ = now_;
    audit_.begin_job();
    return begin_job_.run({});
}

result<void> queue_tables::keep_job()
{
    return keep_job_.run({});
}

result<void> queue_tables::undo_job()
{
    now_ = before_job_;
    audit_.undo_job();
    if (!db_.in_transaction()) // SQLite gave up all of it, this job's savepoint included
        return errc::store_io;
    if (auto done = undo_job_.run({}); done.has_error())
        return done;
    return keep_job_.run({});
}

result<void> queue_tables::commit()
{
    const auto done = [&]() -> result<void> {
        const bool moved = now_.id != committed_.id || now_.next_seq != committed_.next_seq ||
                           now_.acked != committed_.acked || now_.sent != saved_sent_;
        if (moved)
            if (auto saved = save(); saved.has_error())
                return saved;
        if (auto saved = audit_.save(); saved.has_error())
            return saved;
        return commit_.run({});
    }();
    if (done.has_error()) {
        roll_back();
    } else {
        committed_ = now_;
        saved_sent_ = now_.sent;
        audit_.committed();
    }
    return done;
}

void queue_tables::roll_back() noexcept
{
    now_ = committed_;
    audit_.roll_back();
    // SQLite has rolled back by itself after some errors. Where this fails, begin_commit() tries again.
    if (db_.in_transaction())
        (void)roll_back_.run({});
}

void queue_tables::bury_failed_commit()
{
    const auto begun = begin_commit();
    if (begun.has_value() && bury_.run({}).has_value() && commit_.run({}).has_value())
        return;
    roll_back();
}

result<void> queue_tables::save()
{
    return save_.run({std::string_view(now_.id), now_.next_seq, now_.acked, now_.sent});
}

// ---- what the store is asked ----

identity queue_tables::current() const
{
    // No gaps, and acknowledged without gaps: the numbers say how many rows there are.
    return {now_.id, now_.next_seq, now_.next_seq - 1 - now_.acked, now_.sent};
}

result<identity> queue_tables::who()
{
    return current();
}

result<std::vector<unfinished_command>> queue_tables::unfinished()
{
    std::vector<unfinished_command> all;
    auto found = unfinished_.query({});
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return all;
        unfinished_command u;
        auto& c = u.received.command;
        c.id = found.text(0);
        u.received.fingerprint = found.text(1);
        c.op = found.text(2);
        c.mailbox = found.text(3);
        u.received.event_id = found.text(4);
        u.received.received_at = to_time(found.number(5));
        u.received.ttl = milliseconds(found.number(6));
        c.ttl = u.received.ttl;
        c.redelivered = found.number(7) != 0;
        u.attempts = static_cast<int>(found.number(8));
        u.begun_at = to_time(found.number_or_null(9));
        u.last_error = found.text(10);
        c.params = to_params(found.text(11));
        u.received.session = found.text(12);
        all.push_back(std::move(u));
    }
}

result<std::optional<admission>> queue_tables::look_up(std::string_view id, std::string_view fingerprint)
{
    auto found = find_.query({id});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    if (!*row)
        return std::optional<admission>();
    if (found.text(0) != fingerprint)
        return std::optional<admission>(reused_id{});
    if (found.null(1))
        return std::optional<admission>(still_running{});
    const bool acknowledged = found.number(2) != 0;
    return std::optional<admission>(
        finished_before{acknowledged ? std::nullopt : found.number_or_null(3), found.text(4)});
}

result<admission> queue_tables::admit(const new_command& c)
{
    auto known = look_up(c.command.id, c.fingerprint);
    if (known.has_error())
        return known.error();
    if (*known)
        return std::move(**known);
    if (now_.owed >= max_commands_)
        return admission(queue_full{});

    stored_now answer;
    {
        auto others = is_event_known_.query({std::string_view(c.event_id)});
        const auto row = others.next();
        if (row.has_error())
            return row.error();
        answer.event_known = *row;
    }
    const auto params = boost::json::serialize(c.command.params);
    const auto stored = insert_.run(
        {std::string_view(c.command.id), sqlite::blob{c.fingerprint}, std::string_view(c.command.op),
         std::string_view(c.command.mailbox), std::string_view(c.event_id), to_number(c.received_at),
         static_cast<std::int64_t>(c.ttl.count()), std::int64_t{c.command.redelivered},
         std::string_view(params), std::string_view(c.session)});
    if (stored.has_error())
        return stored.error();
    ++now_.owed;
    ++now_.unfinished;
    return admission(answer);
}

result<void> queue_tables::begin(std::string_view id, utc_time at)
{
    if (auto done = begin_.run({id, to_number(at)}); done.has_error())
        return done;
    if (db_.changes() == 0)
        return errc::not_found;
    return {};
}

result<void> queue_tables::retract(std::string_view id, std::string_view fault_code)
{
    if (auto done = retract_.run({id, fault_code}); done.has_error())
        return done;
    if (db_.changes() == 0)
        return errc::not_found;
    return {};
}

result<sequence> queue_tables::finish(std::string_view id, std::string_view body, const write_end& end)
{
    std::int64_t n = 0;
    audit_entry entry;
    {
        auto found = progress_.query({id});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return errc::not_found;
        if (!found.null(1))
            return found.number(2);
        n = found.number(0);
        entry.session = found.text(3);
        entry.op = found.text(4);
        entry.mailbox = found.text(5);
        entry.event_id = found.text(6);
    }
    entry.at = end.at;
    entry.id = id;
    entry.outcome = end.outcome;
    entry.attempts = end.attempts;
    entry.took = end.took;
    const sequence seq = now_.next_seq;
    // In the order in which they end, also where the clock is set back: what it says later must not age what ended now.
    const auto ended = std::max(end.at, now_.last_end);
    if (const auto done = finish_.run({n, to_number(ended), seq, body}); done.has_error())
        return done.error();
    if (const auto done = audit_.append(entry); done.has_error())
        return done.error();
    if (const auto done = append_result_.run({seq, n, to_number(utc_now_())}); done.has_error())
        return done.error();
    if (end.event) {
        if (const auto done = own_events_.note(entry.event_id, *end.event, end.at); done.has_error())
            return done.error();
        const auto about = about_event(entry.event_id, end.event->key);
        if (const auto done = settle_.run({std::string_view(about), std::string_view()}); done.has_error())
            return done.error();
    }
    ++now_.next_seq;
    --now_.unfinished;
    now_.last_end = ended;
    return seq;
}

result<sequence> queue_tables::append(std::string_view body, std::string_view command_id,
                                      std::optional<utc_time> expires_at)
{
    const sequence seq = now_.next_seq;
    const auto expires = expires_at ? sqlite::value(to_number(*expires_at)) : sqlite::value(nullptr);
    if (const auto done = append_.run({seq, body, command_id, expires, to_number(utc_now_())});
        done.has_error())
        return done.error();
    ++now_.next_seq;
    return seq;
}

result<std::vector<stored_message>> queue_tables::read(sequence after, std::size_t most,
                                                       std::size_t most_bytes)
{
    std::vector<stored_message> page;
    std::size_t bytes = 0;
    auto found = read_.query({after, static_cast<std::int64_t>(most)});
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return page;
        bytes += found.bytes(1);
        if (!page.empty() && bytes > most_bytes)
            return page;
        page.push_back({found.number(0), found.text(1), found.text(2), to_time(found.number_or_null(3)),
                        found.number(4) != 0});
    }
}

result<std::vector<stored_message>> queue_tables::read_to_send(sequence after, std::size_t most,
                                                               std::size_t most_bytes)
{
    auto page = read(after, most, most_bytes);
    if (page.has_error() || page->empty())
        return page;
    if (const auto done = send_.run({after, page->back().seq}); done.has_error())
        return done.error();
    for (auto& m : *page)
        m.replaceable = false;
    now_.sent = any_message;
    return page;
}

result<std::vector<stored_sighting>> queue_tables::tell(const std::vector<sighting>& seen, bool at_once)
{
    using how = stored_sighting::how;
    std::vector<stored_sighting> done;
    done.reserve(seen.size());
    for (const auto& s : seen) {
        const auto about = watches_.note(s.place, s.told);
        if (about.has_error())
            return about.error();
        if (!*about) {
            done.push_back({how::dropped, 0});
            continue;
        }
        auto stored = store_event(**about, s.body, at_once);
        if (stored.has_error())
            return stored.error();
        done.push_back(*stored);
    }
    return done;
}

result<std::vector<stored_sighting>> queue_tables::tell_changes(const std::vector<event_sighting>& seen,
                                                                bool at_once)
{
    std::vector<stored_sighting> done;
    for (const auto& s : seen) {
        const auto taken = own_events_.take(s);
        if (taken.has_error())
            return taken.error();
        for (const auto& news : s.tell) {
            if (!*taken) {
                done.push_back({stored_sighting::how::dropped, 0});
                continue;
            }
            // One kind of change tells of the others too: what is about to come after it must not be put before it.
            const auto about = s.about + "/" + news.change;
            const auto settled = settle_.run({std::string_view(s.about), std::string_view(about)});
            if (settled.has_error())
                return settled.error();
            auto stored = store_event(about, news.body, at_once);
            if (stored.has_error())
                return stored.error();
            done.push_back(*stored);
        }
    }
    return done;
}

// In place of an event of the same name that was never sent, or under the next seq.
result<stored_sighting> queue_tables::store_event(const std::string& about, std::string_view body,
                                                  bool at_once)
{
    std::optional<sequence> unsent;
    {
        auto found = replaceable_.query({std::string_view(about)});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (*row)
            unsent = found.number(0);
    }
    if (unsent) {
        if (const auto replaced = replace_.run({*unsent, body}); replaced.has_error())
            return replaced.error();
        return stored_sighting{stored_sighting::how::replaced, *unsent};
    }
    const auto name = at_once ? sqlite::value(nullptr) : sqlite::value(std::string_view(about));
    const auto added = append_event_.run({now_.next_seq, body, to_number(utc_now_()), name});
    if (added.has_error())
        return added.error();
    return stored_sighting{stored_sighting::how::added, now_.next_seq++};
}

result<sequence> queue_tables::acknowledge(sequence seq, std::int64_t most)
{
    const auto up_to = std::min({seq, now_.next_seq - 1, now_.acked + most});
    if (up_to <= now_.acked)
        return now_.acked;
    if (const auto done = mark_acknowledged_.run({up_to}); done.has_error())
        return done.error();
    now_.owed -= db_.changes();
    if (const auto done = delete_acknowledged_.run({up_to}); done.has_error())
        return done.error();
    now_.acked = up_to;
    return up_to;
}

// Begins another life of the store: a new id, and what is owed numbered from behind + 1 on.
result<void> queue_tables::number_anew(std::int64_t behind)
{
    const auto shift = now_.acked - behind;
    if (auto done = renumber_results_.run({shift}); done.has_error())
        return done;
    if (auto done = lift_outbox_.run({shift}); done.has_error())
        return done;
    if (auto done = lower_outbox_.run({}); done.has_error())
        return done;
    // What the cloud was told, or what it still knows of it, is not known here.
    if (auto done = watches_.forget_told(); done.has_error())
        return done;
    now_.id = new_store_id_();
    now_.next_seq -= shift;
    now_.acked = 0;
    now_.sent = 0;
    return {};
}

result<identity> queue_tables::renew()
{
    if (const auto done = number_anew(0); done.has_error())
        return done.error();
    if (const auto done = forget_numbers_.run({}); done.has_error())
        return done.error();
    if (const auto done = own_events_.doubt_all(); done.has_error())
        return done.error();
    return current();
}

// Which of the messages past `held` are gone.
result<void> queue_tables::find_lost(sequence held, owed_again& found)
{
    const auto note = [&](sequence first, sequence last) {
        if (first > last)
            return;
        found.lost_messages += last - first + 1;
        if (found.lost.size() < owed_again::most_told)
            found.lost.emplace_back(first, last);
    };
    auto known = still_known_.query({held, now_.acked});
    for (auto next = held + 1;;) {
        const auto row = known.next();
        if (row.has_error())
            return row.error();
        if (!*row) {
            note(next, now_.acked);
            return {};
        }
        note(next, known.number(0) - 1);
        next = known.number(0) + 1;
    }
}

result<owed_again> queue_tables::owe_again(sequence held)
{
    owed_again again;
    if (const auto found = find_lost(held, again); found.has_error())
        return found.error();
    {
        auto counted = still_there_.query({held});
        const auto row = counted.next();
        if (row.has_error())
            return row.error();
        again.results = counted.number(0);
    }
    if (const auto done = number_anew(again.results); done.has_error())
        return done.error();
    for (auto* step : {&owe_again_, &unacknowledge_, &forget_numbers_})
        if (const auto done = step == &owe_again_ ? step->run({held}) : step->run({}); done.has_error())
            return done.error();
    now_.owed += again.results;
    again.now = current();
    return again;
}

result<std::size_t> queue_tables::prune(utc_time before, utc_time latest, std::size_t most)
{
    if (const auto done = not_later_.run({to_number(latest)}); done.has_error())
        return done.error();
    now_.last_end = std::min(now_.last_end, latest);
    if (const auto done = prune_.run({to_number(before), static_cast<std::int64_t>(most)}); done.has_error())
        return done.error();
    const auto pruned = static_cast<std::size_t>(db_.changes());
    // Whoever looks at the own events lets them go before that: this is for those that nobody may look at.
    if (const auto done = own_events_.prune(before); done.has_error())
        return done.error();
    return pruned;
}

result<void> queue_tables::record(const std::vector<audit_entry>& entries)
{
    for (const auto& e : entries)
        if (const auto done = audit_.append(e); done.has_error())
            return done;
    return {};
}

result<std::size_t> queue_tables::forget_audit(utc_time before, std::int64_t most_kept, std::size_t most)
{
    return audit_.forget(before, most_kept, most);
}

result<audit_status> queue_tables::audit()
{
    audit_status s;
    s.head = audit_.head();
    const auto oldest = audit_.oldest();
    if (oldest.has_error())
        return oldest.error();
    s.oldest = *oldest;
    const auto fits = audit_.head_fits();
    if (fits.has_error())
        return fits.error();
    s.head_fits = *fits;
    return s;
}

result<queue_status> queue_tables::status()
{
    queue_status s;
    s.unfinished = now_.unfinished;
    s.unacked = current().unacked;
    for (auto* oldest : {&oldest_command_, &oldest_message_}) {
        auto found = oldest->query({});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (*row)
            s.oldest = std::min(s.oldest.value_or(utc_time::max()), to_time(found.number(0)));
    }
    return s;
}

} // namespace relay::store
