# weir run into materializations that speak Flow: our own, in both codecs, and one written from the protocol's page (peer.py), which checks what it is told.
file documents.ndjson
| {"id":2,"v":"b","o":{"a":[1]},"d":1.5}
| {"id":1,"v":"a"}
| {"id":2,"v":"c"}
file more.ndjson
| {"id":3,"v":"d"}
| {"id":2,"_meta":{"op":"d"}}
| {"id":1,"v":"z"}
| {"id":9,"_meta":{"op":"d"}}
# A capture that sends the lines of documents.ndjson it has not sent yet.
file source.py
| import json, sys
| def send(m): print(json.dumps(m), flush=True)
| for line in sys.stdin:
|     kind, body = next(iter(json.loads(line).items()))
|     if kind == "spec":
|         send({"spec": {"protocol": 3032023, "configSchema": {"type": "object"}, "resourceConfigSchema": {"type": "object"}, "documentationUrl": "https://x", "resourcePathPointers": ["/stream"]}})
|     elif kind == "validate":
|         send({"validated": {"bindings": [{"resourcePath": ["all"]}]}})
|     elif kind == "apply":
|         send({"applied": {}})
|     elif kind == "open":
|         send({"opened": {}})
|         lines = open("documents.ndjson").read().splitlines()
|         for text in lines[body["state"].get("at", 0):]:
|             send({"captured": {"doc": json.loads(text)}})
|         send({"checkpoint": {"state": {"updated": {"at": len(lines)}}}})
|         break
file catalog.py
| import json, os, sys
| config, fields, local, resource = (json.loads(a) for a in (sys.argv[1:] + ["{}"] * 4)[:4])
| peer = {"command": ["python3", os.environ["ROOT"] + "/tests/golden/flow-materialize/peer.py"], "config": {"path": "out.json", **config}}
| schema = {"type": "object", "properties": {"id": {"type": "integer"}, "v": {"type": "string"}, "o": {"type": "object"}, "d": {"type": "number"}}, "required": ["id"]}
| json.dump({
|   "captures": {"t/source": {"endpoint": {"local": {"command": ["python3", "source.py"]}}, "bindings": [{"resource": {"stream": "all"}, "target": "t/c"}]}},
|   "collections": {"t/c": {"schema": schema, "key": ["/id"]}},
|   "materializations": {"t/m": {"endpoint": {"local": {**peer, **local}}, "bindings": [{"resource": resource or {"table": "a"}, "source": "t/c", "fields": fields}]}},
| }, open("flow.yaml", "w"))

== rows by key: the last write wins, what exists is known, deletions remove
$ python3 catalog.py
$ weir run --once --quiet
! applied: made tables
$ cat out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"a"}],[[2],{"id":2,"v":"c"}]]}}
$ cat more.ndjson >>documents.ndjson
$ weir run --once --quiet
$ cat out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"z"}],[[3],{"id":3,"v":"d"}]]}}

== documents that are loaded late, a checkpoint that is kept
$ python3 catalog.py '{"late":true,"mode":"keeper"}'
$ weir run --once --quiet
! applied: made tables
$ cat more.ndjson >>documents.ndjson
$ weir run --once --quiet
$ sed 's/"id": "[^"]*"}\]/"id": "which folder"}]/' out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"z"}],[[3],{"id":3,"v":"d"}]]},"checkpoint":{"sources":{"t/c;db%2Fa":{"readThrough":"191","producers":[{"id":"which folder"}]}}}}
# It is believed: where it has been emptied everything is loaded again.
$ rm out.json
$ weir run --once --quiet
$ test ! -e out.json && echo '{"tables":{},"checkpoint":{"sources":{"x":{"readThrough":"1"}}}}' >out.json
$ weir run --once --quiet
$ sed 's/"id": "[^"]*"}\]/"id": "which folder"}]/' out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"z"}],[[3],{"id":3,"v":"d"}]]},"checkpoint":{"sources":{"x":{"readThrough":"1"},"t/c;db%2Fa":{"readThrough":"191","producers":[{"id":"which folder"}]}}}}

== files that are staged, and merged once the platform knows of them
$ python3 catalog.py '{"mode":"files"}'
$ weir run --once --quiet
! applied: made tables
$ cat more.ndjson >>documents.ndjson
$ weir run --once --quiet
$ ls out.json.staged* | wc -l; cat out.json; echo
< 2
<= {"tables":{"a":[[[1],{"id":1,"v":"z"}],[[3],{"id":3,"v":"d"}]]}}
$ sqlite3 weir-data/weir.db "SELECT state FROM tasks WHERE task = 't/m'"
<= {"applied":true,"transactions":2}

== states that replace
$ python3 catalog.py '{"mode":"files","old":true}'
$ weir run --once --quiet
! applied: made tables
$ weir run --once --quiet
$ sqlite3 weir-data/weir.db "SELECT state FROM tasks WHERE task = 't/m'"
<= {"applied":true,"transactions":1}
$ cat out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"a"}],[[2],{"id":2,"v":"c"}]]}}

== delta updates: every transaction's rows are additions
$ python3 catalog.py '{"delta":true}'
$ weir run --once --quiet
! applied: made tables
$ cat more.ndjson >>documents.ndjson
$ weir run --once --quiet
$ cat out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"a"}],[[2],{"id":2,"v":"c"}],[[1],{"id":1,"v":"z"}],[[2],{"id":2,"_meta":{"op":"d"}}],[[3],{"id":3,"v":"d"}],[[9],{"id":9,"_meta":{"op":"d"}}]]}}

