// What the cloud answers, and what a hostile or broken one may answer in its place.
#include "tests/unit/enrolment/enrolment_fixture.hpp"

#include "agent/enrolment/cloud_connection.hpp"

namespace relay::test {

using namespace enrolment;
using Catch::Matchers::Contains;

namespace {

struct answer_fixture : desk_fixture {
    key_request mine = *make_key_request("hq-1");
    json::object body = grant(mine.request);

    outcome<granted> read() { return read_grant(json::serialize(body), mine.key, time.utc_now()); }
    std::string refusal()
    {
        const auto read_ = read();
        REQUIRE(read_.has_error());
        CHECK(read_.error().message.find("PRIVATE KEY") == std::string::npos);
        return read_.error().message;
    }
    std::string refusal(int status, std::string text, occasion why = occasion::enrolling)
    {
        const auto read_ =
            read_answer({status, std::move(text), time.utc_now()}, mine.key, time.utc_now(), why, "s3cret");
        REQUIRE(read_.has_error());
        what = read_.error().what;
        return read_.error().message;
    }
    fault what{};
};

} // namespace

TEST_CASE_METHOD(answer_fixture, "a grant is taken with all that is in it, and unknown fields are ignored",
                 "[unit][enrolment]")
{
    body["later"] = json::array{1, 2};
    const auto g = read();
    REQUIRE(g.has_value());
    CHECK(g->agent_id == "agent-1");
    CHECK(g->relay_url == "wss://relay.example/v1/connect");
    CHECK(g->facts.matches_key);
    CHECK(g->facts.common_name == "agent-1");
    CHECK(g->ca == contents(ca));
    CHECK(violations.empty());
}

TEST_CASE_METHOD(answer_fixture, "a CA and a relay URL may be missing", "[unit][enrolment]")
{
    body.erase("ca");
    body["relay_url"] = nullptr;
    const auto g = read();
    REQUIRE(g.has_value());
    CHECK(g->ca.empty());
    CHECK(g->relay_url.empty());
}

TEST_CASE_METHOD(answer_fixture, "a certificate for another key is refused", "[unit][enrolment]")
{
    mine = *make_key_request("hq-1");
    CHECK_THAT(refusal(), Contains("not for the key of this machine"));
}

TEST_CASE_METHOD(answer_fixture, "a certificate that ran out or is not valid yet is refused with both times",
                 "[unit][enrolment]")
{
    time.jump_wall_clock(std::chrono::hours(24 * 31));
    CHECK_THAT(refusal(), Contains("ran out on") && Contains("this machine's clock says"));
    time.jump_wall_clock(-std::chrono::hours(24 * 32));
    CHECK_THAT(refusal(), Contains("is not valid before") && Contains("set the clock"));
}

TEST_CASE_METHOD(answer_fixture, "a certificate of the next minutes is taken: clocks differ",
                 "[unit][enrolment]")
{
    time.jump_wall_clock(-std::chrono::minutes(4));
    CHECK(read().has_value());
}

TEST_CASE_METHOD(answer_fixture, "what is no grant is refused in words", "[unit][enrolment]")
{
    for (const char* field : {"agent_id", "certificate"}) {
        const auto whole = body;
        body.erase(field);
        CHECK_THAT(refusal(), Contains(field));
        body[field] = 7;
        CHECK_THAT(refusal(), Contains(field));
        body = whole;
    }
    body["certificate"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    CHECK_THAT(refusal(), Contains("damaged"));
    body = grant(mine.request);
    body["ca"] = "no PEM";
    CHECK_THAT(refusal(), Contains("\"ca\" holds no PEM certificate"));
    body["ca"] = nullptr;
    body["relay_url"] = "https://relay.example/";
    CHECK_THAT(refusal(), Contains("relay_url"));
    body["relay_url"] = "wss://relay.example/v1/connect";
    body["agent_id"] = "a\nb";
    CHECK_THAT(refusal(), Contains("agent_id"));
}

TEST_CASE_METHOD(answer_fixture, "certificates that do not follow from each other are refused",
                 "[unit][enrolment]")
{
    body["certificate"] = std::string(body["certificate"].as_string()) + contents(ca);
    CHECK(read().has_value());
    body["certificate"] = std::string(body["certificate"].as_string()) + contents(pki.authority("other"));
    CHECK_THAT(refusal(), Contains("do not follow"));
}

TEST_CASE_METHOD(answer_fixture, "arbitrary bytes are refused", "[unit][enrolment]")
{
    for (const std::string text :
         {"", "null", "[]", "{", "<html>", "\xff\xfe", "{\"agent_id\":\"\\ud800\"}"}) {
        const auto r = read_grant(text, mine.key, time.utc_now());
        REQUIRE(r.has_error());
        CHECK(r.error().what == fault::nonsense);
    }
    CHECK(read_grant(std::string(100'000, '['), mine.key, time.utc_now()).has_error());
}

TEST_CASE_METHOD(answer_fixture, "a refused token is told as that, and never repeated", "[unit][enrolment]")
{
    const auto text = refusal(403, R"({"code":"token_invalid","message":"s3cret was used"})");
    CHECK(what == fault::refused);
    CHECK_THAT(text, Contains("the cloud does not take the token") && Contains("*** was used"));
    CHECK_THAT(text, !Contains("s3cret"));
}

TEST_CASE_METHOD(answer_fixture, "who has to act follows from the status", "[unit][enrolment]")
{
    CHECK_THAT(refusal(503, R"({"code":"try_later","message":"maintenance"})"),
               Contains("503 (try_later: maintenance)"));
    CHECK(what == fault::unreached);
    CHECK_THAT(refusal(401, R"({"code":"revoked"})", occasion::renewing), Contains("refuses to renew"));
    CHECK(what == fault::refused);
    refusal(302, "");
    CHECK(what == fault::nonsense);
    CHECK_THAT(refusal(404, "<html>"), Contains("check the URL"));
    CHECK(what == fault::nonsense);
    CHECK_THAT(refusal(200, "<html>"), Contains("sign-in page"));
}

TEST_CASE_METHOD(answer_fixture, "a clock that is off is blamed where the cloud refuses", "[unit][enrolment]")
{
    const uplink::post_answer answer{403, R"({"code":"token_invalid"})", time.utc_now() + 3h};
    const auto r = read_answer(answer, mine.key, time.utc_now(), occasion::enrolling);
    REQUIRE(r.has_error());
    CHECK_THAT(r.error().message, Contains("this machine's clock says"));
}

TEST_CASE("the key is P-256, the name in the request is cut to what X.509 holds", "[unit][enrolment]")
{
    const auto made = make_key_request(std::string(200, 'x'));
    REQUIRE(made.has_value());
    CHECK_THAT(made->key.pem(), Catch::StartsWith("-----BEGIN PRIVATE KEY-----"));
    CHECK_THAT(made->request, Catch::StartsWith("-----BEGIN CERTIFICATE REQUEST-----"));
    CHECK(make_key_request("").has_value());
    CHECK(make_key_request("Z\xc3\xbcrich").has_value());
}

TEST_CASE("enrolment and renewal have their place at the cloud's URLs", "[unit][enrolment]")
{
    CHECK(*enrolment_url("https://relay.example") == "https://relay.example:443/v1/enroll");
    CHECK(*enrolment_url("https://relay.example:8443/base/") == "https://relay.example:8443/base/v1/enroll");
    CHECK(*enrolment_url("https://relay.example/v1/enroll") == "https://relay.example:443/v1/enroll");
    CHECK(enrolment_url("http://relay.example").has_error());
    CHECK(enrolment_url("https://user:pw@relay.example").has_error());
    CHECK(enrolment_url("https://relay.example/?x=1").has_error());
    CHECK(renewal_url("wss://relay.example:8443/v1/connect") == "https://relay.example:8443/v1/renew");
}

} // namespace relay::test
