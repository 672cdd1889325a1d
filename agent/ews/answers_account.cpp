// Answers about accounts and mailboxes as a whole.
#include "agent/ews/answers.hpp"
#include "common/text/text.hpp"

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

} // namespace

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
    const auto set = child(message, "ResolutionSet");
    for (auto node = set.first_child(); node; node = node.next_sibling())
        if (local_name(node) == "Resolution")
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
