// `doctor` on good days and bad ones: each trouble has its own sentence, and says what to do and by whom.
#include "tests/integration/scenario.hpp"

#include "tests/support/connect_proxy.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>

using namespace relay::test;

namespace {

using boost::asio::ip::tcp;
using Catch::Matchers::Contains;

world_options without_agent(configuration config = {}, std::vector<std::string> exchange_arguments = {})
{
    return {.config = std::move(config),
            .exchange_arguments = std::move(exchange_arguments),
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

// One examination, as a script sees it.
struct examination {
    ended run;
    json::value document;

    json::object check(std::string_view name) const
    {
        for (const auto& c : document.at("checks").as_array())
            if (c.at("name").as_string() == name)
                return c.as_object();
        throw std::runtime_error("no check " + std::string(name) + " in " + run.out);
    }
    bool ok(std::string_view name) const { return check(name).at("ok").as_bool(); }
    std::string message(std::string_view name) const
    {
        return std::string(check(name).at("message").as_string());
    }
    std::string advice(std::string_view name) const
    {
        return std::string(check(name).at("advice").as_string());
    }
    // "FAIL: message -> advice", for one glance at what a check says.
    std::string says(std::string_view name) const
    {
        return (ok(name) ? "ok: " : "FAIL: ") + message(name) + " -> " + advice(name);
    }
};

using environment = std::map<std::string, std::string>;

ended run_doctor(relay_world& w, const std::vector<std::string>& more, environment variables = {})
{
    std::vector<std::string> arguments{"doctor", "--config", w.config_file().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto e = run_to_end(relay_program(), std::move(arguments), std::move(variables));
    CHECK((e.out + e.err).find("s3cret") == std::string::npos);
    return e;
}

examination examine(relay_world& w, std::vector<std::string> more = {}, environment variables = {})
{
    more.emplace_back("--json");
    auto e = run_doctor(w, more, std::move(variables));
    INFO(e.out << e.err);
    CHECK(e.err.empty());
    auto document = json::parse(e.out);
    CHECK(e.code == (document.at("ok").as_bool() ? 0 : 1));
    return {std::move(e), std::move(document)};
}

examination examine_with(relay_world& w, const configuration& more,
                         const std::vector<std::string>& arguments = {})
{
    w.configure(more);
    return examine(w, arguments);
}

int refused_sign_ins(relay_world& w)
{
    return at(w.exchange().get("/stats"), "/sign_ins/refused").to_number<int>();
}

std::string in_quotes(const std::string& text)
{
    return "'" + text + "'";
}

// A stand-in beside the world's own, with other certificates.
process another(const fs::path& program, relay_world& w, std::vector<std::string> arguments)
{
    return process(program, {.arguments = std::move(arguments),
                             .environment = {},
                             .standard_error = w.folder() / "another.log",
                             .folder = {}});
}

process cloud_with(relay_world& w, const std::string& certificate, std::string& url)
{
    const auto pki = development_pki();
    auto p = another(cloud_sim_program(), w,
                     {"serve", "--certificate", (pki / (certificate + ".crt")).string(), "--key",
                      (pki / (certificate + ".key")).string(), "--client-ca", (pki / "cloud-ca.crt").string(),
                      "--store", (w.folder() / (certificate + ".db")).string()});
    url = p.ready().at("url").as_string();
    return p;
}

// A port of this machine where connections are not answered: its queue is full, and the system drops what comes.
class deaf_port {
public:
    deaf_port() : acceptor_(context_, tcp::v4())
    {
        acceptor_.bind({boost::asio::ip::address_v4::loopback(), 0});
        acceptor_.listen(0);
        for (auto& one : waiting_) {
            one.open(tcp::v4());
            one.native_non_blocking(true); // Asio's own connect() would wait for the answer
            const auto end = acceptor_.local_endpoint();
            (void)::connect(one.native_handle(), end.data(), static_cast<::socklen_t>(end.size()));
        }
    }
    std::string number() const { return std::to_string(acceptor_.local_endpoint().port()); }

private:
    boost::asio::io_context context_{1};
    tcp::acceptor acceptor_;
    std::array<tcp::socket, 3> waiting_{tcp::socket(context_), tcp::socket(context_), tcp::socket(context_)};
};

// Nobody listens there.
std::string closed_port()
{
    boost::asio::io_context context(1);
    const tcp::acceptor gone(context, {boost::asio::ip::address_v4::loopback(), 0});
    return std::to_string(gone.local_endpoint().port());
}

} // namespace

TEST_CASE("a well agent passes every check, and is not disturbed while it works", "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    const auto e = examine(w, {"--mailbox", std::string(host)});
    INFO(e.run.out);
    CHECK(e.run.code == 0);
    std::vector<std::string> names;
    for (const auto& c : e.document.at("checks").as_array())
        names.emplace_back(c.at("name").as_string());
    CHECK(names == std::vector<std::string>{
                       "configuration", "policy", "file_permissions", "data_folder", "queue_file",
                       "certificate", "clock", "cloud_name", "cloud_tcp", "cloud_proxy", "cloud_tls",
                       "cloud_websocket", "exchange_connection", "exchange_tls", "sign_in", "server_version",
                       "resolve_names", "impersonation host@corp.example", "calendar host@corp.example"});
    CHECK_THAT(e.message("server_version"), Contains("Exchange 2019 (15.2.1118.7)"));
    CHECK_THAT(e.message("cloud_websocket"), Contains("no hello was sent"));
    CHECK_THAT(e.message("calendar host@corp.example"), Contains("Helga Host"));

    CHECK(w.cloud().get("/agents").as_array().size() == 1); // the one session, still up
    CHECK(w.connected());
    CHECK(outcome(w.call("event.create", host, booking("b-2"))) == "ok");
    CHECK(refused_sign_ins(w) == 0);
    CHECK(w.stop_agent() == 0);
    CHECK(examine(w).ok("queue_file"));
    w.start_agent();
    w.wait_connected();
}

TEST_CASE("what the account could open without need is told, and where it cannot, that too", "[integration]")
{
    scenario w(without_agent());
    const auto open = examine(w, {"--mailbox", std::string(host)});
    CHECK(open.ok("impersonation host@corp.example"));
    CHECK_THAT(open.advice("impersonation host@corp.example"),
               Contains("inbox") && Contains("-CustomRecipientWriteScope"));

    w.faults({fault("GetFolder", "before", "error", {{"code", "ErrorAccessDenied"}, {"skip", 1}})});
    const auto closed = examine(w, {"--mailbox", std::string(host)});
    CHECK(closed.ok("impersonation host@corp.example"));
    CHECK(closed.advice("impersonation host@corp.example").empty());
    CHECK_THAT(closed.message("calendar host@corp.example"), Contains("its inbox does not"));
}

TEST_CASE("a person sees a line a check, with what to do below it", "[integration]")
{
    scenario w(without_agent());
    const auto well = run_doctor(w, {});
    INFO(well.out << well.err);
    CHECK(well.code == 0);
    CHECK_THAT(well.out, Contains("ok    configuration        ") && Contains("all 17 checks are well") &&
                             Contains("--mailbox"));
    CHECK(well.out.find('\x1b') == std::string::npos); // no terminal
    const auto ill = run_doctor(w, {"--mailbox", "private@corp.example"});
    CHECK(ill.code == 1);
    CHECK_THAT(ill.out, Contains("FAIL  impersonation private@corp.example") &&
                            Contains("      what to do: ") && Contains("2 of 19 checks failed"));
    CHECK(run_doctor(w, {"--mailbox", "nobody"}).code == 2);
    CHECK(run_doctor(w, {"--mailboxes", "a@b"}).code == 2);
}

TEST_CASE("before enrolment it says what is missing, and looks at all the rest", "[integration]")
{
    scenario w(without_agent());
    const auto e =
        examine_with(w, {{"cloud.url", ""}, {"cloud.certificate_file", ""}, {"cloud.private_key_file", ""}});
    CHECK(e.run.code == 1);
    CHECK_THAT(e.says("configuration"), Contains("cloud.url") && Contains("workestra-relay enroll"));
    CHECK_THAT(e.says("certificate"), Contains("not enrolled") && Contains("workestra-relay enroll"));
    CHECK_THAT(e.message("cloud_tcp"), Contains("not tried: cloud.url is not set"));
    CHECK(e.ok("resolve_names"));

    const auto known = examine_with(w, {{"cloud.certificate_file", ""}, {"cloud.private_key_file", ""}});
    CHECK(known.ok("configuration"));
    CHECK(known.ok("clock"));
    CHECK(known.ok("cloud_tls"));
    CHECK_THAT(known.says("cloud_websocket"), Contains("FAIL") && Contains("not enrolled yet"));
}

TEST_CASE("mistakes in the configuration are told, and nothing is made of it that cannot be", "[integration]")
{
    scenario w(without_agent());
    const auto typo = examine_with(w, {{"exchange.urll", "'x'"}});
    CHECK_THAT(typo.says("configuration"), Contains("exchange.urll") && Contains("config check"));
    CHECK(typo.ok("sign_in")); // the rest of it can be looked at

    w.configure();
    std::ofstream(w.config_file(), std::ios::app) << "[exchange\n";
    const auto torn = examine(w);
    CHECK_THAT(torn.says("configuration"), Contains("FAIL"));
    CHECK_THAT(torn.message("sign_in"), Contains("not tried: the configuration cannot be used"));

    const auto half = examine_with(w, {{"exchange.url", ""}, {"exchange.username", ""}});
    CHECK_FALSE(half.ok("configuration"));
    CHECK(half.ok("cloud_websocket"));
    CHECK_THAT(half.message("exchange_tls"), Contains("not tried: exchange.url is not set"));
}

TEST_CASE("files of this machine that are in disorder are told apart", "[integration]")
{
    scenario w(without_agent());
    const auto pki = development_pki();
    fs::permissions(w.folder() / "exchange.password", fs::perms(0644));
    CHECK_THAT(examine(w).says("file_permissions"),
               Contains("FAIL") && Contains("mode 0644") && Contains("chmod 0600"));
    fs::permissions(w.folder() / "exchange.password", fs::perms(0600));

    CHECK_THAT(examine_with(w, {{"cloud.private_key_file", in_quotes((pki / "agent-2.key").string())}})
                   .says("certificate"),
               Contains("FAIL") && Contains("does not belong to the key"));
    CHECK_THAT(examine_with(w, {{"cloud.certificate_file", in_quotes((pki / "agent-expired.crt").string())},
                                {"cloud.private_key_file", in_quotes((pki / "agent-expired.key").string())}})
                   .says("certificate"),
               Contains("FAIL") && Contains("expired"));
    const auto no_ca = examine_with(w, {{"cloud.ca_file", "'/nowhere/ca.crt'"}});
    CHECK_THAT(no_ca.says("file_permissions"), Contains("/nowhere/ca.crt") && Contains("is not there"));
    CHECK(no_ca.ok("cloud_tcp"));
    CHECK_THAT(no_ca.says("cloud_tls"), Contains("cannot be judged"));

    CHECK_THAT(examine_with(w, {{"agent.data_dir", "'/nowhere/data'"},
                                {"cloud.certificate_file", in_quotes((pki / "agent.crt").string())}})
                   .says("data_folder"),
               Contains("FAIL") && Contains("is not there"));
    w.configure();
    std::ofstream(w.data_folder() / "queue.db") << std::string(10'000, 'x');
    CHECK_THAT(examine(w).says("queue_file"), Contains("FAIL") && Contains("is damaged"));
    CHECK(fs::file_size(w.data_folder() / "queue.db") == 10'000);
    CHECK_FALSE(fs::exists(w.data_folder() / "queue.db-wal"));
}

TEST_CASE("what root can read and the agent's user cannot is told", "[integration]")
{
    if (::geteuid() != 0)
        return;
    scenario w(without_agent());
    const auto folder = w.folder() / "closed";
    fs::create_directory(folder);
    fs::copy_file(development_pki() / "corp-ca.crt", folder / "corp-ca.crt");
    fs::permissions(folder, fs::perms(0700));
    REQUIRE(::chown(w.data_folder().c_str(), 65534, 65534) == 0);
    const auto by_root =
        examine_with(w, {{"exchange.ca_file", in_quotes((folder / "corp-ca.crt").string())}});
    CHECK_THAT(by_root.says("file_permissions"), Contains("FAIL") &&
                                                     Contains("closed/corp-ca.crt (exchange.ca_file)") &&
                                                     Contains("cannot be read by the agent's user"));
    CHECK(by_root.ok("exchange_tls")); // root can
}

TEST_CASE("a cloud that cannot be reached: by name, by TCP, by the proxy", "[integration]")
{
    scenario w(without_agent());
    const auto with_url = [&](const std::string& place) {
        return examine_with(w, {{"cloud.url", in_quotes("wss://" + place + "/v1/connect")}});
    };
    const auto nameless = with_url("relay.invalid");
    CHECK_THAT(nameless.says("cloud_name"), Contains("FAIL") && Contains("getent hosts relay.invalid"));
    CHECK_THAT(nameless.message("cloud_tcp"), Contains("not tried"));
    CHECK_THAT(nameless.message("clock"), Contains("not tried"));
    CHECK(nameless.ok("resolve_names"));

    CHECK_THAT(with_url("localhost:" + closed_port()).says("cloud_tcp"),
               Contains("FAIL") && Contains("refuses") && Contains("firewall team") &&
                   Contains("localhost port"));
    const deaf_port deaf;
    CHECK_THAT(with_url("127.0.0.1:" + deaf.number()).says("cloud_tcp"),
               Contains("FAIL") && Contains("nothing came back") && Contains("firewall team") &&
                   Contains("127.0.0.1 port " + deaf.number()));

    const auto with_proxy = [&](std::uint16_t port, const std::string& who = {}) {
        return examine_with(
            w, {{"cloud.proxy_auth", "['negotiate', 'ntlm', 'basic']"},
                {"cloud.proxy", in_quotes("http://" + who + "127.0.0.1:" + std::to_string(port))}});
    };
    const connect_proxy wants_sign_in("joe:word");
    CHECK_THAT(with_proxy(wants_sign_in.port()).says("cloud_proxy"),
               Contains("FAIL") && Contains("wants a sign-in") && Contains("it offers: Basic") &&
                   Contains("cloud.proxy"));
    CHECK_THAT(with_proxy(wants_sign_in.port(), "joe:wrong@").says("cloud_proxy"),
               Contains("FAIL") && Contains("refuses the user name or password of cloud.proxy") &&
                   Contains("not locked") && !Contains("wrong"));
    CHECK(wants_sign_in.refusals() == 1); // tried once: the running agent has its own tries
    CHECK(with_proxy(wants_sign_in.port(), "joe:word@").ok("cloud_proxy"));
    const connect_proxy refuses({}, "403 Forbidden");
    CHECK_THAT(with_proxy(refuses.port()).says("cloud_proxy"),
               Contains("FAIL") && Contains("403") && Contains("Ask the proxy team to allow CONNECT"));
    const connect_proxy lets_through;
    CHECK(with_proxy(lets_through.port()).run.code == 0);
    CHECK(lets_through.tunnels() == 1);
}

TEST_CASE("a machine whose DNS servers are silent, or that has no way out, is told so", "[integration]")
{
    scenario w(without_agent());
    w.configure();
    const auto where = w.folder() / "network";
    auto variables = preloaded(RELAY_BROKEN_NETWORK);
    variables["RELAY_BROKEN_NETWORK"] = where.string();

    std::ofstream(where) << "names";
    const auto no_names = examine(w, {}, variables);
    CHECK_THAT(no_names.says("cloud_name"),
               Contains("FAIL") && Contains("DNS server") && Contains("/etc/resolv.conf"));
    CHECK_THAT(no_names.says("exchange_connection"), Contains("FAIL") && Contains("DNS server"));

    std::ofstream(where) << "route";
    const auto no_route = examine(w, {}, variables);
    CHECK(no_route.ok("cloud_name"));
    CHECK_THAT(no_route.says("cloud_tcp"), Contains("FAIL") && Contains("no route") && Contains("ip route"));
    CHECK_THAT(no_route.says("exchange_connection"), Contains("FAIL") && Contains("no route"));
}

TEST_CASE("a cloud whose certificate or clock is not what it should be", "[integration]")
{
    scenario w(without_agent());
    const auto pki = development_pki();
    std::string url;
    const auto seen_at = [&](const std::string& certificate, configuration more = {}) {
        const auto cloud = cloud_with(w, certificate, url);
        more["cloud.url"] = in_quotes(url);
        return examine_with(w, more);
    };
    CHECK_THAT(seen_at("cloud-server-expired").says("cloud_tls"), Contains("FAIL") && Contains("expired"));
    CHECK_THAT(seen_at("cloud-server-wrong-name").says("cloud_tls"),
               Contains("FAIL") && Contains("another server answers than localhost"));
    CHECK_THAT(seen_at("cloud-server-other-ca").says("cloud_tls"),
               Contains("FAIL") && Contains("wrong CA") && Contains("Some other CA"));
    CHECK_THAT(seen_at("cloud-server-other-ca", {{"cloud.ca_file", ""}}).says("cloud_tls"),
               Contains("FAIL") && Contains("opens TLS on the way") && Contains("Some other CA") &&
                   Contains("firewall or proxy team"));
    const auto plain = w.cloud().url(); // HTTP where TLS is expected
    CHECK_THAT(examine_with(w, {{"cloud.url", in_quotes("wss" + plain.substr(4) + "/v1/connect")}})
                   .says("cloud_tls"),
               Contains("FAIL") && (Contains("does not speak TLS") ||
                                    Contains("closed the connection during the TLS handshake")));

    w.configure();
    w.cloud().put("/behaviour", {{"clock_skew_s", 600}});
    const auto behind = examine(w);
    CHECK_THAT(behind.says("clock"),
               Contains("FAIL") && Contains("10 min behind") && Contains("timedatectl"));
    CHECK(behind.ok("cloud_websocket"));
    w.cloud().put("/behaviour", {{"refuse_upgrade", 403}, {"clock_skew_s", -7200}});
    const auto refused = examine(w);
    CHECK_THAT(refused.says("clock"), Contains("2 h ahead"));
    CHECK_THAT(refused.says("cloud_websocket"), Contains("FAIL") && Contains("Ask Workestra"));
    w.cloud().put("/behaviour", {{"refuse_upgrade", 503}, {"clock_skew_s", 0}});
    CHECK_THAT(examine(w).says("cloud_websocket"), Contains("cannot take a link now"));
    w.cloud().put("/behaviour", {{"refuse_upgrade", 404}});
    CHECK_THAT(examine(w).says("cloud_websocket"), Contains("cloud.url"));
    w.cloud().put("/behaviour", {{"refuse_upgrade", 0}, {"revoked", true}});
    CHECK_THAT(examine(w).says("cloud_websocket"), Contains("FAIL") &&
                                                       Contains("has revoked this agent's certificate") &&
                                                       Contains("enroll --force"));
}

TEST_CASE("an Exchange that cannot be reached or trusted", "[integration]")
{
    scenario w(without_agent());
    const auto pki = development_pki();
    const auto with_url = [&](const std::string& place) {
        return examine_with(w, {{"exchange.url", in_quotes("https://" + place + "/EWS/Exchange.asmx")}});
    };
    CHECK_THAT(with_url("mail.invalid").says("exchange_connection"),
               Contains("FAIL") && Contains("getent hosts"));
    const auto refused = with_url("localhost:" + closed_port());
    CHECK_THAT(refused.says("exchange_connection"), Contains("FAIL") && Contains("refuses"));
    CHECK_THAT(refused.message("sign_in"), Contains("not tried: there is no connection"));
    CHECK_THAT(examine_with(w, {{"exchange.ca_file", in_quotes((pki / "other-ca.crt").string())}})
                   .says("exchange_tls"),
               Contains("FAIL") && Contains("wrong CA") && Contains("Development corporate CA"));
    CHECK_THAT(examine_with(w, {{"exchange.ca_file", ""}}).says("exchange_tls"),
               Contains("FAIL") && Contains("set exchange.ca_file"));

    auto expired = another(exchange_sim_program(), w,
                           {"--certificate", (pki / "exchange-server-expired.crt").string(), "--key",
                            (pki / "exchange-server-expired.key").string()});
    const auto e =
        examine_with(w, {{"exchange.url", in_quotes(std::string(expired.ready().at("ews").as_string()))}});
    CHECK_THAT(e.says("exchange_tls"),
               Contains("FAIL") && Contains("has expired") && Contains("Exchange administrator"));
    CHECK_THAT(e.message("sign_in"), Contains("not tried: there is no secure connection"));
    CHECK(refused_sign_ins(w) == 0);
}

TEST_CASE("a wrong password is shown once, and nothing is asked after it", "[integration]")
{
    scenario w(without_agent());
    w.exchange().put("/account", {{"password", "another"}});
    const auto e = examine(w, {"--mailbox", std::string(host)});
    CHECK_THAT(e.says("sign_in"), Contains("FAIL") && Contains("wrong password") && Contains("Get-ADUser"));
    CHECK_THAT(e.message("resolve_names"), Contains("not tried"));
    CHECK_THAT(e.message("impersonation host@corp.example"), Contains("not tried"));
    CHECK(refused_sign_ins(w) == 1);

    fs::remove(w.folder() / "exchange.password");
    const auto none = examine(w);
    CHECK_THAT(none.says("sign_in"), Contains("FAIL") && Contains("the password cannot be read"));
    CHECK(refused_sign_ins(w) == 1);
}

TEST_CASE("answers of Exchange are told apart: no EWS, no right, busy, too old", "[integration]")
{
    scenario w(without_agent());
    const auto struck_by = [&](json::object f) {
        w.faults({std::move(f)});
        return examine(w);
    };
    for (const auto& f : {fault("*", "before", "html", {}, 0), fault("*", "before", "redirect", {}, 0),
                          fault("*", "before", "status", {{"status", 404}}, 0)}) {
        const auto e = struck_by(f);
        INFO(e.run.out);
        CHECK_THAT(e.says("sign_in"), Contains("FAIL") && Contains("is not an EWS address") &&
                                          Contains("Get-WebServicesVirtualDirectory"));
    }
    CHECK_THAT(struck_by(fault("*", "before", "status", {{"status", 403}}, 0)).says("sign_in"),
               Contains("FAIL") && Contains("has no right to it") && Contains("Get-CASMailbox"));
    CHECK_THAT(struck_by(fault("*", "before", "status", {{"status", 503}}, 0)).says("sign_in"),
               Contains("FAIL") && Contains("503"));
    const auto busy = struck_by(fault("ResolveNames", "before", "busy", {{"back_off_ms", 300'000}}, 0));
    CHECK(busy.ok("sign_in"));
    CHECK_THAT(busy.says("resolve_names"),
               Contains("FAIL") && Contains("New-ThrottlingPolicy") && Contains("5 min"));

    scenario old(without_agent({}, {"--product", "2010"}));
    const auto e = examine(old, {"--mailbox", std::string(host)});
    CHECK(e.ok("sign_in"));
    CHECK_THAT(e.says("server_version"),
               Contains("FAIL") && Contains("Exchange 2010") && Contains("too old"));
    CHECK_THAT(e.message("calendar host@corp.example"), Contains("not tried"));
}

TEST_CASE("Extended Protection is told from a wrong password", "[integration]")
{
    scenario w(
        without_agent({{"exchange.auth", "'ntlm'"}}, {"--auth", "ntlm", "--extended-protection", "require"}));
    CHECK(examine(w).run.code == 0);
    const auto e = examine_with(w, {{"exchange.channel_binding", "'never'"}});
    CHECK_THAT(e.says("sign_in"), Contains("FAIL") && Contains("requires Extended Protection") &&
                                      Contains("channel_binding = \"auto\""));
    const auto other = examine_with(w, {{"exchange.auth", "'basic'"}});
    CHECK_THAT(other.says("sign_in"), Contains("FAIL") && Contains("does not offer Basic (it offers NTLM)"));
    w.exchange().put("/account", {{"password", "another"}});
    const auto before = refused_sign_ins(w);
    CHECK_THAT(examine_with(w, {{"exchange.channel_binding", "'never'"}}).says("sign_in"),
               Contains("FAIL") && Contains("wrong password"));
    CHECK(refused_sign_ins(w) <= before + 2);
}

TEST_CASE("mailboxes: no right to act for them, not there, throttled", "[integration]")
{
    scenario w(without_agent());
    const auto e = examine(w, {"--mailbox", "private@corp.example", "--mailbox", "nobody@corp.example",
                               "--mailbox", std::string(host)});
    CHECK_THAT(e.says("impersonation private@corp.example"),
               Contains("FAIL") && Contains("ErrorImpersonateUserDenied") &&
                   Contains("New-ManagementRoleAssignment") && Contains("-Role ApplicationImpersonation") &&
                   Contains("CORP\\workestra-svc"));
    CHECK_THAT(e.message("calendar private@corp.example"), Contains("not tried"));
    CHECK_THAT(e.says("impersonation nobody@corp.example"),
               Contains("FAIL") && Contains("ErrorNonExistentMailbox") && Contains("Get-Mailbox"));
    CHECK(e.ok("calendar host@corp.example"));

    w.faults({fault("GetFolder", "before", "busy", {{"back_off_ms", 60'000}}, 0)});
    CHECK_THAT(examine(w, {"--mailbox", std::string(host)}).says("impersonation host@corp.example"),
               Contains("FAIL") && Contains("throttl"));
    w.faults({fault("GetFolder", "before", "error", {{"code", "ErrorFolderNotFound"}}, 0)});
    const auto folderless = examine(w, {"--mailbox", std::string(host)});
    CHECK(folderless.ok("impersonation host@corp.example"));
    CHECK_THAT(folderless.says("calendar host@corp.example"),
               Contains("FAIL") && Contains("ErrorFolderNotFound"));
}

TEST_CASE("the running agent examines itself, without a new connection to the cloud", "[integration]")
{
    scenario w;
    const auto r = w.call("agent.diagnose", "", {});
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    CHECK(at(r, "/output/ok").as_bool());
    std::vector<std::string> names;
    const auto checks = at(r, "/output/checks");
    for (const auto& c : checks.as_array())
        names.emplace_back(c.at("name").as_string());
    CHECK(names == std::vector<std::string>{"configuration", "file_permissions", "data_folder", "certificate",
                                            "queue_file", "log", "cloud_link", "sign_in", "server_version",
                                            "resolve_names"});
    CHECK(at(w.cloud().get("/connections"), "/accepted").to_number<int>() == 1);
}
