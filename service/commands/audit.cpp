#include "agent/store/offline/audit_reader.hpp"
#include "agent/support/queue_texts.hpp"
#include "common/time/rfc3339.hpp"
#include "service/commands/commands.hpp"
#include "service/load_or_tell.hpp"

#include <fmt/format.h>

#include <charconv>
#include <memory>

namespace relay::service {
namespace {

struct wanted {
    std::string since;
    bool verify = false;
};

// RFC 3339, or how long ago: 30m, 24h, 7d.
std::optional<utc_time> parse_since(const std::string& text)
{
    if (const auto time = parse_rfc3339(text); time.has_value())
        return *time;
    constexpr std::int64_t longest = 1'000'000;
    std::int64_t count = 0;
    const auto* end = text.data() + text.size();
    const auto [unit, ec] = std::from_chars(text.data(), end, count);
    if (ec != std::errc() || unit + 1 != end || count < 0 || count > longest)
        return std::nullopt;
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    switch (*unit) {
    case 'm':
        return now - std::chrono::minutes(count);
    case 'h':
        return now - std::chrono::hours(count);
    case 'd':
        return now - std::chrono::days(count);
    default:
        return std::nullopt;
    }
}

std::string cannot_read(error_code ec, const std::filesystem::path& folder, const std::string& problem)
{
    if (ec == errc::not_found)
        return fmt::format(
            "there is no audit in {} yet: the agent begins it when it runs; if it runs elsewhere, set "
            "agent.data_dir or name its --config",
            folder.string());
    return support::why_unreadable(ec, folder, problem); // it is kept in the file of the queue
}

// The verdict, in lines of its own.
int tell_verdict(const store::audit_verdict& v, const std::filesystem::path& folder)
{
    for (const auto& what : v.findings)
        fmt::print("{}\n", what);
    if (v.more_findings != 0)
        fmt::print("and {} more like these\n", v.more_findings);
    if (v.sound()) {
        if (v.entries == 0)
            fmt::print("nothing to check: no entries\n");
        else
            fmt::print("sound: {} entries, {} to {}\n", v.entries, v.first, v.last);
        fmt::print("the last entry ever is {}, its hash {}\n", v.head.last,
                   store::audit_hex(v.head.last_hash));
        return 0;
    }
    return refuse(
        fmt::format("the audit in {} was changed from outside; keep a copy of the data folder, and compare "
                    "with the hashes in the agent's log",
                    folder.string()));
}

int tell_audit(const std::filesystem::path& config_file, const wanted& w)
{
    const auto since = w.since.empty() ? utc_time{} : parse_since(w.since);
    if (!since)
        return refuse("--since takes a time such as 2026-11-22T10:00:00Z, or how long ago: 30m, 24h, 7d",
                      exit_usage);
    // The reader need not hold the agent's secrets, nor does the rest of the configuration matter.
    const auto settings = load_or_tell(config_file, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return exit_failure;
    const auto& folder = settings->agent.data_dir;
    std::string problem;
    auto log = store::audit_reader::open(folder, &problem);
    if (log.has_error())
        return refuse(cannot_read(log.error(), folder, problem));

    if (w.verify) {
        const auto verdict = log->verify(w.since.empty() ? std::nullopt : since);
        if (verdict.has_error())
            return refuse(cannot_read(verdict.error(), folder, log->last_problem()));
        return tell_verdict(*verdict, folder);
    }
    const auto told = log->each(*since, [](const std::string& line) { fmt::print("{}\n", line); });
    if (told.has_error())
        return refuse(cannot_read(told.error(), folder, log->last_problem()));
    return 0;
}

} // namespace

void add_audit(command_line& line)
{
    auto* command =
        line.add("audit", "List what became of every command, as JSON lines; or check that nobody changed "
                          "that list");
    const auto asked = std::make_shared<wanted>();
    command->add_option("--since", asked->since, "Only from then on: 2026-11-22T10:00:00Z, or 24h, 7d ago");
    command->add_flag(
        "--verify", asked->verify,
        "List nothing, but find every entry that was changed, removed, moved or cut off: exit code 1 "
        "where there is one");
    line.does(command, [asked](const auto& config) { return tell_audit(config, *asked); });
}

} // namespace relay::service
