#include "agent/store/tables/queue_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace relay::store {

queue_tables::queue_tables(sql::connection& db, std::int64_t max_commands, std::function<utc_time()> utc_now,
                           std::function<std::string()> new_store_id, byte_budgets budgets)
    : db_(db),
      max_commands_(max_commands),
      budgets_(budgets),
      utc_now_(std::move(utc_now)),
      new_store_id_(std::move(new_store_id)),
      counters_(db),
      commands_(db),
      outbox_(db),
      watches_(db),
      tracked_events_(db),
      audit_(db, budgets.audit),
      begin_commit_(db, db.begin_to_write()),
      begin_job_(db, "SAVEPOINT job"),
      keep_job_(db, "RELEASE job"),
      undo_job_(db, "ROLLBACK TO job"),
      commit_(db, "COMMIT"),
      roll_back_(db, "ROLLBACK")
{
}

// ---- at the start ----

result<void> queue_tables::load()
{
    if (auto row = counters_.load(); row.has_error())
        return row;
    if (auto counted = load_counts(); counted.has_error())
        return counted;
    if (auto chain = audit_.load(); chain.has_error())
        return chain;
    if (now().id.empty()) {
        now().id = new_store_id_();
        if (auto done = counters_.save(); done.has_error())
            return done;
    }
    counters_.loaded();
    return {};
}

result<void> queue_tables::load_counts()
{
    const auto sums = commands_.count();
    if (sums.has_error())
        return sums.error();
    now().owed = sums->owed;
    now().unfinished = sums->unfinished;

    if (auto sound = check_outbox(); sound.has_error())
        return sound;

    // What earlier lives of this file can have sent: nothing that is not in it, and as messages go out in order nothing from
    // the first on that is known to be unsent. (A file that was copied while its agent went on says the same, and this is how
    // it is found out: the cloud has more.)
    const auto unsent = outbox_.first_unsent();
    if (unsent.has_error())
        return unsent.error();
    now().sent = std::min(now().sent, unsent->value_or(now().next_seq) - 1);

    const auto last_end = commands_.last_end();
    if (last_end.has_error())
        return last_end.error();
    now().last_end = *last_end;
    return {};
}

// What no check of the file's pages sees, as where a log of another file was taken for this one's: a seq would be given
// out twice, or one be missing.
result<void> queue_tables::check_outbox()
{
    const auto ends = outbox_.find_ends();
    if (ends.has_error())
        return ends.error();
    const auto first = ends->first.value_or(now().acked + 1);
    const auto last = ends->last.value_or(now().acked);
    if (now().acked < 0 || first != now().acked + 1 || last != now().next_seq - 1)
        return db_.found_damaged(fmt::format("it holds the messages {} to {}, where {} to {} should be",
                                             first, last, now().acked + 1, now().next_seq - 1));
    return {};
}

result<std::size_t> queue_tables::trim_history(std::size_t most)
{
    const auto over = budgets_.history ? now().history_bytes - *budgets_.history : 0;
    if (over <= 0)
        return std::size_t{0};
    const auto gone = commands_.trim(over, most);
    if (gone.has_error())
        return gone.error();
    // Where nothing is left, nothing takes any bytes, whatever was counted.
    now().history_bytes = gone->commands == 0 ? 0 : now().history_bytes - gone->bytes;
    return static_cast<std::size_t>(gone->commands);
}

// ---- the frame of a commit ----

result<void> queue_tables::begin_commit()
{
    roll_back(); // where that failed before
    if (db_.in_transaction())
        return errc::store_io;
    return begin_commit_.run({});
}

result<void> queue_tables::begin_job()
{
    assert(db_.in_transaction());
    counters_.begin_job();
    audit_.begin_job();
    return begin_job_.run({});
}

result<void> queue_tables::keep_job()
{
    return keep_job_.run({});
}

result<void> queue_tables::undo_job()
{
    counters_.undo_job();
    audit_.undo_job();
    if (!db_.in_transaction()) // SQLite gave up all of it, this job's savepoint included
        return errc::store_io;
    if (auto done = undo_job_.run({}); done.has_error())
        return done;
    return keep_job_.run({}); // going back to a savepoint leaves it standing
}

result<void> queue_tables::commit()
{
    const auto done = [&]() -> result<void> {
        if (auto saved = counters_.save_if_moved(); saved.has_error())
            return saved;
        if (auto saved = audit_.save(); saved.has_error())
            return saved;
        return commit_.run({});
    }();
    if (done.has_error()) {
        roll_back();
    } else {
        counters_.committed();
        audit_.committed();
    }
    return done;
}

void queue_tables::roll_back() noexcept
{
    counters_.roll_back();
    audit_.roll_back();
    // SQLite has rolled back by itself after some errors. Where this fails, begin_commit() tries again.
    if (db_.in_transaction())
        (void)roll_back_.run({});
}

void queue_tables::bury_failed_commit()
{
    const auto begun = begin_commit();
    if (begun.has_value() && counters_.bury().has_value() && commit_.run({}).has_value())
        return;
    roll_back();
}

} // namespace relay::store
