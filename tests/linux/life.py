"""The life of an installation: one package, from a root that has never heard of it to one that has forgotten it.

usage: life.py --deb FILE [--previous FILE] [--suite bookworm] [--stand-ins FOLDER] [--keep]
       life.py --can        only says whether this machine can run it

--previous: the package that is upgraded from; else FILE under a lower version. --keep leaves the root in its place. Prints a
line for each step with the time that it took; exit code 0 if all went well, 1 if a step failed, 77 if this machine cannot run it.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import quickstart
from booted_root import BootedRoot, Failed, make_root, own_network, wait_until, why_not_here
from stand_ins import ACCOUNT, CLOUD, EXCHANGE, MAILBOXES, PASSWORD, Load, World

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CONFIGURATION = "/etc/workestra-relay/agent.toml"
DATA = "/var/lib/workestra-relay"
EXPOSURE = 1.2
STEPS = []

# What may differ on the disk between before and after, and is nobody's leftover.
NOT_OURS = re.compile("|".join([
    r"/var/(cache|log)/(apt|ldconfig|man|debconf|journal|private)(/|$)", r"/var/log/(dpkg\.log|alternatives\.log|wtmp|btmp|lastlog)$",
    r"/var/lib/(dpkg|apt|ucf)(/|$)", r"/var/lib/systemd/(catalog|timers|random-seed|linger|coredump|rfkill|deb-systemd)",
    r"/var/lib/systemd/(credential\.secret|deb-systemd-helper-(enabled|masked))(/|$)", r"/etc/(ld\.so\.cache|\.pwd\.lock|machine-id)$",
    r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$", r"/root/\.(bash_history|lesshst)$", r"/usr/lib/locale/",
]))


def step(sentence):
    def register(function):
        STEPS.append((sentence, function))
        return function
    return register


class Installation:
    """The root, the package and the world around it."""

    def __init__(self, arguments, folder):
        self.folder = folder
        self.deb, self.previous = arguments.deb, arguments.previous
        self.root = BootedRoot(folder / "root", folder / "root.log")
        self.world = None
        self.programs = arguments.stand_ins
        self.measured = {}
        self.booked = []  # subjects that the calendars have to hold once to the end

    def run(self, *command, **more):
        return self.root.run(*command, **more)

    def pid(self):
        return int(self.root.show("MainPID"))

    def restarts(self):
        return int(self.root.show("NRestarts"))

    def put(self, inside, text, mode=0o644):
        path = self.root.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def install(self, deb, *options):
        name = pathlib.Path(deb).name
        shutil.copy(deb, self.root.path(f"/root/{name}"))
        return self.run("apt-get", "install", "-y", *options, f"./{name}")

    def drop_in(self, text):
        file = "/etc/systemd/system/workestra-relay.service.d/test.conf"
        self.put(file, "[Service]\n" + text) if text else self.root.path(file).unlink()
        self.run("systemctl", "daemon-reload")

    def is_back(self, seconds=60):
        wait_until(lambda: self.root.show("ActiveState") == "active" and self.world.connected(),
                   "the agent runs and is connected", seconds)

    def journal(self, *options):
        lines = self.run("journalctl", "-u", "workestra-relay", "-o", "json", "--no-pager", *options)
        return [json.loads(line) for line in lines.splitlines() if line.startswith("{")]

    def wait_for_event(self, event, **fields):
        def there():
            return [e for e in self.journal() if e.get("EVENT") == event and
                    all(e.get(name) == value for name, value in fields.items())]
        return wait_until(there, f"the journal has {event}")[-1]

    def book(self, subject):
        record = self.world.book(MAILBOXES[0], subject, wait_ms=60_000)
        if not record["result"].get("ok"):
            raise Failed(f"“{subject}” was not booked: {record['result']}")
        self.booked.append(subject)

    def load(self, name):
        return Load(self.world, name)

    def ended(self, load):
        count = load.end()
        self.booked += load.subjects
        return count

    def fingerprint(self, *inside):
        return {name: hashlib.sha256(self.root.path(name).read_bytes()).hexdigest() for name in inside}


def check(holds, complaint):
    if not holds:
        raise Failed(complaint)


# ---- The steps ---------------------------------------------------------------------------------------------------

@step("the root boots, with Exchange and the cloud within its reach")
def boot(i):
    i.put("/etc/hosts", f"127.0.0.1 localhost\n{CLOUD[1]} {CLOUD[0]}\n{EXCHANGE[1]} {EXCHANGE[0]}\n")
    i.put("/etc/hostname", "relay01\n")
    i.root.boot()
    i.world = World(i.folder, i.programs, SOURCE / "certs/make-dev-pki.sh")
    i.put("/usr/local/share/ca-certificates/public.crt", (i.world.pki / "cloud-ca.crt").read_text())
    i.run("update-ca-certificates")
    i.run("journalctl", "--rotate")


@step("what it depends on is installed, and every file is noted")
def note_files(i):
    packages = [str(p.relative_to(i.root.folder)) for p in i.root.path("/var/cache/apt/archives").glob("*.deb")]
    if packages:
        i.run("apt-get", "install", "-y", *["/" + p for p in packages])
    i.files_before = i.root.files()
    i.users_before = i.run("getent", "passwd")


@step("the quickstart, word by word: install, configure, enrol, check, start")
def follow_quickstart(i):
    began = time.monotonic()
    name = pathlib.Path(i.previous).name
    shutil.copy(i.previous, i.root.path("/root/" + name))
    answers = {"secret set": [PASSWORD, PASSWORD], "enroll": [i.world.cloud.call("POST", "/tokens", {})["token"]]}
    followed = 0
    for block in quickstart.blocks(SOURCE / "docs/quickstart.md"):
        if block.file():
            i.put(block.file(), "\n".join(block.lines) + "\n")
            if "ca_file" in "\n".join(block.lines):
                i.put("/etc/workestra-relay/corp-ca.crt", (i.world.pki / "corp-ca.crt").read_text())
        for command, said in block.commands():
            command = re.sub(r"workestra-relay_\S+\.deb", name, command)
            typed = next((a for about, a in answers.items() if about in command), [])
            if command.startswith("apt "):
                command = command.replace("install", "install -y", 1)
            if " status" in command:
                wait_until(i.world.connected, "the agent is connected")
            output, code = i.root.type(command, typed)
            if command.startswith("apt "):
                check(i.root.show("ActiveState") == "inactive", "the installation started something")
                lost = i.run("workestra-relay", "doctor", check=False)
                check("what to do: Write /etc/workestra-relay/agent.toml" in lost, f"the doctor knows no way on:\n{lost}")
            check(code == 0, f"the quickstart's “{command}” ended with {code}:\n{output}")
            shown = {quickstart.shape(line) for line in output.splitlines()}
            for line in said:
                check(quickstart.shape(line) in shown,
                      f"the quickstart says of “{command}”: {line}\nit says\n{output}")
            followed += 1
    check(followed >= 5, f"the quickstart has {followed} commands only")
    i.is_back()
    i.measured["quickstart_s"] = round(time.monotonic() - began, 1)
    check(i.measured["quickstart_s"] < 600, "the quickstart took longer than ten minutes")
    i.book("the first")


@step("the unit is clean, exposed no more than it has to be, and the agent is small")
def unit_is_tight(i):
    said = i.run("systemd-analyze", "verify", "/lib/systemd/system/workestra-relay.service", check=False)
    check(not said.strip(), f"systemd-analyze verify: {said}")
    last = i.run("systemd-analyze", "security", "--no-pager", "workestra-relay").strip().splitlines()[-1]
    i.measured["exposure"] = float(re.search(r"([\d.]+) \w+ *\S*$", last)[1])
    check(i.measured["exposure"] <= EXPOSURE, last)
    status = pathlib.Path(f"/proc/{host_pid(i)}/status").read_text()
    for field in ("VmRSS", "RssAnon"):
        i.measured[field + "_kib"] = int(re.search(rf"{field}:\s+(\d+)", status)[1])
    check("NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status, status)
    check(i.root.show("User") == "workestra-relay", "it runs as another user")
    check(i.root.show("StatusText").startswith("connected: wss://"), "systemctl status does not say that it is connected")


def host_pid(i):
    """Of the agent, as this side of the root's namespace numbers it."""
    pid = i.pid()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if re.search(rf"^Name:\tworkestra-re.*^NSpid:\t\d+\t{pid}$", (folder / "status").read_text(), re.M | re.S):
                return int(folder.name)
        except OSError:
            continue
    raise Failed("the agent's process is not to be found")


