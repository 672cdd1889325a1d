#include "agent/store/tables/store_counters.hpp"

namespace relay::store {

identity counts::to_identity() const
{
    // No gaps, and acknowledged without gaps: the numbers say how many rows there are.
    return {id, next_seq, next_seq - 1 - acked, sent};
}

store_counters::store_counters(sql::connection& db)
    : load_(db, "SELECT id, next_seq, acked, sent, history_bytes, message_bytes FROM store"),
      save_(db, "INSERT INTO store(one, id, next_seq, acked, sent, history_bytes, message_bytes)"
                " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(one) DO UPDATE SET id = ?1, next_seq = ?2,"
                " acked = ?3, sent = ?4, history_bytes = ?5, message_bytes = ?6"),
      // Counted up, as SQLite does not write what is as it was.
      bury_(db, "UPDATE store SET buried = buried + 1")
{
}

result<void> store_counters::load()
{
    auto found = load_.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    if (*row) {
        now_.id = found.text(0);
        now_.next_seq = found.number(1);
        now_.acked = found.number(2);
        now_.sent = saved_sent_ = found.number(3);
        now_.history_bytes = found.number(4);
        now_.message_bytes = found.number(5);
    }
    return {};
}

void store_counters::committed() noexcept
{
    committed_ = now_;
    saved_sent_ = now_.sent;
}

result<void> store_counters::save_if_moved()
{
    const bool moved = now_.id != committed_.id || now_.next_seq != committed_.next_seq ||
                       now_.acked != committed_.acked || now_.sent != saved_sent_ ||
                       now_.history_bytes != committed_.history_bytes ||
                       now_.message_bytes != committed_.message_bytes;
    return moved ? save() : result<void>();
}

result<void> store_counters::save()
{
    return save_.run({std::string_view(now_.id), now_.next_seq, now_.acked, now_.sent, now_.history_bytes,
                      now_.message_bytes});
}

} // namespace relay::store
