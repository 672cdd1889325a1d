#include "agent/protocol/codec.hpp"
#include "common/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::protocol;

namespace {

json::object object(std::string_view frame)
{
    INFO(frame);
    return json::parse(json::string_view(frame.data(), frame.size())).as_object();
}

json::object parsed(std::string_view text)
{
    return object(text);
}

} // namespace

TEST_CASE("every fault code has a name that reads back", "[unit][protocol]")
{
    for (int i = 0; i <= static_cast<int>(fault_code::internal); ++i) {
        const auto code = static_cast<fault_code>(i);
        CHECK(parse_fault_code(name(code)) == code);
    }
    CHECK_FALSE(parse_fault_code("no_such_code").has_value());
    CHECK_FALSE(parse_fault_code("").has_value());
    CHECK(name(fault_code::exchange_busy) == "exchange_busy");
    CHECK(retryable(fault_code::auth_failed));
    CHECK_FALSE(retryable(fault_code::exchange_unsupported));
}

TEST_CASE("a failed result carries the fault", "[unit][protocol]")
{
    const protocol::result r{
        "c-02", fault{fault_code::mailbox_not_found, "no such mailbox", "ErrorNonExistentMailbox"}, 1, 9ms};
    CHECK(encode(r) ==
          R"({"type":"result","id":"c-02","ok":false,"error":{"code":"mailbox_not_found",)"
          R"("message":"no such mailbox","retryable":false,"exchange":"ErrorNonExistentMailbox"},)"
          R"("attempts":1,"took_ms":9})");
    CHECK_FALSE(to_json(fault{fault_code::internal, "m", ""}).contains("exchange"));
}

TEST_CASE("a result carries its output", "[unit][protocol]")
{
    const auto frame = object(encode(protocol::result{"c-01", json::object{{"uid", "u \"1\""}}, 2, 41ms}));
    CHECK(
        frame ==
        parsed(
            R"({"type":"result","id":"c-01","ok":true,"output":{"uid":"u \"1\""},"attempts":2,"took_ms":41})"));
}

TEST_CASE("a stored body becomes a frame with its number", "[unit][protocol]")
{
    const auto body = encode(protocol::result{"c-01", json::object{}, 1, 41ms});
    CHECK_FALSE(object(body).contains("seq"));
    auto frame = object(with_seq(body, 1040));
    CHECK(frame["seq"].as_int64() == 1040);
    frame.erase("seq");
    CHECK(frame == object(body));
    CHECK(object(with_seq(encode_event("availability.changed", {{"watch_id", "w"}}), 7)) ==
          parsed(R"({"type":"event","seq":7,"event":"availability.changed","data":{"watch_id":"w"}})"));
}

TEST_CASE("a hello says who the agent is", "[unit][protocol]")
{
    const hello h{"9b1c", "hq-1", "1.0.0", "linux", "relay01", "uuid", 1042, 3, {"availability.get"}, 64};
    CHECK(
        object(encode(h)) ==
        parsed(
            R"({"type":"hello","protocol":1,)"
            R"("agent":{"id":"9b1c","name":"hq-1","version":"1.0.0","os":"linux","host":"relay01"},)"
            R"("store":{"id":"uuid","next_seq":1042,"unacked":3},"operations":["availability.get"],"window":64})"));
    CHECK(object(encode(hello{}))["operations"].as_array().empty());
}

TEST_CASE("the small frames are made", "[unit][protocol]")
{
    CHECK(encode_accepted("c-01") == R"({"type":"accepted","id":"c-01"})");
    CHECK(encode_goodbye("shutdown") == R"({"type":"goodbye","reason":"shutdown"})");
    CHECK(encode(problem{"id_reused", "m", "c"}) ==
          R"({"type":"problem","code":"id_reused","message":"m","id":"c"})");
    CHECK(encode(problem{"invalid_message", "m", ""}) ==
          R"({"type":"problem","code":"invalid_message","message":"m"})");
}

TEST_CASE("text that is not UTF-8 never reaches a frame", "[unit][protocol]")
{
    const auto frame =
        encode(protocol::result{"c", json::object{{"name", "a\xff\xe4 \xc3\xa4\xed\xa0\x80"}}, 1, 0ms});
    CHECK(is_utf8(frame));
    CHECK(object(frame)["output"].at("name").as_string() == "a?? \xc3\xa4???");
    CHECK(is_utf8(encode(problem{"x", "\xf0\x9f", "id"})));
}

TEST_CASE("a long message is cut between characters", "[unit][protocol]")
{
    std::string message;
    for (int i = 0; i < 600; ++i)
        message += "\xc3\xa4";
    const auto cut = to_json(fault{fault_code::internal, "x" + message, ""});
    CHECK(cut.at("message").as_string().size() == 999);
    CHECK(is_utf8(std::string(cut.at("message").as_string())));
}

TEST_CASE("what the agent says is read back the same", "[unit][protocol][property]")
{
    // A problem goes both ways, so it shows that printing and reading agree on every character.
    std::string all;
    for (int c = 0x20; c < 0x7f; ++c)
        all += static_cast<char>(c);
    all += "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
    const auto back = decode(encode(problem{"id_reused", all, "c-1"}));
    REQUIRE(back.has_value());
    const auto& p = std::get<problem>(*back);
    CHECK(p.message == all);
    CHECK(p.code == "id_reused");
    CHECK(p.id == "c-1");
}
