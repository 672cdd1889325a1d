// Streaming notifications with the real stack: agent/watch's streams over EWS and libcurl against exchange-sim.
#include "agent/ews/ews_client.hpp"
#include "agent/http/client.hpp"
#include "agent/watch/streams.hpp"
#include "tests/support/relay_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <iostream>
#include <sstream>

namespace relay::test {
namespace {

mailbox_address user(int n)
{
    return *mailbox_address::parse(fmt::format("user{}@corp.example", n));
}

std::vector<mailbox_address> users(int first, int last)
{
    std::vector<mailbox_address> all;
    for (int n = first; n <= last; ++n)
        all.push_back(user(n));
    return all;
}

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
struct streams_world final : watch::watch_listener {
    temporary_folder folder;
    process exchange;
    std::unique_ptr<control> sim;
    asio::io_context context;
    real_time time;
    exchange_access::concurrency_limiter limiter{time, 10};
    std::ostringstream log_text;
    std::shared_ptr<spdlog::logger> log =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_text));
    std::unique_ptr<http::client> http;
    std::unique_ptr<ews::ews_client> client;
    std::unique_ptr<watch::streams> streams;
    policy::policy rules{policy::rules()};
    std::map<std::string, int> told;
    asio::cancellation_signal until;
    bool over = false;

    explicit streams_world(int mailboxes = 5, watch::stream_limits limits = {})
        : exchange(exchange_sim_program(),
                   {.arguments = {"--certificate", (development_pki() / "exchange-server.crt").string(),
                                  "--key", (development_pki() / "exchange-server.key").string(), "--account",
                                  "CORP\\workestra-svc", "--password", "secret", "--domain", "corp.example",
                                  "--auth", "ntlm", "--mailboxes", std::to_string(mailboxes)},
                    .environment = {},
                    .standard_error = folder.path() / "exchange-sim.log",
                    .folder = {}})
    {
        const auto ready = exchange.ready();
        sim = std::make_unique<control>(std::string(ready.at("control").as_string()));
        http::client_settings s;
        s.url = ready.at("ews").as_string();
        s.username = "CORP\\workestra-svc";
        s.password = []() -> result<secret> { return secret("secret"); };
        s.ca_file = development_pki() / "corp-ca.crt";
        s.max_connections = 2;
        http = std::make_unique<http::client>(s, time, log);
        client = std::make_unique<ews::ews_client>(
            *http, time, ews::client_settings{"localhost", "CORP\\workestra-svc", {}});
        watch::streams::parts parts{*client, limiter, time, [] { return true; }, *this, *log, 7, rules};
        limits.again = {100ms, 1s};
        limits.crowded = {100ms, 1s};
        limits.gather = 50ms;
        limits.length = std::chrono::minutes(1);
        streams = std::make_unique<watch::streams>(context.get_executor(), std::move(parts), limits);
        asio::co_spawn(context, streams->run(),
                       asio::bind_cancellation_slot(until.slot(), [this](std::exception_ptr e) {
                           over = true;
                           if (e)
                               std::rethrow_exception(e);
                       }));
    }
    ~streams_world() { stop(); }

    void mailbox_changed(const mailbox_address& m) override { ++told[m.key()]; }
    void coverage_changed() override {}
    void tracked_mailboxes_changed() override {}

    bool run_until(const std::function<bool()>& condition, duration limit = 10s)
    {
        const auto patience = time.now() + limit * slowness();
        context.restart();
        while (!condition()) {
            if (time.now() > patience)
                return false;
            context.run_one_for(1ms);
        }
        return true;
    }
    void stop()
    {
        if (over)
            return;
        until.emit(asio::cancellation_type::terminal);
        run_until([this] { return over; });
    }
    bool covered(std::size_t count, duration limit = 10s)
    {
        return run_until([&] { return streams->covered() == count; }, limit);
    }
    // So many are followed, and what was before has been told.
    bool settled(std::size_t count, duration limit = 10s)
    {
        const bool so = run_until([&] { return streams->covered() == count && told.size() == count; }, limit);
        told.clear();
        return so;
    }
    // A person makes an appointment.
    std::string make_item(int n)
    {
        const json::object item{
            {"subject", "x"}, {"start", "2027-01-05T09:00:00Z"}, {"end", "2027-01-05T10:00:00Z"}};
        return std::string(
            sim->post(fmt::format("/mailboxes/{}/items", user(n).str()), item).at("id").as_string());
    }
    bool hears_of(int n, duration limit = 10s)
    {
        return run_until([&] { return told.contains(user(n).key()); }, limit);
    }
    std::int64_t requests(std::string_view operation)
    {
        const auto stats = sim->get("/stats");
        const auto& all = stats.at("requests").as_object();
        const auto* const found = all.if_contains(operation);
        return found ? found->to_number<std::int64_t>() : 0;
    }
    std::size_t subscriptions() { return sim->get("/streaming").at("subscriptions").as_array().size(); }
};

} // namespace

