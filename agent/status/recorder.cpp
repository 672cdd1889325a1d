#include "agent/status/recorder.hpp"

#include "agent/protocol/operation.hpp"

#include <algorithm>

namespace relay::status {
namespace {

constexpr std::size_t most_request_kinds = 24; // EWS operations that the agent uses, with room to spare
constexpr auto last_fault = static_cast<std::size_t>(protocol::fault_code::internal);

std::vector<std::string> names_of(const protocol::operation_catalog& catalog)
{
    std::vector<std::string> names;
    names.reserve(catalog.rows().size());
    for (const auto& o : catalog.rows())
        names.emplace_back(o.name);
    return names;
}

} // namespace

std::size_t outcome_column(const std::optional<protocol::fault_code>& fault) noexcept
{
    return fault ? 1 + std::min(static_cast<std::size_t>(*fault), last_fault) : 0;
}

std::string_view outcome_name(std::size_t column) noexcept
{
    return column == 0 ? "ok" : protocol::name(static_cast<protocol::fault_code>(column - 1));
}

std::size_t outcome_columns() noexcept
{
    return last_fault + 2;
}

recorder::recorder(time_source& time, const protocol::operation_catalog& catalog)
    : time_(time),
      started_(time.now()),
      operations_(names_of(catalog), 0, "unknown"),
      request_kinds_({}, most_request_kinds, "other"),
      commands_(operations_.rows(), outcome_columns()),
      requests_(request_kinds_.rows(), outcome_columns()),
      command_times_(operations_.rows()),
      hour_(minutes),
      listed_(most_listed)
{
}

void recorder::command_ended(const protocol::ended_command& c)
{
    const auto row = operations_.row_of(c.op);
    const auto outcome = outcome_column(c.fault);
    auto& now = this_minute();
    commands_.add(row, outcome);
    ++now.commands;
    now.commands_failed += c.fault ? 1 : 0;
    if (c.admitted) {
        command_times_[row].add(c.took);
        now.command_times.add(c.took);
    }

    auto& entry = listed_[ended_++ % most_listed];
    entry.at = time_.utc_now();
    entry.id_size = c.id.copy(entry.id_text.data(), entry.id_text.size());
    entry.op = row;
    entry.outcome = outcome;
    entry.attempts = c.attempts;
    entry.took = c.took;
}

void recorder::request_ended(std::string_view operation, std::optional<protocol::fault_code> fault,
                             duration took)
{
    requests_.add(request_kinds_.row_of(operation), outcome_column(fault));
    request_times_.add(took);
    auto& now = this_minute();
    now.request_times.add(took);
    now.requests_failed += fault ? 1 : 0;
}

minute& recorder::this_minute()
{
    const auto n = std::chrono::floor<std::chrono::minutes>(time_.now() - started_).count();
    constexpr auto ring = static_cast<std::int64_t>(minutes);
    // What lies between was idle: at most the whole ring is to be emptied.
    for (auto m = std::max(newest_ + 1, n - ring + 1); m <= n; ++m)
        hour_[static_cast<std::size_t>(m % ring)] = {};
    newest_ = std::max(newest_, n);
    return hour_[static_cast<std::size_t>(newest_ % ring)];
}

std::vector<minute> recorder::last_hour()
{
    this_minute();
    std::vector<minute> out;
    out.reserve(minutes);
    for (std::size_t i = 1; i <= minutes; ++i)
        out.push_back(hour_[(static_cast<std::size_t>(newest_) + i) % minutes]);
    return out;
}

std::vector<listed_command> recorder::last_commands() const
{
    std::vector<listed_command> out;
    const auto count = std::min(ended_, most_listed);
    out.reserve(count);
    for (std::size_t i = 1; i <= count; ++i)
        out.push_back(listed_[(ended_ - i) % most_listed]);
    return out;
}

} // namespace relay::status
