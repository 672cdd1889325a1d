#include "agent/ews/answers.hpp"
#include "tests/unit/ews/samples.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::ews;
using protocol::fault_code;
using test::at;

namespace {

constexpr call getting{operation::get_item, true, true};
constexpr call creating{operation::create_item, true, true};
constexpr call updating{operation::update_item, true, true};
constexpr call removing{operation::delete_item, true, true};
constexpr call resolving{operation::resolve_names, false, true};

std::string extended(std::string_view name, std::string_view value,
                     std::string_view set = "6E2A1F0C-3C1B-4A58-9D0E-5F3B7C2A9E41")
{
    return fmt::format(
        R"(<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="{}" PropertyName="{}" PropertyType="String"/>)"
        R"(<t:Value>{}</t:Value></t:ExtendedProperty>)",
        set, name, value);
}

std::string folder(std::string_view items, std::string_view attributes = R"(IncludesLastItemInRange="true")")
{
    return fmt::format(
        R"(<m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>)"
        R"(<m:RootFolder TotalItemsInView="1" {}><t:Items>{}</t:Items></m:RootFolder></m:FindItemResponseMessage>)",
        attributes, items);
}

std::string found(std::string_view id, std::string_view event_id)
{
    return fmt::format(
        R"(<t:CalendarItem><t:ItemId Id="{}" ChangeKey="k"/>{}{}<t:UID>u-1</t:UID></t:CalendarItem>)", id,
        extended("WorkestraEventId", event_id), extended("WorkestraCommandId", "c-1"));
}

outcome<found_page> search_answer(std::string_view messages, std::vector<find_position> asked)
{
    const soap_answer a(test::envelope(fmt::format(
        "<m:FindItemResponse><m:ResponseMessages>{}</m:ResponseMessages></m:FindItemResponse>", messages)));
    REQUIRE(a.problem() == unreadable::none);
    return read_found(a, asked, "ev-1", test::reading);
}

const std::vector<find_position> both{{item_location::live, 0}, {item_location::deleted, 0}};

std::string resolution(std::string_view name, std::string_view email)
{
    return fmt::format("<t:Resolution><t:Mailbox><t:Name>{}</t:Name><t:EmailAddress>{}</t:EmailAddress></"
                       "t:Mailbox></t:Resolution>",
                       name, email);
}

std::string resolved(std::string_view list, std::string_view result = "Success",
                     std::string_view code = "NoError")
{
    return test::envelope(fmt::format(
        R"(<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage ResponseClass="{}">)"
        R"(<m:ResponseCode>{}</m:ResponseCode><m:ResolutionSet>{}</m:ResolutionSet>)"
        R"(</m:ResolveNamesResponseMessage></m:ResponseMessages></m:ResolveNamesResponse>)",
        result, code, list));
}

} // namespace

TEST_CASE("an answer to something else is not taken for one to this", "[unit][ews]")
{
    const soap_answer a(test::success("GetItem", "<m:Items/>"));
    const auto e = read_created(a, creating).error();
    CHECK(e.retry_action == retry_action::retry);
    CHECK(e.effect == effect::unknown);
}

TEST_CASE("a UID comes back as it was given, also where Exchange wrapped it", "[unit][ews]")
{
    constexpr std::string_view wrapped =
        "040000008200E00074C5B7101A82E0080000000000000000000000000000000000000000"
        "18000000" // 24 bytes: the word, 1, the UID and a zero
        "7643616C2D55696401000000612D7540782D7265"
        "00";
    constexpr std::string_view outlooks =
        "040000008200E00074C5B7101A82E00800000000C0A8D5A1F2B3DC01000000000000000010000000"
        "8A1B2C3D4E5F60718293A4B5C6D7E8F9";
    const auto uid = [](std::string_view text) {
        const auto items = found("A", "ev-1");
        auto changed = items;
        changed.replace(changed.find("u-1"), 3, text);
        return search_answer(folder(changed) + folder(""), both)->items.at(0).uid;
    };
    CHECK(uid("u-1") == "u-1");
    CHECK(uid(wrapped) == "a-u@x-re");
    CHECK(uid(outlooks) == outlooks);
    CHECK(uid(wrapped.substr(0, 104)) == wrapped.substr(0, 104)); // nothing in it
}

