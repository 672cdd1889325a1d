// The agent before Exchange's throttling: how much it asks at once, what it does when that is too much, and who waits.
#include "tests/integration/scenario.hpp"

#include <algorithm>

using namespace relay::test;

namespace {

json::object free_busy_of(std::string_view mailbox)
{
    return {{"mailboxes", json::array{mailbox}},
            {"start", "2026-12-01T00:00:00Z"},
            {"end", "2026-12-02T00:00:00Z"}};
}

json::object command(std::string_view op, std::string_view mailbox, json::object params)
{
    return {{"op", op}, {"mailbox", mailbox}, {"params", std::move(params)}};
}

std::vector<std::string> send_all(relay_world& w, json::array commands)
{
    std::vector<std::string> ids;
    const auto sent = w.cloud().post("/commands", std::move(commands));
    for (const auto& id : sent.at("ids").as_array())
        ids.emplace_back(id.as_string());
    return ids;
}

void check_all_ok(relay_world& w, const std::vector<std::string>& ids)
{
    for (const auto& id : ids) {
        const auto r = w.result(id, 60s);
        INFO(id << ": " << described(r));
        CHECK(outcome(r) == "ok");
    }
}

int number_at(const json::value& v, std::string_view pointer)
{
    return at(v, pointer).to_number<int>();
}

int most_at_once(relay_world& w)
{
    return number_at(w.exchange().get("/stats"), "/most_in_flight");
}

// The highest concurrency that one mailbox's budget has seen; the service account's own is left out.
int most_for_one_mailbox(relay_world& w)
{
    int most = 0;
    const auto stats = w.exchange().get("/stats");
    for (const auto& [name, use] : stats.at_pointer("/throttling/budgets").as_object())
        if (!name.empty())
            most = std::max(most, use.at("most").to_number<int>());
    return most;
}

int refused(relay_world& w)
{
    return number_at(w.exchange().get("/stats"), "/throttling/refused");
}

json::array bookings(std::string_view mailbox, std::string_view prefix, int count)
{
    json::array all;
    for (int i = 0; i < count; ++i)
        all.push_back(command("event.create", mailbox, booking(std::string(prefix) + std::to_string(i))));
    return all;
}

} // namespace

