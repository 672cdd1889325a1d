// CreateItem, UpdateItem, DeleteItem, MoveItem and CopyItem: what changes a calendar, and whom it is told.
#include "tests/stand_ins/exchange/folders.hpp"
#include "tests/stand_ins/exchange/item_edit.hpp"
#include "tests/stand_ins/exchange/item_lookup.hpp"
#include "tests/stand_ins/exchange/item_shape.hpp"
#include "tests/stand_ins/exchange/meeting.hpp"
#include "tests/stand_ins/exchange/resource_booking.hpp"

#include <algorithm>
#include <array>

namespace relay::exchange_sim {
namespace {

// An attribute that must have one of a few values, the empty one standing for an absent attribute where that
// is allowed.
std::string_view choice(pugi::xml_node node, const char* name,
                        std::initializer_list<std::string_view> allowed)
{
    const auto value = attribute(node, name);
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        refuse_schema(std::string("The attribute '") + name + "' is missing or has an unknown value.");
    return value;
}

// What was sent, as Exchange keeps it: with all that the item has, the properties of others too.
void keep_in_sent_items(const calendar_item& item, item_class is, operation_context& context)
{
    auto message = item;
    message.is = is;
    context.store.insert(*item.owner, folder_kind::sentitems, std::move(message), context.now);
}

bool saves_copy(std::string_view send)
{
    return send.ends_with("AndSaveCopy");
}

std::string_view send_invitations(pugi::xml_node request)
{
    return choice(request, "SendMeetingInvitations",
                  {"", "SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy"});
}

folder_ref saved_folder(pugi::xml_node request, operation_context& context)
{
    if (const auto node = first_element(child(request, "SavedItemFolderId")))
        return resolve_folder(node, context);
    if (!context.acting)
        refuse_item("ErrorMissingEmailAddress",
                    "The account has no mailbox, and the request names no folder.");
    return {context.acting, folder_kind::calendar};
}

void create_calendar_item(pugi::xml_node node, pugi::xml_node request, operation_context& context,
                          std::string& out)
{
    const auto send = send_invitations(request);
    if (send.empty())
        refuse_item("ErrorSendMeetingInvitationsRequired",
                    "The SendMeetingInvitations attribute is required for calendar "
                    "items.");
    const auto folder = saved_folder(request, context);
    if (folder.folder != folder_kind::calendar && folder.folder != folder_kind::deleteditems)
        refuse_item("ErrorCannotCreateCalendarItemInNonCalendarFolder",
                    "Calendar items can only be saved in calendar "
                    "folders.");
    item_edit edit({}, context);
    for (const auto property : elements(node))
        edit.set(property);
    edit.finish();
    auto& item = context.store.insert(*folder.owner, folder.folder, std::move(edit.item()), context.now);
    context.ledger.write(write_kind::create, item, context.now, context.unsent);
    if (send != "SendToNone" && !context.unsent) {
        send_invitations_to_all(item, context.ledger, context.now);
        book_rooms(item, context.store, context.zones, context.now);
        if (saves_copy(send) && item.invited)
            keep_in_sent_items(item, item_class::request, context);
    }
    out.append("<m:Items><t:CalendarItem>");
    put_item_id(out, item);
    out.append("</t:CalendarItem></m:Items>");
}

void cancel_calendar_item(pugi::xml_node node, pugi::xml_node request, operation_context& context,
                          std::string& out)
{
    const auto disposition =
        choice(request, "MessageDisposition", {"", "SaveOnly", "SendOnly", "SendAndSaveCopy"});
    if (disposition.empty())
        refuse_item("ErrorMessageDispositionRequired",
                    "The MessageDisposition attribute is required for responses.");
    const auto reference = child(node, "ReferenceItemId");
    auto& item = look_up_item(attribute(reference, "Id"), attribute(reference, "ChangeKey"), context);
    if (!item.is_meeting())
        refuse_item("ErrorInvalidOperation", "Only meetings can be cancelled.");
    if (item.folder == folder_kind::deleteditems)
        refuse_item("ErrorCalendarIsCancelledForRemove", "The meeting was cancelled already.");
    cancel_meeting(item, context.ledger, context.now);
    release_rooms(item, nullptr, context.store);
    context.ledger.write(write_kind::remove, item, context.now, context.unsent);
    context.store.move(item, folder_kind::deleteditems, context.now);
    out.append("<m:Items/>");
}

void check_change_key(const calendar_item& item, pugi::xml_node id, std::string_view resolution)
{
    const auto key = attribute(id, "ChangeKey");
    if (resolution == "AlwaysOverwrite")
        return;
    if (key.empty())
        refuse_item("ErrorChangeKeyRequiredForWriteOperations",
                    "The change key is required for this operation.");
    if (resolution == "NeverOverwrite" && key != item.change_key)
        refuse_item("ErrorIrresolvableConflict",
                    "The send or update operation could not be performed because the change "
                    "key passed in the request does not match the current change key for "
                    "the item.");
}

std::string_view send_updates(pugi::xml_node request)
{
    return choice(request, "SendMeetingInvitationsOrCancellations",
                  {"", "SendToNone", "SendOnlyToAll", "SendOnlyToChanged", "SendToAllAndSaveCopy",
                   "SendToChangedAndSaveCopy"});
}

void update_calendar_item(pugi::xml_node change, pugi::xml_node request, operation_context& context,
                          std::string& out)
{
    const auto id = child(change, "ItemId");
    auto& item = look_up_item(id, context);
    const auto send = send_updates(request);
    if (send.empty())
        refuse_item("ErrorSendMeetingInvitationsOrCancellationsRequired",
                    "The SendMeetingInvitationsOrCancellations attribute is required for calendar items.");
    if (item.folder == folder_kind::deleteditems)
        refuse_item("ErrorCalendarCannotUpdateDeletedItem",
                    "The calendar item is in the Deleted Items folder.");
    check_change_key(item, id, attribute(request, "ConflictResolution"));

    const calendar_item before = item;
    item_edit edit(item, context);
    for (const auto field : elements(child(change, "Updates")))
        edit.apply(field);
    edit.finish();
    context.store.replace(item, std::move(edit.item()), context.now);
    context.ledger.write(write_kind::update, item, context.now, context.unsent);
    if (context.unsent)
        item.invited = before.invited;
    else if (send == "SendOnlyToAll" || send == "SendToAllAndSaveCopy")
        send_updates_to_all(before, item, context.ledger, context.now);
    else if (send != "SendToNone")
        send_updates_to_changed(before, item, context.ledger, context.now);
    if (!context.unsent && send != "SendToNone") {
        release_rooms(before, &item, context.store);
        book_rooms(item, context.store, context.zones, context.now);
        if (saves_copy(send) && item.invited)
            keep_in_sent_items(item, item_class::request, context);
    }
    out.append("<m:Items><t:CalendarItem>");
    put_item_id(out, item);
    out.append("</t:CalendarItem></m:Items><m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>");
}

} // namespace

std::string create_item(operation_context& context)
{
    const auto request = context.request.operation;
    answer_writer answer(context.server, "CreateItem", "<m:Items/>");
    for (const auto node : elements(child(request, "Items")))
        answer.message([&](std::string& out) {
            if (local_name(node) == "CalendarItem")
                create_calendar_item(node, request, context, out);
            else if (local_name(node) == "CancelCalendarItem")
                cancel_calendar_item(node, request, context, out);
            else
                refuse_item("ErrorInvalidOperation", "Only calendar items are kept here.");
        });
    return std::move(answer).finish();
}

std::string update_item(operation_context& context)
{
    const auto request = context.request.operation;
    choice(request, "ConflictResolution", {"NeverOverwrite", "AutoResolve", "AlwaysOverwrite"});
    answer_writer answer(context.server, "UpdateItem", "<m:Items/>");
    for (const auto change : elements(child(request, "ItemChanges")))
        answer.message([&](std::string& out) { update_calendar_item(change, request, context, out); });
    return std::move(answer).finish();
}

std::string delete_item(operation_context& context)
{
    const auto request = context.request.operation;
    const auto type = choice(request, "DeleteType", {"HardDelete", "SoftDelete", "MoveToDeletedItems"});
    const auto send = choice(request, "SendMeetingCancellations",
                             {"", "SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy"});
    answer_writer answer(context.server, "DeleteItem");
    for (const auto id : elements(child(request, "ItemIds")))
        answer.message([&](std::string&) {
            auto& item = look_up_item(id, context);
            if (send.empty())
                refuse_item("ErrorSendMeetingCancellationsRequired",
                            "The SendMeetingCancellations attribute is required "
                            "for calendar items.");
            const bool gone_already = item.folder == folder_kind::deleteditems;
            if (gone_already && type == "MoveToDeletedItems")
                return;
            if (send != "SendToNone" && !gone_already && !context.unsent) {
                cancel_meeting(item, context.ledger, context.now);
                release_rooms(item, nullptr, context.store);
                if (saves_copy(send) && item.invited)
                    keep_in_sent_items(item, item_class::cancellation, context);
            }
            context.ledger.write(write_kind::remove, item, context.now, context.unsent);
            if (type == "MoveToDeletedItems")
                context.store.move(item, folder_kind::deleteditems, context.now);
            else
                context.store.erase(item);
        });
    return std::move(answer).finish();
}

std::string copy_item(operation_context& context)
{
    const auto request = context.request.operation;
    answer_writer answer(context.server, "CopyItem", "<m:Items/>");
    for (const auto id : elements(child(request, "ItemIds")))
        answer.message([&](std::string& out) {
            const auto& item = look_up_item(id, context);
            const auto target = resolve_folder(first_element(child(request, "ToFolderId")), context);
            auto& copy = context.store.copy(item, target.folder, context.now);
            context.ledger.write(write_kind::create, copy, context.now);
            out.append("<m:Items><t:CalendarItem>");
            put_item_id(out, copy);
            out.append("</t:CalendarItem></m:Items>");
        });
    return std::move(answer).finish();
}

std::string move_item(operation_context& context)
{
    const auto request = context.request.operation;
    answer_writer answer(context.server, "MoveItem", "<m:Items/>");
    for (const auto id : elements(child(request, "ItemIds")))
        answer.message([&](std::string& out) {
            auto& item = look_up_item(id, context);
            const auto target = resolve_folder(first_element(child(request, "ToFolderId")), context);
            const bool removal = target.folder == folder_kind::deleteditems;
            context.ledger.write(removal ? write_kind::remove : write_kind::update, item, context.now);
            context.store.move(item, target.folder, context.now);
            out.append("<m:Items><t:CalendarItem>");
            put_item_id(out, item);
            out.append("</t:CalendarItem></m:Items>");
        });
    return std::move(answer).finish();
}

} // namespace relay::exchange_sim
