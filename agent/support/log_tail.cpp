#include "agent/support/log_tail.hpp"

#include "common/log/logger.hpp"
#include "common/platform/run_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace relay::support {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view unit = "workestra-relay";
constexpr std::chrono::seconds journal_patience{30};
constexpr int most_journal_lines = 100'000;
constexpr std::size_t most_journal_bytes = 64 * 1024 * 1024; // that are read before the newest are taken

// The last `most` bytes of `text`, from the beginning of a line on.
std::string newest(std::string text, std::size_t most)
{
    if (text.size() <= most)
        return text;
    const auto line = text.find('\n', text.size() - most);
    text.erase(0, line == text.npos ? text.size() - most : line + 1);
    return text;
}

// As spdlog names them: agent.log, agent.1.log (the one before), agent.2.log, …
fs::path rotated(const fs::path& file, std::size_t number)
{
    if (number == 0)
        return file;
    return file.parent_path() /
           fmt::format("{}.{}{}", file.stem().string(), number, file.extension().string());
}

struct piece {
    std::string text;
    bool whole = true;
    int error = 0;
};

// The last `most` bytes of `file`, perhaps beginning in the middle of a line.
piece read_end(const fs::path& file, std::size_t most)
{
    errno = 0;
    std::ifstream in(file, std::ios::binary | std::ios::ate);
    if (!in)
        return {{}, true, errno != 0 ? errno : EIO};
    const auto size = static_cast<std::size_t>(std::max<std::streamoff>(in.tellg(), 0));
    const auto wanted = std::min(size, most);
    piece p{std::string(wanted, '\0'), wanted == size, 0};
    in.seekg(static_cast<std::streamoff>(size - wanted));
    in.read(p.text.data(), static_cast<std::streamsize>(wanted));
    p.text.resize(static_cast<std::size_t>(in.gcount()));
    return p;
}

} // namespace

log_part log_files(const fs::path& file, std::size_t most_bytes)
{
    log_part all;
    for (std::size_t i = 0; i < max_log_files && all.text.size() < most_bytes; ++i) {
        auto p = read_end(rotated(file, i), most_bytes - all.text.size());
        if (p.error != 0) {
            if (i == 0)
                all.note = fmt::format("{} cannot be read: {}", file.string(),
                                       std::generic_category().message(p.error));
            break;
        }
        if (!p.whole) {
            const auto line = p.text.find('\n');
            p.text.erase(0, line == p.text.npos ? p.text.size() : line + 1);
            all.note =
                fmt::format("the newest {} MiB; what is older is left out", most_bytes / (1024 * 1024));
        }
        all.text.insert(0, p.text);
        if (!p.whole)
            break; // what is older would not join
    }
    return all;
}

log_part journal(std::chrono::hours age, std::size_t most_bytes)
{
    std::error_code ec;
    const std::string program =
        fs::exists("/usr/bin/journalctl", ec) ? "/usr/bin/journalctl" : "/bin/journalctl";
    if (!fs::exists(program, ec))
        return {{},
                "the log goes to standard error, and this machine has no journalctl that would have kept it"};
    auto got = platform::run_command(
        {program, "--quiet", "--no-pager", "--output=short-iso", fmt::format("--unit={}", unit),
         fmt::format("--since=-{}h", age.count()), fmt::format("--lines={}", most_journal_lines)},
        journal_patience, most_journal_bytes);
    if (got.has_error())
        return {{},
                "journalctl gave nothing of use; run this as root or as somebody who may read the journal"};
    if (got->empty())
        return {{}, fmt::format("the journal holds nothing of the unit {} that may be read here", unit)};
    return {newest(std::move(*got), most_bytes), {}};
}

} // namespace relay::support
