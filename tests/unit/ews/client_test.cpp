#include "agent/ews/ews_client.hpp"
#include "tests/unit/ews/request_samples.hpp"
#include "tests/unit/ews/scripted_transport.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::ews;
using protocol::fault_code;
using test::at;
using test::http_answer;
using test::mailbox;

namespace {

struct client_fixture {
    asio::io_context context;
    test::manual_time time{context};
    test::scripted_transport http{time};
    struct report {
        std::string operation;
        fault_code code = fault_code::internal;
        bool ok = false;
        int status = 0;
        duration took{0};
        std::string request_id, front_end;
    };
    std::vector<report> reports;
    ews_client client{
        http, time, {"mail.corp.example", "CORP\\workestra-svc", [this](const request_report& r) {
                         reports.push_back({std::string(r.operation),
                                            r.failure ? r.failure->fault.code : fault_code::internal,
                                            r.failure == nullptr, r.http_status, r.took,
                                            std::string(r.request_id), std::string(r.front_end)});
                     }}};
    mailbox_address host = mailbox("organizer@corp.example");

    void answer(std::string body, int status = 200)
    {
        http.answers.push_back(http_answer(status, std::move(body)));
    }

    template <class T>
    T run(task<T> call)
    {
        std::optional<T> got;
        auto body = [&](task<T> c) -> task<void> { got.emplace(co_await std::move(c)); };
        asio::co_spawn(context, body(std::move(call)), [](std::exception_ptr e) {
            if (e)
                std::rethrow_exception(e);
        });
        for (int i = 0; i < 100 && !got; ++i)
            time.advance(1s);
        REQUIRE(got.has_value());
        return std::move(*got);
    }

    std::string header(std::size_t request, std::string_view name) const
    {
        for (const auto& [key, value] : http.requests.at(request).headers)
            if (key == name)
                return value;
        return {};
    }
};

std::string with_version(int major, int minor, std::string_view body)
{
    return test::envelope(body, fmt::format("<ServerVersionInfo MajorVersion='{}' MinorVersion='{}' "
                                            "MajorBuildNumber='1' MinorBuildNumber='2'/>",
                                            major, minor));
}

std::string nobody_found(int major, int minor)
{
    return with_version(
        major, minor,
        "<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage ResponseClass='Error'>"
        "<m:ResponseCode>ErrorNameResolutionNoResults</m:ResponseCode></m:ResolveNamesResponseMessage></"
        "m:ResponseMessages></m:ResolveNamesResponse>");
}

std::string found_items(std::string_view live, std::string_view deleted,
                        std::string_view live_attributes = "IncludesLastItemInRange='true'")
{
    std::string messages;
    for (const auto& [items, attributes] :
         {std::pair{live, live_attributes},
          std::pair{deleted, std::string_view("IncludesLastItemInRange='true'")}})
        if (items != "-")
            messages += fmt::format(
                "<m:FindItemResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>"
                "<m:RootFolder {}><t:Items>{}</t:Items></m:RootFolder></m:FindItemResponseMessage>",
                attributes, items);
    return test::envelope(fmt::format(
        "<m:FindItemResponse><m:ResponseMessages>{}</m:ResponseMessages></m:FindItemResponse>", messages));
}

ews::write_bounds in_time(duration limit)
{
    return {limit, steady_time::max()};
}

std::string marked(std::string_view id)
{
    return fmt::format("<t:CalendarItem><t:ItemId Id='{}'/><t:ExtendedProperty><t:ExtendedFieldURI "
                       "PropertySetId='{}' PropertyName='WorkestraEventId'/>"
                       "<t:Value>ev-1</t:Value></t:ExtendedProperty></t:CalendarItem>",
                       id, property_set);
}

} // namespace

TEST_CASE_METHOD(client_fixture, "a server that cannot be reached is an outage, and is reported once",
                 "[unit][ews]")
{
    const auto got = run(
        client.create(host, test::plain_fields(), {"ev-1", "c-1"}, "u", protocol::notify::all, in_time(30s)));
    REQUIRE(got.has_error());
    CHECK(got.error().fault.code == fault_code::exchange_unavailable);
    CHECK(got.error().effect == effect::none);
    REQUIRE(reports.size() == 1);
    CHECK(reports[0].operation == "CreateItem");
    CHECK_FALSE(reports[0].ok);
    CHECK(reports[0].status == 0);
}

