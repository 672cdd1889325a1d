#include "agent/store/tables/audit_tables.hpp"

#include <algorithm>
#include <limits>

namespace relay::store {
namespace {

constexpr auto last_possible = std::numeric_limits<std::int64_t>::max();

std::string joined(const std::vector<std::string>& addresses)
{
    std::string all;
    for (const auto& one : addresses)
        all.append(all.empty() ? "" : "\n").append(one);
    return all;
}

sql::value number_or_null(const std::optional<std::int64_t>& n)
{
    return n ? sql::value(*n) : sql::value(nullptr);
}

} // namespace

audit_tables::audit_tables(sql::connection& db)
    : db_(db),
      load_(db, "SELECT last, last_hash, forgotten, forgotten_hash FROM audit_head"),
      save_(db, "INSERT INTO audit_head(one, last, last_hash, forgotten, forgotten_hash) VALUES (1, ?1, ?2, "
                "?3, ?4) ON CONFLICT(one) DO UPDATE SET last = ?1, last_hash = ?2, forgotten = ?3, "
                "forgotten_hash = ?4"),
      highest_(db, "SELECT max(n) FROM audit"),
      last_(db, "SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1"),
      insert_(db, "INSERT INTO audit(n, at, id, session, op, mailbox, event_id, outcome, attempts, took_ms, "
                  "commands, mailboxes, addresses, hash)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"),
      old_(db, "SELECT n, at, hash FROM audit ORDER BY n LIMIT ?1"),
      delete_(db, "DELETE FROM audit WHERE n <= ?1"),
      oldest_(db, "SELECT at FROM audit ORDER BY n LIMIT 1")
{
}

result<void> audit_tables::load()
{
    {
        auto found = load_.query({});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (*row)
            now_ = {found.number(0), found.number(2), to_audit_hash(found.text(1)),
                    to_audit_hash(found.text(3))};
    }
    {
        auto found = highest_.query({});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        // Rows past the head are not ours. They stay as they are, for the check to find; our next one comes after them.
        now_.last = std::max(now_.last, found.number(0));
    }
    if (now_.last < now_.forgotten || now_.forgotten < 0 || now_.last >= last_possible)
        return db_.found_damaged("the numbers of the audit contradict each other");
    committed_ = now_;
    return {};
}

result<void> audit_tables::append(const audit_entry& e)
{
    const auto n = now_.last + 1;
    const auto hash = audit_hash_of(now_.last_hash, audit_text(n, e));
    const auto addresses = joined(e.addresses);
    const auto done = insert_.run(
        {n, static_cast<std::int64_t>(e.at.time_since_epoch().count()), std::string_view(e.id),
         std::string_view(e.session), std::string_view(e.op), std::string_view(e.mailbox),
         std::string_view(e.event_id), std::string_view(e.outcome), std::int64_t{e.attempts},
         static_cast<std::int64_t>(e.took.count()), number_or_null(e.commands), number_or_null(e.mailboxes),
         e.addresses.empty() ? sql::value(nullptr) : sql::value(std::string_view(addresses)),
         sql::blob{bytes_of(hash)}});
    if (done.has_error())
        return done;
    now_.last = n;
    now_.last_hash = hash;
    return {};
}

// Clocks are set back and forth, entries keep their order. One that says it is younger than the time given stays, and
// all behind it: an entry from the days when the clock was wrong must not take along what came before it.
result<std::size_t> audit_tables::forget(utc_time before, std::int64_t most_kept, std::size_t most)
{
    std::int64_t up_to = now_.forgotten;
    auto hash = now_.forgotten_hash;
    std::size_t count = 0;
    {
        auto found = old_.query({static_cast<std::int64_t>(most)});
        for (;;) {
            const auto row = found.next();
            if (row.has_error())
                return row.error();
            if (!*row)
                break;
            const bool old = found.number(1) < before.time_since_epoch().count();
            if (!old && now_.last - found.number(0) < most_kept)
                break;
            up_to = found.number(0);
            hash = to_audit_hash(found.text(2));
            ++count;
        }
    }
    if (count == 0)
        return count;
    if (const auto done = delete_.run({up_to}); done.has_error())
        return done.error();
    now_.forgotten = up_to;
    now_.forgotten_hash = hash;
    return count;
}

result<std::optional<utc_time>> audit_tables::oldest()
{
    auto found = oldest_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return *row ? std::optional(utc_time(milliseconds(found.number(0)))) : std::optional<utc_time>();
}

result<bool> audit_tables::head_fits()
{
    auto found = last_.query({});
    const auto row = found.next();
    if (row.has_error())
        return {boost::system::in_place_error, row.error()};
    if (!*row)
        return now_.last == now_.forgotten && now_.last_hash == now_.forgotten_hash;
    return found.number(0) == now_.last && found.text(1) == bytes_of(now_.last_hash);
}

result<void> audit_tables::save()
{
    if (now_ == committed_)
        return {};
    return save_.run({now_.last, sql::blob{bytes_of(now_.last_hash)}, now_.forgotten,
                      sql::blob{bytes_of(now_.forgotten_hash)}});
}

} // namespace relay::store