@step("what is set in the unit's drop-in counts")
def settle_soon(i):
    # Two minutes are right for an Exchange; this one is done with a request when it has answered or lost it.
    i.put("/etc/systemd/system/workestra-relay.service.d/settle.conf",
          "[Service]\nEnvironment=WORKESTRA_RELAY_EXCHANGE_SETTLE_S=5\n")
    i.run("systemctl", "daemon-reload")
    i.run("systemctl", "restart", "workestra-relay")
    i.is_back()


@step("the agent itself can write in its own folders only, where the kernel has Landlock")
def confined(i):
    if any("no Landlock" in e.get("MESSAGE", "") for e in i.journal()):
        return "this kernel has none"
    # A password command runs under what the agent is under.
    script = "#!/bin/sh\n(echo x > /etc/workestra-relay/x) 2>/dev/null\ncat /etc/workestra-relay/exchange.password\n"
    i.put("/usr/local/bin/password", script, 0o755)
    keep = i.root.path(CONFIGURATION).read_text()
    i.put(CONFIGURATION, re.sub(r"password_file = .*", 'password_command = ["/usr/local/bin/password"]', keep))
    # The unit opens the folder: what is left is the agent's own doing. Without Landlock the file is there.
    i.run("chown", "workestra-relay", "/etc/workestra-relay")
    for number, (kept_from_it, written) in enumerate((("landlock_create_ruleset", True), ("", False))):
        i.drop_in("ReadWritePaths=/etc/workestra-relay\n" + (f"SystemCallFilter=~{kept_from_it}\n" if kept_from_it else ""))
        i.run("systemctl", "restart", "workestra-relay")
        i.is_back()
        i.book(f"with a password command, {number}")
        file = i.root.path("/etc/workestra-relay/x")
        check(file.exists() == written, f"what the agent runs {'could not' if written else 'could'} write outside of its folders")
        file.unlink(missing_ok=True)
    i.put(CONFIGURATION, keep)
    i.run("chown", "root", "/etc/workestra-relay")
    i.root.path("/usr/local/bin/password").unlink()
    i.drop_in("")
    i.run("systemctl", "restart", "workestra-relay")
    i.is_back()


