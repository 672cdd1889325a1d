#include "agent/support/bundle.hpp"

#include "agent/status/own_agent.hpp"
#include "agent/store/offline/queue_reader.hpp"
#include "agent/support/log_tail.hpp"
#include "agent/support/queue_texts.hpp"
#include "agent/support/tar_gz.hpp"
#include "agent/support/versions.hpp"
#include "common/log/line_formatter.hpp"
#include "common/time/rfc3339.hpp"
#include "common/tls/tls.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <deque>
#include <filesystem>
#include <iterator>

namespace relay::support {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using depth = redaction::depth;

constexpr milliseconds status_patience{10'000};
constexpr std::chrono::hours journal_age{7 * 24};
constexpr std::size_t page_size = 500;

std::string line_of(const json::object& o)
{
    return json::serialize(o) + '\n';
}

member configuration(const sources& from)
{
    member m{"config.toml", {}, {}, {}};
    if (!from.configuration.wrong.empty()) {
        m.note = "the configuration has mistakes, see config-mistakes.txt; this is what could be read of it";
        m.content = "# What could be read: see config-mistakes.txt.\n";
    }
    m.content += config::to_toml(from.configuration.known);
    return m;
}

member mistakes(const sources& from)
{
    member m{"config-mistakes.txt", {}, {}, {}};
    for (const auto& wrong : from.configuration.wrong)
        m.content += config::format(wrong, from.config_file) + '\n';
    if (m.content.empty())
        m.content = "none\n";
    return m;
}

// Why the running agent cannot be asked; empty where it can.
std::string why_not_asked(const sources& from)
{
    const auto& known = from.configuration.known;
    if (!known.status.listen || known.status.listen->port == 0)
        return "the running agent cannot be asked: status.listen names no port";
    const auto own = status::ask_own_agent(*known.status.listen, known.agent.data_dir, status_patience);
    if (own.has_error() && own.error() == errc::not_found)
        return fmt::format(
            "what answers on {}:{} (status.listen) is another agent, not the one that works on {}",
            known.status.listen->address, known.status.listen->port, known.agent.data_dir.string());
    return {};
}

// What the running agent answers, or why it does not.
member asked(const sources& from, const std::string& why_not, std::string name, std::string_view path)
{
    member m{std::move(name), {}, {}, {}};
    const auto& listen = from.configuration.known.status.listen;
    if (!why_not.empty()) {
        m.note = why_not;
    } else if (auto got = status::fetch(*listen, path, status_patience); got.has_error()) {
        m.note = fmt::format("no agent answers on {}:{} (status.listen): {}", listen->address, listen->port,
                             got.error().message());
    } else if (got->status != 200) {
        m.note = fmt::format("what answers on {}:{} (status.listen) says {}", listen->address, listen->port,
                             got->status);
    } else {
        m.content = std::move(got->body);
    }
    return m;
}

member doctors_report(const sources& from)
{
    member m{"doctor.json", {}, {}, {}};
    try {
        m.content = line_of(from.doctor());
    } catch (const std::exception& e) {
        m.note = fmt::format("the checks broke off: {}", e.what());
    }
    return m;
}

member queue(const sources& from)
{
    member m{"queue.jsonl", {}, {}, {}};
    const auto& folder = from.configuration.known.agent.data_dir;
    std::string problem;
    const auto reader = store::queue_reader::open(folder, &problem);
    if (reader.has_error()) {
        m.note = why_unreadable(reader.error(), folder, problem);
        return m;
    }
    std::size_t owed = 0, left_out = 0;
    std::deque<std::string> ended; // the newest
    for (std::int64_t after = 0;;) {
        const auto page = (*reader)->page(after, page_size);
        if (page.has_error()) {
            m.note = why_unreadable(page.error(), folder, {});
            break;
        }
        if (page->empty())
            break;
        for (const auto& e : *page) {
            if (!e.finished_at && owed++ < most_queue_entries) {
                m.content += line_of(to_full_json(e));
            } else if (!e.finished_at) {
                ++left_out;
            } else {
                ended.push_back(line_of(to_full_json(e)));
            }
            if (ended.size() > most_queue_entries) {
                ended.pop_front();
                ++left_out;
            }
        }
        after = page->back().n;
    }
    for (const auto& line : ended)
        m.content += line;
    if (left_out > 0)
        m.note = fmt::format("{} older entries are left out", left_out);
    return m;
}

member certificate(const sources& from)
{
    member m{"certificate.json", {}, {}, {}};
    const auto& c = from.configuration.known.cloud;
    const auto facts = tls::read_certificate(c.certificate_file, c.private_key_file);
    if (facts.has_error()) {
        m.note = facts.error().message;
        return m;
    }
    m.content = line_of({{"file", c.certificate_file.string()},
                         {"subject", facts->subject},
                         {"issuer", facts->issuer},
                         {"not_before", format_rfc3339(facts->not_before)},
                         {"not_after", format_rfc3339(facts->not_after)},
                         {"chain", facts->chain},
                         {"matches_key", facts->matches_key}});
    return m;
}

// Names, sizes and rights; nothing of what is in the files.
member data_folder(const sources& from)
{
    member m{"data-folder.txt", {}, {}, {}};
    const auto& folder = from.configuration.known.agent.data_dir;
    std::error_code ec;
    fs::recursive_directory_iterator i(folder, fs::directory_options::skip_permission_denied, ec);
    for (std::size_t count = 0; !ec && i != fs::recursive_directory_iterator() && count < 1000; ++count) {
        std::error_code unknown;
        const auto mode = static_cast<unsigned>(i->symlink_status(unknown).permissions()) & 07777U;
        const auto size = i->is_regular_file(unknown) ? i->file_size(unknown) : 0;
        fmt::format_to(std::back_inserter(m.content), "{:04o} {:>12} {}\n", mode, unknown ? 0 : size,
                       printable(i->path().lexically_relative(folder).string()));
        i.increment(ec);
    }
    if (ec)
        m.note = fmt::format("{} cannot be listed: {}", folder.string(), ec.message());
    return m;
}

member log(const sources& from)
{
    const auto& file = from.configuration.known.log.file;
    auto part = file.empty() ? journal(journal_age, most_log_bytes) : log_files(file, most_log_bytes);
    return {"agent.log", std::move(part.text), {}, std::move(part.note)};
}

std::string removed_text(const redaction::tally& t)
{
    if (t.secrets == 0 && t.addresses == 0)
        return "-";
    return fmt::format("{} secrets, {} addresses", t.secrets, t.addresses);
}

member contents(const sources& from, const std::vector<member>& members)
{
    member m{"contents.txt", {}, {}, {}};
    const auto out = std::back_inserter(m.content);
    fmt::format_to(out, "Support bundle of Workestra Relay {}, made {}\n\n{:<22}{:>12}  {}\n",
                   from.agent_version, format_rfc3339(from.now), "file", "bytes", "taken out");
    for (const auto& other : members) {
        fmt::format_to(out, "{:<22}{:>12}  {}\n", other.name, other.content.size(),
                       removed_text(other.removed));
        if (!other.note.empty())
            fmt::format_to(out, "{:<22}{}\n", "", other.note);
    }
    m.content += "\nSecrets are replaced by ***, e-mail addresses in the log by <address N>. Subjects, "
                 "bodies, places and\n"
                 "attendees of meetings are nowhere in here, nor is the private key.\n";
    for (const auto& remark : from.remarks)
        m.content += remark + '\n';
    return m;
}

} // namespace

std::vector<member> collect(const sources& from, redaction& clean)
{
    std::vector<member> members;
    const auto add = [&](member m, depth d = depth::secrets) {
        m.content = clean.clean(m.content, d, m.removed);
        m.note = clean.clean(m.note, d, m.removed);
        members.push_back(std::move(m));
    };
    add(configuration(from));
    add(mistakes(from));
    const auto why_not = why_not_asked(from);
    add(asked(from, why_not, "status.json", "/api/status"), depth::secrets_and_addresses);
    add(asked(from, why_not, "history.json", "/api/history"), depth::secrets_and_addresses);
    add(asked(from, why_not, "metrics.txt", "/metrics"));
    add(doctors_report(from), depth::secrets_and_addresses);
    add(queue(from));
    add(certificate(from));
    add({"versions.json", line_of(versions(from.agent_version)), {}, {}});
    add(data_folder(from));
    add(log(from), depth::secrets_and_addresses);
    members.insert(members.begin(), contents(from, members));
    return members;
}

std::string pack(const std::vector<member>& members, std::string_view folder, utc_time now)
{
    tar_gz archive(now);
    for (const auto& m : members)
        archive.add(fmt::format("{}/{}", folder, m.name), m.content.empty() ? m.note + '\n' : m.content);
    return archive.finish();
}

} // namespace relay::support
