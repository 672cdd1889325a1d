#!/usr/bin/env python3
"""Shows that the model sees what it is there for: takes one safeguard of exactly-once out of a copy of the sources at a
time, and counts the random lists until a rule breaks. A safeguard that nobody misses is reported, and fails the run.

usage: mends_taken_out.py SOURCE BUILD [NAME…]    BUILD: a folder for the copy; it is kept, so that a second run is fast
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

# name: (what is missing then, [(file, what stands there, what takes its place)], the family of lists, how many at most)
SAFEGUARDS = {
    "not-after": (
        "the deadline is asked again once the try is durable, and before the first byte",
        [("agent/commands/command_run.cpp",
          "        // The disk may have taken its time, or the machine.\n        if (deadline_passed()) {",
          "        if (false) {"),
         ("agent/commands/command_run.hpp", "return {request_limit(), context_->deadline};",
          "return {request_limit(), steady_time::max()};")],
        "clock", 5000),
    "elapsed-time": (
        "elapsed time goes on while the machine sleeps, and a jump makes everything unfinished uncertain",
        [("common/time/elapsed_clock.cpp", "steady_time(r.with_sleep + base_ + stepped_)", "steady_time(r.running)"),
         ("agent/commands/command_run.cpp", "    if (is_read())\n        return false;\n    const auto jumps",
          "    return false;\n    const auto jumps")],
        "clock", 5000),
    "two-witnesses": (
        "history goes by age only when the cloud's clock agrees",
        [("agent/store/loop/retention.cpp",
          "    const auto now = clock.proven();\n    return now ? std::optional(*now - keep) : std::nullopt;",
          "    return clock.at_the_latest() - keep;")],
        "clock", 5000),
    "old-copy": (
        "a cloud that holds more than was ever sent shows an old copy, also after it has worked",
        [("agent/uplink/session.cpp", "word->ack > parts_.outbox.sent(*us)", "word->ack >= us->next_seq")],
        "store", 10000),
    "cloud-set-back": (
        "a cloud that lost what it had acknowledged gets it again",
        [("agent/uplink/session.cpp", "word->ack < us->acked()", "word->ack < 0")],
        "backup", 5000),
    "copies": (
        "a copy made by hand is told from the original by its UID",
        [("agent/exchange_access/identity.cpp",
          "        return uid == born_uid ? birth::original : birth::copy;", "        return birth::original;")],
        "people", 5000),
    "deleted-is-overtaken": (
        "an item of our UID in Deleted Items means: applied, and overtaken since",
        [("agent/exchange_access/identity.cpp", "    if (!deleted && !copied)\n        return {};",
          "    if (!deleted || deleted->command_id != command_id)\n        return {};")],
        "store", 10000),
    "late-refusals": (
        "an error that Exchange may raise after it has saved is looked up",
        [("agent/ews/classification.cpp",
          "    return said.inner.empty() && find_code(said.code).raised == raised::early;", "    return true;")],
        "exchange", 5000),
    "bounded-belief": (
        "a refusal that may pass is not believed at once, and a conflict that stays ends the command",
        [("agent/commands/attempt.cpp", "        return ++doubts_ >= most_doubts;\n    }", "        return true;\n    }"),
         ("agent/commands/attempt.cpp",
          "    return e.retry_action == ews::retry_action::retry && !protocol::retryable(e.fault.code) &&\n"
          "           ++doubts_ >= most_doubts;", "    return false;")],
        "exchange", 5000),
}


def run(*command, **more):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)


def copy(source, to):
    """The sources as git knows them, changes that are not committed included; what is the same keeps its time."""
    names = run("git", "-C", str(source), "ls-files").stdout.split("\n")
    for name in filter(None, names):
        here, there = source / name, to / name
        if not here.is_file():
            continue
        if not there.exists() or there.read_bytes() != here.read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, there)


def build(tree):
    done = run("cmake", "--preset", "debug", "--log-level=WARNING", cwd=tree)
    if done.returncode == 0:
        done = run("cmake", "--build", "--preset", "debug", "--target", "relay-model", cwd=tree)
    if done.returncode != 0:
        sys.exit(f"the copy does not build:\n{done.stdout[-3000:]}")


def without(tree, source, name):
    what, edits, family, lists = SAFEGUARDS[name]
    copy(source, tree)
    for file, old, new in edits:
        text = (tree / file).read_text()
        if text.count(old) != 1:
            sys.exit(f"{name}: {file} reads otherwise now: mend this list")
        (tree / file).write_text(text.replace(old, new))
    build(tree)
    found = None
    for about in (["--about", family], []):  # of its own family first, then of all
        said = run(str(tree / "build/debug/tests/simulation/relay-model"), "--lists", str(lists), *about).stdout
        found = re.search(r"seed (\d+): (.*)", said)
        if found:
            break
    copy(source, tree)
    label = family if about else "all"
    print(f"{name:22} {'seen after ' + found[1] + ' lists (' + label + '): ' + found[2] if found else 'NOT SEEN in ' + str(lists) + ' lists'}"
          f"\n{'':22} taken out: {what}", flush=True)
    return found is not None


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    source, tree = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    names = sys.argv[3:] or list(SAFEGUARDS)
    tree.mkdir(parents=True, exist_ok=True)
    copy(source, tree)
    if not (tree / ".git").exists():
        run("git", "init", "-q", cwd=tree)
    build(tree)
    seen = [without(tree, source, name) for name in names]
    build(tree)
    print(f"{sum(seen)} of {len(seen)} seen")
    sys.exit(0 if all(seen) else 1)


if __name__ == "__main__":
    main()
