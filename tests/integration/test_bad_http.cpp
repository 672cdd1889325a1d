// What the web server before EWS, or whoever stands between, can answer: each gets the code that PROTOCOL.md has for it,
// before EWS was ever seen at that address and after, and one sentence that says what it was.
#include "tests/integration/scenario.hpp"

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

// What stands there in place of a good answer, from the first request on.
struct bad_answer {
    json::object fault;
    std::string_view first; // the code where nothing has answered as EWS since the start
    std::string_view later;
    std::string_view says;
};

json::object always(std::string_view action, json::object more = {})
{
    return fault("*", "before", action, std::move(more), 0);
}

json::object status(int number, std::string_view body = "<html><body>No.</body></html>",
                    json::object headers = {})
{
    return always("status", {{"status", number}, {"body", body}, {"headers", std::move(headers)}});
}

json::object redirect(std::string_view to)
{
    return always("redirect", {{"location", to}});
}

json::object recoded(std::string_view charset, bool declared)
{
    return always("recoded", {{"charset", charset}, {"declared", declared}});
}

std::vector<bad_answer> bad_answers()
{
    constexpr std::string_view no_ews = "exchange_unsupported", away = "exchange_unavailable",
                               refused = "exchange_error";
    return {
        {redirect("https://localhost/owa/auth/logon.aspx?url=x"), no_ews, away,
         "a redirect to the sign-in page https://localhost/owa/auth/logon.aspx; "},
        {redirect("https://sts.corp.example/adfs/ls/?wa=wsignin1.0"), no_ews, away,
         "a redirect to the sign-in page https://sts.corp.example/adfs/ls/; "},
        {redirect("https://www.corp.example/"), no_ews, away, "a redirect to https://www.corp.example/; "},
        {redirect("/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"), away, away,
         "a redirect to Exchange's error page"},
        {status(403), refused, refused, "HTTP 403: EWS is forbidden"},
        {status(404), no_ews, away, "HTTP 404; "},
        {status(405), no_ews, away, "HTTP 405; "},
        {status(407), away, away, "HTTP 407: a proxy between the agent and Exchange wants a sign-in"},
        {status(413), refused, refused, "HTTP 413: the request is larger than it allows"},
        {status(440), no_ews, away, "HTTP 440, as a sign-in page does; "},
        {status(449), away, away, "HTTP 449: it asks to try again"},
        {status(500), away, away, "HTTP 500: Exchange, or a proxy before it"},
        {status(502), away, away, "HTTP 502: Exchange, or a proxy before it"},
        {status(503), away, away, "HTTP 503: Exchange, or a proxy before it"},
        {status(504), away, away, "HTTP 504: Exchange, or a proxy before it"},
        {status(200, ""), away, away, "Exchange's answer is empty"},
        {always("html"), no_ews, away, "the web server answered with a web page; "},
        {always("garbage"), away, away, "is not in UTF-8"},
        {recoded("utf-16", true), away, away, "is not in UTF-8"},
        {recoded("utf-16", false), away, away, "is not in UTF-8"},
        {recoded("latin-1", true), away, away, "is not in UTF-8"},
        {recoded("latin-1", false), away, away, "is not in UTF-8"},
        {always("cut_chunks"), away, away, "closed the connection in the middle of its answer"},
        {always("gzip_garbage"), away, away, "sent a compressed answer that cannot be unpacked"},
        // Last, as it is left alone for a while.
        {status(503, "<html/>", {{"Retry-After", "1"}}), away, away,
         "HTTP 503: Exchange, or a proxy before it"},
    };
}

json::object ask(scenario& w)
{
    return w.call("connection.test", "", {}, {{"ttl_ms", 400 * slowness()}});
}

std::string sentence(const json::object& result)
{
    return text_at(result, "/error/message");
}

} // namespace