TEST_CASE("what tells an item from its copies, and a single meeting from a series, is read", "[unit][ews]")
{
    const auto items =
        fmt::format(R"(<t:CalendarItem><t:ItemId Id="A" ChangeKey="k"/>{}{}{}<t:UID>u-2</t:UID>)"
                    R"(<t:CalendarItemType>RecurringMaster</t:CalendarItemType></t:CalendarItem>)",
                    extended("WorkestraEventId", "ev-1"), extended("WorkestraCommandId", "c-1"),
                    extended("WorkestraUid", "u-1"));
    const auto page = search_answer(folder(items + found("B", "ev-1")) + folder(""), both);
    REQUIRE(page->items.size() == 2);
    CHECK(page->items[0].uid == "u-2");
    CHECK(page->items[0].born_uid == "u-1");
    CHECK(page->items[0].series);
    CHECK(page->items[1].born_uid.empty());
    CHECK_FALSE(page->items[1].series);
}

TEST_CASE("a success that names no item leaves a write to be looked up", "[unit][ews]")
{
    for (const auto* content : {"", "<m:Items/>", "<m:Items><t:CalendarItem/></m:Items>",
                                "<m:Items><t:CalendarItem><t:ItemId/></t:CalendarItem></m:Items>"}) {
        const soap_answer a(test::success("CreateItem", content));
        const auto got = read_created(a, creating);
        REQUIRE(got.has_error());
        CHECK(got.error().effect == effect::unknown);
        CHECK(got.error().retry_action == retry_action::retry);
    }
}

TEST_CASE("another number of response messages than asked for is unknown as a whole", "[unit][ews]")
{
    const soap_answer none(
        test::envelope("<m:UpdateItemResponse><m:ResponseMessages/></m:UpdateItemResponse>"));
    CHECK(read_updated(none, updating).error().effect == effect::unknown);
    CHECK(read_updated(none, updating).error().fault.code == fault_code::exchange_unavailable);
    for (const auto& answer : {folder(""), folder("") + folder("") + folder("")}) {
        const auto got = search_answer(answer, both);
        REQUIRE(got.has_error());
        CHECK(got.error().retry_action ==
              retry_action::retry); // a write that waits for it is not ended by it
    }
}

TEST_CASE("created and updated items are named as Exchange wrote them", "[unit][ews]")
{
    const soap_answer created(test::success(
        "CreateItem",
        R"(<m:Items><t:CalendarItem><t:ItemId Id="AAMkAd+/=" ChangeKey="DwAA"/></t:CalendarItem></m:Items>)"));
    REQUIRE(read_created(created, creating).has_value());
    CHECK(read_created(created, creating)->id == "AAMkAd+/=");
    const soap_answer updated(test::success(
        "UpdateItem",
        R"(<m:Items><t:CalendarItem><t:ItemId Id="A" ChangeKey="B"/></t:CalendarItem></m:Items>)"
        R"(<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>)"));
    CHECK(read_updated(updated, updating)->change_key == "B");
}

TEST_CASE(
    "removing what is cancelled already is a success, removing what is gone is for the caller to look at",
    "[unit][ews]")
{
    const soap_answer done(test::success("DeleteItem", ""));
    CHECK(read_removed(done, removing).has_value());
    const soap_answer cancelled(test::failure_message("DeleteItem", "ErrorCalendarIsCancelledForRemove"));
    CHECK(read_removed(cancelled, removing).has_value());
    const soap_answer gone(test::failure_message("DeleteItem", "ErrorItemNotFound"));
    CHECK(read_removed(gone, removing).error().fault.code == fault_code::event_not_found);
    CHECK(read_removed(gone, removing).error().effect == effect::unknown);
}

TEST_CASE("a warning counts as success only where it carries no error", "[unit][ews]")
{
    const auto warned = [](std::string_view code) {
        return test::envelope(fmt::format(
            R"(<m:DeleteItemResponse><m:ResponseMessages><m:DeleteItemResponseMessage ResponseClass="Warning">)"
            R"(<m:ResponseCode>{}</m:ResponseCode></m:DeleteItemResponseMessage></m:ResponseMessages></m:DeleteItemResponse>)",
            code));
    };
    CHECK(read_removed(soap_answer(warned("NoError")), removing).has_value());
    CHECK(read_removed(soap_answer(warned("ErrorBatchProcessingStopped")), removing).error().effect ==
          effect::possible);
}

