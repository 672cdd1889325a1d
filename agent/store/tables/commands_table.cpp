#include "agent/store/tables/commands_table.hpp"

#include "agent/store/tables/numbers.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <limits>

namespace relay::store {
namespace {

// What a row takes beside its texts: numbers, the fingerprint, its places in the indexes, room that pages leave free.
constexpr std::int64_t row_bytes = 240;

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

unfinished_command to_unfinished(const sql::statement::rows& row)
{
    unfinished_command u;
    auto& c = u.received.command;
    c.id = row.text(0);
    u.received.fingerprint = row.text(1);
    c.op = row.text(2);
    c.mailbox = row.text(3);
    u.received.event_id = row.text(4);
    u.received.received_at = to_time(row.number(5));
    u.received.ttl = milliseconds(row.number(6));
    c.ttl = u.received.ttl;
    c.redelivered = row.number(7) != 0;
    u.attempts = static_cast<int>(row.number(8));
    u.begun_at = to_time(row.number_or_null(9));
    u.last_error = row.text(10);
    c.params = to_params(row.text(11));
    u.received.session = row.text(12);
    return u;
}

} // namespace

// The indexes are named where SQLite would choose another: commands_owed and commands_history hold only the rows that are
// asked for, which are few of a million (schema.cpp).
commands_table::commands_table(sql::connection& db)
    : db_(db),
      count_(db, "SELECT count(*), count(*) - count(finished_at) FROM commands INDEXED BY commands_owed"
                 " WHERE acknowledged = 0"),
      last_end_(db, "SELECT max(coalesce((SELECT max(finished_at) FROM commands INDEXED BY commands_owed"
                    " WHERE acknowledged = 0), 0), coalesce((SELECT max(finished_at) FROM commands INDEXED BY"
                    " commands_history WHERE acknowledged = 1), 0))"),
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
              "UPDATE commands SET finished_at = ?2, seq = ?3, result = ?4, params = NULL, begun_at = NULL,"
              " bytes = ?5 + length(op) + length(mailbox) + length(session) + 2 * length(id)"
              " + 2 * length(event_id) WHERE n = ?1"),
      mark_acknowledged_(db, "UPDATE commands SET acknowledged = 1 WHERE n IN"
                             " (SELECT command FROM outbox WHERE seq <= ?1 AND command IS NOT NULL)"),
      renumber_results_(db, "UPDATE commands SET seq = seq - ?1 WHERE n IN"
                            " (SELECT command FROM outbox WHERE command IS NOT NULL)"),
      forget_numbers_(db, "UPDATE commands SET seq = 0 WHERE acknowledged = 1 AND seq <> 0"),
      still_known_(db,
                   "SELECT seq FROM commands WHERE acknowledged = 1 AND seq > ?1 AND seq <= ?2 ORDER BY seq"),
      // A cloud that holds nothing of this life may have lost what it had of the lives before, too.
      still_there_(db, "SELECT count(*) FROM commands WHERE acknowledged = 1 AND (seq > ?1 OR ?1 = 0)"),
      unacknowledge_(db, "UPDATE commands SET acknowledged = 0, seq = o.seq FROM outbox o"
                         " WHERE o.command = commands.n AND commands.acknowledged = 1"),
      old_(db, "SELECT n, bytes FROM commands INDEXED BY commands_history"
               " WHERE acknowledged = 1 AND finished_at < ?1 ORDER BY finished_at LIMIT ?2"),
      not_later_(db, "UPDATE commands SET finished_at = ?1 WHERE acknowledged = 1 AND finished_at > ?1"),
      oldest_(db, "SELECT received_at FROM commands INDEXED BY commands_owed"
                  " WHERE acknowledged = 0 AND finished_at IS NULL ORDER BY n LIMIT 1"),
      to_acknowledge_(db, "SELECT count(*), coalesce(sum(bytes), 0) FROM commands WHERE n IN"
                          " (SELECT command FROM outbox WHERE seq <= ?1 AND command IS NOT NULL)"),
      to_unacknowledge_(db,
                        "SELECT coalesce(sum(c.bytes), 0) FROM outbox o JOIN commands c ON c.n = o.command"
                        " WHERE c.acknowledged = 1"),
      oldest_repeatable_(db,
                         "SELECT n, bytes FROM commands INDEXED BY commands_repeatable"
                         " WHERE acknowledged = 1 AND op IN ('availability.watch', 'availability.unwatch')"
                         " ORDER BY finished_at LIMIT ?1"),
      oldest_ended_(db, "SELECT n, bytes FROM commands INDEXED BY commands_history"
                        " WHERE acknowledged = 1 ORDER BY finished_at LIMIT ?1"),
      remove_(db, "DELETE FROM commands WHERE n = ?1")
{
}

result<commands_table::sums> commands_table::count()
{
    auto counted = count_.query({});
    const auto row = counted.next();
    if (row.has_error())
        return row.error();
    return sums{counted.number(0), counted.number(1)};
}

result<utc_time> commands_table::last_end()
{
    auto found = last_end_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return to_time(found.number(0));
}

result<std::vector<unfinished_command>> commands_table::unfinished()
{
    std::vector<unfinished_command> all;
    auto found = unfinished_.query({});
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return all;
        all.push_back(to_unfinished(found));
    }
}

