#include "tests/simulation/exchange_client.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>

namespace relay::simulation {
namespace {

using protocol::fault_code;

ews::error no_connection()
{
    return {{fault_code::exchange_unavailable, "by the simulation", {}},
            ews::retry_action::retry,
            ews::effect::none};
}

ews::error gone(ews::operation op)
{
    return meaning_of_code("ErrorItemNotFound", op);
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

// Nothing but the mark that is there already: the invitations of what was saved and not sent.
bool only_sends(const ews::item_fields& f)
{
    return !f.subject && !f.start && !f.attendees && !f.body && !f.location;
}

} // namespace

std::string exchange_client::lane_of(const mailbox_address& mailbox, const std::string& item_id)
{
    const auto* i = server_.find_item(item_id);
    return mailbox.key() + '/' + (i ? i->event : std::string());
}

// What becomes of a request that changes nothing.
task<std::optional<ews::error>> exchange_client::ask(std::string lane, ews::operation op, duration limit)
{
    if (cut_off_)
        co_return no_connection();
    server_.run_due();
    const auto f = server_.fate_of(lane, op, answered_, limit);
    const under_way request(server_.model_, lane);
    if (f.takes > duration::zero())
        if (const auto ec = co_await server_.time_.sleep_for(f.takes))
            throw boost::system::system_error(ec);
    server_.run_due();
    answered_ = answered_ || !f.error;
    co_return f.error;
}

task<ews::outcome<ews::item_ref>> exchange_client::write(writing w, calendars::work job,
                                                         ews::write_bounds bounds)
{
    if (cut_off_)
        co_return no_connection();
    if (agents_clock_.now() >= bounds.not_after)
        co_return ews::out_of_time();
    server_.run_due();
    const auto f = server_.fate_of(w.lane, w.op, answered_, bounds.limit);
    server_.model_.write_sent(w.lane, w.what, w.command);
    const under_way request(server_.model_, w.lane);
    ews::outcome<ews::item_ref> answer = gone(w.op);
    const auto answered = std::make_shared<std::optional<ews::outcome<ews::item_ref>>>();
    if (f.carried_out_after) {
        auto due = [job = std::move(job), answered, sends = f.sends] { answered->emplace(job(sends)); };
        server_.due_.push_back({server_.time_.now() + *f.carried_out_after, std::move(due)});
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
    answered_ = answered_ || answer.has_value();
    const bool nothing = answer.has_error() && answer.error().effect == ews::effect::none && !*answered;
    if (nothing || f.over)
        server_.model_.write_is_over(w.lane);
    co_return answer;
}

std::vector<ews::found_item> exchange_client::matching(const std::string& mailbox, const std::string& event,
                                                       bool elsewhere) const
{
    std::vector<ews::found_item> found;
    for (const auto& i : server_.items_) {
        if (i.mailbox != mailbox || i.event != event || (i.where == calendars::folder::other) != elsewhere)
            continue;
        ews::found_item f;
        f.ref = {i.id, std::to_string(i.version)};
        f.where = i.live() ? ews::item_location::live : ews::item_location::deleted;
        f.event_id = i.event;
        f.command_id = i.command;
        f.uid = elsewhere ? std::string() : i.uid;
        f.born_uid = i.born_uid;
        if (!elsewhere)
            f.invited = i.invited;
        found.push_back(std::move(f));
    }
    return found;
}

task<ews::outcome<ews::server_info>> exchange_client::resolve_account(duration limit)
{
    std::string lane = "/";
    if (auto e = co_await ask(std::move(lane), ews::operation::resolve_names, limit))
        co_return *e;
    co_return ews::server_info{"15.2.1118.7", "Exchange 2019", "Service", "svc@corp.example"};
}

task<ews::outcome<ews::recipient>> exchange_client::find_recipient(const mailbox_address& address,
                                                                   duration limit)
{
    std::string lane = "/";
    const auto primary = address.key();
    if (auto e = co_await ask(std::move(lane), ews::operation::resolve_names, limit))
        co_return *e;
    co_return ews::recipient{ews::recipient::kind::one, primary};
}

task<ews::outcome<ews::mailbox_info>> exchange_client::open_calendar(const mailbox_address& mailbox,
                                                                     duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/', ews::operation::get_folder, limit))
        co_return *e;
    co_return ews::mailbox_info{"Somebody"};
}

task<ews::outcome<std::vector<ews::mailbox_busy>>>
exchange_client::availability(std::vector<mailbox_address> mailboxes, utc_time, utc_time, duration limit)
{
    std::string lane = "/";
    if (auto e = co_await ask(std::move(lane), ews::operation::get_user_availability, limit))
        co_return *e;
    co_return std::vector<ews::mailbox_busy>(mailboxes.size(), std::vector<ews::busy_period>());
}

task<ews::outcome<ews::search_result>> exchange_client::find(const mailbox_address& mailbox,
                                                             std::string event_id, duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/' + event_id, ews::operation::find_item, limit))
        co_return *e;
    co_return ews::search_result{matching(mailbox.key(), event_id, false)};
}

task<ews::outcome<std::vector<ews::mail_folder>>>
exchange_client::other_folders(const mailbox_address& mailbox, duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/', ews::operation::find_folder, limit))
        co_return *e;
    co_return std::vector<ews::mail_folder>{{"other", ews::item_location::live}};
}

task<ews::outcome<ews::search_result>> exchange_client::find_in(const mailbox_address& mailbox,
                                                                std::string event_id,
                                                                std::vector<ews::mail_folder>, duration limit)
{
    if (auto e = co_await ask(mailbox.key() + '/' + event_id, ews::operation::find_item, limit))
        co_return *e;
    co_return ews::search_result{matching(mailbox.key(), event_id, true)};
}

task<ews::outcome<ews::item>> exchange_client::get(const mailbox_address& mailbox, ews::item_ref ref,
                                                   duration limit)
{
    if (auto e = co_await ask(lane_of(mailbox, ref.id), ews::operation::get_item, limit))
        co_return *e;
    const auto* i = server_.find_item(ref.id);
    if (!i)
        co_return gone(ews::operation::get_item);
    ews::item seen;
    seen.ref = {i->id, std::to_string(i->version)};
    seen.uid = i->uid;
    seen.born_uid = i->born_uid;
    seen.event_id = i->event;
    seen.command_id = i->command;
    seen.invited = i->invited;
    seen.fields.subject = i->subject;
    seen.fields.attendees.push_back(
        {*mailbox_address::parse("guest@corp.example"), {}, protocol::attendee_role::required});
    seen.fields.start = std::chrono::sys_days{std::chrono::year{2026} / 12 / 1} + 9h;
    seen.fields.end = seen.fields.start + 1h;
    co_return seen;
}

task<ews::outcome<ews::item_ref>> exchange_client::create(const mailbox_address& mailbox,
                                                          ews::item_fields fields, ews::marks m,
                                                          std::string uid, protocol::notify notify,
                                                          ews::write_bounds bounds)
{
    writing w{mailbox.key() + '/' + m.event_id, kind::create, m.command_id, ews::operation::create_item};
    auto job = [&s = server_, key = mailbox.key(), subject = fields.subject.value_or(""), m, uid,
                lane = w.lane,
                told = notify == protocol::notify::all](bool sends) -> ews::outcome<ews::item_ref> {
        auto& made = s.add(key, m.event_id, m.command_id, uid, subject);
        made.invited = told && sends;
        s.model_.applied(lane, kind::create, m.command_id, subject, made.invited);
        return ews::item_ref{made.id, "1"};
    };
    co_return co_await write(std::move(w), std::move(job), bounds);
}

task<ews::outcome<ews::item_ref>> exchange_client::update(const mailbox_address& mailbox, ews::item_ref ref,
                                                          ews::item_fields fields, std::string command_id,
                                                          protocol::notify notify, ews::write_bounds bounds)
{
    const bool all = notify == protocol::notify::all;
    writing w{lane_of(mailbox, ref.id), kind::update, command_id, ews::operation::update_item};
    const bool sending = only_sends(fields);
    if (const auto* o = server_.model_.find(command_id); o && sending)
        w.what = o->what;
    auto job = [&s = server_, ref, subject = fields.subject, command_id, lane = w.lane, all,
                sending](bool sends) -> ews::outcome<ews::item_ref> {
        auto* i = s.find_item(ref.id);
        if (!i)
            return gone(ews::operation::update_item);
        s.touched(*i);
        const bool first = !i->invited;
        i->command = command_id;
        i->subject = subject.value_or(i->subject);
        i->invited = i->invited || (all && sends);
        ++i->version;
        if (sending && all && sends)
            s.model_.sent_again(lane, command_id, first);
        else if (!sending)
            s.model_.applied(lane, kind::update, command_id, i->subject, all && sends);
        return ews::item_ref{i->id, std::to_string(i->version)};
    };
    co_return co_await write(std::move(w), std::move(job), bounds);
}

task<ews::outcome<void>> exchange_client::remove(const mailbox_address& mailbox, ews::item_ref ref,
                                                 protocol::notify notify, ews::write_bounds bounds)
{
    writing w{lane_of(mailbox, ref.id), kind::cancel, {}, ews::operation::delete_item};
    auto job = [&s = server_, ref, lane = w.lane,
                told = notify == protocol::notify::all](bool) -> ews::outcome<ews::item_ref> {
        auto* i = s.find_item(ref.id);
        if (!i || !i->live())
            return gone(ews::operation::delete_item);
        s.touched(*i);
        s.move(*i, calendars::folder::deleted);
        s.model_.applied(lane, kind::cancel, {}, {}, told);
        return ews::item_ref{i->id, std::to_string(i->version)};
    };
    auto done = co_await write(std::move(w), std::move(job), bounds);
    if (done.has_error())
        co_return done.error();
    co_return boost::system::in_place_value;
}

} // namespace relay::simulation
