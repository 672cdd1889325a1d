// What a hostile cloud can make the real agent write.
#include "tests/integration/scenario.hpp"
#include "tests/stand_ins/control/control_client.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <iostream>
#include <sstream>

using namespace relay::test;

namespace {

// How many of `total` commands were answered, a second.
double flood(scenario& w, std::string_view op, std::string_view mailbox, json::object params, int total)
{
    relay::stand_in::control_client client(w.cloud().url());
    const auto reply = client.call("POST", "/bench",
                                   {{"op", op},
                                    {"mailbox", mailbox},
                                    {"params", std::move(params)},
                                    {"total", total},
                                    {"outstanding", 32},
                                    {"timeout_ms", 120'000}},
                                   130s);
    REQUIRE((reply.has_value() && reply->status == 200));
    const auto& done = reply->body.as_object();
    CHECK(done.at("lost").to_number<int>() == 0);
    return done.at("per_second").to_number<double>();
}

std::uintmax_t bytes_on_disk(const scenario& w)
{
    return fs::file_size(w.data_folder() / "queue.db") + fs::file_size(w.data_folder() / "queue.db-wal");
}

} // namespace

TEST_CASE("a flood of refusals and of watches leaves few entries and few bytes, and bookings go on",
          "[integration][disk]")
{
    scenario w({.config = {{"policy.deny_mailboxes", "['user9@corp.example']"}, {"log.level", "'info'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    REQUIRE(outcome(w.call("event.create", host, booking("before"), {{"id", "before"}})) == "ok");
    const auto before = bytes_on_disk(w);
    constexpr int many = 20'000;
    const auto refused = flood(w, "event.get", "user9@corp.example", {{"event_id", "e"}}, many);
    const auto after_refusals = bytes_on_disk(w);
    const auto watches = flood(w, "availability.unwatch", "", {{"watch_id", "w-${n}"}}, many);
    std::cout << fmt::format("{:.0f} refusals a second took {} KiB, {:.0f} ended watches a second {} KiB\n",
                             refused, (after_refusals - before) >> 10, watches,
                             (bytes_on_disk(w) - after_refusals) >> 10);
    CHECK(after_refusals - before < 1'000'000);
    CHECK(bytes_on_disk(w) - after_refusals < 40'000'000); // 5,000 at once, and 20 a second
    REQUIRE(outcome(w.call("event.create", host,
                           booking("after", "2026-12-02T09:00:00Z", "2026-12-02T09:30:00Z"))) == "ok");
    w.cloud().post("/commands/before/redeliver");
    CHECK(eventually([&] { return w.record("before").at("results").to_number<int>() == 2; }));
    CHECK(w.ledger() == tally{.creates = 2, .invitations = 4});

    const auto ended = w.stop_agent();
    INFO(w.agent_log_tail());
    REQUIRE(ended.value_or(-1) == 0);
    const auto listed = run_to_end(relay_program(), {"audit", "--config", w.config_file().string()});
    REQUIRE(listed.code == 0);
    std::istringstream lines(listed.out);
    int refusals = 0, entries = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto e = json::parse(line).as_object();
        const bool denied = e.at("outcome").as_string() == "policy_denied";
        entries += denied;
        if (denied)
            refusals += e.contains("commands") ? e.at("commands").to_number<int>() : 1;
    }
    CHECK(refusals == many); // each is told of
    CHECK(entries < 1'000);
    CHECK(run_to_end(relay_program(), {"audit", "--verify", "--config", w.config_file().string()}).code == 0);
}