@step("reload takes another log file into use, under systemd's eyes")
def reload(i):
    keep = i.root.path(CONFIGURATION).read_text()
    pid = i.pid()
    i.put(CONFIGURATION, keep + '\n[log]\nlevel = "debug"\nfile = "/var/log/workestra-relay/agent.log"\n')
    i.run("systemctl", "reload", "workestra-relay")
    wait_until(lambda: i.root.path("/var/log/workestra-relay/agent.log").exists(), "the log file is there")
    i.book("into a log file")
    check("event.create" in i.root.path("/var/log/workestra-relay/agent.log").read_text(), "the log file has nothing of a command")
    i.root.path("/var/log/workestra-relay/agent.log").rename(i.root.path("/var/log/workestra-relay/agent.log.1"))
    i.run("systemctl", "reload", "workestra-relay")  # as logrotate does
    wait_until(lambda: i.root.path("/var/log/workestra-relay/agent.log").exists(), "the log file is made anew")
    i.put(CONFIGURATION, keep.replace("[exchange]", "[exchange]\nno_such_key = 1"))
    i.run("systemctl", "reload", "workestra-relay")
    wait_until(lambda: "mistakes" in i.root.show("StatusText"), "systemctl status says that the configuration has mistakes")
    i.put(CONFIGURATION, keep)
    i.run("systemctl", "reload", "workestra-relay")
    wait_until(lambda: "mistakes" not in i.root.show("StatusText"), "systemctl status has forgotten the mistakes")
    i.wait_for_event("config_reloaded")
    check(i.pid() == pid and i.root.show("ActiveState") == "active", "a reload is not to start another process")


