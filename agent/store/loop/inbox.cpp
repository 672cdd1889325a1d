#include "agent/store/loop/inbox.hpp"

#include "agent/protocol/codec.hpp"
#include "agent/protocol/fingerprint.hpp"
#include "agent/store/loop/command_subject.hpp"
#include "common/log_event/log_event.hpp"
#include "common/text/text.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace relay::store {
namespace {

using protocol::fault;
using protocol::fault_code;
using protocol::operation_class;

// A command as it came, and the values made of it.
constexpr std::size_t memory_a_byte = 2;

milliseconds ttl_of(const protocol::command& c, operation_class kind)
{
    const auto by_class =
        kind == operation_class::read ? protocol::default_read_ttl : protocol::default_write_ttl;
    return std::min(c.ttl.value_or(by_class), protocol::longest_ttl);
}

context_ptr make_context(const protocol::command& c, protocol::checked<protocol::operation_ptr> operation,
                         operation_class kind)
{
    auto t = std::make_shared<command_context>();
    t->id = c.id;
    t->op = c.op;
    t->mailbox = c.mailbox;
    t->operation = std::move(operation);
    t->kind = kind;
    t->redelivered = c.redelivered;
    return t;
}

} // namespace

inbox::inbox(asio::any_io_executor executor, queue_store& store, outbox& out, time_source& time,
             const protocol::operation_catalog& catalog, check c, limits l, spdlog::logger& log)
    : store_(store),
      out_(out),
      replies_(out),
      time_(time),
      catalog_(catalog),
      check_(std::move(c)),
      limits_(l),
      log_(log),
      filled_(executor),
      looked_up_(executor),
      emptied_(executor),
      memory_(l.memory_bytes),
      earlier_(time),
      admissions_(executor)
{
}

// ---- after a restart ----

task<result<void>> inbox::recover()
{
    const auto owed = co_await out_.recover();
    if (owed.has_error())
        co_return owed.error();
    const auto found = co_await store_.unfinished();
    if (found.has_error())
        co_return found.error();
    for (const auto& u : *found) {
        const auto t = restore(u);
        open_.emplace(t->id, t);
        if (earlier_.may_run_now(t, u.received.received_at, u.received.ttl))
            make_ready(t);
    }
    if (!found->empty())
        log_.info("inbox: takes up {} commands that were accepted before the restart", found->size());
    co_return result<void>();
}

context_ptr inbox::restore(const unfinished_command& u) const
{
    const auto& c = u.received.command;
    auto operation = check_(c);
    // What policy makes of it now, dispatch asks: it also knows that a try before the restart may have taken effect.
    if (operation.has_error() && operation.error().code == fault_code::policy_denied)
        operation = catalog_.read(c);
    auto ordering_key = operation.has_value() ? (*operation)->ordering_key() : std::string();
    if (ordering_key.empty() && !u.received.event_id.empty())
        ordering_key = ascii_lower(c.mailbox) + '/' + u.received.event_id;
    auto t = make_context(c, std::move(operation), operation_class::write);
    t->ordering_key = std::move(ordering_key);
    t->event_id = u.received.event_id;
    t->session = u.received.session;
    t->attempts = u.attempts;
    if (u.begun_at)
        t->begun = command_context::begun_try{*u.begun_at};
    else
        t->failed_with = protocol::parse_fault_code(u.last_error);
    if (t->failed_with ==
        protocol::fault_code::deadline_exceeded) { // came too late to be sent, which is no try
        t->failed_with.reset();
        t->attempts = 0;
    }
    // The file may be an old copy (a backup, a snapshot of the machine), and what it takes for not begun may have been
    // carried out since. Not even the cloud can tell in every case, Exchange can: so it is looked up there first.
    t->restored = true;
    return t;
}

// ---- for the uplink ----

void inbox::session_began(std::string_view name)
{
    session_ = cut_to(name, audit_entry::longest_session);
    make_ready(earlier_.count_anew(out_.clock().at_least().value_or(time_.utc_now())));
}

