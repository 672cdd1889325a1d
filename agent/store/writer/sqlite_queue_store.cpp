#include "agent/store/writer/sqlite_queue_store.hpp"

#include "agent/store/writer/commit_thread.hpp"
#include "agent/store/writer/queue_file.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

namespace relay::store {
namespace {

// Who is told of damage; shared with the answers that are on their way when the store goes.
struct damage_listener {
    std::function<void()> found;
};

commit_name commit_of(const any_step& s)
{
    return std::visit([](const auto& one) { return one.commit; }, s);
}

// Nothing for a step that may use what is kept free.
std::optional<needs> room_for(const any_step& s)
{
    return std::visit(
        []<class Step>(const Step&) -> std::optional<needs> {
            if constexpr (requires { Step::room; })
                return Step::room;
            else
                return std::nullopt;
        },
        s);
}

// Store thread.
any_answer answer(const any_step& s, queue_tables& tables, const queue_file& file)
{
    auto made = std::visit([&](const auto& one) { return any_answer(one(tables)); }, s);
    if (auto* status = std::get_if<result<queue_status>>(&made); status && status->has_value())
        file.add_to(**status);
    return made;
}

// A step that was asked for: carried out on the store's thread, answered to `Handler` on its own executor.
template <class Handler>
class call final : public job {
public:
    call(queue_file& file, std::shared_ptr<damage_listener> listener, any_step s, Handler handler)
        : job(commit_of(s) ? kind::writing : kind::reading, commit_of(s)),
          file_(file),
          listener_(std::move(listener)),
          step_(std::move(s)),
          handler_(std::move(handler)),
          // Work is outstanding on the loop until the answer is there.
          executor_(asio::prefer(asio::get_associated_executor(handler_),
                                 asio::execution::outstanding_work.tracked))
    {
    }

    error_code run(queue_tables& tables) override
    {
        // What there is no room for is not begun: that is no trouble of the commit's.
        if (const auto room = room_for(step_); room && !file_.has(*room)) {
            answer_.emplace(not_done(step_, errc::store_full));
            return {};
        }
        answer_.emplace(answer(step_, tables, file_));
        return error_of(*answer_);
    }
    void complete() override { post(nullptr); }
    void fail(error_code ec) override
    {
        answer_.emplace(not_done(step_, ec));
        post(nullptr);
    }
    void fail(std::exception_ptr e) override
    {
        answer_.emplace(not_done(step_, errc::store_io));
        post(e);
    }

private:
    // The answer goes to the loop, where damage is told of first: whoever is answered must find the agent ending already.
    void post(std::exception_ptr e)
    {
        asio::post(executor_, [handler = std::move(handler_), e, answer = std::move(*answer_),
                               published = std::move(listener_)]() mutable {
            if (error_of(answer) == errc::store_corrupt && published->found)
                published->found();
            std::move(handler)(e, std::move(answer));
        });
    }

    queue_file& file_;
    std::shared_ptr<damage_listener> listener_;
    any_step step_;
    Handler handler_;
    asio::any_io_executor executor_;
    std::optional<any_answer> answer_;
};

} // namespace

struct sqlite_queue_store::parts {
    std::unique_ptr<queue_file> file;
    std::shared_ptr<damage_listener> listener = std::make_shared<damage_listener>();
    std::optional<commit_thread> thread = {}; // goes first: it uses the file
};

result<std::unique_ptr<sqlite_queue_store>> sqlite_queue_store::open(settings s, spdlog::logger& log)
{
    auto file = queue_file::open(s.folder, s.max_commands,
                                 {{s.history_bytes, s.audit_bytes}, s.message_bytes, s.reserve_bytes},
                                 std::move(s.utc_now), log);
    if (file.has_error())
        return file.error();
    std::unique_ptr<parts> p(new parts{std::move(*file)});
    p->thread.emplace(p->file->connection(), p->file->tables(), s.mode == threading::own_thread,
                      commit_thread::limits{most_queued_jobs, most_jobs_a_commit, s.log_pages}, log);
    return std::unique_ptr<sqlite_queue_store>(new sqlite_queue_store(std::move(p)));
}

sqlite_queue_store::sqlite_queue_store(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
sqlite_queue_store::~sqlite_queue_store() = default;

void sqlite_queue_store::on_damage(std::function<void()> found)
{
    parts_->listener->found = std::move(found);
}

task<any_answer> sqlite_queue_store::carry_out(any_step s)
{
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, any_answer)>(
        [p = parts_.get()](auto handler, any_step asked) {
            using made = call<decltype(handler)>;
            p->thread->push(
                std::make_unique<made>(*p->file, p->listener, std::move(asked), std::move(handler)));
        },
        asio::use_awaitable, std::move(s));
}

} // namespace relay::store