@step("the certificate is renewed in the unit's sandbox")
def renew(i):
    before = i.fingerprint(DATA + "/pki/agent.crt")
    i.world.cloud.call("PUT", "/enrolment", {"life_s": 86_400 * 30, "age_s": 86_400 * 25})
    token = i.world.cloud.call("POST", "/tokens", {})["token"]
    i.run("workestra-relay", "enroll", "--url", f"https://{CLOUD[0]}", "--token", "-", "--force", given=token + "\n")
    old = i.fingerprint(DATA + "/pki/agent.crt")
    check(old != before, "enrolling again makes a new certificate")
    i.world.cloud.call("PUT", "/enrolment", {"life_s": 86_400 * 30, "age_s": 0})
    i.run("systemctl", "reload", "workestra-relay")
    wait_until(lambda: i.fingerprint(DATA + "/pki/agent.crt") != old, "the certificate is renewed", 120)
    i.wait_for_event("certificate_renewed")
    i.is_back()


@step("the journal has fields for alerting, and tells an incident's story at warning")
def journal(i):
    wanted = {e["MESSAGE_ID"]: e for e in i.journal() if "MESSAGE_ID" in e}
    check(all(e["PRIORITY"] in "3456" for e in wanted.values()), "priorities are wrong")
    i.world.cloud.call("PUT", "/behaviour", {"refuse_upgrade": 503})
    i.world.cloud.call("POST", "/link", {"action": "cut"})
    down = i.wait_for_event("link_down", PRIORITY="4")
    i.world.cloud.call("PUT", "/behaviour", {"refuse_upgrade": 0})
    i.is_back()
    check(down["_SYSTEMD_UNIT"] == "workestra-relay.service" and down["SYSLOG_IDENTIFIER"] == "workestra-relay", str(down))
    explained = i.run("journalctl", "-u", "workestra-relay", "-p", "warning", "-x", "-o", "short", "--no-pager")
    check("doctor" in explained, f"journalctl -x explains nothing:\n{explained}")
    # A write whose invitations nobody can vouch for: a person should look, and the journal says at what.
    i.world.exchange.call("PUT", "/faults", [{"operation": "CreateItem", "when": "after", "action": "error",
                                              "code": "ErrorInternalServerError", "count": 1}])
    record = i.world.book(MAILBOXES[1], "a doubtful one", wait_ms=120_000)
    i.world.exchange.call("DELETE", "/faults")
    if record["result"].get("ok"):
        i.booked.append("a doubtful one")
    i.put(CONFIGURATION, i.root.path(CONFIGURATION).read_text() + '\n[log]\nlevel = "debug"\n')
    i.run("systemctl", "reload", "workestra-relay")
    i.wait_for_event("config_reloaded")
    record = i.world.book(MAILBOXES[1], "one that is followed", wait_ms=60_000)
    i.booked.append("one that is followed")
    about = wait_until(lambda: [e for e in i.journal() if e.get("COMMAND_ID") == record["id"]], "the journal has the command")
    check(len(about) >= 3 and all(e["PRIORITY"] == "7" and e["OPERATION"] == "event.create" and e["MAILBOX"] == MAILBOXES[1]
                                  for e in about if "OPERATION" in e), str(about))
    i.put(CONFIGURATION, i.root.path(CONFIGURATION).read_text().replace('\n[log]\nlevel = "debug"\n', ""))
    i.run("systemctl", "reload", "workestra-relay")


@step("kill -9 under load: it comes back, nothing is lost and nothing done twice")
def kill(i):
    load, before = i.load("killed"), i.restarts()
    for n in range(1, 3):
        load.reached(30 * n)
        os.kill(host_pid(i), signal.SIGKILL)
        wait_until(lambda: i.restarts() == before + n, "systemd has started it again", 40)
        i.is_back()
    return f"{i.ended(load)} bookings"