void inbox::offer(protocol::command c, std::size_t bytes)
{
    if (const auto known = open_.find(c.id); known != open_.end())
        return offer_known(c, *known->second);

    const auto kind = catalog_.class_of(c.op).value_or(operation_class::read);
    const bool writes = kind == operation_class::write;
    if (auto why_not = refusal(c))
        return refuse(c, std::move(*why_not));
    auto operation = check_(c);
    if (operation.has_error())
        return refuse(c, operation.error());

    auto memory = memory_.open_share();
    if (!memory.resize(memory_a_byte * bytes))
        return refuse(c, {fault_code::overloaded,
                          "what is under way takes all of the memory that agent.memory_mb gives it",
                          {}});
    const auto now = time_.now();
    const bool about_watch = writes && (*operation)->event_id().empty();
    if (about_watch && !watches_.take(now))
        return refuse(c, {fault_code::overloaded, "watches begin and end faster than the agent allows", {}});
    const auto ttl = ttl_of(c, kind);
    const auto ordering_key = (*operation)->ordering_key();
    const auto t = make_context(c, std::move(operation), kind);
    t->ordering_key = ordering_key;
    t->event_id = (*t->operation)->event_id();
    t->session = session_;
    t->received_at = now;
    t->deadline = now + ttl;
    t->memory = std::move(memory);
    open_.emplace(c.id, t);
    unnamed.debug(log_, subject_of(*t), "{} {}: received in session {}, about {}{}", c.op, c.id, session_,
                  t->mailbox.empty() ? "no mailbox" : t->mailbox, c.redelivered ? ", redelivered" : "");
    if (!writes) { // beside the request to Exchange: a read need not wait for the commits before it
        t->id_is = command_context::id_state::being_looked_up;
        admissions_.spawn(look_up_read(t, protocol::fingerprint(c)));
    }

    if (!writes && !being_stored_.holds(ordering_key))
        return make_ready(t);
    using state = reorder_buffer::entry::state;
    const auto w = being_stored_.add(t, writes ? state::held : state::free);
    if (writes) {
        auto print = protocol::fingerprint(c);
        admissions_.spawn(admit({std::move(c), std::move(print), t->event_id,
                                 out_.clock().at_least().value_or(time_.utc_now()), ttl, session_},
                                w));
    }
}

std::optional<fault> inbox::refusal(const protocol::command& c) const
{
    if (closed_)
        return fault{fault_code::overloaded, "the agent is shutting down", {}};
    if (open_.size() >= static_cast<std::size_t>(limits_.window))
        return fault{fault_code::overloaded, "the window is full", {}};
    if (c.ttl && *c.ttl < 1ms)
        return fault{fault_code::invalid_request, "ttl_ms: must be 1 or more", {}};
    return std::nullopt;
}

// The same id again while it is open. A write's first admission may still be under way: looking it up comes
// after it.
void inbox::offer_known(const protocol::command& c, const command_context& known)
{
    const auto kind = catalog_.class_of(c.op).value_or(operation_class::read);
    if (known.kind == operation_class::write)
        return refuse(c, {fault_code::overloaded, "it could not be stored", {}});
    std::function<void()> unknown = [this, to = reply_address::of(c, session_),
                                     writes = kind == operation_class::write] {
        if (writes)
            replies_.id_reused(to);
        else
            log_.debug("inbox: read {} came again while it runs: ignored", to.id);
    };
    // What runs may itself be a read under the id of a write that is over: it is that write that this repeats then.
    if (known.id_is == command_context::id_state::fresh || look_ups_ >= most_look_ups)
        return unknown();
    spawn_look_up(c, std::move(unknown));
}

// Gives the refusal, but for an id that the store knows by now: that gets its true answer.
void inbox::refuse(const protocol::command& c, fault f)
{
    unnamed.debug(log_, log_subject{c.id, c.op, {}}, "{} {}: refused: {}", c.op, c.id,
                  protocol::name(f.code));
    if (look_ups_ >= most_look_ups)
        return replies_.refuse(reply_address::of(c, session_), std::move(f));
    spawn_look_up(c,
                  [this, to = reply_address::of(c, session_), f = std::move(f)] { replies_.refuse(to, f); });
}

void inbox::spawn_look_up(const protocol::command& c, std::function<void()> unknown)
{
    ++look_ups_;
    admissions_.spawn(look_up(reply_address::of(c, session_), protocol::fingerprint(c), std::move(unknown)));
}

task<void> inbox::look_up(reply_address to, std::string fingerprint, std::function<void()> unknown)
{
    auto found = co_await store_.look_up(to.id, std::move(fingerprint));
    --look_ups_;
    if (found.has_error()) // that it can be read does not say that it can be written
        note(found.error());
    if (found.has_error() || !*found)
        unknown();
    else
        replies_.known(to, std::move(**found));
}

