#include "common/crash_point/crash_point.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace {

using namespace relay;

// How a process ends that visits the place three times: the number of the signal, or 0.
int signal_of_child(const char* crash_at)
{
    const auto child = ::fork();
    if (child == 0) {
        ::setenv("RELAY_CRASH_AT", crash_at, 1);
        for (int i = 0; i < 3; ++i)
            crash_point("store.begin", crash_moment::after);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

} // namespace

TEST_CASE("what ships knows no crash points", "[unit][crash_point]")
{
    std::ifstream in(RELAY_PROGRAM, std::ios::binary);
    const std::string program((std::istreambuf_iterator<char>(in)), {});
    REQUIRE_FALSE(program.empty());
    CHECK((program.find("RELAY_CRASH_AT") != program.npos) == crash_points_enabled);
    CHECK((program.find("store.begin") != program.npos) == crash_points_enabled);
}

TEST_CASE("a process dies at the place it is told, on the visit it is told", "[unit][crash_point]")
{
    const int death = crash_points_enabled ? SIGKILL : 0;
    CHECK(signal_of_child("store.begin.before") == 0);
    CHECK(signal_of_child("store.begin.after:4") == 0);
    CHECK(signal_of_child("store.begin.after") == death);
    CHECK(signal_of_child("store.begin.after:3") == death);
}

TEST_CASE("each step has a name of its own", "[unit][crash_point]")
{
    CHECK(std::set<std::string_view>(crash_steps.begin(), crash_steps.end()).size() == crash_steps.size());
    static_assert(crash_step("start.open").index() == 0);
}
