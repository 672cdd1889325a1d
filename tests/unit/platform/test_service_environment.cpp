#include "common/platform/service_environment.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace relay;

TEST_CASE("what systemd gives a unit is read as systemd shows it", "[unit][platform]")
{
    const test::temporary_folder folder;
    const auto file = folder.path() / "default";
    std::ofstream(file)
        << "# proxies\nNO_PROXY=.corp.example\nHTTPS_PROXY=\"http://proxy.corp.example:3128\"\n; none\n"
           "EDITOR=vi\n";
    const auto unit = platform::read_unit(
        "LoadState=loaded\nExecStart={ path=/usr/bin/workestra-relay ; argv[]=/usr/bin/workestra-relay run "
        "}\n"
        "Environment=HTTPS_PROXY=http://old:1 \"WORKESTRA_RELAY_AGENT_NAME=the first one\" LANG=C\n"
        "EnvironmentFiles=" +
        file.string() + " (ignore_errors=yes)\nEnvironmentFiles=/nonexistent/x (ignore_errors=yes)\n");
    CHECK(unit.known);
    CHECK_THAT(unit.command, Catch::Contains("argv[]=/usr/bin/workestra-relay run"));
    CHECK(unit.given == platform::variables{{"HTTPS_PROXY", "http://proxy.corp.example:3128"},
                                            {"NO_PROXY", ".corp.example"},
                                            {"WORKESTRA_RELAY_AGENT_NAME", "the first one"}});
    CHECK_FALSE(platform::read_unit("LoadState=not-found\nEnvironment=\n").known);
    CHECK_FALSE(platform::read_unit("").known);
}

TEST_CASE("a command takes the agent's variables over, and loses its own", "[unit][platform]")
{
    const auto before = platform::own_variables();
    ::setenv("HTTPS_PROXY", "http://mine:1", 1);
    ::setenv("NO_PROXY", "mine", 1);
    platform::take_over({{"HTTPS_PROXY", "http://theirs:1"}, {"PATH", "/nowhere"}});
    CHECK(platform::own_variables() == platform::variables{{"HTTPS_PROXY", "http://theirs:1"}});
    CHECK(std::string(::getenv("PATH")) != "/nowhere");
    platform::take_over(before);
}
