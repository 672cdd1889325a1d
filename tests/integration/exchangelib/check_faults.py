#!/usr/bin/python3
"""Every kind of fault that exchange-sim can be told, and that its ledger says what was really done.

Usage: check_faults.py PROGRAM
"""
import http.client
import socket
import ssl
import sys
import time
import unittest

from exchange_sim import ACCOUNT, ExchangeSim
from soap_client import UTC_ZONE, SoapClient, envelope

PROGRAM = None
USER = "user1@corp.example"
PROBE = envelope("<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
                 '<t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>', USER)
CREATE = envelope('<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>x</t:Subject>'
                  "<t:Start>2027-01-05T09:00:00Z</t:Start><t:End>2027-01-05T10:00:00Z</t:End></t:CalendarItem></m:Items>"
                  "</m:CreateItem>", USER)
AVAILABILITY = envelope(
    f"<m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>0</t:Bias>{UTC_ZONE}</t:TimeZone><m:MailboxDataArray>"
    "<t:MailboxData><t:Email><t:Address>user1@corp.example</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType>"
    "</t:MailboxData><t:MailboxData><t:Email><t:Address>user2@corp.example</t:Address></t:Email><t:AttendeeType>Required"
    "</t:AttendeeType></t:MailboxData></m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>"
    "2027-01-05T00:00:00</t:StartTime><t:EndTime>2027-01-06T00:00:00</t:EndTime></t:TimeWindow><t:RequestedView>FreeBusy"
    "</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>")
