#include "common/config/keys.hpp"
#include "common/config/load.hpp"

#include <catch2/catch.hpp>

#include <fmt/format.h>

#include <random>

using namespace relay;
using namespace relay::config;

namespace {

constexpr std::string_view smallest = R"([cloud]
url = "wss://relay.example/v1/connect"
[exchange]
url = "https://mail.corp.example/EWS/Exchange.asmx"
username = 'CORP\workestra-svc'
password_file = "/etc/workestra-relay/exchange.password"
)";

settings good(std::string_view toml, const environment& variables = {})
{
    const auto loaded = parse(toml, variables);
    if (!loaded.has_value())
        for (const auto& m : loaded.error())
            UNSCOPED_INFO(format(m, "agent.toml"));
    REQUIRE(loaded.has_value());
    return *loaded;
}

// What is said about `toml`, one formatted mistake an entry.
std::vector<std::string> said(std::string_view toml, const environment& variables = {},
                              purpose what = purpose::run)
{
    std::vector<std::string> lines;
    const auto loaded = parse(toml, variables, what);
    if (!loaded.has_value())
        for (const auto& m : loaded.error())
            lines.push_back(format(m, "agent.toml"));
    return lines;
}

using lines = std::vector<std::string>;

// The smallest configuration with one more line in a section of its own, and the one thing said about it.
std::string about(std::string_view section, std::string_view line)
{
    std::string toml(smallest);
    const auto header = fmt::format("[{}]\n", section);
    if (const auto at = toml.find(header); at != toml.npos)
        toml.insert(at + header.size(), fmt::format("{}\n", line));
    else
        toml += fmt::format("{}{}\n", header, line);
    const auto all = said(toml);
    INFO(fmt::format("{}", fmt::join(all, "\n")));
    REQUIRE(all.size() == 1);
    return all.front().substr(all.front().find(": ") + 2);
}

} // namespace

TEST_CASE("an unknown key is a mistake that names the nearest known one", "[unit][config]")
{
    CHECK(said(std::string(smallest) + "urll = \"x\"\n") ==
          lines{"agent.toml:7: exchange.urll: unknown key; did you mean exchange.url?"});
    CHECK(said(std::string(smallest) + "[exchang]\nx = 1\n") ==
          lines{"agent.toml:7: exchang: unknown section; did you mean exchange?"});
    CHECK(said("timeout_s = 5\n" + std::string(smallest)) ==
          lines{"agent.toml:1: timeout_s: unknown key; did you mean exchange.timeout_s?"});
    CHECK(said("log = 5\n" + std::string(smallest)) == lines{"agent.toml:1: log: must be a section: [log]"});
    CHECK(said("[[log]]\nlevel = \"info\"\n" + std::string(smallest)) ==
          lines{"agent.toml:1: log: must be a section: [log]"});
}

TEST_CASE("every mistake is told at once, in the order of the file", "[unit][config]")
{
    CHECK(said(R"([agent]
drain_timeout_s = -1
[exchange]
auth = "kerberos"
timeout_s = "30"
username = "svc"
[log]
levle = "info"
)",
               {{"WORKESTRA_RELAY_EXCHANGE_STREAMING", "maybe"}}) ==
          lines{"agent.toml:2: agent.drain_timeout_s: must be from 0 to 600, not -1",
                "agent.toml:4: exchange.auth: must be one of basic, ntlm, negotiate",
                "agent.toml:5: exchange.timeout_s: must be a whole number",
                "agent.toml:8: log.levle: unknown key; did you mean log.level?",
                "agent.toml: cloud.url: is needed; enrolling tells it",
                "agent.toml: exchange.url: is needed, such as https://mail.corp.example/EWS/Exchange.asmx",
                std::string("agent.toml: exchange.password_file: is needed (or exchange.password_command, or "
                            "a systemd credential): ") +
                    "where is the service account's password? workestra-relay secret set stores it",
                "environment: WORKESTRA_RELAY_EXCHANGE_STREAMING: must be true or false"});
}

