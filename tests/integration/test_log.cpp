// What the agent's log says, and what it never says.
#include "tests/integration/planted.hpp"
#include "tests/integration/scenario.hpp"

#include <boost/json/parse.hpp>

#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include <sys/stat.h>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

world_options logging(configuration config, std::map<std::string, std::string> environment = {},
                      bool start = true)
{
    return {.config = std::move(config),
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = std::move(environment),
            .start_agent = start};
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

// What an administrator sees at the default level.
std::vector<std::string> usual_lines_of(const std::string& text)
{
    auto lines = lines_of(text);
    std::erase_if(lines, [](const auto& line) { return line.find(" debug ") != line.npos; });
    return lines;
}

std::string contents(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE("an outage of Exchange is two lines, however many commands meet it", "[integration][log]")
{
    scenario w;
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    const auto before = w.agent_log().size();
    w.faults({fault("*", "before", "reset", {}, 0)});
    std::vector<std::string> ids;
    for (int i = 0; i < 20; ++i) {
        ids.push_back(w.send("event.create", host, booking("b-" + std::to_string(i))));
        ids.push_back(w.send("mailbox.verify", host, {}, {{"ttl_ms", 60'000}}));
    }
    REQUIRE(
        eventually([&] { return at(w.exchange().get("/stats"), "/faults_struck").to_number<int>() >= 8; }));
    w.faults({});
    for (const auto& id : ids) {
        const auto r = w.result(id, 90s);
        INFO(described(r));
        CHECK(outcome(r) == "ok");
    }
    const auto lines = usual_lines_of(w.agent_log().substr(before));
    INFO(w.agent_log_tail());
    REQUIRE(lines.size() == 2);
    CHECK_THAT(lines[0], Contains(" warn ") && Contains("exchange: ") && Contains("writes wait"));
    CHECK_THAT(lines[1], Contains(" info ") && Contains("exchange: answers again after") &&
                             Contains("requests failed"));
}

TEST_CASE("an outage of the cloud is two lines, however often it is tried", "[integration][log]")
{
    scenario w;
    REQUIRE(eventually([&] { return w.agent_log().find("connected to") != std::string::npos; }));
    const auto before = w.agent_log().size();
    w.stop_cloud();
    std::this_thread::sleep_for(4s * slowness());
    w.start_cloud();
    w.wait_connected(60s);
    REQUIRE(eventually([&] { return w.agent_log().find(" again, ") != std::string::npos; }));
    const auto lines = usual_lines_of(w.agent_log().substr(before));
    INFO(w.agent_log());
    REQUIRE(lines.size() == 2);
    CHECK_THAT(lines[0], Contains(" warn ") && Contains("lost the link"));
    CHECK_THAT(lines[1], Contains(" info ") && Contains("again, session") && Contains(" ms and ") &&
                             Contains("attempts that failed"));
}

TEST_CASE("every line of a command carries its id", "[integration][log]")
{
    scenario w(logging({{"log.level", "'debug'"}}));
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    const auto lines_about = [&](const auto& act) {
        const auto before = w.agent_log().size();
        const std::string id = act();
        w.result(id);
        REQUIRE(eventually([&] { return w.agent_log().find(id + ": ok", before) != std::string::npos; }));
        auto lines = lines_of(w.agent_log().substr(before));
        for (const auto& line : lines)
            CHECK_THAT(line, Contains(id));
        return lines;
    };
    const auto write = lines_about([&] { return w.send("event.create", host, booking("b-1")); });
    CHECK(write.size() >= 4); // received, stored, carried out, ended
    CHECK_THAT(write.front(), Contains("event.create") && Contains("received"));
    const auto read = lines_about([&] { return w.send("mailbox.verify", host, {}); });
    CHECK(read.size() >= 3);
    // A try whose answer is lost, and what becomes of it.
    w.faults({fault("CreateItem", "after", "reset")});
    const auto before = w.agent_log().size();
    const auto id = w.send("event.create", host, booking("b-2"));
    CHECK(outcome(w.result(id, 60s)) == "ok");
    REQUIRE(eventually([&] { return w.agent_log().find(id + ": ok", before) != std::string::npos; }));
    for (const auto& line : lines_of(w.agent_log().substr(before)))
        if (line.find("exchange: ") == line.npos) // the server's health is nobody's in particular
            CHECK_THAT(line, Contains(id));
}

TEST_CASE("no level of the log holds what a meeting is about or who comes", "[integration][log]")
{
    scenario w(logging({{"log.level", "'trace'"}}));
    const std::map<std::string, std::string> content{{"subject", "Qu4rterly l4yoffs"},
                                                     {"body", "th3y d0 not know yet"},
                                                     {"location", "R00m behind the stairs"},
                                                     {"attendee", "v1ctim@elsewhere.example"},
                                                     {"name", "Vict0r Vict1m"},
                                                     {"URL", "https://meet.example/pr1vate-r00m"},
                                                     {"category", "c0nfidential"}};
    const auto meeting = [&](const char* id) {
        auto p = booking(id);
        p["subject"] = content.at("subject");
        p["body"] = json::object{{"format", "text"}, {"content", content.at("body")}};
        p["location"] = content.at("location");
        p["online_meeting_url"] = content.at("URL");
        p["categories"] = json::array{content.at("category")};
        p["attendees"] = json::array{
            {{"email", content.at("attendee")}, {"name", content.at("name")}, {"role", "required"}}};
        return p;
    };
    CHECK(outcome(w.call("event.create", host, meeting("b-1"))) == "ok");
    CHECK(outcome(w.call("event.get", host, {{"event_id", "b-1"}})) == "ok");
    CHECK(outcome(w.call("event.update", host,
                         {{"event_id", "b-1"}, {"set", {{"subject", content.at("subject") + "!"}}}})) ==
          "ok");
    // Where it goes wrong: refused by Exchange, by the agent, unreadable, answered with nonsense.
    w.faults({fault("CreateItem", "before", "error", {{"code", "ErrorInvalidRecipients"}})});
    CHECK(outcome(w.call("event.create", host, meeting("b-2"))) != "ok");
    w.faults({fault("CreateItem", "after", "truncate")});
    CHECK(outcome(w.call("event.create", host, meeting("b-3"))) == "ok");
    auto bad = meeting("b-4");
    bad["end"] = bad.at("start");
    bad[content.at("subject")] = content.at("body");
    CHECK(outcome(w.call("event.create", host, bad)) == "invalid_request");
    bad = meeting("b-5");
    bad["subject"] = json::array{content.at("subject")};
    CHECK(outcome(w.call("event.create", host, bad)) == "invalid_request");
    w.cloud().post("/raw", {{"text", R"({"type":"command","id":"x-1","params":{"subject":")" +
                                         content.at("subject") + "\"}}"}});
    w.cloud().post("/raw", {{"text", R"({"type":"command", "subject":")" + content.at("subject")}});
    REQUIRE(eventually([&] { return w.cloud().get("/problems").as_array().size() == 2; }));
    CHECK(w.stop_agent() == 0);
    CHECK(found_in(w.agent_log(), content) == std::vector<std::string>{});
    CHECK_THAT(w.agent_log(), Contains("event.create"));
}

TEST_CASE("a reload changes the level, and opens a log anew that was moved away", "[integration][log]")
{
    scenario w(logging({}, {}, false));
    const auto file = w.folder() / "own.log";
    const auto named = "'" + file.string() + "'";
    w.configure({{"log.file", named}, {"log.level", "'error'"}});
    w.start_agent();
    w.wait_connected();
    CHECK(contents(file).empty());
    fs::rename(file, w.folder() / "own.log.1"); // logrotate
    w.configure({{"log.file", named}, {"log.level", "'debug'"}});
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return contents(file).find("configuration reloaded") != std::string::npos; }));
    CHECK(contents(w.folder() / "own.log.1").empty());
    REQUIRE(eventually([&] { return w.cloud().get("/agents").as_array().size() == 2 && w.connected(); }));
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    CHECK(eventually([&] { return contents(file).find("connection.test") != std::string::npos; }));

    // JSON from now on; and a file that cannot be had is told in the one that can.
    w.configure({{"log.file", named}, {"log.format", "'json'"}});
    w.agent().signal(SIGHUP);
    REQUIRE(eventually(
        [&] { return contents(file).find("\"message\":\"configuration reloaded\"") != std::string::npos; }));
    w.configure({{"log.file", "'/nowhere/at/all.log'"}});
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return contents(file).find("the old log stays in use") != std::string::npos; }));
    CHECK(w.agent().running());
}

TEST_CASE("in the journal each line carries its priority", "[integration][log]")
{
    scenario w(logging({{"log.level", "'info'"}}, {}, false));
    const auto log = w.folder() / "agent.log";
    std::ofstream(log).close();
    struct stat found {};
    REQUIRE(::stat(log.c_str(), &found) == 0);
    w.start_agent({{"JOURNAL_STREAM", std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino)}});
    w.wait_connected();
    w.stop_cloud();
    REQUIRE(eventually([&] { return w.agent_log().find("lost the link") != std::string::npos; }));
    w.start_cloud();
    w.wait_connected(60s);
    REQUIRE(w.stop_agent() == 0);
    for (const auto& line : lines_of(w.agent_log())) {
        const bool warns = line.find("lost the link") != line.npos;
        CHECK_THAT(line, Catch::StartsWith(warns ? "<4>agent: " : "<6>agent: "));
    }
}
