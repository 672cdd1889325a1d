#include "agent/ews/answers.hpp"
#include "agent/ews/ews_client.hpp"
#include "agent/ews/requests.hpp"
#include "tests/unit/ews/samples.hpp"
#include "tests/unit/ews/scripted_transport.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::ews;
using test::http_answer;
using test::mailbox;

namespace {

std::string message(std::string_view content, std::string_view kind = "Success",
                    std::string_view code = "NoError")
{
    return test::envelope(fmt::format(
        R"(<m:GetStreamingEventsResponse><m:ResponseMessages><m:GetStreamingEventsResponseMessage ResponseClass="{}">)"
        R"(<m:ResponseCode>{}</m:ResponseCode>{}</m:GetStreamingEventsResponseMessage></m:ResponseMessages>)"
        R"(</m:GetStreamingEventsResponse>)",
        kind, code, content));
}

const std::string ok = message("<m:ConnectionStatus>OK</m:ConnectionStatus>");
const std::string closed = message("<m:ConnectionStatus>Closed</m:ConnectionStatus>");

std::string told(std::string_view prefix, std::string_view id, std::string_view events)
{
    return fmt::format(
        "<{0}:Notification><t:SubscriptionId>{1}</t:SubscriptionId><t:MoreEvents>false</t:MoreEvents>{2}"
        "</{0}:Notification>",
        prefix, id, events);
}

struct stream_fixture {
    asio::io_context context;
    test::manual_time time{context};
    test::scripted_transport http{time};
    std::vector<std::string> reports;
    ews_client client{http, time, {"mail.corp.example", "CORP\\svc", [this](const request_report& r) {
                                       reports.push_back(
                                           fmt::format("{} {} {}", r.operation, r.http_status,
                                                       r.failure ? r.failure->fault.exchange : "ok"));
                                   }}};
    affinity group{mailbox("first@corp.example"), ""};
    std::vector<stream_message> seen;

    template <class T>
    T run(task<T> call)
    {
        std::optional<T> got;
        auto body = [&](task<T> c) -> task<void> { got.emplace(co_await std::move(c)); };
        asio::co_spawn(context, body(std::move(call)), [](std::exception_ptr e) {
            if (e)
                std::rethrow_exception(e);
        });
        time.advance(1s);
        REQUIRE(got.has_value());
        return std::move(*got);
    }
    outcome<void> listen(std::string body, int status = 200)
    {
        http.answers.push_back(http_answer(status, std::move(body)));
        return run(client.listen(group, {"one", "two"}, std::chrono::minutes(29),
                                 [this](const stream_message& m) { seen.push_back(m); }));
    }
    std::string header(std::string_view name) const
    {
        for (const auto& [key, value] : http.requests.back().headers)
            if (key == name)
                return value;
        return {};
    }
};

} // namespace

TEST_CASE_METHOD(stream_fixture, "a subscription says which server has it", "[unit][ews]")
{
    auto answer =
        http_answer(200, test::success("Subscribe", "<m:SubscriptionId>JgBl+/=</m:SubscriptionId>"));
    answer.headers.emplace_back("set-cookie", "other=1; path=/");
    answer.headers.emplace_back("set-cookie", "X-BackEndOverrideCookie=EX1~194; path=/; secure; HttpOnly");
    http.answers.push_back(answer);
    const auto got = run(client.subscribe(mailbox("a@corp.example"), group, 30s));
    REQUIRE(got.has_value());
    CHECK(got->subscription == "JgBl+/=");
    CHECK(got->cookie == "EX1~194");
    CHECK(header("X-AnchorMailbox") == "first@corp.example");
    CHECK(header("X-PreferServerAffinity") == "true");
    CHECK(header("Cookie").empty());
    CHECK(http.requests.back().body.find("a@corp.example") != std::string::npos);
    CHECK_FALSE(http.requests.back().streaming);

    group.cookie = "EX1~194";
    http.answers.push_back(http_answer(200, test::success("Unsubscribe", "")));
    CHECK(run(client.unsubscribe(group, "JgBl", 30s)).has_value());
    CHECK(header("Cookie") == "X-BackEndOverrideCookie=EX1~194");
    CHECK(reports == std::vector<std::string>{"Subscribe 200 ok", "Unsubscribe 200 ok"});
}

TEST_CASE_METHOD(stream_fixture, "a subscription that is gone needs no end", "[unit][ews]")
{
    http.answers.push_back(http_answer(
        200, test::envelope(
                 "<m:UnsubscribeResponse><m:ResponseMessages><m:UnsubscribeResponseMessage "
                 "ResponseClass=\"Error\">"
                 "<m:ResponseCode>ErrorSubscriptionNotFound</m:ResponseCode></m:UnsubscribeResponseMessage>"
                 "</m:ResponseMessages></m:UnsubscribeResponse>")));
    CHECK(run(client.unsubscribe(group, "JgBl", 30s)).has_value());
}

