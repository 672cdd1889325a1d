#include "tests/chaos/course.hpp"

#include <algorithm>

namespace relay::chaos {
namespace {

constexpr std::string_view deleted_items = "deleteditems";

std::int64_t number_of(const json::object& entry)
{
    const auto* n = entry.if_contains("n");
    return n ? n->to_number<std::int64_t>() : 0;
}

} // namespace

course::course(const std::vector<asked>& commands, const evidence& e)
{
    merge(e);
    std::map<std::string, const asked*> by_id;
    for (const auto& c : commands)
        by_id[c.id] = &c;
    moments_.emplace_back();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        const auto& s = steps_[i];
        if (s.by_hand) {
            apply_deed(s, *entries_[i]);
        } else {
            const auto by = by_id.find(s.command_id);
            apply_write(s, by == by_id.end() ? nullptr : by->second);
        }
        look();
    }
}

// Both lists are in order already.
void course::merge(const evidence& e)
{
    auto hand = e.hands.begin();
    const auto take = [&](const json::object& entry, bool by_hand) {
        entries_.push_back(&entry);
        steps_.push_back({by_hand, text_of(entry, by_hand ? "action" : "operation"), text_of(entry, "uid"),
                          text_of(entry, "command_id"), number_of(entry),
                          entry.contains("unsent") && entry.at("unsent").as_bool()});
    };
    for (const auto& w : e.writes) {
        for (; hand != e.hands.end() && number_of(hand->as_object()) < number_of(w.as_object()); ++hand)
            take(hand->as_object(), true);
        take(w.as_object(), false);
    }
    for (; hand != e.hands.end(); ++hand)
        take(hand->as_object(), true);
}

// False where the item is none that an agent may write to now.
bool course::written_to(const step& s, const char* did)
{
    const auto found = items_.find(s.uid);
    if (found != items_.end() && found->second.copy) {
        wrong_.push_back(std::string("a copy made by hand was ") + did);
        return false;
    }
    if (found == items_.end() || !found->second.live)
        wrong_.push_back(std::string(did) + " while it was not there");
    return true;
}

void course::apply_write(const step& s, const asked* by)
{
    if (s.action == "create") {
        if (moments_.back().live)
            wrong_.push_back("created while it was there already: " + s.command_id);
        items_[s.uid] = {.live = true,
                         .subject = by ? text_of(by->params, "subject") : std::string(),
                         .command_id = s.command_id,
                         .change_key = {},
                         .folder = "calendar"};
    } else if (s.action == "update") {
        if (!written_to(s, "updated"))
            return;
        auto& item = items_[s.uid];
        const auto* set = by ? by->params.if_contains("set") : nullptr;
        if (set && set->as_object().contains("subject"))
            item.subject = text_of(set->as_object(), "subject");
        item.command_id = s.command_id;
    } else if (s.action == "delete" && written_to(s, "deleted")) {
        items_[s.uid].live = false;
    }
}

void course::apply_deed(const step& s, const json::object& deed)
{
    auto& item = items_[s.uid];
    if (s.action == "copy" || s.action == "make")
        item.copy = true;
    item.subject = text_of(deed, "subject");
    item.change_key = text_of(deed, "change_key");
    item.folder = text_of(deed, "folder");
    item.erased = s.action == "erase";
    item.live = !item.erased && item.folder != deleted_items;
}

void course::look()
{
    moment now;
    for (const auto& [uid, item] : items_)
        if (!item.copy && item.live)
            now = {true, item.subject, item.command_id};
    moments_.push_back(std::move(now));
}

bool course::owner_did(std::initializer_list<std::string_view> actions) const
{
    return std::ranges::any_of(steps_, [&](const step& s) {
        return s.by_hand && !items_.at(s.uid).copy && std::ranges::find(actions, s.action) != actions.end();
    });
}

} // namespace relay::chaos
