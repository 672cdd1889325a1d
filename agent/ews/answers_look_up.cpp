// Answers to FindItem (one response message a folder, in the order asked) and to the search for folders.
#include "agent/ews/answers.hpp"

#include <charconv>
#include <unordered_map>

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

constexpr int deepest_folder = 300; // Exchange's own limit

// Where a listing goes on, nothing where this was its last page.
std::optional<int> next_offset(pugi::xml_node root, int offset, std::size_t on_page, int page_size)
{
    const std::string_view last = root.attribute("IncludesLastItemInRange").value();
    if (last == "true" || last == "1")
        return std::nullopt;
    if (last.empty() && on_page < static_cast<std::size_t>(page_size))
        return std::nullopt;
    const auto said = number(root.attribute("IndexedPagingOffset").value());
    // One that does not go forward would never end.
    return said && *said > offset ? *said : offset + std::max(1, static_cast<int>(on_page));
}

found_item found_in(item_location folder, pugi::xml_node node)
{
    found_item found;
    found.ref = ref_of(node);
    found.where = folder;
    found.event_id = property_of(node, property::event_id).value_or(std::string{});
    found.command_id = property_of(node, property::command_id).value_or(std::string{});
    found.uid = uid_of(node);
    found.invited = boolean_of(trimmed(child(node, "MeetingRequestWasSent")));
    found.born_uid = property_of(node, property::born_uid).value_or(std::string{});
    found.series = is_series(node);
    return found;
}

bool is_gone(pugi::xml_node message)
{
    const auto code = trimmed(child(message, "ResponseCode"));
    return code == "ErrorFolderNotFound" || code == "ErrorItemNotFound";
}

// What one folder can have of its own, and the others of the mailbox need not suffer for.
bool may_be_of_folder(const error& e)
{
    using enum protocol::fault_code;
    return !e.fault.exchange.empty() &&
           (e.retry_action == retry_action::give_up || e.retry_action == retry_action::retry) &&
           (e.fault.code == exchange_error || e.fault.code == exchange_unavailable ||
            e.fault.code == event_not_found || e.fault.code == conflict);
}

std::string id_in(pugi::xml_node node, std::string_view element)
{
    return child(node, element).attribute("Id").value();
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
        const bool gone = !asked[i].id.empty() && is_gone(message);
        if (!gone && !succeeded(message)) {
            if (trimmed(child(message, "ResponseCode")) == "ErrorBatchProcessingStopped") {
                page.unanswered.push_back(asked[i]);
                continue;
            }
            auto e = classify_message(message, c);
            if (asked[i].is_witness || !may_be_of_folder(e))
                return e;
            page.refused.push_back({asked[i], std::move(e)});
            continue;
        }
        if (asked[i].is_witness)
            continue;
        page.answered = true;
        if (gone)
            continue;
        const auto root = child(message, "RootFolder");
        if (!root)
            return failed_call(c, protocol::fault_code::exchange_unavailable, retry_action::retry,
                               "Exchange reported a search as done but gave no result");
        const auto items = child(root, "Items");
        std::size_t count = 0;
        for (auto node = items.first_child(); node; node = node.next_sibling()) {
            if (node.type() != pugi::node_element)
                continue;
            ++count;
            auto found = found_in(asked[i].folder, node);
            // Exchange compares without case: only what came back tells.
            if (local_name(node) == "CalendarItem" && !found.ref.id.empty() && found.event_id == event_id)
                page.items.push_back(std::move(found));
        }
        if (const auto next = next_offset(root, asked[i].offset, count, find_page_size))
            page.unfinished.push_back({asked[i].folder, *next, asked[i].id});
    }
    return page;
}

outcome<usual_folders> read_usual_folders(const soap_answer& a, const call& c)
{
    const auto messages = response_messages(a, 2, c);
    if (messages.has_error())
        return messages.error();
    usual_folders usual;
    for (auto* id : {&usual.calendar, &usual.deleted_items}) {
        const auto message = (*messages)[id == &usual.calendar ? 0 : 1];
        if (!succeeded(message))
            return classify_message(message, c);
        *id = id_in(child(message, "Folders").first_child(), "FolderId");
        if (id->empty())
            return failed_call(c, protocol::fault_code::exchange_unavailable, retry_action::retry,
                               "Exchange opened a folder but did not name it");
    }
    return usual;
}

outcome<folder_page> read_folders(const soap_answer& a, int offset, const call& c)
{
    const auto message = only_message(a, c);
    if (message.has_error())
        return message.error();
    const auto root = child(*message, "RootFolder");
    if (!root)
        return failed_call(c, protocol::fault_code::exchange_unavailable, retry_action::retry,
                           "Exchange reported a search for folders as done but gave no result");
    folder_page page;
    std::size_t count = 0;
    const auto list = child(root, "Folders");
    for (auto node = list.first_child(); node; node = node.next_sibling()) {
        if (node.type() != pugi::node_element)
            continue;
        ++count;
        folder_page::entry entry{id_in(node, "FolderId"), id_in(node, "ParentFolderId")};
        // A search folder shows what lies elsewhere.
        if (!entry.id.empty() && local_name(node) != "SearchFolder")
            page.folders.push_back(std::move(entry));
    }
    page.next_offset = next_offset(root, offset, count, folder_page_size);
    return page;
}

std::vector<mail_folder> others_of(const std::vector<folder_page::entry>& all, const usual_folders& usual)
{
    std::unordered_map<std::string_view, std::string_view> parents;
    std::vector<mail_folder> others;
    for (const auto& folder : all)
        if (parents.emplace(folder.id, folder.parent).second && folder.id != usual.calendar &&
            folder.id != usual.deleted_items)
            others.push_back({folder.id, item_location::live});
    const auto is_deleted = [&](std::string_view id) {
        for (int depth = 0; depth < deepest_folder; ++depth) {
            const auto up = parents.find(id);
            if (up == parents.end())
                return false;
            if (up->second == usual.deleted_items)
                return true;
            id = up->second;
        }
        return false;
    };
    for (auto& folder : others)
        if (is_deleted(folder.id))
            folder.where = item_location::deleted;
    return others;
}

} // namespace relay::ews
