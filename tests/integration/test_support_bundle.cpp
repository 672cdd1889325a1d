// `support-bundle`: everything that support asks for, and nothing of what is none of its business.
#include "tests/integration/scenario.hpp"

#include "common/text/text.hpp"

#include <boost/json/parse.hpp>

#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

using namespace relay::test;

namespace {

constexpr std::string_view planted_password = "s3cret & \xc3\xa4pfel"; // the world's own

std::string content_of(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

ended make_bundle(relay_world& w, const fs::path& out, std::vector<std::string> more = {})
{
    std::vector<std::string> arguments{"support-bundle", "--config", w.config_file().string(), "-o",
                                       out.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_to_end(relay_program(), std::move(arguments));
}

// A bundle, opened by plain tar.
struct opened {
    explicit opened(const fs::path& archive)
    {
        const auto folder = archive.string() + ".open";
        fs::create_directory(folder);
        const auto command = "tar xzf '" + archive.string() + "' -C '" + folder + "'";
        REQUIRE(std::system(command.c_str()) == 0);
        int folders = 0;
        for (const auto& entry : fs::directory_iterator(folder)) {
            ++folders;
            root = entry.path();
        }
        CHECK(folders == 1);
        for (const auto& entry : fs::directory_iterator(root)) {
            names.insert(entry.path().filename().string());
            everything += content_of(entry.path());
        }
    }
    std::string read(const std::string& name) const
    {
        INFO(name);
        REQUIRE(names.contains(name));
        return content_of(root / name);
    }

    fs::path root;
    std::set<std::string> names;
    std::string everything;
};

std::string utf16(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        out += c;
        out += '\0';
    }
    return out;
}

std::string percent_encoded(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        out += plain ? std::string(1, c) : "%" + relay::to_hex(std::string(1, c));
    }
    return out;
}

void check_absent(const std::string& everything, std::string_view planted)
{
    INFO(planted);
    CHECK(everything.find(planted) == everything.npos);
    CHECK(everything.find(utf16(planted)) == everything.npos);
    CHECK(everything.find(percent_encoded(planted)) == everything.npos);
    for (const char* before : {"", "a", "ab"}) { // as it begins in a group of base64
        auto coded = relay::to_base64(before + std::string(planted));
        CHECK(everything.find(coded.substr(4, coded.size() - 8)) == everything.npos);
    }
}

const std::set<std::string> all_members{"contents.txt",  "config.toml",      "config-mistakes.txt",
                                        "status.json",   "history.json",     "metrics.txt",
                                        "doctor.json",   "queue.jsonl",      "agent.log",
                                        "versions.json", "certificate.json", "data-folder.txt"};

} // namespace