TEST_CASE_METHOD(client_fixture, "a web page is no EWS until the server has answered as EWS once",
                 "[unit][ews]")
{
    answer("<html></html>");
    CHECK(run(client.resolve_account(30s)).error().fault.code == fault_code::exchange_unsupported);
    answer(test::soap_fault("ErrorServerBusy"), 500);
    CHECK(run(client.resolve_account(30s)).error().fault.code == fault_code::exchange_busy);
    answer("<html></html>");
    CHECK(run(client.resolve_account(30s)).error().fault.code == fault_code::exchange_unavailable);
    client.reconfigure({"other.corp.example", "svc", {}});
    answer("<html></html>");
    CHECK(run(client.resolve_account(30s)).error().fault.code == fault_code::exchange_unsupported);
}

TEST_CASE_METHOD(client_fixture, "an Exchange that is too old is refused, until another one answers",
                 "[unit][ews]")
{
    answer(nobody_found(14, 3));
    const auto old = run(client.resolve_account(30s));
    CHECK(old.error().fault.code == fault_code::exchange_unsupported);
    CHECK(old.error().fault.message.find("Exchange 2010") != std::string::npos);
    const auto unsent = run(client.remove(host, {"id", ""}, protocol::notify::all, in_time(30s)));
    CHECK(unsent.error().fault.code == fault_code::exchange_unsupported);
    CHECK(unsent.error().effect == effect::none);
    CHECK(http.requests.size() == 1); // the removal was not sent
    answer(nobody_found(15, 2));
    CHECK(run(client.resolve_account(30s))->product == "Exchange 2019");
    answer(test::success("DeleteItem", ""));
    CHECK(run(client.remove(host, {"id", ""}, protocol::notify::all, in_time(30s))).has_value());
}

TEST_CASE_METHOD(client_fixture, "Exchange Online is refused by its numbers and by its name", "[unit][ews]")
{
    answer(nobody_found(15, 20));
    const auto e = run(client.resolve_account(30s)).error();
    CHECK(e.fault.code == fault_code::exchange_unsupported);
    CHECK(e.fault.message.find("Microsoft 365") != std::string::npos);
    client.reconfigure({"outlook.office365.com", "svc", {}});
    CHECK(run(client.resolve_account(30s)).error().fault.code == fault_code::exchange_unsupported);
    CHECK(http.requests.size() == 1);
}

TEST_CASE_METHOD(client_fixture, "an account without a mailbox is signed in all the same", "[unit][ews]")
{
    answer(nobody_found(15, 1));
    const auto info = run(client.resolve_account(30s));
    REQUIRE(info.has_value());
    CHECK(info->version == "15.1.1.2");
    CHECK(info->product == "Exchange 2016");
    CHECK(info->account_email.empty());
    CHECK(http.requests[0].body.find("<m:UnresolvedEntry>workestra-svc<") != std::string::npos);
    answer(test::soap_fault("ErrorMissingEmailAddress"), 500);
    CHECK(run(client.resolve_account(30s))->version == "15.1.1.2"); // a fault has no header: as last seen
}

TEST_CASE_METHOD(client_fixture, "each request carries an id of its own and leads to the mailbox's server",
                 "[unit][ews]")
{
    auto first = http_answer(200, test::success("DeleteItem", ""));
    first.headers.emplace_back("x-feserver", "EX01");
    http.answers.push_back(first);
    http.took = 2s;
    CHECK(run(client.remove(host, {"id", ""}, protocol::notify::all, in_time(17s))).has_value());
    answer(nobody_found(15, 2));
    run(client.resolve_account(30s));
    CHECK(header(0, "X-AnchorMailbox") == "organizer@corp.example");
    CHECK(header(1, "X-AnchorMailbox").empty());
    CHECK(header(0, "return-client-request-id") == "true");
    CHECK(header(0, "client-request-id").size() == 36);
    CHECK(header(0, "client-request-id")[14] == '4');
    CHECK(header(0, "client-request-id") != header(1, "client-request-id"));
    CHECK(http.requests[0].limit == 17s);
    REQUIRE(reports.size() == 2);
    CHECK(reports[0].ok);
    CHECK(reports[0].status == 200);
    CHECK(reports[0].took == 2s);
    CHECK(reports[0].front_end == "EX01");
    CHECK(reports[0].request_id == header(0, "client-request-id"));
}

