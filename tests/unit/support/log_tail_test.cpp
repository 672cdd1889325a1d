#include "agent/support/log_tail.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using relay::support::log_files;

TEST_CASE("the newest part of a log is taken from the files that rotation left, in whole lines",
          "[unit][support]")
{
    const relay::test::temporary_folder folder;
    const auto file = folder.path() / "agent.log";
    std::ofstream(folder.path() / "agent.2.log") << "one\ntwo\n";
    std::ofstream(folder.path() / "agent.1.log") << "three\nfour\n";
    std::ofstream(file) << "five\nsix\n";
    CHECK(log_files(file, 1000).text == "one\ntwo\nthree\nfour\nfive\nsix\n");
    CHECK(log_files(file, 1000).note.empty());
    CHECK(log_files(file, 16).text == "four\nfive\nsix\n");
    CHECK_THAT(log_files(file, 16).note, Catch::Contains("what is older is left out"));
    CHECK(log_files(file, 6).text == "six\n");
    CHECK(log_files(file, 3).text.empty());
}

TEST_CASE("a log that is not there is told", "[unit][support]")
{
    const relay::test::temporary_folder folder;
    const auto none = log_files(folder.path() / "agent.log", 1000);
    CHECK(none.text.empty());
    CHECK_THAT(none.note, Catch::Contains("agent.log cannot be read: No such file"));
}