TEST_CASE("text that is no TOML is told with its line, without quoting it", "[unit][config]")
{
    const auto all = said("[exchange]\nusername = 'x'\nproxy = \"http://u:hunter2@p\" oops\n");
    REQUIRE(all.size() == 1);
    CHECK(all[0].starts_with("agent.toml:3: is not TOML: "));
    CHECK(all[0].find("hunter2") == std::string::npos);
    CHECK(said("[a]\nx = 1\nx = 2\n")[0].starts_with("agent.toml:3: is not TOML: "));
    CHECK(said("x = \"\xff\"\n") == lines{"agent.toml: is not UTF-8 text"});
    CHECK(said("x = " + std::string(5000, '['))[0].find("is not TOML") != std::string::npos);
}

TEST_CASE("each format is checked", "[unit][config]")
{
    CHECK(about("cloud", "ca_file = 5") == "cloud.ca_file: must be a text in quotes");
    CHECK(about("cloud", "ca_file = \"a\\u0000b\"") == "cloud.ca_file: must not hold control characters");
    CHECK(about("cloud", "proxy = \"ftp://proxy.example:3128\"")
              .starts_with("cloud.proxy: must be http://host:port"));
    CHECK(about("cloud", "proxy = \"proxy.example:3128\"")
              .starts_with("cloud.proxy: must be http://host:port"));
    CHECK(about("cloud", "proxy = \"http://u:p%zz@proxy.example\"")
              .starts_with("cloud.proxy: must be http://host:port"));
    CHECK(about("cloud", "proxy = \"http://proxy.example/path\"")
              .starts_with("cloud.proxy: must be http://host:port"));
    CHECK(about("exchange", "certificate_sha256 = \"abc\"") ==
          "exchange.certificate_sha256: must be 64 hexadecimal digits, with or without colons");
    CHECK(about("exchange", "channel_binding = \"on\"") ==
          "exchange.channel_binding: must be one of auto, always, never");
    CHECK(about("exchange", "streaming = 1") == "exchange.streaming: must be true or false");
    CHECK(about("exchange", "max_connections = 0") ==
          "exchange.max_connections: must be from 1 to 100, not 0");
    CHECK(about("exchange", "settle_s = 1.5") == "exchange.settle_s: must be a whole number");
    CHECK(about("exchange", "password_command = [\"x\"]") ==
          "exchange.password_command: cannot be set together with exchange.password_file: keep one of them");
    CHECK(about("policy", "allow_operations = \"*\"") ==
          "policy.allow_operations: must be a list of texts in quotes");
    CHECK(about("policy", "allow_operations = [1]") ==
          "policy.allow_operations: must be a list of texts in quotes");
    CHECK(about("policy", "allow_operations = [\"Event Create\"]")
              .starts_with("policy.allow_operations: must hold names"));
    CHECK(about("policy", "deny_mailboxes = [\"ceo\"]")
              .starts_with("policy.deny_mailboxes: must hold addresses"));
    CHECK(about("audit", "retention_days = 0") == "audit.retention_days: must be from 1 to 3650, not 0");
    CHECK(about("queue", "history_days = 6") == "queue.history_days: must be from 7 to 3650, not 6");
    CHECK(about("queue", "max_commands = 9223372036854775807")
              .starts_with("queue.max_commands: must be from 1 to"));
    CHECK(about("log", "level = \"verbose\"") == "log.level: must be one of error, warn, info, debug, trace");
    CHECK(about("log", "format = \"\"") == "log.format: must not be empty");
    CHECK(about("agent", "data_dir = \"\"") == "agent.data_dir: must not be empty");
    CHECK(about("agent", "name = \"" + std::string(65, 'x') + "\"") ==
          "agent.name: must be at most 64 characters long");
}

TEST_CASE("the status page listens on loopback or not at all", "[unit][config]")
{
    for (const auto* address :
         {"0.0.0.0:9480", "192.168.1.1:9480", "[::]:9480", "relay01:9480", "127.0.0.1",
          "127.0.0.1:", "127.0.0.1:99999", ":9480", "::1:9480", "[127.0.0.1]:1", "9480", "127.1:80"})
        CHECK(about("status", fmt::format("listen = \"{}\"", address))
                  .starts_with("status.listen: must be a loopback address"));
    CHECK_FALSE(good(std::string(smallest) + "[status]\nlisten = \"\"\n").status.listen.has_value());
    CHECK(good(std::string(smallest) + "[status]\nlisten = \"[::1]:80\"\n").status.listen ==
          loopback_endpoint{"::1", 80});
    CHECK(good(std::string(smallest) + "[status]\nlisten = \"localhost:0\"\n").status.listen ==
          loopback_endpoint{"127.0.0.1", 0});
    CHECK(good(smallest).status.listen == loopback_endpoint{"127.0.0.1", 9480});
}