TEST_CASE_METHOD(client_fixture,
                 "a calendar that opens tells the name, and the address where the directory does not",
                 "[unit][ews]")
{
    answer(test::soap_fault("ErrorImpersonateUserDenied"), 500);
    CHECK(run(client.open_calendar(host, 30s)).error().fault.code == fault_code::impersonation_denied);
    CHECK(http.requests.size() == 1);

    answer(test::success("GetFolder", "<m:Folders/>"));
    answer(test::success("ResolveNames",
                         "<m:ResolutionSet><t:Resolution><t:Mailbox><t:Name>Olga Organizer</t:Name>"
                         "<t:EmailAddress>organizer@corp.example</t:EmailAddress></t:Mailbox></"
                         "t:Resolution></m:ResolutionSet>"));
    CHECK(run(client.open_calendar(host, 30s))->display_name == "Olga Organizer");

    answer(test::success("GetFolder", "<m:Folders/>"));
    answer(test::soap_fault("ErrorServerBusy"), 500);
    CHECK(run(client.open_calendar(host, 30s))->display_name == "organizer@corp.example");
}

TEST_CASE_METHOD(client_fixture, "a search goes through all pages of both folders and drops repeats",
                 "[unit][ews]")
{
    answer(found_items(marked("A") + marked("B"), marked("D"),
                       "IncludesLastItemInRange='false' IndexedPagingOffset='2'"));
    answer(found_items(marked("B") + marked("C"), "-",
                       "IncludesLastItemInRange='false' IndexedPagingOffset='4'"));
    answer(found_items("", "-"));
    const auto got = run(client.find(host, "ev-1", 30s));
    REQUIRE(got.has_value());
    std::string ids;
    for (const auto& item : got->items)
        ids += item.ref.id + (item.where == item_location::live ? "+" : "-");
    CHECK(ids == "A+B+D-C+");
    REQUIRE(http.requests.size() == 3);
    CHECK(http.requests[1].body.find("Offset=\"2\"") != std::string::npos);
    CHECK(http.requests[1].body.find("deleteditems") == std::string::npos);
}

TEST_CASE_METHOD(client_fixture, "folders that stand at different pages are asked one by one", "[unit][ews]")
{
    answer(test::envelope("<m:FindItemResponse><m:ResponseMessages>"
                          "<m:FindItemResponseMessage "
                          "ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder "
                          "IncludesLastItemInRange='false' "
                          "IndexedPagingOffset='5'><t:Items/></m:RootFolder></m:FindItemResponseMessage>"
                          "<m:FindItemResponseMessage "
                          "ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder "
                          "IncludesLastItemInRange='false' "
                          "IndexedPagingOffset='7'><t:Items/></m:RootFolder></m:FindItemResponseMessage>"
                          "</m:ResponseMessages></m:FindItemResponse>"));
    answer(found_items(marked("A"), "-"));
    answer(found_items("-", marked("B")));
    const auto got = run(client.find(host, "ev-1", 30s));
    REQUIRE(got.has_value());
    CHECK(got->items.size() == 2);
    CHECK(got->items.at(1).where == item_location::deleted);
}

namespace {

std::string usual_folders()
{
    constexpr std::string_view one =
        "<m:GetFolderResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>"
        "<m:Folders><t:Folder><t:FolderId Id='{}'/></t:Folder></m:Folders></m:GetFolderResponseMessage>";
    return test::envelope("<m:GetFolderResponse><m:ResponseMessages>" +
                          fmt::format(fmt::runtime(one), "cal") + fmt::format(fmt::runtime(one), "del") +
                          "</m:ResponseMessages></m:GetFolderResponse>");
}

std::string folder_entry(std::string_view element, std::string_view id, std::string_view parent)
{
    return fmt::format("<t:{0}><t:FolderId Id='{1}'/><t:ParentFolderId Id='{2}'/></t:{0}>", element, id,
                       parent);
}

std::string folder_list(std::string_view folders,
                        std::string_view attributes = "IncludesLastItemInRange='true'")
{
    return test::success(
        "FindFolder",
        fmt::format("<m:RootFolder {}><t:Folders>{}</t:Folders></m:RootFolder>", attributes, folders));
}

} // namespace

