#include "agent/status/findings.hpp"
#include "agent/status/plain_text.hpp"
#include "tests/unit/status/samples.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::test;
using status::finding;
namespace json = boost::json;

TEST_CASE("the status document has the fields of INTERFACE.md, and null for what is not known",
          "[unit][status]")
{
    auto s = healthy();
    CHECK(json::value(status::to_json(s)) == json::parse(R"({
        "agent":{"id":"agent-1","name":"hq-1","version":"1.2.3","started_at":"2026-11-22T10:00:00Z",
                 "home":null},
        "link":{"state":"connected","since":"2026-11-22T10:00:01Z","url":"wss://relay.example/v1/connect",
                "session":"s-77","last_error":null,"reconnects":2,"rtt_ms":12},
        "exchange":{"state":"ok","since":"2026-11-22T10:00:02Z","version":"15.2.1118.7","product":"Exchange 2019",
                    "last_error":null,"in_flight":1},
        "queue":{"commands":3,"results_unacked":4,"oldest_s":5,"bytes":8192,"damaged_files":0},
        "certificate":{"subject":"CN=agent-1","not_after":"2027-02-20T10:00:00Z","days_left":89,"overdue":false},
        "watches":{"count":0,"mailboxes":0},
        "log":{"lines_lost":0,"trouble":null},
        "time":"2026-11-22T11:00:00Z"})"));

    s.link.session.clear();
    s.link.rtt.reset();
    s.exchange.version.clear();
    s.queue.reset();
    const json::value bare = status::to_json(s);
    for (const char* field : {"/link/session", "/link/rtt_ms", "/exchange/version", "/queue/commands",
                              "/queue/results_unacked", "/queue/oldest_s", "/queue/bytes"})
        CHECK(bare.at_pointer(field).is_null());
}

TEST_CASE("a status document is read back as it was written", "[unit][status]")
{
    auto s = healthy();
    for (int i = 0; i < 3; ++i) {
        const auto document = json::value(status::to_json(s));
        const auto back = status::from_json(document);
        REQUIRE(back.has_value());
        CHECK(json::value(status::to_json(*back)) == document);
        if (i == 0)
            s.queue->oldest.reset();
        else
            s.queue.reset();
    }
}

TEST_CASE("what is no status document is refused, and one with other fields is taken as far as it goes",
          "[unit][status]")
{
    for (const char* text : {"null", "[]", "{}", "7", R"({"link":{"state":7}})", R"({"link":"connected"})",
                             R"({"link":{"state":"connected"}})"})
        CHECK(status::from_json(json::parse(text)).has_error());
    const auto odd = status::from_json(json::parse(
        R"({"link":{"state":"connected","reconnects":-1,"rtt_ms":"x","more":[]},"exchange":{"state":"ok"},
            "queue":{"commands":1e300},"certificate":7})"));
    REQUIRE(odd.has_value());
    CHECK(odd->link.reconnects == 0);
    CHECK_FALSE(odd->link.rtt.has_value());
    CHECK_FALSE(odd->queue.has_value());
}

TEST_CASE("an agent that does well has nothing to report and is ready", "[unit][status]")
{
    const auto s = healthy();
    CHECK(status::findings(s).empty());
    CHECK_FALSE(status::not_ready(s).has_value());
    CHECK_THAT(status::plain_text(s), Catch::Contains("Nothing is wrong."));
}

TEST_CASE("each thing that can be wrong is told with what to do about it", "[unit][status]")
{
    struct spoilt {
        std::function<void(status::snapshot&)> how;
        finding::level level;
        std::string_view says, advises;
        bool ready;
    };
    const std::vector<spoilt> cases{
        {[](auto& s) {
             s.link.state = "backoff";
             s.link.last_error = "relay:443 refuses";
         },
         finding::level::warning, "relay:443 refuses", "by itself", false},
        {[](auto& s) {
             s.link.state = "connecting";
             s.link.since = morning;
         },
         finding::level::warning, "no link", "wss://relay.example", false},
        {[](auto& s) {
             s.link.state = "rejected";
             s.link.last_error = "the cloud rejects this agent: revoked";
         },
         finding::level::error, "revoked", "workspace", false},
        {[](auto& s) {
             s.link.state = "rejected";
             s.link.last_error = "… try_later maintenance";
         },
         finding::level::warning, "maintenance", "by itself", false},
        {[](auto& s) { s.link.state = "stopped"; }, finding::level::warning, "stopping", "start it again",
         false},
        {[](auto& s) {
             s.exchange.state = "auth_failed";
             s.exchange.last_error = "mail refuses CORP\\svc";
         },
         finding::level::error, "CORP\\svc", "password", false},
        {[](auto& s) { s.exchange.state = "unreachable"; }, finding::level::warning, "does not answer",
         "exchange.url", false},
        {[](auto& s) { s.exchange.state = "busy"; }, finding::level::warning, "throttles", "pauses", true},
        {[](auto& s) { s.queue.reset(); }, finding::level::error, "queue did not answer", "disk", true},
        {[](auto& s) { s.queue->oldest = std::chrono::minutes(16); }, finding::level::warning, "16 minutes",
         "log", true},
        {[](auto& s) { s.queue->damaged_files = 1; }, finding::level::warning, "damaged", "disk", true},
        {[](auto& s) {
             s.certificate.not_after = s.taken_at - 1s;
             s.certificate.days_left = -1;
         },
         finding::level::error, "expired", "enroll --force", true},
        {[](auto& s) { s.certificate.overdue = true; }, finding::level::warning, "expires",
         "renews it by itself", true},
    };
    for (const auto& c : cases) {
        auto s = healthy();
        c.how(s);
        const auto found = status::findings(s);
        INFO(c.says);
        REQUIRE(found.size() == 1);
        CHECK(found[0].how_bad == c.level);
        CHECK_THAT(found[0].what, Catch::Contains(std::string(c.says)));
        CHECK_THAT(found[0].advice, Catch::Contains(std::string(c.advises)));
        CHECK(status::not_ready(s).has_value() != c.ready);
        CHECK_THAT(status::plain_text(s), Catch::Contains(found[0].what) && Catch::Contains(found[0].advice));
    }
}

TEST_CASE("a certificate out of its time is called so, not counted below zero", "[unit][status]")
{
    auto s = healthy();
    s.certificate.days_left = -1;
    CHECK_THAT(status::plain_text(s), Catch::Contains("(expired)") && !Catch::Contains("-1 day"));
}

TEST_CASE("the worst finding comes first", "[unit][status]")
{
    auto s = healthy();
    s.link.state = "backoff";
    s.exchange.state = "auth_failed";
    const auto found = status::findings(s);
    REQUIRE(found.size() == 2);
    CHECK(found[0].how_bad == finding::level::error);
}

TEST_CASE("a first attempt to connect is no fault yet, but the agent is not ready", "[unit][status]")
{
    auto s = healthy();
    s.link.state = "connecting";
    s.link.since = s.taken_at - 2s;
    CHECK(status::findings(s).empty());
    CHECK(status::not_ready(s) == "the link to the cloud is connecting");
    s = healthy();
    s.exchange.state = "unknown";
    CHECK(status::not_ready(s) == "Exchange was not asked yet");
}

TEST_CASE("no text from outside steers the terminal", "[unit][status]")
{
    auto s = healthy();
    s.link.state = "backoff";
    s.link.last_error = "bad \x1b[2J\r\nlink: connected";
    s.certificate.subject = "CN=\x1b]0;x\x07";
    const auto text = status::plain_text(s);
    for (const char c : text)
        CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
    CHECK(text.find("\nlink: ") == text.npos);
}
