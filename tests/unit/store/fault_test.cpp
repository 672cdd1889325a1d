// The queue on a disk that fails at every operation in turn, and in a machine whose power goes at every operation in
// turn. After each: what was reported as done is there, what failed has changed nothing, and the file is sound.
#include "tests/unit/store/fault_vfs.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>

#include <iostream>
#include <mutex>

using namespace relay;
using namespace relay::store;
using relay::test::fault_plan;
namespace fs = std::filesystem;

namespace {

using kind = fault_plan::kind;

// A file past the faults.
class plain_file {
public:
    explicit plain_file(const fs::path& file)
    {
        REQUIRE(sqlite3_open_v2(file.c_str(), &db_, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK);
    }
    ~plain_file() { sqlite3_close(db_); }
    plain_file(const plain_file&) = delete;
    plain_file& operator=(const plain_file&) = delete;

    // The first column of every row, a line each.
    std::string ask(const char* sql)
    {
        std::string answer;
        const auto take = [](void* out, int, char** columns, char**) {
            *static_cast<std::string*>(out) += std::string(columns[0] ? columns[0] : "null") + "\n";
            return 0;
        };
        const int rc = sqlite3_exec(db_, sql, take, &answer, nullptr);
        INFO(sql << ": " << sqlite3_errmsg(db_));
        REQUIRE(rc == SQLITE_OK);
        return answer;
    }

private:
    sqlite3* db_ = nullptr;
};

// What must hold in every file at every time; each counts what breaks it.
constexpr const char* laws[] = {
    // a result has its command, and a command that ended has its result
    "SELECT count(*) FROM outbox o LEFT JOIN commands c ON c.n = o.command WHERE o.command IS NOT NULL AND "
    "(c.n IS NULL OR"
    " c.seq <> o.seq OR c.finished_at IS NULL OR c.acknowledged <> 0 OR c.result IS NULL)",
    "SELECT count(*) FROM commands c WHERE finished_at IS NOT NULL AND acknowledged = 0 AND NOT EXISTS"
    " (SELECT 1 FROM outbox o WHERE o.command = c.n AND o.seq = c.seq)",
    "SELECT count(*) FROM commands WHERE (finished_at IS NULL) <> (result IS NULL) OR (finished_at IS NULL) "
    "<> (seq IS NULL)"
    " OR (finished_at IS NULL) <> (params IS NOT NULL)",
    // what ended is in the audit, once, and nothing else of the writes is; whatever is, is counted
    "SELECT count(*) FROM commands c WHERE (finished_at IS NOT NULL) <>"
    " (SELECT count(*) FROM audit a WHERE a.id = c.id AND a.n > (SELECT forgotten FROM audit_head))"
    " AND (SELECT forgotten FROM audit_head) = 0",
    "SELECT count(*) FROM audit_head WHERE last - forgotten <> (SELECT count(*) FROM audit)",
    "SELECT count(*) FROM audit_head h WHERE last_hash <>"
    " (SELECT hash FROM audit a WHERE a.n = h.last UNION ALL SELECT forgotten_hash FROM audit_head LIMIT 1)",
    // a watched mailbox has its watch, and what may be replaced is an event
    "SELECT count(*) FROM watched d LEFT JOIN watches w ON w.n = d.watch WHERE w.n IS NULL",
    "SELECT count(*) FROM outbox WHERE about IS NOT NULL AND body IS NULL",
    // seq without gap, and none given out before its time
    "SELECT count(*) FROM store WHERE next_seq - 1 - acked <> (SELECT count(*) FROM outbox)",
    "SELECT count(*) FROM store, outbox WHERE seq <= acked OR seq >= next_seq",
};

// The content of a sound file as text, without the store's id; empty where it holds no queue yet.
std::string content(const fs::path& file)
{
    if (!fs::exists(file))
        return {};
    plain_file db(file);
    REQUIRE(db.ask("PRAGMA integrity_check") == "ok\n");
    if (db.ask("SELECT count(*) FROM sqlite_schema WHERE name IN ('store', 'audit', 'watched')") != "3\n")
        return {}; // or not all of it: between two migrations
    for (const auto* law : laws)
        REQUIRE(db.ask(law) == "0\n");
    return db.ask("SELECT 'next ' || next_seq || ' acked ' || acked FROM store") +
           db.ask("SELECT id || ' ' || op || ' ' || attempts || ' ' || ifnull(begun_at, '-') || ' ' || "
                  "last_error || ' ' ||"
                  " ifnull(finished_at, '-') || ' ' || ifnull(seq, '-') || ' ' || acknowledged || ' ' ||"
                  " ifnull(length(params), '-') || ' ' || ifnull(result, '-') FROM commands ORDER BY n") +
           db.ask("SELECT seq || ' ' || ifnull(command, '-') || ' ' || ifnull(length(body), '-') || ' ' || "
                  "command_id || ' ' || ifnull(about, '-')"
                  " FROM outbox ORDER BY seq") +
           db.ask("SELECT w.watch_id || ' ' || w.command_id || ' ' || d.n || ' ' || d.key || ' ' ||"
                  " ifnull(hex(d.told), '-') FROM watched d JOIN watches w ON w.n = d.watch ORDER BY d.n") +
           db.ask("SELECT n || ' ' || id || ' ' || hex(hash) FROM audit ORDER BY n");
}

// The store's own thread logs while the test reads.
class kept_log final : public spdlog::sinks::base_sink<std::mutex> {
public:
    std::string text()
    {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

private:
    void sink_it_(const spdlog::details::log_msg& line) override
    {
        lines_.append(line.payload.data(), line.payload.size()).append("\n");
    }
    void flush_() override {}

    std::string lines_;
};

// A queue on its own thread, in a folder of its own.
struct rig {
    test::fault_vfs& disk;
    test::temporary_folder folder, copy;
    asio::io_context context;
    std::shared_ptr<kept_log> logged = std::make_shared<kept_log>();
    spdlog::logger log{"test", logged};
    std::unique_ptr<sqlite_queue_store> queue;
    std::string id; // the store's, as it said last
    error_code why; // the last failure

