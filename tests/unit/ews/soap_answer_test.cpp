#include "agent/ews/soap_answer.hpp"
#include "tests/unit/ews/samples.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::ews;
using test::envelope;

namespace {

unreadable problem_of(std::string text)
{
    return soap_answer(std::move(text)).problem();
}

std::string nested(int levels)
{
    std::string open, close;
    for (int i = 0; i < levels; ++i) {
        open += "<a>";
        close += "</a>";
    }
    return envelope(open + close);
}

} // namespace

TEST_CASE("an answer that is no XML is told from a truncated, an empty and a foreign one", "[unit][ews]")
{
    CHECK(problem_of("") == unreadable::empty);
    CHECK(problem_of(" \r\n\t") == unreadable::empty);
    CHECK(problem_of("no markup at all") == unreadable::not_xml);
    CHECK(problem_of("<a><b></a>") == unreadable::not_xml);
    CHECK(problem_of("</a>") == unreadable::not_xml);
    CHECK(problem_of("<html><body>x</body></html>") == unreadable::not_soap);
    CHECK(problem_of("<s:Envelope><s:Header/></s:Envelope>") == unreadable::not_soap);
    const auto whole = envelope("<m:GetItemResponse/>");
    for (std::size_t length = 1; length + 1 < whole.size(); length += 7)
        CHECK(problem_of(whole.substr(0, length)) != unreadable::none);
}

TEST_CASE("an answer in another encoding than UTF-8 is refused, whatever it holds", "[unit][ews]")
{
    std::string little, big;
    for (const char c : envelope("<m:GetItemResponse/>")) {
        little.append({c, '\0'});
        big.append({'\0', c});
    }
    for (const auto& text : {little, big, "\xff\xfe" + little, "\xfe\xff" + big})
        CHECK(problem_of(text) == unreadable::not_utf8);
    CHECK(problem_of(envelope("<m:X>Caf\xe9</m:X>")) == unreadable::not_utf8); // ISO 8859-1
}

TEST_CASE("an answer with a DOCTYPE is refused before anything in it is looked at", "[unit][ews]")
{
    const std::string bomb =
        R"(<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>)";
    CHECK(problem_of(bomb + envelope("<m:X>&b;</m:X>").substr(38)) == unreadable::doctype);
    CHECK(problem_of("<!doctype html><html></html>") == unreadable::doctype);
}

TEST_CASE("an entity beyond XML's own five stays text", "[unit][ews]")
{
    const soap_answer a(envelope("<m:X>&amp;&lt;&b;</m:X>"));
    REQUIRE(a.problem() == unreadable::none);
    CHECK(text_of(a.operation()) == "&<&b;");
}

