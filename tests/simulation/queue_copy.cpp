#include "tests/simulation/queue_copy.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <string_view>

namespace relay::simulation {
namespace {

constexpr std::array<std::string_view, 4> queue_files{"queue.db", "queue.db-wal", "queue.db-shm", "lock"};

bool holds_data(std::string_view file)
{
    return file == "queue.db" || file == "queue.db-wal";
}

} // namespace

queue_copy queue_copy::of(const std::filesystem::path& folder)
{
    queue_copy copy;
    for (const auto name : queue_files) {
        std::ifstream in(folder / name, std::ios::binary);
        if (holds_data(name) && in)
            copy.files_[std::string(name)] = {std::istreambuf_iterator<char>(in), {}};
    }
    return copy;
}

void queue_copy::put_back(const std::filesystem::path& folder) const
{
    for (const auto name : queue_files)
        std::filesystem::remove(folder / name);
    for (const auto& [name, contents] : files_)
        std::ofstream(folder / name, std::ios::binary) << contents;
}

} // namespace relay::simulation