TEST_CASE("the cloud is reached over wss only", "[unit][config]")
{
    for (const auto* url :
         {"ws://relay.example/v1", "https://relay.example", "relay.example", "wss://", "wss:///v1",
          "wss://user:p@relay.example/", "wss://relay.example/#x", "wss://relay.example:0/", "wss://a b/",
          "wss://relay.example:99999/", "wss://re%6cay/"})
        CHECK(said(R"([exchange]
url = "https://mail/"
username = "u"
password_file = "f"
[cloud]
url = ")" + std::string(url) +
                   "\"\n") ==
              lines{"agent.toml:6: cloud.url: must be wss://host/path, without user, password or #"});
}

TEST_CASE("plaintext for Exchange has to be asked for, and basic never goes over it", "[unit][config]")
{
    const auto with = [](const std::string& more) {
        return "[cloud]\nurl = \"wss://r/\"\n[exchange]\nusername = \"u\"\npassword_file = \"f\"\nurl = "
               "\"http://mail/EWS\"\n" +
               more;
    };
    CHECK(said(with("")) == lines{"agent.toml:6: exchange.url: must be https:// (http:// only with "
                                  "exchange.allow_plaintext = true)"});
    CHECK(said(with("allow_plaintext = true\nauth = \"basic\"\n")) ==
          lines{"agent.toml:8: exchange.auth: basic is never sent over http://: it would show the password"});
    CHECK(said(with("auth = \"basic\"\n")).size() == 2);
    CHECK(said(with("allow_plaintext = true\nchannel_binding = \"always\"\n")).size() == 1);
    CHECK(good(with("allow_plaintext = true\n")).exchange.allow_plaintext);
    CHECK(said(with("url = \"x\"")).size() == 1); // a key twice
}

TEST_CASE("only negotiate can do without a user and a password", "[unit][config]")
{
    const std::string base = "[cloud]\nurl = \"wss://r/\"\n[exchange]\nurl = \"https://mail/EWS\"\n";
    CHECK(said(base).size() == 2);
    CHECK(said(base + "username = \"\"\npassword_file = \"f\"\n") ==
          lines{"agent.toml:5: exchange.username: is needed, such as CORP\\workestra-svc (only negotiate can "
                "do without it)"});
    CHECK(good(base + "auth = \"negotiate\"\n").exchange.username.empty());
    CHECK(said(base + "auth = \"basic\"\nusername = \"a:b\"\npassword_file = \"f\"\n") ==
          lines{"agent.toml:6: exchange.username: must not hold a colon with basic"});
    CHECK(good(base + "username = \"u\"\npassword_command = [\"/bin/get\", \"x\"]\n")
              .exchange.password_command.size() == 2);
    CHECK(said(base + "username = \"u\"\npassword_command = [\"\"]\n") ==
          lines{"agent.toml:6: exchange.password_command: must begin with a program"});
}

TEST_CASE("to enroll nothing needs to be set", "[unit][config]")
{
    CHECK(said("", {}, purpose::enroll).empty());
    CHECK(said("[cloud]\nurl = \"x\"\n", {}, purpose::enroll).size() == 1);
}

