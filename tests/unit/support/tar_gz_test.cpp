#include "agent/support/tar_gz.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace relay;

namespace {

std::string content_of(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

const utc_time made =
    utc_time(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + std::chrono::hours(10));

// Opens the archive with the machine's own tar, which must find nothing to say about it.
void unpack(const std::string& archive, const std::filesystem::path& folder)
{
    std::ofstream(folder / "a.tar.gz", std::ios::binary) << archive;
    const auto command = "cd '" + folder.string() + "' && tar xzf a.tar.gz 2>said";
    REQUIRE(std::system(command.c_str()) == 0);
    CHECK(content_of(folder / "said").empty());
}

} // namespace

TEST_CASE("what went into an archive comes out of it with plain tar", "[unit][support]")
{
    std::string large;
    for (int i = 0; i < 300'000; ++i)
        large += std::to_string(i) + '\n';
    std::string binary(1024, '\0'); // whole blocks
    binary[17] = '\xff';
    const test::temporary_folder folder;
    support::tar_gz archive(made);
    archive.add("bundle/empty.txt", "");
    archive.add("bundle/one.txt", "x");
    archive.add("bundle/blocks", binary);
    archive.add("bundle/below/large.txt", large);
    const auto bytes = archive.finish();
    CHECK(bytes.size() < large.size());
    unpack(bytes, folder.path());

    const auto at = folder.path() / "bundle";
    CHECK(std::filesystem::exists(at / "empty.txt"));
    CHECK(content_of(at / "empty.txt").empty());
    CHECK(content_of(at / "one.txt") == "x");
    CHECK(content_of(at / "blocks") == binary);
    CHECK(content_of(at / "below" / "large.txt") == large);
    struct stat seen {};
    REQUIRE(::stat((at / "one.txt").c_str(), &seen) == 0);
    CHECK((seen.st_mode & 0777) == 0600);
    CHECK(seen.st_mtime == 1'795'341'600);
}

TEST_CASE("an archive without files is one that tar opens", "[unit][support]")
{
    const test::temporary_folder folder;
    unpack(support::tar_gz(made).finish(), folder.path());
}

TEST_CASE("a name that the format cannot hold is refused", "[unit][support]")
{
    support::tar_gz archive(made);
    CHECK_NOTHROW(archive.add(std::string(100, 'n'), "x"));
    CHECK_THROWS_AS(archive.add(std::string(101, 'n'), "x"), std::length_error);
    CHECK_THROWS_AS(archive.add("", "x"), std::length_error);
}
