#!/usr/bin/env python3
"""A derivation that speaks Flow in JSON lines: publishes each document's id and how many it has seen so far: of all, or, if its config names a field (by), of those
that have the same in it. The numbers are state that the platform keeps."""
import json
import sys


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


seen, by = {}, None
for line in sys.stdin:
    request = json.loads(line)
    kind = next(k for k in request if request[k] is not None)
    body = request[kind]
    if kind == "spec":
        say(spec={"protocol": 3032023, "configSchema": {"type": "object"}, "resourceConfigSchema": {}, "documentationUrl": "https://counter.example"})
    elif kind == "validate":
        say(validated={"transforms": [{"readOnly": False} for _ in body["transforms"]]})
    elif kind == "open":
        seen = (body.get("state") or {}).get("seen", {})
        by = body["collection"]["derivation"]["config"].get("by")
        say(opened={})
    elif kind == "read":
        doc = body["doc"]
        of = str(doc[by]) if by else "all"
        seen[of] = seen.get(of, 0) + 1
        say(published={"doc": {"id": doc["id"], "seen": seen[of], **({by: doc[by]} if by else {})}})
    elif kind == "flush":
        say(flushed={})
    elif kind == "startCommit":
        say(startedCommit={"state": {"updated": {"seen": seen}, "mergePatch": True}})
