// Signing in to Exchange, counted on the server's side: once a connection, and after a refusal once in five minutes.
#include "tests/integration/scenario.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

using namespace relay::test;

namespace {

using boost::asio::ip::tcp;

json::object free_busy()
{
    return {{"mailboxes", {"user1@corp.example"}},
            {"start", "2026-12-01T00:00:00Z"},
            {"end", "2026-12-02T00:00:00Z"}};
}

world_options signing_in(const std::string& auth, configuration config = {},
                         std::vector<std::string> exchange = {})
{
    config["exchange.auth"] = "'" + auth + "'";
    config.insert({"exchange.max_connections", "8"});
    return {.config = std::move(config),
            .exchange_arguments = std::move(exchange),
            .cloud_arguments = {"--heartbeat-s", "3600"}, // it outlasts jumps of the agent's clock
            .environment = {},
            .start_agent = false};
}

struct account_world : scenario {
    explicit account_world(world_options o) : scenario(std::move(o)) {}

    int stat(std::string_view pointer) { return at(exchange().get("/stats"), pointer).to_number<int>(); }
    int refused() { return stat("/sign_ins/refused"); }
    int requests_in_all()
    {
        int sum = 0;
        const auto requests = at(exchange().get("/stats"), "/requests").as_object();
        for (const auto& [operation, count] : requests)
            sum += count.to_number<int>();
        return sum;
    }
    void password_file_says(std::string_view password) const
    {
        std::ofstream(folder() / "exchange.password") << password << "\n";
    }
    std::string read() { return outcome(call("availability.get", "", free_busy())); }
    std::vector<std::string> send_reads(int count)
    {
        const json::object read{{"op", "availability.get"}, {"params", free_busy()}};
        const auto sent = cloud().post("/commands", json::array(static_cast<std::size_t>(count), read));
        std::vector<std::string> ids;
        for (const auto& id : sent.at("ids").as_array())
            ids.emplace_back(id.as_string());
        return ids;
    }
    int answered(const std::vector<std::string>& ids, std::string_view code)
    {
        return static_cast<int>(std::count_if(ids.begin(), ids.end(),
                                              [&](const auto& id) { return outcome(result(id)) == code; }));
    }

#ifdef RELAY_SHIFTED_CLOCK
    void start_with_clock()
    {
        elapse(0s);
        const char* before = std::getenv("ASAN_OPTIONS");
        start_agent({{"LD_PRELOAD", RELAY_SHIFTED_CLOCK},
                     {"RELAY_CLOCK_SHIFT", (folder() / "clock").string()},
                     {"ASAN_OPTIONS", std::string(before ? before : "") + ":verify_asan_link_order=0"}});
        wait_connected();
    }
    // Lets time pass for the agent.
    void elapse(std::chrono::nanoseconds by)
    {
        elapsed_ += by;
        const auto file = folder() / "clock";
        std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out); // in place: it is mapped
        if (!out)
            out.open(file, std::ios::binary | std::ios::out);
        const std::array<std::int64_t, 2> shifts{0, elapsed_.count()}; // the wall clock's, and this one
        out.write(reinterpret_cast<const char*>(shifts.data()), sizeof shifts);
        REQUIRE(out.flush());
    }

private:
    std::chrono::nanoseconds elapsed_{0};
#endif
};

// Many reads at once all fail, and Exchange has seen that many refusals by then.
void check_refused_burst(account_world& w, int refusals)
{
    constexpr int reads = 24;
    CHECK(w.answered(w.send_reads(reads), "auth_failed") == reads);
    eventually([&] { return w.refused() >= refusals; },
               3s); // the one that tries may be the agent's own question
    CHECK(w.refused() == refusals);
}

} // namespace

TEST_CASE("NTLM signs each connection in once, and a request on it is one round trip", "[integration]")
{
    account_world w(signing_in("ntlm", {}, {"--extended-protection", GENERATE("off", "require")}));
    w.start_agent();
    w.wait_connected();
    REQUIRE(w.read() == "ok");
    const auto connections = w.stat("/connections"), round_trips = w.stat("/round_trips"),
               requests = w.requests_in_all();
    for (int i = 0; i < 20; ++i)
        REQUIRE(w.read() == "ok");
    CHECK(w.stat("/connections") == connections);
    CHECK(w.stat("/round_trips") - round_trips == w.requests_in_all() - requests);

    for (int round = 0; round < 5; ++round)
        CHECK(w.answered(w.send_reads(24), "ok") == 24);
    CHECK(w.stat("/connections") <= 8);
    CHECK(w.stat("/sign_ins/ok") == w.stat("/connections"));
    CHECK(w.refused() == 0);
    // Beside the requests one more a connection: the challenge. The answer to it carries a request already.
    CHECK(w.stat("/round_trips") == w.requests_in_all() + w.stat("/connections"));
}

