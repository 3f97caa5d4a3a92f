# weir run --once: when a capture is done, and what is said if it was not.

file source.py
| # Says what it is; when it is opened: documents, a second checkpoint if it is told to "end", then nothing until it is terminated.
| import json, signal, sys
| def say(message):
|     print(json.dumps(message), flush=True)
| for line in sys.stdin:
|     kind, body = next(iter(json.loads(line).items()))
|     if kind == "spec":
|         say({"spec": {"protocol": 3032023, "configSchema": {"type": "object"}, "resourceConfigSchema": {"type": "object"},
|                       "documentationUrl": "https://example.com", "resourcePathPointers": ["/name"]}})
|     elif kind == "validate":
|         say({"validated": {"bindings": [{"resourcePath": ["x"]}]}})
|     elif kind == "apply":
|         say({"applied": {}})
|     else:
|         say({"opened": {}})
|         say({"captured": {"binding": 0, "doc": {"id": 1}}})
|         say({"checkpoint": {"state": {"updated": {"id": 1}}}})
|         say({"captured": {"binding": 0, "doc": {"id": 2}}})
|         say({"captured": {"binding": 0, "doc": {"id": 3}}})
|         if sys.argv[1:]:
|             say({"checkpoint": {"state": {"updated": {"id": 3}}}})
|         while True:
|             signal.pause()
file flow.yaml
| captures:
|   acme/quiet:
|     endpoint: {local: {command: [python3, source.py], config: {}}}
|     bindings: [{resource: {name: x}, target: acme/x}]
|   acme/sound:
|     endpoint: {local: {command: [python3, source.py, end], config: {}}}
|     bindings: [{resource: {name: x}, target: acme/y}]
| collections:
|   acme/x: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
|   acme/y: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}

== a capture that says nothing any more is done
$ weir run --once --idle 500ms --quiet --only acme/sound && cat weir-data/journals/*/*
< {"id": 1}
< {"id": 2}
< {"id": 3}

== what it said without a checkpoint is dropped, and that is said
$ weir run --once --idle 500ms --quiet --only acme/quiet && cat weir-data/journals/*/*
< {"id": 1}
! warn  acme/quiet: silent for too long: 2 documents after its last checkpoint dropped

== nothing to run is a warning
$ echo '{collections: {}}' | weir run --source - --once
! warn  nothing to run: the catalog has no capture, derivation or materialization that is enabled

== a database that was removed is not made anew beside its journals
$ weir run --once --idle 500ms --quiet --only acme/sound && rm weir-data/weir.db* && weir run --once --quiet
! error "weir-data/weir.db" is gone, or empty, and the journals beside it are not: put it back, or remove the folder "journals" to begin anew
= 2
$ cat weir-data/journals/*/* | wc -l
< 3
