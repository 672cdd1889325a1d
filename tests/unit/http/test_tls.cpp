// Whom the client believes to be Exchange, and how it says that it does not.
#include "agent/http/cause.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

#include <openssl/ssl.h>

#include <fstream>

namespace relay::test {
namespace {

using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

struct tls_fixture : http_fixture {
    // The sentence for a server with such a certificate; nothing of the request arrives there.
    std::string refused(const certificate_wish& wish) { return refused(authority().issue(wish)); }
    std::string refused(const identity& shown)
    {
        scripted_server server(shown, scripted_server::always());
        connect(server);
        const auto got =
            bad(perform(post("one", 60s))); // the system's store takes its time under a sanitizer
        CHECK(got.code == http::cause::tls_failed);
        CHECK(got.code == failure::transient);
        CHECK(got.how_far == http::reached::nothing);
        client.reset();
        CHECK(server.bodies == 0);
        CHECK_THAT(got.message,
                   StartsWith("the certificate of localhost:" + std::to_string(server.port()) + " ("));
        return got.message;
    }
};

TEST_CASE_METHOD(tls_fixture, "an expired certificate is called expired", "[unit][http]")
{
    const auto message = refused({.valid_from_days = -10, .valid_to_days = -2});
    CHECK_THAT(message, Catch::Contains("(subject CN=localhost, issuer CN=Test CA) expired on 20"));
}

TEST_CASE_METHOD(tls_fixture, "a certificate of the future is called not valid yet", "[unit][http]")
{
    CHECK_THAT(refused({.valid_from_days = 2}), Catch::Contains("issuer CN=Test CA) is not valid before 20"));
}

TEST_CASE_METHOD(tls_fixture, "a certificate for another name is called that", "[unit][http]")
{
    CHECK_THAT(refused({.common_name = "other.example", .alternative_names = "DNS:other.example"}),
               EndsWith("(subject CN=other.example, issuer CN=Test CA) is for another name than localhost "
                        "(at 127.0.0.1)"));
}

TEST_CASE_METHOD(tls_fixture, "a certificate of an unknown authority is called that", "[unit][http]")
{
    const test_authority stranger("Stranger CA");
    CHECK_THAT(refused(stranger.issue()), EndsWith("issuer CN=Stranger CA) comes from an issuer that is not "
                                                   "trusted here (exchange.ca_file) (at 127.0.0.1)"));
}

TEST_CASE_METHOD(tls_fixture, "without ca_file the system decides, and it does not know the test authority",
                 "[unit][http]")
{
    settings.ca_file.clear();
    CHECK_THAT(refused(certificate_wish{}), Catch::Contains("is not trusted here"));
}

TEST_CASE_METHOD(tls_fixture, "a certificate other than the pinned one is refused, its digest given",
                 "[unit][http]")
{
    settings.certificate_sha256 = authority().issue().sha256_hex();
    CHECK_THAT(refused(who), EndsWith("is not the one in exchange.certificate_sha256: its SHA-256 is " +
                                      who.sha256_hex() + " (at 127.0.0.1)"));
}

TEST_CASE_METHOD(tls_fixture, "the pinned certificate still needs its chain", "[unit][http]")
{
    const test_authority stranger("Stranger CA");
    const auto shown = stranger.issue();
    settings.certificate_sha256 = shown.sha256_hex();
    CHECK_THAT(refused(shown), Catch::Contains("not trusted here"));
}

TEST_CASE_METHOD(tls_fixture, "the pinned certificate is taken, however its digest is written",
                 "[unit][http]")
{
    auto digest = who.sha256_hex();
    if (GENERATE(true, false)) {
        std::string spaced;
        for (std::size_t i = 0; i < digest.size(); i += 2)
            spaced += (i ? ":" : "") + digest.substr(i, 2);
        for (auto& c : spaced)
            c = static_cast<char>(std::toupper(c));
        digest = spaced;
    }
    settings.certificate_sha256 = digest;
    scripted_server server(who, scripted_server::always());
    connect(server);
    CHECK(ok(perform(post("one"))).status == 200);
}

TEST_CASE_METHOD(tls_fixture, "control characters in a certificate's name do not reach a message",
                 "[unit][http]")
{
    const auto message = refused(
        {.common_name = "evil\n\x1b[31m" + std::string(50, 'x'), .alternative_names = "DNS:a.example"});
    for (const char c : message)
        CHECK(static_cast<unsigned char>(c) >= 0x20);
}

TEST_CASE_METHOD(tls_fixture, "an unreadable ca_file is named", "[unit][http]")
{
    settings.ca_file = "/nonexistent/ca.pem";
    scripted_server server(who, scripted_server::always());
    connect(server);
    const auto got = bad(perform(post("one")));
    CHECK(got.message == "exchange.ca_file /nonexistent/ca.pem cannot be read as PEM certificates");
    CHECK(got.how_far == http::reached::nothing);
}

TEST_CASE_METHOD(tls_fixture, "a server that speaks no TLS is told apart", "[unit][http]")
{
    scripted_server server(who, scripted_server::always(), scripted_server::security::plain);
    connect("https://localhost:" + std::to_string(server.port()) + "/");
    const auto got = bad(perform(post("one", 1s)));
    INFO(got.message);
    CHECK((got.code == http::cause::tls_failed || got.code == http::cause::timed_out));
    CHECK(got.how_far == http::reached::nothing);
}

TEST_CASE_METHOD(tls_fixture, "a TLS handshake that hangs ends with the limit", "[unit][http]")
{
    settings.limits.connect = 50ms;
    scripted_server server(
        who, [](peer& p) { p.hang(); }, scripted_server::security::plain);
    connect("https://localhost:" + std::to_string(server.port()) + "/");
    const auto got = bad(perform(post("one")));
    CHECK(got.code == http::cause::timed_out);
    CHECK(got.how_far == http::reached::nothing);
    CHECK_THAT(got.message, EndsWith("did not finish the TLS handshake in time (at 127.0.0.1)"));
}

} // namespace
} // namespace relay::test
