#include "agent/store/sqlite_queue_store.hpp"

#include "agent/store/commit_thread.hpp"
#include "agent/store/folder_lock.hpp"
#include "agent/store/schema.hpp"

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

// Runs `Work` (queue_tables& -> result<T>) on the store's thread and completes `Handler` on its own executor.
template <class T, class Work, class Handler>
class call final : public job {
public:
    call(std::optional<crash_step> s, Work work, Handler handler)
        : job(s ? kind::writing : kind::reading, s),
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
        asio::post(executor_, [handler = std::move(handler_), e, answer = std::move(*answer_)]() mutable {
            std::move(handler)(e, std::move(answer));
        });
    }

    Work work_;
    Handler handler_;
    asio::any_io_executor executor_;
    std::optional<result<T>> answer_;
};

constexpr std::nullopt_t reading = std::nullopt;

// `step`: what its commit is called where tests kill the agent (common/crash_point), or `reading`.
template <class T, class Work>
task<result<T>> submit(commit_thread& thread, std::optional<crash_step> step, Work work)
{
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, result<T>)>(
        [&thread, step](auto handler, Work w) {
            using made = call<T, Work, decltype(handler)>;
            thread.push(std::make_unique<made>(step, std::move(w), std::move(handler)));
        },
        asio::use_awaitable, std::move(work));
}

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
    std::filesystem::path file; // empty: in memory
    std::optional<folder_lock> lock;
    std::unique_ptr<sqlite::database> db;
    std::optional<queue_tables> tables;
    std::optional<commit_thread> thread; // goes first: it uses all of the above

    std::int64_t bytes_on_disk() const
    {
        std::int64_t sum = 0;
        for (const auto* suffix : {"", "-wal"}) {
            std::error_code ec;
            const auto size = std::filesystem::file_size(file.string() + suffix, ec);
            sum += ec ? 0 : static_cast<std::int64_t>(size);
        }
        return sum;
    }

    result<void> open_file(const settings& s);
};

// Everything that reads the file for the first time. A file that turns out to be damaged ends the start here:
// this is where it would be set aside and a new one begun.
result<void> sqlite_queue_store::parts::open_file(const settings& s)
{
    bool check = false;
    if (!file.empty()) {
        if (const auto ec = ensure_private_file(file))
            return ec;
        std::error_code ignored;
        const auto size = std::filesystem::file_size(file, ignored);
        const auto left_behind = std::filesystem::file_size(file.string() + "-wal", ignored);
        const bool closed_in_order = ignored || left_behind == 0; // SQLite deletes the log when it closes
        check = size != 0 && (size <= always_checked_bytes || !closed_in_order);
    }
    auto opened = sqlite::database::open(file.empty() ? ":memory:" : file.string());
    if (opened.has_error())
        return opened.error();
    db = std::move(*opened);
    if (check)
        if (auto sound = db->quick_check(longest_check); sound.has_error())
            return sound;
    crash_point("start.migrate", crash_moment::before);
    if (auto done = db->migrate(queue_schema()); done.has_error())
        return done;
    crash_point("start.migrate", crash_moment::after);
    tables.emplace(*db, s.max_commands, s.utc_now ? s.utc_now : machine_time, new_uuid);
    return tables->load();
}

result<std::unique_ptr<sqlite_queue_store>> sqlite_queue_store::open(settings s, spdlog::logger& log)
{
    auto p = std::make_unique<parts>();
    if (!s.folder.empty()) {
        auto lock = folder_lock::take(s.folder);
        if (lock.has_error()) {
            log.error("queue: cannot use the data folder {}: {}", s.folder.string(), lock.error().message());
            return lock.error();
        }
        p->lock.emplace(std::move(*lock));
        p->file = s.folder / "queue.db";
    }
    if (const auto done = p->open_file(s); done.has_error()) {
        log.error("queue: cannot open {}: {}{}", p->file.string(), done.error().message(),
                  p->db && !p->db->last_problem().empty() ? " (" + p->db->last_problem() + ")" : "");
        return done.error();
    }
    p->thread.emplace(*p->db, *p->tables, s.mode == threading::own_thread,
                      commit_thread::limits{most_queued_jobs, most_jobs_a_commit}, log);
    return std::unique_ptr<sqlite_queue_store>(new sqlite_queue_store(std::move(p)));
}

