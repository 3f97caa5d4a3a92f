"""Judges the responses of a served capture with estuary-cdk's own pydantic models.

Nobody at Estuary parses responses with these models: the Python kit writes with them. They are still the most precise public statement of what a
response looks like, made by somebody else. On top of them come the rules of the platform that no model states (docs/protocols/flow.md, 1.2, 2,
3.2 and 3.3): one kind to a message, no unknown keys, zero values may be left out, what must not be empty.

    python models.py < responses.ndjson      prints what is wrong, a line each; exit status 1 if anything is
"""

import json
import sys
from typing import Any

from estuary_cdk.capture import Response, response
from estuary_cdk.flow import ConnectorSpec, ConnectorStateUpdate
from pydantic import BaseModel, ConfigDict, ValidationError

PROTOCOL = 3032023


class AnyObject(BaseModel):
    """Stands for a resource config or a state, whose shape is the connector's own business. Strict: it must be an object."""

    model_config = ConfigDict(extra="allow")


AnyResponse = Response[AnyObject, AnyObject, AnyObject]
KINDS = set(AnyResponse.model_fields)

# What the newest protocol has and estuary-cdk's models lack.
NEWER = {"spec": set(), "discovered.bindings": {"resourcePath"}, "applied": {"state"}}
# Zero values that proto3 JSON leaves out, and the models demand.
ZEROS = {
    "applied": {"actionDescription": ""},
    "opened": {"explicitAcknowledgements": False},
    "captured": {"binding": 0},
    "sourcedSchema": {"binding": 0},
    "discovered": {"bindings": []},
    "validated": {"bindings": []},
    "spec": {"resourcePathPointers": []},
}
MODELS = {
    "spec": ConnectorSpec,
    "discovered": response.Discovered,
    "discovered.bindings": response.DiscoveredBinding,
    "validated": response.Validated,
    "validated.bindings": response.ValidatedBinding,
    "applied": response.Applied,
    "opened": response.Opened,
    "captured": response.Captured,
    "checkpoint": response.Checkpoint,
    "checkpoint.state": ConnectorStateUpdate,
    "sourcedSchema": response.SourcedSchema,
}


class Wrong(Exception):
    pass


def unknown_keys(where: str, value: dict):
    known = set(MODELS[where].model_fields) | NEWER.get(where, set())
    if where == "sourcedSchema":
        known = {"binding", "documentSchema", "schema_json"}
    if extra := set(value) - known:
        raise Wrong(f"{where}: unknown keys {sorted(extra)}")


def no_duplicates(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise Wrong(f"a key occurs twice: {[key for key, _ in pairs]}")
    return dict(pairs)


def closed(schema: Any, where="") -> None:
    if isinstance(schema, dict):
        if schema.get("properties") and schema.get("additionalProperties") is not False:
            raise Wrong(f"sourcedSchema: {where or 'the root'} is not closed with additionalProperties: false")
        for name, child in schema.get("properties", {}).items():
            closed(child, f"{where}/{name}")


def check(line: str) -> AnyResponse:
    """One response line. Returns it as estuary-cdk's Response; raises Wrong."""
    if not line.endswith("\n"):
        raise Wrong("the line has no end")
    try:
        message = json.loads(line, object_pairs_hook=no_duplicates)
    except ValueError as error:
        raise Wrong(f"not JSON: {error}") from None
    if not isinstance(message, dict) or len(message) != 1:
        raise Wrong("not an object with exactly one kind")
    (kind, body), = message.items()
    if kind not in KINDS:
        raise Wrong(f"unknown kind {kind}")
    if not isinstance(body, dict):
        raise Wrong(f"{kind} is not an object")

    unknown_keys(kind, body)
    for part in ("bindings", "state"):
        inner = body.get(part)
        for item in inner if isinstance(inner, list) else [inner]:
            if f"{kind}.{part}" in MODELS and isinstance(item, dict):
                unknown_keys(f"{kind}.{part}", item)

    body = {**ZEROS.get(kind, {}), **body}
    if kind == "sourcedSchema" and "documentSchema" in body:
        body["schema_json"] = body.pop("documentSchema")
    if kind == "checkpoint" and isinstance(body.get("state"), dict):
        body["state"] = {"updated": {}, "mergePatch": False, **body["state"]}
    try:
        parsed = AnyResponse.model_validate({kind: body}, strict=True)
    except ValidationError as error:
        raise Wrong("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None

    if kind == "spec":
        for name in ("configSchema", "resourceConfigSchema", "documentationUrl"):
            if not body[name]:
                raise Wrong(f"spec: {name} is empty")
        if body.get("protocol") != PROTOCOL:
            raise Wrong(f"spec: protocol is {body.get('protocol')!r}")
    elif kind == "captured" and not isinstance(body.get("doc"), dict):
        raise Wrong("captured: doc is not an object")
    elif kind == "sourcedSchema":
        closed(body["schema_json"])
    elif kind == "validated":
        paths = [tuple(b["resourcePath"]) for b in body["bindings"]]
        if len(set(paths)) < len(paths) or not all(paths):
            raise Wrong("validated: resource paths are not unique, or empty")
    elif kind == "discovered":
        for binding in body["bindings"]:
            if not binding["recommendedName"]:
                raise Wrong("discovered: recommendedName is empty")
            if bad := [p for p in binding["key"] if not p.startswith("/")]:
                raise Wrong(f"discovered: {bad} are not JSON pointers")
    return parsed


def check_capture(lines: list[str], bindings: int) -> None:
    """All lines after Open, in order; the process has ended with status 0."""
    sealed = True
    for number, line in enumerate(lines):
        message = check(line)
        (kind,) = message.model_fields_set
        if (number == 0) != (kind == "opened") or kind in ("spec", "discovered", "validated", "applied"):
            raise Wrong(f"line {number + 1}: {kind} has no place here")
        index = getattr(getattr(message, kind), "binding", 0)
        if not 0 <= index < bindings:
            raise Wrong(f"line {number + 1}: there is no binding {index}")
        sealed = {"captured": False, "checkpoint": True}.get(kind, sealed)
    if not lines:
        raise Wrong("nothing was said")
    if not sealed:
        raise Wrong("documents without a checkpoint at the end")


if __name__ == "__main__":
    failed = False
    for number, line in enumerate(sys.stdin, 1):
        try:
            check(line)
        except Wrong as wrong:
            failed = True
            print(f"{number}: {wrong}")
    sys.exit(failed)
