#include "tests/simulation/calendars.hpp"

#include "agent/exchange_access/identity.hpp"

#include <algorithm>

namespace relay::simulation {
namespace {

using protocol::fault_code;

ews::error failure_of(fault_code code, ews::retry_action retry_action, ews::effect effect,
                      std::string exchange = {})
{
    return {{code, "by the simulation", std::move(exchange)}, retry_action, effect};
}

// Only what is saved can be sent, and a removal saves nothing.
bool saves(ews::operation op)
{
    return op == ews::operation::create_item || op == ews::operation::update_item;
}

} // namespace

void calendars::heal()
{
    for_writes_.clear();
    for_reads_.clear();
    mood_ = {};
}

calendars::fate calendars::fate_of(const std::string& lane, ews::operation op, bool answered_before,
                                   duration limit)
{
    using enum trouble;
    ++requests_;
    const bool write = ews::is_write(op);
    auto& strikes = write ? for_writes_ : for_reads_;
    mishap m = mood_;
    if (m.what == clash && !write)
        m = {};
    if (!strikes.empty()) {
        m = strikes.front();
        strikes.pop_front();
    }
    if (m.what == saved_refused && !saves(op))
        m.what = refused;
    if (m.what == saved_lost && !saves(op))
        m.what = lost;
    fate f;
    meet(f, m, op, answered_before);
    if (f.takes > limit) {
        f.takes = limit;
        f.error = failure_of(fault_code::exchange_unavailable, ews::retry_action::retry,
                             write ? ews::effect::unknown : ews::effect::none);
    }
    if (f.error) {
        const bool passing =
            m.what == fewer_parts || m.what == garbled || m.what == misdirected || m.what == web_page;
        model_.struck(lane, protocol::name(f.error->fault.code), passing);
    }
    return f;
}

void calendars::meet(fate& f, const mishap& m, ews::operation op, bool answered_before) const
{
    using enum trouble;
    const bool write = ews::is_write(op);
    const auto unproven = write ? ews::effect::unknown : ews::effect::none;
    const auto lost_link = failure_of(fault_code::exchange_unavailable, ews::retry_action::retry, unproven);
    switch (m.what) {
    case none:
        f.carried_out_after = duration::zero();
        break;
    case unreachable:
        f.error = failure_of(fault_code::exchange_unavailable, ews::retry_action::retry, ews::effect::none);
        break;
    case lost:
        f.error = lost_link;
        break;
    case done:
        f = {duration::zero(), {}, lost_link};
        break;
    case late:
        f = {std::min<duration>(m.length, settle_ - 1s), {}, lost_link};
        break;
    case refused:
        f.error = failure_of(fault_code::exchange_error, ews::retry_action::give_up, ews::effect::none,
                             "ErrorInvalidRequest");
        break;
    case failed:
    case failed_done:
        f.error = failure_of(fault_code::exchange_error, ews::retry_action::give_up, unproven,
                             "ErrorInternalServerError");
        if (m.what == failed_done)
            f.carried_out_after = duration::zero();
        break;
    case busy:
    case busy_server:
        f.error = failure_of(fault_code::exchange_busy, ews::retry_action::back_off, ews::effect::none,
                             "ErrorServerBusy");
        f.error->back_off = m.length;
        f.error->whole_server = m.what == busy_server;
        break;
    case auth:
        f.error = failure_of(fault_code::auth_failed, ews::retry_action::sign_in, ews::effect::none);
        break;
    case slow:
        f = {m.length, m.length, {}};
        break;
    case slow_answer:
        f = {duration::zero(), m.length, {}};
        break;
    case saved_refused:
        f = {duration::zero(), {}, meaning_of_code(m.code, op), false, true};
        break;
    case saved_lost:
        f = {duration::zero(), {}, lost_link, false};
        break;
    case clash:
        f.error = meaning_of_code("ErrorIrresolvableConflict", op);
        f.over = true;
        break;
    case fewer_parts:
    case garbled:
        f = {duration::zero(), {}, meaning_of(m.what, op, answered_before)};
        break;
    case misdirected:
    case web_page:
        f.error = meaning_of(m.what, op, answered_before);
        break;
    }
}

void calendars::run_due()
{
    for (;;) {
        const auto first = std::ranges::min_element(due_, {}, &due_work::at);
        if (first == due_.end() || first->at > time_.now())
            return;
        const auto what = std::move(first->what);
        due_.erase(first);
        what();
    }
}

bool calendars::carry_out(const order& o)
{
    run_due();
    const bool applied =
        std::ranges::any_of(items_, [&](const item& i) { return !i.copy && i.command == o.id; });
    const auto uid = exchange_access::uid_for(o.event, o.id);
    const bool overtaken =
        o.what == kind::create && std::ranges::any_of(items_, [&](const item& i) { return i.uid == uid; });
    auto* there = original(o.mailbox, o.event, true);
    if (applied || overtaken || (o.what == kind::create) == (there != nullptr))
        return false;
    if (o.what == kind::create) {
        add(o.mailbox, o.event, o.id, uid, o.subject);
    } else if (o.what == kind::update) {
        there->command = o.id;
        there->subject = o.subject;
        there->invited = true;
        ++there->version;
    } else {
        move(*there, folder::deleted);
    }
    return true;
}

calendars::item* calendars::find_item(const std::string& id)
{
    const auto found = std::ranges::find(items_, id, &item::id);
    return found == items_.end() ? nullptr : &*found;
}

// The youngest.
calendars::item* calendars::original(const std::string& mailbox, const std::string& event, bool live)
{
    for (auto i = items_.rbegin(); i != items_.rend(); ++i)
        if (!i->copy && i->live() == live && i->mailbox == mailbox && i->event == event)
            return &*i;
    return nullptr;
}

calendars::item& calendars::add(std::string mailbox, std::string event, std::string command, std::string uid,
                                std::string subject)
{
    auto born_uid = uid;
    return items_.emplace_back(item{next_id(), std::move(mailbox), std::move(event), std::move(command),
                                    std::move(uid), std::move(born_uid), std::move(subject)});
}

void calendars::touched(const item& i)
{
    if (i.copy)
        model_.copy_touched(i.mailbox + '/' + i.event);
}

void calendars::move(item& i, folder to)
{
    i.where = to;
    i.id = next_id();
}

} // namespace relay::simulation
