#include "common/log/line_formatter.hpp"
#include "common/log_event/log_event.hpp"

#include <spdlog/sinks/ostream_sink.h>

#include <catch2/catch.hpp>

#include <boost/json/parse.hpp>

#include <fstream>
#include <set>
#include <sstream>

using namespace relay;

namespace {

std::string said(line_format format)
{
    std::ostringstream out;
    spdlog::logger log("uplink", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    log.set_formatter(std::make_unique<line_formatter>(format, line_priority::none));
    event::link_down.warn(log, "lost the link: {}", "it \"broke\"");
    log.warn("something without a name");
    return out.str();
}

} // namespace

TEST_CASE("a named line carries its event in JSON, and reads as any other in text", "[unit][log]")
{
    std::istringstream lines(said(line_format::json));
    std::string first, second;
    std::getline(lines, first);
    std::getline(lines, second);
    const auto named = boost::json::parse(first).as_object();
    CHECK(named.at("event") == "link_down");
    CHECK(named.at("level") == "warn");
    CHECK(named.at("message") == "lost the link: it \"broke\"");
    CHECK_FALSE(boost::json::parse(second).as_object().contains("event"));
    CHECK(said(line_format::text).find("link_down") == std::string::npos);
}

TEST_CASE("each event has a name of its own, which the operations page lists", "[unit][log]")
{
    std::ifstream file(RELAY_OPERATIONS_PAGE);
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    REQUIRE_FALSE(page.empty());
    std::set<std::string_view> names;
    for (const auto& e : event::all()) {
        INFO(e.name());
        CHECK(names.insert(e.name()).second);
        CHECK(e.name().find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
        CHECK(page.find("| `" + std::string(e.name()) + "` |") != std::string::npos);
    }
}
