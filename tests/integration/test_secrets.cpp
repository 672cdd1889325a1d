// Where secrets come from (`secret set`, a file, a command, a systemd credential), and that none of them shows anywhere.
#include "tests/integration/planted.hpp"
#include "tests/integration/scenario.hpp"

#include "agent/status/client.hpp"
#include "common/text/text.hpp"
#include "tests/support/connect_proxy.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <utility>

#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

constexpr std::string_view password = "s3cret & \xc3\xa4pfel"; // the world's

std::string contents(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string quoted(const fs::path& path)
{
    return "'" + path.string() + "'";
}

world_options without_agent(configuration config = {})
{
    return {.config = std::move(config),
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

// `secret set` with `input` for its standard input.
ended set_secret(relay_world& w, std::string_view input, const std::vector<std::string>& more = {},
                 std::map<std::string, std::string> environment = {})
{
    const auto file = w.folder() / "typed";
    std::ofstream(file, std::ios::binary) << input;
    std::vector<std::string> arguments{"-c",
                                       "exec \"$0\" \"$@\" < " + file.string(),
                                       relay_program().string(),
                                       "secret",
                                       "set",
                                       "--config",
                                       w.config_file().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto e = run_to_end("/bin/sh", std::move(arguments), std::move(environment));
    fs::remove(file);
    INFO(e.out << e.err);
    CHECK(found_in(e.out + e.err, {{"password", std::string(password)}}).empty());
    return e;
}

fs::path password_file(relay_world& w)
{
    return w.folder() / "exchange.password";
}

// The program at a terminal of its own.
class terminal {
public:
    explicit terminal(relay_world& w, const std::vector<std::string>& command = {"secret", "set"})
    {
        std::vector<std::string> words{relay_program().string()};
        words.insert(words.end(), command.begin(), command.end());
        words.insert(words.end(), {"--config", w.config_file().string()});
        std::vector<char*> argv;
        for (auto& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        pid_ = ::forkpty(&master_, nullptr, nullptr, nullptr);
        if (pid_ == 0) {
            ::execv(argv.front(), argv.data());
            ::_exit(127);
        }
        REQUIRE(pid_ > 0);
    }
    ~terminal()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(master_);
    }

    // Everything shown so far; waits until `text` is in it (or the program has ended).
    const std::string& wait_for(std::string_view text)
    {
        const auto until = std::chrono::steady_clock::now() + 10s * slowness();
        while (shown_.find(text) == shown_.npos && std::chrono::steady_clock::now() < until) {
            ::pollfd waiting{master_, POLLIN, 0};
            std::array<char, 512> buffer{};
            if (::poll(&waiting, 1, 100) <= 0)
                continue;
            const auto got = ::read(master_, buffer.data(), buffer.size());
            if (got <= 0)
                break;
            shown_.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return shown_;
    }
    void type(std::string_view text) const
    {
        REQUIRE(::write(master_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    bool shows_what_is_typed() const
    {
        struct termios now {};
        return ::tcgetattr(master_, &now) == 0 && (now.c_lflag & static_cast<tcflag_t>(ECHO)) != 0;
    }
    int wait()
    {
        wait_for("\x01"); // never shown: until it ends
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    int master_ = -1;
    pid_t pid_ = -1;
    std::string shown_;
};

// The secret number of a P-256 key, and the line of its PEM that holds most of it.
std::map<std::string, std::string> secrets_of_key(const fs::path& file)
{
    std::istringstream lines(contents(file));
    std::string coded, second;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("-----"))
            continue;
        if (!coded.empty() && second.empty())
            second = line;
        coded += line;
    }
    const auto der = relay::from_base64(coded).value_or("");
    const auto at = der.find(std::string_view("\x02\x01\x01\x04\x20", 5));
    REQUIRE(at != der.npos);
    return {{"private key", der.substr(at + 5, 32)}, {"line of the private key", second}};
}

// The agent makes the link anew for it; what is asked on the old one is lost with that.
void reload(scenario& w)
{
    const auto sessions = [&] { return w.cloud().get("/agents").as_array().size(); };
    const auto before = sessions();
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return sessions() > before && w.connected(); }));
}

} // namespace

TEST_CASE("a password that cannot be one is refused, and the one before it stays", "[integration][secrets]")
{
    scenario w(without_agent());
    const auto before = contents(password_file(w));
    const auto refused = [&](std::string_view input, std::string_view says) {
        const auto e = set_secret(w, input);
        INFO(e.out << e.err);
        CHECK(e.code == 1);
        CHECK_THAT(e.err, Contains(std::string(says)));
        CHECK(std::count(e.err.begin(), e.err.end(), '\n') == 1);
        CHECK(contents(password_file(w)) == before);
    };
    refused("", "empty");
    refused("\n", "empty");
    refused("one\ntwo\n", "one line");
    refused(std::string("nul\0inside", 10), "control character");
    refused("l\xe4tin", "UTF-8");
    refused(std::string(5000, 'x'), "longer than 4096");
    fs::create_directory(w.folder() / "exchange.password.new"); // in the way of writing it whole
    std::ofstream(w.folder() / "exchange.password.new" / "x") << "x";
    refused("good\n", "cannot write");

    w.configure({{"exchange.password_file", ""}, {"exchange.password_command", "['/bin/echo', 'x']"}});
    refused("good\n", "password_command");
    CHECK(run_to_end(relay_program(), {"secret", "--config", "x"}).code == 2);
}

TEST_CASE("a password from standard input is kept for its owner alone, and is the one that is used",
          "[integration][secrets]")
{
    scenario w(without_agent());
    fs::remove(password_file(w));
    const auto line = std::string(password) + (GENERATE(true, false) ? "\n" : "");
    const auto e = set_secret(w, line);
    INFO(e.out << e.err);
    REQUIRE(e.code == 0);
    CHECK_THAT(e.out, Contains(password_file(w).string()));
    CHECK(fs::status(password_file(w)).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    w.start_agent();
    w.wait_connected();
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");

    // A changed one counts from the reload on.
    w.exchange().put("/account", {{"password", "an0ther w0rd"}});
    REQUIRE(set_secret(w, "an0ther w0rd\n").code == 0);
    reload(w);
    CHECK(eventually([&] { return outcome(w.call("connection.test", "", {})) == "ok"; }));
}

TEST_CASE("a typed password is asked for twice and never shown", "[integration][secrets]")
{
    scenario w(without_agent());
    const auto before = contents(password_file(w));
    const auto asked = [](terminal& t, std::string_view first, std::string_view second) {
        t.wait_for("workestra-svc: ");
        CHECK_FALSE(t.shows_what_is_typed());
        t.type(first);
        t.wait_for("again: ");
        t.type(second);
        return t.wait();
    };
    {
        terminal t(w);
        CHECK(asked(t, "m1styped\n", "mistyped\n") == 1);
        CHECK_THAT(t.wait_for("\x01"), Contains("not the same") && !Contains("styped"));
        CHECK(contents(password_file(w)) == before);
        CHECK(t.shows_what_is_typed());
    }
    {
        terminal t(w);
        t.wait_for("workestra-svc: ");
        t.type("half\x03"); // Ctrl-C
        CHECK(t.wait() == 128 + SIGINT);
        CHECK(t.shows_what_is_typed());
        CHECK(contents(password_file(w)) == before);
    }
    terminal t(w);
    CHECK(asked(t, "typ3d w0rd\n", "typ3d w0rd\n") == 0);
    CHECK_THAT(t.wait_for("\x01"), !Contains("typ3d"));
    CHECK(contents(password_file(w)) == "typ3d w0rd\n");
}

TEST_CASE("a token is asked for at a terminal and not shown", "[integration][secrets]")
{
    scenario w(without_agent());
    const auto place = w.folder() / "fresh-pki";
    w.configure({{"cloud.certificate_file", quoted(place / "agent.crt")},
                 {"cloud.private_key_file", quoted(place / "agent.key")}});
    terminal t(w, {"enroll", "--url", "https://localhost:1", "--token", "-"});
    t.wait_for("Token: ");
    CHECK_FALSE(t.shows_what_is_typed());
    t.type("0ne-time\n");
    CHECK(t.wait() == 1);
    CHECK_THAT(t.wait_for("\x01"), Contains("localhost") && !Contains("0ne-time"));
    CHECK(t.shows_what_is_typed());
}

TEST_CASE("what root stores belongs to the agent's user", "[integration][secrets]")
{
    if (::geteuid() != 0)
        return;
    scenario w(without_agent());
    fs::remove(password_file(w));
    REQUIRE(::chown(w.data_folder().c_str(), 65534, 65534) == 0);
    REQUIRE(set_secret(w, std::string(password)).code == 0);
    const auto owner = [&] {
        struct stat found {};
        REQUIRE(::stat(password_file(w).c_str(), &found) == 0);
        return found.st_uid;
    };
    CHECK(owner() == 65534);
    // One that somebody gave to another user stays with that user.
    REQUIRE(::chown(password_file(w).c_str(), 65533, 65533) == 0);
    REQUIRE(set_secret(w, std::string(password)).code == 0);
    CHECK(owner() == 65533);
    REQUIRE(::chown(w.data_folder().c_str(), 0, 0) == 0);
}

TEST_CASE("a systemd credential is the password where the configuration names no other",
          "[integration][secrets]")
{
    scenario w(without_agent({{"exchange.password_file", ""}}));
    const auto check = [&](std::map<std::string, std::string> environment) {
        return run_to_end(relay_program(), {"config", "check", "--config", w.config_file().string()},
                          std::move(environment));
    };
    const auto handed = w.folder() / "credentials";
    fs::create_directory(handed);
    const std::map<std::string, std::string> service{{"CREDENTIALS_DIRECTORY", handed.string()}};
    CHECK_THAT(check(service).err, Contains("password_file") && Contains("secret set"));

    fs::copy_file(password_file(w), handed / "exchange.password");
    fs::permissions(handed / "exchange.password", fs::perms::owner_read);
    CHECK(check(service).code == 0);
    w.start_agent(service);
    w.wait_connected();
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    REQUIRE(w.stop_agent() == 0);

    // A file that is named goes first.
    std::ofstream(password_file(w)) << "wrong";
    w.configure({{"exchange.password_file", quoted(password_file(w))}});
    w.start_agent(service);
    w.wait_connected();
    CHECK(outcome(w.call("connection.test", "", {})) == "auth_failed");
}

TEST_CASE("a password is kept encrypted by systemd where that is asked for", "[integration][secrets]")
{
    scenario w(without_agent({{"exchange.password_file", ""}}));
    const bool possible = ::geteuid() == 0 && ::access("/usr/bin/systemd-creds", X_OK) == 0;
    if (!possible) {
        const auto e = set_secret(w, std::string(password), {"--systemd"});
        CHECK(e.code == 1);
        CHECK_THAT(e.err, Contains("--systemd"));
        return;
    }
    // Not the machine's own key.
    const std::map<std::string, std::string> key{
        {"SYSTEMD_CREDENTIAL_SECRET", (w.folder() / "machine.key").string()}};
    const auto e = set_secret(w, std::string(password) + "\n", {"--systemd"}, key);
    INFO(e.out << e.err);
    REQUIRE(e.code == 0);
    const auto file = w.folder() / "exchange.password.cred";
    CHECK_THAT(e.out, Contains("LoadCredentialEncrypted=exchange.password:" + file.string() + "\n"));
    CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(found_in(contents(file), {{"password", std::string(password)}}).empty());

    const auto opened = run_to_end(
        "/bin/sh", {"-c", "systemd-creds decrypt --name=exchange.password \"$0\" - && echo", file.string()},
        key);
    CHECK(opened.out == std::string(password) + "\n"); // the line break is echo's
    // Whoever looks from outside of the service cannot see it, and does not complain.
    const auto check = run_to_end(relay_program(), {"config", "check", "--config", w.config_file().string()});
    INFO(check.err);
    CHECK(check.code == 0);
}

TEST_CASE("a password command that hangs is given up, and ended with what it started",
          "[integration][secrets]")
{
    scenario w(without_agent({{"exchange.password_file", ""}}));
    const auto pid_file = w.folder() / "pid";
    w.configure({{"exchange.password_command",
                  "['/bin/sh', '-c', 'echo $$ >" + pid_file.string() + "; sleep 300; echo x']"}});
    w.start_agent();
    w.wait_connected();
    const auto begun = std::chrono::steady_clock::now();
    const auto r = w.call("connection.test", "", {}, {{"ttl_ms", 15'000}});
    const auto took = std::chrono::steady_clock::now() - begun;
    INFO(described(r));
    CHECK(outcome(r) != "ok");
    CHECK(took < 16s * slowness());
    const auto pid = std::stoi(contents(pid_file));
    CHECK(eventually([&] { return ::kill(pid, 0) != 0; }, 12s));
    CHECK(w.connected()); // the loop never waited for it
}

TEST_CASE("no secret shows in anything that the agent wrote or told", "[integration][secrets]")
{
    constexpr std::string_view proxy_word = "pr0xy w0rd/\xc3\xbc+";
    constexpr std::string_view token = "0ne-time-w0rd+/&t0ken";
    connect_proxy proxy("jo\xc3\xabl:" + std::string(proxy_word));
    const auto proxy_url = [&](std::string_view word) {
        return "'http://jo%C3%ABl:" + std::string(word) + "@127.0.0.1:" + std::to_string(proxy.port()) + "'";
    };
    const configuration talkative{{"log.level", "'trace'"},
                                  {"status.listen", "'127.0.0.1:0'"},
                                  {"cloud.proxy_auth", "['basic']"},
                                  {"cloud.proxy", proxy_url("pr0xy%20w0rd%2F%C3%BC%2B")}};
    const auto auth = GENERATE(std::string("'ntlm'"), std::string("'basic'"));
    auto options = without_agent(talkative);
    options.config["exchange.auth"] = auth;
    options.exchange_arguments = {"--auth", "basic,ntlm"};
    scenario w(std::move(options));
    auto secrets = secrets_of_key(development_pki() / "agent.key");
    secrets["password"] = password;
    secrets["proxy's password"] = proxy_word;
    secrets["token"] = token;
    secrets["refused password"] = "wr0ng w0rd";
    std::map<std::string, std::string> written; // by what it is

    // What a configuration with mistakes is told.
    const auto config_check = [&](const configuration& more, const std::string& appended = {}) {
        w.configure(more);
        std::ofstream(w.config_file(), std::ios::app) << appended;
        const auto e = run_to_end(relay_program(), {"config", "check", "--config", w.config_file().string()});
        CHECK(e.code == 1);
        written["config check " + std::to_string(written.size())] = e.out + e.err;
    };
    const std::string raw(proxy_word);
    config_check({{"cloud.proxy", "'ftp://joe:" + raw + "@proxy:1'"}});
    config_check({{"cloud.proxy", "'http://joe:" + raw + "@proxy:99999'"}});
    config_check({{"cloud.proxy", "['" + raw + "']"}});
    config_check({{"cloud.url", "'wss://joe:pr0xy%20w0rd%2F%C3%BC%2B@cloud/x'"}});
    config_check({{"exchange.password", "'" + std::string(password) + "'"}});
    config_check({}, "\nexchange = \"" + std::string(password) + "\"\n");
    config_check({}, "\n[broken\npassword = '" + std::string(password) + "'\n");

    // Enrolling, also where the token is refused or repeated.
    w.cloud().post("/tokens", {{"token", token}, {"agent_id", "agent-9"}});
    w.configure({{"cloud.url", ""},
                 {"cloud.certificate_file", quoted(w.folder() / "enrolled" / "a.crt")},
                 {"cloud.private_key_file", quoted(w.folder() / "enrolled" / "a.key")},
                 {"cloud.ca_file", quoted(w.folder() / "enrolled" / "ca.crt")}});
    fs::create_directory(w.folder() / "enrolled");
    fs::copy_file(development_pki() / "cloud-ca.crt", w.folder() / "enrolled" / "ca.crt");
    const auto https = "https" + w.cloud_url().substr(3, w.cloud_url().rfind("/v1/") - 3);
    const auto enroll = [&](const char* what, int code) {
        const auto e = run_to_end(relay_program(), {"enroll", "--config", w.config_file().string(), "--url",
                                                    https, "--token", std::string(token), "--force"});
        INFO(e.out << e.err);
        CHECK(e.code == code);
        written[what] = e.out + e.err;
    };
    w.cloud().put("/enrolment", {{"fault",
                                  {{"on", "enroll"},
                                   {"action", "status"},
                                   {"status", 403},
                                   {"code", "token_invalid"},
                                   {"message", "no: " + std::string(token)}}}});
    enroll("enroll, refused", 1);
    enroll("enroll", 0);
    for (auto& [name, value] : secrets_of_key(w.folder() / "enrolled" / "a.key"))
        secrets["enrolled " + name] = value;

    // The agent at its most talkative, through good times and bad ones.
    w.configure();
    w.start_agent({{"SSLKEYLOGFILE", (w.data_folder() / "tls.keys").string()}});
    w.wait_connected();
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    const auto diagnosed = w.call("agent.diagnose", "", {});
    written["agent.diagnose"] = json::serialize(diagnosed);
    std::ofstream(password_file(w)) << "wr0ng w0rd\n";
    w.configure({{"exchange.timeout_s", "29"}});
    reload(w);
    REQUIRE(eventually([&] { return outcome(w.call("connection.test", "", {})) == "auth_failed"; }));
    std::ofstream(password_file(w)) << password << '\n';
    w.configure({{"exchange.password_file", ""},
                 {"exchange.password_command", "['/bin/cat', " + quoted(password_file(w)) + "]"}});
    reload(w);
    REQUIRE(eventually([&] { return outcome(w.call("connection.test", "", {})) == "ok"; }));
    const auto refusals = proxy.refusals();
    w.configure({{"cloud.proxy", proxy_url("wr0ng%20w0rd")}});
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return proxy.refusals() > refusals; }));
    REQUIRE(eventually([&] { return w.agent_log().find("no link") != std::string::npos; }));

    // What it tells while it is in trouble.
    constexpr std::string_view mark = "status page: http://127.0.0.1:";
    const auto log = w.agent_log();
    REQUIRE(log.rfind(mark) != log.npos);
    const auto port = static_cast<std::uint16_t>(std::stoi(log.substr(log.rfind(mark) + mark.size())));
    for (const auto* path : {"/", "/api/status", "/metrics", "/readyz", "/healthz", "/status.js"}) {
        const auto got =
            relay::status::fetch({"127.0.0.1", port}, path, relay::milliseconds(10'000) * slowness());
        REQUIRE(got.has_value());
        written[path] = got->body;
    }
    const auto proc = "/proc/" + std::to_string(w.agent().pid());
    written["command line"] = contents(proc + "/cmdline");
    CHECK_THAT(contents(proc + "/limits"), Contains("Max core file size        0                    0"));
    for (auto& [name, text] : files_below(w.data_folder())) // with the queue's log, before it is closed
        written[name] = text;
    CHECK(w.stop_agent() == 0);
    written["log"] = w.agent_log();
    for (auto& [name, text] : files_below(w.data_folder()))
        written[name + ", closed"] = text;
    for (auto& [name, text] : files_below(w.folder() / "enrolled"))
        if (!name.ends_with("a.key"))
            written[name] = text;

    CHECK(written.size() > 15);
    CHECK_FALSE(fs::exists(w.data_folder() / "tls.keys"));
    for (const auto& [what, text] : written) {
        const auto found = found_in(text, secrets);
        INFO(what);
        CHECK(found == std::vector<std::string>{});
    }
    // The search itself finds what it is meant to find.
    CHECK(found_in("x" + relay::to_base64("CORP\\u:" + std::string(password)), secrets).size() == 1);
    CHECK(found_in(contents(development_pki() / "agent.key"), secrets).size() >= 1);
}
