#include "agent/store/writer/queue_file.hpp"

#include "agent/store/sqlite/damaged_files.hpp"
#include "agent/store/sqlite/schema.hpp"
#include "common/crash_point/crash_point.hpp"
#include "common/log_event/log_event.hpp"

#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>

namespace relay::store {
namespace {

constexpr std::uintmax_t always_checked_bytes =
    16 * 1'048'576; // a larger file only where it was not closed in order
constexpr milliseconds longest_check{3'000};
constexpr std::int64_t most_written_anew = 256 * 1'048'576;
constexpr std::uintmax_t usual_reserve = 64 * 1'048'576;
constexpr std::uintmax_t largest = std::numeric_limits<std::int64_t>::max();
constexpr milliseconds between_looks{100}; // what is written meanwhile is far less than the reserve
// Of 4 KiB. A reader that does not go on (a backup, a pipe that nobody reads) keeps the log from being begun anew.
constexpr int most_log_pages = 65'536;

std::string new_uuid()
{
    return boost::uuids::to_string(boost::uuids::random_generator()());
}

utc_time machine_time()
{
    return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

} // namespace

queue_file::queue_file(std::int64_t max_commands, disk_limits disk, std::function<utc_time()> utc_now,
                       spdlog::logger& log)
    : max_commands_(max_commands),
      disk_(disk),
      utc_now_(utc_now ? std::move(utc_now) : machine_time),
      log_(log)
{
}

result<std::unique_ptr<queue_file>> queue_file::open(const std::filesystem::path& folder,
                                                     std::int64_t max_commands, disk_limits disk,
                                                     std::function<utc_time()> utc_now, spdlog::logger& log)
{
    std::unique_ptr<queue_file> q(new queue_file(max_commands, disk, std::move(utc_now), log));
    if (!folder.empty())
        if (const auto locked = q->lock(folder); locked.has_error())
            return locked.error();
    if (const auto done = q->open_or_begin_anew(); done.has_error()) {
        q->close(); // nothing is left to set aside
        return done.error();
    }
    return q;
}

// Found damaged while it was in use: this is where nobody uses it any more.
queue_file::~queue_file()
{
    if (!db_ || !db_->damaged() || file_.empty())
        return;
    problem_ = db_->last_problem();
    close();
    begin_anew();
}

result<void> queue_file::lock(const std::filesystem::path& folder)
{
    auto lock = folder_lock::take(folder);
    if (lock.has_error()) {
        log_.error("queue: cannot use the data folder {}: {}", folder.string(), lock.error().message());
        return lock.error();
    }
    lock_.emplace(std::move(*lock));
    file_ = folder / queue_file_name;
    return {};
}

result<void> queue_file::open_or_begin_anew()
{
    auto done = open_once();
    if (done.has_error() && done.error() == errc::store_corrupt && !file_.empty()) {
        close();
        if (!begin_anew())
            return done;
        done = open_once();
    }
    if (done.has_error())
        log_.error("queue: cannot open {}: {}{}", file_.string(), done.error().message(),
                   problem_.empty() ? "" : " (" + problem_ + ")");
    set_aside_ = file_.empty() ? 0 : damaged_files(file_);
    return done;
}

// Everything that reads the file for the first time.
result<void> queue_file::open_once()
{
    problem_.clear();
    const auto check = file_.empty() ? result<bool>(false) : needs_check();
    if (check.has_error())
        return check.error();
    auto opened = sqlite::database::open(file_.empty() ? ":memory:" : file_.string(), &problem_);
    if (opened.has_error())
        return opened.error();
    db_ = std::move(*opened);
    const auto done = [&]() -> result<void> {
        if (*check)
            if (auto sound = db_->quick_check(longest_check); sound.has_error())
                return sound;
        if (auto ours = check_is_queue(*db_); ours.has_error())
            return ours;
        crash_point("start.migrate", crash_moment::before);
        if (auto migrated = db_->migrate(queue_schema()); migrated.has_error())
            return migrated;
        crash_point("start.migrate", crash_moment::after);
        if (!file_.empty())
            if (auto shrinks = db_->allow_shrinking(most_written_anew); shrinks.has_error())
                return shrinks;
        tables_.emplace(*db_, max_commands_, utc_now_, new_uuid, disk_.budgets);
        return tables_->load();
    }();
    if (done.has_error())
        problem_ = db_->last_problem();
    return done;
}

// Makes the file where there is none. A large one takes long to look over: it is trusted where SQLite closed it.
result<bool> queue_file::needs_check()
{
    if (const auto ec = ensure_private_file(file_))
        return {boost::system::in_place_error, ec};
    problem_ = lost_content(file_);
    if (!problem_.empty())
        return {boost::system::in_place_error, errc::store_corrupt};
    std::error_code ignored;
    const auto size = std::filesystem::file_size(file_, ignored);
    const auto left_behind = std::filesystem::file_size(file_.string() + "-wal", ignored);
    const bool closed_in_order = ignored || left_behind == 0; // SQLite deletes the log when it closes
    return size != 0 && (size <= always_checked_bytes || !closed_in_order);
}

// Sets the damaged file aside. False where that fails: the file then stays as it is.
bool queue_file::begin_anew()
{
    const auto moved = set_aside(file_, utc_now_());
    if (moved.has_value()) {
        event::queue_damaged.error(
            log_,
            "queue: {} was damaged ({}) and is set aside as {}; the queue begins anew. Lost with it "
            "are accepted commands and results that the cloud does not hold: the cloud sends those "
            "commands again, and each is looked up in Exchange by its marks before it is applied. "
            "Look at the disk",
            file_.string(), problem_, moved->filename().string());
    } else if (moved.error() == errc::store_full) {
        event::queue_damaged.error(
            log_,
            "queue: {} is damaged ({}), as {} files before it that lie beside it: mend the disk, and "
            "take them away",
            file_.string(), problem_, damaged_files(file_));
    } else {
        event::queue_damaged.error(log_, "queue: {} is damaged ({}) and cannot be renamed: {}",
                                   file_.string(), problem_, moved.error().message());
    }
    return moved.has_value();
}

void queue_file::close()
{
    tables_.reset();
    db_.reset();
}

bool queue_file::has(needs room)
{
    if (file_.empty())
        return true;
    look_at_disk();
    const auto kept_free = room == needs::plenty ? reserve_ : reserve_ / 2;
    return free_ >= kept_free && db_->wal_pages() < most_log_pages &&
           (room == needs::some || tables_->now().message_bytes < disk_.message_bytes);
}

void queue_file::look_at_disk()
{
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_at_ < between_looks)
        return;
    looked_at_ = now;
    std::error_code ec;
    const auto space = std::filesystem::space(file_.parent_path(), ec);
    if (ec) { // who writes will hear what is wrong
        free_ = reserve_ = 0;
        return;
    }
    constexpr std::uintmax_t share = 10;
    free_ = static_cast<std::int64_t>(std::min<std::uintmax_t>(space.available, largest));
    reserve_ = disk_.reserve_bytes.value_or(
        static_cast<std::int64_t>(std::min<std::uintmax_t>(usual_reserve, space.capacity / share)));
    const bool low = free_ < reserve_;
    if (low && !low_)
        event::queue_full.warn(
            log_,
            "queue: only {} MiB are free in {}: new commands are answered overloaded, what "
            "is owed to the cloud still finds room",
            free_ >> 20, file_.parent_path().string());
    else if (!low && low_)
        log_.info("queue: there is room on the disk again: new commands are taken");
    low_ = low;
}

std::int64_t queue_file::bytes_on_disk() const
{
    std::int64_t sum = 0;
    for (const auto* suffix : {"", "-wal"}) {
        std::error_code ec;
        const auto size = std::filesystem::file_size(file_.string() + suffix, ec);
        sum += ec ? 0 : static_cast<std::int64_t>(size);
    }
    return sum;
}

void queue_file::add_to(queue_status& s) const
{
    if (file_.empty())
        return;
    s.bytes = bytes_on_disk();
    s.damaged_files = set_aside_;
}

} // namespace relay::store
