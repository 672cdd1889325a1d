#include "agent/protocol/fingerprint.hpp"

#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::protocol;

namespace {

command make(std::string op, std::string_view params, std::string mailbox = "host@corp.example")
{
    command c;
    c.id = "c-1";
    c.op = std::move(op);
    c.mailbox = std::move(mailbox);
    c.params = json::parse(json::string_view(params.data(), params.size())).as_object();
    return c;
}

} // namespace

TEST_CASE("a fingerprint tells other content, not other spelling", "[unit][protocol]")
{
    const auto print = [](const std::string& params, std::string mailbox = "a@b.c",
                          std::string op = "event.create") {
        return fingerprint(make(std::move(op), params, std::move(mailbox)));
    };
    CHECK(print(R"({"a":1,"b":{"x":[1,2],"y":null}})").size() == 64);
    CHECK(print(R"({"a":1,"b":{"x":[1,2],"y":null}})") == print(R"( {"b":{"y":null,"x":[1,2.0]},"a":1} )"));
    CHECK(print("{}", "A@b.c") == print("{}", "a@B.c"));
    CHECK(print(R"({"a":1})") != print(R"({"a":2})"));
    CHECK(print(R"({"a":[1,2]})") != print(R"({"a":[2,1]})"));
    CHECK(print(R"({"a":[]})") != print(R"({"a":{}})"));
    CHECK(print(R"({"a":"1"})") != print(R"({"a":1})"));
    CHECK(print("{}", "a@b.c", "event.get") != print("{}", "a@b.c", "event.cancel"));
    auto redelivered = make("event.create", "{}", "a@b.c");
    redelivered.redelivered = true;
    redelivered.ttl = 5ms;
    CHECK(fingerprint(redelivered) == print("{}"));
}