TEST_CASE("connections that Exchange no longer knows are signed in anew, and nobody notices", "[integration]")
{
    account_world w(signing_in("ntlm"));
    w.start_agent();
    w.wait_connected();
    CHECK(w.answered(w.send_reads(24), "ok") == 24);
    for (int i = 0; i < 3; ++i) {
        w.exchange().put("/account", {{"sign_out", true}});
        CHECK(w.answered(w.send_reads(24), "ok") == 24);
        w.exchange().put("/account", {{"sign_out", true}});
        const auto r = w.call("event.create", host, booking("b-" + std::to_string(i)));
        CHECK(outcome(r) == "ok");
        CHECK(at(r, "/attempts").to_number<int>() == 1);
    }
    CHECK(w.ledger() == tally{.creates = 3, .invitations = 6});
    CHECK(w.refused() == 0);
    CHECK(w.agent_log().find("[error]") == std::string::npos);
}

TEST_CASE("a password that was changed where it is kept costs one refusal, and no command", "[integration]")
{
    const std::string how = GENERATE("basic", "ntlm");
    account_world w(signing_in(how));
    w.start_agent();
    w.wait_connected();
    REQUIRE(w.read() == "ok");
    w.password_file_says("another");
    w.exchange().put("/account", {{"password", "another"}, {"sign_out", true}});
    // With Basic a success vouches for the run of requests it is part of (sign_in_gate's verdict_lasts): that one is over.
    std::this_thread::sleep_for(50ms);
    CHECK(w.answered(w.send_reads(8), "ok") == 8);
    CHECK(w.refused() == 1);
    CHECK(w.read() == "ok");
}

TEST_CASE("a wrong password that takes its time to read is tried no more often for that", "[integration]")
{
    const std::string how = GENERATE("basic", "ntlm");
    account_world w(
        signing_in(how, {{"exchange.password_file", ""},
                         {"exchange.password_command", "['/bin/sh', '-c', 'sleep 5; echo wrong']"}}));
    w.start_agent();
    w.wait_connected();
    constexpr int reads = 24;
    const auto ids = w.send_reads(reads);
    CHECK(eventually([&] { return w.answered(ids, "auth_failed") == reads; }, 40s));
    CHECK(w.refused() == (how == "ntlm" ? 2 : 1)); // of NTLM one with, one without channel binding
}

TEST_CASE("six restarts in a minute with a wrong password cost one refusal, and a right one is taken at once",
          "[integration]")
{
    const std::string how = GENERATE("basic", "ntlm");
    account_world w(signing_in(how));
    w.exchange().put("/account", {{"password", "another"}});
    const int at_first = how == "ntlm" ? 2 : 1; // of NTLM one with, one without channel binding
    for (int i = 0; i < 6; ++i) {
        w.start_agent();
        w.wait_connected();
        CHECK(w.read() == "auth_failed");
        CHECK(w.refused() == at_first);
        if (i % 2 == 0) {
            w.kill_agent();
        } else {
            const auto sessions = w.cloud().get("/agents").as_array().size();
            w.agent().signal(SIGHUP); // with the same password: no reason to try it again
            REQUIRE(eventually(
                [&] { return w.cloud().get("/agents").as_array().size() > sessions && w.connected(); }));
            CHECK(w.read() == "auth_failed");
            REQUIRE(w.stop_agent() == 0);
        }
    }
    CHECK(w.refused() == at_first);
    CHECK(w.agent_log().find("refused the service account with these credentials before") !=
          std::string::npos);
    w.password_file_says("another");
    w.start_agent();
    w.wait_connected();
    CHECK(w.read() == "ok");
    CHECK(w.refused() == at_first);
}

