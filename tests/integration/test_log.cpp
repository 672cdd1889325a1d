// What the agent's log says, and what it never says.
#include "tests/integration/planted.hpp"
#include "tests/integration/scenario.hpp"
#include "tests/integration/small_disk.hpp"

#include "agent/status/client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

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

std::string free_port()
{
    using boost::asio::ip::tcp;
    boost::asio::io_context context(1);
    const tcp::acceptor probe(context, {boost::asio::ip::address_v4::loopback(), 0});
    return std::to_string(probe.local_endpoint().port());
}

// A pipe in the place of the agent's standard error, whose reader reads only when it is told to.
class idle_reader {
public:
    explicit idle_reader(fs::path pipe) : pipe_(std::move(pipe))
    {
        REQUIRE(::mkfifo(pipe_.c_str(), 0600) == 0);
        handle_ = ::open(pipe_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        REQUIRE(handle_ >= 0);
    }
    ~idle_reader()
    {
        ::close(handle_);
        fs::remove(pipe_);
        std::ofstream(pipe_).close(); // whoever looks for a log finds an empty one
    }
    idle_reader(const idle_reader&) = delete;
    idle_reader& operator=(const idle_reader&) = delete;

    void read_on(std::string& text) const
    {
        std::array<char, 64 * 1024> piece;
        for (;;) {
            const auto size = ::read(handle_, piece.data(), piece.size());
            if (size <= 0)
                return;
            text.append(piece.data(), static_cast<std::size_t>(size));
        }
    }

private:
    fs::path pipe_;
    int handle_ = -1;
};

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
    const auto is_nobodys =
        [](const std::string& line) { // what notifications and the server's health have to say
            return line.find("notifications: ") != line.npos || line.find("exchange: ") != line.npos;
        };
    const auto lines_about = [&](const auto& act) {
        const auto before = w.agent_log().size();
        const std::string id = act();
        w.result(id);
        REQUIRE(eventually([&] { return w.agent_log().find(id + ": ok", before) != std::string::npos; }));
        auto lines = lines_of(w.agent_log().substr(before));
        std::erase_if(lines, is_nobodys);
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
        if (!is_nobodys(line))
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

TEST_CASE("a log reader that hangs stops neither the agent nor its /healthz, and what is lost is counted",
          "[integration][log]")
{
    const auto port = free_port();
    scenario w(logging({{"log.level", "'trace'"}, {"status.listen", "'127.0.0.1:" + port + "'"}}, {}, false));
    idle_reader reader(w.folder() / "agent.log");
    w.start_agent();
    w.wait_connected();
    const auto ask = [&](std::string_view path) {
        const auto limit = std::chrono::milliseconds(10'000) * slowness();
        const auto got =
            relay::status::fetch({"127.0.0.1", static_cast<std::uint16_t>(std::stoi(port))}, path, limit);
        REQUIRE(got.has_value());
        return *got;
    };
    // More than pipe and memory hold.
    std::string last;
    REQUIRE(eventually(
        [&] {
            for (int i = 0; i < 50; ++i)
                last = w.send("mailbox.verify", host, {});
            return at(json::parse(ask("/api/status").body), "/log/lines_lost").to_number<int>() > 0;
        },
        60s));
    CHECK(ask("/healthz").status == 200);
    w.result(last, 60s); // else the window may be full
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    const auto status = run_to_end(relay_program(), {"status", "--config", w.config_file().string()});
    CHECK(status.code == 0);
    CHECK_THAT(status.out, Contains("log cannot be written") && Contains("does not keep up"));
    std::string text;
    REQUIRE(eventually([&] {
        reader.read_on(text);
        return text.find("of the log got lost here") != text.npos;
    }));
    w.agent().signal(SIGTERM);
    REQUIRE(eventually([&] {
        reader.read_on(text);
        return !w.agent().running();
    }));
    CHECK_THAT(text, Contains("stopping") && EndsWith("stopped\n"));
    CHECK(w.agent().wait() == 0);
}

TEST_CASE("an agent whose log reader hangs stops when it is told to", "[integration][log]")
{
    scenario w(logging({{"log.level", "'trace'"}, {"status.listen", "''"}}, {}, false));
    const idle_reader reader(w.folder() / "agent.log");
    w.start_agent();
    w.wait_connected();
    for (int i = 0; i < 300; ++i)
        w.send("mailbox.verify", host, {}); // more than the pipe holds
    CHECK(w.stop_agent() == 0);
}

TEST_CASE("a full disk under log.file shows in status and doctor, and costs nothing else",
          "[integration][log]")
{
    scenario w(logging({}, {}, false));
    const auto folder = w.folder() / "log";
    fs::create_directory(folder);
    const small_disk disk(folder, "size=64k,mode=0700");
    if (!disk.mounted())
        return;
    const auto file = folder / "agent.log";
    w.configure({{"log.file", "'" + file.string() + "'"},
                 {"log.level", "'debug'"},
                 {"status.listen", "'127.0.0.1:" + free_port() + "'"}});
    w.start_agent();
    w.wait_connected();
    disk.fill();
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    const auto call = [&](const char* command) {
        return run_to_end(relay_program(), {command, "--config", w.config_file().string()}).out;
    };
    REQUIRE(eventually([&] {
        w.send("mailbox.verify", host, {});
        return call("status").find("log cannot be written") != std::string::npos;
    }));
    CHECK_THAT(call("status"), Contains("No space left on device"));
    CHECK_THAT(call("doctor"), Contains("log") && Contains("Make room on this disk"));
    disk.empty();
    REQUIRE(eventually([&] {
        w.send("mailbox.verify", host, {});
        return contents(file).find("of the log got lost here: No space left on device") != std::string::npos;
    }));
    CHECK_THAT(call("status"), !Contains("log cannot be written"));
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
