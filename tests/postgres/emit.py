"""A Flow capture of a file's lines, JSON codec: emit.py FILE. Its state is how many lines it has sent; a checkpoint every 50."""

import json
import sys


def say(text):
    sys.stdout.write(text + "\n")


for line in sys.stdin:
    request = json.loads(line)
    if "spec" in request:
        open_schema = {"type": "object", "properties": {}}
        stream = {"type": "object", "properties": {"stream": {"type": "string"}}, "required": ["stream"]}
        say(json.dumps({"spec": {"protocol": 3032023, "configSchema": open_schema, "resourceConfigSchema": stream, "documentationUrl": "https://example.com",
                                 "resourcePathPointers": ["/stream"]}}))
    elif "validate" in request:
        say(json.dumps({"validated": {"bindings": [{"resourcePath": [b["resourceConfig"]["stream"]]} for b in request["validate"]["bindings"]]}}))
    elif "apply" in request:
        say(json.dumps({"applied": {}}))
    elif "open" in request:
        bindings = request["open"]["capture"]["bindings"]
        sent = (request["open"].get("state") or {}).get("sent", 0)
        say(json.dumps({"opened": {}}))
        names = [b["resourceConfig"]["stream"] for b in bindings]
        lines = open(sys.argv[1], encoding="utf-8").read().split("\n")[:-1]
        for n, doc in enumerate(lines[sent:], sent + 1):
            stream, _, text = doc.partition(" ")
            say('{"captured":{"binding":%d,"doc":%s}}' % (names.index(stream), text))
            if n % 50 == 0 or n == len(lines):
                say(json.dumps({"checkpoint": {"state": {"updated": {"sent": n}, "mergePatch": True}}}))
        sys.stdout.flush()
        break
    sys.stdout.flush()
