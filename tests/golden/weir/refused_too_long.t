# A regular expression that takes too long for a text: nobody can tell whether the document is valid, so that it is refused as others are that are not.

file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in, onInvalid: divert}]
| collections:
|   acme/in:
|     schema: {type: object, properties: {id: {type: integer}, v: {type: string, pattern: "^(a+)+$"}}, required: [id]}
|     key: [/id]
file strict.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     schema: {type: object, properties: {id: {type: integer}, v: {type: string, pattern: "^(a+)+$"}}, required: [id]}
|     key: [/id]
file read.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     writeSchema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     readSchema:
|       type: object
|       properties: {id: {type: integer}, v: {type: string, pattern: "^(a+)+$"}, n: {type: integer, reduce: {strategy: sum}}}
|       required: [id]
|       reduce: {strategy: merge}
|     key: [/id]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in, onInvalid: divert}]
file in.ndjson
| {"id":1,"v":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}
| {"id":2,"v":"a","n":1}
| {"id":2,"v":"aa","n":1}

== the place, the pattern and where it stands in the schema are named, and the other documents go on
$ weir run --once --quiet; cat weir-data/journals/acme%2Fin/* | wc -l
! acme/files: 1 document for collection acme/in refused and put aside; the first one is not valid: /v: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... takes too long for the pattern '^(a+)+$' (schema /properties/v/pattern)
< 2

== without onInvalid: divert it fails the task, as others do
$ weir run --once --quiet --source strict.yaml --data strict
! binding acme/in: a document for collection acme/in is not valid: /v: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... takes too long for the pattern '^(a+)+$' (schema /properties/v/pattern)
!*
= 2

== the same where a materialization reduces what it reads
$ weir run --once --quiet --source read.yaml --data read; python3 -c 'import sqlite3; print(*sqlite3.connect("out.db").execute("SELECT id, v, n FROM t"))'
! made table "t"
! acme/db: 1 document for collection acme/in refused and put aside; the first one is not valid: /v: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... takes too long for the pattern '^(a+)+$' (schema /properties/v/pattern)
< (2, 'aa', 2)
