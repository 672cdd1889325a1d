#include "agent/protocol/codec.hpp"
#include "agent/protocol/operation.hpp"
#include "common/text/text.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace relay;
using namespace relay::protocol;

namespace {

problem refused(std::string_view frame)
{
    const auto d = decode(frame);
    INFO(frame);
    REQUIRE_FALSE(d.has_value());
    CHECK(d.error().code == "invalid_message");
    return d.error();
}

template <class Message>
Message taken(std::string_view frame)
{
    const auto d = decode(frame);
    INFO(frame << (d.has_value() ? "" : d.error().message));
    REQUIRE(d.has_value());
    REQUIRE(std::holds_alternative<Message>(*d));
    return std::get<Message>(*d);
}

} // namespace

TEST_CASE("a frame that is no JSON object gets a problem", "[unit][protocol]")
{
    for (const auto* frame :
         {"", "   ", "[]", "1", "null", "\"x\"", "{", "{\"type\":\"ack\",\"seq\":1}x", "nul"})
        CHECK_FALSE(refused(frame).message.empty());
}

TEST_CASE("a problem names the field that is missing or wrong", "[unit][protocol]")
{
    CHECK(refused(R"({})").message == "type: is missing");
    CHECK(refused(R"({"type":7})").message == "type: must be a string");
    CHECK(refused(R"({"type":"command","op":"x"})").message == "id: is missing");
    CHECK(refused(R"({"type":"command","id":"c"})").message == "op: is missing");
    CHECK(refused(R"({"type":"command","id":"c","op":1})").message == "op: must be a string");
    CHECK(refused(R"({"type":"command","id":"c","op":"x","mailbox":1})").message ==
          "mailbox: must be a string");
    CHECK(refused(R"({"type":"command","id":"c","op":"x","ttl_ms":"9"})").message ==
          "ttl_ms: must be a whole number");
    CHECK(refused(R"({"type":"command","id":"c","op":"x","ttl_ms":1.5})").message ==
          "ttl_ms: must be a whole number");
    CHECK(refused(R"({"type":"command","id":"c","op":"x","redelivered":1})").message ==
          "redelivered: must be true or false");
    CHECK(refused(R"({"type":"command","id":"c","op":"x","params":[]})").message ==
          "params: must be an object");
    CHECK(refused(R"({"type":"ack"})").message == "seq: is missing");
    CHECK(refused(R"({"type":"ack","seq":null})").message == "seq: is missing");
    CHECK(refused(R"({"type":"ack","seq":-1})").message.starts_with("seq: must be from 0"));
    CHECK(refused(R"({"type":"cancel"})").message == "id: is missing");
    CHECK(refused(R"({"type":"drain","reconnect_after_ms":-1})").message.starts_with("reconnect_after_ms: "));
    CHECK(refused(R"({"type":"reject"})").message == "code: is missing");
    CHECK(refused(R"({"type":"problem"})").message == "code: is missing");
}

TEST_CASE("a problem carries the id where one could be read", "[unit][protocol]")
{
    CHECK(refused(R"({"type":"command","id":"c-04"})").id == "c-04");
    CHECK(refused(R"({"id":"c-05"})").id == "c-05");
    CHECK(refused(R"({"type":"command","id":4,"op":"x"})").id.empty());
    CHECK(refused(R"({"type":"command","id":"not an id","op":"x"})").id.empty());
}