task<void> inbox::look_up_read(context_ptr t, std::string fingerprint)
{
    const auto found = co_await store_.look_up(t->id, std::move(fingerprint));
    if (found.has_error())
        note(found.error());
    // A queue that cannot be read does not keep free/busy from anybody.
    const bool known = found.has_value() && *found;
    t->id_is = known ? command_context::id_state::reused : command_context::id_state::fresh;
    if (known) {
        replies_.id_reused(t->id);
        cancel(t->id);
    }
    looked_up_.notify();
}

task<void> inbox::admit(new_command c, reorder_buffer::entry_ptr w)
{
    const auto id = c.command.id;
    auto found = co_await store_.admit(std::move(c));
    note(found.has_error() ? found.error() : error_code());
    const auto t = w->command;
    if (found.has_value() && std::holds_alternative<stored_now>(*found)) {
        note_full(false);
        unnamed.debug(log_, subject_of(*t), "{} {}: stored and accepted", t->op, id);
        t->event_known = std::get<stored_now>(*found).event_known;
        replies_.accepted(id); // before its result can be there
        make_ready(being_stored_.release(w));
        co_return;
    }

    // It will not be carried out: out of the window and out from under its ordering key.
    release(t);
    make_ready(being_stored_.drop(w));
    const auto to = reply_address::of(*t);
    if (found.has_error())
        replies_.refuse(
            to, {fault_code::overloaded, "the queue cannot be written: " + found.error().message(), {}});
    else if (!replies_.known(to, std::move(*found))) {
        note_full(true);
        replies_.refuse(to, {fault_code::overloaded, "the queue holds queue.max_commands commands", {}});
    }
}

void inbox::cancel(std::string_view id)
{
    const auto found = open_.find(std::string(id));
    if (found == open_.end())
        return;
    const auto t = found->second; // wake() may end it
    // A try before a restart counts as begun: what it did in Exchange is done. So does one of another agent's, or of a
    // life whose queue was lost: only a look-up tells.
    if (t->started || t->attempts != 0 || t->begun || t->redelivered)
        return;
    t->cancelled = true;
    if (t->wake)
        t->wake();
}

void inbox::close()
{
    closed_ = true;
}

// ---- order ----

void inbox::make_ready(const context_ptr& t)
{
    ready_.push_back(t);
    filled_.notify();
}

void inbox::make_ready(const std::vector<context_ptr>& some)
{
    for (const auto& t : some)
        make_ready(t);
}

// ---- for dispatch ----

task<result<context_ptr>> inbox::next()
{
    while (ready_.empty())
        if (const auto ec = co_await filled_.wait())
            co_return ec;
    auto t = std::move(ready_.front());
    ready_.pop_front();
    co_return t;
}

task<bool> inbox::may_answer(context_ptr read)
{
    while (read->id_is == command_context::id_state::being_looked_up)
        if (const auto ec = co_await looked_up_.wait())
            co_return false;
    co_return read->id_is == command_context::id_state::fresh;
}

void inbox::release(const context_ptr& t)
{
    if (const auto found = open_.find(t->id); found != open_.end() && found->second == t)
        open_.erase(found);
    if (open_.empty())
        emptied_.notify();
}

task<error_code> inbox::until_empty()
{
    while (!open_.empty())
        if (const auto ec = co_await emptied_.wait())
            co_return ec;
    co_return error_code();
}

std::size_t inbox::open() const noexcept
{
    return open_.size();
}

bool inbox::is_open(const std::string& id) const
{
    return open_.contains(id);
}

task<void> inbox::stop()
{
    admissions_.stop();
    co_await admissions_.join();
}

// ---- for the log: a change once ----

void inbox::note(error_code ec)
{
    const bool bad = static_cast<bool>(ec);
    if (bad && !failing_)
        log_.warn("inbox: writes are answered overloaded until the queue works: {}", ec.message());
    else if (!bad && failing_)
        log_.info("inbox: takes writes again");
    failing_ = bad;
}

void inbox::note_full(bool full)
{
    if (full && !full_)
        event::queue_full.warn(
            log_, "inbox: queue.max_commands is reached: writes are answered overloaded until the cloud "
                  "acknowledges");
    else if (!full && full_)
        log_.info("inbox: takes writes again");
    full_ = full;
}

} // namespace relay::store
