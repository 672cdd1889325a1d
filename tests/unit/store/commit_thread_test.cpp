// Group commit: what shares a transaction, what a failure takes with it, and in which order answers come.
#include "agent/store/sqlite/schema.hpp"
#include "agent/store/writer/commit_thread.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <future>

using namespace relay;
using namespace relay::store;

namespace {

// Does `work` and keeps what came of it.
class recorded_job final : public job {
public:
    using work = std::function<error_code(queue_tables&)>;
    struct record {
        std::vector<std::pair<std::string, error_code>> answers; // by name, in the order they came
        int exceptions = 0;
        std::promise<void> all;
        std::size_t expected = 0;
    };

    recorded_job(kind k, std::string name, record& r, work w)
        : job(k),
          name_(std::move(name)),
          record_(r),
          work_(std::move(w))
    {
    }
    error_code run(queue_tables& t) override { return own_ = work_(t); }
    void complete() override { fail(own_); }
    void fail(error_code ec) override
    {
        record_.answers.emplace_back(name_, ec);
        if (record_.answers.size() == record_.expected)
            record_.all.set_value();
    }
    void fail(std::exception_ptr) override
    {
        ++record_.exceptions;
        fail(error_code(errc::store_io));
    }

private:
    std::string name_;
    record& record_;
    work work_;
    error_code own_;
};

struct commit_fixture : test::loop_fixture {
    std::unique_ptr<sqlite::database> db = sqlite::database::open(":memory:").value();
    std::optional<queue_tables> tables;
    recorded_job::record record;
    // The log's sink takes no lock: these tests read it after the thread has ended.
    std::optional<commit_thread> thread;

    commit_fixture()
    {
        REQUIRE(db->migrate(queue_schema()).has_value());
        tables.emplace(
            *db, 1000, [] { return utc_time(); }, [] { return std::string("id"); });
        REQUIRE(tables->load().has_value());
    }

    // Runs `jobs` in one batch: they queue up behind a first job that waits until all are there.
    void run_together(std::vector<std::unique_ptr<job>> jobs, std::size_t most_queued = 100)
    {
        record.expected = jobs.size() + 1;
        std::promise<void> go;
        thread.emplace(*db, *tables, true, commit_thread::limits{most_queued, 100}, log);
        std::promise<void> begun;
        thread->push(read("gate", [&](queue_tables&) {
            begun.set_value();
            go.get_future().wait();
            return error_code();
        }));
        begun.get_future().wait();
        for (auto& j : jobs)
            thread->push(std::move(j));
        go.set_value();
        record.all.get_future().wait();
        thread.reset();
    }
    std::unique_ptr<job> write(std::string name, recorded_job::work w)
    {
        return std::make_unique<recorded_job>(job::kind::writing, std::move(name), record, std::move(w));
    }
    std::unique_ptr<job> read(std::string name, recorded_job::work w)
    {
        return std::make_unique<recorded_job>(job::kind::reading, std::move(name), record, std::move(w));
    }
    std::unique_ptr<job> append(std::string name, std::size_t bytes = 10)
    {
        return write(std::move(name), [bytes](queue_tables& t) {
            const auto seq = step::append{std::string(bytes, 'x'), {}, {}}(t);
            return seq.has_error() ? seq.error() : error_code();
        });
    }
    std::int64_t rows() { return db->number("SELECT count(*) FROM outbox").value(); }
};

std::vector<std::unique_ptr<job>> list(auto... jobs)
{
    std::vector<std::unique_ptr<job>> all;
    (all.push_back(std::move(jobs)), ...);
    return all;
}

} // namespace

TEST_CASE_METHOD(commit_fixture, "a job that fails takes back its own work and nothing else", "[unit][store]")
{
    run_together(list(append("1"),
                      write("2",
                            [](queue_tables& t) {
                                REQUIRE(step::append{"lost", {}, {}}(t).value() == 2);
                                return error_code(errc::not_found);
                            }),
                      append("3"),
                      write("4",
                            [](queue_tables& t) -> error_code {
                                REQUIRE(step::append{"lost too", {}, {}}(t).value() == 3);
                                throw std::logic_error("a bug");
                            }),
                      append("5")));
    REQUIRE(record.answers.size() == 6);
    for (std::size_t i = 1; i < 6; ++i)
        CHECK(record.answers[i].first == std::to_string(i));
    CHECK_FALSE(record.answers[1].second);
    CHECK(record.answers[2].second == errc::not_found);
    CHECK_FALSE(record.answers[3].second);
    CHECK(record.exceptions == 1);
    CHECK_FALSE(record.answers[5].second);
    CHECK(rows() == 3);
    CHECK(tables->now().next_seq == 4);
    CHECK(db->number("SELECT next_seq FROM store").value() == 4);
}

