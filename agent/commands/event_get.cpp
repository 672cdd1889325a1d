// event.get: an event as its host and attendees see it now.
#include "agent/commands/look_for.hpp"
#include "agent/commands/meeting.hpp"
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"
#include "agent/exchange_access/answer_lists.hpp"
#include "common/time/rfc3339.hpp"

namespace relay::commands {
namespace {

std::string_view name(protocol::show_as s)
{
    switch (s) {
    case protocol::show_as::free:
        return "free";
    case protocol::show_as::busy:
        return "busy";
    case protocol::show_as::tentative:
        return "tentative";
    case protocol::show_as::oof:
        return "oof";
    case protocol::show_as::working_elsewhere:
        return "working_elsewhere";
    }
    return "busy";
}

std::string_view name(protocol::attendee_role r)
{
    switch (r) {
    case protocol::attendee_role::required:
        return "required";
    case protocol::attendee_role::optional:
        return "optional";
    case protocol::attendee_role::resource:
        return "resource";
    }
    return "required";
}

json::array attendees(const std::vector<protocol::attendee>& people)
{
    json::array list;
    for (const auto& a : people) {
        json::object entry{{"email", a.email.str()}, {"role", name(a.role)}};
        if (!a.name.empty())
            entry["name"] = a.name;
        list.push_back(std::move(entry));
    }
    return list;
}

json::object output_of_get(const std::string& event_id, const protocol::event_fields& f,
                           const std::vector<ews::attendee_answer>& answers)
{
    json::object out{{"event_id", event_id},
                     {"subject", f.subject},
                     {"start", format_rfc3339(f.start)},
                     {"end", format_rfc3339(f.end)}};
    if (f.time_zone)
        out["time_zone"] = *f.time_zone;
    if (f.body)
        out["body"] = {{"format", f.body->format == protocol::body_format::html ? "html" : "text"},
                       {"content", f.body->content}};
    if (f.location)
        out["location"] = *f.location;
    if (f.online_meeting_url)
        out["online_meeting_url"] = *f.online_meeting_url;
    out["attendees"] = attendees(f.attendees);
    out["show_as"] = name(f.show_as);
    if (f.reminder_minutes)
        out["reminder_minutes"] = *f.reminder_minutes;
    out["private"] = f.is_private;
    out["categories"] = json::array(f.categories.begin(), f.categories.end());
    out["responses"] = exchange_access::response_list(answers);
    return out;
}

class event_get final : public event_operation {
public:
    explicit event_get(protocol::unread_operation& from) : event_operation(from) {}

    task<ending> carry_out(command_run& run) const override;
};

task<ending> event_get::carry_out(command_run& run) const
{
    run.about(host().key());
    for (;;) {
        const auto found =
            co_await look_for(run, host(), event_id(), search_scope::everywhere, search_scope::everywhere);
        if (found.has_error())
            co_return found.error();
        if (found->live.empty())
            co_return reply(event_not_found(*found));
        if (found->live.size() > 1)
            co_return reply(copied_by_hand());
        auto item = co_await run.use().exchange.get(host(), found->live.front().ref, run.request_limit());
        if (item.has_value()) {
            run.succeeded();
            auto output = output_of_get(event_id(), as_given(*item), item->answers);
            if (item->series) // its times are those of the first occurrence
                output["series"] = true;
            co_return reply(std::move(output));
        }
        if (auto over = co_await run.after_failure(retry_if_moved(item.error())))
            co_return *over;
    }
}

} // namespace

protocol::operation_ptr read_event_get(protocol::unread_operation& from)
{
    return std::make_shared<event_get>(from);
}

} // namespace relay::commands