TEST_CASE("a web server that is no EWS, or is ill, gets the right code before EWS was seen and after",
          "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false}); // it asks at its start
    const auto all = bad_answers();
    w.faults({all.front().fault});
    w.start_agent();
    w.wait_connected();
    for (const auto& bad : all) {
        w.faults({bad.fault});
        const auto r = ask(w);
        INFO(json::serialize(bad.fault) << " -> " << described(r));
        CHECK(outcome(r) == bad.first);
        CHECK_THAT(sentence(r), Contains(std::string(bad.says)));
        CHECK((bad.first == "exchange_unsupported") ==
              (sentence(r).find("exchange.url") != std::string::npos));
    }
    w.faults({});
    REQUIRE(eventually([&] { return outcome(ask(w)) == "ok"; }));
    for (const auto& bad : all) {
        w.faults({bad.fault});
        const auto r = ask(w);
        INFO(json::serialize(bad.fault) << " -> " << described(r));
        CHECK(outcome(r) == bad.later);
        CHECK_THAT(sentence(r), Contains(std::string(bad.says)));
    }
    // These are EWS's own words, be they faults or nothing at all.
    w.faults({});
    REQUIRE(eventually([&] { return outcome(ask(w)) == "ok"; }));
    for (const auto& [f, says] :
         {std::pair{always("soap_fault", {{"code", "ErrorInternalServerTransientError"}}),
                    "Exchange answered ErrorInternalServerTransientError: "},
          std::pair{always("soap_fault", {{"code", "ErrorADUnavailable"}}),
                    "a part of Exchange is not available"},
          std::pair{always("empty"), "an empty envelope"}}) {
        w.faults({f});
        const auto r = ask(w);
        INFO(json::serialize(f) << " -> " << described(r));
        CHECK(outcome(r) == "exchange_unavailable");
        CHECK_THAT(sentence(r), Contains(says));
    }
}

TEST_CASE("a write whose answer was spoiled on its way back is done once", "[integration]")
{
    scenario w({.config = {{"exchange.timeout_s", "2"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    const auto after = [](json::object f) {
        f["operation"] = "CreateItem";
        f["when"] = "after";
        f["count"] = 1;
        return f;
    };
    int bookings = 0;
    for (const auto& f :
         {after(recoded("utf-16", false)), after(recoded("latin-1", true)), after(always("cut_chunks")),
          after(always("gzip_garbage")), after(status(200, "")), after(status(500)), after(status(504)),
          after(status(503, "<html/>", {{"Retry-After", "1"}})),
          after(redirect("/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx")),
          after(always("soap_fault", {{"code", "ErrorInternalServerError"}})),
          after(always("error", {{"code", "ErrorFromTheFuture"}}))}) {
        w.faults({f});
        const auto r = w.call("event.create", host, booking("b-" + std::to_string(++bookings)));
        INFO(json::serialize(f) << " -> " << described(r));
        CHECK(outcome(r) == "ok");
        CHECK(w.ledger() == tally{.creates = bookings, .invitations = 2 * bookings});
    }
}

TEST_CASE("a write that the web server turns away was not done, and ends where nothing would help",
          "[integration]")
{
    scenario w;
    for (const int number : {403, 413}) {
        w.faults({fault("CreateItem", "before", "status", {{"status", number}, {"body", "<html/>"}})});
        const auto r = w.call("event.create", host, booking("b-" + std::to_string(number)));
        CHECK(outcome(r) == "exchange_error");
        CHECK(text_at(r, "/error/exchange") == "HTTP " + std::to_string(number));
        CHECK(at(r, "/attempts").to_number<int>() == 1);
    }
    CHECK(w.ledger() == tally{});
    w.faults({fault("CreateItem", "before", "error", {{"code", "ErrorFromTheFuture"}})});
    const auto unknown = w.call("event.create", host, booking("b-1"));
    INFO(described(unknown));
    CHECK(outcome(unknown) == "exchange_error"); // once it was looked up, and was not there
    CHECK(text_at(unknown, "/error/exchange") == "ErrorFromTheFuture");
    CHECK(w.requests("CreateItem") == 3);
    CHECK(w.ledger() == tally{});
}