TEST_CASE("a folder that refuses a search is told apart; one that gives no result fails it", "[unit][ews]")
{
    const auto got = search_answer(
        folder(found("A", "ev-1")) +
            R"(<m:FindItemResponseMessage ResponseClass="Error"><m:ResponseCode>ErrorFolderNotFound</m:ResponseCode></m:FindItemResponseMessage>)",
        both);
    REQUIRE(got.has_value());
    CHECK(got->items.size() == 1);
    REQUIRE(got->refused.size() == 1);
    CHECK(got->refused[0].folder.folder == item_location::deleted);
    CHECK(got->refused[0].why.fault.exchange == "ErrorFolderNotFound");
    CHECK(
        search_answer(
            folder("") +
                R"(<m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode></m:FindItemResponseMessage>)",
            both)
            .has_error());
}

TEST_CASE("a folder that is gone holds nothing, where it was not one of the usual two", "[unit][ews]")
{
    constexpr std::string_view gone =
        R"(<m:FindItemResponseMessage ResponseClass="Error"><m:ResponseCode>ErrorFolderNotFound</m:ResponseCode></m:FindItemResponseMessage>)";
    const auto got = search_answer(std::string(gone) + folder(found("A", "ev-1")),
                                   {{item_location::live, 0, "F1"}, {item_location::deleted, 0, "F2"}});
    REQUIRE(got.has_value());
    REQUIRE(got->items.size() == 1);
    CHECK(got->items[0].where == item_location::deleted);
    const auto denied = search_answer(
        R"(<m:FindItemResponseMessage ResponseClass="Error"><m:ResponseCode>ErrorAccessDenied</m:ResponseCode></m:FindItemResponseMessage>)",
        {{item_location::live, 0, "F1"}});
    REQUIRE(denied.has_value());
    CHECK(denied->refused.size() == 1);
    CHECK_FALSE(denied->answered);
}

TEST_CASE("a property that comes twice has the value that is not empty", "[unit][ews]")
{
    const auto item = fmt::format(R"(<t:CalendarItem><t:ItemId Id="A"/>{}{}{}{}</t:CalendarItem>)",
                                  extended("WorkestraEventId", ""), extended("WorkestraEventId", "ev-1"),
                                  extended("WorkestraCommandId", "c-1"), extended("WorkestraCommandId", ""));
    const auto page = search_answer(folder(item) + folder(""), both);
    REQUIRE(page.has_value());
    REQUIRE(page->items.size() == 1);
    CHECK(page->items[0].command_id == "c-1");
}

TEST_CASE("a meeting request that carries its meeting's marks is no meeting", "[unit][ews]")
{
    auto request = found("A", "ev-1");
    for (const std::string_view name : {"<t:CalendarItem>", "</t:CalendarItem>"})
        request.replace(request.find(name), name.size(),
                        name.front() == '<' && name[1] == '/' ? "</t:MeetingRequest>" : "<t:MeetingRequest>");
    const auto got = search_answer(folder(request), {{item_location::live, 0, "F1"}});
    REQUIRE(got.has_value());
    CHECK(got->items.empty());
}

TEST_CASE("whether invitations went out is known only where Exchange says so", "[unit][ews]")
{
    const auto said = [](std::string_view flag) {
        auto item = found("A", "ev-1");
        item.insert(item.find("</t:CalendarItem>"), flag);
        return search_answer(folder(item), {{item_location::live}})->items.at(0).invited;
    };
    CHECK(said("<t:MeetingRequestWasSent>true</t:MeetingRequestWasSent>") == true);
    CHECK(said("<t:MeetingRequestWasSent> false </t:MeetingRequestWasSent>") == false);
    CHECK_FALSE(said("<t:MeetingRequestWasSent>maybe</t:MeetingRequestWasSent>").has_value());
    CHECK_FALSE(said("").has_value());
}

TEST_CASE("what lies below Deleted Items is deleted, however deep; a loop of parents ends", "[unit][ews]")
{
    const std::vector<folder_page::entry> all{{"cal", "top"},  {"del", "top"}, {"in", "top"},
                                              {"cal2", "cal"}, {"d1", "del"},  {"d2", "d1"},
                                              {"x", "y"},      {"y", "x"},     {"in", "del"}};
    std::string others;
    for (const auto& f : others_of(all, {"cal", "del"}))
        others += f.id + (f.where == item_location::live ? "+ " : "- ");
    CHECK(others == "in+ cal2+ d1- d2- x+ y+ ");
}

