#include "agent/commands/catalog.hpp"
#include "agent/status/documents.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/status/samples.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

using namespace relay;
using namespace relay::test;
using protocol::fault_code;

namespace {

struct recorded {
    asio::io_context context;
    manual_time time{context};
    status::recorder recorder{time, commands::catalog()};

    std::string metrics(const status::snapshot& s = healthy())
    {
        return status::metrics_text(s, recorder, platform::usage_of_this_process());
    }
    void command(std::string_view op, std::optional<fault_code> fault = {}, milliseconds took = 20ms)
    {
        recorder.command_ended({.id = "c-1", .op = op, .fault = fault, .attempts = 1, .took = took});
    }
};

} // namespace

TEST_CASE_METHOD(recorded, "commands are counted by operation and outcome", "[unit][status]")
{
    command("event.create");
    command("event.create");
    command("event.create", fault_code::conflict);
    const auto text = metrics();
    CHECK_THAT(text,
               Catch::Contains("\nworkestra_relay_commands_total{op=\"event.create\",outcome=\"ok\"} 2\n") &&
                   Catch::Contains("{op=\"event.create\",outcome=\"conflict\"} 1\n") &&
                   Catch::Contains("{op=\"event.cancel\",outcome=\"ok\"} 0\n") &&
                   Catch::Contains("\nworkestra_relay_command_seconds_count{op=\"event.create\"} 3\n") &&
                   Catch::Contains("_seconds_bucket{op=\"event.create\",le=\"0.01\"} 0\n") &&
                   Catch::Contains("_seconds_bucket{op=\"event.create\",le=\"0.025\"} 3\n") &&
                   Catch::Contains("_seconds_bucket{op=\"event.create\",le=\"+Inf\"} 3\n"));
}

TEST_CASE_METHOD(recorded, "names that the agent does not know become no labels", "[unit][status]")
{
    for (int i = 0; i < 1000; ++i)
        command("event.create\"} 1\n" + std::to_string(i), fault_code::unsupported_operation);
    for (int i = 0; i < 1000; ++i)
        recorder.request_ended("Request" + std::to_string(i), {}, 1ms);
    const auto text = metrics();
    CHECK_THAT(text, Catch::Contains("{op=\"unknown\",outcome=\"unsupported_operation\"} 1000\n") &&
                         Catch::Contains("{operation=\"other\",outcome=\"ok\"} 976\n"));
    CHECK(text.size() < 64 * 1024);
}

TEST_CASE_METHOD(recorded, "a refusal is counted but does not count as quick work", "[unit][status]")
{
    recorder.command_ended(
        {.id = "c", .op = "event.create", .fault = fault_code::overloaded, .admitted = false});
    CHECK_THAT(metrics(), Catch::Contains("{op=\"event.create\",outcome=\"overloaded\"} 1\n") &&
                              Catch::Contains("command_seconds_count{op=\"event.create\"} 0\n"));
}

TEST_CASE_METHOD(recorded, "every metric of INTERFACE.md is there, with the process's own", "[unit][status]")
{
    command("availability.get");
    recorder.request_ended("GetUserAvailability", {}, 30ms);
    recorder.request_ended("CreateItem", fault_code::exchange_unavailable, 5s);
    const auto text = metrics();
    for (const char* line :
         {"workestra_relay_link_up 1\n", "workestra_relay_commands_total{op=\"availability.get\"",
          "workestra_relay_command_seconds_bucket{op=\"availability.get\",le=\"0.005\"}",
          "workestra_relay_exchange_requests_total{operation=\"GetUserAvailability\",outcome=\"ok\"} 1\n",
          "{operation=\"CreateItem\",outcome=\"exchange_unavailable\"} 1\n",
          "workestra_relay_exchange_request_seconds_count 2\n", "workestra_relay_queue_commands 3\n",
          "workestra_relay_results_unacked 4\n", "workestra_relay_reconnects_total 2\n",
          "workestra_relay_certificate_expiry_timestamp_seconds 1803117600\n", "process_cpu_seconds_total ",
          "process_resident_memory_bytes ", "process_open_fds ", "process_start_time_seconds 1795341600\n"}) {
        INFO(line);
        CHECK(text.find(line) != text.npos);
    }
    auto down = healthy();
    down.link.state = "backoff";
    down.queue.reset();
    CHECK_THAT(metrics(down), Catch::Contains("workestra_relay_link_up 0\n") &&
                                  !Catch::Contains("workestra_relay_queue_commands"));
}

