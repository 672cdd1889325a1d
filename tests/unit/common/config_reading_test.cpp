// A broken configuration, as far as it can be read: for whoever looks into what is wrong.
#include "common/config/load.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace relay;

namespace {

config::reading read_text(const std::filesystem::path& folder, std::string_view toml)
{
    const auto file = folder / "agent.toml";
    std::ofstream(file) << toml;
    return config::load_what_is_readable(file, {}, config::purpose::run, config::file_check::none);
}

} // namespace

TEST_CASE("what is right in a broken configuration is read, what is wrong keeps its default",
          "[unit][config]")
{
    const test::temporary_folder folder;
    const auto r =
        read_text(folder.path(), "[agent]\nname = \"hq-1\"\ndata_dir = \"data\"\n[log]\nlevel = \"loud\"\n"
                                 "[exchange]\nurll = \"x\"\n");
    CHECK(r.known.agent.name == "hq-1");
    CHECK(r.known.agent.data_dir == folder.path() / "data");
    CHECK(r.known.log.level == config::log_level::info);
    std::string wrong;
    for (const auto& m : r.wrong)
        wrong += config::format(m, "agent.toml") + '\n';
    CHECK_THAT(wrong, Catch::Contains("log.level") && Catch::Contains("urll"));
}

TEST_CASE("a configuration that cannot be read at all is one of defaults with a mistake", "[unit][config]")
{
    const test::temporary_folder folder;
    const auto no_toml = read_text(folder.path(), "[agent\n");
    CHECK(no_toml.known.agent.data_dir == config::default_data_dir());
    CHECK(!no_toml.wrong.empty());
    const auto absent = config::load_what_is_readable(folder.path() / "none.toml", {});
    CHECK(absent.known.agent.data_dir == config::default_data_dir());
    REQUIRE(absent.wrong.size() == 1);
    CHECK_THAT(absent.wrong.front().message, Catch::Contains("cannot be read"));
}
