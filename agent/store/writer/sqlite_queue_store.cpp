#include "agent/store/writer/sqlite_queue_store.hpp"

#include "agent/store/sqlite/damaged_files.hpp"
#include "agent/store/sqlite/folder_lock.hpp"
#include "agent/store/sqlite/schema.hpp"
#include "agent/store/writer/commit_thread.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <spdlog/spdlog.h>

namespace relay::store {
namespace {

constexpr std::uintmax_t always_checked_bytes =
    16 * 1'048'576; // a larger file only where it was not closed in order
constexpr milliseconds longest_check{3'000};
// An acknowledgement of many messages goes in steps, so that other calls get their turn between.
constexpr std::int64_t acknowledged_a_step = 1'000;

// Who is told of damage; shared with the answers that are on their way when the store goes.
struct damage_listener {
    std::function<void()> found;
};

// Runs `Work` (queue_tables& -> result<T>) on the store's thread and completes `Handler` on its own executor.
template <class T, class Work, class Handler>
class call final : public job {
public:
    call(std::optional<crash_step> s, std::shared_ptr<damage_listener> listener, Work work, Handler handler)
        : job(s ? kind::writing : kind::reading, s),
          listener_(std::move(listener)),
          work_(std::move(work)),
          handler_(std::move(handler)),
          executor_(asio::prefer(asio::get_associated_executor(handler_),
                                 asio::execution::outstanding_work.tracked))
    {
    }

    error_code run(queue_tables& tables) override
    {
        answer_.emplace(work_(tables));
        return answer_->has_error() ? answer_->error() : error_code();
    }
    void complete() override { post(nullptr); }
    void fail(error_code ec) override
    {
        answer_.emplace(ec);
        post(nullptr);
    }
    void fail(std::exception_ptr e) override
    {
        answer_.emplace(error_code(errc::store_io));
        post(e);
    }

private:
    void post(std::exception_ptr e)
    {
        asio::post(executor_, [handler = std::move(handler_), e, answer = std::move(*answer_),
                               told = std::move(listener_)]() mutable {
            if (answer.has_error() && answer.error() == errc::store_corrupt && told->found)
                told->found();
            std::move(handler)(e, std::move(answer));
        });
    }

    std::shared_ptr<damage_listener> listener_;
    Work work_;
    Handler handler_;
    asio::any_io_executor executor_;
    std::optional<result<T>> answer_;
};

constexpr std::nullopt_t reading = std::nullopt;

std::string new_uuid()
{
    return boost::uuids::to_string(boost::uuids::random_generator()());
}

utc_time machine_time()
{
    return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

} // namespace

struct sqlite_queue_store::parts {
    parts(settings s, spdlog::logger& l) : given(std::move(s)), log(l) {}
    ~parts();
    parts(const parts&) = delete;
    parts& operator=(const parts&) = delete;

    settings given;
    spdlog::logger& log;
    std::filesystem::path file; // empty: in memory
    std::optional<folder_lock> lock;
    std::unique_ptr<sqlite::database> db;
    std::string problem;      // what was wrong with a file that could not be opened
    std::int64_t damaged = 0; // files that were set aside
    std::optional<queue_tables> tables;
    std::shared_ptr<damage_listener> listener = std::make_shared<damage_listener>();
    std::optional<commit_thread> thread; // goes first: it uses all of the above

    result<void> open();
    result<void> open_file();
    bool begin_anew();
    void close();
    std::int64_t bytes_on_disk() const;

    utc_time now() const { return given.utc_now ? given.utc_now() : machine_time(); }

    // One call of the store, made on the loop thread. `step`: what its commit is called where tests kill the
    // agent (common/crash_point), or `reading`.
    template <class T, class Work>
    task<result<T>> submit(std::optional<crash_step> step, Work work)
    {
        return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, result<T>)>(
            [this, step](auto handler, Work w) {
                using made = call<T, Work, decltype(handler)>;
                thread->push(std::make_unique<made>(step, listener, std::move(w), std::move(handler)));
            },
            asio::use_awaitable, std::move(work));
    }
};

// Found damaged while it was in use: this is where nobody uses it any more.
sqlite_queue_store::parts::~parts()
{
    thread.reset();
    if (!db || !db->damaged() || file.empty())
        return;
    problem = db->last_problem();
    close();
    begin_anew();
}

void sqlite_queue_store::parts::close()
{
    tables.reset();
    db.reset();
}

std::int64_t sqlite_queue_store::parts::bytes_on_disk() const
{
    std::int64_t sum = 0;
    for (const auto* suffix : {"", "-wal"}) {
        std::error_code ec;
        const auto size = std::filesystem::file_size(file.string() + suffix, ec);
        sum += ec ? 0 : static_cast<std::int64_t>(size);
    }
    return sum;
}

// Sets the damaged file aside. False where that fails: the file then stays as it is.
bool sqlite_queue_store::parts::begin_anew()
{
    const auto moved = set_aside(file, now());
    if (moved.has_value()) {
        log.error("queue: {} was damaged ({}) and is set aside as {}; the queue begins anew. Lost with it "
                  "are accepted "
                  "commands and results that the cloud does not hold: the cloud sends those commands again, "
                  "and each is "
                  "looked up in Exchange by its marks before it is applied. Look at the disk",
                  file.string(), problem, moved->filename().string());
    } else if (moved.error() == errc::store_full) {
        log.error("queue: {} is damaged ({}), as {} files before it that lie beside it: mend the disk, and "
                  "take them away",
                  file.string(), problem, damaged_files(file));
    } else {
        log.error("queue: {} is damaged ({}) and cannot be renamed: {}", file.string(), problem,
                  moved.error().message());
    }
    return moved.has_value();
}

result<void> sqlite_queue_store::parts::open()
{
    auto done = open_file();
    if (done.has_error() && done.error() == errc::store_corrupt && !file.empty()) {
        close();
        if (!begin_anew())
            return done;
        done = open_file();
    }
    if (done.has_error())
        log.error("queue: cannot open {}: {}{}", file.string(), done.error().message(),
                  problem.empty() ? "" : " (" + problem + ")");
    damaged = file.empty() ? 0 : damaged_files(file);
    return done;
}

// Everything that reads the file for the first time.
result<void> sqlite_queue_store::parts::open_file()
{
    problem.clear();
    bool check = false;
    if (!file.empty()) {
        if (const auto ec = ensure_private_file(file))
            return ec;
        problem = lost_content(file);
        if (!problem.empty())
            return errc::store_corrupt;
        std::error_code ignored;
        const auto size = std::filesystem::file_size(file, ignored);
        const auto left_behind = std::filesystem::file_size(file.string() + "-wal", ignored);
        const bool closed_in_order = ignored || left_behind == 0; // SQLite deletes the log when it closes
        check = size != 0 && (size <= always_checked_bytes || !closed_in_order);
    }
    auto opened = sqlite::database::open(file.empty() ? ":memory:" : file.string(), &problem);
    if (opened.has_error())
        return opened.error();
    db = std::move(*opened);
    const auto done = [&]() -> result<void> {
        if (check)
            if (auto sound = db->quick_check(longest_check); sound.has_error())
                return sound;
        if (auto ours = check_is_queue(*db); ours.has_error())
            return ours;
        crash_point("start.migrate", crash_moment::before);
        if (auto migrated = db->migrate(queue_schema()); migrated.has_error())
            return migrated;
        crash_point("start.migrate", crash_moment::after);
        tables.emplace(*db, given.max_commands, given.utc_now ? given.utc_now : machine_time, new_uuid);
        return tables->load();
    }();
    if (done.has_error())
        problem = db->last_problem();
    return done;
}

result<std::unique_ptr<sqlite_queue_store>> sqlite_queue_store::open(settings s, spdlog::logger& log)
{
    auto p = std::make_unique<parts>(std::move(s), log);
    const auto& folder = p->given.folder;
    if (!folder.empty()) {
        auto lock = folder_lock::take(folder);
        if (lock.has_error()) {
            log.error("queue: cannot use the data folder {}: {}", folder.string(), lock.error().message());
            return lock.error();
        }
        p->lock.emplace(std::move(*lock));
        p->file = folder / queue_file_name;
    }
    if (const auto done = p->open(); done.has_error()) {
        p->close(); // nothing is left to set aside
        return done.error();
    }
    p->thread.emplace(*p->db, *p->tables, p->given.mode == threading::own_thread,
                      commit_thread::limits{most_queued_jobs, most_jobs_a_commit, p->given.log_pages}, log);
    return std::unique_ptr<sqlite_queue_store>(new sqlite_queue_store(std::move(p)));
}

sqlite_queue_store::sqlite_queue_store(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
sqlite_queue_store::~sqlite_queue_store() = default;

void sqlite_queue_store::on_damage(std::function<void()> found)
{
    parts_->listener->found = std::move(found);
}

task<result<identity>> sqlite_queue_store::who()
{
    return parts_->submit<identity>(reading, [](queue_tables& t) { return t.who(); });
}

task<result<std::vector<unfinished_command>>> sqlite_queue_store::unfinished()
{
    return parts_->submit<std::vector<unfinished_command>>(reading,
                                                           [](queue_tables& t) { return t.unfinished(); });
}

task<result<admission>> sqlite_queue_store::admit(new_command c)
{
    return parts_->submit<admission>(crash_step("store.admit"),
                                     [c = std::move(c)](queue_tables& t) { return t.admit(c); });
}

task<result<std::optional<admission>>> sqlite_queue_store::look_up(std::string id, std::string fingerprint)
{
    return parts_->submit<std::optional<admission>>(
        reading, [id = std::move(id), fingerprint = std::move(fingerprint)](queue_tables& t) {
            return t.look_up(id, fingerprint);
        });
}

task<result<void>> sqlite_queue_store::begin(std::string id, utc_time at)
{
    return parts_->submit<void>(crash_step("store.begin"),
                                [id = std::move(id), at](queue_tables& t) { return t.begin(id, at); });
}

task<result<void>> sqlite_queue_store::retract(std::string id, std::string fault_code)
{
    return parts_->submit<void>(
        crash_step("store.retract"),
        [id = std::move(id), code = std::move(fault_code)](queue_tables& t) { return t.retract(id, code); });
}

task<result<sequence>> sqlite_queue_store::finish(std::string id, std::string body, write_end end)
{
    return parts_->submit<sequence>(crash_step("store.finish"),
                                    [id = std::move(id), body = std::move(body), end = std::move(end)](
                                        queue_tables& t) { return t.finish(id, body, end); });
}

task<result<sequence>> sqlite_queue_store::append(std::string body, std::string command_id,
                                                  std::optional<utc_time> expires_at)
{
    return parts_->submit<sequence>(crash_step("store.append"),
                                    [body = std::move(body), id = std::move(command_id),
                                     expires_at](queue_tables& t) { return t.append(body, id, expires_at); });
}

task<result<std::vector<stored_message>>> sqlite_queue_store::read(sequence after, std::size_t most,
                                                                   std::size_t most_bytes)
{
    return parts_->submit<std::vector<stored_message>>(
        reading, [after, most, most_bytes](queue_tables& t) { return t.read(after, most, most_bytes); });
}

task<result<std::vector<stored_message>>> sqlite_queue_store::read_to_send(sequence after, std::size_t most,
                                                                           std::size_t most_bytes)
{
    return parts_->submit<std::vector<stored_message>>(
        crash_step("store.tell"),
        [after, most, most_bytes](queue_tables& t) { return t.read_to_send(after, most, most_bytes); });
}

// ---- watches ----

task<result<watch_put>> sqlite_queue_store::put_watch(new_watch w)
{
    return parts_->submit<watch_put>(crash_step("store.watch"),
                                     [w = std::move(w)](queue_tables& t) { return t.watches().put(w); });
}

task<result<watch_removal>> sqlite_queue_store::remove_watch(std::string watch_id)
{
    return parts_->submit<watch_removal>(
        crash_step("store.watch"),
        [id = std::move(watch_id)](queue_tables& t) { return t.watches().remove(id); });
}

task<result<std::vector<known_watch>>> sqlite_queue_store::watches()
{
    return parts_->submit<std::vector<known_watch>>(reading,
                                                    [](queue_tables& t) { return t.watches().all(); });
}

task<result<std::vector<watched_mailbox>>> sqlite_queue_store::watched(watched_query q)
{
    return parts_->submit<std::vector<watched_mailbox>>(
        reading, [q = std::move(q)](queue_tables& t) { return t.watches().read(q); });
}

task<result<std::vector<std::string>>> sqlite_queue_store::watched_mailboxes(std::string after,
                                                                             std::size_t most)
{
    return parts_->submit<std::vector<std::string>>(
        reading,
        [after = std::move(after), most](queue_tables& t) { return t.watches().mailboxes(after, most); });
}

task<result<std::vector<stored_sighting>>> sqlite_queue_store::tell(std::vector<sighting> seen, bool at_once)
{
    return parts_->submit<std::vector<stored_sighting>>(
        crash_step("store.tell"),
        [seen = std::move(seen), at_once](queue_tables& t) { return t.tell(seen, at_once); });
}

// ---- own events ----

task<result<std::vector<own_event>>> sqlite_queue_store::own_events(std::string mailbox_key,
                                                                    std::int64_t after, std::size_t most)
{
    return parts_->submit<std::vector<own_event>>(
        reading, [key = std::move(mailbox_key), after, most](queue_tables& t) {
            return t.own_events().of_mailbox(key, after, most);
        });
}

task<result<std::vector<std::string>>> sqlite_queue_store::own_event_mailboxes(std::string after,
                                                                               std::size_t most)
{
    return parts_->submit<std::vector<std::string>>(
        reading,
        [after = std::move(after), most](queue_tables& t) { return t.own_events().mailboxes(after, most); });
}

task<result<std::vector<stored_sighting>>> sqlite_queue_store::tell_changes(std::vector<event_sighting> seen,
                                                                            bool at_once)
{
    return parts_->submit<std::vector<stored_sighting>>(
        crash_step("store.tell"),
        [seen = std::move(seen), at_once](queue_tables& t) { return t.tell_changes(seen, at_once); });
}

// Each step is a whole acknowledgement of a lower seq: a crash between two leaves nothing half done.
task<result<void>> sqlite_queue_store::acknowledge(sequence seq)
{
    for (sequence before = -1;;) {
        const auto reached =
            co_await parts_->submit<sequence>(crash_step("store.acknowledge"), [seq](queue_tables& t) {
                return t.acknowledge(seq, acknowledged_a_step);
            });
        if (reached.has_error())
            co_return reached.error();
        if (*reached >= seq || *reached == before)
            co_return result<void>();
        before = *reached;
    }
}

task<result<identity>> sqlite_queue_store::renew()
{
    return parts_->submit<identity>(crash_step("store.renew"), [](queue_tables& t) { return t.renew(); });
}

task<result<owed_again>> sqlite_queue_store::owe_again(sequence held)
{
    return parts_->submit<owed_again>(crash_step("store.renew"),
                                      [held](queue_tables& t) { return t.owe_again(held); });
}

task<result<std::size_t>> sqlite_queue_store::prune(utc_time before, utc_time latest, std::size_t most)
{
    return parts_->submit<std::size_t>(crash_step("store.prune"), [before, latest, most](queue_tables& t) {
        return t.prune(before, latest, most);
    });
}

task<result<void>> sqlite_queue_store::record(std::vector<audit_entry> entries)
{
    return parts_->submit<void>(crash_step("store.audit"), [entries = std::move(entries)](queue_tables& t) {
        return t.record(entries);
    });
}

task<result<std::size_t>> sqlite_queue_store::forget_audit(utc_time before, std::int64_t most_kept,
                                                           std::size_t most)
{
    return parts_->submit<std::size_t>(crash_step("store.prune"), [before, most_kept, most](queue_tables& t) {
        return t.forget_audit(before, most_kept, most);
    });
}

task<result<audit_status>> sqlite_queue_store::audit()
{
    return parts_->submit<audit_status>(reading, [](queue_tables& t) { return t.audit(); });
}

task<result<queue_status>> sqlite_queue_store::status()
{
    return parts_->submit<queue_status>(reading, [p = parts_.get()](queue_tables& t) -> result<queue_status> {
        auto s = t.status();
        if (s.has_value() && !p->file.empty()) {
            s->bytes = p->bytes_on_disk();
            s->damaged_files = p->damaged;
        }
        return s;
    });
}

} // namespace relay::store
