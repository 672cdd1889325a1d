#include "common/log/logger.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <stdlib.h>

using namespace relay;
namespace fs = std::filesystem;

namespace {

struct folder {
    folder()
    {
        auto name = (fs::temp_directory_path() / "relay-log-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~folder() { fs::remove_all(path); }
    fs::path path;
};

std::string contents(const fs::path& file)
{
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE("a log file that cannot be written is refused in plain words", "[unit][log]")
{
    folder here;
    config::log_settings settings;
    settings.file = here.path; // a folder
    CHECK_THROWS_WITH(make_logger(settings), Catch::Contains("log.file"));
    settings.file = here.path / "misspelt" / "agent.log";
    CHECK_THROWS_WITH(make_logger(settings), Catch::Contains("misspelt"));
    CHECK_FALSE(fs::exists(here.path / "misspelt"));
}

TEST_CASE("the level is changed while running", "[unit][log]")
{
    folder here;
    config::log_settings settings;
    settings.file = here.path / "agent.log";
    const auto log = make_logger(settings, "uplink");
    log->debug("unseen");
    set_level(*log, config::log_level::debug);
    log->debug("seen");
    set_level(*log, config::log_level::error);
    log->warn("unseen");
    log->flush();
    const auto text = contents(settings.file);
    CHECK_THAT(text, Catch::EndsWith("debug uplink: seen\n"));
    CHECK_THAT(text, !Catch::Contains("unseen"));
}

TEST_CASE("a log file that was moved away is let go of, and a log that cannot be had changes nothing",
          "[unit][log]")
{
    folder here;
    config::log_settings settings;
    settings.file = here.path / "agent.log";
    const auto log = make_logger(settings);
    log->info("first");
    fs::rename(settings.file, here.path / "agent.log.1");
    log->info("second");
    use_settings(*log, settings, open_outlet(settings));
    log->info("third");
    CHECK_THAT(contents(here.path / "agent.log.1"), Catch::EndsWith("agent: second\n"));
    CHECK_THAT(contents(settings.file), Catch::EndsWith("agent: third\n") && !Catch::Contains("second"));

    auto unusable = settings;
    unusable.file = here.path / "misspelt" / "agent.log";
    unusable.level = config::log_level::error;
    CHECK_THROWS_WITH(use_settings(*log, unusable, open_outlet(unusable)), Catch::Contains("misspelt"));
    log->info("fourth");
    CHECK_THAT(contents(settings.file), Catch::EndsWith("agent: fourth\n"));

    settings.format = config::log_format::json;
    settings.file = here.path / "other.log";
    use_settings(*log, settings, open_outlet(settings));
    log->info("fifth");
    CHECK_THAT(contents(settings.file), Catch::EndsWith("\"message\":\"fifth\"}\n"));
}

TEST_CASE("a log file that is full is put aside", "[unit][log]")
{
    folder here;
    config::log_settings settings;
    settings.file = here.path / "agent.log";
    const auto log = make_logger(settings);
    const std::string text(max_log_message_bytes, 'x');
    for (std::size_t written = 0; written < (max_log_files + 2) * max_log_file_bytes;
         written += text.size()) {
        log->info("{}", text);
        if (written % (3 * max_log_file_bytes) == 0)
            use_settings(*log, settings,
                         open_outlet(settings)); // the count goes on in the file that is there
    }
    CHECK(fs::exists(here.path / "agent.1.log"));
    CHECK(fs::file_size(settings.file) <= max_log_file_bytes);
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(here.path))
        files += entry.is_regular_file() ? 1 : 0;
    CHECK(files == max_log_files);
}
