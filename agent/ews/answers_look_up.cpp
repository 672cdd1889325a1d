// FindItem's answer: one response message a folder, in the order asked.
#include "agent/ews/answers.hpp"

#include <charconv>

namespace relay::ews {
namespace {

std::optional<int> number(std::string_view text)
{
    int value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || ec != std::errc{} || end != text.data() + text.size() || value < 0)
        return std::nullopt;
    return value;
}

// Where the folder goes on, nothing where this was its last page.
std::optional<int> next_offset(pugi::xml_node root, int offset, std::size_t items_on_page)
{
    const std::string_view last = root.attribute("IncludesLastItemInRange").value();
    if (last == "true" || last == "1")
        return std::nullopt;
    if (last.empty() && items_on_page < static_cast<std::size_t>(find_page_size))
        return std::nullopt;
    const auto said = number(root.attribute("IndexedPagingOffset").value());
    // One that does not go forward would never end.
    return said && *said > offset ? *said : offset + std::max(1, static_cast<int>(items_on_page));
}

found_item found_in(whereabouts folder, pugi::xml_node node)
{
    found_item found;
    found.ref = ref_of(node);
    found.where = folder;
    found.event_id = property_of(node, property::event_id).value_or(std::string{});
    found.command_id = property_of(node, property::command_id).value_or(std::string{});
    found.uid = trimmed(child(node, "UID"));
    return found;
}

} // namespace

outcome<found_page> read_found(const soap_answer& a, std::span<const find_position> asked,
                               std::string_view event_id, const call& c)
{
    const auto messages = response_messages(a, asked.size(), c);
    if (messages.has_error())
        return messages.error();
    found_page page;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto message = (*messages)[i];
        if (!succeeded(message))
            return classify_message(message, c);
        const auto root = child(message, "RootFolder");
        if (!root)
            return failed_call(c, protocol::fault_code::exchange_unavailable, remedy::give_up,
                               "Exchange reported a search as done but gave no result");
        const auto items = child(root, "Items");
        std::size_t count = 0;
        for (auto node = items.first_child(); node; node = node.next_sibling()) {
            if (node.type() != pugi::node_element)
                continue;
            ++count;
            auto found = found_in(asked[i].folder, node);
            // Exchange compares without case: only what came back tells.
            if (!found.ref.id.empty() && found.event_id == event_id)
                page.items.push_back(std::move(found));
        }
        if (const auto next = next_offset(root, asked[i].offset, count))
            page.unfinished.push_back({asked[i].folder, *next});
    }
    return page;
}

} // namespace relay::ews
