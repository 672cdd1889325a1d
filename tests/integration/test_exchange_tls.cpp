// TLS to Exchange: who is believed to be it, and what is said of who is not. A certificate that is refused is named with
// its issuer, so that TLS inspection is seen for what it is.
#include "tests/integration/scenario.hpp"

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

fs::path in_pki(const std::string& file)
{
    return development_pki() / file;
}

std::string quoted(const std::string& text)
{
    return "'" + text + "'";
}

// An Exchange with the certificate of that name in the PKI.
world_options with_certificate(const std::string& name, configuration config = {},
                               std::vector<std::string> exchange = {})
{
    exchange.insert(exchange.end(), {"--certificate", in_pki(name + ".crt").string(), "--key",
                                     in_pki(name + ".key").string()});
    return {.config = std::move(config),
            .exchange_arguments = std::move(exchange),
            .cloud_arguments = {},
            .environment = {}};
}

configuration trusting(const std::string& file)
{
    return {{"exchange.ca_file", quoted(in_pki(file).string())}};
}

// The SHA-256 of a certificate of the PKI, as openssl prints it.
std::string fingerprint(const std::string& name)
{
    const auto e = run_to_end("/usr/bin/openssl", {"x509", "-noout", "-fingerprint", "-sha256", "-in",
                                                   in_pki(name + ".crt").string()});
    const auto begin = e.out.find('=') + 1;
    return e.out.substr(begin, e.out.find_last_not_of('\n') + 1 - begin);
}

void check_works(const world_options& o)
{
    scenario w(o);
    const auto r = w.call("connection.test", "", {});
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
}

// Refused, with that sentence; no request reaches Exchange, and a write waits.
void check_refused(const world_options& o, const Catch::Matchers::StdString::ContainsMatcher& says)
{
    scenario w(o);
    const auto r = w.call("connection.test", "", {}, {{"ttl_ms", 1500}});
    INFO(described(r));
    CHECK(outcome(r) == "exchange_unavailable");
    CHECK_THAT(text_at(r, "/error/message"), says);
    CHECK(at(w.exchange().get("/stats"), "/round_trips").to_number<int>() == 0);
    const auto write = w.call("event.create", host, booking("b-1"), {{"ttl_ms", 500}});
    CHECK(outcome(write) == "exchange_unavailable");
    CHECK_THAT(text_at(write, "/error/message"), says);
    CHECK(w.ledger() == tally{});
}

} // namespace

TEST_CASE("an Exchange whose certificate is the company's own is believed", "[integration]")
{
    check_works(with_certificate("exchange-server"));
    check_works(with_certificate("exchange-server", trusting("exchange-server.crt"))); // just the leaf
    check_works(with_certificate("exchange-server-self-signed", trusting("exchange-server-self-signed.crt")));
}

TEST_CASE("a pinned certificate is the only one that is believed", "[integration]")
{
    check_works(with_certificate("exchange-server",
                                 {{"exchange.certificate_sha256", quoted(fingerprint("exchange-server"))}}));
    check_refused(with_certificate("exchange-server", {{"exchange.certificate_sha256",
                                                        quoted(fingerprint("exchange-server-wrong-name"))}}),
                  Contains("is not the one in exchange.certificate_sha256: its SHA-256 is "));
    check_refused(with_certificate("exchange-server", trusting("exchange-server-self-signed.crt")),
                  Contains("development) comes from an issuer that is not trusted here"));
}

TEST_CASE("a certificate for another name is refused with both names", "[integration]")
{
    check_refused(
        with_certificate("exchange-server-wrong-name"),
        Contains("(subject CN=elsewhere.invalid, issuer CN=Development corporate CA,O=Workestra Relay "
                 "development) is for another name than localhost"));
}

TEST_CASE("a certificate out of its time is refused with the date", "[integration]")
{
    check_refused(with_certificate("exchange-server-expired"), Contains("expired on 2020-02-01T00:00:00Z"));
    check_refused(with_certificate("exchange-server-not-yet-valid"),
                  Contains("is not valid before 2090-01-01T00:00:00Z"));
}

TEST_CASE("a certificate that nobody vouches for is refused with the name of who signed it", "[integration]")
{
    check_refused(
        with_certificate("exchange-server-self-signed"),
        Contains("(subject CN=localhost, issuer CN=localhost) comes from an issuer that is not trusted here "
                 "(exchange.ca_file)"));
    // As a firewall that opens TLS shows it.
    check_refused(with_certificate("exchange-server-other-ca"), Contains("issuer CN=Some other CA"));
}

TEST_CASE("TLS 1.2 is enough for Exchange, and nothing older is", "[integration]")
{
    check_works(with_certificate("exchange-server", {}, {"--tls", "1.2"}));
    check_refused(with_certificate("exchange-server", {}, {"--tls", "1.0"}),
                  Contains("offers no TLS 1.2 or newer"));
}

TEST_CASE("a server that would take a client certificate works without, one that wants it is told apart",
          "[integration]")
{
    const std::string version = GENERATE("modern", "1.2");
    check_works(
        with_certificate("exchange-server", {}, {"--tls", version, "--client-certificates", "accepted"}));
    check_refused(
        with_certificate("exchange-server", {}, {"--tls", version, "--client-certificates", "required"}),
        Contains("wants a client certificate, which this agent has none of"));
}
