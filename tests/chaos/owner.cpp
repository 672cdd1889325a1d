#include "tests/chaos/owner.hpp"

#include "tests/stand_ins/control/routes.hpp"

namespace relay::chaos {
namespace {

constexpr const char* other_calendar = "Projects";

std::string path_of(const std::string& mailbox, const json::object& item)
{
    return "/mailboxes/" + mailbox + "/items/" + stand_in::percent_encode(text_of(item, "id"));
}

} // namespace

void owner::make_folders()
{
    for (int i = 1; i <= 9; ++i)
        lab_.world().exchange().post("/mailboxes/user" + std::to_string(i) + "@corp.example/folders",
                                     {{"name", other_calendar}, {"class", "IPF.Appointment"}});
}

// What an agent removed stays away: it may be looking whether it did.
bool owner::may(deed what, const json::object& item) const
{
    const bool deleted = text_of(item, "folder") == "deleteditems";
    if (what != deed::restore)
        return !deleted;
    if (!deleted)
        return false;
    const auto uid = text_of(item, "uid");
    const auto ledger = lab_.world().exchange().get("/ledger").as_object();
    const auto last_removal = [&](const char* list, const char* field) {
        std::int64_t last = 0;
        for (const auto& entry : ledger.at(list).as_array())
            if (text_of(entry.as_object(), field) == "delete" && text_of(entry.as_object(), "uid") == uid)
                last = entry.at("n").to_number<std::int64_t>();
        return last;
    };
    return last_removal("by_hand", "action") > last_removal("writes", "operation");
}

void owner::carry_out(deed what, const std::string& mailbox, const json::object& item)
{
    auto& exchange = lab_.world().exchange();
    const auto path = path_of(mailbox, item);
    const auto elsewhere = text_of(item, "folder") == other_calendar ? "calendar" : other_calendar;
    const auto hour = std::to_string(10 + ++deeds_ % 10);
    json::object change{{"subject", "By hand " + std::to_string(deeds_)}};
    switch (what) {
    case deed::edit:
        if (deeds_ % 2 == 0) {
            change["start"] = "2027-03-02T" + hour + ":00:00Z";
            change["end"] = "2027-03-02T" + hour + ":30:00Z";
        }
        exchange.patch(path, change);
        break;
    case deed::copy:
        exchange.post(path + "/copy", {{"folder", deeds_ % 4 == 0 ? other_calendar : "calendar"}});
        break;
    case deed::move:
        exchange.post(path + "/move", {{"folder", elsewhere}});
        break;
    case deed::remove:
        exchange.remove(path);
        break;
    case deed::restore:
        exchange.post(path + "/move", {{"folder", "calendar"}});
        break;
    }
}

bool owner::act(deed what, const std::string& mailbox, const std::string& event_id, touched& so_far)
{
    static constexpr const char* names[] = {"edits", "copies", "moves", "deletes", "restores"};
    const auto items = lab_.world().exchange().get("/mailboxes/" + mailbox + "/items");
    for (const auto& i : items.as_array()) {
        const auto& item = i.as_object();
        if (text_of(item.at("properties").as_object(), "WorkestraEventId") != event_id || !may(what, item))
            continue;
        try {
            carry_out(what, mailbox, item);
        } catch (const std::runtime_error&) {
            return false; // the agent was faster: the item has another id by now
        }
        so_far.moved = so_far.moved || what == deed::move;
        so_far.deleted = so_far.deleted || what == deed::remove;
        lab_.note(std::string("the owner ") + names[static_cast<int>(what)] + " an item of " + event_id);
        return true;
    }
    return false;
}

} // namespace relay::chaos