BROKEN = (ConnectionError, http.client.HTTPException, ssl.SSLError)


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = ExchangeSim(PROGRAM, "secret", "--mailboxes", "3").__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.sim.__exit__()
        assert cls.sim.status == 0, f"exchange-sim ended with {cls.sim.status}"

    def setUp(self):
        self.client = SoapClient(self.sim, ACCOUNT)
        self.before = len(self.sim.ledger()["writes"])

    def tearDown(self):
        self.client.close()
        self.sim.call("DELETE", "/faults")

    def plan(self, action, operation="*", **fields):
        self.sim.call("PUT", "/faults", [{"operation": operation, "action": action, **fields}])

    def done(self):
        return len(self.sim.ledger()["writes"]) - self.before

    def test_a_reset_before_does_nothing_and_one_after_does_the_work(self):
        for when, done in (("before", 0), ("after", 1)):
            self.plan("reset", "CreateItem", when=when)
            with self.assertRaises(BROKEN):
                self.client.post(CREATE)
            self.assertEqual(done, self.done())

    def test_late_work_is_done_after_its_connection_is_gone(self):
        self.plan("late", "CreateItem", when="before", ms=300)
        with self.assertRaises(BROKEN):
            self.client.post(CREATE)
        self.assertEqual(0, self.done())
        deadline = time.monotonic() + 10
        while self.done() == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(1, self.done())

    def test_an_unseen_item_is_found_later_and_can_be_got_at_once(self):
        find = envelope('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
                        '<m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>',
                        "user3@corp.example")
        self.plan("unseen", "FindItem", ms=700, count=0)
        self.assertEqual(200, self.client.post(CREATE.replace("user1", "user3"))[0])
        self.assertEqual(0, self.client.post(find)[2].count(b"<t:ItemId "))
        time.sleep(0.8)
        self.assertEqual(1, self.client.post(find)[2].count(b"<t:ItemId "))

    def test_an_unsent_item_is_saved_and_nobody_is_told(self):
        invite = CREATE.replace("SendToNone", "SendToAllAndSaveCopy").replace(
            "</t:End>", "</t:End><t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>user2@corp.example"
            "</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>")
        told = len(self.sim.ledger()["notifications"])
        self.plan("unsent", "CreateItem")
        with self.assertRaises(BROKEN):
            self.client.post(invite)
        self.assertEqual(1, self.done())
        self.assertEqual(told, len(self.sim.ledger()["notifications"]))
        self.assertFalse(self.sim.items(USER)[-1]["invited"])

    def test_a_hang_answers_nothing(self):
        for when, done in (("before", 0), ("after", 1)):
            self.plan("hang", "CreateItem", when=when)
            self.client.timeout = 0.5
            with self.assertRaises(socket.timeout):
                self.client.post(CREATE)
            self.assertEqual(done, self.done())

    def test_a_delay_goes_on_to_the_next_fault(self):
        self.sim.call("PUT", "/faults", [{"operation": "*", "action": "delay", "ms": 200},
                                         {"operation": "*", "action": "status", "status": 503, "body": "down",
                                          "headers": {"Retry-After": "7"}}])
        began = time.monotonic()
        status, headers, body = self.client.post(PROBE)
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        self.assertEqual((503, b"down", "7"), (status, body, headers["Retry-After"]))
        self.assertEqual(200, self.client.post(PROBE)[0])

    def test_skip_and_count_choose_the_requests(self):
        self.plan("status", status=500, skip=1, count=2)
        self.assertEqual([200, 500, 500, 200], [self.client.post(PROBE)[0] for _ in range(4)])
        self.plan("status", status=500, count=0)
        self.assertEqual([500] * 3, [self.client.post(PROBE)[0] for _ in range(3)])

    def test_operation_and_mailbox_choose_the_requests(self):
        self.plan("status", "CreateItem", status=500, count=0, mailbox="USER2@corp.example")
        self.assertEqual(200, self.client.post(PROBE)[0])
        self.assertEqual(200, self.client.post(CREATE)[0])
        self.assertEqual(500, self.client.post(CREATE.replace("user1", "user2"))[0])

    def test_pages_and_redirects_that_are_no_ews(self):
        self.plan("html")
        status, headers, body = self.client.post(PROBE)
        self.assertEqual((200, "text/html; charset=utf-8"), (status, headers["Content-Type"]))
        self.assertIn(b"<form", body)
        self.plan("redirect", location="https://localhost/owa/auth/logon.aspx?x=1")
        status, headers, _ = self.client.post(PROBE)
        self.assertEqual((302, "https://localhost/owa/auth/logon.aspx?x=1"), (status, headers["Location"]))

    def test_answers_that_no_parser_likes(self):
        self.plan("garbage")
        self.assertEqual(4096, len(self.client.post(PROBE)[2]))
        self.plan("bomb")
        self.assertIn(b"<!ENTITY", self.client.post(PROBE)[2])
        self.plan("deep", levels=1000)
        self.assertEqual(1000, self.client.post(PROBE)[2].count(b"<d>"))
        self.plan("empty")
        self.assertIn(b"<s:Body></s:Body>", self.client.post(PROBE)[2])
        self.plan("huge", bytes=50_000_000)
        self.assertEqual(50_000_000, len(self.client.post(PROBE)[2]))

    def test_a_truncated_answer_ends_in_the_middle(self):
        for when, done in (("before", 0), ("after", 1)):
            self.plan("truncate", "CreateItem", when=when)
            with self.assertRaises(BROKEN):
                self.client.post(CREATE)
            self.assertEqual(done, self.done())

    def test_unauthorized_refuses_a_right_password(self):
        self.plan("unauthorized")
        refused = self.sim.call("GET", "/stats")["sign_ins"]["refused"]
        status, headers, _ = self.client.post(PROBE)
        self.assertEqual(401, status)
        self.assertEqual(["NTLM", 'Basic realm="localhost"'], headers.get_all("WWW-Authenticate"))
        self.assertEqual(refused + 1, self.sim.call("GET", "/stats")["sign_ins"]["refused"])

    def test_an_ill_site_is_ill_before_sign_in_too(self):
        self.plan("html", count=0)
        del self.client.headers["Authorization"]
        self.assertEqual(200, self.client.post("")[0])
        self.sim.call("DELETE", "/faults")
        self.assertEqual(401, self.client.post("")[0])

    def test_one_mailbox_of_many_can_fail(self):
        self.plan("error", "GetUserAvailability", mailbox="user2@corp.example", code="ErrorMailboxLogonFailed")
        body = self.client.post(AVAILABILITY)[2]
        self.assertLess(body.index(b"NoError"), body.index(b"ErrorMailboxLogonFailed"))

    def test_a_changed_password_holds_from_the_next_request(self):
        self.sim.call("PUT", "/account", {"password": "new"})
        self.assertEqual(401, self.client.post(PROBE)[0])
        self.sim.call("PUT", "/account", {"password": "secret"})
        self.assertEqual(200, self.client.post(PROBE)[0])

    def test_a_wrong_plan_is_refused(self):
        for plan in ({}, [{}], [{"action": "explode"}], [{"action": "delay", "ms": -1}],
                     [{"action": "status", "headers": {"a": "b\r\nc: d"}}]):
            with self.assertRaises(Exception) as raised:
                self.sim.call("PUT", "/faults", plan)
            self.assertEqual(400, raised.exception.code)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
