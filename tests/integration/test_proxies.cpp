// The cloud through proxies that want a sign-in: a real squid where it is installed, and NTLM checked by gss-ntlmssp.
#include "tests/integration/scenario.hpp"

#include "tests/support/connect_proxy.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include <pwd.h>
#include <unistd.h>

using namespace relay::test;

namespace {

using boost::asio::ip::tcp;

std::uint16_t free_port()
{
    boost::asio::io_context context;
    return tcp::acceptor(context, {boost::asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

bool listens(std::uint16_t port)
{
    boost::asio::io_context context;
    boost::system::error_code ec;
    tcp::socket(context).connect({boost::asio::ip::address_v4::loopback(), port}, ec);
    return !ec;
}

bool squid_is_installed() // ./dev test installs it
{
    if (::access("/usr/sbin/squid", X_OK) == 0)
        return true;
    WARN("skipped: squid is not installed");
    return false;
}

enum class offers { ntlm_and_basic, basic };

// squid as Debian has it, in the foreground on a loopback port. Root's becomes the user that its package made.
class squid {
public:
    explicit squid(const std::string& rules, offers what = offers::ntlm_and_basic) : port_(free_port())
    {
        const auto here = folder_.path().string();
        const auto hash = run_to_end("/usr/bin/openssl", {"passwd", "-6", "p@ssword"});
        REQUIRE(hash.code == 0);
        std::ofstream(here + "/users") << "joe:" << hash.out;
        std::ofstream(here + "/squid.conf")
            << "http_port 127.0.0.1:" << port_ << "\npid_filename none\ncache_log " << here
            << "/cache.log\naccess_log none\ncache deny all\ncache_mem 8 MB\ncoredump_dir " << here
            << "\nshutdown_lifetime 0 seconds\nvisible_hostname localhost\n"
            << (what == offers::basic
                    ? ""
                    : "auth_param ntlm program " + here + "/ntlm_helper CORP joe p@ssword\n" +
                          "auth_param ntlm children 1\n")
            << "auth_param basic program /usr/lib/squid/basic_ncsa_auth " << here
            << "/users\nauth_param basic children 1\nauth_param basic realm test\n"
            << "acl known proxy_auth REQUIRED\n"
            << rules << "http_access deny all\n";
        if (::geteuid() == 0) {
            const auto* user = ::getpwnam("proxy");
            REQUIRE(user != nullptr);
            REQUIRE(::chown(here.c_str(), user->pw_uid, user->pw_gid) == 0);
            fs::permissions(here + "/users", fs::perms(0644));
        }
        // Squid's user may not see the folder that this was built in.
        fs::copy_file(RELAY_SQUID_NTLM_HELPER, here + "/ntlm_helper");
        program_.emplace("/usr/sbin/squid", process::options{.arguments = {"-N", "-f", here + "/squid.conf"},
                                                             .environment = {},
                                                             .standard_error = here + "/stderr.log",
                                                             .folder = {}});
        if (!eventually([&] { return listens(port_); }, 20s)) {
            std::ifstream log(here + "/cache.log");
            FAIL("squid does not listen: " << std::string(std::istreambuf_iterator<char>(log), {}));
        }
    }
    ~squid()
    {
        program_->signal(SIGTERM); // it ends its helpers itself
        program_->wait(5s);
    }

    std::string at(const std::string& who = {}) const
    {
        return "http://" + who + "127.0.0.1:" + std::to_string(port_);
    }

private:
    temporary_folder folder_;
    std::uint16_t port_;
    std::optional<process> program_;
};

// `auth`: cloud.proxy_auth. Most proxies here are http:// ones that want Basic, which they get only if that is said.
world_options through(const std::string& proxy, std::map<std::string, std::string> environment = {},
                      const std::string& auth = "['negotiate', 'ntlm', 'basic']")
{
    return {.config = {{"cloud.proxy", "'" + proxy + "'"}, {"cloud.proxy_auth", auth}},
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = std::move(environment),
            .start_agent = false};
}

// Starts the agent, and waits until its log says `sentence`; it never gets through.
void turned_away(scenario& w, const std::string& sentence)
{
    w.start_agent();
    const bool said = eventually([&] { return w.agent_log().find(sentence) != std::string::npos; });
    INFO(w.agent_log_tail());
    CHECK(said);
    CHECK_FALSE(w.connected());
    CHECK(w.agent_log().find("p%40ss") == std::string::npos);
    CHECK(w.agent_log().find("p@ss") == std::string::npos);
}

} // namespace

TEST_CASE("a proxy that wants a sign-in, or forbids a user, is told in one sentence", "[integration][proxy]")
{
    if (!squid_is_installed())
        return;
    squid proxy("acl jim proxy_auth jim\nhttp_access allow jim CONNECT\n");
    const auto who = "the proxy " + proxy.at().substr(7);
    SECTION("no user is set")
    {
        scenario w(through(proxy.at()));
        turned_away(w, who + " wants a user name and a password (it offers: NTLM, Basic)");
    }
    SECTION("the user is known, and may not")
    {
        scenario w(through(proxy.at("CORP%5Cjoe:p%40ssword@")));
        turned_away(w, "it answers 403 Forbidden");
    }
}

TEST_CASE("a proxy that forbids the cloud is quoted", "[integration][proxy]")
{
    if (!squid_is_installed())
        return;
    squid proxy("http_access deny CONNECT\n");
    scenario w(through(proxy.at("joe:p%40ssword@")));
    turned_away(w, "does not connect to localhost:");
    CHECK(w.agent_log().find("it answers 403 Forbidden") != std::string::npos);
}

TEST_CASE("squid lets the agent through after a sign-in", "[integration][proxy]")
{
    if (!squid_is_installed())
        return;
    // By NTLM, three messages on one connection; and by Basic.
    const auto what = GENERATE(offers::ntlm_and_basic, offers::basic);
    squid proxy("http_access allow known CONNECT\n", what);
    const std::string joe = what == offers::basic ? "joe:" : "CORP%5Cjoe:";
    scenario w(through(proxy.at(joe + "p%40ssword@")));
    w.start_agent();
    w.wait_connected();
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    w.cut_link();
    REQUIRE(eventually([&] { return w.cloud().get("/agents").as_array().size() == 2 && w.connected(); }));
    REQUIRE(w.stop_agent() == 0);
    w.configure({{"cloud.proxy_auth", "['negotiate', 'ntlm', 'basic']"},
                 {"cloud.proxy", "'" + proxy.at(joe + "wrong@") + "'"}});
    turned_away(w, "refuses the user name or password (it offers: ");
}

TEST_CASE("the environment's proxy is signed in to, and left out for what NO_PROXY names",
          "[integration][proxy]")
{
    connect_proxy proxy("joe:p@ss:word");
    const auto url = "joe:p%40ss%3Aword@127.0.0.1:" + std::to_string(proxy.port());
    const auto direct = GENERATE("", "elsewhere.example", "LOCALHOST", ".localhost:", "127.0.0.0/8,*");
    std::string exceptions = direct;
    scenario w(through("env", {{"HTTPS_PROXY", "http://wrong.invalid:1"}, {"https_proxy", url}}));
    if (exceptions.ends_with(':'))
        exceptions += w.cloud_url().substr(w.cloud_url().rfind(':') + 1,
                                           w.cloud_url().rfind("/v1") - w.cloud_url().rfind(':') - 1);
    w.start_agent({{"NO_PROXY", exceptions}});
    w.wait_connected();
    CHECK(proxy.tunnels() == (exceptions.empty() || exceptions == "elsewhere.example" ? 1 : 0));
}

TEST_CASE("a proxy is signed in to by NTLM, and its refusals do not go on", "[integration][proxy]")
{
    connect_proxy proxy(ntlm_account{"CORP", "joe", "p@ss word"});
    const auto at = [&](std::string_view password) {
        return "http://CORP%5Cjoe:" + std::string(password) + "@127.0.0.1:" + std::to_string(proxy.port());
    };
    scenario w(through(at("p%40ss%20word"), {{"NTLM_USER_FILE", "/dev/null"}})); // ours is the proxy's
    w.start_agent();
    w.wait_connected();
    CHECK(proxy.tunnels() == 1);
    CHECK(proxy.refusals() == 0);
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    REQUIRE(w.stop_agent() == 0);

    w.configure(
        {{"cloud.proxy_auth", "['negotiate', 'ntlm', 'basic']"}, {"cloud.proxy", "'" + at("wr0ng") + "'"}});
    turned_away(w, "refuses the user name or password (it offers: NTLM)");
    REQUIRE(eventually([&] { return proxy.refusals() == 2; }));
    std::this_thread::sleep_for(3s); // backoff alone would have led to more by now
    CHECK(proxy.refusals() == 2);
    CHECK(w.agent().running());

    // A reload with the right one needs no waiting.
    w.configure({{"cloud.proxy_auth", "['negotiate', 'ntlm', 'basic']"},
                 {"cloud.proxy", "'" + at("p%40ss%20word") + "'"}});
    w.agent().signal(SIGHUP);
    CHECK(eventually([&] { return w.connected(); }));
}

TEST_CASE("a proxy that wraps its answers in long pages and headers is signed in to all the same",
          "[integration][proxy]")
{
    const proxy_manners wordy{.page_bytes = 100'000, .header_bytes = 9'000};
    SECTION("Basic")
    {
        connect_proxy proxy("joe:p@ss", {}, wordy);
        scenario w(through("http://joe:p%40ss@127.0.0.1:" + std::to_string(proxy.port())));
        w.start_agent();
        w.wait_connected();
        CHECK(proxy.refusals() == 0);
    }
    SECTION("NTLM, whose three messages need one connection")
    {
        connect_proxy proxy(ntlm_account{"CORP", "joe", "p@ss"}, wordy);
        scenario w(through("http://CORP%5Cjoe:p%40ss@127.0.0.1:" + std::to_string(proxy.port())));
        w.start_agent({{"NTLM_USER_FILE", "/dev/null"}}); // ours is the proxy's
        w.wait_connected();
        CHECK(proxy.refusals() == 0);
    }
    SECTION("a refusal is quoted, not taken for something other than HTTP")
    {
        connect_proxy proxy({}, "403 Forbidden by policy", wordy);
        scenario w(through("http://127.0.0.1:" + std::to_string(proxy.port())));
        turned_away(w, "it answers 403 Forbidden by policy");
    }
}

TEST_CASE("a proxy that closes after its 407 without saying so gets the password on a new connection, once",
          "[integration][proxy]")
{
    connect_proxy proxy("joe:p@ss", {}, {.closes_after_407 = true});
    const auto at = [&](const std::string& password) {
        return "http://joe:" + password + "@127.0.0.1:" + std::to_string(proxy.port());
    };
    scenario w(through(at("p%40ss")));
    w.start_agent();
    w.wait_connected();
    CHECK(proxy.tunnels() == 1);
    CHECK(proxy.refusals() == 0);
    CHECK(w.agent_log().find("no link to the cloud") == std::string::npos); // at the first try
    REQUIRE(w.stop_agent() == 0);

    w.configure({{"cloud.proxy_auth", "['negotiate', 'ntlm', 'basic']"},
                 {"cloud.proxy", "'" + at("p%40sswrong") + "'"}});
    turned_away(w, "refuses the user name or password (it offers: Basic)");
    CHECK(proxy.refusals() <= 2);
}

TEST_CASE("answers of 1xx before a proxy's 200 are not taken for its answer", "[integration][proxy]")
{
    connect_proxy proxy("joe:p@ss", {}, {.interim_answers = 2});
    scenario w(through("http://joe:p%40ss@127.0.0.1:" + std::to_string(proxy.port())));
    w.start_agent();
    w.wait_connected();
    CHECK(proxy.tunnels() == 1);
}

TEST_CASE("a proxy that offers Basic alone gets no password over plain TCP, and the doctor says why",
          "[integration][proxy]")
{
    connect_proxy proxy("joe:p@ss");
    const auto url = "http://joe:p%40ss@127.0.0.1:" + std::to_string(proxy.port());
    scenario w(through(url, {}, "[]"));
    turned_away(w, "is not shown the password by Basic over http://");
    CHECK(proxy.refusals() == 0); // a sign-in that it was shown would be one, or a tunnel
    CHECK(proxy.tunnels() == 0);
    const auto doctor = [&] {
        return run_to_end(relay_program(), {"doctor", "--config", w.config_file().string()}).out;
    };
    CHECK_THAT(doctor(), Catch::Contains("cloud.proxy_auth says which may be"));
    REQUIRE(w.stop_agent() == 0);
    w.configure({{"cloud.proxy", "'" + url + "'"}, {"cloud.proxy_auth", "['basic']"}});
    w.start_agent();
    w.wait_connected();
    CHECK(proxy.tunnels() == 1);
    CHECK_THAT(doctor(), Catch::Contains("whoever listens on the way can read the password"));
}

TEST_CASE(
    "an https:// proxy is signed in to over TLS, by Basic too, and believed by the system's trust store",
    "[integration][proxy]")
{
    connect_proxy behind("joe:p@ss");
    const tls_front proxy(behind.port(), development_pki() / "cloud-server.crt",
                          development_pki() / "cloud-server.key");
    const auto url = "https://joe:p%40ss@localhost:" + std::to_string(proxy.port());
    SECTION("its CA is in the trust store")
    {
        scenario w(through(url, {{"SSL_CERT_FILE", (development_pki() / "cloud-ca.crt").string()}}, "[]"));
        w.start_agent();
        w.wait_connected();
        CHECK(behind.tunnels() == 1);
        CHECK(outcome(w.call("connection.test", "", {})) == "ok");
        w.cut_link(); // and once more
        REQUIRE(eventually([&] { return behind.tunnels() == 2 && w.connected(); }));
        REQUIRE(w.stop_agent() == 0);
    }
    SECTION("its CA is not")
    {
        scenario w(through(url, {}, "[]"));
        turned_away(w, "the proxy localhost:" + std::to_string(proxy.port()) + ": ");
        CHECK(behind.tunnels() == 0);
        const auto doctor = run_to_end(relay_program(), {"doctor", "--config", w.config_file().string()});
        CHECK_THAT(doctor.out, Catch::Contains("believed by the system's trust store"));
    }
}