    explicit rig(test::fault_vfs& d) : disk(d) {}

    bool open()
    {
        queue.reset();
        auto opened = sqlite_queue_store::open({.folder = folder.path(),
                                                .max_commands = 1000,
                                                .mode = sqlite_queue_store::threading::own_thread,
                                                .utc_now = [] { return utc_time(5s); },
                                                .log_pages = 24},
                                               log);
        if (opened.has_error()) {
            why = opened.error();
            return false;
        }
        queue = std::move(*opened);
        return did(queue->who(), [&](const identity& us) {
            INFO(logged->text());
            if (!id.empty())
                REQUIRE(us.id == id);
            id = us.id;
        });
    }
    template <class T>
    bool did(task<result<T>> t)
    {
        return did(std::move(t), [](const T&) {});
    }
    bool did(task<result<void>> t) { return all_did(std::move(t)); }
    template <class T, class Then>
    bool did(task<result<T>> t, Then then)
    {
        std::optional<result<T>> answer;
        asio::co_spawn(context, std::move(t), [&](std::exception_ptr e, result<T> r) {
            REQUIRE_FALSE(e);
            answer.emplace(std::move(r));
        });
        context.restart();
        context.run();
        if (answer->has_error())
            why = answer->error();
        else
            then(**answer);
        return answer->has_value();
    }
    // Makes these calls in one commit: true where all were done; all or none must have been.
    template <class... T>
    bool all_did(task<result<T>>... calls)
    {
        std::size_t done = 0;
        const auto note = [&](auto r) {
            done += r.has_value();
            if (r.has_error())
                why = r.error();
        };
        context.restart();
        if (sizeof...(T) > 1) {
            disk.hold();
            asio::co_spawn(context, queue->look_up("no such", ""), [](std::exception_ptr, auto) {});
            context.poll();
            disk.wait_until_held();
        }
        (asio::co_spawn(context, std::move(calls),
                        [&](std::exception_ptr e, result<T> r) {
                            REQUIRE_FALSE(e);
                            note(std::move(r));
                        }),
         ...);
        context.poll();
        disk.release();
        context.restart();
        context.run();
        REQUIRE((done == 0 || done == sizeof...(T)));
        return done == sizeof...(T);
    }

