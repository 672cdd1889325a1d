#include "common/text/mailbox_address.hpp"
#include "common/text/text.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <random>

using namespace relay;
using namespace std::string_view_literals;

TEST_CASE("ill-formed UTF-8 is told from well-formed", "[unit][text]")
{
    for (const auto bad :
         {"\x80"sv, "\xc3"sv, "\xc0\xaf"sv, "\xc1\x81"sv, "\xe0\x80\x80"sv, "\xe2\x82"sv, "\xed\xa0\x80"sv,
          "\xf0\x80\x80\x80"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xff"sv, "a\xc3z"sv})
        CHECK_FALSE(is_utf8(bad));
    for (const auto good :
         {""sv, "a\0b"sv, "\xc3\xa4"sv, "\xe2\x82\xac"sv, "\xf0\x9f\x98\x80"sv, "\xef\xbf\xbf"sv})
        CHECK(is_utf8(good));
}

TEST_CASE("XML 1.0 cannot carry control characters", "[unit][text]")
{
    for (const auto bad :
         {"\0"sv, "\x01"sv, "\x0b"sv, "\x1f"sv, "\xef\xbf\xbe"sv, "\xef\xbf\xbf"sv, "\xff"sv})
        for (const std::string before : {"", "plain", "\t", "\xc3\xa4"}) {
            CHECK_FALSE(is_xml_text(before + std::string(bad)));
            CHECK_FALSE(is_xml_text(before + std::string(bad) + "plain"));
        }
    CHECK(is_xml_text("tab\t line\r\n \x7f \xf0\x9f\x98\x80"));
}

TEST_CASE("length is counted in code points and cut between them", "[unit][text]")
{
    CHECK(code_points("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == 4);
    CHECK(utf8_prefix("a\xc3\xa4", 2) == "a");
    CHECK(utf8_prefix("a\xc3\xa4", 3) == "a\xc3\xa4");
    CHECK(utf8_prefix("\xf0\x9f\x98\x80", 3).empty());
    CHECK(utf8_prefix("abc", 0).empty());
}

TEST_CASE("case is folded for ASCII only", "[unit][text]")
{
    CHECK(ascii_lower("AbZ\xc3\x84") == "abz\xc3\x84");
    CHECK(ascii_iequals("HoSt", "hOsT"));
    CHECK_FALSE(ascii_iequals("host", "hosts"));
    CHECK_FALSE(ascii_iequals("[", "{"));
}

TEST_CASE("blanks are trimmed from both ends", "[unit][text]")
{
    CHECK(trim(" \t a b\r\n") == "a b");
    CHECK(trim(" \n").empty());
}

TEST_CASE("base64 goes both ways", "[unit][text]")
{
    CHECK(to_base64("") == "");
    CHECK(to_base64("f") == "Zg==");
    CHECK(from_base64("Zm9vYmFy") == "foobar");
    CHECK(from_base64("Zm8=") == "fo");
    CHECK_FALSE(from_base64("Zg=").has_value());
    CHECK_FALSE(from_base64("Z!==").has_value());
    std::mt19937 random(1);
    for (std::size_t n = 0; n < 100; ++n) {
        std::string bytes;
        for (std::size_t i = 0; i < n; ++i)
            bytes += static_cast<char>(random());
        CHECK(from_base64(to_base64(bytes)) == bytes);
    }
}

TEST_CASE("digests are those of FIPS 180", "[unit][text]")
{
    CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(to_hex("\x00\xff"sv) == "00ff");
}

TEST_CASE("a star stands for any run of characters", "[unit][text]")
{
    CHECK(matches_wildcard("*", ""));
    CHECK(matches_wildcard("", ""));
    CHECK(matches_wildcard("*@corp.example", "a@corp.example"));
    CHECK(matches_wildcard("a*b*c", "aXbXbXc"));
    CHECK(matches_wildcard("**", "x"));
    CHECK_FALSE(matches_wildcard("", "x"));
    CHECK_FALSE(matches_wildcard("*@corp.example", "a@corp.example.evil"));
    CHECK_FALSE(matches_wildcard("a*b", "aXc"));
    CHECK_FALSE(matches_wildcard("event.?", "event.x"));
    CHECK_FALSE(matches_wildcard("ab", "a"));
}

TEST_CASE("a hostile pattern costs no more than its length times the text's", "[unit][text]")
{
    std::string pattern;
    for (int i = 0; i < 500; ++i)
        pattern += "*a";
    CHECK_FALSE(matches_wildcard(pattern + "b", std::string(2000, 'a')));
}

TEST_CASE("the nearest name is found where one is near", "[unit][text]")
{
    const std::array<std::string_view, 3> names{"url", "username", "auth"};
    CHECK(nearest_name("urll", names) == "url");
    CHECK(nearest_name("user_name", names) == "username");
    CHECK_FALSE(nearest_name("qqqqqqqqqqqqqqqq", std::array<std::string_view, 1>{"x"}).has_value());
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("", "abc") == 3);
}

TEST_CASE("what cannot be a mailbox address is refused", "[unit][text]")
{
    for (const auto bad : {""sv, "a"sv, "@b"sv, "a@"sv, "a@b@c"sv, "a b@c"sv, "a@b\n"sv, "<a@b>"sv,
                           "a@b,c@d"sv, "\"a\"@b"sv, "a@b;"sv, "a\0@b"sv, "a@\xff"sv})
        CHECK_FALSE(mailbox_address::parse(bad).has_value());
    CHECK_FALSE(mailbox_address::parse(std::string(320, 'a') + "@b").has_value());
}

TEST_CASE("mailbox addresses are compared without case and keep their spelling", "[unit][text]")
{
    const auto a = *mailbox_address::parse("Host@Corp.example"),
               b = *mailbox_address::parse("host@corp.EXAMPLE");
    CHECK(a == b);
    CHECK(a.str() == "Host@Corp.example");
    CHECK(a.key() == "host@corp.example");
    CHECK(*mailbox_address::parse("a@b.c") < *mailbox_address::parse("B@b.c"));
}
