# A Fivetran source and destination, driven: our own ones, served, with a data plane between them.

file flow.yaml
| captures:
|   t/hello:
|     endpoint: {local: {command: [source-hello], protocol: fivetran, config: {text: "Hi, \"you\"", count: "3"}}}
|     bindings: [{resource: {table: greetings}, target: t/greetings}]
| collections:
|   t/greetings:
|     key: [/n]
|     schema: {type: object, properties: {n: {type: integer}, text: {type: [string, "null"]}}, required: [n]}
| materializations:
|   t/db:
|     endpoint: {local: {command: [materialize-sqlite], protocol: fivetran, config: {path: db.sqlite}}}
|     bindings: [{resource: {table: g}, source: t/greetings}]

== a collection between them
$ weir run --once 2>log | cut -d' ' -f1 && sqlite3 db.sqlite 'SELECT n, text, _fivetran_synced > 2020 FROM g'
< TASK
< t/hello
< t/db
< 0|Hi, "you"|1
< 1|Hi, "you"|1
< 2|Hi, "you"|1

== what there is goes on where it stopped
$ weir run --once >/dev/null 2>log && sed -i 's/"3"/"5"/' flow.yaml && weir run --once 2>log | grep -o 'hello *capture *2 '
< hello capture                 2 
$ sqlite3 db.sqlite 'SELECT count(*), max(n) FROM g'
< 5|4

== previewed: the schema is told in a checkpoint of its own, then the state is one text
$ weir preview --name t/hello --output-state 2>log
<= ["connectorState",{"updated":{},"mergePatch":true}]
< ["t/greetings",{"_meta":{"op":"t"}}]
< ["t/greetings",{"n":0,"text":"Hi, \"you\""}]
< ["t/greetings",{"n":1,"text":"Hi, \"you\""}]
< ["t/greetings",{"n":2,"text":"Hi, \"you\""}]
<= ["connectorState",{"updated":{"fivetranState":"{\"bindingStateV1\":{\"greetings\":{\"n\":3}}}"}}]

== discovered: parts of documents are announced; of columns that are no key nothing is promised
$ sed -i 's/bindings: .{resource: {table: greetings.*/bindings: []/; /^materializations/,$d; /^collections/,$d' flow.yaml; weir discover --emit-raw 2>log | python3 -c 'import json,sys; d=json.load(sys.stdin); s=d["documentSchema"]; print(d["resourceConfig"], d["key"], s["x-partial-updates"], s["x-infer-schema"], s["required"]); print(s["properties"])'
< {'table': 'greetings'} ['/n'] True True ['n']
< {'n': {'type': 'integer'}, '_meta': {'type': 'object', 'properties': {'op': {'enum': ['c', 'u', 'd']}}}}

== settings, as a form has them
$ weir spec --name t/hello 2>log | python3 -c 'import json,sys; d=json.load(sys.stdin); print(sorted(d["configSchema"]["properties"]), sorted(d["resourceConfigSchema"]["properties"]))'
< ['count', 'text'] ['schema', 'table']

== a program that does not start
$ sed -i 's/\[source-hello]/["false"]/' flow.yaml; weir preview --name t/hello
! error capture t/hello: the connector exited with status 1 with no log output
= 4

== nobody at an address
file a.yaml
| captures:
|   t/x: {endpoint: {local: {address: "127.0.0.1:9"}}, bindings: []}
|   t/y: {endpoint: {local: {address: "127.0.0.1:9", protocol: singer}}, bindings: []}
|   t/z: {endpoint: {local: {address: "127.0.0.1:9", command: [x]}}, bindings: []}
$ weir discover --source a.yaml
! a.yaml:3:
! a.yaml:4:
= 2

== a destination as a Singer target
file mc.json
| {"path": "t.sqlite"}
$ weir shim --from fivetran --as singer --destination -- materialize-sqlite -- --config mc.json 2>log
> {"type":"SCHEMA","stream":"u","schema":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":["null","string"]},"at":{"type":"string","format":"date-time"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"u","record":{"id":1,"name":"a, \"b\"\nc","at":"2020-01-01T00:00:00+02:00"}}
> {"type":"RECORD","stream":"u","record":{"id":2,"name":null,"at":"2020-01-01T00:00:00Z"}}
> {"type":"STATE","value":{"x":1}}
< {"x":1}
$ sqlite3 t.sqlite 'SELECT id, quote(name), at FROM u'
< 1|'a, "b"
< c'|2019-12-31T22:00:00+00:00
< 2|NULL|2020-01-01T00:00:00+00:00