@step("a hang: the watchdog ends it, and it comes back")
def hang(i):
    i.drop_in("WatchdogSec=5\n")
    i.run("systemctl", "restart", "workestra-relay")
    i.is_back()
    time.sleep(12)  # longer than the watchdog's time: it is fed
    check(i.restarts() == 0, "the watchdog ends an agent that works")
    load = i.load("hung")
    load.reached(10)
    os.kill(host_pid(i), signal.SIGSTOP)
    wait_until(lambda: i.restarts() == 1, "the watchdog has ended it", 60)
    i.is_back()
    count = i.ended(load)
    check(any("watchdog" in e.get("MESSAGE", "").lower() for e in i.journal("-p", "warning")), "the journal does not say why")
    i.drop_in("")
    i.run("systemctl", "restart", "workestra-relay")
    i.is_back()
    return f"{count} bookings"


@step("a start that cannot succeed is tried again and again, without a storm")
def no_storm(i):
    keep = i.root.path(CONFIGURATION).read_text()
    i.drop_in("RestartSec=7\n")
    i.put(CONFIGURATION, "nonsense = 1\n")
    i.run("systemctl", "restart", "workestra-relay", check=False)
    wait_until(lambda: i.restarts() >= 3, "it is started again", 60)
    check(i.root.show("Result") != "start-limit-hit", "the limit ended its own restarts")
    i.put(CONFIGURATION, keep)
    i.is_back()  # with nobody's help
    i.drop_in("")
    i.run("systemctl", "reset-failed", "workestra-relay", check=False)


@step("the password as an encrypted credential of the unit")
def credential(i):
    keep = i.root.path(CONFIGURATION).read_text()
    said, code = i.root.type("workestra-relay secret set --systemd", [PASSWORD, PASSWORD])
    check(code == 0 and "LoadCredentialEncrypted=" in said, said)
    i.drop_in(re.search(r"LoadCredentialEncrypted=\S+", said)[0] + "\n")
    i.put(CONFIGURATION, re.sub(r"password_file = .*\n", "", keep))
    i.run("systemctl", "restart", "workestra-relay")
    i.is_back()
    i.book("with a credential")
    i.put(CONFIGURATION, keep)
    i.drop_in("")
    i.root.path("/etc/workestra-relay/exchange.password.cred").unlink()
    i.run("systemctl", "restart", "workestra-relay")
    i.is_back()


@step("a reboot: it is back by itself, also before there is a network")
def reboot(i):
    load = i.load("rebooted")
    load.reached(10)
    i.world.cloud.call("PUT", "/behaviour", {"refuse_upgrade": 503})
    i.root.reboot()
    wait_until(lambda: i.root.show("ActiveState") == "active", "it is active without a cloud")
    i.world.cloud.call("PUT", "/behaviour", {"refuse_upgrade": 0})
    i.is_back(90)
    return f"{i.ended(load)} bookings"


@step("an upgrade under load loses no command and leaves the configuration alone")
def upgrade(i):
    load, pid = i.load("upgraded"), i.pid()
    kept = i.fingerprint(CONFIGURATION, "/etc/workestra-relay/exchange.password", DATA + "/pki/agent.key")
    load.reached(20)
    i.install(i.deb)
    i.is_back()
    count = len(load.ids)
    load.reached(count + 20)
    check(i.pid() != pid, "the new version does not run")
    check(i.fingerprint(*kept) == kept, "the upgrade changed the configuration, the password or the key")
    check(i.run("dpkg-query", "-W", "-f", "${Version}", "workestra-relay") == version_of(i.deb), "another version is installed")
    return f"{i.ended(load)} bookings"


