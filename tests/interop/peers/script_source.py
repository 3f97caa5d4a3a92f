"""A source that is one script, once for each protocol and with no kit: `script_source.py flow|airbyte|singer [ARGUMENT ...]`.

config.file holds documents, one a line, which go out byte for byte; config.schema is their JSON schema, config.name the stream's name, `id` its key. The state
counts documents; there is one after every second, and at the end.
"""

import json
import sys
from pathlib import Path


def out(*parts: str):
    sys.stdout.write("".join(parts) + "\n")


def documents(config: dict, start: int):
    """(text, None) for a document, (None, count) for a state."""
    lines = [line for line in Path(config["file"]).read_bytes().decode().split("\n") if line]
    for at in range(start, len(lines)):
        yield lines[at], None
        if at % 2 or at + 1 == len(lines):
            yield None, at + 1
    if start >= len(lines):
        yield None, start


CONFIG = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}, "schema": {"type": "object"}, "name": {"type": "string"}}}


def flow():
    def answer(kind: str, body: dict):
        out(json.dumps({kind: body}))
        sys.stdout.flush()

    for line in sys.stdin:
        ((kind, body),) = ((k, v) for k, v in json.loads(line).items() if v is not None)
        if kind == "spec":
            resource = {"type": "object", "required": ["stream"], "properties": {"stream": {"type": "string"}}}
            answer("spec", {"protocol": 3032023, "configSchema": CONFIG, "resourceConfigSchema": resource, "documentationUrl": "https://example.com/script",
                            "resourcePathPointers": ["/stream"]})  # fmt: skip
        elif kind == "discover":
            config = body["config"]
            found = {"recommendedName": config["name"], "resourceConfig": {"stream": config["name"]}, "documentSchema": config["schema"], "key": ["/id"]}
            answer("discovered", {"bindings": [found]})
        elif kind == "validate":
            answer("validated", {"bindings": [{"resourcePath": [b["resourceConfig"]["stream"]]} for b in body["bindings"]]})
        elif kind == "apply":
            answer("applied", {"actionDescription": ""})
        elif kind == "open":
            answer("opened", {"explicitAcknowledgements": False})
            for binding in body["capture"]["bindings"]:
                key = binding["stateKey"]
                state = ((body.get("state") or {}).get("bindingStateV1") or {}).get(key) or {}
                for text, count in documents(body["capture"]["config"], state.get("n", 0)):
                    if text is not None:
                        out('{"captured":{"binding":0,"doc":', text, "}}")
                    else:
                        answer("checkpoint", {"state": {"updated": {"bindingStateV1": {key: {"n": count}}}, "mergePatch": True}})
            return


def flags(args: list[str]) -> dict:
    pairs = zip(args, args[1:])
    return {flag.removeprefix("--"): json.loads(Path(path).read_text("utf-8")) for flag, path in pairs if flag.startswith("--") and not path.startswith("--")}


def airbyte(command: str, *args: str):
    say = lambda kind, key, body: out(json.dumps({"type": kind, key: body}))
    given = flags(list(args))
    config = given.get("config", {})
    if command == "spec":
        say("SPEC", "spec", {"connectionSpecification": CONFIG})
    elif command == "check":
        say("CONNECTION_STATUS", "connectionStatus", {"status": "SUCCEEDED"})
    elif command == "discover":
        stream = {"name": config["name"], "json_schema": config["schema"], "supported_sync_modes": ["full_refresh", "incremental"],
                  "source_defined_cursor": True, "source_defined_primary_key": [["id"]]}  # fmt: skip
        say("CATALOG", "catalog", {"streams": [stream]})
    elif command == "read":
        descriptor = {"name": config["name"]}
        start = next((s["stream"]["stream_state"] or {} for s in given.get("state") or []), {}).get("n", 0)
        status = lambda what: say("TRACE", "trace", {"type": "STREAM_STATUS", "emitted_at": 1.7e12, "stream_status": {"stream_descriptor": descriptor, "status": what}})
        status("STARTED")
        since = 0
        for text, count in documents(config, start):
            if text is not None:
                since += 1
                out('{"type":"RECORD","record":{"stream":', json.dumps(config["name"]), ',"data":', text, ',"emitted_at":1700000000000}}')
            else:
                state = {"type": "STREAM", "stream": {"stream_descriptor": descriptor, "stream_state": {"n": count}}, "sourceStats": {"recordCount": float(since)}}
                say("STATE", "state", state)
                since = 0
        status("COMPLETE")


def singer(*args: str):
    if "--about" in args:
        out(json.dumps({"name": "tap-script", "description": "", "version": "1", "sdk_version": "1", "capabilities": ["catalog", "discover", "state"], "settings": CONFIG}))
        return
    given = flags(list(args))
    config = given["config"]
    if "--discover" in args:
        root = {"inclusion": "available", "table-key-properties": ["id"], "forced-replication-method": "INCREMENTAL", "valid-replication-keys": ["id"]}
        metadata = [{"breadcrumb": [], "metadata": root}]
        metadata += [{"breadcrumb": ["properties", name], "metadata": {"inclusion": "automatic" if name == "id" else "available"}} for name in config["schema"]["properties"]]
        entry = {"tap_stream_id": config["name"], "stream": config["name"], "schema": config["schema"], "key_properties": ["id"], "metadata": metadata}
        out(json.dumps({"streams": [entry]}))
        return
    if not any(m["metadata"].get("selected") for s in given["catalog"]["streams"] for m in s["metadata"] if not m["breadcrumb"]):
        return
    state = given.get("state") or {}
    bookmark = (state.get("bookmarks") or {}).get(config["name"]) or {}
    out(json.dumps({"type": "SCHEMA", "stream": config["name"], "schema": config["schema"], "key_properties": ["id"]}))
    for text, count in documents(config, bookmark.get("n", 0)):
        if text is not None:
            out('{"type":"RECORD","stream":', json.dumps(config["name"]), ',"record":', text, "}")
        else:
            out(json.dumps({"type": "STATE", "value": {"bookmarks": {config["name"]: {"n": count}}}}))


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    {"flow": flow, "airbyte": airbyte, "singer": singer}[sys.argv[1]](*sys.argv[2:])