TEST_CASE("under any load Exchange sees no more at once than its default policy allows", "[integration]")
{
    scenario w({.config = {{"exchange.max_connections", "6"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    w.exchange().put("/throttling", json::object{{"max_concurrency", 4}, {"account_concurrency", 6}});
    w.faults({fault("*", "before", "delay", {{"ms", 40}}, 0)});
    auto commands = bookings(host, "h-", 30);
    for (int i = 0; i < 30; ++i) {
        const auto user = "user" + std::to_string(1 + i % 5) + "@corp.example";
        commands.push_back(command("event.create", user, booking("u-" + std::to_string(i))));
        commands.push_back(command("mailbox.verify", user, {}));
    }
    check_all_ok(w, send_all(w, std::move(commands)));
    CHECK(most_at_once(w) <= 6);
    CHECK(most_for_one_mailbox(w) == 4);
    CHECK(refused(w) == 0);
}

TEST_CASE("a budget that is smaller than usual is found out, kept to, and used again when it grows",
          "[integration]")
{
    scenario w;
    w.exchange().put("/throttling",
                     json::object{{"max_concurrency", 1}, {"back_off_ms", 200}, {"answer", "message"}});
    w.faults({fault("*", "before", "delay", {{"ms", 30}}, 0)});
    json::array reads;
    for (int i = 0; i < 60; ++i)
        reads.push_back(command("mailbox.verify", host, {}));
    check_all_ok(w, send_all(w, reads));
    const auto refused_at_first = refused(w);
    CHECK(refused_at_first >= 1); // of the first four at once
    CHECK(refused_at_first < 40); // and then one at a time, with a try at more now and then

    w.exchange().put("/throttling", json::object{});
    const auto until = std::chrono::steady_clock::now() + 30s * slowness();
    while (most_for_one_mailbox(w) < 4 && std::chrono::steady_clock::now() < until)
        check_all_ok(w, send_all(w, reads));
    CHECK(most_for_one_mailbox(w) == 4);
    CHECK(refused(w) == 0);
}

TEST_CASE("writes that are throttled at once are each carried out once", "[integration]")
{
    scenario w;
    w.exchange().put("/throttling", json::object{{"max_concurrency", 2}, {"back_off_ms", 100}});
    w.faults({fault("*", "before", "delay", {{"ms", 30}}, 0)});
    check_all_ok(w, send_all(w, bookings(host, "b-", 12)));
    CHECK(refused(w) > 0);
    CHECK(w.ledger() == tally{.creates = 12, .invitations = 24});
}

TEST_CASE("a host with very many bookings does not keep another one waiting", "[integration]")
{
    scenario w;
    w.faults({fault("*", "before", "delay", {{"ms", 300}}, 0)});
    const auto noisy = send_all(w, bookings(host, "n-", 60));
    REQUIRE(eventually([&] { return number_at(w.exchange().get("/stats"), "/in_flight") >= 4; }));
    const auto quiet = w.call("event.create", "user1@corp.example", booking("q-1"));
    INFO(described(quiet));
    REQUIRE(outcome(quiet) == "ok");
    CHECK(number_at(quiet, "/took_ms") < 1500 * slowness()); // two requests of 300 ms
    const auto read = w.call("availability.get", "", free_busy_of("user2@corp.example"));
    CHECK(number_at(read, "/took_ms") < 900 * slowness());
    const auto last = w.record(noisy.back());
    CHECK(last.at("state") != "finished"); // it was still busy with the other
    check_all_ok(w, noisy);
    CHECK(most_for_one_mailbox(w) == 4);
}

TEST_CASE("a host whose budget is used up does not keep others waiting", "[integration]")
{
    scenario w;
    w.faults({fault("*", "before", "busy", {{"back_off_ms", 4000}, {"mailbox", host}}, 4)});
    const auto paused = send_all(w, bookings(host, "p-", 20));
    for (int i = 0; i < 5; ++i) {
        const auto other = w.call("event.create", "user1@corp.example", booking("o-" + std::to_string(i)));
        INFO(described(other));
        CHECK(outcome(other) == "ok");
        CHECK(number_at(other, "/took_ms") < 1000 * slowness());
    }
    check_all_ok(w, paused);
}

TEST_CASE("free/busy questions that wait are asked together, and answered as if alone", "[integration]")
{
    scenario w({.config = {{"exchange.max_connections", "2"}},
                .exchange_arguments = {"--mailboxes", "40"},
                .cloud_arguments = {},
                .environment = {}});
    for (int i = 1; i <= 40; ++i)
        w.exchange().post("/mailboxes/user" + std::to_string(i) + "@corp.example/items",
                          {{"subject", "x"},
                           {"start", "2026-12-01T0" + std::to_string(i % 10) + ":00:00Z"},
                           {"end", "2026-12-01T1" + std::to_string(i % 7) + ":00:00Z"},
                           {"busy", i % 3 == 0 ? "Tentative" : "Busy"}});
    const auto question = [](int i) {
        const auto user = i == 17 ? std::string("nobody@corp.example")
                                  : "user" + std::to_string(1 + i % 40) + "@corp.example";
        auto q = free_busy_of(user);
        if (i % 3 == 0)
            q["start"] = "2026-12-01T05:30:00Z";
        return command("availability.get", "", std::move(q));
    };
    w.faults({fault("GetUserAvailability", "before", "delay", {{"ms", 200}}, 0)});
    json::array together;
    for (int i = 0; i < 60; ++i)
        together.push_back(question(i));
    const auto ids = send_all(w, std::move(together));
    check_all_ok(w, ids);
    CHECK(w.requests("GetUserAvailability") <= 10);
    w.exchange().remove("/faults");
    for (int i = 0; i < 60; ++i) {
        const auto alone = w.result(send_all(w, {question(i)}).front());
        CHECK(json::serialize(at(w.result(ids[static_cast<std::size_t>(i)]), "/output")) ==
              json::serialize(at(alone, "/output")));
    }
}
