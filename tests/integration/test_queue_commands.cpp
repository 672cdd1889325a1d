// `queue`: looking at what waits and what finished, and the two changes that are safe, beside a running agent and without.
#include "tests/integration/scenario.hpp"

#include <boost/json/parse.hpp>

#include <sys/stat.h>

#include <csignal>
#include <sstream>

using namespace relay::test;

namespace {

ended queue(relay_world& w, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "queue");
    arguments.insert(arguments.end(), {"--config", w.config_file().string()});
    return run_to_end(relay_program(), std::move(arguments));
}

json::array listed(relay_world& w)
{
    const auto e = queue(w, {"list", "--json"});
    INFO(e.out << e.err);
    REQUIRE(e.code == 0);
    return boost::json::parse(e.out).as_array();
}

// The entry of `queue list --json`; an empty object where there is none.
json::object entry(relay_world& w, std::string_view id)
{
    for (const auto& e : listed(w))
        if (e.at("id").as_string() == id)
            return e.as_object();
    return {};
}

std::string state(relay_world& w, std::string_view id)
{
    const auto e = entry(w, id);
    return e.empty() ? "none" : std::string(e.at("state").as_string());
}

// A booking that cannot be tried: Exchange is away.
std::string booking_that_waits(relay_world& w, std::string_view event_id)
{
    w.faults({fault("*", "before", "reset", {}, 0)});
    auto id = w.send("event.create", host, booking(event_id));
    REQUIRE(w.accepted(id));
    REQUIRE(eventually([&] {
        const auto e = entry(w, id);
        return !e.empty() && e.at("state") == "waiting" && !e.at("last_error").is_null();
    }));
    return id;
}

// A drop is the one `cancelled` that the cloud did not ask for, also after tries. cloud-sim, which knows the protocol's
// `cancel` alone, notes it; nothing else may be noted.
class world_with_drops : public relay_world {
public:
    world_with_drops() = default;
    ~world_with_drops()
    {
        try {
            for (const auto& v : violations()) {
                INFO(json::serialize(v));
                CHECK(text_at(v, "/frame").find(R"("code":"cancelled")") != std::string::npos);
            }
            CHECK(agent_log().find("Sanitizer") == std::string::npos);
        } catch (const std::exception& e) {
            UNSCOPED_INFO(e.what());
            CHECK(false);
        }
    }
};

} // namespace

TEST_CASE("`queue` shows beside the running agent what waits, what runs and what finished", "[integration]")
{
    scenario w;
    w.cloud().put("/behaviour", {{"withhold_acks", true}});
    const auto done = w.send("event.create", host, booking("b-done"));
    REQUIRE(outcome(w.result(done)) == "ok");
    const auto refused = w.send("event.create", host, booking("b-done"));
    REQUIRE(outcome(w.result(refused)) == "conflict");
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 4000}})});
    const auto running = w.send("event.create", host, booking("b-runs"));
    REQUIRE(eventually([&] { return state(w, running) == "running"; }));

    const auto all = listed(w);
    REQUIRE(all.size() == 3);
    const auto first = all[0].as_object();
    CHECK(first.at("id").as_string() == done);
    CHECK(first.at("op").as_string() == "event.create");
    CHECK(first.at("mailbox").as_string() == host);
    CHECK(first.at("state").as_string() == "finished");
    CHECK_THAT(std::string(first.at("received_at").as_string()), Catch::StartsWith("20"));
    CHECK(first.at("attempts").to_number<int>() == 1);
    CHECK(first.at("last_error").is_null());
    CHECK(first.size() == 7);
    CHECK(entry(w, refused).at("last_error").as_string() == "conflict");

    const auto table = queue(w, {"list"});
    CHECK(table.code == 0);
    CHECK_THAT(table.out, Catch::Contains(running) && Catch::Contains("conflict") &&
                              Catch::Contains("0 waiting, 1 running, 2 finished, 0 acknowledged"));
    const auto shown = queue(w, {"show", refused});
    CHECK(shown.code == 0);
    CHECK_THAT(shown.out, Catch::Contains("b-done") && Catch::Contains("conflict"));
    const auto exported = queue(w, {"export"});
    CHECK(exported.code == 0);
    std::istringstream lines(exported.out);
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count)
        CHECK(boost::json::parse(line).as_object().contains("expires_at"));
    CHECK(count == 3);

    CHECK(outcome(w.result(running)) == "ok");
    w.cloud().put("/behaviour", {{"withhold_acks", false}});
    w.cut_link();
    CHECK(eventually([&] { return state(w, done) == "acknowledged"; }));
}

TEST_CASE("`queue` tells nothing private", "[integration]")
{
    scenario w;
    auto params = planted_booking("b-1");
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    params["event_id"] = "b-2";
    w.faults({fault("*", "before", "reset", {}, 0)});
    const auto id = w.send("event.create", host, params);
    REQUIRE(w.accepted(id));
    std::string seen;
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"list"}, {"list", "--json"}, {"show", id}, {"show", id, "--json"}, {"export"}, {"drop", id}}) {
        const auto e = queue(w, command);
        seen += e.out + e.err;
    }
    CHECK_THAT(seen, Catch::Contains(id));
    CHECK_THAT(seen, !Catch::Contains("lanted"));
    w.faults({});
}

