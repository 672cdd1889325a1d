// Bad answers from Exchange: each gets the code it deserves, nothing is done twice, memory stays bounded.
#include "tests/integration/scenario.hpp"

#include <csignal>
#include <fstream>
#include <thread>

using namespace relay::test;

namespace {

json::object free_busy()
{
    return {{"mailboxes", {"user1@corp.example"}},
            {"start", "2026-12-01T00:00:00Z"},
            {"end", "2026-12-02T00:00:00Z"}};
}

world_options patient()
{
    return {.config = {{"exchange.timeout_s", "2"}},
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {}};
}

} // namespace

TEST_CASE("hostile answers to a read are exchange_unavailable, and the agent stays small", "[integration]")
{
    scenario w(patient());
    REQUIRE(outcome(w.call("connection.test", "", {})) == "ok");
    const auto before = w.agent().resident_bytes();
    const std::vector<json::object> hostile{
        fault("*", "before", "garbage", {}, 0),
        fault("*", "before", "truncate", {}, 0),
        fault("*", "before", "empty", {}, 0),
        fault("*", "before", "huge", {{"bytes", 50'000'000}}, 0),
        fault("*", "before", "bomb", {}, 0),
        fault("*", "before", "deep", {{"levels", 100'000}}, 0),
        fault("*", "before", "html", {}, 0),
        fault("*", "before", "status", {{"status", 503}, {"body", "<html/>"}}, 0),
        fault("*", "before", "reset", {}, 0),
    };
    for (const auto& f : hostile) {
        w.faults({f});
        const auto r = w.call("availability.get", "", free_busy(), {{"ttl_ms", 1500}});
        INFO(json::serialize(f) << " -> " << described(r));
        const bool huge = f.at("action") == "huge";
        CHECK(outcome(r) == (huge ? "result_too_large" : "exchange_unavailable"));
        CHECK(w.agent().running());
    }
    w.exchange().remove("/faults");
    CHECK(outcome(w.call("availability.get", "", free_busy())) == "ok");
    CHECK(w.agent().resident_bytes() < before + 60'000'000 * static_cast<std::size_t>(slowness()));
}

TEST_CASE("an answer lost after the work was done leads to one item and one set of invitations",
          "[integration]")
{
    scenario w(patient());
    const std::vector<json::object> lost{
        fault("CreateItem", "after", "reset"),
        fault("CreateItem", "after", "truncate"),
        fault("CreateItem", "after", "garbage"),
        fault("CreateItem", "after", "empty"),
        fault("CreateItem", "after", "html"),
        fault("CreateItem", "after", "hang"),
        fault("CreateItem", "after", "status", {{"status", 503}}),
        fault("CreateItem", "after", "huge", {{"bytes", 50'000'000}}),
        fault("CreateItem", "after", "deep", {{"levels", 100'000}}),
        fault("CreateItem", "after", "bomb"),
    };
    int bookings = 0;
    for (const auto& f : lost) {
        w.faults({f});
        const auto event = "b-" + std::to_string(++bookings);
        const auto r = w.call("event.create", host, booking(event));
        INFO(json::serialize(f) << " -> " << described(r));
        CHECK(outcome(r) == "ok");
        CHECK(w.ledger() == tally{.creates = bookings, .invitations = 2 * bookings});
    }
}

TEST_CASE("a request that failed before it was carried out is repeated, once settled", "[integration]")
{
    scenario w(patient());
    const std::vector<json::object> lost{fault("CreateItem", "before", "reset"),
                                         fault("CreateItem", "before", "truncate"),
                                         fault("CreateItem", "before", "status", {{"status", 503}})};
    int bookings = 0;
    for (const auto& f : lost) {
        w.faults({f});
        const auto r = w.call("event.create", host, booking("b-" + std::to_string(++bookings)));
        INFO(json::serialize(f) << " -> " << described(r));
        CHECK(outcome(r) == "ok");
        CHECK(at(r, "/attempts").to_number<int>() >= 1);
        CHECK(w.ledger() == tally{.creates = bookings, .invitations = 2 * bookings});
    }
}

TEST_CASE("a request that is carried out after its connection is gone is not applied a second time",
          "[integration]")
{
    scenario w(patient());
    w.faults({fault("CreateItem", "before", "late", {{"ms", 1000}})}); // within exchange.settle_s, 2 s here
    const auto r = w.call("event.create", host, booking("b-1"));
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a throttled agent waits as long as Exchange says", "[integration]")
{
    scenario w;
    w.faults({fault("GetUserAvailability", "before", "busy", {{"back_off_ms", 800}})});
    const auto r = w.call("availability.get", "", free_busy());
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(at(r, "/took_ms").to_number<int>() >= 800);
    w.faults({fault("GetUserAvailability", "before", "busy", {{"back_off_ms", 60'000}}, 0)});
    CHECK(outcome(w.call("availability.get", "", free_busy(), {{"ttl_ms", 1000}})) == "exchange_busy");
}

TEST_CASE("an error of one operation is told with Exchange's own code", "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "error", {{"code", "ErrorAccessDenied"}})});
    const auto r = w.call("event.create", host, booking("b-1"));
    CHECK(outcome(r) == "exchange_error");
    CHECK(text_at(r, "/error/exchange") == "ErrorAccessDenied");
    CHECK(w.ledger() == tally{});
}

TEST_CASE("a wrong password is one refusal, whatever is asked meanwhile, until the credentials change",
          "[integration]")
{
    scenario w;
    // The first look at Exchange is over, and vouches for nothing that comes later.
    REQUIRE(outcome(w.call("connection.test", "", {})) == "ok");
    REQUIRE(eventually([&] { return at(w.exchange().get("/stats"), "/in_flight") == 0; }));
    std::this_thread::sleep_for(50ms);
    w.exchange().put("/account", {{"password", "another"}});
    std::vector<std::string> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(w.send("availability.get", "", free_busy(), {{"ttl_ms", 4000}}));
    const auto write = w.send("event.create", host, booking("b-1"));
    for (const auto& id : ids)
        CHECK(outcome(w.result(id)) == "auth_failed");
    CHECK(at(w.exchange().get("/stats"), "/sign_ins/refused").to_number<int>() == 1);

    // The administrator puts the new password in place and reloads: the write that waited is carried out.
    {
        std::ofstream(w.folder() / "exchange.password") << "another\n";
    }
    w.agent().signal(SIGHUP);
    const auto r = w.result(write);
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(at(w.exchange().get("/stats"), "/sign_ins/refused").to_number<int>() == 1);
}

TEST_CASE("a password that is changed right after a success is refused three times at most", "[integration]")
{
    scenario w({.config = {{"exchange.max_connections", "10"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    REQUIRE(outcome(w.call("connection.test", "", {})) == "ok");
    REQUIRE(eventually([&] { return at(w.exchange().get("/stats"), "/in_flight") == 0; }));
    std::this_thread::sleep_for(50ms); // the success vouches for nothing any more
    // The request that proves the old password is on its way back when it changes; then everybody begins, and each refusal takes
    // its time.
    w.faults({fault("*", "before", "delay", {{"ms", 300}}, 0)});
    const auto proving = w.send("connection.test", "", {}, {{"ttl_ms", 4000}});
    REQUIRE(eventually([&] { return at(w.exchange().get("/stats"), "/in_flight") == 1; }));
    w.exchange().put("/account", {{"password", "another"}});
    std::vector<std::string> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(w.send("mailbox.verify", "user" + std::to_string(i % 9 + 1) + "@corp.example", {},
                             {{"ttl_ms", 4000}}));
    w.result(proving);
    for (const auto& id : ids)
        CHECK(outcome(w.result(id)) == "auth_failed");
    CHECK(at(w.exchange().get("/stats"), "/sign_ins/refused").to_number<int>() <= 3);
}

TEST_CASE("Exchange being away is told to reads and waited for by writes", "[integration]")
{
    scenario w;
    w.faults({fault("*", "before", "status", {{"status", 503}}, 0)});
    const auto write = w.send("event.create", host, booking("b-1"));
    CHECK(outcome(w.call("availability.get", "", free_busy(), {{"ttl_ms", 1000}})) == "exchange_unavailable");
    CHECK(text_at(w.record(write), "/state") == "accepted");
    w.exchange().remove("/faults");
    CHECK(outcome(w.result(write, 60s)) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a server that is no supported Exchange is told apart", "[integration]")
{
    for (const char* product : {"2010", "online"}) {
        scenario w({.config = {},
                    .exchange_arguments = {"--product", product},
                    .cloud_arguments = {},
                    .environment = {}});
        const auto r = w.call("connection.test", "", {});
        INFO(product << ": " << described(r));
        CHECK(outcome(r) == "exchange_unsupported");
    }
    scenario page({.config = {},
                   .exchange_arguments = {},
                   .cloud_arguments = {},
                   .environment = {},
                   .start_agent = false}); // asks at its start
    page.faults({fault("*", "before", "html", {}, 0)});
    page.start_agent();
    page.wait_connected();
    CHECK(outcome(page.call("connection.test", "", {}, {{"ttl_ms", 2000}})) == "exchange_unsupported");
}
