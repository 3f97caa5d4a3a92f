# Airbyte destinations, driven (docs/protocols/airbyte.md 3.1, 3.2, 3.4): what they are sent, and when a transaction counts.

# A destination that writes down what it takes. How it confirms, $ECHO says: at once, late (when its input has ended), never.
file destination.py
| import json, os, sys
| def say(**m): print(json.dumps(m), flush=True)
| command, args = sys.argv[1], dict(zip(sys.argv[2::2], sys.argv[3::2]))
| how = os.environ.get("ECHO", "at once")
| if command == "spec":
|     say(type="SPEC", spec={"connectionSpecification": {"type": "object", "properties": {"path": {"type": "string"}}}, "documentationUrl": "https://d.example",
|         "supported_destination_sync_modes": ["append", "overwrite", "append_dedup"]})
| if command == "check":
|     failed = json.load(open(args["--config"]))["path"] == "bad"
|     say(type="CONNECTION_STATUS", connectionStatus={"status": "FAILED" if failed else "SUCCEEDED", "message": "no such path"})
| if command == "write":
|     out, waiting = open("written", "a"), []
|     for s in json.load(open(args["--catalog"]))["streams"]:
|         s.pop("sync_id"), s["stream"].pop("json_schema")
|         out.write(json.dumps(s) + "\n")
|     for line in sys.stdin:
|         m = json.loads(line)
|         if m["type"] == "RECORD":
|             assert isinstance(m["record"].pop("emitted_at"), int)
|             out.write(json.dumps(m["record"]) + "\n")
|             if how == "full":
|                 say(type="TRACE", trace={"type": "ERROR", "emitted_at": 1, "error": {"message": "disk full", "failure_type": "transient_error"}})
|                 sys.exit(1)
|         elif m["type"] == "STATE":
|             assert m["state"]["sourceStats"]["recordCount"] > 0
|             waiting.append(m)
|             out.flush()
|             if how == "fewer":
|                 waiting[-1]["state"]["destinationStats"] = {"recordCount": 1.0}
|             if how in ("at once", "fewer"):
|                 say(**waiting.pop())
|         else:
|             out.write(json.dumps(m["trace"]["stream_status"]) + "\n")
|     if how == "late":
|         for m in waiting: say(**m)
|     out.write("end\n")
|     sys.exit(int(os.environ.get("STATUS", 0)))
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 2}}}
|     bindings: [{resource: {stream: greetings}, target: acme/greetings}]
| collections:
|   acme/greetings:
|     schema: {type: object, properties: {n: {type: integer}, text: {type: string}}, required: [n, text]}
|     key: [/n]
| materializations:
|   acme/out:
|     endpoint: {local: {protocol: airbyte, command: [python3, destination.py], config: {path: out}}}
|     bindings: [{resource: {stream: greetings, namespace: lake}, source: acme/greetings}]
env LOG_LEVEL=warn

== records, a state, its echo; then the last status and the end of the input
$ weir run --once --quiet
$ cat written
<= {"stream":{"name":"greetings","namespace":"lake","supported_sync_modes":["incremental"],"source_defined_primary_key":[["n"]]},"sync_mode":"incremental","destination_sync_mode":"append_dedup","primary_key":[["n"]],"generation_id":1,"minimum_generation_id":0}
<= {"namespace":"lake","stream":"greetings","data":{"n":0,"text":"Hello"}}
<= {"namespace":"lake","stream":"greetings","data":{"n":1,"text":"Hello"}}
<= {"stream_descriptor":{"name":"greetings","namespace":"lake"},"status":"COMPLETE"}
< end
$ weir run --once --quiet && grep -c '"data"' written
< 2

== one that confirms when its input has ended is given that
env ECHO=late
$ weir run --once --quiet
$ weir run --once --quiet && grep -c '"data"' written
< 2

== one that never confirms has failed; its records come again
env ECHO=never
$ weir run --once --quiet
! error acme/out: materialization acme/out: commit: the destination has ended well, but has not confirmed the records of stream 'greetings': they will be sent again
! error a task failed
= 5
env ECHO=late
$ weir run --once --quiet && grep -c '"data"' written
< 4

== its own words say why
env ECHO=full
$ weir run --once --quiet
! error acme/out: materialization acme/out: commit: disk full
! error a task failed
= 3

== confirmed, but not ended well: what was confirmed stays so, but the run has failed
env STATUS=7
$ weir run --once --quiet
! error acme/out: materialization acme/out: finish: everything was confirmed, but the destination has not ended well: the connector exited with status 7 with no log output
! error a task failed
= 4
env STATUS=0
$ weir run --once --quiet && grep -c '"data"' written
< 2

