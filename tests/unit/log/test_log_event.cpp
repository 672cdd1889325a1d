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

TEST_CASE("each event has a message id of its own", "[unit][log]")
{
    std::set<std::string_view> ids;
    for (const auto& e : event::all()) {
        INFO(e.name());
        CHECK(ids.insert(e.message_id()).second);
        CHECK(e.message_id().size() == 32);
        CHECK(e.message_id().find_first_not_of("0123456789abcdef") == std::string_view::npos);
        CHECK(event::named(e.name()) == &e);
    }
    CHECK(event::named("something_else") == nullptr);
}

TEST_CASE("journalctl's catalogue explains each warning and error, and nothing that is not said",
          "[unit][log]")
{
    std::ifstream file(RELAY_CATALOGUE);
    const std::string catalogue{std::istreambuf_iterator<char>(file), {}};
    REQUIRE_FALSE(catalogue.empty());
    std::set<std::string> ids;
    for (const auto& e : event::all())
        ids.insert(std::string(e.message_id()));
    for (std::size_t at = 0; (at = catalogue.find("\n-- ", at)) != catalogue.npos; ++at) {
        INFO(catalogue.substr(at + 4, 32));
        CHECK(ids.contains(catalogue.substr(at + 4, 32)));
    }
    for (const auto& e : {event::stop_forced,
                          event::config_refused,
                          event::clock_jump,
                          event::internal_fault,
                          event::link_down,
                          event::link_rejected,
                          event::cloud_problem,
                          event::old_copy_found,
                          event::cloud_set_back,
                          event::certificate_not_renewed,
                          event::exchange_unreachable,
                          event::exchange_busy,
                          event::exchange_auth_failed,
                          event::streaming_down,
                          event::write_doubtful,
                          event::queue_down,
                          event::queue_full,
                          event::queue_damaged,
                          event::audit_down,
                          event::audit_changed}) {
        INFO(e.name());
        CHECK(catalogue.find("\n-- " + std::string(e.message_id()) + "\n") != catalogue.npos);
    }
}
