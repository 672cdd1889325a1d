"""Holds docs/protocol.schema.json against frames that it must take and frames that it must refuse.

usage: check_schema.py SCHEMA PAGE FOLDER

PAGE is docs/protocol.md: each example in it is a frame that the schema takes, and its table of error codes says what the
schema says. FOLDER has accepted.jsonl ({"from","frame"}) and refused.jsonl ({"from","breaks","frame"}), each of which breaks
one rule.
"""
import os
import re
import sys

from schema import SIDES, Schema, examples, json_lines


def main():
    schema_path, page, folder = sys.argv[1:]
    schema = Schema(schema_path)
    failures = []

    # ---- the page
    seen = set()
    for line, frame in examples(page):
        if "type" not in frame:
            continue  # enrolment: no frames
        seen.add(frame["type"])
        if all(schema.mistakes_of_frame(side, frame, closed=True) for side in SIDES):
            wrong = min((schema.mistakes_of_frame(side, frame, closed=True) for side in SIDES), key=len)
            failures.append(f"{page}:{line}: the schema refuses this example: {wrong[0]}")
    kinds = {kind for side in SIDES for kind in schema.definition(f"from_{side}")["properties"]["type"]["enum"]}
    for kind in sorted(kinds - seen):
        failures.append(f"{page}: no example of {kind}")

    with open(page, encoding="utf-8") as file:
        rows = re.findall(r"^\| `([a-z_]+)` \| (yes|no) \|", file.read(), re.M)
    error = schema.definition("error")
    retried = error["allOf"][0]["if"]["properties"]["code"]["enum"]
    told = {code: again == "yes" for code, again in rows}
    meant = {code: code in retried for code in error["properties"]["code"]["enum"]}
    if told != meant:
        failures.append(f"{page}: its error codes are not the schema's: {sorted(set(told.items()) ^ set(meant.items()))}")

    # ---- the lists
    accepted = refused = 0
    for number, case in json_lines(os.path.join(folder, "accepted.jsonl")):
        accepted += 1
        for mistake in schema.mistakes_of_frame(case["from"], case["frame"]):
            failures.append(f"accepted.jsonl:{number}: refused: {mistake}")
    for number, case in json_lines(os.path.join(folder, "refused.jsonl")):
        refused += 1
        if not schema.mistakes_of_frame(case["from"], case["frame"]):
            failures.append(f"refused.jsonl:{number}: taken, although it breaks: {case['breaks']}")

    print(f"{accepted} frames taken, {refused} refused, examples of {len(seen)} types in the page")
    for failure in failures:
        print(failure)
    return 1 if failures or not accepted or not refused else 0


sys.exit(main())
