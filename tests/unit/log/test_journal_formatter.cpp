#include "common/log/journal_formatter.hpp"
#include "common/log_event/log_event.hpp"

#include <spdlog/sinks/ostream_sink.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

using namespace relay;

namespace {

template <class Say>
std::string entry(Say say, line_format format = line_format::text)
{
    std::ostringstream out;
    spdlog::logger log("agent", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    log.set_level(spdlog::level::debug);
    log.set_formatter(std::make_unique<journal_formatter>(format));
    say(log);
    return out.str();
}

} // namespace

TEST_CASE("an entry of the journal holds its line, its priority and who says it", "[unit][log]")
{
    CHECK(entry([](auto& log) { log.info("connected"); }) ==
          "PRIORITY=6\nSYSLOG_IDENTIFIER=workestra-relay\nMESSAGE=agent: connected\n");
    CHECK(entry([](auto& log) { log.info("connected"); }, line_format::json).find("\nMESSAGE={\"time\":") !=
          std::string::npos);
}

TEST_CASE("levels become the priorities that journalctl -p asks for", "[unit][log]")
{
    CHECK(entry([](auto& log) { log.debug("x"); }).starts_with("PRIORITY=7\n"));
    CHECK(entry([](auto& log) { log.warn("x"); }).starts_with("PRIORITY=4\n"));
    CHECK(entry([](auto& log) { log.error("x"); }).starts_with("PRIORITY=3\n"));
}

TEST_CASE("an event is a field of its entry, and has a message id", "[unit][log]")
{
    const auto said = entry([](auto& log) { event::link_down.warn(log, "lost the link"); });
    CHECK(said.find("\nEVENT=link_down\n") != std::string::npos);
    CHECK(said.find("\nMESSAGE_ID=" + std::string(event::link_down.message_id()) + "\n") !=
          std::string::npos);
}

TEST_CASE("a command is in fields of its entry, its mailbox if it has one", "[unit][log]")
{
    const log_subject about{"c-1", "event.create", "anna@corp.example"};
    const auto said =
        entry([&](auto& log) { event::write_doubtful.warn(log, about, "event.create c-1: late"); });
    CHECK(said.find("\nCOMMAND_ID=c-1\nOPERATION=event.create\nMAILBOX=anna@corp.example\n") !=
          std::string::npos);
    CHECK(said.find("\nEVENT=write_doubtful\n") != std::string::npos);
    const log_subject no_mailbox{"c-2", "availability.get", {}};
    const auto other = entry([&](auto& log) { unnamed.debug(log, no_mailbox, "x"); });
    CHECK(other.find("MAILBOX") == std::string::npos);
    CHECK(other.find("EVENT=") == std::string::npos);
}

TEST_CASE("nothing from outside adds a field to an entry", "[unit][log]")
{
    const log_subject about{"c\nPRIORITY=0", "op\nX=1", "a\n\nb@corp.example"};
    const auto said = entry([&](auto& log) { unnamed.warn(log, about, "{}", "x\nMESSAGE_ID=0"); });
    CHECK(std::count(said.begin(), said.end(), '\n') == 6);
    CHECK(said.find("\nX=1") == std::string::npos);
    CHECK(said.find("\nMESSAGE_ID") == std::string::npos);
}
