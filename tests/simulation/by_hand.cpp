// What the owner of a calendar does in Outlook.
#include "tests/simulation/calendars.hpp"

#include <algorithm>

namespace relay::simulation {

std::string_view name(deed d) noexcept
{
    constexpr std::string_view names[] = {
        "copies",  "moves to another folder or back", "edits",
        "deletes", "takes out of Deleted Items",      "deletes the copies of"};
    return names[static_cast<std::size_t>(d)];
}

void calendars::by_hand(const std::string& mailbox, const std::string& event, deed d)
{
    run_due();
    auto* i = original(mailbox, event, d != deed::restore);
    if (d == deed::tidy) {
        for (auto& c : items_)
            if (c.copy && c.live() && c.mailbox == mailbox && c.event == event)
                move(c, folder::deleted);
        return;
    }
    if (!i)
        return;
    switch (d) {
    case deed::copy: {
        auto copy = *i; // Outlook copies every property, the marks too
        copy.id = next_id();
        copy.uid = "copy-" + copy.id;
        copy.copy = true;
        copy.where = folder::calendar;
        items_.push_back(std::move(copy));
        model_.copied_by_hand(mailbox + '/' + event);
        return;
    }
    case deed::move:
        move(*i, i->where == folder::calendar ? folder::other : folder::calendar);
        return;
    case deed::edit:
        i->subject += ", edited";
        ++i->version;
        break;
    case deed::trash:
        move(*i, folder::deleted);
        break;
    case deed::restore:
        move(*i, folder::calendar);
        i->restored = true;
        break;
    case deed::tidy:
        break;
    }
    const auto* now = original(mailbox, event, true);
    model_.changed_by_hand(mailbox + '/' + event, now ? std::optional(now->subject) : std::nullopt,
                           d == deed::restore);
}

} // namespace relay::simulation
