// What a machine and its administrator do to an agent: root where a service user works, signals at odd moments, a machine
// with an odd name, one that runs out of this or that.
#include "tests/integration/scenario.hpp"
#include "tests/integration/small_disk.hpp"
#include "tests/integration/status_page.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>

#include <csignal>
#include <fstream>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

using namespace relay::test;

namespace {

using boost::asio::ip::tcp;
using Catch::Matchers::Contains;

constexpr uid_t service_user = 65534;

world_options without_agent(configuration config = {})
{
    return {.config = std::move(config),
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

ended command(const scenario& w, const std::string& name)
{
    return run_to_end(relay_program(), {name, "--config", w.config_file().string()});
}

void give_to_service(const fs::path& place)
{
    REQUIRE(::chown(place.c_str(), service_user, service_user) == 0);
}

// Connections to the status page that ask nothing.
struct idle_connections {
    idle_connections(std::uint16_t port, int count)
    {
        for (int i = 0; i < count; ++i) {
            sockets.emplace_back(context);
            sockets.back().connect({boost::asio::ip::address_v4::loopback(), port});
        }
    }
    boost::asio::io_context context{1};
    std::vector<tcp::socket> sockets;
};

} // namespace

TEST_CASE("root is refused in the data folder of the service's user, and leaves nothing there",
          "[integration][machine]")
{
    if (::geteuid() != 0)
        return;
    scenario w(without_agent());
    fs::create_directories(w.data_folder());
    give_to_service(w.data_folder());
    const auto e = command(w, "run");
    INFO(e.err);
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Contains(w.data_folder().string()) && Contains("systemctl start workestra-relay"));
    CHECK(fs::is_empty(w.data_folder()));
}

TEST_CASE("files that root left in the data folder are named with their owner, by root's doctor too",
          "[integration][machine]")
{
    if (::geteuid() != 0)
        return;
    scenario w(without_agent());
    fs::create_directories(w.data_folder());
    give_to_service(w.data_folder());
    const auto file = w.data_folder() / "lock";
    std::ofstream(file).close();
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    const auto doctor = command(w, "doctor");
    INFO(doctor.out);
    CHECK(doctor.code == 1);
    CHECK_THAT(doctor.out, Contains(file.string() + " belongs to root") && Contains("chown "));

    // The service itself.
    for (const char* name : {"agent.crt", "agent.key"}) {
        fs::copy_file(development_pki() / name, w.folder() / name);
        give_to_service(w.folder() / name);
    }
    for (const char* name : {"agent.toml", "exchange.password"})
        give_to_service(w.folder() / name);
    w.configure({{"cloud.certificate_file", "'" + (w.folder() / "agent.crt").string() + "'"},
                 {"cloud.private_key_file", "'" + (w.folder() / "agent.key").string() + "'"},
                 {"cloud.ca_file", ""},
                 {"exchange.ca_file", ""}});
    give_to_service(w.config_file());
    give_to_service(w.folder());
    const auto id = std::to_string(service_user);
    const auto e = run_to_end("/usr/bin/setpriv",
                              {"--reuid=" + id, "--regid=" + id, "--clear-groups", relay_program().string(),
                               "run", "--config", w.config_file().string()});
    INFO(e.err);
    CHECK(e.code == 1);
    if (e.err.find("setpriv") == std::string::npos) // where that user may enter the build's folder at all
        CHECK_THAT(e.err, Contains(file.string() + " belongs to root"));
    REQUIRE(::chown(w.folder().c_str(), 0, 0) == 0);
}

TEST_CASE("a data folder without inodes, or read-only, is told as that", "[integration][machine]")
{
    const auto& [options, flags, sentence] = GENERATE(table<const char*, unsigned long, const char*>(
        {{"size=64m,mode=0700,nr_inodes=1", 0, "no inodes left"},
         {"size=64m,mode=0700", MS_RDONLY, "read-only"}}));
    scenario w(without_agent());
    fs::create_directories(w.data_folder());
    const small_disk disk(w.data_folder(), options, flags);
    if (!disk.mounted())
        return;
    const auto run = command(w, "run");
    CHECK(run.code == 1);
    CHECK_THAT(run.err, Contains(sentence));
    CHECK_THAT(command(w, "doctor").out, Contains(sentence));
}

TEST_CASE("SIGHUP at any moment of a start, or of a stop, is never the end of an agent",
          "[integration][machine]")
{
    scenario w(without_agent());
    // From main() on: before it the system loads libraries, and nobody can keep a signal.
    const auto has_begun = [&] {
        std::ifstream in("/proc/" + std::to_string(w.agent().pid()) + "/status");
        bool kept = false; // blocked, or caught by now: that it is blocked may be over before anybody looks
        for (std::string line; std::getline(in, line);)
            if (line.starts_with("SigBlk:") || line.starts_with("SigCgt:"))
                kept = kept || (std::stoull(line.substr(7), nullptr, 16) & 1u) != 0; // SIGHUP is the first
        return kept;
    };
    for (int ms = 0; ms <= 100; ms += 20) {
        w.start_agent();
        REQUIRE(eventually(has_begun));
        std::this_thread::sleep_for(std::chrono::milliseconds(ms) * slowness()); // at any moment, that is
        w.agent().signal(SIGHUP);
        w.wait_connected();
        CHECK(w.agent().running());
        w.agent().signal(SIGTERM);
        for (int i = 0; i < 20 && w.agent().running(); ++i) {
            w.agent().signal(SIGHUP);
            std::this_thread::sleep_for(2ms);
        }
        CHECK(w.agent().wait() == 0);
    }
}

TEST_CASE("a machine whose name is not UTF-8 has a status that can be read", "[integration][machine]")
{
    scenario w(with_page(false));
    w.configure({{"agent.name", ""}});
    auto environment = preloaded(RELAY_BROKEN_NETWORK);
    environment["RELAY_TEST_HOST_NAME"] = "caf\xe9-\xff";
    w.start_agent(environment);
    w.wait_connected(); // the cloud can read it as well
    const page p(w);
    CHECK(text_at(p.status(), "/agent/name") == "caf\xef\xbf\xbd-\xef\xbf\xbd");
    CHECK(p.ask("/").status == 200);
}

TEST_CASE("connections that ask nothing do not keep the one out that asks for /healthz",
          "[integration][machine]")
{
    scenario w(with_page());
    const page p(w);
    const idle_connections idle(p.port, 40);
    const auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i)
        CHECK(p.ask("/healthz").status == 200);
    CHECK(std::chrono::steady_clock::now() - before < 3s * slowness());
}

TEST_CASE("a process without file descriptors says so, and not that a name is unknown",
          "[integration][machine]")
{
    scenario w(without_agent({{"exchange.timeout_s", "2"}}));
    w.start_agent();
    w.wait_connected();
    REQUIRE(outcome(w.call("connection.test", "", {})) == "ok");
    // Nothing more can be opened from now on.
    rlimit before{}, none{};
    REQUIRE(::prlimit(w.agent().pid(), RLIMIT_NOFILE, nullptr, &before) == 0);
    none = {3, before.rlim_max};
    REQUIRE(::prlimit(w.agent().pid(), RLIMIT_NOFILE, &none, nullptr) == 0);
    w.faults({fault("*", "before", "reset", {}, 8)}); // the connections are gone, and new ones needed
    const auto r = w.call("connection.test", "", {}, {{"ttl_ms", 3000}});
    INFO(described(r));
    CHECK(outcome(r) == "exchange_unavailable");
    CHECK_THAT(described(r), Contains("no file descriptors left"));
    w.faults({});
    REQUIRE(::prlimit(w.agent().pid(), RLIMIT_NOFILE, &before, nullptr) == 0);
    CHECK(eventually([&] { return outcome(w.call("connection.test", "", {})) == "ok"; }));
}
