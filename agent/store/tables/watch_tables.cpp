#include "agent/store/tables/watch_tables.hpp"

namespace relay::store {
namespace {

std::int64_t days_of(const watch_pace& p)
{
    return p.horizon.count();
}

std::int64_t seconds_of(const watch_pace& p)
{
    return p.interval.count();
}

watch_pace pace_of(std::int64_t days, std::int64_t seconds)
{
    return {std::chrono::days(days), std::chrono::seconds(seconds)};
}

} // namespace

watch_tables::watch_tables(sql::connection& db)
    : db_(db),
      find_(db, "SELECT command_id, (SELECT count(*) FROM watched d WHERE d.watch = w.n) FROM watches w"
                " WHERE watch_id = ?1"),
      count_(db, "SELECT count(*) FROM watched"),
      remove_(db, "DELETE FROM watches WHERE watch_id = ?1"), // its mailboxes go with it
      insert_(db,
              "INSERT INTO watches(watch_id, command_id, horizon_days, interval_s) VALUES (?1, ?2, ?3, ?4)"),
      add_(db, "INSERT INTO watched(watch, key, mailbox) SELECT n, ?2, ?3 FROM watches WHERE watch_id = ?1"),
      all_(db, "SELECT w.watch_id, w.command_id, w.horizon_days, w.interval_s,"
               " (SELECT count(*) FROM watched d WHERE d.watch = w.n) FROM watches w ORDER BY w.n"),
      // `published` is the last column of its table: where a row is passed over, nothing of it is read.
      of_pace_(db, "SELECT d.n, w.watch_id, w.horizon_days, w.interval_s, d.mailbox, d.told"
                   " FROM watched d CROSS JOIN watches w ON w.n = d.watch"
                   " WHERE d.n > ?1 AND w.horizon_days = ?3 AND w.interval_s = ?4 ORDER BY d.n LIMIT ?2"),
      unseen_(db, "SELECT d.n, w.watch_id, w.horizon_days, w.interval_s, d.mailbox, d.told"
                  " FROM watched d INDEXED BY watched_unseen CROSS JOIN watches w ON w.n = d.watch"
                  " WHERE d.n > ?1 AND d.told IS NULL ORDER BY d.n LIMIT ?2"),
      of_mailbox_(db, "SELECT d.n, w.watch_id, w.horizon_days, w.interval_s, d.mailbox, d.told"
                      " FROM watched d CROSS JOIN watches w ON w.n = d.watch"
                      " WHERE d.n > ?1 AND d.key = ?3 ORDER BY d.n LIMIT ?2"),
      mailboxes_(db, "SELECT DISTINCT key FROM watched WHERE key > ?1 ORDER BY key LIMIT ?2"),
      note_(db, "UPDATE watched SET told = ?2 WHERE n = ?1"),
      name_(db, "SELECT w.watch_id || '/' || d.key FROM watched d CROSS JOIN watches w ON w.n = d.watch"
                " WHERE d.n = ?1"),
      forget_told_(db, "UPDATE watched SET told = NULL WHERE told IS NOT NULL")
{
}

result<watch_put> watch_tables::put(const new_watch& w)
{
    std::int64_t goes = 0;
    {
        auto found = find_.query({std::string_view(w.watch_id)});
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (*row && found.text(0) == w.command_id)
            return watch_put::known;
        if (*row)
            goes = found.number(1);
    }
    {
        auto counted = count_.query({});
        const auto row = counted.next();
        if (row.has_error())
            return row.error();
        if (counted.number(0) - goes + static_cast<std::int64_t>(w.mailboxes.size()) > most_watched)
            return watch_put::full;
    }
    // Made anew, not changed: every mailbox gets a new place, so that a look under way at the old ones is dropped.
    if (const auto done = remove_.run({std::string_view(w.watch_id)}); done.has_error())
        return done.error();
    const auto made = insert_.run(
        {std::string_view(w.watch_id), std::string_view(w.command_id), days_of(w.pace), seconds_of(w.pace)});
    if (made.has_error())
        return made.error();
    for (const auto& m : w.mailboxes) {
        const auto added =
            add_.run({std::string_view(w.watch_id), std::string_view(m.key()), std::string_view(m.str())});
        if (added.has_error())
            return added.error();
    }
    return watch_put::stored;
}

result<watch_removal> watch_tables::remove(std::string_view watch_id)
{
    if (const auto done = remove_.run({watch_id}); done.has_error())
        return done.error();
    return db_.changes() > 0 ? watch_removal::removed : watch_removal::unknown;
}

result<std::vector<known_watch>> watch_tables::all()
{
    std::vector<known_watch> list;
    auto found = all_.query({});
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return list;
        list.push_back(
            {found.text(0), found.text(1), pace_of(found.number(2), found.number(3)), found.number(4)});
    }
}

result<void> watch_tables::take_in(sql::statement::rows found, std::vector<watched_mailbox>& all) const
{
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return {};
        watched_mailbox m{
            found.number(0), found.text(1), pace_of(found.number(2), found.number(3)), found.text(4), {}};
        if (!found.null(5))
            m.published = found.text(5);
        all.push_back(std::move(m));
    }
}

result<std::vector<watched_mailbox>> watch_tables::read(const watched_query& q)
{
    std::vector<watched_mailbox> all;
    const auto most = static_cast<std::int64_t>(q.most);
    result<void> done;
    switch (q.what) {
    case watched_query::which::of_pace:
        done = take_in(of_pace_.query({q.after, most, days_of(q.pace), seconds_of(q.pace)}), all);
        break;
    case watched_query::which::unseen:
        done = take_in(unseen_.query({q.after, most}), all);
        break;
    case watched_query::which::of_mailboxes:
        for (const auto& key : q.keys) {
            done = take_in(of_mailbox_.query({q.after, most, std::string_view(key)}), all);
            if (done.has_error())
                break;
        }
        break;
    }
    if (done.has_error())
        return done.error();
    return all;
}

result<std::vector<std::string>> watch_tables::mailboxes(std::string_view after, std::size_t most)
{
    return sql::all_texts(mailboxes_.query({after, static_cast<std::int64_t>(most)}));
}

result<std::optional<std::string>> watch_tables::note(std::int64_t place, std::string_view published)
{
    if (const auto done = note_.run({place, sql::blob{published}}); done.has_error())
        return done.error();
    if (db_.changes() == 0)
        return std::optional<std::string>();
    auto found = name_.query({place});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return std::optional(found.text(0));
}

} // namespace relay::store
