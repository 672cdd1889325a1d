// The audit's own door: entries of reads and refusals gather, wait for a disk that fails, and are written once.
#include "agent/store/loop/audit_log.hpp"
#include "agent/store/offline/audit_reader.hpp"
#include "tests/unit/store/doors_fixture.hpp"

#include <fmt/format.h>

using namespace relay;
using namespace relay::store;
using protocol::ended_command;

namespace {

struct audit_doors : test::doors_fixture {
    test::temporary_folder folder;
    std::unique_ptr<audit_log> audit;
    asio::cancellation_signal cancel;
    bool ended = false;

    audit_doors()
    {
        stop_doors();
        queue = open(folder.path());
        gate = std::make_unique<test::gated_store>(context.get_executor(), *queue);
        make_doors();
        start();
        in->on_refused([this](const ended_command& c) { audit->command_ended(c); });
    }
    ~audit_doors() { stop(); }

    void start()
    {
        audit = std::make_unique<audit_log>(context.get_executor(), *gate, time, log);
        asio::co_spawn(
            context, audit->run(),
            asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr) { ended = true; }));
        time.settle();
    }
    void stop()
    {
        cancel.emit(asio::cancellation_type::terminal);
        time.settle();
    }
    void a_read(const std::string& id, bool admitted = true)
    {
        audit->command_ended({.id = id,
                              .op = "mailbox.verify",
                              .fault = {},
                              .admitted = admitted,
                              .attempts = admitted ? 1 : 0});
    }
    std::vector<std::string> whole_lines() const
    {
        std::vector<std::string> all;
        auto reader = audit_reader::open(folder.path());
        REQUIRE(reader.has_value());
        REQUIRE(reader->each({}, [&](const std::string& line) { all.push_back(line); }).has_value());
        return all;
    }
    std::string last_line() const { return whole_lines().back(); }
    // "c-1 ok", one an entry.
    std::vector<std::string> written() const
    {
        std::vector<std::string> all;
        auto reader = audit_reader::open(folder.path());
        REQUIRE(reader.has_value());
        REQUIRE(reader
                    ->each({},
                           [&](const std::string& line) {
                               const auto e = boost::json::parse(line).as_object();
                               all.push_back(std::string(e.at("id").as_string()) + " " +
                                             std::string(e.at("outcome").as_string()));
                           })
                    .has_value());
        CHECK(reader->verify()->sound());
        return all;
    }
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(audit_doors, "entries gather for a moment and share a commit", "[unit][store][audit]")
{
    a_read("c-1");
    a_read("c-2");
    time.advance(audit_log::patience - 1ms);
    CHECK(gate->records == 0);
    a_read("c-3");
    time.advance(1ms);
    CHECK(gate->records == 1);
    CHECK(written() == lines{"c-1 ok", "c-2 ok", "c-3 ok"});
    time.advance(1h);
    CHECK(gate->records == 1);
}

TEST_CASE_METHOD(audit_doors, "a disk that fails keeps entries waiting, and none is lost or written twice",
                 "[unit][store][audit]")
{
    gate->writes_fail = errc::store_full;
    CHECK(audit->works());
    a_read("c-1");
    time.advance(audit_log::patience);
    CHECK_FALSE(audit->works());
    a_read("c-2");
    time.advance(1min);
    CHECK(written().empty());
    gate->writes_fail.reset();
    time.advance(5s);
    CHECK(audit->works());
    CHECK(written() == lines{"c-1 ok", "c-2 ok"});
    CHECK(logged.str().find("audit: writes entries again") != std::string::npos);
}

TEST_CASE_METHOD(audit_doors, "of refusals that find no room only their number is kept",
                 "[unit][store][audit]")
{
    gate->writes_fail = errc::store_io;
    std::size_t many = 0;
    while (many < audit_log::most_waiting + 30) {
        for (std::size_t i = 0; i < audit_log::most_alone; ++i)
            a_read("r-" + std::to_string(many++), false);
        time.advance(audit_log::window + 5s);
    }
    CHECK_FALSE(audit->works());
    a_read("carried-out");
    gate->writes_fail.reset();
    time.advance(10s);
    const auto all = written();
    REQUIRE(all.size() == audit_log::most_waiting + 2);
    CHECK(all[audit_log::most_waiting] == "carried-out ok");
    CHECK(all.back() == " unrecorded");
    CHECK(last_line().find(fmt::format(R"("commands":{})", many - audit_log::most_waiting)) !=
          std::string::npos);
}

TEST_CASE_METHOD(audit_doors, "what asked nothing of Exchange shares an entry with its kind once it is many",
                 "[unit][store][audit]")
{
    using protocol::fault_code;
    const auto end = [&](int i, std::string_view op, fault_code why, bool admitted) {
        audit->command_ended({.id = fmt::format("x-{}", i),
                              .op = op,
                              .fault = why,
                              .admitted = admitted,
                              .session = "s-1",
                              .mailbox = "host@corp.example"});
    };
    constexpr int many = 10'000;
    for (int i = 0; i < many; ++i) {
        end(i, "event.get", fault_code::policy_denied, false);
        end(i, fmt::format("unknown.{}", i), fault_code::unsupported_operation, false);
        end(i, "availability.get", fault_code::auth_failed, true); // at once: the sign-in is known to fail
    }
    a_read("carried-out"); // asked something: always by itself
    time.advance(audit_log::window + audit_log::patience);
    const auto all = written();
    CHECK(all.size() == audit_log::most_alone + 1 + 3);
    std::int64_t told = 0;
    for (const auto& line : whole_lines()) {
        const auto e = boost::json::parse(line).as_object();
        told += e.contains("commands") ? e.at("commands").as_int64() : 1;
        if (e.contains("commands"))
            CHECK(e.at("session").as_string() == "s-1");
    }
    CHECK(told == 3 * many + 1);
    // The next minute begins anew, and an end in order loses no number.
    for (std::size_t i = 0; i < audit_log::most_alone + 5; ++i)
        end(static_cast<int>(i), "event.get", fault_code::policy_denied, false);
    stop();
    await(audit->stop());
    CHECK(written().size() == all.size() + audit_log::most_alone + 1);
    CHECK(last_line().find(R"("commands":5)") != std::string::npos);
}

