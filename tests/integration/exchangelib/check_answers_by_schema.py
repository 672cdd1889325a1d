#!/usr/bin/python3
"""Holds exchange-sim's answers, good ones and errors, against Microsoft's schema, operation by operation.

Usage: check_answers_by_schema.py PROGRAM SCHEMA_FOLDER
"""
import os
import sys
import unittest
import urllib.parse

from exchange_sim import ACCOUNT, ExchangeSim
from soap_client import UTC_ZONE, SoapClient, envelope

PROGRAM = None
SCHEMAS = None
USER = "user1@corp.example"
AFFINITY = {"X-AnchorMailbox": USER, "X-PreferServerAffinity": "true"}
CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'
MARK = ('<t:ExtendedFieldURI PropertySetId="6e2a1f0c-3c1b-4a58-9d0e-5f3b7c2a9e41" PropertyName="WorkestraEventId" '
        'PropertyType="String"/>')


def shape(base="IdOnly", *paths):
    extra = "".join(p if p.startswith("<") else f'<t:FieldURI FieldURI="{p}"/>' for p in paths)
    more = f"<t:AdditionalProperties>{extra}</t:AdditionalProperties>" if extra else ""
    return f"<t:BaseShape>{base}</t:BaseShape>{more}"


def create(event_id="ev-1", send="SendToAllAndSaveCopy", fields=""):
    return f"""<m:CreateItem SendMeetingInvitations="{send}"><m:SavedItemFolderId>{CALENDAR}</m:SavedItemFolderId>
<m:Items><t:CalendarItem><t:Subject>A &lt;b&gt; &amp; c</t:Subject><t:Body BodyType="HTML">&lt;p&gt;x&lt;/p&gt;</t:Body>
<t:Categories><t:String>Workestra</t:String></t:Categories><t:ReminderIsSet>false</t:ReminderIsSet>
<t:ExtendedProperty>{MARK}<t:Value>{event_id}</t:Value></t:ExtendedProperty><t:UID>{event_id}@x</t:UID>
<t:Start>2027-01-05T09:00:00Z</t:Start><t:End>2027-01-05T10:00:00Z</t:End><t:Location>Room</t:Location>
<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>user2@corp.example</t:EmailAddress></t:Mailbox></t:Attendee>
</t:RequiredAttendees>{fields}<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>
</t:CalendarItem></m:Items></m:CreateItem>"""


def find(view='<m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/>', value="ev-1",
         folders=CALENDAR, base=shape("IdOnly", "item:Subject", "calendar:UID", MARK)):
    condition = (f'<m:Restriction><t:IsEqualTo>{MARK}<t:FieldURIOrConstant><t:Constant Value="{value}"/>'
                 "</t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>") if value else ""
    return (f'<m:FindItem Traversal="Shallow"><m:ItemShape>{base}</m:ItemShape>{view}{condition}'
            f"<m:ParentFolderIds>{folders}</m:ParentFolderIds></m:FindItem>")


def availability(mailboxes=(USER,), end="2027-01-12T00:00:00", view="Detailed", merged=""):
    boxes = "".join(f"<t:MailboxData><t:Email><t:Address>{m}</t:Address></t:Email><t:AttendeeType>Required"
                    "</t:AttendeeType></t:MailboxData>" for m in mailboxes)
    return (f"<m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>0</t:Bias>{UTC_ZONE}</t:TimeZone><m:MailboxDataArray>"
            f"{boxes}</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>2027-01-05T00:00:00"
            f"</t:StartTime><t:EndTime>{end}</t:EndTime></t:TimeWindow>{merged}<t:RequestedView>{view}</t:RequestedView>"
            "</t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>")


class AnswersBySchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from lxml import etree
        cls.etree = etree
        load = lambda version: etree.XMLSchema(etree.parse(os.path.join(SCHEMAS, version, "envelope.xsd")))
        cls.answers, cls.requests = load("v2017_07_11"), load("exchange2013_sp1")
        cls.sim = ExchangeSim(PROGRAM, "secret", "--mailboxes", "5").__enter__()
        cls.client = SoapClient(cls.sim, ACCOUNT)
        cls.checked = set()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.sim.__exit__()
        assert cls.sim.status == 0, f"exchange-sim ended with {cls.sim.status}"

    def send(self, body, code="NoError", status=200, mailbox=USER, valid=True, build="15.2.1118.7", **more):
        """Sends `body`, which is `valid` by the schema, and returns the answer, in which `code` is a ResponseCode."""
        text = envelope(body, mailbox, **more)
        self.assertEqual(valid, self.requests.validate(self.etree.fromstring(text.encode())), self.requests.error_log)
        got, headers, answer = self.client.post(text)
        document = self.etree.fromstring(answer)
        self.assertTrue(self.answers.validate(document), f"{self.answers.error_log}\n{answer.decode()}")
        if code == "NoError" and status == 200:
            self.checked.add(self.etree.QName(next(document.iter("{*}Body"))[0]).localname.removesuffix("Response"))
        codes = [e.text for e in document.iter("{*}ResponseCode")]
        self.assertEqual(status, got, answer.decode())
        self.assertIn(code, codes, answer.decode())
        self.assertEqual(build, headers["X-OWA-Version"])
        return document

    def created(self, event_id):
        item = next(self.send(create(event_id)).iter("{*}ItemId"))
        return f'Id="{item.get("Id")}" ChangeKey="{item.get("ChangeKey")}"'

    def test_resolve_names(self):
        ask = '<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>{}</m:UnresolvedEntry></m:ResolveNames>'
        self.send(ask.format("smtp:user1@corp.example"))
        self.send(ask.format("user"), code="ErrorNameResolutionMultipleResults")
        self.send(ask.format("nobody"), code="ErrorNameResolutionNoResults")

    def test_folders(self):
        folder = "<m:FolderShape>{}</m:FolderShape>"
        for base in ("IdOnly", "Default", "AllProperties"):
            names = ("root", "msgfolderroot", "calendar", "deleteditems", "inbox", "contacts", "tasks")
            ids = "".join(f'<t:DistinguishedFolderId Id="{n}"/>' for n in names)
            self.send(f"<m:GetFolder>{folder.format(shape(base))}<m:FolderIds>{ids}</m:FolderIds></m:GetFolder>")
            for traversal in ("Deep", "Shallow"):
                self.send(f'<m:FindFolder Traversal="{traversal}">{folder.format(shape(base))}<m:ParentFolderIds>'
                          '<t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>')
        page = self.send(f'<m:FindFolder Traversal="Deep">{folder.format(shape())}<m:IndexedPageFolderView MaxEntriesReturned="4"'
                         ' Offset="2" BasePoint="Beginning"/><m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/>'
                         "</m:ParentFolderIds></m:FindFolder>")
        root = next(page.iter("{*}RootFolder"))
        self.assertEqual(("6", "false"), (root.get("IndexedPagingOffset"), root.get("IncludesLastItemInRange")))
        self.send(f"<m:GetFolder>{folder.format(shape())}<m:FolderIds><t:FolderId Id='AAAA'/></m:FolderIds></m:GetFolder>",
                  code="ErrorInvalidIdMalformed")

    def test_items(self):
        ref = self.created("ev-1")
        get = "<m:GetItem><m:ItemShape>{}</m:ItemShape><m:ItemIds><t:ItemId {}/></m:ItemIds></m:GetItem>"
        for base in ("IdOnly", "Default", "AllProperties"):
            self.send(get.format(shape(base, "item:Body", "item:TextBody", MARK), ref))
            self.send(find(base=shape(base, "item:Body", MARK)))
        self.send(get.format(shape(), 'Id="AAAB"'), code="ErrorItemNotFound")
        self.send(get.format(shape(), 'Id="?"'), code="ErrorInvalidIdMalformed")
        found = self.send(find(value="EV-1", folders=CALENDAR + '<t:DistinguishedFolderId Id="deleteditems"/>'))
        self.assertEqual(2, len(list(found.iter("{*}RootFolder"))))
        self.assertEqual(1, len(list(found.iter("{*}CalendarItem"))))
        view = '<m:CalendarView StartDate="2027-01-05T00:00:00Z" EndDate="{}T00:00:00Z"/>'
        self.send(find(view.format("2027-01-06"), value=None))
        self.send(find(view.format("2030-01-06"), value=None), code="ErrorCalendarViewRangeTooBig", status=500)
        self.send(find(view.format("2027-01-06")), code="ErrorInvalidRequest", status=500)
        self.send(find(folders='<t:DistinguishedFolderId Id="voicemail"/>'), code="ErrorFolderNotFound")
        sync = ("<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>"
                f"{CALENDAR}</m:SyncFolderId>{{}}<m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>")
        self.send(sync.format(""))
        self.send(sync.format("<m:SyncState>x</m:SyncState>"), code="ErrorInvalidSyncStateData")
        self.send(f'<m:ConvertId DestinationFormat="HexEntryId"><m:SourceIds><t:AlternateId Format="EwsId" '
                  f'{ref.split()[0]} Mailbox="{USER}"/></m:SourceIds></m:ConvertId>')

    def test_writes(self):
        ref = self.created("ev-2")
        update = ('<m:UpdateItem ConflictResolution="{how}"{send}><m:ItemChanges><t:ItemChange><t:ItemId {ref}/><t:Updates>'
                  "{changes}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>")
        subject = ('<t:SetItemField><t:FieldURI FieldURI="item:Subject"/><t:CalendarItem><t:{0}>2</t:{0}></t:CalendarItem>'
                   "</t:SetItemField>")
        told = ' SendMeetingInvitationsOrCancellations="SendToAllAndSaveCopy"'
        self.send(update.format(how="AutoResolve", send=told, ref=ref, changes=subject.format("Subject") +
                                f"<t:DeleteItemField>{MARK}</t:DeleteItemField>"))
        self.send(update.format(how="NeverOverwrite", send=told, ref=ref, changes=subject.format("Subject")),
                  code="ErrorIrresolvableConflict")
        self.send(update.format(how="AutoResolve", send=told, ref=ref, changes=subject.format("Location")),
                  code="ErrorUpdatePropertyMismatch")
        self.send(update.format(how="AutoResolve", send="", ref=ref, changes=subject.format("Subject")),
                  code="ErrorSendMeetingInvitationsOrCancellationsRequired")
        self.send(update.format(how="AutoResolve", send=told, ref=ref.split()[0], changes=subject.format("Subject")),
                  code="ErrorChangeKeyRequiredForWriteOperations")
        self.send(create().replace(' SendMeetingInvitations="SendToAllAndSaveCopy"', ""),
                  code="ErrorSendMeetingInvitationsRequired")
        self.send(create().replace("2027-01-05T10", "2027-01-05T08"), code="ErrorCalendarEndDateIsEarlierThanStartDate")
        self.send(create().replace("W. Europe Standard Time", "Europe/Berlin"), code="ErrorTimeZone", status=500)
        delete = f'<m:DeleteItem DeleteType="MoveToDeletedItems"{{}}><m:ItemIds><t:ItemId {ref}/></m:ItemIds></m:DeleteItem>'
        self.send(delete.format(""), code="ErrorSendMeetingCancellationsRequired")
        self.send(delete.format(' SendMeetingCancellations="SendToAllAndSaveCopy"'))
        self.send(delete.format(' SendMeetingCancellations="SendToNone"'), code="ErrorItemNotFound")
        self.send('<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:CancelCalendarItem><t:ReferenceItemId '
                  f'{self.created("ev-3")}/></t:CancelCalendarItem></m:Items></m:CreateItem>')
        self.send(f'<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/></m:ToFolderId><m:ItemIds><t:ItemId '
                  f'{self.created("ev-4")}/></m:ItemIds></m:MoveItem>')
        self.send(f'<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"/></m:ToFolderId><m:ItemIds><t:ItemId '
                  f'{self.created("ev-copy")}/></m:ItemIds></m:CopyItem>')

    def test_order_and_names_are_those_of_the_schema(self):
        wrong = create().replace("<t:UID>ev-1@x</t:UID>", "").replace("<t:Location>", "<t:UID>u</t:UID><t:Location>")
        self.send(wrong, code="ErrorSchemaValidation", status=500, valid=False)
        self.send(create(fields="<t:Nonsense/>"), code="ErrorSchemaValidation", status=500, valid=False)
        self.send(create().replace("t:Items", "m:Items").replace("<t:Subject>", "<m:Subject>").replace(
            "</t:Subject>", "</m:Subject>"), code="ErrorSchemaValidation", status=500, valid=False)
        self.send(create(fields="<t:OptionalAttendees/>"), code="ErrorSchemaValidation", status=500, valid=False)

    def test_availability(self):
        self.send(create("ev-5"))
        mailboxes = (USER, "nobody@corp.example", "rubbish", "user3@corp.example")
        for view in ("FreeBusy", "FreeBusyMerged", "Detailed", "DetailedMerged", "MergedOnly"):
            answer = self.send(availability(mailboxes, view=view), mailbox=None)
            codes = [e.text for e in answer.iter("{*}ResponseCode")]
            self.assertEqual(["NoError", "ErrorMailRecipientNotFound", "ErrorInvalidSmtpAddress", "NoError"], codes)
        interval = "<t:MergedFreeBusyIntervalInMinutes>{}</t:MergedFreeBusyIntervalInMinutes>"
        for body, code in (
                (availability([f"user{i}@corp.example" for i in range(101)]), "ErrorMailboxDataArrayTooBig"),
                (availability(end="2027-03-20T00:00:00"), "ErrorTimeIntervalTooBig"),
                (availability(end="2027-01-04T00:00:00"), "ErrorInvalidTimeInterval"),
                (availability(view="None"), "ErrorInvalidFreeBusyViewType"),
                (availability(merged=interval.format(4)), "ErrorInvalidMergedFreeBusyInterval")):
            self.send(body, code=code, status=500, mailbox=None)

    def test_time_zones(self):
        self.send("<m:GetServerTimeZones/>")
        self.send('<m:GetServerTimeZones ReturnFullTimeZoneData="false"><m:Ids><t:Id>UTC</t:Id></m:Ids>'
                  "</m:GetServerTimeZones>")

    def test_headers(self):
        probe = f"<m:GetFolder><m:FolderShape>{shape()}</m:FolderShape><m:FolderIds>{CALENDAR}</m:FolderIds></m:GetFolder>"
        self.send(probe, mailbox="nobody@corp.example", code="ErrorNonExistentMailbox", status=500)
        self.send(probe, version="Exchange2019", code="ErrorInvalidRequest", status=500, valid=False)
        self.send(probe, header='<t:RequestServerVersion Version="Exchange2013_SP1"/>', code="ErrorDuplicateSOAPHeader",
                  status=500)
        self.sim.call("POST", "/mailboxes", {"email": "boss@corp.example", "impersonation": "deny"})
        self.send(probe, mailbox="boss@corp.example", code="ErrorImpersonateUserDenied", status=500)

    def subscribed(self, mailbox=USER, **more):
        body = (f"<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>{CALENDAR}</t:FolderIds><t:EventTypes>"
                + "".join(f"<t:EventType>{kind}Event</t:EventType>" for kind in ("Created", "Deleted", "Modified", "Moved"))
                + "</t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>")
        status, headers, answer = self.client.post(envelope(body, mailbox), AFFINITY)
        document = self.etree.fromstring(answer)
        self.assertTrue(self.requests.validate(self.etree.fromstring(envelope(body, mailbox).encode())))
        self.assertTrue(self.answers.validate(document), f"{self.answers.error_log}\n{answer.decode()}")
        self.assertEqual(more.get("code", "NoError"), next(document.iter("{*}ResponseCode")).text)
        if "code" in more:
            return None
        self.checked.add("Subscribe")
        self.cookie = headers["Set-Cookie"].split(";")[0]
        return next(document.iter("{*}SubscriptionId")).text

    def stream(self, *ids, cookie=True):
        """The envelopes of a stream that lasts a minute, each of them valid: ResponseCode, ConnectionStatus, element."""
        body = ("<m:GetStreamingEvents><m:SubscriptionIds>" + "".join(f"<t:SubscriptionId>{i}</t:SubscriptionId>" for i in ids)
                + "</m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>")
        text = envelope(body, USER)
        self.assertTrue(self.requests.validate(self.etree.fromstring(text.encode())), self.requests.error_log)
        status, headers, answer = self.client.post(text, {**AFFINITY, **({"Cookie": self.cookie} if cookie else {})})
        self.assertEqual(200, status)
        declaration = b'<?xml version="1.0" encoding="utf-8"?>'
        seen = []
        for part in answer.split(declaration)[1:]:
            document = self.etree.fromstring(declaration + part)
            self.assertTrue(self.answers.validate(document), f"{self.answers.error_log}\n{part.decode()}")
            self.checked.add("GetStreamingEvents")
            state = next(document.iter("{*}ConnectionStatus"), None)
            seen.append((next(document.iter("{*}ResponseCode")).text, None if state is None else state.text, document))
        return seen

    def test_notifications(self):
        self.sim.call("PUT", "/streaming", {"minute_ms": 700, "heartbeat_ms": 200})
        first, second = self.subscribed(), self.subscribed("user2@corp.example")
        at = {"subject": "x", "start": "2027-01-07T09:00:00Z", "end": "2027-01-07T10:00:00Z"}
        item = self.sim.call("POST", f"/mailboxes/{USER}/items", at)["id"]
        quoted = urllib.parse.quote(item, safe="")
        self.sim.call("PATCH", f"/mailboxes/{USER}/items/{quoted}", {"subject": "y"})
        deleted = self.sim.call("DELETE", f"/mailboxes/{USER}/items/{quoted}")["id"]
        other = self.sim.call("POST", "/mailboxes/user2@corp.example/items", at)["id"]
        self.send(f'<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds><t:ItemId '
                  f'Id="{other}"/></m:ItemIds></m:DeleteItem>', mailbox="user2@corp.example")
        seen = self.stream(first, second)
        self.assertEqual((("NoError", "OK"), ("NoError", "Closed")), (seen[0][:2], seen[-1][:2]))
        self.assertGreaterEqual(len(seen), 4)  # with heartbeats
        told = [(n.find("{*}SubscriptionId").text, [e.tag.split("}")[1] for e in n if e.tag.endswith("Event")])
                for _, _, document in seen for n in document.iter("{*}Notification")]
        self.assertEqual([first, second], [i for i, _ in told])
        self.assertEqual({"CreatedEvent", "ModifiedEvent", "MovedEvent"}, set(told[0][1]))
        self.assertEqual({"CreatedEvent", "ModifiedEvent", "DeletedEvent"}, set(told[1][1]))
        self.assertGreater(len(told[0][1]), 3)  # more events than deeds
        moved = next(e for _, _, document in seen for e in document.iter("{*}MovedEvent"))
        self.assertEqual((item, deleted), (moved.find("{*}OldItemId").get("Id"), moved.find("{*}ItemId").get("Id")))

        self.assertEqual([("ErrorSubscriptionNotFound", None)], [s[:2] for s in self.stream(first, cookie=False)])
        wrong = self.stream(first, "nonsense")
        self.assertEqual([("ErrorSubscriptionNotFound", None)], [s[:2] for s in wrong])
        self.assertEqual(["nonsense"], [e.text for e in wrong[0][2].iter("{*}SubscriptionId")])
        self.sim.call("PUT", "/streaming", {"most_streams": 0})
        self.assertEqual([("ErrorExceededConnectionCount", None)], [s[:2] for s in self.stream(first)])
        self.sim.call("PUT", "/streaming", {"most_streams": 3, "most_subscriptions": 2})
        self.subscribed(code="ErrorExceededSubscriptionCount")
        gone = f"<m:Unsubscribe><m:SubscriptionId>{first}</m:SubscriptionId></m:Unsubscribe>"
        for code in ("NoError", "ErrorSubscriptionNotFound"):
            status, _, answer = self.client.post(envelope(gone, USER), {**AFFINITY, "Cookie": self.cookie})
            document = self.etree.fromstring(answer)
            self.assertTrue(self.answers.validate(document), self.answers.error_log)
            self.assertEqual(code, next(document.iter("{*}ResponseCode")).text)
        self.checked.add("Unsubscribe")
        self.sim.call("POST", "/streaming/lose", {})
        self.assertEqual({"subscriptions": [], "streams": 0}, self.sim.call("GET", "/streaming"))
        self.sim.call("PUT", "/streaming", {"most_subscriptions": 5000})
    def test_products(self):
        probe = f"<m:GetFolder><m:FolderShape>{shape()}</m:FolderShape><m:FolderIds>{CALENDAR}</m:FolderIds></m:GetFolder>"
        too_old = "ErrorInvalidServerVersion"
        products = {"2007": ("8.3.83.6", too_old), "2010": ("14.3.123.4", too_old), "2013-rtm": ("15.0.516.32", too_old),
                    "2013-sp1": ("15.0.847.32", None), "2013": ("15.0.1497.48", None), "2016-rtm": ("15.1.225.42", None),
                    "2016": ("15.1.2507.39", None), "2019-rtm": ("15.2.221.12", None), "2019-cu15": ("15.2.1748.10", None),
                    "se": ("15.2.2562.17", None), "online": ("15.20.8999.24", None)}
        try:
            for name, (build, refusal) in products.items():
                with self.subTest(product=name):
                    self.sim.call("PUT", "/product", {"name": name})
                    answer = self.send(probe, code=refusal or "NoError", status=500 if refusal else 200, build=build)
                    shown = [[e.get(a + "Number" if "Build" in a else a + "Version")
                              for a in ("Major", "Minor", "MajorBuild", "MinorBuild")]
                             for e in answer.iter("{*}ServerVersionInfo")]
                    self.assertEqual([] if refusal else [build.split(".")], shown)
            for form in ("absent", "odd"):
                self.sim.call("PUT", "/product", {"name": "2019", "version_info": form})
                self.send(probe)
            # What nobody knows is refused, by old servers and new ones in words of their own.
            for name, build, code in (("2010", "14.3.123.4", too_old), ("2016-rtm", "15.1.225.42", "ErrorInvalidRequest")):
                self.sim.call("PUT", "/product", {"name": name})
                self.send(probe, version="Exchange2019", code=code, status=500, valid=False, build=build)
            self.send(probe, version="V2018_01_08", code=too_old, status=500, valid=False, build="15.1.225.42")
        finally:
            self.sim.call("PUT", "/product", {"name": "2019"})

    # The tests run in the order of their names.
    def test_zz_every_operation_was_held_against_the_schema(self):
        self.assertEqual(set(), set(self.sim.call("GET", "/operations")) - self.checked)

    def test_injected_errors(self):
        probe = f"<m:GetFolder><m:FolderShape>{shape()}</m:FolderShape><m:FolderIds>{CALENDAR}</m:FolderIds></m:GetFolder>"
        for action, body, code, status in (
                ("error", probe, "ErrorMailboxStoreUnavailable", 200),
                ("error", find(), "ErrorMailboxStoreUnavailable", 200),
                ("error", create("ev-9"), "ErrorMailboxStoreUnavailable", 200),
                ("error", availability(), "ErrorMailboxStoreUnavailable", 200),
                ("soap_fault", probe, "ErrorInternalServerTransientError", 500),
                ("busy", probe, "ErrorServerBusy", 500)):
            self.sim.call("PUT", "/faults", [{"operation": "*", "when": "before", "action": action, "code": code,
                                              "back_off_ms": 1000}])
            self.send(body, code=code, status=status)
        self.assertEqual(0, len([i for i in self.sim.items(USER) if i["uid"] == "ev-9@x"]))


if __name__ == "__main__":
    PROGRAM, SCHEMAS = sys.argv.pop(1), sys.argv.pop(1)
    if not os.path.isdir(SCHEMAS):
        print("skipped: there is no folder of Exchange's schemas here")
        sys.exit(77)
    unittest.main(verbosity=2)