TEST_CASE_METHOD(commit_fixture, "a commit that fails takes back everything, in memory too", "[unit][store]")
{
    REQUIRE(db->execute("CREATE TABLE parent(x INTEGER PRIMARY KEY);"
                        "CREATE TABLE child(x INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
                .has_value());
    run_together(list(append("1"),
                      write("spoils the commit",
                            [&](queue_tables&) {
                                REQUIRE(db->execute("INSERT INTO child VALUES (1)").has_value());
                                return error_code();
                            }),
                      read("reads what is not to stay", [](queue_tables& t) {
                          CHECK(t.now().next_seq == 2);
                          return error_code();
                      })));
    for (std::size_t i = 1; i < 4; ++i)
        CHECK(record.answers.at(i).second == errc::store_corrupt);
    CHECK(rows() == 0);
    CHECK(tables->now().next_seq == 1);
    CHECK_FALSE(db->in_transaction());
    CHECK(logged.str().find("queue: ") != std::string::npos);
}

TEST_CASE_METHOD(commit_fixture, "on a full disk what still fits is kept, the rest fails and goes later",
                 "[unit][store]")
{
    REQUIRE(db->limit_pages(db->number("PRAGMA page_count").value() + 2).has_value());
    run_together(list(append("small"), append("big", 100'000), append("small too")));
    CHECK(record.answers.at(2).second == errc::store_full);
    const auto kept = rows();
    CHECK(tables->now().next_seq == kept + 1);
    CHECK(db->number("SELECT next_seq FROM store").value() == kept + 1);

    REQUIRE(db->limit_pages(0).has_value());
    record.answers.clear();
    record.all = {};
    run_together(list(append("big", 100'000)));
    CHECK_FALSE(record.answers.at(1).second);
    CHECK(rows() == kept + 1);
    const auto text = logged.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE_METHOD(commit_fixture, "more calls than the bound are refused at once", "[unit][store]")
{
    run_together(list(append("1"), append("2"), append("3")), 2);
    REQUIRE(record.answers.size() == 4);
    CHECK(record.answers[0].first == "3");
    CHECK(record.answers[0].second == errc::store_full);
    CHECK(rows() == 2);
}

namespace {

struct threaded_fixture {
    test::temporary_folder folder;
    asio::io_context context;
    spdlog::logger log{"test"};
    std::unique_ptr<sqlite_queue_store> queue;

    threaded_fixture() { reopen(); }
    void reopen()
    {
        queue.reset();
        queue = sqlite_queue_store::open(
                    {folder.path(), 100'000, sqlite_queue_store::threading::own_thread, {}}, log)
                    .value();
    }
    void run()
    {
        context.restart();
        context.run();
    }
    template <class T, class Then>
    void start(task<T> t, Then then)
    {
        asio::co_spawn(context, std::move(t), [then](std::exception_ptr e, T v) mutable {
            REQUIRE_FALSE(e);
            then(std::move(v));
        });
    }
    new_command command(int i)
    {
        new_command c;
        c.command.id = "c-" + std::to_string(i);
        c.command.op = "event.create";
        c.fingerprint = "f";
        c.ttl = 1h;
        return c;
    }
};

} // namespace

TEST_CASE_METHOD(threaded_fixture,
                 "calls from the loop are answered on the loop, in the order they were made", "[unit][store]")
{
    const auto loop = std::this_thread::get_id();
    std::vector<int> order;
    static constexpr int many = 500;
    for (int i = 0; i < many; ++i) {
        start(queue->admit(command(i)), [&, i](result<admission> a) {
            CHECK(std::holds_alternative<stored_now>(a.value()));
            CHECK(std::this_thread::get_id() == loop);
            order.push_back(i);
        });
        start(queue->finish("c-" + std::to_string(i), "body", {}),
              [i](result<sequence> seq) { CHECK(seq.value() == i + 1); });
        start(queue->read(i, 10, 1000),
              [i](result<std::vector<stored_message>> page) { CHECK(page->at(0).seq == i + 1); });
    }
    run();
    REQUIRE(order.size() == many);
    CHECK(std::is_sorted(order.begin(), order.end()));
    reopen();
    start(queue->who(), [](result<identity> us) { CHECK(us->unacked == many); });
    run();
}

TEST_CASE_METHOD(threaded_fixture, "closing the store carries out what it was asked", "[unit][store]")
{
    static constexpr int many = 300;
    for (int i = 0; i < many; ++i)
        start(queue->append("event", {}, {}), [](result<sequence>) {});
    context.poll();
    reopen();
    start(queue->who(), [](result<identity> us) { CHECK(us->next_seq == many + 1); });
    run();
}
