#include "agent/store/sqlite/damaged_files.hpp"

#include "common/time/rfc3339.hpp"

#include <algorithm>
#include <string>

namespace relay::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = ".damaged-";
constexpr std::uintmax_t smallest_page = 512;
constexpr const char* companions[] = {"-wal", "-shm", "-journal"};

bool is_companion(std::string_view name)
{
    return std::any_of(std::begin(companions), std::end(companions),
                       [&](std::string_view c) { return name.ends_with(c); });
}

// 20261122T101500Z
std::string stamp(utc_time t)
{
    auto text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(t));
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

fs::path with(const fs::path& file, std::string_view suffix)
{
    return fs::path(file) += suffix;
}

bool is_there(const fs::path& p)
{
    std::error_code ec;
    return fs::exists(fs::symlink_status(p, ec));
}

bool taken(const fs::path& name)
{
    return is_there(name) || std::any_of(std::begin(companions), std::end(companions),
                                         [&](auto c) { return is_there(with(name, c)); });
}

error_code move_if_there(const fs::path& from, const fs::path& to)
{
    std::error_code ec;
    if (is_there(from))
        fs::rename(from, to, ec);
    return error_code(ec.value(), boost::system::system_category());
}

std::uintmax_t size_of(const fs::path& file)
{
    std::error_code ec;
    const auto size = fs::file_size(file, ec);
    return ec ? 0 : size;
}

} // namespace

std::int64_t damaged_files(const fs::path& file)
{
    const auto prefix = file.filename().string() + std::string(mark);
    std::error_code ec;
    std::int64_t count = 0;
    for (fs::directory_iterator it(file.parent_path(), ec), end; !ec && it != end; it.increment(ec)) {
        const auto name = it->path().filename().string();
        count += name.starts_with(prefix) && !is_companion(name);
    }
    return count;
}

result<fs::path> set_aside(const fs::path& file, utc_time now)
{
    if (damaged_files(file) >= most_damaged_files)
        return errc::store_full;
    auto name = with(file, std::string(mark) + stamp(now));
    for (; taken(name); now += std::chrono::seconds(1))
        name = with(file, std::string(mark) + stamp(now));

    // The file goes first: a crash in between leaves a log without its file, which is told from a queue,
    // where the other way round would leave a queue that has lost its latest commits.
    if (const auto ec = move_if_there(file, name))
        return ec;
    for (const auto* suffix : companions)
        if (const auto ec = move_if_there(with(file, suffix), with(name, suffix)))
            return ec;
    return name;
}

std::string lost_content(const fs::path& file)
{
    const auto size = size_of(file);
    if (size == 0 && size_of(with(file, "-wal")) > 0)
        return "there is only its log";
    if (size > 0 && size < smallest_page && size_of(with(file, "-journal")) == 0)
        return "it is shorter than a page";
    return {};
}

} // namespace relay::store