== a destination as Airbyte's
file mc.json
| {"path": "a.sqlite"}
file cat.json
| {"streams": [{"stream": {"name": "u", "json_schema": {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}, "supported_sync_modes": ["incremental"]},
|   "sync_mode": "incremental", "destination_sync_mode": "append_dedup", "primary_key": [["id"]], "cursor_field": ["id"], "generation_id": 1, "minimum_generation_id": 0, "sync_id": 1}]}
$ weir shim --from fivetran --as airbyte --destination -- materialize-sqlite -- write --config mc.json --catalog cat.json 2>log | grep '"STATE"' | grep -o '"stream_state":{"x":1}'
> {"type":"RECORD","record":{"stream":"u","data":{"id":7,"name":"q"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"u","data":{"id":7,"name":"r"},"emitted_at":2}}
> {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"u"},"stream_state":{"x":1}}}}
> {"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":3,"stream_status":{"stream_descriptor":{"name":"u"},"status":"COMPLETE"}}}
< "stream_state":{"x":1}
$ sqlite3 a.sqlite 'SELECT id, name FROM u'
< 7|r

== overwriting needs rows to be removed by their age, which Truncate cannot: refused before any row comes, and not in the spec
file mc.json
| {"path": "o.sqlite"}
file cat.json
| {"streams": [{"stream": {"name": "u", "json_schema": {"type": "object", "properties": {"id": {"type": "integer"}}}, "supported_sync_modes": ["full_refresh"]},
|   "sync_mode": "full_refresh", "destination_sync_mode": "overwrite", "generation_id": 1, "minimum_generation_id": 1, "sync_id": 1}]}
$ weir shim --from fivetran --as airbyte --destination -- materialize-sqlite -- spec 2>log | grep -o '"supported_destination_sync_modes":[^]]*'
< "supported_destination_sync_modes":["append","append_dedup"
$ weir shim --from fivetran --as airbyte --destination -- materialize-sqlite -- write --config mc.json --catalog cat.json 2>log | grep -o "stream u: '[^']*' cannot remove rows of older generations: use append or append_dedup" | head -1; ls o.sqlite
< stream u: 'materialize-sqlite' cannot remove rows of older generations: use append or append_dedup
! ls: 
= 2

== the same of a tap's versions: they stay, and the log says so
file mc.json
| {"path": "o.sqlite"}
$ weir shim --from fivetran --as singer --destination -- materialize-sqlite -- --config mc.json 2>log; grep -o 'rows of former versions stay' log
> {"type":"SCHEMA","stream":"u","schema":{"type":"object","properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"u","record":{"id":1},"version":1}
> {"type":"ACTIVATE_VERSION","stream":"u","version":1}
> {"type":"STATE","value":{"x":1}}
< {"x":1}
< rows of former versions stay
$ sqlite3 o.sqlite 'SELECT id FROM u'
< 1

== a source as Airbyte's, and as a tap: the state is one for all streams
file c.json
| {"text": "Hi", "count": 1}
file ac.json
| {"streams": [{"stream": {"name": "greetings", "json_schema": {}, "supported_sync_modes": ["incremental"]}, "sync_mode": "incremental", "destination_sync_mode": "append"}]}
$ weir shim --from fivetran --as airbyte -- source-hello -- read --config c.json --catalog ac.json 2>log | grep -o '"data":{"n":0,"text":"Hi"}\|"shared_state":{[^}]*}}}"}'
< "data":{"n":0,"text":"Hi"}
< "shared_state":{"fivetranState":"{\"bindingStateV1\":{\"greetings\":{\"n\":1}}}"}
$ weir shim --from fivetran --as singer -- source-hello -- --config c.json 2>log | grep STATE
<= {"type":"STATE","value":{"bookmarks":{},"fivetranState":"{\"bindingStateV1\":{\"greetings\":{\"n\":1}}}"}}
