#include "agent/admin/client.hpp"
#include "agent/store/offline/drop_waiting.hpp"
#include "agent/support/queue_texts.hpp"
#include "common/log/line_formatter.hpp"
#include "common/time/rfc3339.hpp"
#include "service/commands/commands.hpp"
#include "service/load_or_tell.hpp"

#include <boost/asio/error.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>
#include <thread>

namespace relay::service {
namespace {

using store::entry_state;
using store::queue_entry;
using support::plain_text;
using support::table_head;
using support::table_line;
using support::to_full_json;
using support::to_json;
using support::why_unreadable;

constexpr std::size_t page_size = 500; // entries read at a time: no reader holds the queue's log up for long
constexpr milliseconds patience{5'000};
constexpr std::chrono::seconds longest_wait_for_result{10};
constexpr std::chrono::milliseconds between_looks{50};

// What every command here needs first.
struct opened_queue {
    std::filesystem::path folder;
    std::unique_ptr<store::queue_reader> reader;
};

std::optional<opened_queue> open_or_tell(const std::filesystem::path& config_file)
{
    // Whoever looks at the queue need not have a whole configuration, nor be allowed to read its secrets.
    const auto settings = load_or_tell(config_file, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return std::nullopt;
    opened_queue q{settings->agent.data_dir, nullptr};
    std::string problem;
    auto reader = store::queue_reader::open(q.folder, &problem);
    if (reader.has_error()) {
        refuse(why_unreadable(reader.error(), q.folder, problem));
        return std::nullopt;
    }
    q.reader = std::move(*reader);
    return q;
}

// Calls `each` for every entry, in the order received; the exit code.
int for_all(opened_queue& q, const std::function<void(const queue_entry&)>& each)
{
    for (std::int64_t after = 0;;) {
        const auto page = q.reader->page(after, page_size);
        if (page.has_error())
            return refuse(why_unreadable(page.error(), q.folder, {}));
        if (page->empty())
            return 0;
        for (const auto& e : *page)
            each(e);
        after = page->back().n;
    }
}

int unknown_id(const std::string& id)
{
    return refuse(fmt::format("the queue holds no write {}: it never came, or it finished longer ago than "
                              "queue.history_days; see queue list",
                              id));
}

// ---- looking ----

int list_as_json(opened_queue& q)
{
    bool first = true;
    fmt::print("[");
    const auto code = for_all(q, [&](const queue_entry& e) {
        fmt::print("{}{}", first ? "" : ",\n ", boost::json::serialize(to_json(e)));
        first = false;
    });
    fmt::print("]\n");
    return code;
}

int list_for_people(opened_queue& q)
{
    std::array<std::size_t, 4> count{};
    bool first = true;
    const auto code = for_all(q, [&](const queue_entry& e) {
        if (first)
            fmt::print("{}", table_head());
        first = false;
        ++count.at(static_cast<std::size_t>(e.state));
        fmt::print("{}", table_line(e));
    });
    if (code != 0)
        return code;
    fmt::print("{}{} waiting, {} running, {} finished, {} acknowledged\n", first ? "" : "\n", count[0],
               count[1], count[2], count[3]);
    const auto others = q.reader->other_messages();
    if (others.has_value() && *others > 0)
        fmt::print("beside them {} other messages wait for the cloud's acknowledgement\n", *others);
    return 0;
}

int list(const std::filesystem::path& config, bool as_json)
{
    auto q = open_or_tell(config);
    if (!q)
        return exit_failure;
    return as_json ? list_as_json(*q) : list_for_people(*q);
}

// Opens the queue, finds the write `id` in it and hands over both; the exit code, also where there is none.
int with_entry(const std::filesystem::path& config, const std::string& id,
               const std::function<int(opened_queue&, const queue_entry&)>& use)
{
    auto q = open_or_tell(config);
    if (!q)
        return exit_failure;
    const auto found = q->reader->find(id);
    if (found.has_error())
        return refuse(why_unreadable(found.error(), q->folder, {}));
    return *found ? use(*q, **found) : unknown_id(id);
}

int show(const queue_entry& e, bool as_json)
{
    if (as_json)
        fmt::print("{}\n", boost::json::serialize(to_full_json(e)));
    else
        fmt::print("{}", plain_text(e));
    return 0;
}

int export_all(const std::filesystem::path& config)
{
    auto q = open_or_tell(config);
    if (!q)
        return exit_failure;
    return for_all(*q,
                   [](const queue_entry& e) { fmt::print("{}\n", boost::json::serialize(to_full_json(e))); });
}

// ---- changing ----

int tell(const admin::answer& a)
{
    if (!a.ok)
        return refuse(a.message);
    fmt::print("{}\n", printable(a.message));
    return 0;
}

int cannot_ask(error_code ec, const std::filesystem::path& folder)
{
    return refuse(
        fmt::format("the agent cannot be asked over {}: {}; run this as root or as the user that the "
                    "agent runs as",
                    admin::socket_in(folder).string(), ec.message()));
}

int refuse_locked(const std::filesystem::path& folder)
{
    return refuse(
        fmt::format("an agent runs on {}, but nobody listens on {}: it is starting or stopping; try "
                    "again in a moment (its log says where it cannot listen there)",
                    folder.string(), admin::socket_in(folder).string()));
}

// The exit code where the write is over already.
std::optional<int> told_over(const queue_entry& e, std::string_view verb)
{
    if (!e.finished_at)
        return std::nullopt;
    return refuse(fmt::format(
        "{} is not {}: it finished at {}, and the cloud {}", e.id, verb, format_rfc3339(*e.finished_at),
        e.state == entry_state::acknowledged ? "holds its result" : "is sent its result"));
}

std::string_view why_not(store::drop_verdict v)
{
    return v == store::drop_verdict::redelivered
               ? "another agent may have carried it out already, and only looking it up in Exchange tells; "
                 "the agent does that when it runs"
               : "a try of it was begun, and whether that took effect in Exchange is not known; the agent "
                 "looks it up when it runs, and then tells the cloud what is true";
}

int retry(const opened_queue& q, const queue_entry& e)
{
    if (const auto code = told_over(e, "tried"))
        return *code;
    const auto answered = admin::ask(admin::socket_in(q.folder), {"queue.retry", e.id}, patience);
    if (answered.has_value())
        return tell(*answered);
    if (answered.error() != errc::not_found)
        return cannot_ask(answered.error(), q.folder);
    fmt::print("no agent runs on {}: {} is tried when it starts\n", q.folder.string(), printable(e.id));
    return 0;
}

// The agent grants a drop before the result is on the disk: done is what the queue says.
int wait_for_result(opened_queue& q, const std::string& id, const admin::answer& granted)
{
    const auto until = std::chrono::steady_clock::now() + longest_wait_for_result;
    for (;;) {
        const auto found = q.reader->find(id);
        if (found.has_value() && *found && (*found)->finished_at)
            return tell(granted);
        if (std::chrono::steady_clock::now() >= until)
            return refuse(fmt::format("the agent is dropping {}, but its result is not stored yet: see queue "
                                      "show, and the agent's log",
                                      id));
        std::this_thread::sleep_for(between_looks);
    }
}

int drop_without_agent(const opened_queue& q, const std::string& id)
{
    std::string problem;
    const auto verdict = store::drop_waiting(q.folder, id, real_time().utc_now(), &problem);
    if (verdict.has_error() && verdict.error() == errc::store_locked)
        return refuse_locked(q.folder);
    if (verdict.has_error())
        return refuse(fmt::format("{} is not dropped: {}{}", id, verdict.error().message(),
                                  problem.empty() ? "" : fmt::format(" ({})", problem)));
    switch (*verdict) {
    case store::drop_verdict::dropped:
        fmt::print("{} is dropped; the cloud is told that it was cancelled when the agent starts\n",
                   printable(id));
        return 0;
    case store::drop_verdict::unknown:
        return unknown_id(id);
    case store::drop_verdict::finished:
        return refuse(fmt::format("{} is not dropped: it has its result", id));
    case store::drop_verdict::outcome_unknown:
    case store::drop_verdict::redelivered:
        break;
    }
    return refuse(fmt::format("{} is not dropped: {}", id, why_not(*verdict)));
}

int drop(opened_queue& q, const queue_entry& e, bool confirmed)
{
    if (const auto code = told_over(e, "dropped"))
        return *code;
    if (!confirmed) {
        if (const auto v = may_drop(e); v != store::drop_verdict::dropped)
            return refuse(fmt::format("{} cannot be dropped: {}", e.id, why_not(v)));
        fmt::print("This would be dropped, and the cloud told that it was cancelled:\n\n{}\n", plain_text(e));
        return refuse("nothing was changed; to drop it, repeat this with --yes", exit_usage);
    }
    const auto answered = admin::ask(admin::socket_in(q.folder), {"queue.drop", e.id}, patience);
    if (answered.has_value())
        return answered->ok ? wait_for_result(q, e.id, *answered) : tell(*answered);
    if (answered.error() != errc::not_found)
        return cannot_ask(answered.error(), q.folder);
    return drop_without_agent(q, e.id);
}

struct options {
    std::string id;
    bool json = false;
    bool yes = false;
};

} // namespace

void add_queue(command_line& line)
{
    auto* group = line.add_group("queue", "Look at the accepted writes: what waits and what finished");
    const auto given = std::make_shared<options>();
    const auto takes_id = [&](CLI::App* command) {
        command->add_option("ID", given->id, "The command's id")->required();
    };
    const auto takes_json = [&](CLI::App* command) {
        command->add_flag("--json", given->json, "As JSON, for scripts");
    };

    auto* command = line.add(group, "list", "One line for each write, in the order received");
    takes_json(command);
    line.does(command, [given](const auto& config) { return list(config, given->json); });

    command = line.add(group, "show", "What is known of one write");
    takes_id(command);
    takes_json(command);
    line.does(command, [given](const auto& config) {
        return with_entry(config, given->id, [&](auto&, const auto& e) { return show(e, given->json); });
    });

    line.does(line.add(group, "export", "All of them as JSON lines, with every field"), export_all);

    command = line.add(group, "retry", "Have the running agent try a write that waits now");
    takes_id(command);
    line.does(command, [given](const auto& config) { return with_entry(config, given->id, retry); });

    command = line.add(group, "drop",
                       "End a write that waits, and tell the cloud that it was cancelled; never one whose "
                       "outcome is unknown");
    takes_id(command);
    command->add_flag("--yes", given->yes, "Do it; without this it is only told what would be dropped");
    line.does(command, [given](const auto& config) {
        return with_entry(config, given->id, [&](auto& q, const auto& e) { return drop(q, e, given->yes); });
    });
}

} // namespace relay::service
