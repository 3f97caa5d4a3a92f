"""The judge is judged: it must pass what is right and reject what is wrong, or its verdicts mean nothing."""

import json

import pytest

import models

SPEC = {
    "protocol": 3032023,
    "configSchema": {"type": "object"},
    "resourceConfigSchema": {"type": "object"},
    "documentationUrl": "https://example.com",
    "resourcePathPointers": ["/name"],
}
FOUND = {"recommendedName": "a", "resourceConfig": {"name": "a"}, "documentSchema": {"type": "object"}, "key": ["/id"]}
OAUTH = {
    "provider": "p",
    "accessTokenBody": "{}",
    "authUrlTemplate": "https://example.com",
    "accessTokenHeaders": {},
    "accessTokenResponseMap": {},
    "accessTokenUrlTemplate": "https://example.com",
}

GOOD = [
    {"spec": SPEC},
    {"spec": {**SPEC, "oauth2": OAUTH}},
    {"spec": {k: v for k, v in SPEC.items() if k != "resourcePathPointers"}},
    {"discovered": {"bindings": [FOUND]}},
    {"discovered": {"bindings": [{**FOUND, "disable": True, "isFallbackKey": True, "resourcePath": ["a"]}]}},
    {"discovered": {"bindings": [{**FOUND, "key": []}]}},
    {"discovered": {}},
    {"validated": {"bindings": [{"resourcePath": ["a"]}, {"resourcePath": ["a", "b"]}]}},
    {"validated": {}},
    {"applied": {}},
    {"applied": {"actionDescription": "made a slot", "state": {"updated": {"slot": 1}, "mergePatch": True}}},
    {"opened": {}},
    {"opened": {"explicitAcknowledgements": True}},
    {"captured": {"doc": {"id": 1}}},
    {"captured": {"binding": 4294967295, "doc": {}}},
    {"captured": {"binding": 1, "doc": {"big": 2**80, "text": "é\u0000\U0001f680", "null": None, "list": [{}, []]}}},
    {"checkpoint": {}},
    {"checkpoint": {"state": {"updated": {"cursor": None}, "mergePatch": True}}},
    {"checkpoint": {"state": {"updated": {"cursor": 1}}}},
    {"sourcedSchema": {"binding": 1, "documentSchema": {"type": "object", "properties": {"a": {}}, "additionalProperties": False}}},
    {"sourcedSchema": {"schema_json": {"type": "object"}}},
]

BAD = {
    "two kinds": {"opened": {}, "checkpoint": {}},
    "no kind": {},
    "unknown kind": {"opned": {}},
    "null sibling": {"opened": {}, "spec": None},
    "null kind": {"opened": None},
    "not an object": {"opened": []},
    "unknown key": {"opened": {"explicit": True}},
    "unknown key in a binding": {"discovered": {"bindings": [{**FOUND, "name": "a"}]}},
    "unknown key in a state": {"checkpoint": {"state": {"updated": {}, "merge": True}}},
    "spec without a protocol": {"spec": {k: v for k, v in SPEC.items() if k != "protocol"}},
    "wrong protocol": {"spec": {**SPEC, "protocol": 3}},
    "protocol as text": {"spec": {**SPEC, "protocol": "3032023"}},
    "empty config schema": {"spec": {**SPEC, "configSchema": {}}},
    "schema as text": {"spec": {**SPEC, "configSchema": '{"type":"object"}'}},
    "empty documentation": {"spec": {**SPEC, "documentationUrl": ""}},
    "oauth2 without a provider": {"spec": {**SPEC, "oauth2": {k: v for k, v in OAUTH.items() if k != "provider"}}},
    "discovered without a name": {"discovered": {"bindings": [{**FOUND, "recommendedName": ""}]}},
    "discovered without a schema": {"discovered": {"bindings": [{k: v for k, v in FOUND.items() if k != "documentSchema"}]}},
    "key is not a pointer": {"discovered": {"bindings": [{**FOUND, "key": ["id"]}]}},
    "key is not a list": {"discovered": {"bindings": [{**FOUND, "key": "/id"}]}},
    "disable as text": {"discovered": {"bindings": [{**FOUND, "disable": "true"}]}},
    "resource as text": {"discovered": {"bindings": [{**FOUND, "resourceConfig": "{}"}]}},
    "resource paths twice": {"validated": {"bindings": [{"resourcePath": ["a"]}, {"resourcePath": ["a"]}]}},
    "empty resource path": {"validated": {"bindings": [{"resourcePath": []}]}},
    "resource path as text": {"validated": {"bindings": [{"resourcePath": "a"}]}},
    "acks as number": {"opened": {"explicitAcknowledgements": 1}},
    "binding as text": {"captured": {"binding": "1", "doc": {}}},
    "binding as fraction": {"captured": {"binding": 1.5, "doc": {}}},
    "no document": {"captured": {"binding": 1}},
    "document as text": {"captured": {"doc": "{}"}},
    "document is a list": {"captured": {"doc": []}},
    "state as text": {"checkpoint": {"state": {"updated": "{}"}}},
    "state is a list": {"checkpoint": {"state": {"updated": []}}},
    "merge as text": {"checkpoint": {"state": {"updated": {}, "mergePatch": "true"}}},
    "open sourced schema": {"sourcedSchema": {"documentSchema": {"type": "object", "properties": {"a": {}}}}},
    "description is null": {"applied": {"actionDescription": None}},
}


def line(message) -> str:
    return json.dumps(message) + "\n"


@pytest.mark.parametrize("message", GOOD, ids=lambda m: json.dumps(m)[:60])
def test_passes(message):
    models.check(line(message))


@pytest.mark.parametrize("what", BAD)
def test_rejects(what):
    with pytest.raises(models.Wrong):
        models.check(line(BAD[what]))


@pytest.mark.parametrize("text", ['{"opened":{}}', '{"opened":{}', "hello\n", "\n", '{"captured":{"doc":{"a":1,"a":2}}}\n', "[]\n", "null\n"])
def test_rejects_text(text):
    with pytest.raises(models.Wrong):
        models.check(text)


OPENED, DOC, CHECKPOINT = ({"opened": {}}, {"captured": {"doc": {}}}, {"checkpoint": {}})


@pytest.mark.parametrize("messages", [[OPENED], [OPENED, CHECKPOINT], [OPENED, DOC, DOC, CHECKPOINT, DOC, CHECKPOINT]])
def test_passes_capture(messages):
    models.check_capture([line(m) for m in messages], bindings=1)


@pytest.mark.parametrize(
    "messages",
    [[], [DOC, CHECKPOINT], [CHECKPOINT], [OPENED, OPENED], [OPENED, DOC], [OPENED, CHECKPOINT, DOC], [OPENED, {"applied": {}}],
     [OPENED, {"captured": {"binding": 1, "doc": {}}}, CHECKPOINT]],
)
def test_rejects_capture(messages):
    with pytest.raises(models.Wrong):
        models.check_capture([line(m) for m in messages], bindings=1)
