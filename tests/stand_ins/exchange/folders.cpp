#include "tests/stand_ins/exchange/folders.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/item_shape.hpp"
#include "tests/stand_ins/exchange/page.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

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

std::string_view element_of(std::string_view folder_class)
{
    if (folder_class == "IPF.Appointment")
        return "CalendarFolder";
    if (folder_class == "IPF.Contact")
        return "ContactsFolder";
    return folder_class == "IPF.Task" ? "TasksFolder" : "Folder";
}

bool is_below(const mailbox& owner, folder_kind folder, folder_kind parent, bool deep)
{
    if (folder == root)
        return false;
    const auto direct = traits_of(owner, folder).parent;
    return direct == parent || (deep && direct != root && is_below(owner, direct, parent, deep));
}

std::vector<folder_traits> folders_below(const mailbox& owner, folder_kind parent, bool deep)
{
    std::vector<folder_traits> below;
    for (std::size_t i = 0; i < owner.folders.size(); ++i)
        if (const auto kind = static_cast<folder_kind>(i); is_below(owner, kind, parent, deep))
            below.push_back(traits_of(owner, kind));
    return below;
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
    const auto f = traits_of(*ref.owner, ref.folder);
    const auto element = element_of(f.folder_class);
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
        put(out, "ChildFolderCount",
            static_cast<std::int64_t>(folders_below(*ref.owner, f.kind, false).size()));
    if (shape.has("folder:DistinguishedFolderId") && !f.distinguished.empty())
        put(out, "DistinguishedFolderId", f.distinguished);
    if (shape.has("folder:UnreadCount") && (element == "Folder" || element == "TasksFolder"))
        put(out, "UnreadCount", std::int64_t{0});
    out.append("</t:").append(element).append(">");
}

} // namespace

folder_traits traits_of(const mailbox& owner, folder_kind folder)
{
    const auto i = static_cast<std::size_t>(folder);
    if (i < folder_count)
        return all_folders[i];
    const auto& made = owner.made_folders.at(i - folder_count);
    return {folder, "", made.name, made.folder_class, made.parent};
}

std::string_view name_of(const mailbox& owner, folder_kind folder)
{
    const auto f = traits_of(owner, folder);
    return f.distinguished.empty() ? f.display_name : f.distinguished;
}

std::optional<folder_kind> folder_named(const mailbox& owner, std::string_view name)
{
    for (std::size_t i = 0; i < owner.folders.size(); ++i)
        if (const auto kind = static_cast<folder_kind>(i); name_of(owner, kind) == name)
            return kind;
    return std::nullopt;
}

folder_kind make_folder(mailbox& owner, made_folder folder)
{
    if (folder.name.empty() || folder_named(owner, folder.name))
        throw std::invalid_argument("name: there is a folder of that name, or it is empty");
    if (owner.folders.size() >= most_folders)
        throw std::invalid_argument("the mailbox has as many folders as the stand-in keeps");
    owner.made_folders.push_back(std::move(folder));
    owner.folders.emplace_back();
    return static_cast<folder_kind>(owner.folders.size() - 1);
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
        const auto folder = static_cast<unsigned char>((*blob)[9]);
        auto* owner = context.store.mailbox_by_number(number);
        if (!owner || folder >= owner->folders.size() || owner != context.acting)
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
    const auto p = read_page(child(request, "IndexedPageFolderView"), most_found);
    answer_writer answer(context.server, "FindFolder");
    for (const auto node : elements(child(request, "ParentFolderIds")))
        answer.message([&](std::string& out) {
            const auto parent = resolve_folder(node, context);
            auto found = folders_below(*parent.owner, parent.folder, traversal == "Deep");
            if (traversal == "SoftDeleted")
                found.clear();
            const auto total = static_cast<std::int64_t>(found.size());
            const auto first = std::min(p.offset, total);
            const auto end = std::min(first + p.limit, total);
            out.append("<m:RootFolder");
            put_attribute(out, "IndexedPagingOffset", std::to_string(end));
            put_attribute(out, "TotalItemsInView", std::to_string(total));
            put_attribute(out, "IncludesLastItemInRange", end == total ? "true" : "false");
            out.append("><t:Folders>");
            for (auto i = first; i < end; ++i)
                put_folder(out, {parent.owner, found[static_cast<std::size_t>(i)].kind}, shape);
            out.append("</t:Folders></m:RootFolder>");
        });
    return std::move(answer).finish();
}

} // namespace relay::exchange_sim
