#include "common/log/line_formatter.hpp"
#include "common/log/logger.hpp"
#include "common/log_event/log_event.hpp"

#include <spdlog/sinks/ostream_sink.h>

#include <catch2/catch.hpp>

#include <boost/json/parse.hpp>

#include <random>
#include <sstream>

using namespace relay;

namespace {

std::string formatted(line_format format, line_priority priority, std::string_view text,
                      spdlog::level::level_enum level = spdlog::level::warn)
{
    line_formatter formatter(format, priority);
    spdlog::details::log_msg message("uplink", level, {text.data(), text.size()});
    message.time = spdlog::log_clock::time_point(std::chrono::milliseconds(1795341600123));
    spdlog::memory_buf_t line;
    formatter.format(message, line);
    return {line.data(), line.size()};
}

} // namespace

TEST_CASE("text from outside cannot begin a new log line", "[unit][log]")
{
    CHECK(printable({"a\nb\r\tc\x1b[31m\x7f\0", 13}) == "a\\nb\\r\\tc\\x1b[31m\\x7f\\x00");
    CHECK(printable("C1 \xc2\x85 and separators \xe2\x80\xa8\xe2\x80\xa9") ==
          "C1 \\u0085 and separators \\u2028\\u2029");
    const auto line =
        formatted(line_format::text, line_priority::none, "x\n2026-01-01T00:00:00Z error agent: forged");
    CHECK(std::count(line.begin(), line.end(), '\n') == 1);
}

TEST_CASE("bytes that are no UTF-8 are shown as numbers", "[unit][log]")
{
    CHECK(printable("\xff\xc3") == "\\xff\\xc3");
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80"); // a surrogate
    CHECK(json_escaped("\xff") == "\xef\xbf\xbd");
}

TEST_CASE("a message that is too long is cut and says so", "[unit][log]")
{
    const auto line = printable(std::string(max_log_message_bytes + 100, 'x'));
    CHECK(line.size() < max_log_message_bytes + 40);
    CHECK(line.ends_with("... (100 bytes cut)"));
}

TEST_CASE("a text line holds time, level, component and message", "[unit][log]")
{
    CHECK(formatted(line_format::text, line_priority::none, "CORP\\svc refused") ==
          "2026-11-22T10:00:00.123Z warn  uplink: CORP\\svc refused\n");
}

TEST_CASE("in the journal a line carries its priority and leaves time to the journal", "[unit][log]")
{
    CHECK(formatted(line_format::text, line_priority::journal, "x") == "<4>uplink: x\n");
    CHECK(formatted(line_format::text, line_priority::journal, "x", spdlog::level::err) == "<3>uplink: x\n");
    CHECK(formatted(line_format::text, line_priority::journal, "x", spdlog::level::info) == "<6>uplink: x\n");
    CHECK(formatted(line_format::text, line_priority::journal, "x", spdlog::level::trace) ==
          "<7>uplink: x\n");
    CHECK(formatted(line_format::json, line_priority::journal, "x").starts_with("<4>{\"time\""));
}

TEST_CASE("a JSON line is one JSON object, whatever the message", "[unit][log]")
{
    std::mt19937 random(7);
    for (int round = 0; round < 500; ++round) {
        std::string text(random() % 60, '\0');
        for (char& c : text)
            c = static_cast<char>(random());
        const auto line = formatted(line_format::json, line_priority::none, text);
        REQUIRE(std::count(line.begin(), line.end(), '\n') == 1);
        const auto object = boost::json::parse(line).as_object();
        REQUIRE(object.at("component").as_string() == "uplink");
        REQUIRE(object.at("level").as_string() == "warn");
        REQUIRE(object.at("time").as_string() == "2026-11-22T10:00:00.123Z");
    }
    const auto line = formatted(line_format::json, line_priority::none, "\"\\\n\x01 g\xc3\xbcnstig");
    CHECK(boost::json::parse(line).as_object().at("message").as_string() == "\"\\\n\x01 g\xc3\xbcnstig");
}

TEST_CASE("a JSON line about a command names it, but not the mailbox", "[unit][log]")
{
    line_formatter formatter(line_format::json, line_priority::none);
    std::ostringstream out;
    spdlog::logger log("agent", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    log.set_formatter(formatter.clone());
    const log_subject about{"c-\"1", "event.create", "anna@corp.example"};
    event::write_doubtful.warn(log, about, "late");
    const auto said = boost::json::parse(out.str()).as_object();
    CHECK(said.at("command_id") == "c-\"1");
    CHECK(said.at("operation") == "event.create");
    CHECK(said.at("event") == "write_doubtful");
    CHECK(out.str().find("anna") == std::string::npos);
}