TEST_CASE_METHOD(client_fixture,
                 "the other folders are all pages' but the usual two and what only shows others' items",
                 "[unit][ews]")
{
    answer(usual_folders());
    answer(folder_list(folder_entry("CalendarFolder", "cal", "top") +
                           folder_entry("CalendarFolder", "cal2", "cal"),
                       "IncludesLastItemInRange='false' IndexedPagingOffset='2'"));
    answer(folder_list(folder_entry("Folder", "del", "top") + folder_entry("Folder", "old", "del") +
                       folder_entry("SearchFolder", "unread", "top")));
    const auto got = run(client.other_folders(host, 30s));
    REQUIRE(got.has_value());
    REQUIRE(got->size() == 2);
    CHECK(got->at(0).id == "cal2");
    CHECK(got->at(0).where == item_location::live);
    CHECK(got->at(1).id == "old");
    CHECK(got->at(1).where == item_location::deleted);
    REQUIRE(http.requests.size() == 3);
    CHECK(http.requests[2].body.find("Offset=\"2\"") != std::string::npos);
}

TEST_CASE_METHOD(client_fixture, "a list of folders that never ends, or does not come, is an error",
                 "[unit][ews]")
{
    answer(test::soap_fault("ErrorServerBusy"), 500);
    CHECK(run(client.other_folders(host, 30s)).error().retry_action == retry_action::back_off);
    answer(usual_folders());
    for (int i = 0; i < 50; ++i)
        answer(folder_list(folder_entry("Folder", "in", "top"), "IncludesLastItemInRange='false'"));
    CHECK(run(client.other_folders(host, 30s)).error().retry_action == retry_action::give_up);
    CHECK(http.requests.size() == 2 + ews_client::max_folder_pages);
}

TEST_CASE_METHOD(client_fixture, "in other folders items are found and told apart by their folder",
                 "[unit][ews]")
{
    CHECK(run(client.find_in(host, "ev-1", {}, 30s))->items.empty());
    CHECK(http.requests.empty());
    answer(found_items(marked("A"), marked("B")));
    const auto got =
        run(client.find_in(host, "ev-1", {{"F1", item_location::live}, {"F2", item_location::deleted}}, 30s));
    REQUIRE(got.has_value());
    REQUIRE(got->items.size() == 2);
    CHECK(got->items.at(1).where == item_location::deleted);
    CHECK(http.requests[0].body.find("<t:FolderId Id=\"F2\"") != std::string::npos);
}

namespace {

// What one folder of a search answers: "ok", or a ResponseCode.
std::string search_of(std::initializer_list<std::string_view> folders)
{
    std::string messages;
    for (const auto answer : folders)
        messages +=
            answer == "ok"
                ? std::string("<m:FindItemResponseMessage ResponseClass='Success'><m:ResponseCode>NoError"
                              "</m:ResponseCode><m:RootFolder IncludesLastItemInRange='true'><t:Items/>"
                              "</m:RootFolder></m:FindItemResponseMessage>")
                : fmt::format("<m:FindItemResponseMessage ResponseClass='Error'><m:ResponseCode>{}"
                              "</m:ResponseCode></m:FindItemResponseMessage>",
                              answer);
    return test::envelope(fmt::format(
        "<m:FindItemResponse><m:ResponseMessages>{}</m:ResponseMessages></m:FindItemResponse>", messages));
}

constexpr std::string_view stopped = "ErrorBatchProcessingStopped";

bool names(const std::string& request, std::string_view folder)
{
    return request.find(fmt::format("Id=\"{}\"", folder)) != std::string::npos;
}

} // namespace

TEST_CASE_METHOD(client_fixture,
                 "a folder that refuses beside a calendar that answers is told apart, and no more",
                 "[unit][ews]")
{
    const std::vector<mail_folder> folders{{"F1"}, {"F2"}, {"F3"}};
    for (const auto* code : {"ErrorAccessDenied", "ErrorFolderCorrupt", "ErrorInternalServerError"}) {
        CAPTURE(code);
        http.requests.clear();
        answer(search_of({"ok", code, stopped})); // stops at the one that refuses
        answer(search_of({"ok"}));
        answer(search_of({"ok", code}));
        const auto got = run(client.find_in(host, "ev-1", folders, 30s));
        REQUIRE(got.has_value());
        REQUIRE(got->refused.size() == 1);
        CHECK(got->refused[0].id == "F2");
        CHECK(got->refused[0].why.fault.exchange == code);
        REQUIRE(http.requests.size() == 3);
        CHECK(names(http.requests[1].body, "F3"));
        CHECK_FALSE(names(http.requests[1].body, "F2"));
        CHECK(names(http.requests[2].body, "calendar"));
        CHECK(names(http.requests[2].body, "F2"));
        CHECK_FALSE(names(http.requests[2].body, "calendar:UID")); // other things may lie in the other folder
    }
}