sqlite_queue_store::sqlite_queue_store(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
sqlite_queue_store::~sqlite_queue_store() = default;

task<result<identity>> sqlite_queue_store::who()
{
    return submit<identity>(*parts_->thread, reading, [](queue_tables& t) { return t.who(); });
}

task<result<std::vector<unfinished_command>>> sqlite_queue_store::unfinished()
{
    return submit<std::vector<unfinished_command>>(*parts_->thread, reading,
                                                   [](queue_tables& t) { return t.unfinished(); });
}

task<result<admission>> sqlite_queue_store::admit(new_command c)
{
    return submit<admission>(*parts_->thread, crash_step("store.admit"),
                             [c = std::move(c)](queue_tables& t) { return t.admit(c); });
}

task<result<std::optional<admission>>> sqlite_queue_store::look_up(std::string id, std::string fingerprint)
{
    return submit<std::optional<admission>>(*parts_->thread, reading,
                                            [id = std::move(id), fingerprint = std::move(fingerprint)](
                                                queue_tables& t) { return t.look_up(id, fingerprint); });
}

task<result<void>> sqlite_queue_store::begin(std::string id, utc_time at, std::string note)
{
    return submit<void>(
        *parts_->thread, crash_step("store.begin"),
        [id = std::move(id), at, note = std::move(note)](queue_tables& t) { return t.begin(id, at, note); });
}

task<result<void>> sqlite_queue_store::retract(std::string id, std::string fault_code)
{
    return submit<void>(
        *parts_->thread, crash_step("store.retract"),
        [id = std::move(id), code = std::move(fault_code)](queue_tables& t) { return t.retract(id, code); });
}

task<result<sequence>> sqlite_queue_store::finish(std::string id, std::string body, utc_time at)
{
    return submit<sequence>(
        *parts_->thread, crash_step("store.finish"),
        [id = std::move(id), body = std::move(body), at](queue_tables& t) { return t.finish(id, body, at); });
}

task<result<sequence>> sqlite_queue_store::append(std::string body, std::string command_id,
                                                  std::optional<utc_time> expires_at)
{
    return submit<sequence>(*parts_->thread, crash_step("store.append"),
                            [body = std::move(body), id = std::move(command_id),
                             expires_at](queue_tables& t) { return t.append(body, id, expires_at); });
}

task<result<std::vector<stored_message>>> sqlite_queue_store::read(sequence after, std::size_t most,
                                                                   std::size_t most_bytes)
{
    return submit<std::vector<stored_message>>(
        *parts_->thread, reading,
        [after, most, most_bytes](queue_tables& t) { return t.read(after, most, most_bytes); });
}

// Each step is a whole acknowledgement of a lower seq: a crash between two leaves nothing half done.
task<result<void>> sqlite_queue_store::acknowledge(sequence seq)
{
    for (sequence before = -1;;) {
        const auto reached =
            co_await submit<sequence>(*parts_->thread, crash_step("store.acknowledge"), [seq](queue_tables& t) {
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
    return submit<identity>(*parts_->thread, crash_step("store.renew"), [](queue_tables& t) { return t.renew(); });
}

task<result<std::size_t>> sqlite_queue_store::prune(utc_time before, std::size_t most)
{
    return submit<std::size_t>(*parts_->thread, crash_step("store.prune"),
                               [before, most](queue_tables& t) { return t.prune(before, most); });
}

task<result<queue_status>> sqlite_queue_store::status()
{
    return submit<queue_status>(*parts_->thread, reading,
                                [p = parts_.get()](queue_tables& t) -> result<queue_status> {
                                    auto s = t.status();
                                    if (s.has_value() && !p->file.empty())
                                        s->bytes = p->bytes_on_disk();
                                    return s;
                                });
}

} // namespace relay::store
