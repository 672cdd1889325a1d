// What the cloud has not acknowledged, in order and without gaps. A result is kept once, in the table of commands; other
// messages carry their body. Part of queue_tables, inside whose transactions it works.
#pragma once

#include "agent/store/records.hpp"
#include "agent/store/sql/statement.hpp"

namespace relay::store {

class outbox_table {
public:
    explicit outbox_table(sql::connection& db);

    // ---- what a start asks ----
    struct ends {
        std::optional<sequence> first, last;
    };
    result<ends> find_ends();
    result<std::optional<sequence>> first_unsent(); // that is known to be

    // ---- in ----
    result<void> add_result(sequence seq, std::int64_t command, utc_time at);
    result<void> add(sequence seq, std::string_view body, std::string_view command_id,
                     std::optional<utc_time> expires_at, utc_time at);
    // An event that no newer one may replace where `about` is nothing.
    result<void> add_event(sequence seq, std::string_view body, std::optional<std::string_view> about,
                           utc_time at);
    // Under which seq an event about this lies that was never sent.
    result<std::optional<sequence>> find_replaceable(std::string_view about);
    result<void> replace(sequence seq, std::string_view body);
    // Of the bodies of the messages up to `seq`, from `first` on.
    result<std::int64_t> bytes(sequence first, sequence up_to);
    // From now on no event about something below `about` is replaced, but for `except`.
    result<void> settle(std::string_view about, std::string_view except);

    // ---- out ----
    result<std::vector<stored_message>> read(sequence after, std::size_t most, std::size_t most_bytes);
    // From now on none of these is replaced.
    result<void> settle_to_send(sequence after, sequence up_to);
    result<void> remove(sequence up_to);

    // ---- numbered anew ----
    result<void> shift_down(sequence by);
    // Adds what the cloud lost of the acknowledged results, as commands_table::count_acknowledged_after() counts them, from 1 on.
    result<void> owe_again(sequence held);

    // When the oldest message, or the command that it answers, came.
    result<std::optional<utc_time>> oldest();

private:
    sql::statement ends_, unsent_, append_result_, append_, append_event_;
    sql::statement replaceable_, replace_, settle_, read_, send_, delete_acknowledged_;
    sql::statement bytes_;
    sql::statement lift_, lower_, owe_again_, oldest_;
};

} // namespace relay::store