TEST_CASE_METHOD(stream_fixture, "a cookie that would break a header is not taken", "[unit][ews]")
{
    const auto value =
        GENERATE(as<std::string>(), "X-BackEndOverrideCookie=", "X-BackEndOverrideCookie=a b; path=/",
                 "X-BackEndOverrideCookie=a\x01; path=/", "Y-BackEndOverrideCookie=a");
    const std::vector<std::pair<std::string, std::string>> headers{{"set-cookie", value}};
    CHECK(affinity_cookie(headers).empty());
}

TEST_CASE_METHOD(stream_fixture, "a stream tells the subscriptions that something happened in", "[unit][ews]")
{
    const auto prefix = GENERATE(as<std::string>(), "t", "m"); // the schema's, and what servers really send
    const auto events =
        "<m:Notifications>" +
        told(prefix, "one", "<t:CreatedEvent><t:TimeStamp/></t:CreatedEvent><t:ModifiedEvent/>") +
        told(prefix, "two", "<t:StatusEvent/>") + told(prefix, "one", "<t:DeletedEvent/>") +
        "</m:Notifications>";
    const auto got = listen(ok + message(events) + "\r\n" + ok + closed);
    CHECK(got.has_value());
    REQUIRE(seen.size() == 4);
    CHECK(seen[0].changed.empty());
    CHECK(seen[1].changed == std::vector<std::string>{"one"});
    CHECK_FALSE(seen[2].closed);
    CHECK(seen[3].closed);
    CHECK(http.requests.back().limit == 31min);
    CHECK(http.requests.back().streaming->silence == 2min);
    CHECK(header("X-AnchorMailbox") == "first@corp.example");
    CHECK(reports == std::vector<std::string>{"GetStreamingEvents 200 ok"});
    REQUIRE(client.version());
    CHECK(client.version()->str() == "15.2.1118.7");
}

TEST_CASE_METHOD(stream_fixture, "a stream tells the subscriptions that are lost, and ends", "[unit][ews]")
{
    const auto prefix = GENERATE(as<std::string>(), "t", "m");
    const auto ids = fmt::format("<m:ErrorSubscriptionIds><{0}:SubscriptionId>two</{0}:SubscriptionId>"
                                 "</m:ErrorSubscriptionIds>",
                                 prefix);
    const auto got = listen(ok + message(ids, "Error", "ErrorInvalidSubscription") + ok);
    CHECK(got.has_value());
    REQUIRE(seen.size() == 2);
    CHECK(seen[1].lost == std::vector<std::string>{"two"});
    CHECK(seen[1].lost_code == "ErrorInvalidSubscription");
}

TEST_CASE_METHOD(stream_fixture, "an error of the stream that names no subscription is the call's",
                 "[unit][ews]")
{
    const auto got = listen(ok + message("", "Error", "ErrorExceededConnectionCount") + ok);
    REQUIRE(got.has_error());
    CHECK(got.error().fault.exchange == "ErrorExceededConnectionCount");
    CHECK(got.error().retry_action == retry_action::back_off);
    CHECK(seen.size() == 1);
    CHECK(reports == std::vector<std::string>{"GetStreamingEvents 200 ErrorExceededConnectionCount"});
}

TEST_CASE_METHOD(stream_fixture, "a fault in place of a stream is classified as any other", "[unit][ews]")
{
    const auto fault =
        test::envelope("<s:Fault><faultcode>a:ErrorImpersonateUserDenied</faultcode><detail/></s:Fault>");
    for (const int status : {200, 500}) {
        const auto got = listen(fault, status);
        REQUIRE(got.has_error());
        CHECK(got.error().fault.exchange == "ErrorImpersonateUserDenied");
        CHECK(got.error().retry_action == retry_action::give_up);
    }
    CHECK(seen.empty());
}

TEST_CASE_METHOD(stream_fixture, "a stream that ends without a word, or is none, is tried again",
                 "[unit][ews]")
{
    for (const auto& body : {std::string(), ok, ok + ok.substr(0, 100), std::string("<html>sign in</html>"),
                             ok + "<s:Envelope>" + std::string(2'000'000, 'x')}) {
        const auto got = listen(body);
        REQUIRE(got.has_error());
        CHECK(got.error().retry_action == retry_action::retry);
        CHECK(got.error().fault.code == protocol::fault_code::exchange_unavailable);
        CHECK_FALSE(got.error().fault.message.empty());
    }
    const auto nobody =
        run(client.listen(group, {"one"}, std::chrono::minutes(1), [](const stream_message&) {}));
    REQUIRE(nobody.has_error());
    CHECK(nobody.error().retry_action == retry_action::retry);
}