    new_command command(const std::string& name, std::size_t size = 10)
    {
        new_command c;
        c.command.id = name;
        c.command.op = "event.create";
        c.command.mailbox = "host@corp.example";
        c.command.params = {{"subject", std::string(size, 's')}};
        c.fingerprint = "f";
        c.ttl = 1h;
        return c;
    }
    task<result<admission>> admit(const std::string& name, std::size_t size = 10)
    {
        return queue->admit(command(name, size));
    }
    task<result<void>> begin(const std::string& name) { return queue->begin(name, utc_time(3s)); }
    task<result<sequence>> finish(const std::string& name, const std::string& body = "{}")
    {
        return queue->finish(name, body, {utc_time(4s)});
    }
    task<result<void>> record(const std::string& name)
    {
        audit_entry e;
        e.at = utc_time(4s);
        e.id = name;
        e.op = std::string(2'000, 'o');
        e.outcome = "ok";
        return queue->record({e, e});
    }
    task<result<sequence>> append(std::size_t size = 20)
    {
        return queue->append(std::string(size, 'e'), "", {});
    }

    task<result<watch_put>> watch(const std::string& command, int mailboxes)
    {
        new_watch w{"w", command, {}, {}};
        for (int i = 0; i < mailboxes; ++i)
            w.mailboxes.push_back(*mailbox_address::parse("u" + std::to_string(i) + "@corp.example"));
        return queue->put_watch(std::move(w));
    }
    // Of the mailboxes at these places.
    task<result<std::vector<stored_observation>>> publish(std::initializer_list<std::int64_t> places,
                                                          const std::string& state, bool at_once = false)
    {
        std::vector<observation> seen;
        for (const auto place : places)
            seen.push_back({place, std::string(500, 'e') + state, state});
        return queue->publish(std::move(seen), at_once);
    }

    // The files as they would be found if the process died now.
    std::string after_a_crash()
    {
        if (!fs::exists(folder.path() / "queue.db"))
            return {};
        test::copy_as_after_a_crash(folder.path(), copy.path());
        fs::remove(copy.path() / "queue.db-journal");
        if (fs::exists(folder.path() / "queue.db-journal"))
            fs::copy_file(folder.path() / "queue.db-journal", copy.path() / "queue.db-journal");
        return content(copy.path() / "queue.db");
    }
};

// Every call that writes, on its own and with others in one commit; checkpoints on the way and at the end; files opened
// anew, from nothing (all migrations) and with content. True: done.
using step = bool (*)(rig&);
const step script[] = {
    [](rig& r) { return r.open(); },
    [](rig& r) { return r.did(r.admit("a-1")); },
    [](rig& r) { return r.did(r.admit("a-2", 9'000)); },
    [](rig& r) { return r.did(r.begin("a-1")); },
    [](rig& r) { return r.did(r.finish("a-1", "first")); },
    [](rig& r) { return r.did(r.append()); },
    [](rig& r) { return r.did(r.queue->acknowledge(1)); },
    [](rig& r) { return r.did(r.begin("a-2")); },
    [](rig& r) { return r.did(r.queue->retract("a-2", "exchange_busy")); },
    [](rig& r) {
        return r.all_did(r.admit("b-1"), r.admit("b-2", 5'000), r.begin("a-2"), r.append(3'000),
                         r.finish("a-2", "second"), r.queue->acknowledge(2));
    },
    [](rig& r) { return r.open(); },
    [](rig& r) { return r.all_did(r.begin("b-1"), r.begin("b-2"), r.admit("b-3")); },
    [](rig& r) { return r.all_did(r.finish("b-2", std::string(6'000, 'r')), r.finish("b-1"), r.append()); },
    [](rig& r) { return r.did(r.queue->renew(), [&](const identity& us) { r.id = us.id; }); },
    [](rig& r) { return r.did(r.append(12'000)); },
    [](rig& r) { return r.did(r.queue->acknowledge(3)); },
    [](rig& r) { return r.did(r.queue->prune(utc_time(1h), utc_time::max(), 2)); },
    [](rig& r) { return r.all_did(r.finish("b-3", "third"), r.admit("c-1"), r.queue->acknowledge(100)); },
    [](rig& r) { return r.did(r.queue->prune(utc_time(1h), utc_time::max(), 100)); },
    [](rig& r) { return r.did(r.record("read-1")); },
    [](rig& r) { return r.all_did(r.record("read-2"), r.finish("c-1", "fourth"), r.record("read-3")); },
    [](rig& r) { return r.did(r.queue->forget_audit(utc_time(1h), 100, 3)); },
    [](rig& r) { return r.open(); },
    [](rig& r) { return r.did(r.append()); },
    [](rig& r) { return r.did(r.watch("w-1", 3)); },
    [](rig& r) {
        return r.did(r.publish({1, 2, 3}, "first"));
    },
    [](rig& r) {
        return r.all_did(r.publish({1, 3}, "second"), r.publish({2}, "sent", true));
    },
    [](rig& r) { return r.did(r.queue->read_to_send(0, 100, 1'000'000)); },
    [](rig& r) { return r.all_did(r.publish({1}, "third"), r.watch("w-2", 2), r.publish({2}, "nobody's")); },
    [](rig& r) {
        return r.did(r.publish({4, 5}, "anew"));
    },
    [](rig& r) { return r.did(r.queue->remove_watch("w")); },
};
constexpr std::size_t steps = std::size(script);
constexpr std::size_t renewal = 13;

// The script with one plan: returns false where it came to its end before the fault.
bool play(test::fault_vfs& disk, const fault_plan& plan, const std::vector<std::string>& states)
{
    rig r(disk);
    disk.arm(plan);
    for (std::size_t k = 0, tries = 0; k < steps;) {
        const auto before = k == 0 ? std::string() : states[k - 1];
        INFO("operation " << plan.at << ", step " << k << ", " << r.logged->text());
        if (script[k](r)) {
            ++k;
            tries = 0;
            continue;
        }
        REQUIRE(disk.struck());
        REQUIRE(++tries <= 2);
        REQUIRE(r.why != errc::store_corrupt);
        if (plan.what == kind::power_loss || plan.for_ever) {
            // No power, or no write any more that could take back a commit whose sync failed: the step may be done or not,
            // but not by half.
            r.queue.reset();
            disk.heal();
            const auto left = r.after_a_crash();
            if (left != before) {
                REQUIRE(left == states[k]);
                if (k == renewal)
                    r.id.clear();
                ++k;
            }
            if (k != 0 && k < steps) {
                const bool opened = r.open();
                INFO(r.logged->text());
                REQUIRE(opened);
            }
            continue;
        }
        if (k != 0) // of an id that nobody was told it does not matter whether it is there
            REQUIRE(r.after_a_crash() == before);
    }
    r.queue.reset();
    const bool struck = disk.struck();
    disk.heal();
    REQUIRE(r.open()); // what a fault while closing left
    r.queue.reset();
    REQUIRE(r.after_a_crash() == states.back());
    REQUIRE(r.logged->text().find("damaged") == std::string::npos);
    return struck;
}

std::vector<std::string> states_without_faults(test::fault_vfs& disk)
{
    rig r(disk);
    disk.arm({});
    std::vector<std::string> states;
    for (const auto& one : script) {
        REQUIRE(one(r));
        states.push_back(r.after_a_crash());
    }
    return states;
}

// Every operation in turn, until a run passes without a fault.
void play_all(const std::string& name, fault_plan plan)
{
    test::fault_vfs disk;
    const auto states = states_without_faults(disk);
    plan.at = 1;
    while (play(disk, plan, states))
        ++plan.at;
    REQUIRE(plan.at > 300);
    std::cout << "fault points, " << name << ": " << plan.at - 1 << "\n";
}

} // namespace

TEST_CASE("an I/O error at any operation is reported, changes nothing, and passes", "[unit][store][fault]")
{
    play_all("I/O error once", {.what = kind::io_error});
}

TEST_CASE("a disk that fails for ever from any operation on loses nothing", "[unit][store][fault]")
{
    play_all("I/O errors from then on", {.what = kind::io_error, .for_ever = true});
}

TEST_CASE("a disk that is full at any operation is reported, changes nothing, and passes",
          "[unit][store][fault]")
{
    play_all("full once", {.what = kind::full});
}

TEST_CASE("a disk that stays full from any operation on loses nothing", "[unit][store][fault]")
{
    play_all("full from then on", {.what = kind::full, .for_ever = true});
}

TEST_CASE("a write that is cut short at any place changes nothing", "[unit][store][fault]")
{
    play_all("short writes", {.what = kind::short_write});
}

TEST_CASE(
    "a power loss at any operation costs nothing that was reported, where the disk kept only what was synced",
    "[unit][store][fault]")
{
    play_all("power loss, unsynced writes lost",
             {.what = kind::power_loss, .rest = fault_plan::unsynced::lost});
}

TEST_CASE("a power loss at any operation costs nothing that was reported, where the disk kept everything",
          "[unit][store][fault]")
{
    play_all("power loss, unsynced writes kept",
             {.what = kind::power_loss, .rest = fault_plan::unsynced::kept});
}

TEST_CASE("a power loss at any operation costs nothing that was reported, where the disk kept some sectors",
          "[unit][store][fault]")
{
    play_all("power loss, some sectors kept",
             {.what = kind::power_loss, .rest = fault_plan::unsynced::some, .seed = 1});
}

TEST_CASE("the same with many more seeds", "[.][store][soak]")
{
    const auto seed = GENERATE(range(2U, 40U));
    play_all(fmt::format("power loss, some sectors kept, seed {}", seed),
             {.what = kind::power_loss, .rest = fault_plan::unsynced::some, .seed = seed});
}
