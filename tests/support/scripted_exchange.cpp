#include "tests/support/scripted_exchange.hpp"

#include <algorithm>
#include <utility>

namespace relay::test {

using ews::item_ref;

task<std::optional<scripted_exchange::trouble>> scripted_exchange::enter(call c, std::string mailbox)
{
    run_late_work();
    calls.push_back(c);
    most_running = std::max(most_running, ++running);
    auto& most = most_for[mailbox];
    most = std::max(most, ++running_for[mailbox]);
    error_code ec;
    if (slowness > duration::zero())
        ec = co_await time_.sleep_for(slowness);
    --running;
    --running_for[mailbox];
    if (ec)
        throw boost::system::system_error(ec); // cut off: the request never arrives
    run_late_work();
    const auto found = std::ranges::find_if(troubles, [&](const trouble& t) {
        return t.which == c && (t.mailbox.empty() || t.mailbox == mailbox);
    });
    if (found == troubles.end())
        co_return std::nullopt;
    auto t = *found;
    troubles.erase(found);
    co_return t;
}

void scripted_exchange::run_late_work()
{
    for (std::size_t i = 0; i < late_.size();) {
        if (late_[i].at > time_.now()) {
            ++i;
            continue;
        }
        const auto work = std::move(late_[i].work);
        late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
        work();
    }
}

template <class T>
ews::outcome<T> scripted_exchange::finish(const std::optional<trouble>& t, std::function<T()> work)
{
    if (!t)
        return work();
    if (t->done_all_the_same)
        work();
    if (t->done_later)
        late_.push_back({time_.now() + *t->done_later, [work] { work(); }});
    return t->error;
}

scripted_exchange::stored* scripted_exchange::find_item(const std::string& id)
{
    const auto found = std::ranges::find_if(items, [&](const stored& s) { return s.marks.ref.id == id; });
    return found == items.end() ? nullptr : &*found;
}

task<ews::outcome<ews::server_info>> scripted_exchange::resolve_account(duration)
{
    const auto t = co_await enter(call::resolve);
    co_return finish<ews::server_info>(t, [] {
        return ews::server_info{"15.2.1118.7", "Exchange 2019", "Service", "svc@corp.example"};
    });
}

// At once, whatever `slowness` says: it is asked beside what tests are about.
task<ews::outcome<ews::recipient>> scripted_exchange::find_recipient(const mailbox_address& address, duration)
{
    const auto usual = std::exchange(slowness, duration::zero());
    auto work = enter(call::recipient);
    const auto t = co_await std::move(work);
    slowness = usual;
    co_return finish<ews::recipient>(t, [this, key = address.key()] {
        const auto found = address_book.find(key);
        return found == address_book.end() ? ews::recipient{ews::recipient::kind::one, key} : found->second;
    });
}

task<ews::outcome<ews::mailbox_info>> scripted_exchange::open_calendar(const mailbox_address& mailbox,
                                                                       duration)
{
    const auto t = co_await enter(call::open, mailbox.key());
    co_return finish<ews::mailbox_info>(t, [&] { return ews::mailbox_info{"Name of " + mailbox.str()}; });
}

task<ews::outcome<std::vector<ews::mailbox_busy>>>
scripted_exchange::availability(std::vector<mailbox_address> mailboxes, utc_time start, utc_time end,
                                duration limit)
{
    auto& asked = asked_about.emplace_back();
    for (const auto& mailbox : mailboxes)
        asked.push_back(mailbox.key());
    const auto t = co_await enter(call::availability);
    if (takes) {
        const auto wanted = takes(mailboxes);
        const auto ec = co_await time_.sleep_for(std::min(wanted, limit));
        if (ec)
            throw boost::system::system_error(ec);
        if (wanted > limit)
            co_return ews::error{
                .fault = {protocol::fault_code::exchange_unavailable, "no answer in time", {}},
                .retry_action = ews::retry_action::retry,
                .of_mailboxes = true};
    }
    if (ill)
        if (auto e = ill(mailboxes))
            co_return std::move(*e);
    co_return finish<std::vector<ews::mailbox_busy>>(t, [&] {
        std::vector<ews::mailbox_busy> answers;
        for (const auto& mailbox : mailboxes)
            if (calendar)
                answers.push_back(calendar(mailbox, start, end));
            else
                answers.emplace_back(std::vector<ews::busy_period>{
                    {start, std::min<utc_time>(start + 1h, end), ews::busy_status::busy}});
        return answers;
    });
}

task<ews::outcome<ews::search_result>> scripted_exchange::find(const mailbox_address& mailbox,
                                                               std::string event_id, duration)
{
    const auto t = co_await enter(call::find, mailbox.key());
    co_return finish<ews::search_result>(t, [&] {
        ews::search_result found;
        const bool deleted_refuse = refusing.contains("");
        for (const auto& s : items)
            if (s.mailbox == mailbox.key() && s.marks.event_id == event_id && s.folder.empty() &&
                s.seen_from <= time_.now() &&
                !(deleted_refuse && s.marks.where == ews::item_location::deleted))
                found.items.push_back(s.marks);
        if (deleted_refuse)
            found.refused.push_back({"", refusing.at("")});
        return found;
    });
}

task<ews::outcome<std::vector<ews::mail_folder>>>
scripted_exchange::other_folders(const mailbox_address& mailbox, duration)
{
    const auto t = co_await enter(call::folders, mailbox.key());
    co_return finish<std::vector<ews::mail_folder>>(t, [&] { return folders; });
}

task<ews::outcome<ews::search_result>> scripted_exchange::find_in(const mailbox_address& mailbox,
                                                                  std::string event_id,
                                                                  std::vector<ews::mail_folder> asked,
                                                                  duration)
{
    const auto t = co_await enter(call::find_in, mailbox.key());
    co_return finish<ews::search_result>(t, [&] {
        ews::search_result found;
        for (const auto& folder : asked)
            if (refusing.contains(folder.id))
                found.refused.push_back({folder.id, refusing.at(folder.id)});
        for (const auto& s : items)
            for (const auto& folder : asked)
                if (s.mailbox == mailbox.key() && s.marks.event_id == event_id && s.folder == folder.id &&
                    !refusing.contains(folder.id)) {
                    auto& marks = found.items.emplace_back(s.marks);
                    marks.where = folder.where;
                    marks.uid.clear();
                    marks.invited.reset();
                    marks.series = false;
                }
        return found;
    });
}

task<ews::outcome<ews::item>> scripted_exchange::get(const mailbox_address& mailbox, item_ref ref, duration)
{
    const auto t = co_await enter(call::get, mailbox.key());
    const auto* s = find_item(ref.id);
    if (!s)
        co_return ews::error{{protocol::fault_code::exchange_error, "gone", "ErrorItemNotFound"}};
    co_return finish<ews::item>(t, [&] {
        ews::item i;
        i.ref = s->marks.ref;
        i.uid = s->marks.uid;
        i.born_uid = s->marks.born_uid;
        i.series = s->marks.series;
        i.invited = s->marks.invited;
        i.fields.attendees = s->fields.attendees.value_or(std::vector<protocol::attendee>{});
        i.fields.subject = s->fields.subject.value_or("");
        i.fields.start = s->fields.start.value_or(utc_time{});
        i.fields.end = s->fields.end.value_or(utc_time{});
        i.windows_zone = s->fields.windows_zone.value_or("");
        return i;
    });
}

task<ews::outcome<item_ref>> scripted_exchange::create(const mailbox_address& mailbox,
                                                       ews::item_fields fields, ews::marks m, std::string uid,
                                                       protocol::notify notify, ews::write_bounds bounds)
{
    if (time_.now() >= bounds.not_after)
        co_return ews::out_of_time();
    const auto t = co_await enter(call::create, mailbox.key());
    const bool sends = notify != protocol::notify::none && !(t && t->uninvited);
    co_return finish<item_ref>(t, [this, key = mailbox.key(), fields, m, uid, sends] {
        item_ref ref{"item-" + std::to_string(next_id_++), "1"};
        const bool invited = sends && fields.attendees && !fields.attendees->empty();
        items.push_back({key,
                         {ref, ews::item_location::live, m.event_id, m.command_id, uid, invited, uid},
                         fields,
                         {},
                         time_.now() + lag});
        told.push_back("create " + m.event_id);
        if (invited)
            told.push_back("invite " + m.event_id);
        return ref;
    });
}

task<ews::outcome<item_ref>> scripted_exchange::update(const mailbox_address& mailbox, item_ref ref,
                                                       ews::item_fields fields, std::string command_id,
                                                       protocol::notify notify, ews::write_bounds bounds)
{
    if (time_.now() >= bounds.not_after)
        co_return ews::out_of_time();
    const auto t = co_await enter(call::update, mailbox.key());
    const bool sends = notify == protocol::notify::all && !(t && t->uninvited);
    if (!find_item(ref.id))
        co_return ews::error{{protocol::fault_code::exchange_error, "gone", "ErrorItemNotFound"}};
    co_return finish<item_ref>(t, [this, ref, fields, command_id, sends] {
        auto* s = find_item(ref.id);
        if (!s)
            return ref;
        if (!command_id.empty()) // the silent step of an update
            s->marks.command_id = command_id;
        s->marks.ref.change_key += "+";
        if (fields.subject)
            s->fields.subject = fields.subject;
        if (fields.attendees)
            s->fields.attendees = fields.attendees;
        told.push_back("update " + s->marks.event_id);
        if (sends && s->fields.attendees && !s->fields.attendees->empty()) {
            told.push_back((s->marks.invited == true ? "tell " : "invite ") + s->marks.event_id);
            s->marks.invited = true;
        }
        return s->marks.ref;
    });
}

task<ews::outcome<void>> scripted_exchange::remove(const mailbox_address& mailbox, item_ref ref,
                                                   protocol::notify, ews::write_bounds bounds)
{
    if (time_.now() >= bounds.not_after)
        co_return ews::out_of_time();
    const auto t = co_await enter(call::remove, mailbox.key());
    if (!find_item(ref.id))
        co_return ews::error{{protocol::fault_code::exchange_error, "gone", "ErrorItemNotFound"}};
    const auto done = finish<int>(t, [this, ref] {
        if (auto* s = find_item(ref.id)) {
            s->marks.where = ews::item_location::deleted;
            s->folder.clear();
            s->marks.ref.id += "-deleted";
            told.push_back("cancel " + s->marks.event_id);
        }
        return 0;
    });
    if (done.has_error())
        co_return done.error();
    co_return boost::system::in_place_value;
}

} // namespace relay::test
