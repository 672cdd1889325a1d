#include "agent/store/tables/tracked_event_tables.hpp"

#include "agent/store/tables/numbers.hpp"

namespace relay::store {
namespace {

sql::value or_null(const std::optional<utc_time>& t)
{
    return t ? sql::value(to_number(*t)) : sql::value(nullptr);
}

} // namespace

// A observation counts only where no command about its event is open, and none has ended since what it is compared with was
// read (`version`): else what was seen may be our own doing.
tracked_event_tables::tracked_event_tables(sql::connection& db)
    : db_(db),
      // Another item than the one known is a new meeting: what was known of the old one says nothing about it.
      make_(db, "INSERT INTO own_events(event_id, key, mailbox, item_id, start_at, end_at, sure, written_at, "
                "command_id)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(event_id, key) DO UPDATE SET"
                " start_at = CASE WHEN item_id = ?4 THEN start_at ELSE ?5 END,"
                " end_at = CASE WHEN item_id = ?4 THEN end_at ELSE ?6 END,"
                " sure = CASE WHEN item_id = ?4 THEN sure ELSE ?7 END,"
                " answers = CASE WHEN item_id = ?4 THEN answers ELSE '' END,"
                " elsewhere = CASE WHEN item_id = ?4 THEN elsewhere ELSE 0 END,"
                " series = CASE WHEN item_id = ?4 THEN series ELSE 0 END,"
                " item_id = ?4, version = version + 1, written_at = ?8, command_id = ?9"),
      change_(db, "INSERT INTO own_events(event_id, key, mailbox, item_id, start_at, end_at, sure, "
                  "written_at, command_id)"
                  " VALUES (?1, ?2, ?3, ?4, coalesce(?5, 0), coalesce(?6, 0), ?5 IS NOT NULL AND ?6 IS NOT "
                  "NULL, ?7, ?8)"
                  " ON CONFLICT(event_id, key) DO UPDATE SET item_id = ?4,"
                  " start_at = coalesce(?5, start_at), end_at = coalesce(?6, end_at), version = version + 1,"
                  " written_at = ?7, command_id = ?8"),
      remove_(db, "DELETE FROM own_events WHERE event_id = ?1 AND key = ?2"),
      doubt_(db, "UPDATE own_events SET sure = 0, version = version + 1 WHERE event_id = ?1 AND key = ?2"),
      doubt_all_(db, "UPDATE own_events SET sure = 0, version = version + 1"),
      of_mailbox_(db, "SELECT n, version, event_id, key, mailbox, item_id, start_at, end_at, sure, answers, "
                      "written_at, command_id,"
                      " elsewhere, series FROM own_events WHERE key = ?1 AND n > ?2 ORDER BY n LIMIT ?3"),
      mailboxes_(db, "SELECT DISTINCT key FROM own_events WHERE key > ?1 ORDER BY key LIMIT ?2"),
      see_(db, "UPDATE own_events SET item_id = ?3, start_at = ?4, end_at = ?5, sure = 1, answers = ?6,"
               " command_id = ?7, elsewhere = ?8, series = ?9"
               " WHERE n = ?1 AND version = ?2 AND NOT EXISTS (SELECT 1 FROM commands c"
               " WHERE c.event_id = own_events.event_id AND c.finished_at IS NULL)"),
      drop_(db,
            "DELETE FROM own_events WHERE n = ?1 AND version = ?2 AND NOT EXISTS (SELECT 1 FROM commands c"
            " WHERE c.event_id = own_events.event_id AND c.finished_at IS NULL)"),
      prune_(db, "DELETE FROM own_events WHERE max(end_at, written_at) < ?1")
{
}

result<void> tracked_event_tables::note(std::string_view event_id, const event_write& w, utc_time at)
{
    const std::string_view key = w.key, mailbox = w.mailbox, item_id = w.item_id;
    switch (w.what) {
    case event_write::effect::made:
        return make_.run({event_id, key, mailbox, item_id, to_number(w.start.value_or(utc_time{})),
                          to_number(w.end.value_or(utc_time{})),
                          std::int64_t{w.start && w.end && !w.may_be_overtaken}, to_number(at),
                          std::string_view(w.command_id)});
    case event_write::effect::changed:
        return change_.run({event_id, key, mailbox, item_id, or_null(w.start), or_null(w.end), to_number(at),
                            std::string_view(w.command_id)});
    case event_write::effect::removed:
        return remove_.run({event_id, key});
    case event_write::effect::doubtful:
        return doubt_.run({event_id, key});
    }
    return {};
}

result<std::vector<tracked_event>> tracked_event_tables::of_mailbox(std::string_view key, std::int64_t after,
                                                                    std::size_t most)
{
    std::vector<tracked_event> all;
    auto found = of_mailbox_.query({key, after, static_cast<std::int64_t>(most)});
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return all;
        all.push_back({found.number(0), found.number(1), found.text(2), found.text(3), found.text(4),
                       found.text(5), to_time(found.number(6)), to_time(found.number(7)),
                       found.number(8) != 0, found.text(9), to_time(found.number(10)), found.text(11),
                       found.number(12) != 0, found.number(13) != 0});
    }
}

result<std::vector<std::string>> tracked_event_tables::mailboxes(std::string_view after, std::size_t most)
{
    return sql::all_texts(mailboxes_.query({after, static_cast<std::int64_t>(most)}));
}

result<bool> tracked_event_tables::take(const event_observation& seen)
{
    const auto done = seen.gone ? drop_.run({seen.place, seen.version})
                                : see_.run({seen.place, seen.version, std::string_view(seen.item_id),
                                            to_number(seen.start), to_number(seen.end),
                                            std::string_view(seen.answers), std::string_view(seen.command_id),
                                            std::int64_t{seen.elsewhere}, std::int64_t{seen.series}});
    if (done.has_error())
        return {boost::system::in_place_error, done.error()};
    return db_.changes() > 0;
}

result<void> tracked_event_tables::prune(utc_time before)
{
    return prune_.run({to_number(before)});
}

} // namespace relay::store
