// The watches as tables, a part of queue_tables: plain, synchronous, on the thread that owns the connection.
#pragma once

#include "agent/store/sql/statement.hpp"
#include "agent/store/watch.hpp"

namespace relay::store {

class watch_tables {
public:
    explicit watch_tables(sql::connection& db);

    // ---- as in queue_store ----
    result<watch_put> put(const new_watch& w);
    result<watch_removal> remove(std::string_view watch_id);
    result<std::vector<known_watch>> all();
    result<std::vector<watched_mailbox>> read(const watched_query& q);
    result<std::vector<std::string>> mailboxes(std::string_view after, std::size_t most);

    // Keeps what the mailbox at `place` is told from now on; gives the name under which a newer event replaces one that
    // was never sent, nothing where nobody watches it any more.
    result<std::optional<std::string>> note(std::int64_t place, std::string_view published);
    // As if nobody had looked at any of them.
    result<void> forget_told() { return forget_told_.run({}); }

private:
    result<void> take_in(sql::statement::rows found, std::vector<watched_mailbox>& all) const;

    sql::connection& db_;
    sql::statement find_, count_, remove_, insert_, add_;
    sql::statement all_, of_pace_, unseen_, of_mailbox_, mailboxes_;
    sql::statement note_, name_, forget_told_;
};

} // namespace relay::store