TEST_CASE_METHOD(client_fixture, "a folder that refuses once and answers then is searched", "[unit][ews]")
{
    answer(search_of({"ok", "ErrorInternalServerError"}));
    answer(search_of({"ok", "ok"}));
    const auto got = run(client.find_in(host, "ev-1", {{"F1"}, {"F2"}}, 30s));
    REQUIRE(got.has_value());
    CHECK(got->refused.empty());
}

TEST_CASE_METHOD(client_fixture,
                 "what is wrong with the mailbox, the server or the request is no folder's own",
                 "[unit][ews]")
{
    const std::vector<mail_folder> folders{{"F1"}, {"F2"}};
    SECTION("the calendar does not answer beside it")
    {
        answer(search_of({"ErrorMailboxStoreUnavailable", "ErrorMailboxStoreUnavailable"}));
        answer(search_of({"ErrorMailboxStoreUnavailable", "ErrorMailboxStoreUnavailable",
                          "ErrorMailboxStoreUnavailable"}));
        CHECK(run(client.find_in(host, "ev-1", folders, 30s)).error().retry_action == retry_action::retry);
    }
    SECTION("no folder takes the request")
    {
        answer(search_of({"ErrorInvalidPropertyRequest", "ErrorInvalidPropertyRequest"}));
        answer(search_of({"ok", "ErrorInvalidPropertyRequest", "ErrorInvalidPropertyRequest"}));
        CHECK(run(client.find_in(host, "ev-1", folders, 30s)).error().fault.exchange ==
              "ErrorInvalidPropertyRequest");
    }
    SECTION("throttling, and rights to the mailbox")
    {
        answer(search_of({"ok", "ErrorServerBusy"}));
        CHECK(run(client.find_in(host, "ev-1", folders, 30s)).error().retry_action == retry_action::back_off);
        answer(search_of({"ErrorImpersonateUserDenied", stopped}));
        CHECK(run(client.find_in(host, "ev-1", folders, 30s)).error().fault.code ==
              fault_code::impersonation_denied);
    }
    SECTION("nothing is answered, and nobody refuses")
    {
        answer(search_of({stopped, stopped}));
        CHECK(run(client.find_in(host, "ev-1", folders, 30s)).error().retry_action == retry_action::retry);
    }
}

TEST_CASE_METHOD(client_fixture,
                 "the calendar is never taken for searched; Deleted Items that refuse are named",
                 "[unit][ews]")
{
    answer(search_of({"ErrorAccessDenied", stopped}));
    CHECK(run(client.find(host, "ev-1", 30s)).error().fault.exchange == "ErrorAccessDenied");
    answer(search_of({"ok", "ErrorAccessDenied"}));
    answer(search_of({"ok", "ErrorAccessDenied"}));
    const auto got = run(client.find(host, "ev-1", 30s));
    REQUIRE(got.has_value());
    REQUIRE(got->refused.size() == 1);
    CHECK(got->refused[0].id.empty());
    CHECK(names(http.requests.back().body, "deleteditems"));
}

TEST_CASE_METHOD(client_fixture, "twenty folders that all refuse cost a bounded number of requests",
                 "[unit][ews]")
{
    std::vector<mail_folder> folders;
    for (int i = 0; i < 20; ++i)
        folders.push_back({"F" + std::to_string(i)});
    for (std::size_t left = 20; left > 0; --left) {
        std::string messages = search_of({"ErrorAccessDenied"});
        for (std::size_t i = 1; i < left; ++i)
            messages.insert(messages.find("</m:ResponseMessages>"),
                            fmt::format("<m:FindItemResponseMessage ResponseClass='Error'><m:ResponseCode>{}"
                                        "</m:ResponseCode></m:FindItemResponseMessage>",
                                        stopped));
        answer(messages);
    }
    std::string beside = search_of({"ok"});
    for (int i = 0; i < 20; ++i)
        beside.insert(beside.find("</m:ResponseMessages>"),
                      "<m:FindItemResponseMessage ResponseClass='Error'><m:ResponseCode>ErrorAccessDenied"
                      "</m:ResponseCode></m:FindItemResponseMessage>");
    answer(beside);
    const auto got = run(client.find_in(host, "ev-1", folders, 30s));
    REQUIRE(got.has_value());
    CHECK(got->refused.size() == 20);
    CHECK(http.requests.size() == 21);
}

