// The accepted writes: from their admission until they are forgotten, long after the cloud has their result. Part of
// queue_tables, inside whose transactions it works.
#pragma once

#include "agent/store/records.hpp"
#include "agent/store/sql/statement.hpp"

namespace relay::store {

class commands_table {
public:
    explicit commands_table(sql::connection& db);

    // ---- what a start asks ----
    struct sums {
        std::int64_t owed = 0; // unfinished, or finished and not acknowledged
        std::int64_t unfinished = 0;
    };
    result<sums> count();
    result<utc_time> last_end(); // when the command that finished last did; 1970 where there is none
    result<std::vector<unfinished_command>> unfinished();

    // ---- the life of one ----
    result<std::optional<admission>> look_up(std::string_view id, std::string_view fingerprint);
    result<bool> knows_event(std::string_view event_id);
    result<void> add(const new_command& c);
    result<void> begin(std::string_view id, utc_time at);                   // errc::not_found
    result<void> retract(std::string_view id, std::string_view fault_code); // likewise

    struct progress {
        std::int64_t n = 0;          // its place in the table
        std::optional<sequence> seq; // of its result, where it is finished
        std::string session, op, mailbox, event_id;
    };
    result<std::optional<progress>> find(std::string_view id);
    result<void> finish(std::int64_t n, utc_time at, sequence seq, std::string_view body);

    // ---- acknowledgements and renumbering, by what the outbox holds ----
    struct amount {
        std::int64_t commands = 0, bytes = 0;
    };
    result<amount> acknowledge(sequence up_to);
    result<void> renumber_results(sequence shift);
    result<void> forget_acknowledged_numbers();
    // Which of the messages after `held` and up to `acked` are gone.
    result<void> find_lost(sequence held, sequence acked, owed_again& found);
    // How many acknowledged results the cloud has lost that holds this store's messages up to `held`.
    result<std::int64_t> count_acknowledged_after(sequence held);
    result<std::int64_t> unacknowledge_what_is_owed(); // their bytes

    // ---- forgetting ----
    result<void> end_no_later_than(utc_time latest);
    // At most `most` of those that ended before `before`.
    result<amount> prune(utc_time before, std::size_t most);
    // The oldest of the history, first those that changed nothing in Exchange: until `bytes` are free, at most `most`.
    result<amount> trim(std::int64_t bytes, std::size_t most);

    // When the oldest unfinished one came.
    result<std::optional<utc_time>> oldest();

private:
    result<amount> remove(sql::statement::rows found, std::int64_t bytes);

    sql::connection& db_;
    sql::statement count_, last_end_, unfinished_, find_, is_event_known_, insert_, begin_, retract_;
    sql::statement progress_, finish_, mark_acknowledged_, renumber_results_, forget_numbers_;
    sql::statement still_known_, still_there_, unacknowledge_, old_, not_later_, oldest_;
    sql::statement to_acknowledge_, to_unacknowledge_, oldest_repeatable_, oldest_ended_, remove_;
};

} // namespace relay::store