TEST_CASE("folders that Exchange opens without naming them are an error", "[unit][ews]")
{
    const ews::call c{operation::get_folder, true, true};
    const auto usual = [&](std::string_view second) {
        const soap_answer a(test::envelope(
            fmt::format("<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage "
                        "ResponseClass='Success'><m:ResponseCode>NoError"
                        "</m:ResponseCode><m:Folders><t:CalendarFolder><t:FolderId "
                        "Id='C'/></t:CalendarFolder></m:Folders>"
                        "</m:GetFolderResponseMessage>{}</m:ResponseMessages></m:GetFolderResponse>",
                        second)));
        return read_usual_folders(a, c);
    };
    CHECK(usual("").has_error());
    CHECK(usual("<m:GetFolderResponseMessage "
                "ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode><m:Folders/>"
                "</m:GetFolderResponseMessage>")
              .has_error());
    CHECK(usual("<m:GetFolderResponseMessage "
                "ResponseClass='Error'><m:ResponseCode>ErrorFolderNotFound</m:ResponseCode>"
                "</m:GetFolderResponseMessage>")
              .error()
              .fault.exchange == "ErrorFolderNotFound");
    const auto named = usual(
        "<m:GetFolderResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>"
        "<m:Folders><t:Folder><t:FolderId Id='D'/></t:Folder></m:Folders></m:GetFolderResponseMessage>");
    REQUIRE(named.has_value());
    CHECK(named->calendar == "C");
    CHECK(named->deleted_items == "D");
}

TEST_CASE("only items with exactly the mark are found, each in its folder", "[unit][ews]")
{
    const auto got = search_answer(
        folder(found("A", "ev-1") + found("B", "EV-1") + found("C", "ev-10") + found("", "ev-1") +
               R"(<t:Message><t:ItemId Id="M"/></t:Message>)" + R"(<t:CalendarItem><t:ItemId Id="X"/>)" +
               extended("WorkestraEventId", "ev-1", "00020329-0000-0000-c000-000000000046") +
               "</t:CalendarItem>") +
            folder(found("D", "ev-1")),
        both);
    REQUIRE(got.has_value());
    REQUIRE(got->items.size() == 2);
    CHECK(got->items[0].ref.id == "A");
    CHECK(got->items[0].where == item_location::live);
    CHECK(got->items[0].event_id == "ev-1");
    CHECK(got->items[0].command_id == "c-1");
    CHECK(got->items[0].uid == "u-1");
    CHECK(got->items[1].ref.id == "D");
    CHECK(got->items[1].where == item_location::deleted);
    CHECK(got->unfinished.empty());
}

TEST_CASE("a search goes on where Exchange says, and always forward", "[unit][ews]")
{
    const auto next = [](std::string_view attributes, std::string_view items) {
        const auto got = search_answer(folder(items, attributes), {{item_location::live, 100}});
        REQUIRE(got.has_value());
        return got->unfinished.empty() ? -1 : got->unfinished[0].offset;
    };
    CHECK(next(R"(IncludesLastItemInRange="true")", "") == -1);
    CHECK(next(R"(IncludesLastItemInRange="false" IndexedPagingOffset="150")", "") == 150);
    CHECK(next(R"(IncludesLastItemInRange="false" IndexedPagingOffset="100")", "") == 101);
    CHECK(next(R"(IncludesLastItemInRange="false" IndexedPagingOffset="-1")",
               found("A", "x") + found("B", "x")) == 102);
    CHECK(next(R"(IncludesLastItemInRange="false" IndexedPagingOffset="99999999999")", found("A", "x")) ==
          101);
    CHECK(next("", found("A", "x")) == -1); // a page that is not full is the last
}

