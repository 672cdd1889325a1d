#include "common/text/repair.hpp"
#include "common/text/text.hpp"

#include <catch2/catch.hpp>

using namespace relay;

TEST_CASE("what is not UTF-8 in a text is replaced, and the rest stays", "[unit][text]")
{
    CHECK(to_utf8("").empty());
    CHECK(to_utf8("host-\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") ==
          "host-\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    CHECK(to_utf8("caf\xe9") == "caf\xef\xbf\xbd");
    CHECK(to_utf8("\xff\xc3\xa4\xc3") == "\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
    CHECK(is_utf8(to_utf8("\xed\xa0\x80\xc0\xaf"))); // a surrogate, an overlong form
}
