#include "agent/store/tables/outbox_table.hpp"

#include "agent/store/tables/numbers.hpp"

namespace relay::store {
namespace {

std::int64_t size_of(std::string_view body)
{
    return static_cast<std::int64_t>(body.size());
}

} // namespace

outbox_table::outbox_table(sql::connection& db)
    : // One by one: asked for both at once SQLite walks through the whole table.
      ends_(db, "SELECT (SELECT min(seq) FROM outbox), (SELECT max(seq) FROM outbox)"),
      unsent_(db, "SELECT min(seq) FROM outbox WHERE about IS NOT NULL"),
      append_result_(db, "INSERT INTO outbox(seq, command, command_id, stored_at) VALUES (?1, ?2, '', ?3)"),
      append_(db, "INSERT INTO outbox(seq, body, command_id, expires_at, stored_at, bytes)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      append_event_(db, "INSERT INTO outbox(seq, body, command_id, stored_at, about, bytes)"
                        " VALUES (?1, ?2, '', ?3, ?4, ?5)"),
      replaceable_(db, "SELECT seq FROM outbox WHERE about = ?1"),
      replace_(db, "UPDATE outbox SET body = ?2, bytes = ?3 WHERE seq = ?1"),
      // '0' is the character after '/': all names that begin with ?1 and a slash, by the index.
      settle_(db,
              "UPDATE outbox SET about = NULL WHERE about > ?1 || '/' AND about < ?1 || '0' AND about <> ?2"),
      read_(
          db,
          "SELECT o.seq, coalesce(c.result, o.body), coalesce(c.id, o.command_id), o.expires_at,"
          " o.about IS NOT NULL"
          " FROM outbox o LEFT JOIN commands c ON c.n = o.command WHERE o.seq > ?1 ORDER BY o.seq LIMIT ?2"),
      send_(db, "UPDATE outbox SET about = NULL WHERE about IS NOT NULL AND seq > ?1 AND seq <= ?2"),
      delete_acknowledged_(db, "DELETE FROM outbox WHERE seq <= ?1"),
      bytes_(db, "SELECT coalesce(sum(bytes), 0) FROM outbox WHERE seq >= ?1 AND seq <= ?2"),
      // By way of negative numbers, so that no row meets another's old number on the way.
      lift_(db, "UPDATE outbox SET seq = ?1 - seq"),
      lower_(db, "UPDATE outbox SET seq = -seq"),
      owe_again_(db,
                 "INSERT INTO outbox(seq, command, command_id, stored_at)"
                 " SELECT row_number() OVER (ORDER BY seq, finished_at, n), n, '', finished_at FROM commands"
                 " WHERE acknowledged = 1 AND (seq > ?1 OR ?1 = 0)"),
      oldest_(db, "SELECT coalesce(c.received_at, o.stored_at) FROM outbox o"
                  " LEFT JOIN commands c ON c.n = o.command ORDER BY o.seq LIMIT 1")
{
}

result<outbox_table::ends> outbox_table::find_ends()
{
    auto found = ends_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return ends{found.number_or_null(0), found.number_or_null(1)};
}

result<std::optional<sequence>> outbox_table::first_unsent()
{
    auto found = unsent_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return found.number_or_null(0);
}

result<void> outbox_table::add_result(sequence seq, std::int64_t command, utc_time at)
{
    return append_result_.run({seq, command, to_number(at)});
}

result<void> outbox_table::add(sequence seq, std::string_view body, std::string_view command_id,
                               std::optional<utc_time> expires_at, utc_time at)
{
    const auto expires = expires_at ? sql::value(to_number(*expires_at)) : sql::value(nullptr);
    return append_.run({seq, body, command_id, expires, to_number(at), size_of(body)});
}

result<void> outbox_table::add_event(sequence seq, std::string_view body,
                                     std::optional<std::string_view> about, utc_time at)
{
    const auto name = about ? sql::value(*about) : sql::value(nullptr);
    return append_event_.run({seq, body, to_number(at), name, size_of(body)});
}

result<std::optional<sequence>> outbox_table::find_replaceable(std::string_view about)
{
    auto found = replaceable_.query({about});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return *row ? std::optional<sequence>(found.number(0)) : std::nullopt;
}

result<void> outbox_table::replace(sequence seq, std::string_view body)
{
    return replace_.run({seq, body, size_of(body)});
}

result<std::int64_t> outbox_table::bytes(sequence first, sequence up_to)
{
    auto found = bytes_.query({first, up_to});
    const auto row = found.next();
    if (row.has_error())
        return {boost::system::in_place_error, row.error()};
    return found.number(0);
}

result<void> outbox_table::settle(std::string_view about, std::string_view except)
{
    return settle_.run({about, except});
}

result<std::vector<stored_message>> outbox_table::read(sequence after, std::size_t most,
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

result<void> outbox_table::settle_to_send(sequence after, sequence up_to)
{
    return send_.run({after, up_to});
}

result<void> outbox_table::remove(sequence up_to)
{
    return delete_acknowledged_.run({up_to});
}

result<void> outbox_table::shift_down(sequence by)
{
    if (auto done = lift_.run({by}); done.has_error())
        return done;
    return lower_.run({});
}

result<void> outbox_table::owe_again(sequence held)
{
    return owe_again_.run({held});
}

result<std::optional<utc_time>> outbox_table::oldest()
{
    auto found = oldest_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return *row ? std::optional(to_time(found.number(0))) : std::nullopt;
}

} // namespace relay::store
