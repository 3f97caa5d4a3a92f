"""Holds a derivation's responses, lines of JSON, against flow-sdk's types; prints one line for each complaint. What is false or empty may be left out
(docs/protocols/flow.md, 2), which the types do not know."""

import json
import sys

from flow_sdk import derive
from pydantic import ValidationError, create_model_from_typeddict

ZEROS = {
    "spec": {"resourcePathPointers": []},
    "validated": {"generatedFiles": {}},
    "startedCommit": {"state": {"updated": {}, "mergePatch": False}},
}
Response = create_model_from_typeddict(derive.Response, __config__=type("Config", (), {"extra": "forbid"}))


def filled(message):
    ((kind, body),) = message.items()
    body = {**ZEROS.get(kind, {}), **body}
    if kind == "validated":
        body["transforms"] = [{"readOnly": False, **transform} for transform in body["transforms"]]
    if kind == "startedCommit":
        body["state"] = {"updated": {}, "mergePatch": False, **body["state"]}
    return {kind: body}


for number, line in enumerate(sys.stdin, 1):
    try:
        Response(**filled(json.loads(line)))
    except (ValidationError, ValueError) as error:
        print(f"{number}: {str(error).replace(chr(10), ' ')}: {line[:300]!r}")