== one that counts fewer is not believed
env ECHO=fewer
$ weir run --once --quiet
! warn  acme/out: stream 'greetings': 2 records were sent, but the destination says that it has taken 1.0

== check
$ sed -i 's/path: out/path: bad/' flow.yaml && weir run --once --quiet
! error acme/out: materialization acme/out: validate: no such path
! error a task failed
= 2

== overwrite begins a generation, and only that: with an empty table once it has ended well
$ sed -i 's/greetings, namespace: lake/greetings, syncMode: overwrite/' flow.yaml && weir run --once --quiet
$ cat written
<= {"stream":{"name":"greetings","supported_sync_modes":["incremental"],"source_defined_primary_key":[["n"]]},"sync_mode":"incremental","destination_sync_mode":"overwrite","primary_key":[["n"]],"generation_id":1,"minimum_generation_id":1}
<= {"stream":"greetings","data":{"n":0,"text":"Hello"}}
<= {"stream":"greetings","data":{"n":1,"text":"Hello"}}
<= {"stream_descriptor":{"name":"greetings"},"status":"COMPLETE"}
< end
$ rm written && sed -i 's/count: 2/count: 3/' flow.yaml && weir run --once --quiet && cat written
<= {"stream":{"name":"greetings","supported_sync_modes":["incremental"],"source_defined_primary_key":[["n"]]},"sync_mode":"incremental","destination_sync_mode":"append","primary_key":[["n"]],"generation_id":1,"minimum_generation_id":1}
<= {"stream":"greetings","data":{"n":2,"text":"Hello"}}
<= {"stream_descriptor":{"name":"greetings"},"status":"COMPLETE"}
< end
$ rm written && sed -i 's/source: acme.greetings/source: acme\/greetings, backfill: 1/' flow.yaml && weir run --once --quiet && head -n 1 written
<= {"stream":{"name":"greetings","supported_sync_modes":["incremental"],"source_defined_primary_key":[["n"]]},"sync_mode":"incremental","destination_sync_mode":"overwrite","primary_key":[["n"]],"generation_id":2,"minimum_generation_id":2}

== overwrite: what has not ended well has not begun
env STATUS=7
$ sed -i 's/greetings, namespace: lake/greetings, syncMode: overwrite/' flow.yaml && weir run --once --quiet
! error acme/out: materialization acme/out: commit: the connector exited with status 7 with no log output
! error a task failed
= 4
env STATUS=0
$ rm written && weir run --once --quiet && grep -c '"overwrite"' written
< 1

== a mode that cannot be is refused
$ sed -i 's/greetings, namespace: lake/greetings, syncMode: upsert/' flow.yaml && weir run --once --quiet
! error acme/out: materialization acme/out: validate: binding acme/greetings: resource: /syncMode must be append, append_dedup or overwrite
! error a task failed
= 2

== behind a served one: the cursor that decides is handed on, records as they came
file cat.json
| {"streams":[{"stream":{"name":"t","json_schema":{"type":"object","properties":{"id":{"type":"integer"},"c":{"type":"integer"}}},"supported_sync_modes":["incremental"]},"sync_mode":"incremental","destination_sync_mode":"append_dedup","cursor_field":["c"],"primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0,"sync_id":1}]}
file config.json
| {"path":"out"}
$ weir shim --from airbyte --as airbyte --destination -- python3 destination.py -- write --config config.json --catalog cat.json && cat written
> {"type":"RECORD","record":{"stream":"t","data":{"id":1,"c":5},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"t","data":{"id":1,"c":4},"emitted_at":1}}
<= {"type":"LOG","log":{"level":"WARN","message":"the source has not said how these streams ended: t"}}
<= {"stream":{"name":"t","supported_sync_modes":["incremental"],"default_cursor_field":["c"],"source_defined_primary_key":[["id"]]},"sync_mode":"incremental","destination_sync_mode":"append_dedup","cursor_field":["c"],"primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0}
<= {"stream":"t","data":{"id":1,"c":5}}
<= {"stream":"t","data":{"id":1,"c":4}}
<= {"stream_descriptor":{"name":"t"},"status":"COMPLETE"}
< end
$ sed -i 's/append_dedup/append/' cat.json && rm written && weir shim --from airbyte --as airbyte --destination -- python3 destination.py -- write --config config.json --catalog cat.json && head -n 1 written
> {"type":"RECORD","record":{"stream":"t","data":{"id":1,"c":5},"emitted_at":1}}
<= {"type":"LOG","log":{"level":"WARN","message":"the source has not said how these streams ended: t"}}
<= {"stream":{"name":"t","supported_sync_modes":["incremental"],"source_defined_primary_key":[["id"]]},"sync_mode":"incremental","destination_sync_mode":"append","primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0}
