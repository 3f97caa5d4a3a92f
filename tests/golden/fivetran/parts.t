# Documents that are only parts of documents (flow.md 8.2, `x-partial-updates`) where the other side knows whole documents only: refused, never taken for whole ones.

file capture.py
| import json, sys
| SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "a": {}, "b": {}}, "required": ["id"], "x-partial-updates": True}
| def say(**message): print(json.dumps(message), flush=True)
| for line in sys.stdin:
|     kind, = json.loads(line)
|     if kind == "spec": say(spec={"protocol": 3032023, "configSchema": {"type": "object"}, "resourceConfigSchema": {"type": "object"}, "documentationUrl": "https://x.example", "resourcePathPointers": ["/s"]})
|     if kind == "discover": say(discovered={"bindings": [{"recommendedName": "t", "resourceConfig": {"s": "t"}, "documentSchema": SCHEMA, "key": ["/id"], "resourcePath": ["t"]}]})
|     if kind == "validate": say(validated={"bindings": [{"resourcePath": ["t"]}]})
|     if kind == "apply": say(applied={})
|     if kind == "open":
|         say(opened={})
|         say(captured={"binding": 0, "doc": {"id": 1, "a": 1, "b": 1, "_meta": {"op": "c"}}})
|         say(captured={"binding": 0, "doc": {"id": 1, "a": 2, "_meta": {"op": sys.argv[1]}}})
|         say(checkpoint={"state": {"updated": {"n": 1}}})
|         break
file config.json
| {}
file catalog.json
| {"streams":[{"stream":{"name":"t","json_schema":{"type":"object"},"supported_sync_modes":["full_refresh","incremental"]},"sync_mode":"incremental","destination_sync_mode":"append"}]}

== a source of Flow as one of Airbyte: the reason, and no state
$ weir shim --from flow --as airbyte -- python3 capture.py u -- read --config config.json --catalog catalog.json 2>log | grep -o '"n":1\|t sends updates[^"]*' | sort -u
< t sends updates of single fields, and this platform knows only whole documents

== as a tap
$ weir shim --from flow --as singer -- python3 capture.py u -- --config config.json 2>&1 | grep -o '"n":1\|t sends updates.*documents'
< t sends updates of single fields, and this platform knows only whole documents

== whole documents pass: how often the state is told is a matter of time
$ weir shim --from flow --as singer -- python3 capture.py c -- --config config.json >out 2>log; grep -c '"RECORD"' out; tail -n 1 out
< 2
<= {"type":"STATE","value":{"bookmarks":{},"n":1}}

== a destination of Fivetran as one of Flow: it cannot be asked for what it has
$ weir shim --from fivetran --as flow --destination -- materialize-sqlite 2>&1 >out | grep -o 't/a has .*for that'
> {"spec":{"connectorType":"LOCAL","config":{}}}
> {"validate":{"name":"t/m","connectorType":"LOCAL","config":{"path":"a.db"},"bindings":[{"resourceConfig":{"table":"a"},"collection":{"name":"t/a","key":["/id"],"writeSchema":{"type":"object","x-partial-updates":true},"projections":[{"ptr":"/id","field":"id","isPrimaryKey":true,"inference":{"types":["integer"],"exists":"MUST"}}]}}]}}
< t/a has updates of single fields, which have to be merged with what is stored, and this destination cannot be asked for that
