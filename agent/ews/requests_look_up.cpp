// Finding an item by its mark, and reading it whole.
#include "agent/ews/requests.hpp"
#include "agent/ews/soap_request.hpp"

namespace relay::ews {

std::string write_find(const mailbox_address& mailbox, std::string_view event_id,
                       std::span<const whereabouts> folders, int offset)
{
    soap_request request("m:FindItem", &mailbox);
    auto find = request.operation();
    set(find, "Traversal", "Shallow");
    auto shape = add(find, "m:ItemShape");
    add(shape, "t:BaseShape", "IdOnly");
    auto wanted = add(shape, "t:AdditionalProperties");
    add_field_path(wanted, "calendar:UID");
    add_property_path(wanted, property::event_id);
    add_property_path(wanted, property::command_id);
    // Not a CalendarView: that one allows no restriction.
    auto page = add(find, "m:IndexedPageItemView");
    set(page, "MaxEntriesReturned", std::to_string(find_page_size));
    set(page, "Offset", std::to_string(offset));
    set(page, "BasePoint", "Beginning");
    auto equal = add(add(find, "m:Restriction"), "t:IsEqualTo");
    add_property_path(equal, property::event_id);
    set(add(add(equal, "t:FieldURIOrConstant"), "t:Constant"), "Value", event_id);
    auto parents = add(find, "m:ParentFolderIds");
    for (const auto folder : folders)
        set(add(parents, "t:DistinguishedFolderId"), "Id",
            folder == whereabouts::live ? "calendar" : "deleteditems");
    return request.str();
}

std::string write_get(const mailbox_address& mailbox, const item_ref& ref)
{
    soap_request request("m:GetItem", &mailbox);
    auto get = request.operation();
    // Named fields only: AllProperties is slow, and trips over items with one broken property.
    auto shape = add(get, "m:ItemShape");
    add(shape, "t:BaseShape", "IdOnly");
    add(shape, "t:IncludeMimeContent", "false");
    add(shape, "t:BodyType", "Best");
    auto wanted = add(shape, "t:AdditionalProperties");
    for (const char* field : {"item:Subject", "item:Sensitivity", "item:Body", "item:Categories",
                              "item:ReminderIsSet", "item:ReminderMinutesBeforeStart", "calendar:UID",
                              "calendar:Start", "calendar:End", "calendar:LegacyFreeBusyStatus",
                              "calendar:Location", "calendar:IsCancelled", "calendar:RequiredAttendees",
                              "calendar:OptionalAttendees", "calendar:Resources", "calendar:StartTimeZone"})
        add_field_path(wanted, field);
    for (const char* p : property::all)
        add_property_path(wanted, p);
    set(add(add(get, "m:ItemIds"), "t:ItemId"), "Id", ref.id); // without ChangeKey: the item as it is now
    return request.str();
}

} // namespace relay::ews