TEST_CASE("a write that waits in back-off is tried when `queue retry` asks for it", "[integration]")
{
    scenario w;
    const auto id = booking_that_waits(w, "b-1");
    w.faults({});
    const auto e = queue(w, {"retry", id});
    INFO(e.out << e.err);
    // Between two tries it is told that one is under way, or that it has ended by itself meanwhile.
    CHECK((e.code == 0 || e.err.find("carried out now") != std::string::npos ||
           e.err.find("it finished at") != std::string::npos));
    CHECK(outcome(w.result(id)) == "ok");
    CHECK(w.ledger().creates == 1);

    const auto again = queue(w, {"retry", id});
    CHECK(again.code == 1);
    CHECK_THAT(again.err, Catch::Contains("it finished at"));
}

TEST_CASE("`queue drop` ends a write that waits, and the cloud is told", "[integration]")
{
    world_with_drops w;
    const auto id = booking_that_waits(w, "b-1");
    const auto asked = queue(w, {"drop", id});
    CHECK(asked.code == 2);
    CHECK_THAT(asked.out, Catch::Contains("would be dropped") && Catch::Contains(id));
    CHECK_THAT(asked.err, Catch::Contains("--yes"));
    CHECK(state(w, id) != "finished");

    ended e;
    CHECK(eventually([&] {
        e = queue(w, {"drop", id, "--yes"});
        return e.err.find("carried out now") == std::string::npos; // else between two tries
    }));
    INFO(e.out << e.err);
    CHECK(e.code == 0);
    CHECK(outcome(w.result(id)) == "cancelled");
    CHECK(entry(w, id).at("last_error").as_string() == "cancelled");
    w.faults({});
    REQUIRE(outcome(w.call("event.create", host, booking("b-2"))) == "ok");
    CHECK(w.ledger().creates == 1);
}

TEST_CASE("a write whose outcome is unknown is not dropped, by the agent or without it", "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "after", "hang")});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.ledger().creates == 1; }));
    auto e = queue(w, {"drop", id, "--yes"});
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Catch::Contains("is not dropped") || Catch::Contains("cannot be dropped"));

    w.kill_agent();
    w.faults({});
    CHECK(state(w, id) == "running");
    e = queue(w, {"drop", id, "--yes"});
    INFO(e.out << e.err);
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Catch::Contains("is not dropped") && Catch::Contains("looks it up"));
    CHECK(queue(w, {"drop", id}).code == 1);

    w.start_agent();
    CHECK(outcome(w.result(id)) == "ok");
    CHECK(w.ledger().creates == 1);
}

TEST_CASE("without an agent `queue` works on what it left, and the next one delivers what was dropped",
          "[integration]")
{
    world_with_drops w;
    const auto dropped = booking_that_waits(w, "b-1");
    const auto kept = w.send("event.create", host, booking("b-2"));
    REQUIRE(w.accepted(kept));
    w.kill_agent(); // and its socket stays behind

    CHECK(state(w, dropped) == "waiting");
    auto e = queue(w, {"retry", dropped});
    CHECK(e.code == 0);
    CHECK_THAT(e.out, Catch::Contains("is tried when it starts"));
    e = queue(w, {"drop", dropped, "--yes"});
    INFO(e.out << e.err);
    CHECK(e.code == 0);
    CHECK(state(w, dropped) == "finished");

    w.faults({});
    w.start_agent();
    CHECK(outcome(w.result(dropped)) == "cancelled");
    CHECK(outcome(w.result(kept)) == "ok");
    CHECK(w.ledger().creates == 1);
    CHECK(queue(w, {"retry", "no-such-id"}).code == 1);
}

TEST_CASE("the agent's own socket is for its user alone, and goes with it", "[integration]")
{
    scenario w;
    const auto socket = w.data_folder() / "agent.sock";
    REQUIRE(eventually([&] { return fs::exists(socket); }));
    struct stat seen {};
    REQUIRE(::stat(socket.c_str(), &seen) == 0);
    CHECK(S_ISSOCK(seen.st_mode));
    CHECK((seen.st_mode & 0777) == 0600);
    REQUIRE(w.stop_agent() == 0);
    CHECK(!fs::exists(socket));
    CHECK(w.agent_log().find("cannot listen") == std::string::npos);
}

TEST_CASE("`queue` says what is missing", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    auto e = queue(w, {"list"});
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Catch::Contains("there is no queue in") && Catch::Contains("agent.data_dir"));
    CHECK(fs::is_empty(w.data_folder()));

    w.start_agent();
    w.wait_connected();
    CHECK(queue(w, {"list", "--json"}).out == "[]\n");
    CHECK(queue(w, {"export"}).out.empty());
    e = queue(w, {"show", "no-such-id"});
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Catch::Contains("no write no-such-id"));
    CHECK(queue(w, {"show"}).code == 2);
    CHECK(queue(w, {"drop", "no-such-id", "--yes"}).code == 1);
    CHECK(queue(w, {}).code == 2);
}
