// TLS with the cloud: who is refused, and what an administrator reads.
#include "tests/unit/uplink/dialling_fixture.hpp"

namespace relay::test {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using uplink::step;

TEST_CASE_METHOD(dialling_fixture, "an expired server certificate is refused with its dates",
                 "[unit][uplink][tls]")
{
    manner.identity = pki.issue({"localhost", "DNS:localhost", -9, -5});
    const auto text = failure(step::tls);
    CHECK_THAT(text, StartsWith("localhost:PORT: its certificate (subject CN=localhost, issuer CN=Test "
                                "authority ca) expired on 20"));
}

TEST_CASE_METHOD(dialling_fixture, "a server certificate of the future is refused, and the clock suspected",
                 "[unit][uplink][tls]")
{
    manner.identity = pki.issue({"localhost", "DNS:localhost", 5, 9});
    const auto text = failure(step::tls);
    CHECK_THAT(text, Contains("is not valid before 20"));
    CHECK_THAT(text, Contains("; this machine's clock says 20"));
}

TEST_CASE_METHOD(dialling_fixture, "a certificate for another name is refused, and both names are told",
                 "[unit][uplink][tls]")
{
    manner.identity = pki.issue({"localhost", "DNS:elsewhere.example,DNS:*.host", -1, 30});
    CHECK(failure(step::tls) ==
          "localhost:PORT: its certificate (subject CN=localhost, issuer CN=Test authority ca) is for "
          "elsewhere.example, *.host, not for localhost");
}

TEST_CASE_METHOD(dialling_fixture, "the common name alone names no host where there are alternative names",
                 "[unit][uplink][tls]")
{
    manner.identity = pki.issue({"127.0.0.1", "DNS:localhost", -1, 30});
    open_cloud();
    settings.url = cloud->url("127.0.0.1");
    CHECK_THAT(failure(step::tls), Contains("is for localhost, not for 127.0.0.1"));
}

TEST_CASE_METHOD(dialling_fixture,
                 "an address in the URL is checked against the addresses of the certificate",
                 "[unit][uplink][tls]")
{
    open_cloud();
    settings.url = cloud->url("127.0.0.1");
    CHECK(dial().has_value());
}

TEST_CASE_METHOD(dialling_fixture, "an unknown issuer is refused and named", "[unit][uplink][tls]")
{
    manner.identity = pki.issue({}, "other");
    CHECK(failure(step::tls) ==
          "localhost:PORT: its certificate (subject CN=localhost, issuer CN=Test authority other) comes from "
          "an issuer that is not trusted here");
}

TEST_CASE_METHOD(dialling_fixture,
                 "without a CA file the system decides, and does not know the test authority",
                 "[unit][uplink][tls]")
{
    settings.files.ca_file.clear();
    CHECK_THAT(failure(step::tls), Contains("not trusted here"));
}

TEST_CASE_METHOD(dialling_fixture, "a cloud that refuses our certificate is quoted", "[unit][uplink][tls]")
{
    SECTION("under TLS 1.3, where the handshake is over by then")
    {
        agent = pki.issue({"agent-1", "", -1, 30}, "other");
        settings.files = {agent.certificate, agent.key, pki.authority()};
        CHECK(failure(step::upgrade) == "localhost:PORT: it refuses our client certificate: unknown issuer");
    }
    SECTION("under TLS 1.2")
    {
        manner.only_tls_1_2 = true;
        agent = pki.issue({"agent-1", "", -1, 30}, "other");
        settings.files = {agent.certificate, agent.key, pki.authority()};
        CHECK(failure(step::tls) == "localhost:PORT: it refuses our client certificate: unknown issuer");
    }
    SECTION("because it is out of date")
    {
        agent = pki.issue({"agent-1", "", -9, -5});
        settings.files = {agent.certificate, agent.key, pki.authority()};
        CHECK(failure(step::upgrade) ==
              "localhost:PORT: it refuses our client certificate: certificate expired");
    }
    SECTION("because there is none")
    {
        settings.files.certificate_file.clear();
        settings.files.private_key_file.clear();
        CHECK(failure(step::upgrade) ==
              "localhost:PORT: it refuses our client certificate: certificate required");
    }
}

TEST_CASE_METHOD(dialling_fixture, "a port where no TLS is spoken is told as such", "[unit][uplink][tls]")
{
    manner.garbage_before_tls = "SSH-2.0-OpenSSH_9.2\r\n";
    manner.hangs_before_tls = true;
    CHECK(failure(step::tls) == "localhost:PORT: what answers there does not speak TLS");
}

TEST_CASE_METHOD(dialling_fixture, "a TLS handshake that never ends is given up in time",
                 "[unit][uplink][tls]")
{
    manner.hangs_before_tls = true;
    settings.step_limit = 150ms;
    CHECK(failure(step::tls) == "the TLS handshake with localhost:PORT took longer than 1 s");
}

TEST_CASE_METHOD(dialling_fixture, "TLS 1.2 is spoken where 1.3 is not", "[unit][uplink][tls]")
{
    manner.only_tls_1_2 = true;
    REQUIRE(dial().has_value());
    CHECK(report.steps[2].detail == "TLSv1.2, CN=localhost");
}

TEST_CASE_METHOD(dialling_fixture, "a dial that works reports its steps", "[unit][uplink][tls]")
{
    REQUIRE(dial().has_value());
    REQUIRE(report.steps.size() == 4);
    CHECK(report.steps[1].detail == "127.0.0.1");
    CHECK(report.steps[2].detail == "TLSv1.3, CN=localhost");
    CHECK(report.steps[3].what == step::upgrade);
    CHECK(report.server_time.has_value());
    CHECK(report.peer.common_name == "localhost");
    CHECK(cloud->seen_user_agent == "workestra-relay");
    CHECK(cloud->seen_target == "/v1/connect");
    CHECK(masked(cloud->seen_host) == "localhost:PORT");
}

// ---- files ----

TEST_CASE("credential files that cannot be used are refused in plain words", "[unit][tls]")
{
    test_pki pki;
    const auto good = pki.issue(), other = pki.issue();
    const auto refused = [](const tls::credential_files& files) {
        const auto context = tls::make_client_context(files);
        REQUIRE(context.has_error());
        return context.error().message;
    };
    CHECK_THAT(refused({"/nonexistent/agent.crt", good.key, pki.authority()}),
               Contains("/nonexistent/agent.crt cannot be opened"));
    CHECK_THAT(refused({good.certificate, other.key, pki.authority()}),
               Contains("is not the key of the certificate in"));
    CHECK_THAT(refused({good.key, good.key, pki.authority()}), Contains("holds no PEM certificate"));
    CHECK_THAT(refused({good.certificate, good.certificate, pki.authority()}),
               Contains("holds no readable PEM private key"));
    const auto empty = pki.write("empty.pem", "");
    CHECK_THAT(refused({good.certificate, good.key, empty}), Contains("holds no PEM certificate"));
    const auto damaged =
        pki.write("damaged.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    CHECK_THAT(refused({good.certificate, good.key, damaged}), Contains("holds a damaged certificate"));
    const auto encrypted = pki.write(
        "encrypted.pem",
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END EC PRIVATE KEY-----\n");
    CHECK_THAT(refused({good.certificate, encrypted, pki.authority()}), Contains("without a passphrase"));
    CHECK(tls::make_client_context({good.certificate, good.key, pki.authority()}).has_value());
}

TEST_CASE("the facts of a certificate are read", "[unit][tls]")
{
    test_pki pki;
    const auto mine = pki.issue({"agent-1", "", -1, 30}), other = pki.issue();
    const auto facts = tls::read_certificate(mine.certificate, mine.key);
    REQUIRE(facts.has_value());
    CHECK(facts->common_name == "agent-1");
    CHECK(facts->subject == "CN=agent-1");
    CHECK(facts->issuer == "CN=Test authority ca");
    CHECK(facts->matches_key);
    CHECK(facts->chain == 1);
    const auto life = facts->not_after - facts->not_before;
    CHECK(life == std::chrono::days(31));
    CHECK_FALSE(tls::read_certificate(mine.certificate, other.key)->matches_key);
    CHECK_FALSE(tls::read_certificate(mine.certificate)->matches_key);
}

} // namespace relay::test