TEST_CASE("an item without its times cannot be read", "[unit][ews]")
{
    constexpr auto no_start = "<m:Items><t:CalendarItem><t:ItemId Id='A'/><t:Start>x</t:Start>"
                              "<t:End>2026-01-05T09:00:00Z</t:End></t:CalendarItem></m:Items>";
    for (const auto* content :
         {"", "<m:Items/>", "<m:Items><t:CalendarItem/></m:Items>",
          "<m:Items><t:CalendarItem><t:ItemId Id='A'/></t:CalendarItem></m:Items>", no_start}) {
        const soap_answer a(test::success("GetItem", content));
        CHECK(read_item(a, getting).error().fault.code == fault_code::exchange_unavailable);
    }
}

TEST_CASE("of an item's state the mark of whoever wrote it last is a part", "[unit][ews]")
{
    const auto item = [](const std::string& marks) {
        return "<m:Items><t:CalendarItem><t:ItemId Id='A'/>" + marks +
               "<t:Start>2026-01-05T09:00:00Z</t:Start><t:End>2026-01-05T10:00:00Z</t:End>"
               "<t:IsCancelled>true</t:IsCancelled></t:CalendarItem></m:Items>";
    };
    const soap_answer marked(test::success("GetItem", item(extended("WorkestraCommandId", "c-9"))));
    const auto states = read_states(marked, 1, getting);
    REQUIRE(states.has_value());
    REQUIRE(states->front().has_value());
    CHECK(states->front()->command_id == "c-9");
    CHECK(states->front()->start == at("2026-01-05T09:00:00Z"));
    CHECK(states->front()->cancelled);
    const soap_answer bare(test::success("GetItem", item({})));
    CHECK(read_states(bare, 1, getting)->front()->command_id.empty());
    CHECK(read_states(bare, 2, getting).has_error());
}

TEST_CASE("an item is read into the protocol's terms", "[unit][ews]")
{
    const soap_answer a(test::success(
        "GetItem",
        "<m:Items>\n<t:CalendarItem><t:ItemId Id='A' ChangeKey='B'/><t:Subject>Interview &amp; "
        "more</t:Subject>"
        "<t:Sensitivity>Private</t:Sensitivity><t:Body BodyType='HTML' "
        "IsTruncated='false'>&lt;p&gt;x&lt;/p&gt;&#xD;\n</t:Body>"
        "<t:Categories><t:String>A</t:String><t:String>B &lt; "
        "C</t:String></t:Categories><t:ReminderIsSet>true</t:ReminderIsSet>"
        "<t:ReminderMinutesBeforeStart>15</t:ReminderMinutesBeforeStart>" +
            extended("WorkestraEventId", "ev-1") + extended("WorkestraCommandId", "c-9") +
            extended("WorkestraTimeZone", "Europe/Berlin") +
            extended("WorkestraOnlineMeetingUrl", "https://meet.example/x") +
            extended("WorkestraLocationFilled", "true") +
            "<t:UID>040000008200E00074C5B7101A82E008</t:UID><t:Start>2026-01-05T09:00:00Z</"
            "t:Start><t:End>2026-01-05T10:00:00Z</t:End>"
            "<t:LegacyFreeBusyStatus>WorkingElsewhere</t:LegacyFreeBusyStatus><t:Location>Room "
            "1</t:Location><t:IsCancelled>false</t:IsCancelled>"
            "<t:RequiredAttendees><t:Attendee><t:Mailbox><t:Name>Anna</"
            "t:Name><t:EmailAddress>a@corp.example</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></"
            "t:Mailbox>"
            "<t:ResponseType>Accept</t:ResponseType></t:Attendee><t:Attendee><t:Mailbox><t:EmailAddress>/"
            "O=CORP/CN=X</t:EmailAddress></t:Mailbox></t:Attendee>"
            "<t:Attendee><t:Mailbox><t:EmailAddress>organizer@corp.example</t:EmailAddress></"
            "t:Mailbox><t:ResponseType>Organizer</t:ResponseType></t:Attendee></t:RequiredAttendees>"
            "<t:OptionalAttendees><t:Attendee><t:Mailbox><t:EmailAddress>b@corp.example</t:EmailAddress></"
            "t:Mailbox><t:ResponseType>Unknown</t:ResponseType></t:Attendee></t:OptionalAttendees>"
            "<t:Resources><t:Attendee><t:Mailbox><t:EmailAddress>room1@corp.example</t:EmailAddress></"
            "t:Mailbox><t:ResponseType>Decline</t:ResponseType></t:Attendee></t:Resources>"
            "<t:StartTimeZone Id='W. Europe Standard Time' Name='(UTC+01:00) "
            "Berlin'><t:Periods/></t:StartTimeZone></t:CalendarItem></m:Items>"));
    const auto got = read_item(a, getting);
    REQUIRE(got.has_value());
    CHECK(got->ref.id == "A");
    CHECK(got->uid == "040000008200E00074C5B7101A82E008");
    CHECK(got->event_id == "ev-1");
    CHECK(got->command_id == "c-9");
    CHECK(got->windows_zone == "W. Europe Standard Time");
    CHECK(got->location_filled);
    CHECK_FALSE(got->cancelled);
    protocol::event_fields f;
    f.subject = "Interview & more";
    f.start = at("2026-01-05T09:00:00Z");
    f.end = at("2026-01-05T10:00:00Z");
    f.time_zone = "Europe/Berlin";
    f.body = protocol::event_body{protocol::body_format::html, "<p>x</p>\r\n"};
    f.location = "Room 1";
    f.online_meeting_url = "https://meet.example/x";
    f.attendees = {{test::mailbox("a@corp.example"), "Anna", protocol::attendee_role::required},
                   {test::mailbox("b@corp.example"), "", protocol::attendee_role::optional},
                   {test::mailbox("room1@corp.example"), "", protocol::attendee_role::resource}};
    f.show_as = protocol::show_as::working_elsewhere;
    f.reminder_minutes = 15;
    f.is_private = true;
    f.categories = {"A", "B < C"};
    CHECK(got->fields == f);
    REQUIRE(got->answers.size() == 3);
    CHECK(got->answers[0].response == answer::accepted);
    CHECK(got->answers[1].response == answer::none);
    CHECK(got->answers[2].response == answer::declined);
}

