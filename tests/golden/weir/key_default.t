# A part of the key that a document lacks is its `default` in the read schema, everywhere where documents are told apart by key.

file source.py
| # The lines of a file, each time.
| import json, sys
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
|         for doc in open(sys.argv[1]):
|             say({"captured": {"binding": 0, "doc": json.loads(doc)}})
|         say({"checkpoint": {"state": {"updated": {}}}})
|         break
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {local: {command: [python3, source.py, in.ndjson], config: {}}}
|     bindings: [{resource: {name: x}, target: acme/in}]
| collections:
|   acme/in:
|     schema:
|       type: object
|       $defs: {region: {type: string, default: eu}}
|       properties: {id: {type: integer}, region: {$ref: "#/$defs/region"}, n: {type: integer}, c: {type: string, default: red}}
|       required: [id]
|     key: [/region, /id]
|   acme/sums:
|     schema:
|       type: object
|       properties: {region: {type: string, default: eu}, n: {type: integer, reduce: {strategy: sum}}}
|       reduce: {strategy: merge}
|     key: [/region]
|     derive:
|       using: {sqlite: {}}
|       transforms:
|         - {name: t, source: acme/in, shuffle: {key: [/region]}, lambda: "SELECT CASE $region WHEN 'eu' THEN JSON_OBJECT('n', $n) ELSE JSON_OBJECT('n', $n, 'region', $region) END AS json;"}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings:
|       - {resource: {table: t}, source: acme/in, fields: {recommended: true, exclude: [flow_published_at]}}
|       - {resource: {table: s}, source: acme/sums, fields: {recommended: true, exclude: [flow_published_at]}}
| tests:
|   acme/adds-up:
|     - ingest: {collection: acme/in, documents: [{id: 1, n: 1}, {id: 1, n: 5, region: eu}, {id: 1, n: 3, region: us}]}
|     - verify: {collection: acme/sums, documents: [{n: 5}, {n: 3, region: us}]}
file in.ndjson
| {"id":1,"n":1}
| {"id":1,"n":2,"region":"us","c":"blue"}
| {"id":1,"n":4,"region":"eu"}
| {"id":2,"n":8}
file rows.py
| import sqlite3
| for sql in ("SELECT region, id, n, c FROM t ORDER BY 1, 2", "SELECT region, n FROM s ORDER BY 1"):
|     for row in sqlite3.connect("out.db").execute(sql):
|         print(*row)

== rows, and sums by key
$ weir run --once --quiet; python3 rows.py
! made table "t"
! made table "s"
< eu 1 4 red
< eu 2 8 red
< us 1 2 blue
< eu 13
< us 2

== the next documents find the rows that are there
$ weir run --once --quiet; printf '{"id":2,"n":16,"region":"eu"}\n{"id":1,"n":32}\n' > in2.ndjson; sed -i 's/in.ndjson/in2.ndjson/' flow.yaml; weir run --once --quiet; python3 rows.py
! made table "t"
! made table "s"
< eu 1 32 red
< eu 2 16 red
< us 1 2 blue
< eu 61
< us 2

== tests
$ weir test
< ok    acme/adds-up
< 1 test: 1 passed, 0 failed
