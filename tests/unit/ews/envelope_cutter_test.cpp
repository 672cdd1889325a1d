#include "agent/ews/envelope_cutter.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using trouble = ews::envelope_cutter::trouble;

namespace {

struct cut {
    std::vector<std::string> whole;
    trouble how = trouble::none;
    bool between = false;
};

// In pieces of `piece` bytes.
cut cut_up(std::string_view text, std::size_t piece, std::size_t most = ews::max_streamed_envelope)
{
    ews::envelope_cutter cutter(most);
    cut c;
    for (; !text.empty() && c.how == trouble::none; text.remove_prefix(std::min(piece, text.size())))
        c.how = cutter.feed(text.substr(0, piece), c.whole);
    c.between = cutter.between();
    return c;
}

const std::string declaration = R"(<?xml version="1.0" encoding="utf-8"?>)";
const std::string plain = "<Envelope><Body>a</Body></Envelope>";
const std::string prefixed = R"(<soap11:Envelope xmlns:soap11="http://x"><soap11:Body/></soap11:Envelope>)";

} // namespace

TEST_CASE("envelopes are cut apart wherever the bytes are", "[unit][ews]")
{
    const std::string nested =
        "<s:Envelope\r\n a='>' b=\"</s:Envelope>/\"><Envelope/><x><Envelope></Envelope></x\n></s:Envelope >";
    const std::string hidden =
        "<s:Envelope><![CDATA[</s:Envelope>]]]]><!-- </s:Envelope> - --><?p </s:Envelope> ?>"
        "<![CDATA[>]]></s:Envelope>";
    const std::vector<std::string> all{
        plain, prefixed, nested, "<e:Envelope/>", hidden, "<Envelope>\xc3\xbc &lt;/Envelope&gt;</Envelope>"};
    std::string hyphens =
        "<s:Envelope><!--- </s:Envelope> -- ></s:Envelope> ----></s:Envelope>"; // ends at the last "-->"
    const std::string stream = "\xef\xbb\xbf" + declaration + all[0] + declaration + "\r\n" + all[1] +
                               all[2] + "\n\xef\xbb\xbf<!-- </Envelope> -->" + all[3] + declaration + all[4] +
                               all[5] + " \t" + hyphens + "\r\n";
    auto wanted = all;
    wanted.push_back(hyphens);
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        const auto got = cut_up(stream, piece);
        CAPTURE(piece);
        REQUIRE(got.how == trouble::none);
        REQUIRE(got.whole == wanted);
        REQUIRE(got.between);
    }
}

TEST_CASE("an envelope is there with its last byte, and not before", "[unit][ews]")
{
    for (const auto& text : {plain, declaration + prefixed, std::string("<Envelope/>")}) {
        ews::envelope_cutter cutter;
        std::vector<std::string> whole;
        for (std::size_t i = 0; i + 1 < text.size(); ++i) {
            CHECK(cutter.feed(text.substr(i, 1), whole) == trouble::none);
            CHECK(whole.empty());
        }
        CHECK_FALSE(cutter.between());
        CHECK(cutter.feed(text.substr(text.size() - 1), whole) == trouble::none);
        CHECK(whole.size() == 1);
        CHECK(cutter.between());
    }
}

TEST_CASE("what is no stream of envelopes is told at once", "[unit][ews]")
{
    for (const std::string text :
         {"<html><body/></html>", "<!DOCTYPE html><html>", "sign in, please", "<Envelope></Envelope>x",
          "</Envelope>", "<EnvelopeX/>", "<Envelope:x/>", "<s:envelope/>", "{\"error\":1}",
          "\xef\xbb<Envelope/>", "<![CDATA[x]]>", "<Envelope><!DOCTYPE x></Envelope>",
          "<Envelope><![INCLUDE[x]]></Envelope>", "<!- x ->"}) {
        for (const std::size_t piece : {std::size_t{1}, text.size()}) {
            CAPTURE(text, piece);
            const auto got = cut_up(text, piece);
            CHECK(got.how == trouble::not_soap);
            CHECK(got.whole.size() == (text.starts_with("<Envelope></Envelope>") ? 1 : 0));
        }
    }
}

TEST_CASE("an envelope over the bound is given up on, wherever its bytes are", "[unit][ews]")
{
    const std::string fits = "<Envelope>" + std::string(79, 'x') + "</Envelope>"; // 100 bytes
    CHECK(cut_up(fits + fits, 7, 100).whole.size() == 2);
    CHECK(cut_up(fits, 7, 99).how == trouble::too_large);
    const std::string much(10'000, 'x');
    for (const auto& text :
         {"<Envelope>" + much, "<Envelope a='" + much, "<Envelope><!--" + much, "<" + much, "<?" + much,
          "<!--" + much, "<Envelope><![CDATA[" + much, "<Envelope></" + much}) {
        CAPTURE(text.substr(0, 30));
        CHECK(cut_up(text, 3000, 100).how == trouble::too_large);
    }
}

TEST_CASE("nothing is taken after the first trouble", "[unit][ews]")
{
    ews::envelope_cutter cutter;
    std::vector<std::string> whole;
    CHECK(cutter.feed("oops", whole) == trouble::not_soap);
    CHECK(cutter.feed(plain, whole) == trouble::not_soap);
    CHECK(whole.empty());
}
