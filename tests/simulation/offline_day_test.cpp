// A day without the cloud, as the one sees it who reads the log afterwards.
#include "tests/simulation/world.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <sstream>

namespace {

using namespace relay::simulation;

TEST_CASE("a day without the cloud costs the log a few lines, and no command", "[simulation]")
{
    using what = action::what;
    const relay::test::temporary_folder scratch;
    std::ostringstream logged;
    spdlog::logger log("day", std::make_shared<spdlog::sinks::ostream_sink_st>(logged));
    log.set_level(spdlog::level::info);

    scenario day;
    const auto create = [&](int n, std::chrono::milliseconds ttl) {
        action a{.type = what::send, .number = n};
        const auto digit = std::to_string(n);
        a.command = {"c-" + digit, kind::create, "a@corp.example", "e-" + digit, "meeting " + digit,
                     ttl,          false};
        day.actions.push_back(std::move(a));
    };
    // One is under way when the link goes, Exchange being away too; others come when it is back.
    day.actions.push_back({.type = what::mood, .trouble = {trouble::unreachable, {}}});
    create(1, std::chrono::hours(24));
    day.actions.push_back({.type = what::pass, .length = std::chrono::seconds(5)});
    day.actions.push_back({.type = what::network, .network = cloud::network::refuses});
    day.actions.push_back({.type = what::cut});
    day.actions.push_back({.type = what::pass, .length = std::chrono::hours(12)});
    day.actions.push_back({.type = what::network, .network = cloud::network::hangs});
    create(2, std::chrono::hours(1));
    day.actions.push_back({.type = what::pass, .length = std::chrono::hours(12)});

    world w(day, scratch.path(), log);
    const auto broken = w.play();
    INFO(logged.str());
    CHECK((broken ? broken->rule : "") == "");
    const auto text = logged.str();
    const auto lines = std::count(text.begin(), text.end(), '\n');
    CHECK(lines > 2);
    CHECK(lines < 20);
}

} // namespace