TEST_CASE("the id is read even from text that is no JSON", "[unit][protocol]")
{
    CHECK(refused(R"({"type":"command","id":"c-1","op":"event.create","params":{"subject":"\ud800"}})").id ==
          "c-1");
    CHECK(refused("{\"id\" : \"c-2\", \"params\": {\"subject\":\"\xff\"}}").id == "c-2");
    CHECK(refused(R"({"params":{"id":"inner"},"id":"c-3","x":)").id == "c-3");
    CHECK(refused(R"({"x":"id","y":["id","no"],"id":"c-4")").id == "c-4");
    CHECK(refused(R"({"id":"cut-of)").id.empty());
    CHECK(refused(R"({"id":"a\"b",)").id.empty());
    CHECK(refused(R"({"x":"\)").id.empty());
}

TEST_CASE("lone surrogates, bad UTF-8 and deep nesting are refused", "[unit][protocol]")
{
    refused(R"({"type":"cancel","id":"c","x":"\ud800"})");
    refused(R"({"type":"cancel","id":"c","x":"\udc00"})");
    refused(R"({"type":"cancel","id":"c","\ud800":1})");
    refused("{\"type\":\"cancel\",\"id\":\"c\",\"x\":\"\xed\xa0\x80\"}");
    refused("{\"type\":\"cancel\",\"id\":\"c\",\"x\":\"\xc0\xaf\"}");
    const auto nested = [](int levels) {
        return R"({"type":"cancel","id":"c","x":)" + std::string(static_cast<std::size_t>(levels), '[') +
               std::string(static_cast<std::size_t>(levels), ']') + "}";
    };
    CHECK(decode(nested(31)).has_value());
    refused(nested(32));
    refused(nested(100'000));
    CHECK(taken<cancel>(R"({"type":"cancel","id":"c","x":"\ud83d\ude00"})").id == "c");
}

TEST_CASE("an id is 1 to 64 of the characters the protocol names", "[unit][protocol]")
{
    const auto frame = [](const std::string& id) { return R"({"type":"cancel","id":")" + id + "\"}"; };
    CHECK(taken<cancel>(frame(std::string(64, 'a'))).id.size() == 64);
    CHECK(taken<cancel>(frame("AZaz09._:-")).id == "AZaz09._:-");
    refused(frame(""));
    refused(frame(std::string(65, 'a')));
    refused(frame("a/b"));
    refused(frame("a\\u0000b"));
    refused(frame("\xc3\xa4"));
}

TEST_CASE("a command is read with its defaults", "[unit][protocol]")
{
    const auto bare = taken<command>(R"({"type":"command","id":"c-1","op":"connection.test"})");
    CHECK(bare.mailbox.empty());
    CHECK_FALSE(bare.ttl.has_value());
    CHECK_FALSE(bare.redelivered);
    CHECK(bare.params.empty());

    const auto nulls = taken<command>(
        R"({"type":"command","id":"c-1","op":"x","mailbox":null,"ttl_ms":null,"redelivered":null,"params":null})");
    CHECK(nulls.mailbox.empty());
    CHECK_FALSE(nulls.ttl.has_value());
    CHECK(nulls.params.empty());

    const auto full = taken<command>(
        R"({"type":"command","id":"c-01","op":"event.create","mailbox":"host@corp.example","ttl_ms":86400000,"redelivered":true,"params":{"a":[1]},"new":1})");
    CHECK(full.id == "c-01");
    CHECK(full.op == "event.create");
    CHECK(full.mailbox == "host@corp.example");
    CHECK(full.ttl == milliseconds(86'400'000));
    CHECK(full.redelivered);
    CHECK(full.params.contains("a"));
}

TEST_CASE("a ttl is kept as it came, as far as an elapsed time can hold it", "[unit][protocol]")
{
    const auto ttl = [](const std::string& number) {
        return *taken<command>(R"({"type":"command","id":"c","op":"x","ttl_ms":)" + number + "}").ttl;
    };
    CHECK(ttl("0") == milliseconds(0));
    CHECK(ttl("-5") == milliseconds(-5));
    CHECK(ttl("5.0") == milliseconds(5));
    CHECK(ttl("5e3") == milliseconds(5000));
    CHECK(ttl("9223372036854775807") == longest_ttl);
    CHECK(ttl("18446744073709551615") == longest_ttl);
    CHECK(ttl("1e300") == longest_ttl);
    CHECK(ttl("-1e300") < milliseconds(1));
}

TEST_CASE("a welcome with values that make no sense is refused", "[unit][protocol]")
{
    const auto frame = [](const std::string& more) {
        return R"({"type":"welcome","session":"s","ack":0)" + more + "}";
    };
    CHECK(taken<welcome>(frame("")).heartbeat == std::chrono::seconds(20));
    CHECK(taken<welcome>(frame("")).max_message_bytes == default_max_message_bytes);
    for (const auto* more :
         {R"(,"heartbeat_s":0)", R"(,"heartbeat_s":-1)", R"(,"heartbeat_s":100000)", R"(,"heartbeat_s":"20")",
          R"(,"max_message_bytes":0)", R"(,"max_message_bytes":10)", R"(,"max_message_bytes":1e18)",
          R"(,"time":"yesterday")", R"(,"time":5)", R"(,"ack":-1)", R"(,"ack":1.5)"})
        refused(frame(more));
    refused(R"({"type":"welcome","ack":0})");
    refused(R"({"type":"welcome","session":"s"})");
}

TEST_CASE("a welcome is read", "[unit][protocol]")
{
    const auto w = taken<welcome>(
        R"({"type":"welcome","session":"s-77","time":"2026-11-22T10:00:00Z","heartbeat_s":20,"ack":1039,"max_message_bytes":1048576})");
    CHECK(w.session == "s-77");
    CHECK(w.time == utc_time(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 10h));
    CHECK(w.heartbeat == std::chrono::seconds(20));
    CHECK(w.ack == 1039);
}

TEST_CASE("what a reject says may be logged as it is", "[unit][protocol]")
{
    const auto r =
        taken<reject>(R"({"type":"reject","code":"revoked","message":"line\nbreak","retry_after_s":300})");
    CHECK(r.code == "revoked");
    CHECK(r.message == "line break");
    CHECK(r.retry_after == std::chrono::seconds(300));
    CHECK(taken<reject>(R"({"type":"reject","code":"new_code"})").retry_after == std::chrono::seconds(60));
    CHECK(taken<reject>(R"({"type":"reject","code":"x","retry_after_s":0})").retry_after ==
          std::chrono::seconds(1));
    CHECK(taken<reject>(R"({"type":"reject","code":"x","retry_after_s":1e99})").retry_after ==
          std::chrono::hours(24));
}

TEST_CASE("an unknown type is not an error", "[unit][protocol]")
{
    CHECK(taken<unknown_type>(R"({"type":"greeting","x":1})").type == "greeting");
    CHECK(taken<unknown_type>(R"({"type":""})").type.empty());
    CHECK(taken<unknown_type>(R"({"type":")" + std::string(5000, 'x') + "\"}").type.size() == 100);
}

TEST_CASE("the small messages are read", "[unit][protocol]")
{
    CHECK(taken<ack>(R"({"type":"ack","seq":1040})").seq == 1040);
    CHECK(taken<drain>(R"({"type":"drain","reconnect_after_ms":2000})").reconnect_after ==
          milliseconds(2000));
    CHECK(taken<drain>(R"({"type":"drain"})").reconnect_after == milliseconds(0));
    CHECK(taken<problem>(R"({"type":"problem","code":"invalid_message","message":"m","id":"c"})").id == "c");
}

TEST_CASE("arbitrary bytes never crash the decoder", "[unit][protocol][property]")
{
    std::mt19937 random(20261122);
    const std::string seed =
        R"({"type":"command","id":"c-01","op":"event.create","mailbox":"host@corp.example","ttl_ms":86400000,"params":{"a":[1,2.5,"\ud83d\ude00"]}})";
    for (int i = 0; i < 20'000; ++i) {
        auto frame = seed;
        for (auto edits = 1 + random() % 4; edits > 0; --edits) {
            const auto at = random() % frame.size();
            if (random() % 3 == 0)
                frame.erase(at, 1 + random() % 8);
            else
                frame[at] = static_cast<char>(random());
            if (frame.empty())
                break;
        }
        const auto d = decode(frame);
        if (!d.has_value())
            CHECK(is_utf8(encode(d.error())));
    }
}
