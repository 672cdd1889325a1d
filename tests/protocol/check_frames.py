"""Holds what the agent and cloud-sim really say against docs/protocol.schema.json.

usage: check_frames.py SCHEMA INTEGRATION SCENARIOS

Runs the scenarios of the integration tests that the file SCENARIOS names, one a line, while cloud-sim records every frame
(CLOUD_SIM_FRAMES). Each frame has to be what the schema says. What the agent sends may hold no field that the schema does not
describe. A command that the schema refuses must not have been carried out. Fails, too, if a kind of frame was not seen.
"""
import collections
import glob
import json
import os
import subprocess
import sys
import tempfile

from schema import Schema, without_null

OPERATIONS = (
    "connection.test mailbox.verify availability.get event.create event.update event.cancel event.get "
    "availability.watch availability.unwatch agent.diagnose"
).split()
EXPECTED = {
    *("agent " + kind for kind in (
        "hello", "accepted", "goodbye", "problem invalid_message", "problem id_reused", "error", "result with seq",
        "result without seq", "availability.changed busy", "availability.changed error", "event.changed moved",
        "event.changed deleted", "event.changed responded")),
    *("agent output of " + op for op in OPERATIONS),
    *("cloud " + kind for kind in ("welcome", "reject", "ack", "cancel", "drain")),
    *("cloud command " + op for op in OPERATIONS),
}


class Judge:
    def __init__(self, schema):
        self.schema = schema
        self.failures = []
        self.seen = collections.Counter()

    def fail(self, where, frame, what):
        self.failures.append(f"{where}: {what}\n    {json.dumps(frame)[:600]}")

    def file(self, path):
        operations, wrong = {}, {}  # by command id
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                where = f"{os.path.basename(path)}:{number}"
                try:
                    entry = json.loads(line)
                    side, frame = entry["from"], entry["frame"]
                except (ValueError, KeyError, TypeError):
                    self.failures.append(f"{where}: no frame in JSON: {line[:600]}")
                    continue
                if side == "cloud":
                    self.from_cloud(where, frame, operations, wrong)
                else:
                    self.from_agent(where, frame, operations, wrong)

    def from_cloud(self, where, frame, operations, wrong):
        mistakes = self.schema.mistakes_of_frame("cloud", without_null(frame))
        if frame.get("type") != "command":
            for mistake in mistakes:
                self.fail(where, frame, mistake)
            self.seen["cloud " + frame["type"]] += 1
            return
        name = frame["id"]
        operations.setdefault(name, frame["op"])
        # Scenarios send wrong commands on purpose: what the agent answers tells whether it noticed.
        wrong[name] = mistakes if wrong.get(name, mistakes) else []
        if not mistakes:
            self.seen["cloud command " + frame["op"]] += 1

    def from_agent(self, where, frame, operations, wrong):
        for mistake in self.schema.mistakes_of_frame("agent", frame, closed=True):
            self.fail(where, frame, mistake)
        kind = frame.get("type")
        if kind == "result":
            self.result(where, frame, operations.get(frame.get("id")), wrong.get(frame.get("id")))
        elif kind == "event":
            data = frame["data"]
            about = data.get("change") or ("error" if "error" in data else "busy")
            self.seen[f"agent {frame['event']} {about}"] += 1
        elif kind == "problem":
            self.seen[f"agent problem {frame.get('code')}"] += 1
        else:
            self.seen[f"agent {kind}"] += 1

    def result(self, where, frame, operation, mistakes):
        self.seen["agent result with seq" if "seq" in frame else "agent result without seq"] += 1
        if not frame.get("ok"):
            self.seen["agent error"] += 1
            return
        if mistakes:
            self.fail(where, frame, "ok, but the schema refuses the command: " + mistakes[0])
        if operation:
            for mistake in self.schema.mistakes(f"#/$defs/output.{operation}", frame["output"], closed=True):
                self.fail(where, frame, mistake)
            self.seen["agent output of " + operation] += 1


def main():
    schema_path, integration, scenarios = sys.argv[1:]
    judge = Judge(Schema(schema_path))
    with open(scenarios, encoding="utf-8") as file:
        names = [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")]
    with tempfile.TemporaryDirectory() as folder:
        # In Catch's names of tests a comma parts two of them.
        run = subprocess.run(
            [integration, ",".join('"' + name.replace(",", "\\,") + '"' for name in names)],
            env={**os.environ, "CLOUD_SIM_FRAMES": folder}, timeout=800, check=False,
        )
        files = sorted(glob.glob(os.path.join(folder, "*.jsonl")))
        for path in files:
            judge.file(path)
    if run.returncode != 0:
        judge.failures.append(f"the scenarios ended with {run.returncode}")
    for kind in sorted(EXPECTED - set(judge.seen)):
        judge.failures.append(f"never seen: {kind}")
    for kind, count in sorted(judge.seen.items()):
        print(f"{count:6} {kind}")
    print(f"{sum(judge.seen.values())} notes on the frames of {len(files)} runs of cloud-sim")
    for failure in judge.failures:
        print(failure)
    return 1 if judge.failures else 0


if __name__ == "__main__":
    sys.exit(main())