@step("a downgrade below what wrote the queue is refused in a sentence, and harms nothing")
def downgrade(i):
    i.run("systemctl", "stop", "workestra-relay")
    queue = i.root.path(DATA + "/queue.db")

    def store_version(change):  # as a version of the future would leave it
        with sqlite3.connect(queue) as db:
            found = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute(f"PRAGMA user_version = {found + change}")
        db.close()
    store_version(+1)
    as_it_was = i.fingerprint(DATA + "/queue.db")
    i.install(i.previous, "--allow-downgrades")
    i.run("systemctl", "start", "workestra-relay", check=False)
    sentence = wait_until(lambda: [e for e in i.journal() if "newer version" in e.get("MESSAGE", "")], "it says why it refuses")
    check("install that version" in sentence[-1]["MESSAGE"] and sentence[-1]["PRIORITY"] == "3", str(sentence[-1]))
    i.run("systemctl", "stop", "workestra-relay")
    check(i.fingerprint(DATA + "/queue.db") == as_it_was, "the refused version changed the queue")
    store_version(-1)
    i.install(i.deb)
    i.run("systemctl", "start", "workestra-relay")
    i.is_back()
    i.book("after the downgrade")


@step("the container image's file system runs it read-only, as nobody in particular")
def container(i):
    work = i.root.path("/srv/container")
    i.put("/srv/container/make-filesystem.sh", (SOURCE / "installer/container/make-filesystem.sh").read_text())
    i.run("sh", "/srv/container/make-filesystem.sh", "/root/" + i.deb.name, "/srv/container/image")
    i.run("systemctl", "stop", "workestra-relay")
    data, configuration = work / "data", work / "configuration"
    data.mkdir(mode=0o700)
    configuration.mkdir()
    for name in ("agent.toml", "exchange.password", "corp-ca.crt"):
        shutil.copy(i.root.path("/etc/workestra-relay/" + name), configuration / name)
    os.chown(configuration / "exchange.password", 10001, 10001)
    os.chown(data, 10001, 10001)

    def in_container(*command):  # as an engine does: namespaces, mounts, a user, no new privileges
        image = work / "image"
        mounts = f"""set -e
            mount --bind {image} {image}; mount -o remount,bind,ro {image}
            mount --bind {data} {image}/var/lib/workestra-relay
            mount --bind {configuration} {image}/etc/workestra-relay; mount -o remount,bind,ro {image}/etc/workestra-relay
            mount --bind {i.root.path("/etc/hosts")} {image}/etc/hosts
            mount -t tmpfs tmpfs {image}/tmp; mount --rbind /dev {image}/dev; mount -t proc proc {image}/proc
            exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \\
                chroot --userspec=10001:10001 --groups= {image} "$@\""""
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", mounts, "sh", "/usr/bin/workestra-relay", *command]

    log = open(i.folder / "container.log", "ab")
    token = i.world.cloud.call("POST", "/tokens", {})["token"]
    subprocess.run(in_container("enroll", "--url", f"https://{CLOUD[0]}", "--token", "-"), input=token.encode() + b"\n", check=True,
                   stdout=log, stderr=log)
    agent = subprocess.Popen(in_container("run"), stdout=log, stderr=log)
    try:
        wait_until(i.world.connected, "the agent in the container is connected")
        i.book("from a container")
        healthy = subprocess.run(in_container("status", "--alive"), stdout=log, stderr=log).returncode
        check(healthy == 0, f"the health check says {healthy}")
        i.world.cloud.call("PUT", "/behaviour", {"refuse_upgrade": 503})
        i.world.cloud.call("POST", "/link", {"action": "cut"})
        wait_until(lambda: subprocess.run(in_container("status"), stdout=log, stderr=log).returncode == 3, "it is not connected")
        check(subprocess.run(in_container("status", "--alive"), stdout=log, stderr=log).returncode == 0, "not healthy without a cloud")
        i.world.cloud.call("PUT", "/behaviour", {"refuse_upgrade": 0})
        wait_until(i.world.connected, "the agent in the container is connected again")
    finally:
        children = pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        ended = agent.wait(60)
    check(ended == 0, f"SIGTERM ended the container with {ended}; see {i.folder}/container.log")
    check(subprocess.run(in_container("status", "--alive"), stdout=log, stderr=log).returncode == 4, "healthy though nothing runs")
    i.measured["image_mib"] = round(sum(f.stat().st_size for f in (work / "image").rglob("*") if f.is_file() and not f.is_symlink()) / 2**20, 1)
    shutil.rmtree(work)
    i.run("systemctl", "start", "workestra-relay")
    i.is_back()


