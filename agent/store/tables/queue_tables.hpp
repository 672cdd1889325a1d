// The queue as tables: plain, synchronous, free of Asio. Decides admission, numbering and acknowledgement;
// runs on the thread that owns the connection, inside the transactions of commit_thread.
#pragma once

#include "agent/store/queue_store.hpp"
#include "agent/store/sqlite/statement.hpp"
#include "agent/store/tables/audit_tables.hpp"
#include "agent/store/tables/own_event_tables.hpp"
#include "agent/store/tables/watch_tables.hpp"

#include <functional>
#include <limits>

namespace relay::store {

class queue_tables {
public:
    // `db` has the schema already. `new_store_id` makes UUIDs.
    queue_tables(sqlite::database& db, std::int64_t max_commands, std::function<utc_time()> utc_now,
                 std::function<std::string()> new_store_id);

    // Reads where the store stands; makes its identity where there is none. Once, before anything else.
    // errc::store_corrupt where the tables contradict each other.
    result<void> load();

    // ---- the frame of a commit; what fails inside is undone with the numbers that are kept in memory ----
    result<void> begin_commit();
    result<void> begin_job(); // a SAVEPOINT
    result<void> keep_job();
    result<void> undo_job();
    result<void>
    commit(); // durable where it succeeds; where it fails everything since begin_commit() is undone
    void roll_back() noexcept;
    // After a commit that failed: a commit may have reached the log whole and only its sync have failed, and after a crash
    // it would be found there although it was reported as failed. Writes an empty one in its place.
    void bury_failed_commit();

    // ---- as in queue_store ----
    result<identity> who();
    result<std::vector<unfinished_command>> unfinished();
    result<admission> admit(const new_command& c);
    result<std::optional<admission>> look_up(std::string_view id, std::string_view fingerprint);
    result<void> begin(std::string_view id, utc_time at);
    result<void> retract(std::string_view id, std::string_view fault_code);
    result<sequence> finish(std::string_view id, std::string_view body, const write_end& end);
    result<sequence> append(std::string_view body, std::string_view command_id,
                            std::optional<utc_time> expires_at);
    result<std::vector<stored_message>> read(sequence after, std::size_t most, std::size_t most_bytes);
    result<std::vector<stored_message>> read_to_send(sequence after, std::size_t most,
                                                     std::size_t most_bytes);
    result<std::vector<stored_sighting>> tell(const std::vector<sighting>& seen, bool at_once);
    watch_tables& watches() noexcept { return watches_; }
    result<std::vector<stored_sighting>> tell_changes(const std::vector<event_sighting>& seen, bool at_once);
    own_event_tables& own_events() noexcept { return own_events_; }
    // Acknowledges at most `most` messages of those up to `seq`; returns how far it came.
    result<sequence> acknowledge(sequence seq, std::int64_t most);
    result<identity> renew();
    result<owed_again> owe_again(sequence held);
    result<std::size_t> prune(utc_time before, utc_time latest, std::size_t most);
    result<void> record(const std::vector<audit_entry>& entries);
    result<std::size_t> forget_audit(utc_time before, std::int64_t most_kept, std::size_t most);
    result<audit_status> audit();
    // Without bytes: the store knows its files.
    result<queue_status> status();

private:
    static constexpr sequence any_message = std::numeric_limits<sequence>::max();

    // What is kept in memory beside the tables, so that no call has to count.
    struct standing {
        std::string id;
        sequence next_seq = 1;
        sequence acked = 0;
        std::int64_t unfinished = 0;
        std::int64_t owed = 0; // commands unfinished, or finished and not acknowledged
        sequence sent = any_message;
        utc_time last_end{}; // of the command that finished last
    };

    identity current() const;
    result<void> check_outbox();
    result<void> load_sent();
    result<void> load_last_end();
    result<void> save();
    result<void> number_anew(std::int64_t behind);
    result<void> find_lost(sequence held, owed_again& found);
    result<stored_sighting> store_event(const std::string& about, std::string_view body, bool at_once);

    sqlite::database& db_;
    const std::int64_t max_commands_;
    const std::function<utc_time()> utc_now_;
    const std::function<std::string()> new_store_id_;

    audit_tables audit_;
    watch_tables watches_;
    own_event_tables own_events_;
    standing now_;       // as the jobs of this commit left it
    standing committed_; // as it is on disk
    standing before_job_;
    sequence saved_sent_ =
        any_message; // `sent` on disk: what load() makes of it is saved with the next commit

    sqlite::statement begin_commit_, begin_job_, keep_job_, undo_job_, commit_, roll_back_;
    sqlite::statement load_, count_, ends_, unsent_, last_end_, save_, bury_;
    sqlite::statement unfinished_, find_, is_event_known_, insert_, begin_, retract_;
    sqlite::statement progress_, finish_, append_result_, append_, read_;
    sqlite::statement replaceable_, replace_, append_event_, settle_, send_;
    sqlite::statement mark_acknowledged_, delete_acknowledged_;
    sqlite::statement renumber_results_, lift_outbox_, lower_outbox_, forget_numbers_;
    sqlite::statement still_known_, still_there_, owe_again_, unacknowledge_;
    sqlite::statement prune_, not_later_;
    sqlite::statement oldest_command_, oldest_message_;
};

} // namespace relay::store