TEST_CASE("nesting is bounded", "[unit][ews]")
{
    CHECK(problem_of(nested(max_answer_depth - 2)) == unreadable::none);
    CHECK(problem_of(nested(max_answer_depth - 1)) == unreadable::too_deep);
    CHECK(problem_of(nested(200'000)) == unreadable::too_deep);
}

TEST_CASE("the number of elements and attributes is bounded", "[unit][ews]")
{
    std::string elements, attributes = "<m:X ";
    for (std::size_t i = 0; i <= max_answer_nodes; ++i)
        elements += "<a/>";
    for (std::size_t i = 0; i <= max_answer_nodes; ++i)
        attributes += "a='' ";
    CHECK(problem_of(envelope(elements)) == unreadable::too_many_nodes);
    CHECK(problem_of(envelope(attributes + "/>")) == unreadable::too_many_nodes);
}

TEST_CASE("markup inside comments, CDATA and attribute values is not counted as elements", "[unit][ews]")
{
    const soap_answer a(envelope("<!-- <a><a><!DOCTYPE --><m:X y='<a>>' z=\"/>\"><![CDATA[<a></b>]]></m:X>"));
    // A raw '<' in an attribute is an error of its own in XML, which the parser lets pass; what counts is
    // that nothing follows.
    CHECK(a.problem() == unreadable::none);
    CHECK(text_of(a.operation()) == "<a></b>");
}

TEST_CASE("what is not UTF-8 is refused, a byte order mark is not", "[unit][ews]")
{
    CHECK(problem_of({"\xff\xfe<\0a\0", 6}) == unreadable::not_utf8);
    CHECK(problem_of(envelope("<m:X>\xe4</m:X>")) == unreadable::not_utf8);
    CHECK(problem_of("\xef\xbb\xbf" + envelope("<m:X>\xc3\xa4</m:X>")) == unreadable::none);
}

TEST_CASE("characters that XML forbids, raw or referenced, are dropped", "[unit][ews]")
{
    const soap_answer a(envelope(std::string("<m:X>a&#x0;b&#x1;c&#11;d\x01"
                                             "e\x0b"
                                             "f&#xFFFE;g&#xD800;h&#99999999999;i"
                                             "&#x20AC;&#10;&#x9;&amp;#1;</m:X>") +
                                 '\0'));
    REQUIRE(a.problem() == unreadable::none);
    CHECK(text_of(a.operation()) == "abcdefghi\xe2\x82\xac\n\t&#1;");
}

TEST_CASE("what only looks like a character reference stays", "[unit][ews]")
{
    for (const std::string text : {"&#;", "&#x;", "&#12", "&#xZZ;", "&", "&#", "a&#1 ;b"}) {
        auto copy = text;
        remove_illegal_characters(copy);
        CHECK(copy == text);
    }
    std::string none = "nothing to do";
    remove_illegal_characters(none);
    CHECK(none == "nothing to do");
}

TEST_CASE("elements are found by local name, whatever the prefix", "[unit][ews]")
{
    const soap_answer a(
        "<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'>\n  <q:Header/> <Body>\n <x:FooResponse>"
        "<y:Bar> t </y:Bar></x:FooResponse></Body></Envelope>");
    REQUIRE(a.problem() == unreadable::none);
    CHECK(local_name(a.operation()) == "FooResponse");
    CHECK(trimmed(child(a.operation(), "Bar")) == "t");
    CHECK(text_of(child(a.operation(), "Bar")) == " t ");
    CHECK_FALSE(child(a.operation(), "Other"));
    CHECK(trimmed(child(child(a.operation(), "Other"), "Bar")).empty());
    CHECK_FALSE(a.version());
}

TEST_CASE("text in several pieces is put together, white space alone is text", "[unit][ews]")
{
    const soap_answer a(envelope("<m:X><m:Y>a<![CDATA[b]]>c<!-- d -->e</m:Y><m:Z>  </m:Z></m:X>"));
    CHECK(text_of(child(a.operation(), "Y")) == "abce");
    CHECK(text_of(child(a.operation(), "Z")) == "  ");
}

TEST_CASE("the server's version is read where there is one, zeros in front included", "[unit][ews]")
{
    CHECK(soap_answer(envelope("<m:X/>")).version() == server_version{15, 2, 1118, 7});
    CHECK(soap_answer(
              envelope("<m:X/>",
                       "<ServerVersionInfo MajorVersion='15' MinorVersion='01' MajorBuildNumber='225'/>"))
              .version() == server_version{15, 1, 225, 0});
    CHECK_FALSE(soap_answer(envelope("<m:X/>", "<ServerVersionInfo Version='Exchange2010_SP2'/>")).version());
    CHECK_FALSE(soap_answer(envelope("<m:X/>", "<ServerVersionInfo MajorVersion='15x' MinorVersion='1'/>"))
                    .version());
    CHECK_FALSE(
        soap_answer(envelope("<m:X/>", "<ServerVersionInfo MajorVersion='-1' MinorVersion='1'/>")).version());
    CHECK_FALSE(
        soap_answer(envelope("<m:X/>", "<ServerVersionInfo MajorVersion='9999999999' MinorVersion='1'/>"))
            .version());
}

TEST_CASE("an empty body is readable and holds no operation", "[unit][ews]")
{
    const soap_answer a("<s:Envelope><s:Body/></s:Envelope>");
    CHECK(a.problem() == unreadable::none);
    CHECK_FALSE(a.operation());
    CHECK_FALSE(a.is_fault());
}
