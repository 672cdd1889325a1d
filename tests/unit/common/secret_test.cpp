#include "common/secret/flaw.hpp"

#include <catch2/catch.hpp>

using namespace relay;

namespace {

// What comes of `text`, or what is wrong with it.
std::string taken(std::string text, std::size_t longest = 20)
{
    const auto got = take_secret(text, longest);
    CHECK(text.empty());
    return got.has_value() ? std::string(got->reveal()) : trouble_with("it", got.error());
}

} // namespace

TEST_CASE("a secret loses its last line break and nothing else", "[unit][secret]")
{
    CHECK(taken("w0rd") == "w0rd");
    CHECK(taken("w0rd\n") == "w0rd");
    CHECK(taken("w0rd\r\n") == "w0rd");
    CHECK(taken(" w0rd ") == " w0rd ");
    CHECK(taken("\xc3\xa4pfel\n") == "\xc3\xa4pfel");
    CHECK(taken(std::string(20, 'x') + "\r\n") == std::string(20, 'x'));
}

TEST_CASE("what no secret can be is refused in words", "[unit][secret]")
{
    CHECK(taken("") == "it is empty");
    CHECK(taken("\r\n\r\n") == "it is empty");
    CHECK_THAT(taken("w0rd\n\n"), Catch::Contains("after a line break"));
    CHECK_THAT(taken("w0rd\rtwo"), Catch::Contains("after a line break"));
    CHECK_THAT(taken("\xef\xbb\xbfw0rd"), Catch::Contains("byte order mark"));
    CHECK_THAT(taken("\xef\xbb\xbf"), Catch::Contains("byte order mark"));
    CHECK_THAT(taken(std::string("\xff\xfew\0", 4)), Catch::Contains("UTF-16"));
    CHECK_THAT(taken(std::string("\xfe\xff\0w", 4)), Catch::Contains("UTF-16"));
    CHECK_THAT(taken(std::string("w\0o\0", 4)), Catch::Contains("UTF-16"));
    CHECK_THAT(taken(std::string("\0w\0o", 4)), Catch::Contains("UTF-16"));
    CHECK_THAT(taken("l\xe4tin"), Catch::Contains("not UTF-8"));
    CHECK_THAT(taken("w\x01rd"), Catch::Contains("control character"));
    CHECK_THAT(taken("a\tb"), Catch::Contains("control character"));
    CHECK(taken(std::string(21, 'x')) == "it is too long");
    const error_code denied(EACCES, boost::system::generic_category());
    CHECK(trouble_with("the password", denied) == "the password cannot be read: Permission denied");
}
