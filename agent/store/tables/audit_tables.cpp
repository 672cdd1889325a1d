#include "agent/store/tables/audit_tables.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace relay::store {
namespace {

// What a row takes beside its texts: numbers, the hash, its place in the index, room that pages leave free.
constexpr std::int64_t row_bytes = 120;

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

audit_tables::audit_tables(sql::connection& db, std::optional<std::int64_t> most_bytes)
    : db_(db),
      most_bytes_(most_bytes),
      load_(db, "SELECT last, last_hash, forgotten, forgotten_hash, bytes FROM audit_head"),
      save_(db, "INSERT INTO audit_head(one, last, last_hash, forgotten, forgotten_hash, bytes) VALUES (1, "
                "?1, ?2, ?3, ?4, ?5) ON CONFLICT(one) DO UPDATE SET last = ?1, last_hash = ?2, forgotten = "
                "?3, forgotten_hash = ?4, bytes = ?5"),
      highest_(db, "SELECT max(n) FROM audit"),
      last_(db, "SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1"),
      insert_(db, "INSERT INTO audit(n, at, id, session, op, mailbox, event_id, outcome, attempts, took_ms, "
                  "commands, mailboxes, addresses, hash)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"),
      old_(db, "SELECT n, at, hash, id, session, op, mailbox, event_id, outcome, addresses"
               " FROM audit ORDER BY n LIMIT ?1"),
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
            now_ = {{found.number(0), found.number(2), to_audit_hash(found.text(1)),
                     to_audit_hash(found.text(3))},
                    found.number(4)};
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
    const auto texts = e.id.size() + e.session.size() + e.op.size() + e.mailbox.size() + e.event_id.size() +
                       e.outcome.size() + addresses.size();
    now_.bytes += row_bytes + static_cast<std::int64_t>(texts);
    if (!most_bytes_ || now_.bytes <= *most_bytes_)
        return {};
    // More goes than came: a smaller budget than before is reached in time, too. The new one stays in any case.
    auto over = now_.bytes - *most_bytes_;
    const auto goes = [&](std::int64_t oldest, utc_time, std::int64_t bytes) {
        return oldest != n && std::exchange(over, over - bytes) > 0;
    };
    constexpr std::size_t most_for_one = 4;
    if (const auto gone = forget(goes, most_for_one); gone.has_error())
        return gone.error();
    return {};
}

// Clocks are set back and forth, entries keep their order. One that says it is younger than the time given stays, and
// all behind it: an entry from the days when the clock was wrong must not take along what came before it.
result<std::size_t> audit_tables::forget(utc_time before, std::int64_t most_kept, std::size_t most)
{
    const auto goes = [&](std::int64_t n, utc_time at, std::int64_t) {
        return at < before || now_.last - n >= most_kept;
    };
    return forget(goes, most);
}

// From the oldest on, as long as `goes` says so: what is kept is always one piece of the chain.
result<std::size_t>
audit_tables::forget(const std::function<bool(std::int64_t n, utc_time at, std::int64_t bytes)>& goes,
                     std::size_t most)
{
    auto after = now_;
    std::size_t count = 0;
    {
        auto found = old_.query({static_cast<std::int64_t>(most)});
        for (;;) {
            const auto row = found.next();
            if (row.has_error())
                return row.error();
            if (!*row)
                break;
            auto bytes = row_bytes;
            constexpr int first_text = 3, last_text = 9;
            for (int i = first_text; i <= last_text; ++i)
                bytes += static_cast<std::int64_t>(found.bytes(i));
            if (!goes(found.number(0), utc_time(milliseconds(found.number(1))), bytes))
                break;
            after.forgotten = found.number(0);
            after.forgotten_hash = to_audit_hash(found.text(2));
            after.bytes = std::max<std::int64_t>(0, after.bytes - bytes);
            ++count;
        }
    }
    if (count == 0)
        return count;
    if (const auto done = delete_.run({after.forgotten}); done.has_error())
        return done.error();
    now_ = after;
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
                      sql::blob{bytes_of(now_.forgotten_hash)}, now_.bytes});
}

} // namespace relay::store