#ifdef RELAY_PROMTOOL
TEST_CASE_METHOD(recorded, "promtool finds nothing wrong with the metrics", "[unit][status]")
{
    for (const auto& o : commands::catalog().rows())
        command(o.name);
    recorder.request_ended("CreateItem", fault_code::exchange_busy, 1s);
    const temporary_folder folder;
    const auto file = folder.path() / "metrics.txt", said = folder.path() / "said.txt";
    std::ofstream(file) << metrics();
    const auto call =
        std::string(RELAY_PROMTOOL) + " check metrics < " + file.string() + " > " + said.string() + " 2>&1";
    const int code = std::system(call.c_str());
    std::ifstream in(said);
    INFO(std::string(std::istreambuf_iterator<char>(in), {}));
    CHECK(code == 0);
}
#endif

TEST_CASE_METHOD(recorded, "the last hour is kept by minutes, and an idle hour empties it", "[unit][status]")
{
    command("event.create", {}, 20ms);
    time.advance(1min);
    command("event.create", fault_code::conflict, 40ms);
    recorder.request_ended("CreateItem", {}, 30ms);
    auto hour = recorder.last_hour();
    REQUIRE(hour.size() == 60);
    CHECK(hour[58].commands == 1);
    CHECK(hour[58].commands_failed == 0);
    CHECK(hour[59].commands == 1);
    CHECK(hour[59].commands_failed == 1);
    CHECK(hour[59].request_times.count() == 1);

    time.advance(58min);
    CHECK(recorder.last_hour()[0].commands == 1);
    time.advance(1min);
    CHECK(recorder.last_hour()[0].commands == 1);
    CHECK(recorder.last_hour()[0].commands_failed == 1);
    time.advance(100 * 24h);
    for (const auto& m : recorder.last_hour())
        CHECK(m.commands == 0);
    command("event.create");
    CHECK(recorder.last_hour()[59].commands == 1);
}

TEST_CASE_METHOD(recorded, "the last fifty commands are listed, newest first", "[unit][status]")
{
    CHECK(recorder.last_commands().empty());
    for (int i = 0; i < 120; ++i)
        recorder.command_ended({.id = "c-" + std::to_string(i),
                                .op = i % 2 ? "event.get" : "made up",
                                .fault = {},
                                .attempts = i,
                                .took = 5ms});
    const auto last = recorder.last_commands();
    REQUIRE(last.size() == 50);
    CHECK(last[0].id() == "c-119");
    CHECK(last[0].attempts == 119);
    CHECK(recorder.operations().name(last[0].op) == "event.get");
    CHECK(recorder.operations().name(last[1].op) == "unknown");
    CHECK(last[49].id() == "c-70");
    recorder.command_ended({.id = std::string(500, 'x'), .op = "event.get", .fault = {}});
    CHECK(recorder.last_commands()[0].id().size() == 64);
}

TEST_CASE("quantiles are estimated within a bucket", "[unit][status]")
{
    status::latency l;
    CHECK_FALSE(l.quantile_seconds(0.5).has_value());
    for (int i = 0; i < 100; ++i)
        l.add(i < 90 ? 30ms : 3s);
    CHECK(*l.quantile_seconds(0.5) > 0.025);
    CHECK(*l.quantile_seconds(0.5) < 0.05);
    CHECK(*l.quantile_seconds(0.95) > 2.5);
    CHECK(*l.quantile_seconds(0.95) < 5);
    l = {};
    l.add(48h);
    CHECK(*l.quantile_seconds(0.5) == 3600);
    l = {};
    l.add(-1s); // a clock that went back
    CHECK(l.buckets()[0] == 1);
}

TEST_CASE_METHOD(recorded, "what the page draws holds sixty minutes, the findings and the last commands",
                 "[unit][status]")
{
    command("event.create", fault_code::exchange_busy, 70ms);
    auto s = healthy();
    s.exchange.state = "auth_failed";
    const boost::json::value h = status::history_json(s, recorder);
    CHECK(h.at("commands").at("count").as_array().size() == 60);
    CHECK(h.at("commands").at("p95_ms").as_array().size() == 60);
    CHECK(h.at("commands").at("p50_ms").as_array()[0].is_null());
    CHECK(h.at("commands").at("failed").as_array()[59] == 1);
    CHECK(h.at("ready") == false);
    CHECK(h.at("findings").as_array().size() == 1);
    CHECK(h.at_pointer("/last_commands/0/op") == "event.create");
    CHECK(h.at_pointer("/last_commands/0/outcome") == "exchange_busy");
    CHECK(h.at_pointer("/last_commands/0/took_ms") == 70);
}
