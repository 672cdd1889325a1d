#include "tests/stand_ins/exchange/folders.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/item_shape.hpp"

#include <algorithm>
#include <array>

namespace relay::exchange_sim {
namespace {

using enum folder_kind;

constexpr std::array<folder_traits, folder_count> all_folders{{
    {root, "root", "", "", root},
    {msgfolderroot, "msgfolderroot", "Top of Information Store", "IPF.Note", root},
    {calendar, "calendar", "Calendar", "IPF.Appointment", msgfolderroot},
    {deleteditems, "deleteditems", "Deleted Items", "IPF.Note", msgfolderroot},
    {inbox, "inbox", "Inbox", "IPF.Note", msgfolderroot},
    {sentitems, "sentitems", "Sent Items", "IPF.Note", msgfolderroot},
    {drafts, "drafts", "Drafts", "IPF.Note", msgfolderroot},
    {outbox, "outbox", "Outbox", "IPF.Note", msgfolderroot},
    {junkemail, "junkemail", "Junk Email", "IPF.Note", msgfolderroot},
    {contacts, "contacts", "Contacts", "IPF.Contact", msgfolderroot},
    {tasks, "tasks", "Tasks", "IPF.Task", msgfolderroot},
}};

std::string_view element_of(folder_kind folder)
{
    switch (folder) {
    case calendar:
        return "CalendarFolder";
    case contacts:
        return "ContactsFolder";
    case tasks:
        return "TasksFolder";
    default:
        return "Folder";
    }
}

bool is_below(folder_kind folder, folder_kind parent, bool deep)
{
    if (folder == root)
        return false;
    const auto direct = traits_of(folder).parent;
    return direct == parent || (deep && direct != root && is_below(direct, parent, deep));
}

std::int64_t children_of(folder_kind parent)
{
    return std::ranges::count_if(all_folders,
                                 [&](const folder_traits& f) { return is_below(f.kind, parent, false); });
}

// Which properties a FolderShape asks for; the ids are always there.
struct folder_shape {
    folder_shape(pugi::xml_node shape, mailbox_store& store)
    {
        const auto base = child_text(shape, "BaseShape");
        all = base == "Default" || base == "AllProperties";
        for (const auto node : elements(child(shape, "AdditionalProperties")))
            if (const auto path = read_path(node, store); !path.extended)
                fields.push_back(path.field);
    }
    bool has(std::string_view field) const { return all || std::ranges::find(fields, field) != fields.end(); }

    bool all = false;
    std::vector<std::string_view> fields;
};

void put_folder(std::string& out, const folder_ref& ref, const folder_shape& shape)
{
    const auto& f = traits_of(ref.folder);
    const auto element = element_of(f.kind);
    const bool is_root = f.kind == root;
    out.append("<t:").append(element).append(">");
    put_folder_id(out, *ref.owner, f.kind);
    if (shape.has("folder:ParentFolderId") && !is_root)
        put_folder_id(out, *ref.owner, f.parent, "ParentFolderId");
    if (shape.has("folder:FolderClass") && !f.folder_class.empty())
        put(out, "FolderClass", f.folder_class);
    if (shape.has("folder:DisplayName"))
        put(out, "DisplayName", f.display_name);
    if (shape.has("folder:TotalCount"))
        put(out, "TotalCount", static_cast<std::int64_t>(ref.owner->contents(f.kind).by_arrival.size()));
    if (shape.has("folder:ChildFolderCount"))
        put(out, "ChildFolderCount", children_of(f.kind));
    if (shape.has("folder:DistinguishedFolderId"))
        put(out, "DistinguishedFolderId", f.distinguished);
    if (shape.has("folder:UnreadCount") && (element == "Folder" || element == "TasksFolder"))
        put(out, "UnreadCount", std::int64_t{0});
    out.append("</t:").append(element).append(">");
}

} // namespace

const folder_traits& traits_of(folder_kind folder) noexcept
{
    return all_folders[static_cast<std::size_t>(folder)];
}

folder_ref resolve_folder(pugi::xml_node node, operation_context& context)
{
    if (local_name(node) == "FolderId") {
        const auto blob = from_base64(attribute(node, "Id"));
        if (!blob || blob->size() != 48 || !blob->starts_with(std::string_view("\0\0\0\x2e\1", 5)))
            refuse_item("ErrorInvalidIdMalformed", "Id is malformed.");
        std::uint32_t number = 0;
        for (std::size_t i = 5; i < 9; ++i)
            number = number << 8 | static_cast<unsigned char>((*blob)[i]);
        const auto folder = static_cast<std::size_t>((*blob)[9]);
        auto* owner = context.store.mailbox_by_number(number);
        if (!owner || folder >= folder_count || owner != context.acting)
            refuse_item("ErrorFolderNotFound", "The specified folder could not be found in the store.");
        return {owner, static_cast<folder_kind>(folder)};
    }
    auto* owner = context.acting;
    if (const auto address = child_text(child(node, "Mailbox"), "EmailAddress"); !address.empty()) {
        owner = context.store.find_mailbox(address);
        if (!owner)
            refuse_item("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.");
        if (owner != context.acting)
            refuse_item("ErrorAccessDenied", "Access is denied. Check credentials and try again.");
    }
    if (!owner)
        refuse_item("ErrorMissingEmailAddress",
                    "When making a request as an account that does not have a mailbox, you "
                    "must specify the mailbox primary SMTP address for any distinguished "
                    "folder Ids.");
    const auto id = attribute(node, "Id");
    const auto found = std::ranges::find(all_folders, id, &folder_traits::distinguished);
    if (found == all_folders.end())
        refuse_item("ErrorFolderNotFound", "The specified folder could not be found in the store.");
    return {owner, found->kind};
}

std::string get_folder(operation_context& context)
{
    const auto request = context.request.operation;
    const folder_shape shape(child(request, "FolderShape"), context.store);
    answer_writer answer(context.server, "GetFolder", "<m:Folders/>");
    for (const auto node : elements(child(request, "FolderIds")))
        answer.message([&](std::string& out) {
            const auto ref = resolve_folder(node, context);
            out.append("<m:Folders>");
            put_folder(out, ref, shape);
            out.append("</m:Folders>");
        });
    return std::move(answer).finish();
}

std::string find_folder(operation_context& context)
{
    const auto request = context.request.operation;
    const folder_shape shape(child(request, "FolderShape"), context.store);
    const auto traversal = attribute(request, "Traversal");
    if (traversal != "Shallow" && traversal != "Deep" && traversal != "SoftDeleted")
        refuse_schema("Traversal is missing or has an unknown value.");
    answer_writer answer(context.server, "FindFolder");
    for (const auto node : elements(child(request, "ParentFolderIds")))
        answer.message([&](std::string& out) {
            const auto parent = resolve_folder(node, context);
            std::string found;
            std::int64_t count = 0;
            for (const auto& f : all_folders)
                if (traversal != "SoftDeleted" && is_below(f.kind, parent.folder, traversal == "Deep")) {
                    put_folder(found, {parent.owner, f.kind}, shape);
                    ++count;
                }
            out.append("<m:RootFolder");
            put_attribute(out, "IndexedPagingOffset", std::to_string(count));
            put_attribute(out, "TotalItemsInView", std::to_string(count));
            out.append(R"( IncludesLastItemInRange="true"><t:Folders>)").append(found);
            out.append("</t:Folders></m:RootFolder>");
        });
    return std::move(answer).finish();
}

} // namespace relay::exchange_sim