TEST_CASE_METHOD(audit_doors, "kinds of refusals are bounded whatever the cloud calls them",
                 "[unit][store][audit]")
{
    for (int i = 0; i < 5'000; ++i)
        audit->command_ended({.id = "x",
                              .op = fmt::format("op.{}", i),
                              .fault = protocol::fault_code::overloaded,
                              .admitted = false,
                              .session = fmt::format("s-{}", i % 2)});
    time.advance(audit_log::window + audit_log::patience);
    CHECK(written().size() <= audit_log::most_alone + audit_log::most_kinds + 1);
}

TEST_CASE_METHOD(audit_doors, "an end in order writes what waits, once", "[unit][store][audit]")
{
    a_read("c-1");
    SECTION("while entries gather") {}
    SECTION("while they are written")
    {
        gate->open = false;
        time.advance(audit_log::patience);
        CHECK(gate->records == 1);
    }
    stop();
    CHECK(ended);
    gate->open_gate();
    await(audit->stop());
    CHECK(written() == lines{"c-1 ok"});
    CHECK(logged.str().find("audit: 1 entries, the last is 1, its hash ") != std::string::npos);
}

TEST_CASE_METHOD(audit_doors, "a log that was changed while no agent ran is reported at the start",
                 "[unit][store][audit]")
{
    a_read("c-1");
    time.advance(1s);
    stop();
    const auto truncated = [&] {
        auto db = sqlite::database::open((folder.path() / "queue.db").string());
        REQUIRE(db.has_value());
        REQUIRE((*db)->execute("DELETE FROM audit").has_value());
    };
    truncated();
    CHECK(logged.str().find("changed from outside") == std::string::npos);
    ended = false;
    start();
    CHECK(logged.str().find("audit: the log was changed from outside") != std::string::npos);
}

TEST_CASE_METHOD(audit_doors, "what the inbox refuses is told with session, mailbox and event",
                 "[unit][store][audit]")
{
    std::vector<std::string> published;
    in->on_refused([&](const ended_command& c) {
        published.push_back(std::string(c.id) + " " + std::string(c.session) + " " + std::string(c.mailbox) +
                            " " + std::string(c.event_id) + " " +
                            (c.fault ? std::string(protocol::name(*c.fault)) : "-") +
                            (c.how == ended_command::answer::id_reused ? " reused" : ""));
    });
    link_up();
    in->session_began("s-9");
    denied = protocol::fault{protocol::fault_code::policy_denied, "no", {}};
    in->offer(write("c-1", "e-1"));
    denied.reset();
    in->offer(write("c-2", "e-2"));
    time.settle();
    auto other = write("c-2", "e-3");
    in->offer(other); // while it runs
    time.settle();
    auto secret = write("c-4", "no id, but words");
    secret.op = std::string(1'000, 'o');
    in->offer(secret);
    time.settle();
    CHECK(published == lines{"c-1 s-9 Host@corp.example e-1 policy_denied",
                             "c-2 s-9 Host@corp.example e-3 - reused",
                             "c-4 s-9 Host@corp.example  unsupported_operation"});
    const auto tickets = taken();
    REQUIRE(tickets.size() == 1);
    CHECK(tickets.front()->session == "s-9");
    CHECK(tickets.front()->event_id == "e-2");
}

TEST_CASE_METHOD(audit_doors, "the session by which a write came is known after a restart",
                 "[unit][store][audit]")
{
    in->session_began(std::string(1'000, 's'));
    in->offer(write("c-1"));
    time.settle();
    restart();
    const auto tickets = taken();
    REQUIRE(tickets.size() == 1);
    CHECK(tickets.front()->session == std::string(audit_entry::longest_session, 's'));
    CHECK(tickets.front()->event_id == "e-1");
    finish(tickets.front());
    CHECK(written() == lines{"c-1 ok"});
}

TEST_CASE_METHOD(audit_doors,
                 "the log is kept for its days, and a clock that jumps costs a day of it, not all",
                 "[unit][store][audit]")
{
    for (int day = 0; day < 10; ++day) {
        audit_entry e;
        e.at = time.utc_now() + std::chrono::days(day);
        e.id = "day-" + std::to_string(day);
        e.outcome = "ok";
        REQUIRE(await(queue->record({e})).has_value());
    }
    asio::cancellation_signal end;
    vouched_time clock(time);
    constexpr auto far = std::chrono::days(30'000);
    clock.told(time.utc_now() + far); // both are wrong
    asio::co_spawn(context, keep_audit(*queue, clock, time, std::chrono::days(400), log),
                   asio::bind_cancellation_slot(end.slot(), [](std::exception_ptr) {}));
    time.jump_wall_clock(far);
    time.advance(59min);
    CHECK(written().size() == 10); // not at the start
    time.advance(1min);
    CHECK(written().size() == 9);
    time.jump_wall_clock(-far);
    time.advance(24h);
    CHECK(written().size() == 9);
    time.advance(24h * 403);
    CHECK(written().size() == 10 - 5); // days 0 to 4: it is the 404th and two hours
    end.emit(asio::cancellation_type::terminal);
    time.settle();
}
