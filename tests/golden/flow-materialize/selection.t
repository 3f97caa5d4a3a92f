# weir run into a Flow materialization (peer.py): what it is told of fields, what becomes of what it says of them, what is remembered (flow.md 5.3, 5.4, 6.1; field selection
# as in Flow's own source).
file catalog.py
| import json, os, sys
| # config of the peer, members of the binding, of the materialization, of the collection, of the endpoint
| config, binding, task, collection, local = (json.loads(a) for a in (sys.argv[1:] + ["{}"] * 5)[:5])
| peer = {"command": ["python3", os.environ["ROOT"] + "/tests/golden/flow-materialize/peer.py"], "config": {"path": "out.json", "tell": "told", **config}}
| if local.get("shim"):
|     peer = {**peer, "command": ["weir", "shim", "--from", "flow", "--as", "flow", "--destination", "--", peer["command"][1]], "protobuf": local["shim"] == "protobuf"}
| schema = {"type": "object", "required": ["id"], "properties": {
|     "id": {"type": "integer"}, "v": {"type": "string", "maxLength": 9, "title": "V"}, "d": {"type": ["number", "null"], "minimum": 0.5, "reduce": {"strategy": "maximize"}},
|     "o": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}}}
| json.dump({
|   "captures": {"t/source": {"endpoint": {"local": {"command": ["python3", "source.py"]}}, "bindings": [{"resource": {"stream": "all"}, "target": "t/c"}]}},
|   "collections": {"t/c": {"schema": schema, "key": ["/id"], **collection}},
|   "materializations": {"t/m": {"endpoint": {"local": peer}, "bindings": [{"resource": {"table": "a"}, "source": "t/c", **binding}], **task}},
| }, open("flow.yaml", "w"))
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
file documents.ndjson
| {"id":2,"v":"b","o":{"a":[1]},"d":1.5}
| {"id":1,"v":"a"}
# told.py KIND MEMBER...: that member of each request of a kind
file told.py
| import json, sys
| for line in open("told"):
|     kind, body = next(iter(json.loads(line).items()))
|     if kind == sys.argv[1]:
|         for name in sys.argv[2:]:
|             body = body[int(name)] if isinstance(body, list) else body.get(name)
|         print(json.dumps(body))

== validation: all projections with all that is known of them, the key that rows are grouped by, what the user wants of a field
$ python3 catalog.py '{}' '{"fields":{"require":{"v":{"castTo":"text"}}}}' '{}' '{"projections":{"A":"/o/a","part":{"location":"/v","partition":true}}}'
$ weir validate --name t/m >/dev/null; python3 told.py validate bindings 0 groupBy; python3 told.py validate bindings 0 fieldConfig; python3 told.py validate lastMaterialization
< ["id"]
< {"v": {"castTo": "text"}}
< null
$ python3 told.py validate bindings 0 collection projections | python3 -c 'import json, sys; [print(json.dumps(p)) for p in json.load(sys.stdin)]'
<= {"ptr":"/o/a","field":"A","explicit":true,"inference":{"types":["array"],"exists":"MAY","array":{"itemTypes":["integer"]}}}
<= {"ptr":"/_meta/flow_truncated","field":"_meta/flow_truncated","inference":{"types":["boolean"],"title":"Flow truncation indicator","exists":"MUST"}}
<= {"ptr":"/d","field":"d","inference":{"types":["null","number"],"exists":"MAY","numeric":{"hasMinimum":true,"minimum":0.5},"reduce":"REDUCE_MAXIMIZE"}}
<= {"ptr":"","field":"flow_document","inference":{"types":["object"],"exists":"MUST"}}
<= {"ptr":"/_meta/uuid","field":"flow_published_at","inference":{"types":["string"],"string":{"format":"date-time","contentEncoding":"uuid"},"title":"Flow Publication Time","exists":"MAY"}}
<= {"ptr":"/id","field":"id","isPrimaryKey":true,"inference":{"types":["integer"],"exists":"MUST"}}
<= {"ptr":"/o","field":"o","inference":{"types":["object"],"exists":"MAY"}}
<= {"ptr":"/o/a","field":"o/a","inference":{"types":["array"],"exists":"MAY","array":{"itemTypes":["integer"]}}}
<= {"ptr":"/v","field":"part","explicit":true,"isPartitionKey":true,"inference":{"types":["string"],"string":{"maxLength":9},"title":"V","exists":"MAY"}}
<= {"ptr":"/v","field":"v","inference":{"types":["string"],"string":{"maxLength":9},"title":"V","exists":"MAY"}}

