#include "agent/commands/write_steps.hpp"

#include "agent/commands/identify.hpp"
#include "agent/ews/reasons.hpp"
#include "agent/store/loop/command_subject.hpp"
#include "common/log_event/log_event.hpp"

#include <spdlog/logger.h>

namespace relay::commands {
namespace {

// Why Deleted Items could not be searched, nothing where it was.
std::optional<ews::error> unread_deleted_items(const marked_items& found)
{
    for (const auto& [id, why] : found.refused)
        if (id.empty()) {
            auto e = why;
            e.fault.message =
                "Deleted Items cannot be searched, and only what lies there tells whether this was "
                "carried out before. " +
                why.fault.message;
            return e;
        }
    return std::nullopt;
}

} // namespace

json::object warning_of(const protocol::fault& answered)
{
    return {{"code", protocol::name(answered.code)},
            {"message", answered.message},
            {"exchange", answered.exchange}};
}

json::object output_of_write(const std::string& event_id, const ews::item_ref& ref, const std::string& uid)
{
    return {{"event_id", event_id}, {"item_id", ref.id}, {"change_key", ref.change_key}, {"uid", uid}};
}

json::object output_of_cancel(const std::string& event_id, bool existed)
{
    return {{"event_id", event_id}, {"existed", existed}};
}

reply applied(command_run& run, json::object output)
{
    if (const auto& answered = run.answered()) {
        event::write_doubtful.warn(
            run.use().log, subject_of(run.context()),
            "{} {}: Exchange answered {} and carried it out all the same; whether it told the "
            "attendees is not sure",
            run.context().op, run.context().id, answered->exchange);
        output["warning"] = warning_of(*answered);
    }
    return output;
}

reply carried_out(command_run& run, const std::string& event_id, const trace& was, const std::string& uid)
{
    if (was.what != trace::kind::applied)
        run.found_overtaken();
    if (was.what != trace::kind::gone)
        return applied(run, output_of_write(event_id, was.item->ref, was.item->uid));
    auto output = was.item ? output_of_write(event_id, was.item->ref, was.item->uid)
                           : output_of_write(event_id, {}, uid);
    output["deleted"] = true;
    return output;
}

task<std::optional<ending>> after_write(command_run& run, ews::error e)
{
    if (e.retry_action == ews::retry_action::out_of_time) {
        auto late = co_await run.came_too_late();
        co_return std::optional<ending>(std::move(late));
    }
    if (e.effect == ews::effect::none) {
        co_await run.retract(e.fault.code);
        co_return co_await run.after_failure(std::move(e));
    }
    run.outcome_unknown(e);
    unnamed.debug(run.use().log, subject_of(run.context()), "{} {}: looking up whether it was carried out",
                  run.context().op, run.context().id);
    // Whatever the answer said, only Exchange's calendar tells.
    co_return co_await run.before_look_up(std::move(e));
}

std::optional<ews::item_fields> in_utc(const ews::error& e, const ews::item_fields& fields)
{
    if (!ews::lacks_time_zone(e.fault) || e.effect != ews::effect::none || !fields.windows_zone ||
        *fields.windows_zone == "UTC")
        return std::nullopt;
    auto again = fields;
    again.windows_zone = "UTC";
    again.windows_end_zone.reset();
    return again;
}

task<permission> permission_to_apply(command_run& run, const marked_items& found, deleted_items deleted)
{
    permission p;
    if (!found.conclusive)
        p.over = co_await run.wait_to_settle();
    else if (auto refused = run.never_arrived())
        p.over = std::move(refused);
    else if (run.deadline_passed())
        p.over = ending{run.deadline_answer()};
    else if (auto forbidden = run.forbidden())
        p.over = std::move(forbidden);
    else if (!run.strangers().empty())
        p.over = co_await identify_invited(run); // and looks again: that may have taken its time
    else if (auto unread = unread_deleted_items(found); unread && deleted == deleted_items::may_tell)
        p.over = co_await run.after_failure(std::move(*unread));
    else
        p.given = true;
    co_return p;
}

void note_unknown_invitations(command_run& run, protocol::notify notify, const ews::found_item& made)
{
    if (run.outcome_is_unknown() && notify == protocol::notify::all && !made.invited)
        event::write_doubtful.warn(
            run.use().log, subject_of(run.context()),
            "{} {}: the item is there, but Exchange does not say whether its invitations went out",
            run.context().op, run.context().id);
}

bool may_lack_invitations(protocol::notify notify, const marked_items& found, const trace& was)
{
    // Of several items none is touched, and nobody is invited to what the host made a series.
    return notify == protocol::notify::all && was.what == trace::kind::applied && found.live.size() == 1 &&
           was.item->invited == false && !was.item->series;
}

task<std::optional<ending>> invite(command_run& run, const mailbox_address& mailbox,
                                   const std::string& event_id, ews::found_item made, bool conclusive)
{
    auto& exchange = run.use().exchange;
    const auto whole = co_await exchange.get(mailbox, made.ref, run.request_limit());
    if (whole.has_error())
        co_return co_await run.after_failure(retry_if_moved(whole.error()));
    const auto item_as_it_is = output_of_write(event_id, made.ref, made.uid);
    if (whole->invited != false || whole->series || whole->fields.attendees.empty())
        co_return applied(run, item_as_it_is);
    if (!conclusive)
        co_return co_await run.wait_to_settle(); // Exchange may be about to send them itself
    const bool refused = run.never_arrived().has_value();
    std::optional<ending> over;
    const bool allowed = !run.forbidden() && !run.forbidden_to_tell(whole->fields.attendees);
    if (!refused && !run.deadline_passed() && allowed) {
        auto started = co_await run.begin(whole->fields.attendees.size());
        over = std::move(started.over);
        if (started.durable) {
            ews::item_fields nothing_else;
            auto sent = co_await exchange.update(mailbox, whole->ref, std::move(nothing_else),
                                                 run.context().id, protocol::notify::all, run.write_bounds());
            if (sent.has_value()) {
                run.succeeded();
                co_return reply(output_of_write(event_id, *sent, made.uid));
            }
            over = co_await after_write(run, retry_if_moved(sent.error()));
        }
        if (!over || over->is_suspended())
            co_return over;
    }
    event::write_doubtful.warn(run.use().log, subject_of(run.context()),
                               "{} {}: the item is there, but its invitations have not gone out",
                               run.context().op, run.context().id);
    co_return applied(run, item_as_it_is);
}

} // namespace relay::commands
