#include "agent/exchange_access/identity.hpp"

#include "common/text/text.hpp"

#include <algorithm>
#include <utility>

namespace relay::exchange_access {
namespace {

constexpr std::string_view uid_ending = "@workestra-relay"; // items that older versions made have it too

birth birth_of(const ews::found_item& item)
{
    return exchange_access::birth_of(item.uid, item.born_uid);
}

template <class Condition>
const ews::found_item* first_of(const std::vector<ews::found_item>& items, Condition condition)
{
    const auto found = std::ranges::find_if(items, condition);
    return found == items.end() ? nullptr : &*found;
}

} // namespace

std::string uid_for(const std::string& event_id, const std::string& command_id)
{
    constexpr std::size_t digits = 40;
    return to_hex(sha256(event_id + '\n' + command_id)).substr(0, digits).append(uid_ending);
}

bool is_given_uid(std::string_view uid)
{
    return uid.ends_with(uid_ending);
}

birth birth_of(std::string_view uid, std::string_view born_uid)
{
    if (uid.empty())
        return birth::unclear;
    if (!born_uid.empty())
        return uid == born_uid ? birth::original : birth::copy;
    // Older agents made no note. But Outlook and Exchange give copies UIDs of another form.
    return is_given_uid(uid) ? birth::original : birth::unclear;
}

marked_items sorted_out(std::vector<ews::found_item> all)
{
    const bool known =
        std::ranges::any_of(all, [](const auto& item) { return birth_of(item) != birth::unclear; });
    marked_items items;
    for (auto& item : all) {
        const auto born = birth_of(item);
        if (born == birth::copy || (born == birth::unclear && known))
            items.copies.push_back(std::move(item));
        else
            (item.where == ews::item_location::live ? items.live : items.deleted).push_back(std::move(item));
    }
    return items;
}

bool holds_original(const marked_items& items)
{
    return std::ranges::any_of(items.live,
                               [](const auto& item) { return birth_of(item) == birth::original; });
}

trace trace_of_create(const marked_items& items, const std::string& command_id, const std::string& uid)
{
    const auto born_of_it = [&](const auto& item) { return item.uid == uid; };
    const auto as_left = [&](const auto& item) { return item.command_id == command_id; };
    const auto both = [&](const auto& item) { return born_of_it(item) && as_left(item); };
    const auto either = [&](const auto& item) { return born_of_it(item) || as_left(item); };
    const auto* there = first_of(items.live, both);
    if (!there)
        there = first_of(items.live, either);
    if (there)
        return {as_left(*there) ? trace::kind::applied : trace::kind::overtaken, there};

    const auto* deleted = first_of(items.deleted, either);
    const bool copied = std::ranges::any_of(
        items.copies, [&](const auto& item) { return item.born_uid == uid || as_left(item); });
    if (!deleted && !copied)
        return {};
    if (items.live.size() == 1)
        return {trace::kind::overtaken, &items.live.front()};
    return {trace::kind::gone, deleted};
}

trace trace_of_update(const marked_items& items, const std::string& command_id, bool own)
{
    const auto as_left = [&](const auto& item) { return item.command_id == command_id; };
    if (const auto* there = first_of(items.live, as_left))
        return {trace::kind::applied, there};
    const auto* deleted = first_of(items.deleted, as_left);
    if (!deleted && std::ranges::none_of(items.copies, as_left))
        return {};
    if (items.live.empty())
        return {trace::kind::gone, deleted};
    if (own && items.live.size() == 1)
        return {trace::kind::overtaken, &items.live.front()};
    return {};
}

} // namespace relay::exchange_access
