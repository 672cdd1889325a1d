"""Exchange and the cloud, played by the stand-ins (tests/stand_ins/README.md), under the names that the quickstart uses."""
import json
import pathlib
import subprocess
import threading
import urllib.error
import urllib.request
import uuid

from booted_root import Failed, wait_until

CLOUD = ("relay.example", "127.0.0.2")
EXCHANGE = ("mail.corp.example", "127.0.0.3")
ACCOUNT = "CORP\\workestra-svc"
PASSWORD = "s3cret & äpfel"
MAILBOXES = ("anna@corp.example", "boris@corp.example")


class StandIn:
    """A program with a control interface."""

    def __init__(self, program, arguments, log):
        self.process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=open(log, "ab"))
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{program} does not start; see {log}")
        self.control = json.loads(line)["control"]

    def call(self, method, path, body=None, seconds=90):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def end(self):
        self.process.terminate()
        self.process.wait(30)


class World:
    def __init__(self, folder, programs, pki_script):
        folder, programs = pathlib.Path(folder), pathlib.Path(programs)
        self.pki = folder / "pki"
        subprocess.run([pki_script, "--name", CLOUD[0], "--name", EXCHANGE[0], self.pki], check=True,
                       stdout=subprocess.DEVNULL)
        self.exchange = StandIn(programs / "exchange/exchange-sim", [
            "--certificate", self.pki / "exchange-server.crt", "--key", self.pki / "exchange-server.key",
            "--listen", EXCHANGE[1] + ":443", "--account", ACCOUNT, "--password", PASSWORD,
            "--journal", folder / "exchange.journal"], folder / "exchange-sim.log")
        for mailbox in MAILBOXES:
            self.exchange.call("POST", "/mailboxes", {"email": mailbox, "display_name": mailbox.split("@")[0].title()})
        self.cloud = StandIn(programs / "cloud/cloud-sim", [
            "serve", "--certificate", self.pki / "cloud-server.crt", "--key", self.pki / "cloud-server.key",
            "--client-ca", self.pki / "cloud-ca.crt", "--client-ca-key", self.pki / "cloud-ca.key",
            "--store", folder / "cloud.db", "--listen", CLOUD[1] + ":443"], folder / "cloud-sim.log")
        # As the cloud does: what was sent and not accepted goes out again on the next link.
        self.cloud.call("PUT", "/behaviour", {"give_again": True, "respect_window": True})
        # A public CA signed the cloud's certificate: the root's own trust store knows it.
        self.cloud.call("PUT", "/enrolment", {"tell_ca": False, "relay_url": f"wss://{CLOUD[0]}/v1/connect"})

    def end(self):
        self.cloud.end()
        self.exchange.end()

    def connected(self):
        agents = self.cloud.call("GET", "/agents")
        return bool(agents) and agents[0]["connected"]

    def book(self, mailbox, subject, wait_ms=0):
        """Asks for a meeting; its command's id, or with wait_ms the record with its result."""
        params = {"event_id": "evt-" + uuid.uuid4().hex, "subject": subject, "start": "2030-05-06T09:00:00Z",
                  "end": "2030-05-06T09:30:00Z", "time_zone": "Europe/Berlin", "notify": "none"}
        asked = {"op": "event.create", "mailbox": mailbox, "params": params, "ttl_ms": 600_000}
        if wait_ms:
            return self.cloud.call("POST", f"/commands?wait_ms={wait_ms}", asked)
        return self.cloud.call("POST", "/commands", asked)["id"]

    def all_done(self, ids, seconds=120):
        """Waits for every command's result, which has to be good."""
        for command in ids:
            try:
                record = self.cloud.call("GET", f"/commands/{command}?wait_ms={int(seconds * 1000)}", seconds=seconds + 5)
            except urllib.error.HTTPError:
                raise Failed(f"no result in {seconds} s: {self.cloud.call('GET', f'/commands/{command}')}") from None
            if record["state"] != "finished" or not record["result"].get("ok"):
                raise Failed(f"command {command} came to {json.dumps(record)[:600]}")

    def booked_once(self, subjects):
        """Each subject is in the calendars exactly once, and the agent has kept to the protocol."""
        found = [item["subject"] for mailbox in MAILBOXES
                 for item in self.exchange.call("GET", f"/mailboxes/{mailbox}/items")]
        for subject in subjects:
            if found.count(subject) != 1:
                raise Failed(f"“{subject}” was to be booked once; it is there {found.count(subject)} times")
        if violations := self.cloud.call("GET", "/violations"):
            raise Failed(f"the agent broke the protocol: {violations}")


class Load:
    """Books meetings one after the other until it is ended."""

    def __init__(self, world, name, pause_s=0.05):
        self.world, self.name, self.pause = world, name, pause_s
        self.ids, self.subjects, self.trouble = [], [], None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.over.wait(self.pause):
                subject = f"{self.name} {len(self.ids) + 1}"
                self.ids.append(self.world.book(MAILBOXES[len(self.ids) % len(MAILBOXES)], subject))
                self.subjects.append(subject)
        except Exception as trouble:  # told by end(): a thread's own would be lost
            self.trouble = trouble

    def reached(self, count):
        wait_until(lambda: len(self.ids) >= count or self.trouble, f"{count} commands are sent")

    def end(self):
        self.over.set()
        self.thread.join(30)
        if self.trouble:
            raise self.trouble
        self.world.all_done(self.ids)
        self.world.booked_once(self.subjects)
        return len(self.ids)