TEST_CASE("the smallest configuration gets every default", "[unit][config]")
{
    const auto s = good(smallest);
    CHECK(s.agent.data_dir == default_data_dir());
    CHECK(s.agent.drain_timeout == std::chrono::seconds(20));
    CHECK(s.cloud.certificate_file == default_data_dir() / "pki" / "agent.crt");
    CHECK(s.cloud.private_key_file == default_data_dir() / "pki" / "agent.key");
    CHECK(s.cloud.ca_file.empty());
    CHECK(s.cloud.proxy.mode == proxy_mode::direct);
    CHECK(s.exchange.auth == auth_scheme::ntlm);
    CHECK(s.exchange.channel_binding == channel_binding::automatic);
    CHECK(s.exchange.streaming);
    CHECK(s.exchange.max_connections == 10);
    CHECK(s.exchange.timeout == std::chrono::seconds(30));
    CHECK(s.exchange.settle == std::chrono::seconds(120));
    CHECK_FALSE(s.exchange.allow_plaintext);
    CHECK(s.policy.allow_operations == std::vector<std::string>{"*"});
    CHECK(s.policy.allow_mailboxes == std::vector<std::string>{"*"});
    CHECK(s.policy.deny_mailboxes.empty());
    CHECK(s.audit.retention == std::chrono::days(400));
    CHECK(s.queue.max_commands == 100'000);
    CHECK(s.queue.history == std::chrono::days(7));
    CHECK(s.log.level == log_level::info);
    CHECK(s.log.format == log_format::text);
    CHECK(s.log.file.empty());
}

TEST_CASE("a proxy's user and password are percent-decoded and never printed", "[unit][config]")
{
    const auto s = good("[exchange]\nurl = \"https://mail/\"\nusername = \"u\"\npassword_file = "
                        "\"f\"\n[cloud]\nurl = \"wss://r/\"\n"
                        "proxy = \"http://CORP%5Crelay:p%40ss%3Aword@[2001:db8::1]:3128\"\n");
    CHECK(s.cloud.proxy.mode == proxy_mode::fixed);
    CHECK(s.cloud.proxy.fixed.host == "2001:db8::1");
    CHECK(s.cloud.proxy.fixed.port == 3128);
    CHECK(s.cloud.proxy.fixed.username == "CORP\\relay");
    CHECK(s.cloud.proxy.fixed.password.reveal() == "p@ss:word");
    CHECK(fmt::format("{}", s.cloud.proxy.fixed.password) == "***");
    CHECK(to_toml(s).find("p@ss") == std::string::npos);
    CHECK(to_toml(s).find("p%40ss") == std::string::npos);
}

TEST_CASE("a certificate's digest may be written with colons", "[unit][config]")
{
    std::string colons;
    for (int i = 0; i < 32; ++i)
        colons += i == 0 ? "AB" : ":AB";
    const auto s = good(std::string(smallest) + "certificate_sha256 = \"" + colons + "\"\n");
    CHECK(s.exchange.certificate_sha256.size() == 64);
    CHECK(s.exchange.certificate_sha256.starts_with("abab"));
}

TEST_CASE("every key can be set by the environment, which wins", "[unit][config]")
{
    const auto s = good(smallest, {{"WORKESTRA_RELAY_EXCHANGE_TIMEOUT_S", "7"},
                                   {"WORKESTRA_RELAY_EXCHANGE_STREAMING", "False"},
                                   {"WORKESTRA_RELAY_CLOUD_PROXY", "env"},
                                   {"WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", "a@b.c, d@e.f"},
                                   {"WORKESTRA_RELAY_POLICY_ALLOW_MAILBOXES", "[\"x@b.c\", '*@d.e']"},
                                   {"WORKESTRA_RELAY_AGENT_NAME", ""},
                                   {"WORKESTRA_RELAY_STATUS_LISTEN", ""},
                                   {"PATH", "/bin"}});
    CHECK(s.exchange.timeout == std::chrono::seconds(7));
    CHECK_FALSE(s.exchange.streaming);
    CHECK(s.cloud.proxy.mode == proxy_mode::environment);
    CHECK(s.policy.deny_mailboxes == std::vector<std::string>{"a@b.c", "d@e.f"});
    CHECK(s.agent.name.empty());
    CHECK_FALSE(s.status.listen.has_value());

    environment all;
    for (const auto& rule : key_rules())
        all.emplace(variable_name(rule.name), "");
    CHECK(all.size() == key_rules().size());
}

TEST_CASE("an empty variable for what restricts is a mistake, whatever the key", "[unit][config]")
{
    for (const auto& rule : key_rules()) {
        const bool restricts = rule.name.starts_with("policy.") ||
                               rule.name.find("ca_file") != rule.name.npos ||
                               rule.name == "exchange.certificate_sha256";
        if (!restricts)
            continue;
        INFO(rule.name);
        for (const auto* blank : {"", "  ", "\t"})
            CHECK(said(smallest, {{variable_name(rule.name), blank}}) ==
                  lines{fmt::format(
                      "environment: {}: is empty, and would lift what {} restricts: give it a value, "
                      "or leave the variable out",
                      variable_name(rule.name), rule.name)});
    }
    CHECK(said(smallest, {{"WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", " , "}}).size() == 1);
    CHECK(said(smallest, {{"WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", "[]"}}).size() == 1);
    CHECK(said(std::string(smallest) + "[policy]\ndeny_mailboxes = []\n")
              .empty()); // the file says what it means
}

TEST_CASE("a mistake in the environment names the variable", "[unit][config]")
{
    CHECK(said(smallest, {{"WORKESTRA_RELAY_EXCHANGE_URLL", "x"}}) ==
          lines{"environment: WORKESTRA_RELAY_EXCHANGE_URLL: unknown variable; did you mean "
                "WORKESTRA_RELAY_EXCHANGE_URL?"});
    CHECK(said(smallest, {{"WORKESTRA_RELAY_EXCHANGE_TIMEOUT_S", "5s"}}) ==
          lines{"environment: WORKESTRA_RELAY_EXCHANGE_TIMEOUT_S: must be a whole number"});
    CHECK(said(smallest, {{"WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", "[\"a@b.c\"\nlog.level = 5"}}) ==
          lines{"environment: WORKESTRA_RELAY_POLICY_DENY_MAILBOXES: must be a list of texts in quotes"});
    CHECK(said(smallest, {{"WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", "[1]"}}).size() == 1);
    CHECK(said(smallest, {{"WORKESTRA_RELAY_EXCHANGE_URL", "http://x"}}) ==
          lines{"environment: WORKESTRA_RELAY_EXCHANGE_URL: must be https:// (http:// only with "
                "exchange.allow_plaintext = true)"});
}

TEST_CASE("what a variable overrides is not judged", "[unit][config]")
{
    CHECK(said(std::string(smallest) + "timeout_s = 0\n", {{"WORKESTRA_RELAY_EXCHANGE_TIMEOUT_S", "5"}})
              .empty());
}

TEST_CASE("the environment alone is enough", "[unit][config]")
{
    const auto s = good("", {{"WORKESTRA_RELAY_CLOUD_URL", "wss://r/v1/connect"},
                             {"WORKESTRA_RELAY_EXCHANGE_URL", "https://m/EWS/Exchange.asmx"},
                             {"WORKESTRA_RELAY_EXCHANGE_USERNAME", "u"},
                             {"WORKESTRA_RELAY_EXCHANGE_PASSWORD_COMMAND", "/bin/get,svc"}});
    CHECK(s.exchange.password_command == std::vector<std::string>{"/bin/get", "svc"});
}

TEST_CASE("printed settings read back as they were", "[unit][config][property]")
{
    const auto s = good(std::string(smallest) + R"(timeout_s = 5
certificate_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
streaming = false
[agent]
name = 'hq "1" \ x'
data_dir = "/data"
[policy]
allow_operations = ["event.*", "connection.test"]
deny_mailboxes = ["ceo@corp.example"]
[log]
level = "trace"
format = "json"
file = "/var/log/relay.log"
[status]
listen = "[::1]:1"
)");
    const auto printed = to_toml(s);
    INFO(printed);
    CHECK(good(printed) == s);
    CHECK(good(to_toml(good(smallest))) == good(smallest));
}

TEST_CASE("a letter outside of quotation marks that the parser takes for impossible is refused by its line",
          "[unit][config]")
{
    for (const auto* letter : {"\u00FC", "\u045C", "\u3041", "\uFEFC"}) {
        const auto loaded = parse("[queue]\nm" + std::string(letter) + "a = \"x\"\n", {});
        REQUIRE(loaded.has_error());
        CHECK(loaded.error().front().line == 2);
    }
}

TEST_CASE("arbitrary text never crashes the loader", "[unit][config][property]")
{
    std::mt19937 random(20261122);
    const auto seed = to_toml(good(smallest));
    for (int i = 0; i < 3000; ++i) {
        auto text = seed;
        for (auto edits = 1 + random() % 5; edits > 0; --edits)
            text[random() % text.size()] =
                random() % 3 == 0 ? static_cast<char>(random() % 256) : "[]{}\"'=.\n#x1"[random() % 12];
        const auto loaded = parse(text, {});
        CHECK((loaded.has_value() || !loaded.error().empty()));
    }
}