@step("a removal stops it and keeps data and configuration; an installation takes them up")
def remove(i):
    i.run("apt-get", "remove", "-y", "workestra-relay")
    check(i.root.show("ActiveState") != "active" and not i.world.connected(), "it still runs")
    for kept in (DATA + "/queue.db", DATA + "/pki/agent.key", CONFIGURATION):
        check(i.root.path(kept).exists(), f"the removal took {kept}")
    i.install(i.deb)
    i.run("systemctl", "start", "workestra-relay")
    i.is_back()
    i.book("after the removal")
    i.world.booked_once(i.booked)


@step("a purge leaves nothing: the files are those of before")
def purge(i):
    i.run("apt-get", "purge", "-y", "workestra-relay")
    for deb in i.root.path("/root").glob("*.deb"):
        deb.unlink()
    left = {f for f in i.root.files() - i.files_before if not NOT_OURS.search(f)}
    check(not left, "left behind: " + ", ".join(sorted(left)))
    lost = {f for f in i.files_before - i.root.files() if not NOT_OURS.search(f)}
    check(not lost, "taken along: " + ", ".join(sorted(lost)))
    check(i.run("getent", "passwd") == i.users_before, "the user is still there")
    check(not i.run("systemctl", "list-unit-files", "workestra*", "--no-legend", check=False).strip(), "systemd knows the unit")


# ---- All of it ---------------------------------------------------------------------------------------------------

def version_of(deb):
    return subprocess.run(["dpkg-deb", "-f", deb, "Version"], capture_output=True, check=True, text=True).stdout.strip()


def under_lower_version(deb, folder):
    """The same package as an earlier version of it."""
    work, version = folder / "previous", version_of(deb)
    subprocess.run(["dpkg-deb", "-R", deb, work], check=True)
    control = work / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}~previous", control.read_text()))
    made = folder / f"workestra-relay_{version}~previous_amd64.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", work, made], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(work)
    return made


def live(i):
    began = time.monotonic()
    for sentence, act in STEPS:
        at = time.monotonic()
        try:
            more = act(i)
        except Exception as trouble:
            print(f"FAIL {time.monotonic() - at:6.1f} s  {sentence}\n{trouble if isinstance(trouble, Failed) else repr(trouble)}",
                  flush=True)
            if not isinstance(trouble, Failed):
                import traceback
                traceback.print_exc()
            return False
        print(f"ok   {time.monotonic() - at:6.1f} s  {sentence}{': ' + more if more else ''}", flush=True)
    i.measured["total_s"] = round(time.monotonic() - began, 1)
    i.measured["bookings"] = len(i.booked)
    print(json.dumps(i.measured), flush=True)
    return True


def existing(name):
    if not pathlib.Path(name).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {name}")
    return pathlib.Path(name)


def main():
    parser = argparse.ArgumentParser()
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--deb", type=existing)
    what.add_argument("--can", action="store_true")
    parser.add_argument("--previous", type=existing)
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--stand-ins", type=pathlib.Path, default=SOURCE / "build/debug/tests/stand_ins")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    if why := why_not_here():
        print("skipped: " + why)
        return 77
    if arguments.can:
        return 0
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "workestra-relay"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="workestra-relay-life-"))
    at = time.monotonic()
    arguments.previous = arguments.previous or under_lower_version(arguments.deb, folder)
    make_root(folder / "root", cache, arguments.suite, arguments.deb)
    print(f"ok   {time.monotonic() - at:6.1f} s  a root of Debian {arguments.suite}", flush=True)
    own_network()
    i = Installation(arguments, folder)
    well = False
    try:
        well = live(i)
    finally:
        i.root.end()
        if i.world:
            i.world.end()
        if well and not arguments.keep:
            shutil.rmtree(folder)
        else:
            print(f"kept: {folder}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
