"""docs/protocol.schema.json as the checks of this folder use it."""
import copy
import json
import re

import jsonschema

SIDES = {"agent": "#/$defs/from_agent", "cloud": "#/$defs/from_cloud"}


class Schema:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = json.load(file)
        jsonschema.Draft202012Validator.check_schema(self.document)
        self.open = self.document
        self.closed = closed(self.document)

    def mistakes(self, reference, instance, closed=False):
        """What is wrong with `instance` by the definition at `reference`, a line each."""
        document = self.closed if closed else self.open
        schema = {"$schema": document["$schema"], "$defs": document["$defs"], "$ref": reference}
        validator = jsonschema.Draft202012Validator(schema)
        return [f"{error.json_path}: {shown(error)}" for error in validator.iter_errors(instance)]

    def mistakes_of_frame(self, side, frame, closed=False):
        return self.mistakes(SIDES[side], frame, closed)

    def definition(self, name):
        return self.document["$defs"].get(name)


def shown(error):
    message = error.message if len(error.message) < 400 else error.message[:400] + "…"
    best = jsonschema.exceptions.best_match([error])
    return message if best is error else f"{message} ({best.message[:400]})"


def closed(document):
    """The same schema, refusing fields that it does not describe: what the agent sends has to be written down."""
    strict = copy.deepcopy(document)

    def walk(node):
        if isinstance(node, list):
            for entry in node:
                walk(entry)
        elif isinstance(node, dict):
            for entry in node.values():
                walk(entry)
            if node.get("type") == "object" and "properties" in node:
                node["unevaluatedProperties"] = False

    for name, definition in strict["$defs"].items():
        if name not in ("from_agent", "from_cloud"):
            walk(definition)
    return strict


def without_null(value):
    """The agent reads null as absent, but for the fields of `set`."""
    if isinstance(value, dict):
        return {
            name: entry if name == "set" else without_null(entry)
            for name, entry in value.items()
            if entry is not None
        }
    if isinstance(value, list):
        return [without_null(entry) for entry in value]
    return value


def json_lines(path):
    """Each line's number and value. {"$times":N,"$of":V} stands for a text or a list that is N times as long."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, json.loads(line, object_hook=repeated)


def repeated(value):
    if "$times" not in value:
        return value
    of = value["$of"]
    return (of if isinstance(of, (str, list)) else [of]) * value["$times"]


def examples(page):
    """The JSON objects in the ```json blocks of a page, with the line each begins in."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    decoder = json.JSONDecoder()
    for block in re.finditer(r"^```json\n(.*?)^```", text, re.S | re.M):
        at = block.start(1)
        while at < block.end(1):
            if text[at].isspace():
                at += 1
                continue
            line = text.count("\n", 0, at) + 1
            value, at = decoder.raw_decode(text, at)
            yield line, value