TEST_CASE_METHOD(client_fixture, "items after one at which Exchange stops are asked for again", "[unit][ews]")
{
    const auto items = [](std::initializer_list<std::string_view> codes) {
        std::string messages;
        for (const auto code : codes)
            messages += fmt::format("<m:GetItemResponseMessage ResponseClass='Error'><m:ResponseCode>{}"
                                    "</m:ResponseCode></m:GetItemResponseMessage>",
                                    code);
        return test::envelope(fmt::format(
            "<m:GetItemResponse><m:ResponseMessages>{}</m:ResponseMessages></m:GetItemResponse>", messages));
    };
    answer(items({"ErrorItemNotFound", "ErrorItemCorrupt", stopped, stopped}));
    answer(items({"ErrorItemNotFound", "ErrorItemNotFound"}));
    const auto got = run(client.states(host, {"A", "B", "C", "D"}, 30s));
    REQUIRE(got.has_value());
    REQUIRE(got->size() == 4);
    CHECK(got->at(1).error().fault.exchange == "ErrorItemCorrupt");
    CHECK(got->at(3).error().fault.exchange == "ErrorItemNotFound");
    CHECK_FALSE(names(http.requests.back().body, "B"));
}

TEST_CASE_METHOD(client_fixture, "a search that never ends is given up", "[unit][ews]")
{
    for (int i = 0; i < 50; ++i)
        answer(found_items(marked("A"), i == 0 ? std::string_view("") : std::string_view("-"),
                           "IncludesLastItemInRange='false'"));
    http.took = 4s;
    const auto got = run(client.find(host, "ev-1", 30s));
    CHECK(got.error().fault.code == fault_code::exchange_unavailable);
    CHECK(http.requests.size() == 10);
    CHECK(http.requests[1].limit == 26s); // what is left
    CHECK(http.requests.back().limit == 1s);
}

TEST_CASE_METHOD(client_fixture, "free/busy comes mailbox by mailbox; about nobody nothing is asked",
                 "[unit][ews]")
{
    CHECK(run(client.availability({}, at("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z"), 30s))->empty());
    CHECK(http.requests.empty());
    answer(
        test::envelope("<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray><m:FreeBusyResponse>"
                       "<m:ResponseMessage "
                       "ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage>"
                       "<m:FreeBusyView><t:FreeBusyViewType>FreeBusy</"
                       "t:FreeBusyViewType><t:CalendarEventArray><t:CalendarEvent>"
                       "<t:StartTime>2026-01-05T09:00:00</t:StartTime><t:EndTime>2026-01-05T10:00:00</"
                       "t:EndTime><t:BusyType>Busy</t:BusyType>"
                       "</t:CalendarEvent></t:CalendarEventArray></m:FreeBusyView></m:FreeBusyResponse></"
                       "m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>"));
    const auto got =
        run(client.availability({host}, at("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z"), 30s));
    REQUIRE(got.has_value());
    REQUIRE(got->at(0).has_value());
    CHECK(got->at(0)->size() == 1);
}

TEST_CASE_METHOD(client_fixture, "a write goes out as written and its answer comes back", "[unit][ews]")
{
    answer(test::success(
        "CreateItem",
        "<m:Items><t:CalendarItem><t:ItemId Id='A' ChangeKey='B'/></t:CalendarItem></m:Items>"));
    CHECK(run(client.create(host, test::full_fields(), {"ev-1", "c-1"}, "u", protocol::notify::all,
                            in_time(30s)))
              ->id == "A");
    CHECK(http.requests[0].body ==
          write_create(host, test::full_fields(), {"ev-1", "c-1"}, "u", protocol::notify::all));
    answer(test::success(
        "UpdateItem",
        "<m:Items><t:CalendarItem><t:ItemId Id='A' ChangeKey='C'/></t:CalendarItem></m:Items>"));
    CHECK(
        run(client.update(host, {"A", "B"}, test::full_fields(), "c-2", protocol::notify::none, in_time(30s)))
            ->change_key == "C");
    answer(test::success("GetItem",
                         "<m:Items><t:CalendarItem><t:ItemId "
                         "Id='A'/><t:Start>2026-01-05T09:00:00Z</"
                         "t:Start><t:End>2026-01-05T10:00:00Z</t:End></t:CalendarItem></m:Items>"));
    CHECK(run(client.get(host, {"A", "C"}, 30s))->ref.id == "A");
    CHECK(reports.size() == 3);
}

