// relay-manual: writes the man pages and completions into a folder. A tool of the build; it is not installed.
#include "agent/app/version.hpp"
#include "service/commands/commands.hpp"
#include "service/manual/manual.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

using namespace relay::service;

std::string read_file(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in || text.empty())
        throw std::runtime_error(file.string() + " cannot be read");
    return text;
}

void write_file(const std::filesystem::path& folder, const generated_file& f)
{
    std::filesystem::create_directories(folder);
    std::ofstream out(folder / f.name, std::ios::binary);
    out << f.text;
    if (!out.flush())
        throw std::runtime_error((folder / f.name).string() + " cannot be written");
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3) {
        fmt::print(stderr, "usage: relay-manual CONFIGURATION FOLDER\n");
        return exit_usage;
    }
    try {
        const std::filesystem::path folder = argv[2];
        command_line line;
        add_all(line);
        for (const auto& page : man_pages(line.app(), std::string(relay::app::version()), read_file(argv[1])))
            write_file(folder / ("man" + page.name.substr(page.name.size() - 1)), page);
        write_file(folder / "bash", bash_completion(line.app()));
        write_file(folder / "zsh", zsh_completion(line.app()));
        return 0;
    } catch (const std::exception& e) {
        fmt::print(stderr, "relay-manual: {}\n", e.what());
        return exit_failure;
    }
}
