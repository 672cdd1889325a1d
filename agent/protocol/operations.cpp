#include "agent/protocol/operations.hpp"

#include "agent/protocol/params.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relay::protocol {
namespace {

constexpr std::array<operation_traits, 10> table{{
    {"connection.test", operation_class::read},
    {"mailbox.verify", operation_class::read},
    {"availability.get", operation_class::read},
    {"event.create", operation_class::write},
    {"event.update", operation_class::write},
    {"event.cancel", operation_class::write},
    {"event.get", operation_class::read},
    {"availability.watch", operation_class::write},
    {"availability.unwatch", operation_class::write},
    {"agent.diagnose", operation_class::read},
}};

constexpr std::array<std::string_view, 2> all_or_none{"all", "none"};
constexpr std::array<std::string_view, 3> all_changed_none{"all", "changed", "none"};

notify notify_of(params_reader& params, std::span<const std::string_view> allowed)
{
    const auto read = [=](const json::value& v, const std::string& path, findings& found) {
        return read_notify(v, allowed, path, found);
    };
    return params.optional("notify", read).value_or(notify::all);
}

void check_order(utc_time start, utc_time end, std::string_view path, findings& found)
{
    if (end <= start)
        found.add(path, "must be after start");
}

event_fields read_fields(params_reader& params, findings& found)
{
    event_fields f;
    f.subject = params.needed("subject", read_subject);
    f.start = params.needed("start", read_time);
    f.end = params.needed("end", read_time);
    check_order(f.start, f.end, params.path_of("end"), found);
    f.time_zone = params.optional("time_zone", read_time_zone);
    f.body = params.optional("body", read_body);
    f.location = params.optional("location", read_location);
    f.online_meeting_url = params.optional("online_meeting_url", read_url);
    f.attendees = params.optional("attendees", read_attendees).value_or(std::vector<attendee>{});
    f.show_as = params.optional("show_as", read_show_as).value_or(show_as::busy);
    f.reminder_minutes = params.optional("reminder_minutes", read_reminder);
    f.is_private = params.optional("private", read_flag).value_or(false);
    f.categories = params.optional("categories", read_categories).value_or(std::vector<std::string>{});
    return f;
}

bool changes_nothing(const event_changes& c)
{
    return !c.subject && !c.start && !c.end && !c.time_zone && !c.body && !c.location &&
           !c.online_meeting_url && !c.attendees && !c.show_as && !c.reminder_minutes && !c.is_private &&
           !c.categories;
}

event_changes read_changes(const json::value& v, const std::string& path, findings& found)
{
    event_changes c;
    const auto* object = v.if_object();
    if (!object)
        return found.add(path, "must be an object"), c;
    params_reader set(*object, path, found);
    c.subject = set.replaced("subject", read_subject);
    c.start = set.replaced("start", read_time);
    c.end = set.replaced("end", read_time);
    if (c.start && c.end)
        check_order(*c.start, *c.end, set.path_of("end"), found);
    c.time_zone = set.changed("time_zone", read_time_zone);
    c.body = set.changed("body", read_body);
    c.location = set.changed("location", read_location);
    c.online_meeting_url = set.changed("online_meeting_url", read_url);
    c.attendees = set.changed("attendees", read_attendees);
    c.show_as = set.changed("show_as", read_show_as);
    c.reminder_minutes = set.changed("reminder_minutes", read_reminder);
    c.is_private = set.changed("private", read_flag);
    c.categories = set.changed("categories", read_categories);
    if (changes_nothing(c))
        found.add(path, "must change at least one field");
    return c;
}

// One operation of a command whose mailbox, where it needs one, has been read.
class operation_reader {
public:
    operation_reader(const command& c, findings& found)
        : command_(c),
          found_(found),
          params_(c.params, "params", found)
    {
    }

    std::optional<operation> read()
    {
        if (command_.op == "connection.test")
            return connection_test{};
        if (command_.op == "agent.diagnose")
            return agent_diagnose{};
        if (command_.op == "availability.get")
            return availability();
        if (command_.op == "availability.watch")
            return watch();
        if (command_.op == "availability.unwatch")
            return availability_unwatch{params_.needed("watch_id", read_event_id)};
        const auto mailbox = needed_mailbox();
        if (!mailbox)
            return std::nullopt;
        if (command_.op == "mailbox.verify")
            return mailbox_verify{*mailbox};
        auto event_id = params_.needed("event_id", read_event_id);
        if (command_.op == "event.create") {
            auto fields = read_fields(params_, found_);
            return event_create{*mailbox, std::move(event_id), std::move(fields),
                                notify_of(params_, all_or_none)};
        }
        if (command_.op == "event.update") {
            auto changes = params_.needed("set", read_changes);
            return event_update{*mailbox, std::move(event_id), std::move(changes),
                                notify_of(params_, all_changed_none)};
        }
        if (command_.op == "event.cancel")
            return event_cancel{*mailbox, std::move(event_id), notify_of(params_, all_or_none)};
        return event_get{*mailbox, std::move(event_id)};
    }

private:
    availability_get availability()
    {
        availability_get a{params_.needed("mailboxes", read_mailboxes), params_.needed("start", read_time),
                           params_.needed("end", read_time)};
        check_order(a.start, a.end, "params.end", found_);
        if (a.end - a.start > longest_availability)
            found_.add("params.end",
                       fmt::format("must be at most {} days after start", longest_availability.count()));
        return a;
    }

    availability_watch watch()
    {
        availability_watch w;
        w.watch_id = params_.needed("watch_id", read_event_id);
        w.mailboxes = params_.needed("mailboxes", read_watched_mailboxes);
        w.horizon = params_.optional("horizon_days", read_horizon).value_or(w.horizon);
        w.interval = params_.optional("interval_s", read_interval).value_or(w.interval);
        return w;
    }

    std::optional<mailbox_address> needed_mailbox()
    {
        if (command_.mailbox.empty())
            return found_.add("mailbox", "is missing"), std::nullopt;
        auto address = mailbox_address::parse(command_.mailbox);
        if (!address.has_value())
            return found_.add("mailbox", "is not an SMTP address"), std::nullopt;
        return std::move(*address);
    }

    const command& command_;
    findings& found_;
    params_reader params_;
};

struct lane {
    std::string operator()(const auto& op) const
    {
        if constexpr (requires { op.event_id; })
            return fmt::format("{}/{}", op.mailbox.key(), op.event_id);
        else if constexpr (requires { op.watch_id; })
            return fmt::format("watch:{}", op.watch_id);
        else
            return {};
    }
};

} // namespace

std::span<const operation_traits> operations() noexcept
{
    return table;
}

std::optional<operation_class> class_of(std::string_view name) noexcept
{
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const auto& t) { return t.name == name; });
    if (found == table.end())
        return std::nullopt;
    return found->kind;
}

checked<operation> parse_operation(const command& c)
{
    if (!class_of(c.op))
        return fault{fault_code::unsupported_operation,
                     fmt::format("op: {} is not known to this agent", utf8_prefix(c.op, 64)),
                     {}};
    findings found;
    auto op = operation_reader(c, found).read();
    if (found.first())
        return *found.first();
    return std::move(*op);
}

std::string lane_of(const operation& op)
{
    return std::visit(lane{}, op);
}

} // namespace relay::protocol
