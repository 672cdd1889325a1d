#!/usr/bin/python3
"""Keeps exchange-sim honest: exchangelib, which knows nothing of it, works against it as against a real Exchange.

Usage: check_exchange_sim.py PROGRAM
"""
import os
import sys
import unittest
import urllib.parse

import requests
from cryptography.hazmat.backends.openssl import backend as _  # loads OpenSSL's legacy provider: NTLM needs its MD4
from requests_ntlm import HttpNtlmAuth

from exchange_sim import ACCOUNT, ExchangeSim

from exchangelib import (
    BASIC, IMPERSONATION, NTLM, Account, Attendee, CalendarItem, Configuration, Credentials, EWSDate, EWSDateTime,
    EWSTimeZone, ExtendedProperty, HTMLBody, Mailbox)
from exchangelib.errors import (
    ErrorImpersonateUserDenied, ErrorIrresolvableConflict, ErrorItemNotFound, ErrorMailRecipientNotFound,
    ErrorNonExistentMailbox, ErrorServerBusy, ErrorSubscriptionNotFound, UnauthorizedError)
from exchangelib.items import (
    AUTO_RESOLVE, NEVER_OVERWRITE, SEND_ONLY_TO_CHANGED, SEND_TO_ALL_AND_SAVE_COPY, SEND_TO_NONE)
from exchangelib.protocol import CachingProtocol

PROGRAM = None
BERLIN = EWSTimeZone("Europe/Berlin")
UTC = EWSTimeZone("UTC")
MARKS = "6e2a1f0c-3c1b-4a58-9d0e-5f3b7c2a9e41"


class EventId(ExtendedProperty):
    property_set_id = MARKS
    property_name = "WorkestraEventId"
    property_type = "String"


class CommandId(ExtendedProperty):
    property_set_id = MARKS
    property_name = "WorkestraCommandId"
    property_type = "String"


CalendarItem.register("event_id", EventId)
CalendarItem.register("command_id", CommandId)


def at(hour, minute=0, day=5, zone=UTC):
    return EWSDateTime(2027, 7, day, hour, minute, tzinfo=zone)


def told(ledger, kind):
    return sorted(n["to"] for n in ledger["notifications"] if n["kind"] == kind)