== the selection; what was applied last is told, without the config
$ python3 catalog.py '{}' '{"fields":{"recommended":2,"require":{"v":{"castTo":"text"}},"exclude":["d"]}}'
$ weir run --once --quiet
! applied: made tables
$ python3 told.py open materialization bindings 0 fieldSelection
<= {"keys":["id"],"values":["o/a","v"],"document":"flow_document","fieldConfig":{"v":{"castTo":"text"}}}
$ python3 told.py apply lastVersion; rm told
< null
< null
$ weir run --once --quiet
$ python3 told.py validate lastMaterialization config; python3 told.py apply lastMaterialization bindings 0 fieldSelection values
< {}
< ["o/a", "v"]
$ python3 -c 'import json; [print(b["version"] == b["lastVersion"], len(b["version"])) for b in (next(iter(json.loads(l).values())) for l in open("told")) if "lastVersion" in b and "version" in b]'
< True 16

== rows grouped by fields that are no key of the collection
$ python3 catalog.py '{}' '{"fields":{"groupBy":["v"]}}'
$ weir run --once --quiet
! applied: made tables
$ python3 told.py open materialization bindings 0 fieldSelection keys; python3 told.py validate bindings 0 collection key; cat out.json; echo
< ["v"]
< ["/id"]
<= {"tables":{"a":[[["a"],{"id":1,"v":"a"}],[["b"],{"id":2,"v":"b","o":{"a":[1]},"d":1.5}]]}}

== names that are folded: one of those that become the same is stored, and where names ignore case that counts, too
$ python3 catalog.py '{"constraints":{"v":{"type":"FIELD_OPTIONAL","foldedField":"D"}},"validated":{"caseInsensitiveFields":true}}'
$ weir run --once --quiet
! applied: made tables
$ python3 told.py open materialization bindings 0 fieldSelection values
< ["d", "o"]
$ python3 catalog.py '{"constraints":{"v":{"type":"FIELD_OPTIONAL","foldedField":"d"}}}' '{"fields":{"require":{"d":{},"v":{}}}}'
$ weir validate --name t/m
! field v was asked for, but another field has its name: d is written d, too
= 2

== values that are too long are cut, of keys nothing
file long.ndjson
| {"id":7,"v":"ééé","o":{"a":[1,2,3]}}
| {"id":8,"v":"é","o":{"a":[1]}}
$ cp long.ndjson documents.ndjson; python3 catalog.py '{"rows":true,"validated":{"serPolicy":{"strTruncateAfter":3,"arrayTruncateAfter":2}}}' '{"fields":{"recommended":2,"require":{"_meta/flow_truncated":{}}}}'
$ weir run --once --quiet
! applied: made tables
$ cat out.json; echo; python3 told.py open materialization bindings 0 serPolicy
<= {"tables":{"a":[[[7],{"_meta/flow_truncated":true,"d":null,"o/a":[1,2],"v":"é"}],[[8],{"_meta/flow_truncated":false,"d":null,"o/a":[1],"v":"é"}]]}}
<= {"strTruncateAfter":3,"arrayTruncateAfter":2}

== a field that no longer fits: the binding is filled anew by itself, once
$ python3 catalog.py
$ weir run --once --quiet
! applied: made tables
$ rm told; python3 catalog.py '{"impossible":["d"],"until":1}'
$ weir run --once --quiet
! binding t/c: it is filled anew: field d cannot be stored as it is: the column is a date
$ python3 told.py open materialization bindings 0 stateKey; python3 told.py validate bindings 0 backfill; cat out.json; echo
< "db%2Fa.v1"
< null
< 1
<= {"tables":{"a":[[[1],{"id":1,"v":"a"}],[[2],{"id":2,"v":"b","o":{"a":[1]},"d":1.5}]]}}
# It stays so; what the user counts is added.
$ rm told; python3 catalog.py '{"impossible":["d"],"until":1}' '{"backfill":2}'
$ weir run --once --quiet
$ python3 told.py validate bindings 0 backfill
< 3
$ python3 catalog.py '{"impossible":["d"]}'
$ weir run --once --quiet
! it is filled anew: field d cannot be stored as it is
! binding t/c: field d cannot be stored as it is: the column is a date
! a task failed
= 2

== what else the catalog may want then
$ python3 catalog.py
$ weir run --once --quiet
! applied: made tables
$ python3 catalog.py '{"impossible":["d"]}' '{}' '{"onIncompatibleSchemaChange":"abort"}'
$ weir run --once --quiet
! binding t/c: field d cannot be stored as it is: the column is a date
! a task failed
= 2
$ rm told; python3 catalog.py '{"impossible":["d"]}' '{"onIncompatibleSchemaChange":"disableBinding"}' '{"onIncompatibleSchemaChange":"abort"}'
$ weir run --once --quiet; python3 told.py open materialization bindings
! binding t/c: it is left out: field d cannot be stored as it is: the column is a date
< []
$ rm told; python3 catalog.py '{"impossible":["d"]}' '{"onIncompatibleSchemaChange":"disableTask"}'
$ weir run --once --quiet; python3 told.py open
! binding t/c: the task is disabled: field d cannot be stored as it is: the column is a date
# A table that never was ours is not emptied.
$ rm -r weir-data; python3 catalog.py '{"impossible":["d"],"until":1}'
$ weir run --once --quiet
! binding t/c: field d cannot be stored as it is: the column is a date
! a task failed
= 2