TEST_CASE(
    "with Basic one slow booking holds up nobody else, and a changed password is one refusal all the same",
    "[integration]")
{
    account_world w(signing_in("basic"));
    w.start_agent();
    w.wait_connected();
    REQUIRE(w.read() == "ok");
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 4000 * slowness()}})});
    const auto write = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually(
        [&] { return at(w.exchange().get("/stats"), "/requests").as_object().contains("CreateItem"); }));
    const auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i)
        CHECK(w.read() == "ok");
    CHECK(std::chrono::steady_clock::now() - before < 2s * slowness());
    CHECK(w.stat("/in_flight") == 1); // it is being worked on still
    CHECK(outcome(w.result(write)) == "ok");
    CHECK(w.refused() == 0);

    w.faults({fault("*", "before", "delay", {{"ms", 500}}, 0)}); // refusals take their time too
    w.exchange().put("/account", {{"password", "another"}});
    const auto late = w.send("event.create", host, booking("b-2"), {{"ttl_ms", 3000}});
    CHECK(w.answered(w.send_reads(24), "auth_failed") == 24);
    CHECK(outcome(w.result(late)) == "auth_failed");
    CHECK(w.refused() == 1);
}

TEST_CASE("a balancer that spreads the steps of a sign-in is kept to one server by its cookie, or named",
          "[integration]")
{
    const bool cookie = GENERATE(true, false);
    account_world w(signing_in("ntlm"));
    w.exchange().put("/balancer", {{"servers", 2}, {"cookie", cookie}});
    w.start_agent();
    w.wait_connected();
    if (cookie) {
        CHECK(w.answered(w.send_reads(24), "ok") == 24);
        CHECK(w.refused() == 0);
        return;
    }
    const auto r = w.call("availability.get", "", free_busy());
    INFO(described(r));
    CHECK(outcome(r) == "auth_failed");
    const auto doctor = run_to_end(relay_program(), {"doctor", "--config", w.config_file().string()});
    CHECK_THAT(doctor.out, Catch::Contains("balancer") && Catch::Contains("EX01") && Catch::Contains("EX02"));
    CHECK_THAT(w.agent_log(), Catch::Contains("balancer"));
}

#ifdef RELAY_SHIFTED_CLOCK
TEST_CASE("the probe every five minutes goes on over restarts", "[integration]")
{
    account_world w(signing_in("basic"));
    w.exchange().put("/account", {{"password", "another"}});
    w.start_with_clock();
    check_refused_burst(w, 1);
    for (int probe = 1; probe <= 2; ++probe) {
        w.elapse(301s);
        check_refused_burst(w, 1 + probe);
        w.kill_agent();
        w.start_with_clock();
        check_refused_burst(w, 1 + probe);
    }
}

TEST_CASE("while Exchange refuses the account, the whole agent tries it once in five minutes",
          "[integration]")
{
    account_world w(signing_in("ntlm", {}, {"--extended-protection", GENERATE("off", "require")}));
    w.start_with_clock();
    REQUIRE(w.answered(w.send_reads(24), "ok") == 24);

    // Eight connections are busy, and more wants to be done, when the password changes.
    w.faults({fault("GetUserAvailability", "before", "delay", {{"ms", 1000}}, 0)});
    const auto ids = w.send_reads(24);
    REQUIRE(eventually([&] { return w.stat("/in_flight") == 8; }));
    w.exchange().put("/account", {{"password", "another"}, {"sign_out", true}});
    CHECK(w.answered(ids, "ok") + w.answered(ids, "auth_failed") == 24);
    CHECK(w.answered(ids, "auth_failed") >= 1);
    CHECK(w.refused() == 1);
    w.faults({});
    check_refused_burst(w, 1);
    w.elapse(200s);
    check_refused_burst(w, 1);
    for (int probe = 1; probe <= 3; ++probe) {
        w.elapse(301s);
        check_refused_burst(w, 1 + probe);
        check_refused_burst(w, 1 + probe);
    }
    // The next probe takes the password that lies there by then, and is no refusal.
    const auto write = w.send("event.create", host, booking("b-1"));
    REQUIRE(w.accepted(write));
    w.password_file_says("another");
    w.elapse(301s);
    CHECK(eventually([&] { return w.read() == "ok"; }));
    CHECK(outcome(w.result(write)) == "ok");
    CHECK(w.refused() == 4);
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a password that was wrong from the start is refused once for each way of binding, then once in "
          "five minutes",
          "[integration]")
{
    const std::string auth = GENERATE("basic", "ntlm");
    account_world w(signing_in(auth));
    w.exchange().put("/account", {{"password", "another"}});
    w.start_with_clock();
    const int at_first = auth == "ntlm" ? 2 : 1;
    check_refused_burst(w, at_first);
    for (int probe = 1; probe <= 3; ++probe) {
        w.elapse(301s);
        check_refused_burst(w, at_first + probe);
    }
    w.exchange().put("/account", {{"password", "s3cret & \xc3\xa4pfel"}}); // the directory is mended
    w.elapse(301s);
    CHECK(eventually([&] { return w.read() == "ok"; }));
}
#endif

