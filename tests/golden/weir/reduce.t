# weir run: destinations get what the schema makes of the documents of one key (docs/protocols/flow.md 8.2).

file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: 'in*.ndjson'}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     schema: schema.yaml
|     key: [/id]
|     projections: {region: {location: /region, partition: true}}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in, fields: {exclude: [_meta]}}]
file schema.yaml
| type: object
| properties:
|   id: {type: integer}
|   region: {type: string}
|   n: {type: integer, reduce: {strategy: sum}}
|   high: {type: number, reduce: {strategy: maximize}}
|   first: {type: string, reduce: {strategy: firstWriteWins}}
|   last: {type: string}
|   tags: {type: array, reduce: {strategy: append}}
|   _meta: {type: object, properties: {file: {type: string}, row: {type: integer}, op: {type: string}}}
| required: [id]
| if: {properties: {_meta: {properties: {op: {const: d}}, required: [op]}}, required: [_meta]}
| then: {reduce: {strategy: merge, delete: true}}
| else: {reduce: {strategy: merge}}
file in1.ndjson
| {"id":1,"n":1,"high":2.5,"first":"a","last":"x","tags":[1]}
| {"id":2,"n":10,"tags":[]}
| {"id":1,"n":2,"high":1,"first":"b","last":"y","tags":[2,3]}
| {"id":3,"n":5}
file rows.py
| import sqlite3
| for row in sqlite3.connect("out.db").execute("SELECT id, n, high, first, last, tags FROM t ORDER BY id"):
|     print(*row)

== within a transaction, then into what is there; a deletion takes the row away
$ weir run --once --quiet; python3 rows.py
! made table "t"
< 1 3 2.5 a y [1,2,3]
< 2 10 None None None []
< 3 5 None None None None
$ printf '{"id":1,"n":4,"high":3,"first":"c"}\n{"id":2,"_meta":{"op":"d"}}\n{"id":3,"n":1}\n{"id":4,"n":7}\n' >in2.ndjson; weir run --once --quiet; python3 rows.py
< 1 7 3 a y [1,2,3]
< 3 6 None None None None
< 4 7 None None None None
$ weir run --once --quiet; python3 rows.py | wc -l
< 3

== additions are reduced within a transaction only (docs/protocols/flow.md 5.5)
$ sed -i 's/resource: {table: t}/resource: {table: t, delta_updates: true}/' flow.yaml; weir run --once --quiet; printf '{"id":1,"n":4}\n' >in2.ndjson; weir run --once --quiet; python3 rows.py
! made table "t"
< 1 3 2.5 a y [1,2,3]
< 1 4 None None None None
< 2 10 None None None []
< 3 5 None None None None

== what cannot be reduced fails the task, or is put aside and put through later
$ weir run --once --quiet --only acme/files; sed -i 's/tags: {type: array,/tags: {/' schema.yaml; printf '{"id":1,"tags":"no list"}\n{"id":5}\n' >in2.ndjson; weir run --once --quiet --only acme/files; weir run --once --quiet --only acme/db
! made table "t"
! error acme/db: materialization acme/db: binding acme/in: a document for collection acme/in cannot be taken:
! error a task failed, see above
= 2
$ sed -i 's/exclude: \[_meta\]}/exclude: [_meta]}, onInvalid: divert/' flow.yaml; weir run --once --quiet --only acme/db; python3 rows.py
! acme/db: 1 document for collection acme/in refused and put aside; the first one cannot be taken:
< 1 3 2.5 a y [1,2,3]
< 2 10 None None None []
< 3 5 None None None None
< 5 None None None None None
$ sed -i 's/tags: {.*/tags: {}/' schema.yaml; weir replay --quiet --only acme/db; python3 rows.py; weir replay --quiet --only acme/db
! nothing to put through again
< 1 3 2.5 a y no list
< 2 10 None None None []
< 3 5 None None None None
< 5 None None None None None

== some partitions
$ printf '{"id":1,"region":"eu"}\n{"id":2,"region":"us"}\n{"id":3}\n' >in1.ndjson; sed -i 's/source: acme\/in/source: {name: acme\/in, partitions: {exclude: {region: [us]}}}/' flow.yaml; weir run --once --quiet; python3 rows.py
! made table "t"
< 1 None None None None None
< 3 None None None None None

== documents published before or after
$ sed -i "s/source: acme\/in/source: {name: acme\/in, notAfter: '2020-01-01T00:00:00Z'}/" flow.yaml; weir run --once --quiet; python3 rows.py | wc -l
! made table "t"
< 0

== a read schema that says more than the write schema
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 3}}}
|     bindings: [{resource: {stream: greetings}, target: acme/in}]
| collections:
|   acme/in:
|     writeSchema: {type: object, properties: {n: {type: integer}}, required: [n]}
|     readSchema: {type: object, properties: {n: {type: integer, maximum: 1}}, required: [n]}
|     key: [/n]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in, onInvalid: divert}]
file rows.py
| import sqlite3
| for row in sqlite3.connect("out.db").execute("SELECT n FROM t ORDER BY n"):
|     print(*row)
$ weir run --once --quiet; python3 rows.py
! made table "t"
! acme/db: 1 document for collection acme/in refused and put aside; the first one is not valid: /n: 2 is more than 1
< 0
< 1
$ sed -i 's/, maximum: 1//' flow.yaml; weir replay --quiet; python3 rows.py
< 0
< 1
< 2

== what was deleted does not come back with what follows it in the same transaction, into what is stored or into nothing
$ weir run --once --quiet; python3 rows.py >/dev/null
! made table "t"
$ printf '{"id":1,"n":4,"_meta":{"op":"d"}}\n{"id":1,"n":100}\n{"id":6,"n":1,"first":"old"}\n{"id":6,"_meta":{"op":"d"}}\n{"id":6,"n":2}\n' >in2.ndjson; weir run --once --quiet; python3 rows.py
< 1 100 None None None None
< 2 10 None None None []
< 3 5 None None None None
< 6 2 None None None None