== fields that are stored stay, though they would not be chosen now
$ python3 catalog.py '{}' '{"fields":{"require":{"o/a":{}}}}'
$ weir run --once --quiet
! applied: made tables
$ rm told; python3 catalog.py
$ weir run --once --quiet
$ python3 told.py open materialization bindings 0 fieldSelection values; python3 catalog.py '{}' '{"fields":{"exclude":["o/a"]}}'
< ["d", "o", "o/a", "v"]
$ rm told; weir run --once --quiet; python3 told.py open materialization bindings 0 fieldSelection values
< ["d", "o", "v"]

== keys above the largest one are not loaded, unless the connector wants it so; the next transaction's keys come behind the acknowledgement's request
$ python3 catalog.py
$ weir run --once --quiet; python3 told.py load key
! applied: made tables
$ printf '%s\n' '{"id":2,"v":"x"}' '{"id":3,"v":"y"}' '{"id":0,"v":"z"}' >>documents.ndjson
$ rm told; weir run --once --quiet; python3 told.py load key
< [0]
< [2]
$ printf '%s\n' '{"id":4,"v":"y"}' >>documents.ndjson
$ rm told; python3 catalog.py '{"load_all":true}'; weir run --once --quiet; python3 told.py load key; sqlite3 weir-data/weir.db "SELECT hex(value) FROM notes WHERE name LIKE 'largest%'"
< [4]
< 1504
$ cat out.json; echo
<= {"tables":{"a":[[[0],{"id":0,"v":"z"}],[[1],{"id":1,"v":"a"}],[[2],{"id":2,"v":"x"}],[[3],{"id":3,"v":"y"}],[[4],{"id":4,"v":"y"}]]}}

== what a connector says of its state comes back with the next request
$ python3 catalog.py '{"mode":"files"}'
$ weir run --once --quiet; python3 told.py acknowledge statePatches | sed 's/staged-.*-1"/X"/'
! applied: made tables
< null
< [{"files": ["out.json.X"], "transactions": 1}]

== fields with a meaning that the collection does not have; constraints that are none
$ python3 catalog.py '{"validated":{"constraints":{"flow_document":{"type":"LOCATION_REQUIRED"},"id":{"type":"FIELD_REQUIRED"},"text":{"type":"FIELD_REQUIRED","reason":"it is the message"}}}}'
$ weir validate --name t/m
! t/c: the destination demands a field "text", which the collection does not have: it is the message
= 2
$ python3 catalog.py '{"constraints":{"v":{"type":"INVALID"}}}'
$ weir validate --name t/m
! the connector gave field v of t/c a constraint of no type
= 5
# Nothing said is forbidden; the newest form, a list, is read, too.
$ rm -f told; python3 catalog.py '{"validated":{"constraints":{},"projectionConstraints":[{"field":"id","constraint":{"type":"LOCATION_REQUIRED"}},{"field":"flow_document","constraint":{"type":2}},{"field":"v","constraint":{"type":"FIELD_OPTIONAL"}}]}}'
$ weir run --once --quiet; python3 told.py open materialization bindings 0 fieldSelection values
! applied: made tables
< ["v"]

== through a shim, in both codecs: all of it passes
$ python3 catalog.py '{"load_all":true,"constraints":{"v":{"type":"FIELD_OPTIONAL","foldedField":"d"},"o":{"type":"FIELD_REQUIRED","reason":"why not"}},"validated":{"serPolicy":{"strTruncateAfter":3},"caseInsensitiveFields":true}}' '{"fields":{"require":{"d":{"x":1}}}}' '{}' '{}' '{"shim":"protobuf"}'
$ weir run --once --quiet; python3 told.py open materialization bindings 0 fieldSelection; python3 told.py validate bindings 0 fieldConfig; python3 told.py load key; python3 told.py open range
! applied: made tables
<= {"keys":["id"],"values":["d","o"],"document":"flow_document","fieldConfig":{"d":{"x":1}}}
<= {"d":{"x":1}}
< [1]
< [2]
<= {"keyEnd":4294967295,"rClockEnd":4294967295}
$ rm told; python3 catalog.py '{"load_all":true,"impossible":["d"],"until":1}' '{}' '{}' '{}' '{"shim":"json"}'
$ weir run --once --quiet; python3 told.py validate lastMaterialization bindings 0 fieldSelection keys; python3 told.py validate bindings 0 backfill
! it is filled anew
< ["id"]
< ["id"]
< null
< 1