TEST_CASE("a support bundle holds what support asks for first", "[integration]")
{
    scenario w({.config = {{"status.listen", "'127.0.0.1:0'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    w.configure({{"log.file", "'" + (w.folder() / "relay.log").string() + "'"}});
    w.start_agent();
    w.wait_connected();
    // The port that it was given, for those who ask it.
    std::string log;
    constexpr std::string_view mark = "status page: http://";
    REQUIRE(eventually([&] { return (log = content_of(w.folder() / "relay.log")).find(mark) != log.npos; }));
    const auto where = log.find(mark) + mark.size();
    w.configure({{"log.file", "'" + (w.folder() / "relay.log").string() + "'"},
                 {"status.listen", "'" + log.substr(where, log.find('/', where) - where) + "'"}});
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");

    const auto file = w.folder() / "bundle.tar.gz";
    const auto e = make_bundle(w, file);
    INFO(e.out << e.err);
    REQUIRE(e.code == 0);
    CHECK(e.err.empty());
    for (const auto& name : all_members)
        CHECK_THAT(e.out, Catch::Contains(name));
    struct stat seen {};
    REQUIRE(::stat(file.c_str(), &seen) == 0);
    CHECK((seen.st_mode & 0777) == 0600);

    const opened b(file);
    CHECK(b.names == all_members);
    CHECK_THAT(b.read("config.toml"), Catch::Contains("[exchange]") && Catch::Contains(w.ews_url()));
    CHECK(b.read("config-mistakes.txt") == "none\n");
    CHECK(text_at(boost::json::parse(b.read("status.json")), "/link/state") == "connected");
    CHECK_THAT(b.read("metrics.txt"), Catch::Contains("workestra_relay_link_up 1"));
    CHECK(boost::json::parse(b.read("history.json")).is_object());
    CHECK(!at(boost::json::parse(b.read("doctor.json")), "/checks").as_array().empty());
    CHECK_THAT(b.read("queue.jsonl"), Catch::Contains("event.create"));
    CHECK_THAT(b.read("agent.log"), Catch::Contains("status page"));
    CHECK(boost::json::parse(b.read("versions.json")).as_object().contains("libraries"));
    CHECK_THAT(b.read("certificate.json"), Catch::Contains("agent-1"));
    CHECK_THAT(b.read("data-folder.txt"), Catch::Contains("queue.db"));
    CHECK_THAT(b.read("contents.txt"), Catch::Contains("agent.log"));

    // Once there it is not written over without being asked for.
    auto again = make_bundle(w, file);
    CHECK(again.code == 1);
    CHECK_THAT(again.err, Catch::Contains("exists already") && Catch::Contains("--force"));
    CHECK(make_bundle(w, file, {"--force"}).code == 0);
    CHECK(make_bundle(w, w.folder() / "no-such-folder" / "b.tar.gz").code == 1);
    CHECK(make_bundle(w, w.folder(), {"--force"}).code == 1);
}

TEST_CASE("no secret, subject, body, place or attendee is in a support bundle", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    const auto log = w.folder() / "relay.log";
    const configuration planted{
        {"log.file", "'" + log.string() + "'"},
        {"log.level", "'trace'"},
        {"exchange.password_file", ""},
        {"exchange.password_command", "['/bin/cat', '" + (w.folder() / "exchange.password").string() + "']"}};
    w.configure(planted);
    w.start_agent();
    w.wait_connected();
    auto params = planted_booking("b-1");
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    params["event_id"] = "b-2";
    params["attendees"] = json::array{{{"email", "PlantedNotAnAddress"}}};
    CHECK(outcome(w.call("event.create", host, params)) == "invalid_request");
    CHECK(outcome(w.call("mailbox.verify", "planted.nobody@corp.example", {})) != "ok");
    params["event_id"] = "b-3";
    params["attendees"] =
        json::array{{{"email", "planted.guest@elsewhere.example"}, {"name", "Planted Guest"}}};
    w.faults({fault("*", "before", "reset", {}, 0)});
    const auto waits = w.send("event.create", host, params);
    REQUIRE(w.accepted(waits));
    w.faults({});
    CHECK(outcome(w.result(waits)) == "ok");
    REQUIRE(w.stop_agent() == 0);

    // As though all that goes wrong with a log had gone wrong with this one.
    const std::string password(planted_password);
    std::ofstream(log, std::ios::app)
        << "raw " << password << "\nbase64 " << relay::to_base64("CORP\\workestra-svc:" + password)
        << "\nwide " << utf16("PlantedPr0xy") << "\nurl " << percent_encoded(password)
        << "\nproxy http://u:PlantedPr0xy@proxy:3128"
        << "\nguest planted.guest@elsewhere.example\n-----BEGIN PRIVATE KEY-----\nUGxhbnRlZEtleQ==\n"
        << "-----END PRIVATE KEY-----\n";
    auto with_file = planted;
    with_file["exchange.password_file"] = "'" + (w.folder() / "exchange.password").string() + "'";
    with_file["exchange.password_command"] = "";
    with_file["cloud.proxy"] = "'http://u:PlantedPr0xy@proxy.corp.example:3128'";
    w.configure(with_file);
    const auto file = w.folder() / "bundle.tar.gz";
    const auto e = make_bundle(w, file);
    INFO(e.out << e.err);
    REQUIRE(e.code == 0);
    CHECK_THAT(e.out, Catch::Contains("taken out"));
    const opened b(file);
    CHECK_THAT(b.read("agent.log"), Catch::Contains("raw ***") && Catch::Contains("guest <address "));
    CHECK_THAT(b.read("config.toml"), Catch::Contains("***") && Catch::Contains("proxy.corp.example"));
    CHECK_THAT(b.read("queue.jsonl"), Catch::Contains(waits));
    const auto everything = b.everything + e.out;
    for (const char* text : {"PlantedSubject", "PlantedLocation", "PlantedBody",
                             "planted.guest@elsewhere.example", "Planted Guest", "PlantedNotAnAddress",
                             "PlantedPr0xy", "planted.nobody@corp.example", "UGxhbnRlZEtleQ=="})
        check_absent(everything, text);
    check_absent(everything, planted_password);
}

TEST_CASE("a support bundle is made where no agent runs and the configuration is broken", "[integration]")
{
    scenario w;
    REQUIRE(w.stop_agent() == 0);
    std::ofstream(w.config_file(), std::ios::app) << "\n[exchang]\nurll = 'x'\n";
    const auto file = w.folder() / "bundle.tar.gz";
    const auto e = make_bundle(w, file);
    INFO(e.out << e.err);
    REQUIRE(e.code == 0);
    const opened b(file);
    CHECK(b.names == all_members);
    CHECK_THAT(b.read("config-mistakes.txt"), Catch::Contains("exchang"));
    CHECK_THAT(b.read("config.toml"), Catch::Contains(w.ews_url())); // the rest of it
    CHECK_THAT(b.read("status.json"),
               Catch::Contains("cannot be asked") || Catch::Contains("no agent answers"));
    CHECK_THAT(b.read("doctor.json"), Catch::Contains("exchang: unknown section"));
    CHECK_THAT(b.read("data-folder.txt"), Catch::Contains("queue.db"));

    fs::remove(w.config_file());
    CHECK(make_bundle(w, w.folder() / "other.tar.gz").code == 0);
}
