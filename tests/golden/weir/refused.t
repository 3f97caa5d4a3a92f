# Documents that the schema of their collection refuses: onInvalid, weir replay.

file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in, onInvalid: divert}]
| collections:
|   acme/in:
|     schema: schema.yaml
|     key: [/id]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in}]
file schema.yaml
| type: object
| properties: {id: {type: integer}, n: {type: integer, maximum: 10}}
| required: [id]
file in.ndjson
| {"id":1,"n":1}
| {"id":2,"n":"two"}
| {"id":3,"n":1.5}
| {"id":4,"n":40}
| {"id":5}
file rows.py
| import sqlite3
| for row in sqlite3.connect("out.db").execute("SELECT id, n FROM t ORDER BY id"):
|     print(*row)
file aside.py
| import glob, json
| for name in sorted(glob.glob("weir-data/journals/refused*/*")):
|     for line in open(name):
|         d = json.loads(line)
|         print(d["reason"], json.dumps({k: v for k, v in d["document"].items() if k != "_meta"}), "at" in d)

== what is refused goes aside, with the reason; the others go on
$ weir run --once --quiet --only acme/files; weir run --once --quiet --only acme/db; python3 rows.py; python3 aside.py; ls weir-data/journals
! acme/files: 3 documents for collection acme/in refused and put aside; the first one is not valid: /n: "two"
! info  acme/db: made table "t"
< 1 1
< 5 None
< is not valid: /n: "two" is not an integer (schema /properties/n/type) {"id": 2, "n": "two"} True
< is not valid: /n: 1.5 is not an integer (schema /properties/n/type) {"id": 3, "n": 1.5} True
< is not valid: /n: 40 is more than 10 (schema /properties/n/maximum) {"id": 4, "n": 40} True
< acme%2Fin
< refused%3Bacme%2Ffiles%3Bacme%2Fin

== weir replay: what is valid by now goes through, the rest is put aside again, and once more
$ weir run --once --quiet --only acme/files
! 3 documents for collection acme/in refused
$ sed -i 's/maximum: 10/maximum: 100/' schema.yaml; weir replay | tr -s ' ' | cut -d ' ' -f 1-3
! 2 documents for collection acme/in refused
< TASK KIND DOCUMENTS
< acme/files capture 3
$ weir run --once --quiet; python3 rows.py
! made table "t"
< 1 1
< 4 40
< 5 None
$ sed -i 's/type: integer, maximum: 100/{}/; s/n: {{}}/n: {}/' schema.yaml; weir replay --quiet; weir replay --quiet; grep -c . weir-data/journals/acme%2Fin/*
! info  nothing to put through again: no document was refused since
< 5

== the same for a task that is not the one
$ weir run --once --quiet
!*
$ weir replay --quiet --only acme/db
! info  nothing to put through again
$ weir replay --only acme/nobody
! error "flow.yaml" has no task "acme/nobody" code=config
= 2

== without onInvalid a document that is not valid fails the capture, and nothing of its transaction is in the collection
$ sed -i 's/, onInvalid: divert//' flow.yaml; weir run --once --quiet --only acme/files; ls weir-data/journals; find weir-data/journals -type f | wc -l
! error acme/files: capture acme/files: binding acme/in: a document for collection acme/in is not valid: /n: "two" is not an integer (schema /properties/n/type): {"id":2,"n":"two"
! error a task failed, see above code=config
< acme%2Fin
< 0

== a derivation puts aside what it publishes and its collection refuses; its state has seen it nevertheless
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 4}}}
|     bindings: [{resource: {stream: greetings}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/out:
|     schema: {type: object, properties: {n: {type: integer}, odd: {const: 0}}, required: [n]}
|     key: [/n]
|     derive:
|       using: {sqlite: {migrations: ['create table seen (n integer);']}}
|       transforms: [{name: t, source: acme/in, lambda: 'insert into seen values ($n); select $n, $n % 2 as odd, (select count(*) from seen) as seen;'}]
|       onInvalid: divert
$ weir run --once --quiet; cat weir-data/journals/acme%2Fout/*; python3 aside.py
! acme/out: 2 documents for collection acme/out refused and put aside
<= {"n": 0, "odd": 0, "seen": 1}
<= {"n": 2, "odd": 0, "seen": 3}
< is not valid: /odd: 1 is not 0 (schema /properties/odd/const) {"n": 1, "odd": 1, "seen": 2} True
< is not valid: /odd: 1 is not 0 (schema /properties/odd/const) {"n": 3, "odd": 1, "seen": 4} True
$ sed -i 's/const: 0/enum: [0, 1]/' flow.yaml; weir replay --quiet; tail -n 2 weir-data/journals/acme%2Fout/*
<= {"n": 1, "odd": 1, "seen": 2}
<= {"n": 3, "odd": 1, "seen": 4}
$ sed -i 's/count: 4/count: 5/' flow.yaml; weir run --once --quiet; tail -n 1 weir-data/journals/acme%2Fout/*; weir replay --quiet
<= {"n": 4, "odd": 0, "seen": 5}
! nothing to put through again

== what is refused is in memory until the commit: one is made as soon as that is much
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
|   acme/out:
|     schema: {type: object, properties: {id: {type: integer}, x: {type: integer}}, required: [id]}
|     key: [/id]
|     derive: {using: {sqlite: {}}, onInvalid: divert, transforms: [{name: t, source: acme/in, lambda: 'select $id, hex(zeroblob(10000000)) as x;'}]}
$ for i in 1 2 3; do printf '{"id":%d,"p":"%262144s"}\n' $i y; done >in.ndjson; weir run --once --quiet --only acme/files; weir run --once --json --only acme/out | grep -o '"documents":3.*"commits":[0-9]*' | tail -n 1 | grep -o '"commits".*'
! 1 document for collection acme/out refused and put aside
! 1 document for collection acme/out refused and put aside
! 1 document for collection acme/out refused and put aside
< "commits":3