// ---- Kerberos, with a KDC of its own ----

namespace {

constexpr const char* realm = "CORP.EXAMPLE";

std::string free_port()
{
    boost::asio::io_context context(1);
    const tcp::acceptor probe(context, {boost::asio::ip::address_v4::loopback(), 0});
    return std::to_string(probe.local_endpoint().port());
}

class kerberos {
public:
    static bool installed()
    {
        return fs::exists("/usr/sbin/krb5kdc") && fs::exists("/usr/sbin/kadmin.local");
    }

    kerberos()
    {
        write("krb5.conf",
              std::string("[libdefaults]\n default_realm = ") + realm +
                  "\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
                  " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
                  "[realms]\n " +
                  realm + " = {\n kdc = 127.0.0.1:" + port_ + "\n }\n[domain_realm]\n localhost = " + realm +
                  "\n[logging]\n kdc = FILE:" + path("kdc.log") + "\n");
        write("kdc.conf",
              "[kdcdefaults]\n kdc_listen = 127.0.0.1:" + port_ + "\n kdc_tcp_listen = 127.0.0.1:" + port_ +
                  "\n[realms]\n " + realm + " = {\n database_name = " + path("principal") +
                  "\n key_stash_file = " + path("stash") + "\n acl_file = " + path("acl") + "\n }\n");
        run("/usr/sbin/kdb5_util", {"create", "-s", "-W", "-r", realm, "-P", "master"});
        admin("addprinc -randkey HTTP/localhost");
        admin("ktadd -k " + path("keytab") + " HTTP/localhost");
        admin("addprinc +requires_preauth -pw \"s3cret & \xc3\xa4pfel\" workestra-svc");
        // The programs that tests start find it here.
        for (const auto& [name, value] : environment())
            ::setenv(name.c_str(), value.c_str(), 1);
        kdc_.emplace("/usr/sbin/krb5kdc", process::options{.arguments = {"-n"},
                                                           .environment = environment(),
                                                           .standard_error = path("kdc.out"),
                                                           .folder = {}});
        if (!eventually([&] { return lines_with("commencing operation") > 0; }))
            throw std::runtime_error("krb5kdc does not start: " + log());
    }
    ~kerberos()
    {
        for (const auto& [name, value] : environment())
            ::unsetenv(name.c_str());
    }
    kerberos(const kerberos&) = delete;
    kerberos& operator=(const kerberos&) = delete;

    // Gives the account random keys, as a group-managed one has, and answers the file that holds them.
    std::string make_keytab()
    {
        admin("ktadd -k " + path("svc.keytab") + " workestra-svc");
        fs::permissions(path("svc.keytab"), fs::perms::owner_read | fs::perms::owner_write);
        return path("svc.keytab");
    }
    void admin(const std::string& command) { run("/usr/sbin/kadmin.local", {"-r", realm, "-q", command}); }
    int lines_with(const std::string& what) const
    {
        int count = 0;
        std::ifstream in(path("kdc.log"));
        for (std::string line; std::getline(in, line);)
            count += line.find(what) != line.npos;
        return count;
    }
    std::string log() const
    {
        std::ifstream in(path("kdc.log"));
        return {std::istreambuf_iterator<char>(in), {}};
    }

private:
    std::string path(const char* name) const { return (folder_.path() / name).string(); }
    void write(const char* name, const std::string& text) const { std::ofstream(path(name)) << text; }
    std::map<std::string, std::string> environment() const
    {
        return {{"KRB5_CONFIG", path("krb5.conf")},
                {"KRB5_KDC_PROFILE", path("kdc.conf")},
                {"KRB5_KTNAME", "FILE:" + path("keytab")},
                {"KRB5CCNAME", "MEMORY:"}};
    }
    void run(const fs::path& program, std::vector<std::string> arguments)
    {
        const auto e = run_to_end(program, std::move(arguments), environment());
        if (e.code != 0)
            throw std::runtime_error(program.string() + ": " + e.out + e.err);
    }

    temporary_folder folder_;
    std::string port_ = free_port();
    std::optional<process> kdc_;
};

} // namespace