== fields that are forbidden: left out, unless they were asked for
$ python3 catalog.py '{"forbid":["v"]}'
$ weir run --once --quiet
! applied: made tables
$ cat out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"a"}],[[2],{"id":2,"v":"c"}]]}}
$ python3 catalog.py '{"forbid":["v"]}' '{"include":{"v":{}}}'
$ weir run --once --quiet
! error t/m: materialization t/m: validate: binding t/c: field v was asked for, but the destination does not take it: it is on the list
! a task failed
= 2
$ weir validate --name t/m
! field v was asked for, but the destination does not take it: it is on the list
= 2
$ python3 catalog.py '{"impossible":["d"]}'
$ weir validate --name t/m
! field d cannot be stored as it is: the column is a date
= 2

== our own, in both codecs: what weir.db knows does not count, the destination does
$ python3 catalog.py '{}' '{}' '{"command":["materialize-sqlite"],"config":{"path":"a.db"}}'
$ weir run --once --quiet
! made table "a"
$ python3 catalog.py '{}' '{}' '{"command":["materialize-sqlite"],"config":{"path":"a.db"},"protobuf":true}'
$ cat more.ndjson >>documents.ndjson
$ weir run --once --quiet
$ sqlite3 a.db "SELECT id, v FROM a ORDER BY id"
< 1|z
< 3|d
$ rm a.db
$ weir run --once --quiet
! made table "a"
$ sqlite3 a.db "SELECT id, v FROM a ORDER BY id"
< 1|z
< 3|d
$ rm a.db
$ python3 catalog.py '{}' '{}' '{"command":["materialize-sqlite"],"config":{"path":"a.db"}}'
$ weir run --once --quiet
! made table "a"
$ sqlite3 a.db "SELECT id, v FROM a ORDER BY id"
< 1|z
< 3|d

== through a shim, from Flow to Flow: constraints, states and checkpoints pass
$ python3 catalog.py '{"mode":"files"}' '{}' "{\"command\":[\"weir\",\"shim\",\"--from\",\"flow\",\"--as\",\"flow\",\"--destination\",\"--\",\"$ROOT/tests/golden/flow-materialize/peer.py\"]}"
$ weir run --once --quiet
! applied: made tables
$ cat more.ndjson >>documents.ndjson
$ weir run --once --quiet
$ cat out.json; echo
<= {"tables":{"a":[[[1],{"id":1,"v":"z"}],[[3],{"id":3,"v":"d"}]]}}
$ sqlite3 weir-data/weir.db "SELECT state FROM tasks WHERE task = 't/m'"
<= {"applied":true,"transactions":2}

== a Singer target behind Flow: it gets whole documents
$ python3 catalog.py '{}' '{}' '{"command":["weir","shim","--from","singer","--as","flow","--destination","--","materialize-sqlite"],"config":{"path":"a.db"}}' '{"stream":"a"}'
$ weir run --once --quiet
!*
$ sqlite3 a.db "SELECT id, v FROM a ORDER BY id"
< 1|a
< 2|c
$ cat more.ndjson >>documents.ndjson
$ weir run --once --quiet
!*
$ sqlite3 a.db "SELECT id, v FROM a WHERE id <> 2 AND id <> 9 ORDER BY id"
< 1|z
< 3|d

== our own behind Airbyte, appending although there is a key: twice two rows
file cat.json
| {"streams":[{"stream":{"name":"t","json_schema":{"type":"object","properties":{"id":{"type":"integer"}}},"supported_sync_modes":["full_refresh"],"source_defined_primary_key":[["id"]]},"sync_mode":"full_refresh","destination_sync_mode":"append","primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0,"sync_id":1}]}
file c.json
| {"path":"b.db"}
file messages
| {"type":"RECORD","record":{"stream":"t","data":{"id":1},"emitted_at":1}}
| {"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"t"},"status":"COMPLETE"}}}
$ for i in 1 2; do weir shim --from flow --as airbyte -- materialize-sqlite --protocol flow -- write --config c.json --catalog cat.json <messages >/dev/null || echo failed; done; sqlite3 b.db "SELECT id FROM t"
< 1
< 1
!*

== our own behind Airbyte: a row with a smaller cursor than the one that is held changes nothing
file cat.json
| {"streams":[{"stream":{"name":"t","json_schema":{"type":"object","properties":{"id":{"type":"integer"},"c":{"type":"integer"}}},"supported_sync_modes":["incremental"]},"sync_mode":"incremental","destination_sync_mode":"append_dedup","cursor_field":["c"],"primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0,"sync_id":1}]}
file c.json
| {"path":"b.db"}
file messages
| {"type":"RECORD","record":{"stream":"t","data":{"id":1,"c":5},"emitted_at":1}}
| {"type":"RECORD","record":{"stream":"t","data":{"id":2,"c":5},"emitted_at":1}}
| {"type":"RECORD","record":{"stream":"t","data":{"id":1,"c":4},"emitted_at":1}}
file more
| {"type":"RECORD","record":{"stream":"t","data":{"id":1,"c":3},"emitted_at":2}}
| {"type":"RECORD","record":{"stream":"t","data":{"id":2,"c":6},"emitted_at":2}}
$ for f in messages more; do weir shim --from flow --as airbyte -- materialize-sqlite --protocol flow -- write --config c.json --catalog cat.json <$f >/dev/null || echo failed; done; sqlite3 b.db "SELECT id, c FROM t"
< 1|5
< 2|6
!*
