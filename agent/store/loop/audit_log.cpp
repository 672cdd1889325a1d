#include "agent/store/loop/audit_log.hpp"

#include "agent/store/loop/retention.hpp"
#include "common/log_event/log_event.hpp"
#include "common/time/backoff.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

namespace relay::store {
namespace {

using protocol::ended_command;

constexpr backoff::limits write_retry{500ms, 5s};
constexpr duration between_heads = 24h;
constexpr duration between_rounds = 1h;
constexpr duration most_a_round = 24h; // of the log's own time
constexpr std::size_t forgotten_a_call = 500;
constexpr duration longest_rest = 24h; // whoever notes something ends it

std::string_view outcome_of(const ended_command& c)
{
    switch (c.how) {
    case ended_command::answer::id_reused:
        return audit_entry::id_reused;
    case ended_command::answer::none:
        return audit_entry::unanswered;
    case ended_command::answer::result:
        break;
    }
    return c.fault ? protocol::name(*c.fault) : "ok";
}

std::size_t size_of(const audit_entry& e)
{
    auto bytes = sizeof(audit_entry) + e.mailbox.size() + e.session.size() + e.event_id.size();
    for (const auto& one : e.addresses)
        bytes += sizeof(one) + one.size();
    return bytes;
}

} // namespace

audit_log::audit_log(const asio::any_io_executor& executor, queue_store& store, time_source& time,
                     spdlog::logger& log)
    : store_(store),
      time_(time),
      log_(log),
      noted_(executor)
{
}

void audit_log::command_ended(const ended_command& c)
{
    if (c.stored)
        return; // finish() does it
    if (gather(c))
        return;
    // What was carried out is noted in any case: works() keeps more of it from coming.
    if (!c.admitted && waiting_.size() >= most_waiting) {
        ++unrecorded_;
        return;
    }
    audit_entry e;
    e.at = time_.utc_now();
    e.id = c.id;
    e.session = c.session;
    e.op = cut_to(c.op, audit_entry::longest_op);
    e.mailbox = cut_to(c.mailbox, audit_entry::longest_mailbox);
    e.event_id = c.event_id;
    e.outcome = outcome_of(c);
    e.attempts = c.attempts;
    e.took = c.took;
    if (!c.mailboxes.empty()) {
        e.mailboxes = static_cast<std::int64_t>(c.mailboxes.size());
        if (c.mailboxes.size() <= audit_entry::most_addresses)
            for (const auto& m : c.mailboxes)
                e.addresses.push_back(m.str());
    }
    put(std::move(e));
    noted_.notify();
}

// True where it is only counted.
bool audit_log::gather(const ended_command& c)
{
    const bool asked_nothing = !c.admitted || c.attempts == 0;
    if (!asked_nothing)
        return false;
    if (!window_end_) {
        window_end_ = time_.now() + window;
        alone_ = 0;
        noted_.notify();
    }
    if (alone_ < most_alone) {
        ++alone_;
        return false;
    }
    // The name of an unknown operation is whatever the cloud likes.
    auto op = c.fault == protocol::fault_code::unsupported_operation ? std::string()
                                                                     : cut_to(c.op, audit_entry::longest_op);
    std::pair kind(std::move(op), std::string(outcome_of(c)));
    if (!gathered_.contains(kind) && gathered_.size() >= most_kinds)
        kind.first.clear();
    auto& e = gathered_[kind];
    if (!e.commands) {
        e.session = c.session;
        e.op = kind.first;
        e.outcome = kind.second;
        e.commands = 0;
    }
    if (e.session != c.session)
        e.session.clear(); // of several
    ++*e.commands;
    e.at = time_.utc_now();
    return true;
}

void audit_log::end_window()
{
    window_end_.reset();
    for (auto& [kind, e] : gathered_)
        put(std::move(e));
    gathered_.clear();
}

void audit_log::put(audit_entry e)
{
    waiting_bytes_ += size_of(e);
    waiting_.push_back(std::move(e));
}

void audit_log::trust_changed(trust what, const std::vector<std::string>& fingerprints)
{
    for (const auto& one : fingerprints) {
        audit_entry e;
        e.at = time_.utc_now();
        e.id = one;
        e.op = "trust";
        e.outcome = what == trust::added ? "added" : what == trust::removed ? "removed" : "refused";
        put(std::move(e));
    }
    noted_.notify();
}

task<void> audit_log::run()
{
    using namespace asio::experimental::awaitable_operators;
    // A write that is under way is seen to its end: whether it was done must be known, or it would be done twice.
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await tell_head(true);
    backoff delays(write_retry, std::random_device{}());
    auto head_due = time_.now() + between_heads;
    for (;;) {
        const auto state =
            co_await asio::this_coro::cancellation_state; // a call of the store does not end for it
        if (state.cancelled() != asio::cancellation_type::none)
            co_return;
        if (window_end_ && time_.now() >= *window_end_)
            end_window();
        if (waiting_.empty()) {
            const auto until = window_end_ ? *window_end_ - time_.now() : longest_rest;
            const auto first = co_await (noted_.wait() || time_.sleep_for(until));
            const auto ec = first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
            if (ec)
                co_return;
            continue;
        }
        if (const auto ec = co_await time_.sleep_for(failing_ ? delays.next() : patience))
            co_return;
        co_await write();
        if (!failing_)
            delays.reset();
        if (time_.now() >= head_due) {
            co_await tell_head(false);
            head_due = time_.now() + between_heads;
        }
    }
}

task<void> audit_log::stop()
{
    end_window();
    co_await write();
    if (!waiting_.empty())
        log_.error(
            "audit: {} entries of reads and refusals are lost: they could not be written before the end",
            waiting_.size());
    co_await tell_head(false);
}

task<void> audit_log::write()
{
    while (!waiting_.empty()) {
        const auto many = std::min(waiting_.size(), most_a_commit);
        std::vector<audit_entry> batch(waiting_.begin(),
                                       waiting_.begin() + static_cast<std::ptrdiff_t>(many));
        const auto done = co_await store_.record(std::move(batch));
        note(done.has_error() ? done.error() : error_code());
        if (failing_)
            co_return;
        for (std::size_t i = 0; i < many; ++i) {
            waiting_bytes_ -= size_of(waiting_.front());
            waiting_.pop_front();
        }
        if (waiting_.empty() && unrecorded_ != 0) {
            audit_entry e;
            e.at = time_.utc_now();
            e.outcome = audit_entry::unrecorded;
            e.commands = std::exchange(unrecorded_, 0);
            put(std::move(e));
        }
    }
}

void audit_log::note(error_code ec)
{
    const bool bad = static_cast<bool>(ec);
    if (bad && !failing_)
        event::audit_down.error(
            log_, "audit: entries cannot be written: {}; reads are answered overloaded until they can",
            ec.message());
    else if (!bad && failing_)
        event::audit_up.info(log_, "audit: writes entries again");
    failing_ = bad;
}

task<void> audit_log::tell_head(bool starting)
{
    const auto now = co_await store_.audit();
    if (now.has_error())
        co_return;
    const auto& head = now->head;
    if (starting && !now->head_fits)
        event::audit_changed.error(
            log_,
            "audit: the log was changed from outside: its last entry is not the one that was written last; "
            "keep a copy of the data folder, and see workestra-relay audit --verify");
    if (head.last != 0)
        log_.info("audit: {} entries, the last is {}, its hash {}", head.last - head.forgotten, head.last,
                  audit_hex(head.last_hash));
}

task<void> keep_audit(queue_store& store, const vouched_time& clock, time_source& time,
                      std::chrono::days keep, spdlog::logger& log)
{
    bool failing = false, full = false;
    for (;;) {
        if (const auto ec = co_await time.sleep_for(between_rounds))
            co_return;
        const auto now = co_await store.audit();
        if (now.has_value() && now->is_full && !full)
            log.warn("audit: audit.max_mb is reached: the oldest entries go for new ones, whatever "
                     "audit.retention_days says; the first that is kept is from {}",
                     now->oldest ? format_rfc3339(*now->oldest) : "now");
        full = now.has_value() ? now->is_full : full;
        std::size_t forgotten = 0;
        error_code trouble = now.has_error() ? now.error() : error_code();
        if (!trouble && now->oldest) {
            const auto day = std::chrono::floor<milliseconds>(most_a_round);
            // By number too many are forgotten at any time.
            const auto before =
                std::min(forgettable(clock, keep).value_or(utc_time::min()), *now->oldest + day);
            for (;;) {
                const auto gone = co_await store.forget_audit(before, most_audit_entries, forgotten_a_call);
                if (gone.has_error())
                    trouble = gone.error();
                else
                    forgotten += *gone;
                if (trouble || *gone < forgotten_a_call)
                    break;
            }
        }
        if (trouble && !failing)
            log.warn("audit: cannot forget old entries: {}; tried again hourly", trouble.message());
        failing = static_cast<bool>(trouble);
        if (forgotten != 0)
            log.debug("audit: forgot {} entries", forgotten);
    }
}

} // namespace relay::store