TEST_CASE("Kerberos signs in, bound to the server's certificate where Exchange wants that", "[integration]")
{
    if (!kerberos::installed()) {
        WARN("skipped: krb5-kdc and krb5-admin-server are not installed");
        return;
    }
    kerberos directory;
    account_world w(
        signing_in("negotiate", {{"exchange.username", "'workestra-svc@corp.example'"}},
                   {"--auth", "negotiate", "--extended-protection", GENERATE("off", "allow", "require")}));
    w.start_agent();
    w.wait_connected();
    INFO(directory.log());
    REQUIRE(w.read() == "ok");
    CHECK(directory.lines_with("for HTTP/localhost@CORP.EXAMPLE") >= 1); // a ticket, not NTLM
    for (int round = 0; round < 3; ++round)
        CHECK(w.answered(w.send_reads(24), "ok") == 24);
    CHECK(w.stat("/sign_ins/ok") == w.stat("/connections"));
    CHECK(w.refused() == 0);
    // One more a connection: the request without credentials that shows the certificate to bind to.
    CHECK(w.stat("/round_trips") == w.requests_in_all() + w.stat("/connections"));
}

TEST_CASE("a keytab signs in without a password, and goes on when its ticket has run out", "[integration]")
{
    if (!kerberos::installed()) {
        WARN("skipped: krb5-kdc and krb5-admin-server are not installed");
        return;
    }
    kerberos directory;
    directory.admin("modprinc -maxlife \"8 seconds\" workestra-svc");
    const std::string username = GENERATE("'workestra-svc@corp.example'", "''");
    account_world w(signing_in("negotiate",
                               {{"exchange.username", username},
                                {"exchange.password_file", ""},
                                {"exchange.keytab_file", "'" + directory.make_keytab() + "'"}},
                               {"--auth", "negotiate", "--extended-protection", "require"}));
    w.start_agent();
    w.wait_connected();
    INFO(directory.log() << w.agent_log_tail());
    REQUIRE(w.read() == "ok");
    const auto tickets = directory.lines_with("AS_REQ");
    std::this_thread::sleep_for(9s); // the life of a ticket passes
    w.exchange().put("/account", {{"sign_out", true}});
    CHECK(w.answered(w.send_reads(12), "ok") == 12);
    CHECK(directory.lines_with("AS_REQ") > tickets);
    CHECK(w.refused() == 0);
    const auto seen =
        run_to_end(relay_program(), {"doctor", "--config", w.config_file().string(), "--json"}, {});
    CHECK(seen.out.find("\"name\":\"sign_in\",\"ok\":true") != std::string::npos);
}

TEST_CASE("keys that the directory has replaced are said to be the keytab's", "[integration]")
{
    if (!kerberos::installed()) {
        WARN("skipped: krb5-kdc and krb5-admin-server are not installed");
        return;
    }
    kerberos directory;
    const auto keytab = directory.make_keytab();
    directory.admin("cpw -randkey workestra-svc"); // the file has the old ones
    account_world w(signing_in("negotiate",
                               {{"exchange.username", "''"},
                                {"exchange.password_file", ""},
                                {"exchange.keytab_file", "'" + keytab + "'"}},
                               {"--auth", "negotiate"}));
    w.start_agent();
    w.wait_connected();
    INFO(directory.log() << w.agent_log_tail());
    CHECK(w.answered(w.send_reads(12), "auth_failed") == 12);
    CHECK(directory.lines_with("PREAUTH_FAILED") == 1);
    CHECK(w.agent_log().find("exchange.keytab_file") != std::string::npos);
}

TEST_CASE("a password that the directory refuses is asked of it once", "[integration]")
{
    if (!kerberos::installed()) {
        WARN("skipped: krb5-kdc and krb5-admin-server are not installed");
        return;
    }
    kerberos directory;
    account_world w(signing_in("negotiate", {{"exchange.username", "'workestra-svc@corp.example'"}},
                               {"--auth", "negotiate"}));
    w.start_agent();
    w.wait_connected();
    REQUIRE(w.read() == "ok");
    directory.admin("cpw -pw another workestra-svc");
    w.exchange().put("/account", {{"password", "another"}, {"sign_out", true}});
    const auto ids = w.send_reads(24);
    CHECK(w.answered(ids, "auth_failed") == 24);
    INFO(directory.log() << w.agent_log_tail());
    CHECK(directory.lines_with("PREAUTH_FAILED") + w.refused() == 1);
    // The administrator puts the new password in place and reloads: a write that waited is carried out.
    const auto write = w.send("event.create", host, booking("b-1"));
    REQUIRE(w.accepted(write));
    w.password_file_says("another");
    w.agent().signal(SIGHUP);
    CHECK(outcome(w.result(write)) == "ok");
    CHECK(directory.lines_with("PREAUTH_FAILED") + w.refused() == 1);
}
