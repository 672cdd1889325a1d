"""A Debian root made by debootstrap and booted by systemd-nspawn, in which a package lives through what an administrator does.

The test's process has a network namespace of its own with nothing but loopback (own_network()), which the root shares: nothing
in it reaches the machine's network or meets its ports.
"""
import ctypes
import fcntl
import hashlib
import os
import pathlib
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import time

CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb",
         "DEBIAN_FRONTEND": "noninteractive"}
# nspawn of systemd 252 keeps these from the root; a real machine does not.
LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"


class Failed(Exception):
    """A step did not come out as it has to."""


def wait_until(holds, what, seconds=30.0, every=0.1):
    """Returns the first true answer of `holds`."""
    until = time.monotonic() + seconds
    while True:
        answer = holds()
        if answer:
            return answer
        if time.monotonic() > until:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)


def why_not_here():
    """Why this machine cannot run the test; empty if it can."""
    if os.geteuid() != 0:
        return "it boots a root by systemd-nspawn, which takes root"
    for program in ("systemd-nspawn", "debootstrap", "nsenter", "zstd"):
        if not shutil.which(program):
            return f"there is no {program}"
    made = subprocess.run(["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "true"], capture_output=True)
    return "" if made.returncode == 0 else "namespaces cannot be made here: " + made.stderr.decode().strip()


def own_network():
    """From now on this process and its children have only a loopback interface of their own."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


# ---- Making it ---------------------------------------------------------------------------------------------------

def _in_root(root, *command):
    done = subprocess.run(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "-D", str(root), f"--machine=relay-making-{os.getpid()}",
                           "--resolv-conf=replace-host", *[f"--setenv={k}={v}" for k, v in CLEAN.items()], "--", *command],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")


def _packed(cache, name, make):
    """The tarball `name`, made by `make(folder)` unless it is there; a new folder with its content is the caller's."""
    tarball = cache / (name + ".tar.zst")
    if tarball.exists():
        return tarball
    cache.mkdir(parents=True, exist_ok=True)
    work = cache / (name + ".making")
    shutil.rmtree(work, ignore_errors=True)
    make(work)
    part = tarball.with_suffix(".part")
    subprocess.run(["tar", "-C", work, "-I", "zstd -3", "--one-file-system", "-cf", part, "."], check=True)
    part.rename(tarball)
    shutil.rmtree(work)
    return tarball


def _unpack(tarball, folder):
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-C", folder, "-I", "zstd", "-xpf", tarball], check=True)


def make_root(folder, cache, suite, deb):
    """An installed Debian in `folder`, with what `deb` depends on or recommends at hand for an apt without a network."""
    fields = subprocess.run(["dpkg-deb", "-f", deb, "Depends", "Recommends"], capture_output=True, check=True).stdout
    base_name = f"{suite}-1"
    name = f"{base_name}-{hashlib.sha256(fields).hexdigest()[:12]}"

    def base(work):
        subprocess.run(["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,ca-certificates", suite,
                        work, os.environ.get("RELAY_MIRROR", "http://deb.debian.org/debian")],
                       check=True, stdout=subprocess.DEVNULL)

    def with_downloads(work):
        _unpack(_packed(cache, base_name, base), work)
        shutil.copy(deb, work / "root/it.deb")
        _in_root(work, "apt-get", "-qq", "update")
        # The archives alone: installing them is the test's.
        _in_root(work, "apt-get", "-qq", "install", "--download-only", "-y", "-o", "APT::Keep-Downloaded-Packages=true",
                 "/root/it.deb")
        (work / "root/it.deb").unlink()

    tarball = cache / (name + ".tar.zst")
    if not tarball.exists():
        _packed(cache, name, with_downloads)
    _unpack(tarball, folder)
    (folder / "etc/apt/apt.conf.d/99keep").write_text('APT::Keep-Downloaded-Packages "true";\n')
    (folder / "var/log/journal").mkdir(exist_ok=True)  # kept over reboots


# ---- Running it --------------------------------------------------------------------------------------------------

class BootedRoot:
    def __init__(self, folder, log):
        self.folder = pathlib.Path(folder)
        self.log = open(log, "ab")
        self.nspawn = None

    def boot(self):
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "-D", str(self.folder),
             f"--machine=relay-life-{os.getpid()}", "--resolv-conf=off", "--timezone=off", f"--system-call-filter={LANDLOCK}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_until(self._leader, "systemd-nspawn starts an init")
        wait_until(lambda: self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"),
                   "systemd is up", 90)

    def _leader(self):
        if self.nspawn.poll() is not None:
            raise Failed(f"systemd-nspawn ended with {self.nspawn.returncode}; see its log")
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        return children[0] if children else None

    def _into(self):
        return ["nsenter", "--target", self._leader(), "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", "--wdns=/root"]

    def run(self, *command, check=True, given=None, seconds=180):
        """What the command says, on either stream."""
        done = subprocess.run([*self._into(), *command], env=CLEAN, input=given, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, text=True, errors="replace")
        self.log.write(f"# {' '.join(command)}\n{done.stdout}".encode())
        self.log.flush()
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def type(self, command, answers, seconds=120):
        """Runs a shell command on a terminal and types the next answer whenever it has asked for something; what it said,
        and its exit code."""
        program = [*self._into(), "sh", "-c", command]
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe(program[0], program, CLEAN)
        said, waiting, until = b"", list(answers), time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    piece = os.read(terminal, 65536)
                except OSError:  # its other end is closed
                    piece = b""
                if not piece:
                    break
                said += piece
            elif waiting and re.search(rb": ?$", said):
                os.write(terminal, waiting.pop(0).encode() + b"\n")
        os.close(terminal)
        text = said.decode(errors="replace").replace("\r\n", "\n")
        self.log.write(f"# {command}\n{text}".encode())
        return text, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def show(self, field, unit="workestra-relay"):
        return self.run("systemctl", "show", "--value", "-p", field, unit).strip()

    def reboot(self):
        self.run("systemctl", "reboot", check=False)
        code = self.nspawn.wait(120)
        if code != 133:  # what nspawn leaves to whoever started it
            raise Failed(f"the root was to reboot; systemd-nspawn ended with {code}")
        self.boot()

    def end(self):
        if self.nspawn and self.nspawn.poll() is None:
            self.run("systemctl", "poweroff", check=False)
            try:
                self.nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self.nspawn.terminate()
                self.nspawn.wait(30)
        self.log.close()

    def path(self, inside):
        return self.folder / inside.lstrip("/")

    def files(self):
        """Every file of the root, without what is not on its disk."""
        found = set()
        for here, folders, names in os.walk(self.folder):
            inside = "/" + os.path.relpath(here, self.folder) if here != str(self.folder) else ""
            if inside in ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp"):
                folders.clear()
                continue
            found.update(f"{inside}/{name}" for name in folders + names)
        return found
