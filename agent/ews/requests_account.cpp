// Requests about accounts and mailboxes as a whole.
#include "agent/ews/requests.hpp"
#include "agent/ews/soap_request.hpp"
#include "common/text/text.hpp"

namespace relay::ews {

std::string write_resolve_names(std::string_view entry, const mailbox_address* impersonated)
{
    soap_request request("m:ResolveNames", impersonated);
    auto resolve = request.operation();
    set(resolve, "ReturnFullContactData", "false");
    set(resolve, "SearchScope", "ActiveDirectory"); // not the account's own contacts
    add(resolve, "m:UnresolvedEntry", entry);
    return request.str();
}

std::string resolvable_name(std::string_view username)
{
    auto account = trim(username);
    if (account.find('@') != account.npos)
        return "smtp:" + std::string(account);
    if (const auto slash = account.rfind('\\'); slash != account.npos)
        account.remove_prefix(slash + 1);
    // A name is needed even where we do not know ours: that nothing is found proves the sign-in just as well.
    return account.empty() ? "smtp:workestra-relay@invalid" : std::string(account);
}

std::string write_open_folder(const mailbox_address& mailbox, std::string_view folder)
{
    soap_request request("m:GetFolder", &mailbox);
    auto get = request.operation();
    add(add(get, "m:FolderShape"), "t:BaseShape", "IdOnly");
    set(add(add(get, "m:FolderIds"), "t:DistinguishedFolderId"), "Id", folder);
    return request.str();
}

} // namespace relay::ews
