// Answers about accounts and mailboxes as a whole.
#include "agent/ews/answers.hpp"
#include "common/text/text.hpp"

#include <algorithm>

namespace relay::ews {
namespace {

directory_entry entry_of(pugi::xml_node resolution)
{
    const auto mailbox = child(resolution, "Mailbox");
    directory_entry entry{text_of(child(mailbox, "Name")),
                          std::string(trimmed(child(mailbox, "EmailAddress")))};
    if (entry.email.find('@') == entry.email.npos) // a legacy name, "/O=CORP/OU=…"
        entry.email.clear();
    return entry;
}

// The directory finds by prefix too: "workestra-svc" also finds "workestra-svc2".
bool is_exactly(const directory_entry& entry, std::string_view asked)
{
    constexpr std::string_view by_address = "smtp:";
    if (asked.starts_with(by_address))
        return ascii_iequals(entry.email, asked.substr(by_address.size()));
    return ascii_iequals(entry.name, asked) ||
           ascii_iequals(entry.email.substr(0, entry.email.find('@')), asked);
}

// MailboxType of the schema. What it does not name yet counts as several: that is refused where it matters.
bool is_one(std::string_view type)
{
    return type == "Mailbox" || type == "Contact" || type == "OneOff";
}

std::vector<pugi::xml_node> resolutions_of(pugi::xml_node message)
{
    std::vector<pugi::xml_node> all;
    const auto set = child(message, "ResolutionSet");
    for (auto node = set.first_child(); node; node = node.next_sibling())
        if (local_name(node) == "Resolution")
            all.push_back(node);
    return all;
}

} // namespace

outcome<recipient> read_recipient(const soap_answer& a, const mailbox_address& asked, const call& c)
{
    auto messages = response_messages(a, 1, c);
    if (messages.has_error())
        return messages.error();
    const auto message = messages->front();
    const auto code = trimmed(child(message, "ResponseCode"));
    if (code == "ErrorNameResolutionNoResults")
        return recipient{};
    if (!succeeded(message) && code != "ErrorNameResolutionMultipleResults")
        return classify_message(message, c);
    const auto found = resolutions_of(message);
    const auto itself = std::ranges::find_if(
        found, [&](auto node) { return ascii_iequals(entry_of(node).email, asked.str()); });
    if (itself == found.end() && found.size() != 1)
        return recipient{};
    const auto node = itself == found.end() ? found.front() : *itself;
    auto primary = entry_of(node).email;
    if (primary.empty())
        return recipient{};
    const auto type = trimmed(child(child(node, "Mailbox"), "MailboxType"));
    return recipient{is_one(type) ? recipient::kind::one : recipient::kind::several, std::move(primary)};
}

outcome<directory_entry> read_resolved(const soap_answer& a, std::string_view asked, const call& c)
{
    auto messages = response_messages(a, 1, c);
    if (messages.has_error())
        return messages.error();
    const auto message = messages->front();
    const auto code = trimmed(child(message, "ResponseCode"));
    if (proves_sign_in(code))
        return directory_entry{};
    if (!succeeded(message) && code != "ErrorNameResolutionMultipleResults")
        return classify_message(message, c);
    std::vector<directory_entry> entries;
    for (const auto node : resolutions_of(message))
        entries.push_back(entry_of(node));
    for (auto& entry : entries)
        if (is_exactly(entry, asked))
            return std::move(entry);
    if (entries.size() == 1)
        return std::move(entries.front());
    return directory_entry{};
}

outcome<void> read_folder_opened(const soap_answer& a, const call& c)
{
    const auto message = only_message(a, c);
    if (message.has_error())
        return message.error();
    return {};
}

} // namespace relay::ews
