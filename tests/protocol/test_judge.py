"""The judge of check_frames.py notices what it is there for.

usage: test_judge.py SCHEMA
"""
import json
import os
import sys
import tempfile
import unittest

from check_frames import EXPECTED, Judge
from schema import Schema

COMMAND = {"type": "command", "id": "c-1", "op": "event.cancel", "mailbox": "host@corp.example", "params": {"event_id": "e-1"}}
RESULT = {
    "type": "result", "id": "c-1", "seq": 1, "ok": True, "output": {"event_id": "e-1", "existed": True},
    "attempts": 1, "took_ms": 4,
}


class JudgeTest(unittest.TestCase):
    def failures(self, *recorded):
        judge = Judge(Schema(self.schema))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "frames-1.jsonl")
            with open(path, "w", encoding="utf-8") as file:
                for entry in recorded:
                    file.write(entry if isinstance(entry, str) else json.dumps({"from": entry[0], "frame": entry[1]}))
                    file.write("\n")
            judge.file(path)
        self.seen = judge.seen
        return judge.failures

    def test_takes_what_is_right(self):
        self.assertEqual(self.failures(("cloud", COMMAND), ("agent", RESULT)), [])
        self.assertIn("agent output of event.cancel", self.seen)

    def test_refuses_a_field_of_the_agent_that_is_not_written_down(self):
        self.assertTrue(self.failures(("cloud", COMMAND), ("agent", {**RESULT, "hint": "x"})))
        output = {**RESULT["output"], "hint": "x"}
        self.assertTrue(self.failures(("cloud", COMMAND), ("agent", {**RESULT, "output": output})))

    def test_refuses_the_output_of_another_operation(self):
        self.assertTrue(self.failures(("cloud", COMMAND), ("agent", {**RESULT, "output": {"existed": True}})))

    def test_refuses_success_of_a_command_that_the_schema_refuses(self):
        wrong = {**COMMAND, "params": {"event_id": "e 1"}}
        self.assertTrue(self.failures(("cloud", wrong), ("agent", RESULT)))
        refused = {
            "type": "result", "id": "c-1", "ok": False, "attempts": 0, "took_ms": 0,
            "error": {"code": "invalid_request", "message": "params.event_id", "retryable": False},
        }
        self.assertEqual(self.failures(("cloud", wrong), ("agent", refused)), [])

    def test_refuses_what_is_no_frame(self):
        self.assertTrue(self.failures('{"from":"agent","frame":{"type":}'))
        self.assertTrue(self.failures(("agent", {"type": "hurry"})))
        self.assertTrue(self.failures(("cloud", {"type": "ack"})))

    def test_counts_no_kind_that_was_not_seen(self):
        self.failures(("cloud", COMMAND), ("agent", RESULT))
        self.assertEqual(len(EXPECTED - set(self.seen)), len(EXPECTED) - 3)


if __name__ == "__main__":
    JudgeTest.schema = sys.argv.pop(1)
    unittest.main()
