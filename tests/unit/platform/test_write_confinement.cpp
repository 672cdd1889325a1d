#include "common/platform/write_confinement.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

using namespace relay;
using namespace relay::platform;
using relay::test::temporary_folder;

namespace fs = std::filesystem;

namespace {

bool kernel_knows()
{
    // In a child: what is given up does not come back.
    const auto child = ::fork();
    if (child == 0) {
        const std::vector<fs::path> root{"/"};
        const auto done = write_only_in(root);
        ::_exit(done.has_value() && *done == write_confinement::in_force ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0;
}

// Whether `holds` in a child that may write in `folder` alone.
bool confined(const fs::path& folder, const std::function<bool()>& holds)
{
    const auto child = ::fork();
    if (child == 0) {
        const std::vector<fs::path> folders{folder, folder / "is not there"};
        const auto done = write_only_in(folders);
        ::_exit(done.has_value() && holds() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0;
}

bool can_write(const fs::path& file)
{
    return std::ofstream(file, std::ios::app).put('x').flush().good();
}

bool can_read(const fs::path& file)
{
    return std::ifstream(file).get() != std::ifstream::traits_type::eof();
}

struct folders {
    folders()
    {
        fs::create_directory(inside);
        fs::create_directory(outside);
        std::ofstream(outside / "there") << "x";
        std::ofstream(inside / "there") << "x";
    }
    temporary_folder all;
    fs::path inside = all.path() / "inside", outside = all.path() / "outside";
};

} // namespace

TEST_CASE(
    "a confined process cannot open a file outside of its folders for writing, nor make, move or remove one",
    "[unit][platform]")
{
    if (!kernel_knows()) {
        WARN("skipped: this kernel has no Landlock, or keeps it from us");
        return;
    }
    const folders f;
    CHECK(confined(f.inside, [&] { return !can_write(f.outside / "there"); }));
    CHECK(confined(f.inside, [&] { return !can_write(f.outside / "new"); }));
    CHECK(confined(f.inside, [&] { return ::truncate((f.outside / "there").c_str(), 0) != 0; }));
    CHECK(confined(f.inside, [&] { return ::unlink((f.outside / "there").c_str()) != 0; }));
    CHECK(confined(f.inside, [&] { return ::mkdir((f.outside / "new").c_str(), 0700) != 0; }));
    CHECK(confined(f.inside,
                   [&] { return ::rename((f.inside / "there").c_str(), (f.outside / "new").c_str()) != 0; }));
    CHECK(confined(f.inside, [&] {
        // A link in its folder is no way out.
        return ::symlink((f.outside / "there").c_str(), (f.inside / "link").c_str()) == 0 &&
               !can_write(f.inside / "link");
    }));
    CHECK(fs::file_size(f.outside / "there") == 1);
}

TEST_CASE("a confined process reads as before and does as it likes in its folders", "[unit][platform]")
{
    const folders f;
    CHECK(confined(f.inside, [&] { return can_read(f.outside / "there") && can_read("/etc/passwd"); }));
    CHECK(confined(f.inside, [&] {
        fs::create_directories(f.inside / "a" / "b");
        return can_write(f.inside / "there") && can_write(f.inside / "a" / "new") &&
               ::rename((f.inside / "a" / "new").c_str(), (f.inside / "a" / "b" / "old").c_str()) == 0 &&
               ::unlink((f.inside / "a" / "b" / "old").c_str()) == 0;
    }));
    CHECK(confined(f.inside, [] { return can_write("/dev/null"); }));
}

TEST_CASE("threads and programs that a confined process starts are confined too", "[unit][platform]")
{
    if (!kernel_knows()) {
        WARN("skipped: this kernel has no Landlock, or keeps it from us");
        return;
    }
    const folders f;
    CHECK(confined(f.inside, [&] {
        bool wrote = true;
        std::thread([&] { wrote = can_write(f.outside / "there"); }).join();
        return !wrote;
    }));
    const auto script = [&](const fs::path& file) { return "echo x 2> /dev/null > " + file.string(); };
    CHECK(confined(f.inside, [&] { return std::system(script(f.outside / "there").c_str()) != 0; }));
    CHECK(confined(f.inside, [&] { return std::system(script(f.inside / "there").c_str()) == 0; }));
}