result<std::optional<admission>> commands_table::look_up(std::string_view id, std::string_view fingerprint)
{
    auto found = find_.query({id});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    if (!*row)
        return std::optional<admission>();
    if (found.text(0) != fingerprint) // before all else: a result must not answer what was not asked
        return std::optional<admission>(reused_id{});
    if (found.null(1))
        return std::optional<admission>(still_running{});
    const bool acknowledged = found.number(2) != 0;
    return std::optional<admission>(
        finished_before{acknowledged ? std::nullopt : found.number_or_null(3), found.text(4)});
}

result<bool> commands_table::knows_event(std::string_view event_id)
{
    auto others = is_event_known_.query({event_id});
    return others.next();
}

result<void> commands_table::add(const new_command& c)
{
    const auto params = boost::json::serialize(c.command.params);
    return insert_.run({std::string_view(c.command.id), sql::blob{c.fingerprint},
                        std::string_view(c.command.op), std::string_view(c.command.mailbox),
                        std::string_view(c.event_id), to_number(c.received_at),
                        static_cast<std::int64_t>(c.ttl.count()), std::int64_t{c.command.redelivered},
                        std::string_view(params), std::string_view(c.session)});
}

result<void> commands_table::begin(std::string_view id, utc_time at)
{
    if (auto done = begin_.run({id, to_number(at)}); done.has_error())
        return done;
    if (db_.changes() == 0)
        return errc::not_found;
    return {};
}

result<void> commands_table::retract(std::string_view id, std::string_view fault_code)
{
    if (auto done = retract_.run({id, fault_code}); done.has_error())
        return done;
    if (db_.changes() == 0)
        return errc::not_found;
    return {};
}

result<std::optional<commands_table::progress>> commands_table::find(std::string_view id)
{
    auto found = progress_.query({id});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    if (!*row)
        return std::optional<progress>();
    return std::optional(progress{found.number(0),
                                  found.null(1) ? std::nullopt : std::optional<sequence>(found.number(2)),
                                  found.text(3), found.text(4), found.text(5), found.text(6)});
}

result<void> commands_table::finish(std::int64_t n, utc_time at, sequence seq, std::string_view body)
{
    return finish_.run({n, to_number(at), seq, body, static_cast<std::int64_t>(body.size()) + row_bytes});
}

result<commands_table::amount> commands_table::acknowledge(sequence up_to)
{
    amount those;
    {
        auto found = to_acknowledge_.query({up_to});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        those = {found.number(0), found.number(1)};
    }
    if (const auto done = mark_acknowledged_.run({up_to}); done.has_error())
        return done.error();
    return those;
}

result<void> commands_table::renumber_results(sequence shift)
{
    return renumber_results_.run({shift});
}

result<void> commands_table::forget_acknowledged_numbers()
{
    return forget_numbers_.run({});
}

result<void> commands_table::find_lost(sequence held, sequence acked, owed_again& found)
{
    // Ranges are told of, as a cloud that lost a day may lack a hundred thousand messages.
    const auto note = [&](sequence first, sequence last) {
        if (first > last)
            return;
        found.lost_messages += last - first + 1;
        if (found.lost.size() < owed_again::most_told)
            found.lost.emplace_back(first, last);
    };
    auto known = still_known_.query({held, acked});
    for (auto next = held + 1;;) {
        const auto row = known.next();
        if (row.has_error())
            return row.error();
        if (!*row) {
            note(next, acked);
            return {};
        }
        note(next, known.number(0) - 1);
        next = known.number(0) + 1;
    }
}

result<std::int64_t> commands_table::count_acknowledged_after(sequence held)
{
    auto counted = still_there_.query({held});
    const auto row = counted.next();
    if (row.has_error())
        return {boost::system::in_place_error, row.error()};
    return counted.number(0);
}

result<std::int64_t> commands_table::unacknowledge_what_is_owed()
{
    std::int64_t bytes = 0;
    {
        auto found = to_unacknowledge_.query({});
        const auto row = found.next();
        if (row.has_error())
            return {boost::system::in_place_error, row.error()};
        bytes = found.number(0);
    }
    if (const auto done = unacknowledge_.run({}); done.has_error())
        return {boost::system::in_place_error, done.error()};
    return bytes;
}

result<void> commands_table::end_no_later_than(utc_time latest)
{
    return not_later_.run({to_number(latest)});
}

result<commands_table::amount> commands_table::prune(utc_time before, std::size_t most)
{
    return remove(old_.query({to_number(before), static_cast<std::int64_t>(most)}),
                  std::numeric_limits<std::int64_t>::max());
}

result<commands_table::amount> commands_table::trim(std::int64_t bytes, std::size_t most)
{
    auto all = remove(oldest_repeatable_.query({static_cast<std::int64_t>(most)}), bytes);
    if (all.has_error() || all->bytes >= bytes || all->commands >= static_cast<std::int64_t>(most))
        return all;
    const auto others =
        remove(oldest_ended_.query({static_cast<std::int64_t>(most) - all->commands}), bytes - all->bytes);
    if (others.has_error())
        return others;
    return amount{all->commands + others->commands, all->bytes + others->bytes};
}

// Of those found the first, until so many bytes are free.
result<commands_table::amount> commands_table::remove(sql::statement::rows found, std::int64_t bytes)
{
    std::vector<std::int64_t> some;
    amount all;
    while (all.bytes < bytes) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            break;
        some.push_back(found.number(0));
        all.bytes += found.number(1);
    }
    for (const auto n : some)
        if (const auto done = remove_.run({n}); done.has_error())
            return done.error();
    all.commands = std::ssize(some);
    return all;
}

result<std::optional<utc_time>> commands_table::oldest()
{
    auto found = oldest_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return *row ? std::optional(to_time(found.number(0))) : std::nullopt;
}

} // namespace relay::store