TEST_CASE("a change in Outlook is known at once", "[integration][watch]")
{
    streams_world world;
    world.sim->put("/streaming", {{"as_seen", GENERATE(true, false)}, {"piece_bytes", 11}});
    world.streams->follow(users(1, 5));
    REQUIRE(world.settled(5));

    std::vector<double> took;
    for (int i = 0; i < 20; ++i) {
        world.told.clear();
        const auto before = world.time.now();
        world.make_item(i % 5 + 1);
        REQUIRE(world.hears_of(i % 5 + 1));
        took.push_back(std::chrono::duration<double, std::milli>(world.time.now() - before).count());
        world.run_until([] { return false; }, 20ms); // the rest of what it makes
        CHECK(world.told.size() == 1);
    }
    std::ranges::sort(took);
    std::cout << fmt::format("from a change to changed(): median {:.1f} ms, at most {:.1f} ms\n", took[10],
                             took[19]);
    CHECK(took[10] < 1000 * slowness());
    CHECK(world.http->now().in_flight == 0);
    CHECK(world.http->now().streams == 1);

    world.stop();
    CHECK(world.subscriptions() == 0);
    CHECK(world.log_text.str().empty());
}

TEST_CASE("a stream whose time is up is renewed without a gap", "[integration][watch]")
{
    watch::stream_limits limits;
    limits.stable = 100ms;
    streams_world world(5, limits);
    world.sim->put("/streaming", {{"minute_ms", 300}, {"heartbeat_ms", 100}});
    world.streams->follow(users(1, 2));
    REQUIRE(world.settled(2));
    for (int i = 0; i < 30; ++i) {
        world.make_item(1);
        REQUIRE(world.hears_of(1, 5s));
        CHECK_FALSE(world.told.contains(user(2).key()));
        world.told.clear();
        world.run_until([] { return false; }, 30ms);
        CHECK(world.streams->covered() == 2);
    }
    CHECK(world.requests("GetStreamingEvents") >= 3);
    CHECK(world.requests("Subscribe") == 2);
}

TEST_CASE("a stream that is cut in the middle of an envelope is read again", "[integration][watch]")
{
    streams_world world;
    world.streams->follow(users(1, 3));
    REQUIRE(world.settled(3));
    const std::string action = GENERATE("cut", "end", "error");
    world.sim->post("/streaming/act", {{"action", action}});
    REQUIRE(world.settled(3));
    CHECK(world.requests("Subscribe") == (action == "error" ? 6 : 3));
    world.make_item(2);
    CHECK(world.hears_of(2));
}

TEST_CASE("lost subscriptions are made anew, the others stay", "[integration][watch]")
{
    streams_world world;
    world.streams->follow(users(1, 3));
    REQUIRE(world.settled(3));
    world.sim->post("/streaming/lose", {{"mailbox", user(2).str()}});
    REQUIRE(world.settled(3));
    CHECK(world.requests("Subscribe") == 4);
    world.make_item(2);
    CHECK(world.hears_of(2));
}

TEST_CASE("streams end with their server", "[integration][watch]")
{
    streams_world world;
    world.streams->follow(users(1, 2));
    REQUIRE(world.settled(2));
    world.exchange.kill();
    CHECK(world.covered(0));
}

TEST_CASE("the subscriptions of a group lie on one server of many", "[integration][watch]")
{
    streams_world world(9);
    world.sim->put("/streaming", {{"back_ends", 3}});
    world.streams->follow(users(1, 9));
    REQUIRE(world.settled(9));
    std::set<std::int64_t> servers;
    const auto state = world.sim->get("/streaming");
    for (const auto& s : state.at("subscriptions").as_array())
        servers.insert(s.at("back_end").to_number<std::int64_t>());
    CHECK(servers.size() == 1);
    world.make_item(8);
    CHECK(world.hears_of(8));
}

TEST_CASE("six hundred mailboxes are followed by three streams, and no more", "[integration][watch]")
{
    streams_world world(650);
    const auto before = world.time.now();
    world.streams->follow(users(1, 650));
    REQUIRE(world.settled(600, 60s));
    std::cout << fmt::format("600 mailboxes followed after {} ms\n",
                             std::chrono::duration_cast<milliseconds>(world.time.now() - before).count());
    const auto state = world.sim->get("/streaming");
    CHECK(state.at("streams").to_number<int>() == 3);
    CHECK_FALSE(world.streams->covers(user(650)));
    world.make_item(599);
    CHECK(world.hears_of(599));
}

TEST_CASE("a server that refuses streaming is left alone", "[integration][watch]")
{
    streams_world world;
    const std::string code = GENERATE("ErrorSchemaValidation", "ErrorInvalidServerVersion");
    world.sim->put("/faults", json::array{json::object{{"operation", "Subscribe"},
                                                       {"when", "before"},
                                                       {"action", "soap_fault"},
                                                       {"code", code},
                                                       {"count", 0}}});
    world.streams->follow(users(1, 5));
    world.run_until([] { return false; }, 2s);
    CHECK(world.requests("Subscribe") == 1);
    CHECK(world.requests("GetStreamingEvents") == 0);
    const auto log = world.log_text.str();
    CHECK(std::ranges::count(log, '\n') == 1);
    CHECK(log.find("changes are found by polling") != log.npos);
}

TEST_CASE("a mailbox that may not be followed costs the others nothing", "[integration][watch]")
{
    streams_world world;
    world.sim->post("/mailboxes", {{"email", user(2).str()}, {"impersonation", "deny"}});
    world.streams->follow(users(1, 4));
    REQUIRE(world.covered(3));
    world.run_until([] { return false; }, 500ms);
    CHECK(world.requests("Subscribe") == 4);
    CHECK_FALSE(world.streams->covers(user(2)));
    CHECK(world.streams->covers(user(4)));
}

} // namespace relay::test