class ExchangeSimTest:
    """What holds however the account signs in."""

    auth_type = None
    password = None

    @classmethod
    def setUpClass(cls):
        cls.sim = ExchangeSim(PROGRAM, cls.password, "--mailboxes", "5").__enter__()
        os.environ["REQUESTS_CA_BUNDLE"] = cls.sim.certificate
        cls.config = Configuration(service_endpoint=cls.sim.ews, auth_type=cls.auth_type,
                                   credentials=Credentials(ACCOUNT, cls.password))

    @classmethod
    def tearDownClass(cls):
        CachingProtocol.clear_cache()
        cls.sim.__exit__()
        assert cls.sim.status == 0, f"exchange-sim ended with {cls.sim.status}"

    def account(self, address="user1@corp.example"):
        return Account(address, config=self.config, autodiscover=False, access_type=IMPERSONATION,
                       default_timezone=BERLIN)

    def create(self, account, event_id, send=SEND_TO_NONE, **fields):
        item = CalendarItem(account=account, folder=account.calendar, subject="Interview", start=at(9), end=at(10),
                            event_id=event_id, command_id="c-1", **fields)
        return item.save(send_meeting_invitations=send)

    def test_the_server_says_what_it_is(self):
        self.assertEqual("15.2.1118.7", str(self.account().protocol.version.build))

    def test_names_are_resolved(self):
        found = self.account().protocol.resolve_names(["smtp:user2@corp.example"])
        self.assertEqual(["user2@corp.example"], [m.email_address for m in found])

    def test_an_event_lives_through_create_find_update_and_delete(self):
        account = self.account("user2@corp.example")
        before = self.sim.ledger()
        self.create(
            account, "ev-Life", SEND_TO_ALL_AND_SAVE_COPY, uid="ev-life@workestra", location="Room 1",
            body=HTMLBody("<p>Hello</p>"), categories=["Workestra"], reminder_is_set=False, sensitivity="Private",
            legacy_free_busy_status="Tentative",
            required_attendees=[Attendee(mailbox=Mailbox(email_address="user3@corp.example"))],
            optional_attendees=["guest@elsewhere.example"],
            resources=[Attendee(mailbox=Mailbox(email_address="room@corp.example"))])

        found = list(account.calendar.filter(event_id="EV-LIFE"))  # compared without case
        self.assertEqual(1, len(found))
        item = account.calendar.get(event_id="ev-Life")
        self.assertEqual("ev-Life", item.event_id)
        self.assertEqual("ev-life@workestra", item.uid)
        self.assertEqual((at(9), at(10)), (item.start, item.end))
        self.assertEqual("Room 1", item.location)
        self.assertIn("<p>Hello</p>", item.body)
        self.assertEqual(["Workestra"], item.categories)
        self.assertEqual("Tentative", item.legacy_free_busy_status)
        self.assertEqual("Private", item.sensitivity)
        self.assertFalse(item.reminder_is_set)
        self.assertTrue(item.meeting_request_was_sent)
        self.assertEqual("user2@corp.example", item.organizer.email_address)
        self.assertEqual(["user3@corp.example"], [a.mailbox.email_address for a in item.required_attendees])
        self.assertEqual(["guest@elsewhere.example"], [a.mailbox.email_address for a in item.optional_attendees])
        self.assertEqual(["room@corp.example"], [a.mailbox.email_address for a in item.resources])

        item.subject = "Second interview"
        item.start, item.end = at(11), at(12)
        item.command_id = "c-2"
        item.save(update_fields=["subject", "start", "end", "command_id"], conflict_resolution=AUTO_RESOLVE,
                  send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
        item.refresh()
        self.assertEqual("Second interview", item.subject)
        self.assertEqual(at(11), item.start)
        item.required_attendees = ["user4@corp.example"]
        item.save(update_fields=["required_attendees"], send_meeting_invitations=SEND_ONLY_TO_CHANGED)
        item.delete(send_meeting_cancellations=SEND_TO_NONE)
        self.assertEqual(0, account.calendar.filter(event_id="ev-Life").count())

        ledger = self.sim.ledger()
        writes = ledger["writes"][len(before["writes"]):]
        self.assertEqual(["create", "update", "update", "delete"], [w["operation"] for w in writes])
        self.assertEqual(["c-1", "c-2", "c-2", "c-2"], [w["command_id"] for w in writes])
        self.assertEqual({"user2@corp.example"}, {w["mailbox"] for w in writes})
        notifications = {"notifications": ledger["notifications"][len(before["notifications"]):]}
        everybody = ["guest@elsewhere.example", "room@corp.example", "user3@corp.example"]
        self.assertEqual(everybody, told(notifications, "request"))
        self.assertEqual(sorted(everybody + ["user4@corp.example"]), told(notifications, "update"))
        self.assertEqual(["user3@corp.example"], told(notifications, "cancel"))

    def test_a_cancelled_event_is_in_deleted_items_under_a_new_id(self):
        account = self.account("user3@corp.example")
        saved = self.create(account, "ev-trash", SEND_TO_ALL_AND_SAVE_COPY, required_attendees=["user1@corp.example"])
        old_id = saved.id
        saved.move_to_trash(send_meeting_cancellations=SEND_TO_ALL_AND_SAVE_COPY)
        moved = account.trash.get(event_id="ev-trash")
        self.assertNotEqual(old_id, moved.id)
        self.assertTrue(moved.is_cancelled)
        self.assertIsInstance(list(account.fetch(ids=[(old_id, None)]))[0], ErrorItemNotFound)
        self.assertIn("user1@corp.example", told(self.sim.ledger(), "cancel"))
        self.assertEqual("deleteditems", self.sim.items("user3@corp.example")[0]["folder"])

    def test_items_move_and_are_copied_between_folders_that_the_user_made(self):
        address = "user4@corp.example"
        self.sim.call("POST", f"/mailboxes/{address}/folders", {"name": "Team", "parent": "calendar"})
        account = self.account(address)
        saved = self.create(account, "ev-moves", required_attendees=["user1@corp.example"])
        team = account.root / "Top of Information Store" / "Calendar" / "Team"
        self.assertEqual("IPF.Appointment", team.folder_class)
        saved.move(to_folder=team)
        found = team.get(event_id="ev-moves")
        self.assertEqual(0, account.calendar.filter(event_id="ev-moves").count())
        copied_id, _ = found.copy(to_folder=account.calendar)
        copy = account.calendar.get(event_id="ev-moves")
        self.assertEqual(copied_id, copy.id)
        self.assertNotEqual(found.id, copy.id)
        self.assertNotEqual(found.uid, copy.uid)
        # By hand, as in Outlook: no write of a client's.
        writes = len(self.sim.ledger()["writes"])
        by_hand = f"/mailboxes/{address}/items/{urllib.parse.quote(copy.id, safe='')}"
        new_id = self.sim.call("POST", by_hand + "/move", {"folder": "Team"})["id"]
        self.assertNotEqual(copy.id, new_id)
        self.assertEqual(2, team.filter(event_id="ev-moves").count())
        self.assertEqual(writes, len(self.sim.ledger()["writes"]))
        for item in list(team.filter(event_id="ev-moves")):
            item.delete(send_meeting_cancellations=SEND_TO_NONE)

    def test_a_stale_change_key_is_a_conflict_where_it_is_asked_for(self):
        account = self.account("user4@corp.example")
        item = self.create(account, "ev-stale")
        stale = account.calendar.get(event_id="ev-stale")
        item.subject = "First"
        item.save(update_fields=["subject"])
        stale.subject = "Second"
        with self.assertRaises(ErrorIrresolvableConflict):
            stale.save(update_fields=["subject"], conflict_resolution=NEVER_OVERWRITE)
        stale.save(update_fields=["subject"], conflict_resolution=AUTO_RESOLVE)
        self.assertEqual("Second", self.sim.items("user4@corp.example")[0]["subject"])

    def test_free_busy_time_is_told_in_the_zone_of_the_request(self):
        self.sim.call("POST", "/mailboxes/user5@corp.example/items", {
            "subject": "Doctor", "start": "2027-07-05T06:30:00Z", "end": "2027-07-05T08:00:00Z", "busy": "OOF"})
        self.sim.call("POST", "/mailboxes/user5@corp.example/items", {
            "subject": "Call", "start": "2027-07-05T21:45:00Z", "end": "2027-07-05T22:15:00Z", "busy": "Busy"})
        account = self.account()
        views = list(account.protocol.get_free_busy_info(
            accounts=[("user5@corp.example", "Required", False), ("nobody@corp.example", "Required", False)],
            start=at(0, zone=BERLIN), end=at(0, day=6, zone=BERLIN), merged_free_busy_interval=30,
            requested_view="DetailedMerged"))
        self.assertIsInstance(views[1], ErrorMailRecipientNotFound)
        events = views[0].calendar_events
        self.assertEqual(["OOF", "Busy"], [e.busy_type for e in events])
        self.assertEqual((at(8, 30).replace(tzinfo=None), at(10).replace(tzinfo=None)),
                         (events[0].start.replace(tzinfo=None), events[0].end.replace(tzinfo=None)))
        self.assertEqual("Doctor", events[0].details.subject)
        merged = "0" * 17 + "333" + "0" * 27 + "2"
        self.assertEqual(merged, views[0].merged)

    def test_a_calendar_view_shows_what_overlaps_it(self):
        account = self.account("user5@corp.example")
        item = CalendarItem(account=account, folder=account.calendar, subject="Overnight", start=at(22, day=8),
                            end=at(2, day=9))
        item.save(send_meeting_invitations=SEND_TO_NONE)
        seen = [i.subject for i in account.calendar.view(start=at(0, day=9), end=at(5, day=9))]
        self.assertEqual(["Overnight"], seen)
        self.assertEqual([], list(account.calendar.view(start=at(3, day=9), end=at(5, day=9))))

    def test_a_series_is_listed_by_its_occurrences(self):
        address = "user5@corp.example"
        made = self.sim.call("POST", f"/mailboxes/{address}/items", {
            "subject": "Standup", "start_time_zone": "W. Europe Standard Time", "start": "2027-10-25T09:00:00",
            "end": "2027-10-25T09:15:00", "recurrence": {
                "pattern": "weekly", "days": ["Monday", "Tuesday"], "count": 5, "deleted": ["2027-10-26"],
                "changed": [{"date": "2027-11-01", "start": "2027-11-03T12:00:00Z", "end": "2027-11-03T13:00:00Z",
                             "busy": "OOF", "subject": "Retrospective"}]}})
        account = self.account()
        window = {"start": EWSDateTime(2027, 10, 20, tzinfo=UTC), "end": EWSDateTime(2027, 11, 20, tzinfo=UTC)}
        seen = [(i.subject, i.start, i.type) for i in sorted(
            self.account(address).calendar.view(**window).only("subject", "start", "type"), key=lambda i: i.start)]
        self.assertEqual([
            ("Standup", EWSDateTime(2027, 10, 25, 7, tzinfo=UTC), "Occurrence"),  # summer time ends on the 31st
            ("Standup", EWSDateTime(2027, 11, 2, 8, tzinfo=UTC), "Occurrence"),
            ("Retrospective", EWSDateTime(2027, 11, 3, 12, tzinfo=UTC), "Exception"),
            ("Standup", EWSDateTime(2027, 11, 8, 8, tzinfo=UTC), "Occurrence")], seen)
        view, = account.protocol.get_free_busy_info(
            accounts=[(address, "Required", False)], start=EWSDateTime(2027, 11, 1, tzinfo=BERLIN),
            end=EWSDateTime(2027, 11, 10, tzinfo=BERLIN), merged_free_busy_interval=60, requested_view="Detailed")
        self.assertEqual([("Standup", 9, False), ("Retrospective", 13, True), ("Standup", 9, False)], [
            (e.details.subject, e.start.hour, e.details.is_exception) for e in view.calendar_events])
        self.assertTrue(all(e.details.is_recurring for e in view.calendar_events))
        self.sim.call("DELETE", f"/mailboxes/{address}/items/{urllib.parse.quote(made['id'], safe='')}")

    def test_free_busy_time_is_seen_as_far_as_rights_go(self):
        for rights in ("detail", "time", "merged", "hidden"):
            self.sim.call("POST", "/mailboxes", {"email": f"{rights}@corp.example", "free_busy": rights})
            self.sim.call("POST", f"/mailboxes/{rights}@corp.example/items", {
                "subject": "Doctor", "start": "2027-07-05T09:00:00Z", "end": "2027-07-05T10:00:00Z"})
        self.sim.call("POST", "/mailboxes", {"email": "team@corp.example",
                                             "members": ["time@corp.example", "nobody@corp.example"]})
        names = ("detail", "time", "merged", "hidden", "team")
        views = dict(zip(names, self.account().protocol.get_free_busy_info(
            accounts=[(f"{n}@corp.example", "Required", False) for n in names], start=at(8), end=at(11),
            merged_free_busy_interval=60, requested_view="DetailedMerged")))
        self.assertEqual(["DetailedMerged", "FreeBusyMerged", "MergedOnly", "None", "MergedOnly"],
                         [views[n].view_type for n in names])
        self.assertEqual("Doctor", views["detail"].calendar_events[0].details.subject)
        self.assertIsNone(views["time"].calendar_events[0].details)
        self.assertIsNone(views["merged"].calendar_events)
        self.assertEqual(["020", "020", "020", None, "444"], [views[n].merged for n in names])

    def test_an_all_day_event_has_the_days_of_its_zone(self):
        account = self.account("user5@corp.example")
        day = EWSDate(2027, 7, 20)
        item = CalendarItem(account=account, folder=account.calendar, subject="Fair", is_all_day=True,
                            start=day, end=day)
        item.save(send_meeting_invitations=SEND_TO_NONE)
        stored = [i for i in self.sim.items("user5@corp.example") if i["subject"] == "Fair"][0]
        self.assertEqual(("2027-07-19T22:00:00Z", "2027-07-20T22:00:00Z"), (stored["start"], stored["end"]))
        self.assertEqual("W. Europe Standard Time", stored["start_time_zone"])

    def test_rights_and_unknown_mailboxes_are_refused(self):
        self.sim.call("POST", "/mailboxes", {"email": "boss@corp.example", "impersonation": "deny"})
        with self.assertRaises(ErrorImpersonateUserDenied):
            self.account("boss@corp.example").calendar.refresh()
        with self.assertRaises(ErrorNonExistentMailbox):
            self.account("nobody@corp.example").calendar.refresh()

    def test_a_busy_server_is_understood(self):
        account = self.account()
        account.calendar.refresh()
        self.sim.call("PUT", "/faults", [{"operation": "GetFolder", "when": "before", "action": "busy",
                                          "back_off_ms": 400, "count": 1}])
        with self.assertRaises(ErrorServerBusy) as raised:
            account.calendar.refresh()
        self.assertEqual(0.4, raised.exception.back_off)
        account.calendar.refresh()

    def test_notifications_are_streamed(self):
        self.sim.call("PUT", "/streaming", {"minute_ms": 1500, "heartbeat_ms": 300, "as_seen": True, "piece_bytes": 7})
        account = self.account()
        subscription = account.calendar.subscribe_to_streaming()
        try:
            item = self.create(account, "ev-streamed")
            item.subject = "another"
            item.save(update_fields=["subject"], send_meeting_invitations=SEND_TO_NONE)
            events = [event.ELEMENT_NAME
                      for notification in account.calendar.get_streaming_events(subscription, connection_timeout=1)
                      for event in notification.events]
            self.assertEqual("CreatedEvent", events[0])
            self.assertGreater(events.count("ModifiedEvent"), 2)
        finally:
            account.calendar.unsubscribe(subscription)
        with self.assertRaises(ErrorSubscriptionNotFound):
            list(account.calendar.get_streaming_events(subscription, connection_timeout=1))

    def test_a_wrong_password_is_refused(self):
        config = Configuration(service_endpoint=self.sim.ews, auth_type=self.auth_type,
                               credentials=Credentials(ACCOUNT, "wrong"))
        with self.assertRaises(UnauthorizedError):
            Account("user1@corp.example", config=config, autodiscover=False,
                    access_type=IMPERSONATION).calendar.refresh()


class BasicTest(ExchangeSimTest, unittest.TestCase):
    auth_type = BASIC
    password = "correct horse"  # requests sends it in Latin-1, we and curl take it for UTF-8


class NtlmTest(ExchangeSimTest, unittest.TestCase):
    auth_type = NTLM
    password = "Corr\u00e8ct horse"


class ExtendedProtectionTest(unittest.TestCase):
    """As IIS: "require" wants channel bindings, "allow" only refuses wrong ones."""

    def status(self, protection, send_cbt):
        with ExchangeSim(PROGRAM, "secret", "--auth", "ntlm", "--extended-protection", protection) as sim:
            with requests.Session() as session:
                session.verify = os.environ["REQUESTS_CA_BUNDLE"] = sim.certificate
                session.auth = HttpNtlmAuth(ACCOUNT, "secret", send_cbt=send_cbt)
                return session.post(sim.ews, data="<a/>", timeout=20).status_code

    def test_a_client_without_channel_bindings_is_refused_only_where_they_are_required(self):
        self.assertEqual(401, self.status("require", False))
        self.assertEqual(500, self.status("allow", False))  # signed in: it is the request that is wrong

    def test_the_right_channel_bindings_are_accepted(self):
        for protection in ("require", "allow", "off"):
            self.assertEqual(500, self.status(protection, True))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
