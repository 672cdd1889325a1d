#include "agent/ews/answer_fit.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

using ews::body_element;
using ews::may_answer;
using ews::operation;

http::response answer(int status, std::string body, bool named = false)
{
    http::response r;
    r.status = status;
    r.body = std::move(body);
    if (named)
        r.headers.emplace_back(http::request_id_header, "id");
    return r;
}

std::string in_envelope(const std::string& body)
{
    return "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"x\"><s:Header><t:ServerVersionInfo/></s:Header>" +
           body + "</s:Envelope>";
}

TEST_CASE("the first element of an envelope's body is found without reading the rest", "[unit][ews][mixed]")
{
    CHECK(body_element(in_envelope("<s:Body><m:GetItemResponse a=\"1\">…")) == "GetItemResponse");
    CHECK(body_element(in_envelope("<Body x=\"y\">\r\n  <GetItemResponse/>")) == "GetItemResponse");
    CHECK(body_element(in_envelope("<s:Body><s:Fault>")) == "Fault");
    for (const char* none :
         {"<s:Body/>", "<s:Body>text", "<s:Body>", "<s:Body", "<s:Bodyguard><x/>", "<", ""})
        CHECK(body_element(in_envelope(none)).empty());
    CHECK(body_element("").empty());
    CHECK(body_element("<").empty());
    CHECK(body_element("<html><body><p>").empty());
}

TEST_CASE("an answer fits its request if it is to that operation, or a fault that says whose it is",
          "[unit][ews][mixed]")
{
    const auto found = in_envelope("<s:Body><m:FindItemResponse/></s:Body>");
    const auto fault = in_envelope("<s:Body><s:Fault/></s:Body>");
    CHECK(may_answer(answer(200, found), operation::find_item));
    CHECK_FALSE(may_answer(answer(200, found), operation::delete_item));
    CHECK_FALSE(may_answer(answer(500, found), operation::find_item));
    CHECK(may_answer(answer(500, fault, true), operation::find_item));
    CHECK(may_answer(answer(200, fault, true), operation::find_item));
    CHECK_FALSE(may_answer(answer(500, fault), operation::find_item)); // perhaps the first of two
    CHECK_FALSE(may_answer(answer(503, "<html/>", true), operation::find_item));
    CHECK_FALSE(may_answer(answer(200, "<html/>", true), operation::find_item));
    CHECK_FALSE(may_answer(answer(200, in_envelope("<s:Body/>"), true), operation::find_item));
    CHECK(may_answer(answer(401, ""), operation::find_item)); // the sign-in goes on there
}

} // namespace
} // namespace relay::test
