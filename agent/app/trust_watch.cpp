#include "agent/app/trust_watch.hpp"

#include "common/platform/private_files.hpp"

#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

namespace relay::app {
namespace {

// What counted last, one fingerprint a line, sorted; nothing if nobody has noted it yet.
std::optional<std::vector<std::string>> read_trust(const std::filesystem::path& file)
{
    constexpr std::size_t most = 1'000;
    std::ifstream in(file);
    if (!in)
        return std::nullopt;
    std::vector<std::string> all;
    for (std::string line; all.size() < most && std::getline(in, line);)
        all.push_back(line);
    return all;
}

void write_trust(const std::filesystem::path& file, const std::vector<std::string>& all)
{
    auto fresh = file;
    fresh += ".new";
    const auto text = fmt::format("{}\n", fmt::join(all, "\n"));
    if (!platform::write_synced(fresh, text, platform::readable_by::owner))
        platform::move_synced(fresh, file);
}

std::vector<std::string> without(const std::vector<std::string>& all, const std::vector<std::string>& some)
{
    std::vector<std::string> rest;
    std::ranges::set_difference(all, some, std::back_inserter(rest));
    return rest;
}

} // namespace

trust_watch::trust_watch(const asio::any_io_executor& executor, std::filesystem::path noted, parts p)
    : noted_(std::move(noted)),
      parts_(std::move(p)),
      changed_(executor)
{
}

task<void> trust_watch::run()
{
    for (;;) {
        co_await look();
        const auto ec = co_await changed_.wait();
        if (ec)
            co_return;
    }
}

// The file is written when log and audit have been told. A disk that hangs is asked again at the next start.
task<void> trust_watch::look()
{
    const auto last = std::make_shared<std::optional<std::vector<std::string>>>();
    const auto now = std::make_shared<std::vector<std::string>>();
    const std::function<void()> read = [=, file = noted_, trust = parts_.now()] {
        *last = read_trust(file);
        *now = enrolment::trusted_fingerprints(trust);
    };
    const auto hung = co_await parts_.disk(read);
    if (hung.failed() || *last == *now)
        co_return;
    const auto before = last->value_or(std::vector<std::string>());
    tell(store::audit_log::trust::added, without(*now, before), !last->has_value());
    tell(store::audit_log::trust::removed, without(before, *now), !last->has_value());
    const std::function<void()> write = [=, file = noted_] { write_trust(file, *now); };
    const auto unwritten = co_await parts_.disk(write);
    (void)unwritten; // then it is told again at the next start
}

// The first time nobody knows what counted before: that is no change, and only the log has it.
void trust_watch::tell(store::audit_log::trust what, const std::vector<std::string>& which, bool first_time)
{
    for (const auto& one : which)
        parts_.log.log(first_time ? spdlog::level::info : spdlog::level::warn,
                       "trust: {} {} for the cloud's certificate",
                       one == "system" ? "the system's trust store" : "the CA with SHA-256 " + one,
                       what == store::audit_log::trust::added ? "counts from now on" : "no longer counts");
    if (!first_time)
        parts_.audit.trust_changed(what, which);
}

} // namespace relay::app
