#include "tests/simulation/calendars.hpp"

#include "agent/dispatch/meeting.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>

namespace relay::simulation {
namespace {

using protocol::fault_code;

ews::error failure_of(fault_code code, ews::remedy remedy, ews::effect effect, std::string exchange = {})
{
    return {{code, "by the simulation", std::move(exchange)}, remedy, effect};
}

ews::error gone()
{
    return failure_of(fault_code::exchange_error, ews::remedy::give_up, ews::effect::none,
                      "ErrorItemNotFound");
}

// A request is under way as long as this lives.
class under_way {
public:
    under_way(reference& model, std::string lane) : model_(model), lane_(std::move(lane))
    {
        model_.request_begins(lane_);
    }
    ~under_way() { model_.request_ends(lane_); }
    under_way(const under_way&) = delete;
    under_way& operator=(const under_way&) = delete;

private:
    reference& model_;
    std::string lane_;
};

} // namespace

std::string_view name(trouble t) noexcept
{
    constexpr std::string_view names[] = {"none",    "unreachable", "lost",        "done", "late",
                                          "refused", "failed",      "failed_done", "busy", "busy_server",
                                          "auth",    "slow",        "slow_answer"};
    return names[static_cast<std::size_t>(t)];
}

void calendars::heal()
{
    for_writes_.clear();
    for_reads_.clear();
    mood_ = {};
}

calendars::fate calendars::fate_of(const std::string& lane, bool write, duration limit)
{
    using enum trouble;
    ++requests_;
    auto& strikes = write ? for_writes_ : for_reads_;
    mishap m = mood_;
    if (!strikes.empty()) {
        m = strikes.front();
        strikes.pop_front();
    }
    const auto unproven = write ? ews::effect::unknown : ews::effect::none;
    const auto lost_link = failure_of(fault_code::exchange_unavailable, ews::remedy::retry, unproven);
    fate f;
    switch (m.what) {
    case none:
        f.carried_out_after = duration::zero();
        break;
    case unreachable:
        f.error = failure_of(fault_code::exchange_unavailable, ews::remedy::retry, ews::effect::none);
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
        f.error = failure_of(fault_code::exchange_error, ews::remedy::give_up, ews::effect::none,
                             "ErrorInvalidRequest");
        break;
    case failed:
    case failed_done:
        f.error = failure_of(fault_code::exchange_error, ews::remedy::give_up, unproven,
                             "ErrorInternalServerError");
        if (m.what == failed_done)
            f.carried_out_after = duration::zero();
        break;
    case busy:
    case busy_server:
        f.error = failure_of(fault_code::exchange_busy, ews::remedy::back_off, ews::effect::none,
                             "ErrorServerBusy");
        f.error->back_off = m.length;
        f.error->whole_server = m.what == busy_server;
        break;
    case auth:
        f.error = failure_of(fault_code::auth_failed, ews::remedy::sign_in, ews::effect::none);
        break;
    case slow:
        f = {m.length, m.length, {}};
        break;
    case slow_answer:
        f = {duration::zero(), m.length, {}};
        break;
    }
    if (f.takes > limit) {
        f.takes = limit;
        f.error = lost_link;
    }
    if (f.error)
        model_.struck(lane, protocol::name(f.error->fault.code));
    return f;
}

void calendars::run_due()
{
    for (;;) {
        const auto first = std::ranges::min_element(due_, {}, &due_work::at);
        if (first == due_.end() || first->at > time_.now())
            return;
        const auto w = first->what;
        due_.erase(first);
        (*w)();
    }
}

void calendars::carry_out(const order& o)
{
    run_due();
    const auto found = std::ranges::find_if(
        items_, [&](const item& i) { return i.live && i.mailbox == o.mailbox && i.event == o.event; });
    if (o.what == kind::create) {
        add(o.mailbox, o.event, o.id, dispatch::uid_for(o.event, o.id), o.subject);
    } else if (o.what == kind::update) {
        found->command = o.id;
        found->subject = o.subject;
        ++found->version;
    } else {
        remove(*found);
    }
}

calendars::item* calendars::find_item(const std::string& id)
{
    const auto found = std::ranges::find(items_, id, &item::id);
    return found == items_.end() ? nullptr : &*found;
}

calendars::item& calendars::add(std::string mailbox, std::string event, std::string command, std::string uid,
                                std::string subject)
{
    auto born_uid = uid;
    return items_.emplace_back(item{"item-" + std::to_string(next_id_++), std::move(mailbox),
                                    std::move(event), std::move(command), std::move(uid), std::move(born_uid),
                                    std::move(subject)});
}

// To Deleted Items, where it has another id.
void calendars::remove(item& i)
{
    i.live = false;
    i.id = "item-" + std::to_string(next_id_++);
}

// ---- one agent's way ----

std::string exchange_client::lane_of(const mailbox_address& mailbox, const std::string& item_id)
{
    const auto* i = server_.find_item(item_id);
    return mailbox.key() + '/' + (i ? i->event : std::string());
}

// What becomes of a request that changes nothing.
task<std::optional<ews::error>> exchange_client::ask(std::string lane, duration limit)
{
    if (cut_off_)
        co_return failure_of(fault_code::exchange_unavailable, ews::remedy::retry, ews::effect::none);
    server_.run_due();
    const auto f = server_.fate_of(lane, false, limit);
    const under_way request(server_.model_, lane);
    if (f.takes > duration::zero())
        if (const auto ec = co_await server_.time_.sleep_for(f.takes))
            throw boost::system::system_error(ec);
    server_.run_due();
    co_return f.error;
}

task<ews::outcome<ews::item_ref>> exchange_client::write(std::string lane, kind what, std::string command,
                                                         calendars::work w, ews::write_bounds bounds)
{
    if (cut_off_)
        co_return failure_of(fault_code::exchange_unavailable, ews::remedy::retry, ews::effect::none);
    if (server_.time_.now() >= bounds.not_after)
        co_return ews::out_of_time();
    server_.run_due();
    const auto f = server_.fate_of(lane, true, bounds.limit);
    server_.model_.write_sent(lane, what, command);
    const under_way request(server_.model_, lane);
    ews::outcome<ews::item_ref> answer = gone();
    const auto answered = std::make_shared<std::optional<ews::outcome<ews::item_ref>>>();
    if (f.carried_out_after) {
        auto job = [w = std::move(w), answered] { return answered->emplace(w()); };
        server_.due_.push_back(
            {server_.time_.now() + *f.carried_out_after, std::make_shared<calendars::work>(std::move(job))});
        server_.run_due();
    }
    if (f.takes > duration::zero())
        if (const auto ec = co_await server_.time_.sleep_for(f.takes))
            throw boost::system::system_error(ec);
    server_.run_due();
    if (f.error)
        answer = *f.error;
    else if (*answered)
        answer = **answered;
    if (answer.has_error() && answer.error().effect == ews::effect::none)
        server_.model_.write_known_undone(lane);
    co_return answer;
}

task<ews::outcome<ews::server_info>> exchange_client::resolve_account(duration limit)
{
    std::string lane = "/";
    if (auto e = co_await ask(std::move(lane), limit))
        co_return *e;
    co_return ews::server_info{"15.2.1118.7", "Exchange 2019", "Service", "svc@corp.example"};
}

task<ews::outcome<ews::mailbox_info>> exchange_client::open_calendar(const mailbox_address& mailbox,
                                                                     duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/', limit))
        co_return *e;
    co_return ews::mailbox_info{"Somebody"};
}

task<ews::outcome<std::vector<ews::mailbox_busy>>>
exchange_client::availability(std::vector<mailbox_address> mailboxes, utc_time, utc_time, duration limit)
{
    std::string lane = "/";
    if (auto e = co_await ask(std::move(lane), limit))
        co_return *e;
    co_return std::vector<ews::mailbox_busy>(mailboxes.size(), std::vector<ews::busy_period>());
}

task<ews::outcome<std::vector<ews::found_item>>> exchange_client::find(const mailbox_address& mailbox,
                                                                       std::string event_id, duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/' + event_id, limit))
        co_return *e;
    std::vector<ews::found_item> found;
    for (const auto& i : server_.items_)
        if (i.mailbox == mailbox.key() && i.event == event_id)
            found.push_back({{i.id, std::to_string(i.version)},
                             i.live ? ews::whereabouts::live : ews::whereabouts::deleted,
                             i.event,
                             i.command,
                             i.uid,
                             true,
                             i.born_uid});
    co_return found;
}

task<ews::outcome<std::vector<ews::mail_folder>>>
exchange_client::other_folders(const mailbox_address& mailbox, duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/', limit))
        co_return *e;
    co_return std::vector<ews::mail_folder>();
}

task<ews::outcome<std::vector<ews::found_item>>> exchange_client::find_in(const mailbox_address& mailbox,
                                                                          std::string event_id,
                                                                          std::vector<ews::mail_folder>,
                                                                          duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/' + event_id, limit))
        co_return *e;
    co_return std::vector<ews::found_item>();
}

task<ews::outcome<ews::item>> exchange_client::get(const mailbox_address& mailbox, ews::item_ref ref,
                                                   duration limit)
{
    if (auto e = co_await ask(lane_of(mailbox, ref.id), limit))
        co_return *e;
    const auto* i = server_.find_item(ref.id);
    if (!i)
        co_return gone();
    ews::item seen;
    seen.ref = {i->id, std::to_string(i->version)};
    seen.uid = i->uid;
    seen.born_uid = i->born_uid;
    seen.event_id = i->event;
    seen.command_id = i->command;
    seen.invited = true;
    seen.fields.subject = i->subject;
    seen.fields.start = std::chrono::sys_days{std::chrono::year{2026} / 12 / 1} + 9h;
    seen.fields.end = seen.fields.start + 1h;
    co_return seen;
}

task<ews::outcome<ews::item_ref>> exchange_client::create(const mailbox_address& mailbox,
                                                          ews::item_fields fields, ews::marks m,
                                                          std::string uid, protocol::notify notify,
                                                          ews::write_bounds bounds)
{
    auto lane = mailbox.key() + '/' + m.event_id;
    auto command = m.command_id;
    auto work = [&s = server_, key = mailbox.key(), subject = fields.subject.value_or(""), m, uid, lane,
                 told = notify == protocol::notify::all]() -> ews::outcome<ews::item_ref> {
        const auto& made = s.add(key, m.event_id, m.command_id, uid, subject);
        s.model_.applied(lane, kind::create, m.command_id, subject, told);
        return ews::item_ref{made.id, "1"};
    };
    co_return co_await write(std::move(lane), kind::create, std::move(command), std::move(work), bounds);
}

task<ews::outcome<ews::item_ref>> exchange_client::update(const mailbox_address& mailbox, ews::item_ref ref,
                                                          ews::item_fields fields, std::string command_id,
                                                          protocol::notify notify, ews::write_bounds bounds)
{
    auto lane = lane_of(mailbox, ref.id);
    auto work = [&s = server_, ref, subject = fields.subject, command_id, lane,
                 told = notify == protocol::notify::all]() -> ews::outcome<ews::item_ref> {
        auto* i = s.find_item(ref.id);
        if (!i)
            return gone();
        i->command = command_id;
        i->subject = subject.value_or(i->subject);
        ++i->version;
        s.model_.applied(lane, kind::update, command_id, i->subject, told);
        return ews::item_ref{i->id, std::to_string(i->version)};
    };
    co_return co_await write(std::move(lane), kind::update, std::move(command_id), std::move(work), bounds);
}

task<ews::outcome<void>> exchange_client::remove(const mailbox_address& mailbox, ews::item_ref ref,
                                                 protocol::notify notify, ews::write_bounds bounds)
{
    auto lane = lane_of(mailbox, ref.id);
    auto work = [&s = server_, ref, lane,
                 told = notify == protocol::notify::all]() -> ews::outcome<ews::item_ref> {
        auto* i = s.find_item(ref.id);
        if (!i || !i->live)
            return gone();
        s.remove(*i);
        s.model_.applied(lane, kind::cancel, {}, {}, told);
        return ews::item_ref{i->id, std::to_string(i->version)};
    };
    auto done = co_await write(std::move(lane), kind::cancel, std::string(), std::move(work), bounds);
    if (done.has_error())
        co_return done.error();
    co_return boost::system::in_place_value;
}

} // namespace relay::simulation