namespace {

std::string resolution(std::string_view email, std::string_view type)
{
    return fmt::format("<t:Resolution><t:Mailbox><t:Name>N</t:Name><t:EmailAddress>{}</t:EmailAddress>"
                       "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>{}</t:MailboxType></t:Mailbox>"
                       "</t:Resolution>",
                       email, type);
}

std::string resolved(const std::string& all, std::string_view code = "NoError")
{
    const bool warns = code != "NoError";
    return test::envelope(fmt::format(
        "<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage ResponseClass='{}'>"
        "<m:ResponseCode>{}</m:ResponseCode><m:ResolutionSet>{}</m:ResolutionSet></"
        "m:ResolveNamesResponseMessage>"
        "</m:ResponseMessages></m:ResolveNamesResponse>",
        warns ? "Warning" : "Success", code, all));
}

} // namespace

TEST_CASE_METHOD(client_fixture,
                 "who an address is, is told with its primary address and whether it is several people",
                 "[unit][ews][policy]")
{
    using kind = recipient::kind;
    const auto ask = [&](std::string body) {
        answer(std::move(body));
        return run(client.find_recipient(mailbox("boss@corp.example"), 30s));
    };
    auto who = ask(resolved(resolution("ceo@corp.example", "Mailbox")));
    CHECK(who->what == kind::one);
    CHECK(who->primary == "ceo@corp.example");
    CHECK(http.requests[0].body.find("<m:UnresolvedEntry>smtp:boss@corp.example<") != std::string::npos);
    CHECK(http.requests[0].body.find("Impersonation") == std::string::npos);
    for (const auto* type : {"PublicDL", "PrivateDL", "GroupMailbox", "PublicFolder", "Unknown", ""})
        CHECK(ask(resolved(resolution("boss@corp.example", type)))->what == kind::several);
    CHECK(ask(resolved(resolution("boss@corp.example", "Contact")))->what == kind::one);
    CHECK(ask(nobody_found(15, 2))->what == kind::unknown);
    CHECK(ask(resolved(resolution("/O=CORP/CN=boss", "Mailbox")))->what == kind::unknown);
    // It finds by prefix, too.
    const auto two =
        resolution("boss@corp.example.org", "Mailbox") + resolution("Boss@corp.example", "PublicDL");
    CHECK(ask(resolved(two, "ErrorNameResolutionMultipleResults"))->what == kind::several);
    const auto others = resolution("a@corp.example", "Mailbox") + resolution("b@corp.example", "Mailbox");
    CHECK(ask(resolved(others, "ErrorNameResolutionMultipleResults"))->what == kind::unknown);
}

TEST_CASE_METHOD(client_fixture,
                 "an account without a mailbox finds out who addresses are in the name of a host",
                 "[unit][ews][policy]")
{
    using kind = recipient::kind;
    const auto boss = mailbox("boss@corp.example");
    const auto no_mailbox = test::soap_fault("ErrorNameResolutionNoMailbox");
    answer(no_mailbox, 500);
    answer(test::soap_fault("ErrorNonPrimarySmtpAddress"), 500); // nobody else is known: in its own name
    CHECK(run(client.find_recipient(boss, 30s))->what == kind::untold);
    CHECK(http.requests[1].body.find("<t:PrimarySmtpAddress>boss@corp.example<") != std::string::npos);

    answer(test::success("DeleteItem", ""));
    CHECK(run(client.remove(host, {"id", ""}, protocol::notify::all, in_time(17s))).has_value());
    answer(no_mailbox, 500);
    answer(resolved(resolution("ceo@corp.example", "Mailbox")));
    CHECK(run(client.find_recipient(boss, 30s))->primary == "ceo@corp.example");
    CHECK(http.requests[4].body.find("<t:PrimarySmtpAddress>organizer@corp.example<") != std::string::npos);
}