TEST_CASE("an item with the least has no optional fields", "[unit][ews]")
{
    const soap_answer a(test::success("GetItem",
                                      "<m:Items><t:CalendarItem><t:ItemId Id='A'/><t:Subject/><t:Body "
                                      "BodyType='Text'/><t:Start>2026-01-05T09:00:00</t:Start>"
                                      "<t:End>2026-01-05T11:00:00+01:00</t:End><t:Location/"
                                      "><t:IsCancelled>true</t:IsCancelled></t:CalendarItem></m:Items>"));
    const auto got = read_item(a, getting);
    REQUIRE(got.has_value());
    protocol::event_fields f;
    f.start = at("2026-01-05T09:00:00Z");
    f.end = at("2026-01-05T10:00:00Z");
    CHECK(got->fields == f);
    CHECK(got->cancelled);
    CHECK_FALSE(got->location_filled);
}

TEST_CASE("that the directory finds nothing proves the sign-in", "[unit][ews]")
{
    for (const auto* code :
         {"ErrorNameResolutionNoResults", "ErrorNameResolutionNoMailbox", "ErrorMissingEmailAddress"}) {
        const soap_answer a(resolved("", "Error", code));
        REQUIRE(read_resolved(a, "svc", resolving).has_value());
        CHECK(read_resolved(a, "svc", resolving)->name.empty());
    }
    const soap_answer other(resolved("", "Error", "ErrorADUnavailable"));
    CHECK(read_resolved(other, "svc", resolving).error().retry_action == retry_action::retry);
}

TEST_CASE("of several entries the one that was asked for is taken, or none", "[unit][ews]")
{
    const auto several = resolution("Workestra 2", "workestra-svc2@corp.example") +
                         resolution("Workestra", "Workestra-Svc@corp.example");
    const soap_answer a(resolved(several, "Warning", "ErrorNameResolutionMultipleResults"));
    CHECK(read_resolved(a, "workestra-svc", resolving)->email == "Workestra-Svc@corp.example");
    CHECK(read_resolved(a, "smtp:WORKESTRA-SVC2@corp.example", resolving)->name == "Workestra 2");
    CHECK(read_resolved(a, "other", resolving)->email.empty());
    const soap_answer single(resolved(resolution("Service", "svc@corp.example")));
    CHECK(read_resolved(single, "workestra", resolving)->email == "svc@corp.example");
    const soap_answer legacy(resolved(resolution("Service", "/O=CORP/CN=svc")));
    CHECK(read_resolved(legacy, "Service", resolving)->email.empty());
    CHECK(read_resolved(legacy, "Service", resolving)->name == "Service");
}
