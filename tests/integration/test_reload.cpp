// A reload reads anew what the configuration names, and what is bad by then does not take the place of what works.
#include "tests/integration/scenario.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

constexpr std::string_view in_part = "configuration reloaded in part";
constexpr std::string_view good = "s3cret & \xc3\xa4pfel"; // the world's password

std::string quoted(const fs::path& path)
{
    return "'" + path.string() + "'";
}

struct reloading_world : scenario {
    using scenario::scenario;

    fs::path password_file() const { return folder() / "exchange.password"; }
    fs::path ca_file() const { return folder() / "exchange-ca.crt"; }

    void password_is(std::string_view bytes) const
    {
        std::ofstream(password_file(), std::ios::binary | std::ios::trunc) << bytes;
    }
    void ca_is(const std::string& name) const
    {
        fs::copy_file(development_pki() / name, ca_file(), fs::copy_options::overwrite_existing);
    }
    auto times_said(std::string_view text) const
    {
        const auto log = agent_log();
        std::size_t count = 0;
        for (auto at = log.find(text); at != log.npos; at = log.find(text, at + 1))
            ++count;
        return count;
    }
    // Waits until the reload is over, and the link it makes anew is up.
    void reload()
    {
        const auto before = times_said("configuration reloaded");
        const auto sessions = [&] { return cloud().get("/agents").as_array().size(); };
        const auto links = sessions();
        agent().signal(SIGHUP);
        REQUIRE(eventually([&] { return times_said("configuration reloaded") > before; }, 20s));
        REQUIRE(eventually([&] { return sessions() > links && connected(); }));
    }
    void reload_refuses(std::string_view sentence)
    {
        const auto before = times_said(in_part);
        reload();
        INFO(agent_log_tail());
        CHECK(times_said(in_part) == before + 1);
        CHECK_THAT(agent_log(), Contains(std::string(sentence)));
    }
    json::object asked() { return call("connection.test", "", {}); }
    int refused() { return at(exchange().get("/stats"), "/sign_ins/refused").to_number<int>(); }
};

world_options trusting_own_file()
{
    return {.config = {},
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

} // namespace

TEST_CASE("a new CA under the same file name counts from the reload on", "[integration][reload]")
{
    reloading_world w(trusting_own_file());
    w.ca_is("other-ca.crt");
    w.configure({{"exchange.ca_file", quoted(w.ca_file())}});
    w.start_agent();
    w.wait_connected();
    CHECK(outcome(w.call("connection.test", "", {}, {{"ttl_ms", 3000}})) == "exchange_unavailable");

    w.ca_is("corp-ca.crt");
    w.reload();
    CHECK(w.times_said(in_part) == 0);
    CHECK(described(w.asked()) == "ok");

    // And one that is taken away counts no longer: nothing goes over a connection that it vouched for.
    w.ca_is("other-ca.crt");
    w.reload();
    CHECK(outcome(w.call("connection.test", "", {}, {{"ttl_ms", 3000}})) == "exchange_unavailable");
}

TEST_CASE(
    "a CA file that is none, or begins with a byte order mark, is told at the reload and the old one stays",
    "[integration][reload]")
{
    reloading_world w(trusting_own_file());
    w.ca_is("corp-ca.crt");
    w.configure({{"exchange.ca_file", quoted(w.ca_file())}});
    w.start_agent();
    w.wait_connected();
    REQUIRE(described(w.asked()) == "ok");

    std::ofstream(w.ca_file(), std::ios::trunc) << "no certificate\n";
    w.reload_refuses("cannot be read as PEM certificates");
    CHECK(described(w.asked()) == "ok");

    std::ifstream real(development_pki() / "corp-ca.crt");
    std::ofstream(w.ca_file(), std::ios::trunc) << "\xef\xbb\xbf" << real.rdbuf();
    w.reload_refuses("begins with a byte order mark");
    CHECK(described(w.asked()) == "ok");
}

TEST_CASE("a password that cannot be read at a reload is told, and the one that works stays in use",
          "[integration][reload]")
{
    reloading_world w(trusting_own_file());
    w.configure({{"exchange.auth", "'ntlm'"}});
    w.start_agent();
    w.wait_connected();
    REQUIRE(described(w.asked()) == "ok");

    const auto still_works = [&] {
        w.exchange().put("/account", {{"sign_out", true}}); // every connection signs in anew
        CHECK(described(w.asked()) == "ok");
        CHECK(w.refused() == 0);
    };
    w.password_is("");
    w.reload_refuses("the password is empty; the old settings, CA and password stay in use");
    still_works();
    w.password_is("\xef\xbb\xbfs0mething else\n");
    w.reload_refuses("the password begins with a byte order mark");
    still_works();
    w.password_is(std::string(good) + "\n");

    // A command in its place, which fails.
    w.configure({{"exchange.auth", "'ntlm'"},
                 {"exchange.password_file", ""},
                 {"exchange.password_command", "['/bin/false']"}});
    w.reload_refuses("the password cannot be had: the program that prints it");
    still_works();

    // What is mended counts at the next reload, a changed password too.
    w.exchange().put("/account", {{"password", "an0ther"}, {"sign_out", true}});
    w.configure({{"exchange.auth", "'ntlm'"},
                 {"exchange.password_file", ""},
                 {"exchange.password_command", "['/bin/echo', 'an0ther']"}});
    w.reload();
    CHECK(described(w.asked()) == "ok");
    CHECK(w.refused() == 0);
}

TEST_CASE("a reload takes a restriction into use at once, whatever a password command takes",
          "[integration][reload]")
{
    reloading_world w(trusting_own_file());
    w.start_agent();
    w.wait_connected();
    REQUIRE(outcome(w.call("mailbox.verify", host, {})) == "ok");
    w.configure({{"policy.deny_mailboxes", "['host@corp.example']"},
                 {"exchange.password_file", ""},
                 {"exchange.password_command", "['/bin/sh', '-c', 'sleep 5; echo x']"}});
    const auto before = w.times_said("configuration reloaded");
    w.agent().signal(SIGHUP);
    CHECK(eventually([&] { return outcome(w.call("mailbox.verify", host, {})) == "policy_denied"; }, 4s));
    CHECK(w.times_said("configuration reloaded") == before);
    CHECK(w.stop_agent() == 0); // in the middle of it
}

TEST_CASE("a key or a cloud CA that is bad at a reload is told, and the link lives on the old ones",
          "[integration][reload]")
{
    reloading_world w(trusting_own_file());
    const auto key = w.folder() / "own.key", ca = w.folder() / "own-cloud-ca.crt";
    fs::copy_file(development_pki() / "agent.key", key);
    fs::copy_file(development_pki() / "cloud-ca.crt", ca);
    fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
    w.configure({{"cloud.private_key_file", quoted(key)}, {"cloud.ca_file", quoted(ca)}});
    w.start_agent();
    w.wait_connected();
    std::ofstream(ca, std::ios::trunc) << "";
    w.reload_refuses(ca.string());
    fs::copy_file(development_pki() / "cloud-ca.crt", ca, fs::copy_options::overwrite_existing);
    fs::copy_file(development_pki() / "exchange-server.key", key, fs::copy_options::overwrite_existing);
    w.reload_refuses("the old settings stay in use");
    CHECK(described(w.asked()) == "ok");
}
