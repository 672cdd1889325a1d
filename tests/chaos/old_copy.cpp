#include "tests/chaos/old_copy.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

namespace relay::chaos {
namespace {

struct closer {
    void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
};
using handle = std::unique_ptr<sqlite3, closer>;

handle opened(const fs::path& file, int flags)
{
    sqlite3* db = nullptr;
    const auto code = sqlite3_open_v2(file.c_str(), &db, flags, nullptr);
    handle h(db);
    if (code != SQLITE_OK)
        throw std::runtime_error("cannot open " + file.string());
    return h;
}

// False where the agent would not let us for long.
bool back_up(const fs::path& from, const fs::path& to)
{
    const auto source = opened(from, SQLITE_OPEN_READONLY);
    const auto target = opened(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3_busy_timeout(source.get(), 1000);
    auto* backup = sqlite3_backup_init(target.get(), "main", source.get(), "main");
    if (!backup)
        return false;
    const auto code = sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup) == SQLITE_OK && code == SQLITE_DONE;
}

std::vector<std::string> texts(const fs::path& file, const char* query)
{
    const auto db = opened(file, SQLITE_OPEN_READWRITE);
    sqlite3_stmt* rows = nullptr;
    std::vector<std::string> all;
    if (sqlite3_prepare_v2(db.get(), query, -1, &rows, nullptr) == SQLITE_OK)
        while (sqlite3_step(rows) == SQLITE_ROW)
            all.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(rows, 0)));
    sqlite3_finalize(rows);
    return all;
}

} // namespace

void old_copy::make()
{
    const auto folder = lab_.world().folder();
    file_.clear();
    deeds_before_ = lab_.deeds();
    const auto fresh = folder / "old-queue.db";
    fs::remove(fresh);
    if (!back_up(lab_.world().data_folder() / "queue.db", fresh))
        return;
    file_ = fresh;
    lab_.note("a copy of the queue is made");
}

std::set<std::string> old_copy::unfinished() const
{
    const auto rows = texts(file_, "SELECT id FROM commands WHERE finished_at IS NULL");
    return {rows.begin(), rows.end()};
}

// A create that succeeded is found again, whatever came after it. Anything else is where its mark is still the last one; and
// what failed, or was cancelled, would perhaps succeed now. What has no result may have failed too, and nobody was told.
bool old_copy::safe_again(const asked& c)
{
    if (c.result && !succeeded(c))
        return false;
    if (c.op == "event.create" && c.result)
        return true;
    const auto& all = lab_.commands();
    const bool by_command = std::ranges::any_of(all, [&](const asked& later) {
        return later.event_id == c.event_id && later.op != "event.get" && later.id != c.id &&
               later.last_sent > c.first_sent;
    });
    // A cancel that found nothing to remove would remove what its owner has restored meanwhile.
    const auto since = c.op == "event.cancel" ? 0 : deeds_before_;
    const auto hands = lab_.world().exchange().get("/ledger").at("by_hand").as_array();
    return !by_command && std::ranges::none_of(hands, [&](const auto& h) {
        return text_of(h.as_object(), "event_id") == c.event_id &&
               h.at("n").template to_number<std::int64_t>() > since;
    });
}

// Of one event, a create and a cancel without a result: both may have had one that nobody was told, and are given again. The
// cancel's first removal left no mark, so that what they do then depends on which came first.
bool old_copy::may_do_and_undo() const
{
    std::set<std::string> creates, cancels;
    for (const auto& c : lab_.commands())
        if (!c.result && c.op == "event.create")
            creates.insert(c.event_id);
        else if (!c.result && c.op == "event.cancel")
            cancels.insert(c.event_id);
    return std::ranges::any_of(creates, [&](const auto& event) { return cancels.contains(event); });
}

// An update that was carried out, of which nobody was told, and over which a later command has written: it is given again, and
// its mark is gone.
bool old_copy::is_overtaken_untold() const
{
    const auto writes = lab_.world().exchange().get("/ledger").at("writes").as_array();
    std::set<std::string> applied;
    std::map<std::string, std::string> mark; // of the event's item
    for (const auto& entry : writes) {
        const auto& w = entry.as_object();
        if (text_of(w, "operation") == "delete")
            continue;
        applied.insert(text_of(w, "command_id"));
        mark[text_of(w, "event_id")] = text_of(w, "command_id");
    }
    return std::ranges::any_of(lab_.commands(), [&](const asked& c) {
        return !c.result && c.op == "event.update" && applied.contains(c.id) && mark[c.event_id] != c.id;
    });
}

old_copy::fitness old_copy::judge()
{
    if (file_.empty())
        return fitness::none;
    const auto next = count_in_queue(file_, "SELECT next_seq FROM store");
    const auto stores = texts(file_, "SELECT id FROM store");
    const auto ledger = lab_.world().cloud().get("/ledger").as_object();
    const bool known_for_old = std::ranges::any_of(ledger.at("stores").as_array(), [&](const auto& s) {
        return !stores.empty() && text_of(s.as_object(), "id") == stores.front() &&
               s.at("ack").template to_number<std::int64_t>() >= next;
    });
    if (!known_for_old || next < 1) {
        // A store that has taken another name since is told nothing under the one in the copy any more.
        const auto now = lab_.store_id();
        return now.empty() || stores.empty() || stores.front() == now ? fitness::too_new : fitness::none;
    }
    lab_.learn();
    const auto again = unfinished();
    const bool safe = std::ranges::all_of(
        lab_.commands(), [&](const asked& c) { return !again.contains(c.id) || safe_again(c); });
    return safe && !may_do_and_undo() && !is_overtaken_untold() ? fitness::fit : fitness::overtaken;
}

void old_copy::keep()
{
    const auto now = judge();
    if (now == fitness::none || now == fitness::overtaken)
        make();
}

std::int64_t old_copy::put_back()
{
    const auto queue = lab_.world().data_folder() / "queue.db";
    for (const auto* more : {"", "-wal", "-shm"})
        fs::remove(queue.string() + more);
    fs::rename(file_, queue);
    fs::permissions(queue, fs::perms::owner_read | fs::perms::owner_write);
    file_.clear();
    lab_.note("the queue is put back to the copy");
    return deeds_before_;
}

} // namespace relay::chaos
