# weir preview of a derivation (docs/protocols/flow.md 9): documents of a fixture or of the data folder, bare documents out. Two forms of fixtures; what is behind the
# last commit is a transaction, too; collections that are not read are passed over.

file flow.yaml
| collections:
|   acme/in:
|     schema: {type: object, properties: {n: {type: integer}, k: {type: string}}, required: [n]}
|     key: [/n]
|     projections: {k: {location: /k, partition: true}}
|   acme/late: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/sums:
|     schema: {type: object, properties: {k: {type: string}, sum: {type: integer}}, required: [k]}
|     key: [/k]
|     derive:
|       using: {sqlite: {migrations: ['create table sums (k text primary key, sum integer);']}}
|       transforms:
|         - {name: some, source: {name: acme/in, partitions: {exclude: {k: [z]}}}, lambda: 'insert into sums values ($k, $n) on conflict do update set sum = sum + $n returning k, sum;'}
|         - {name: late, source: acme/late, lambda: 'select ''late'' as k, $n as sum;'}
file lines
| ["acme/in", {"n": 1, "k": "a"}]
| ["acme/late", {"n": 7}]
| ["acme/other", {"n": 8}]
| 
| ["acme/in", {"n": 2, "k": "a"}]
| ["acme/in", {"n": 2, "k": "z"}]
| {"commit": true}
| {"commit": true}
| ["acme/in", {"n": 3, "k": "a"}]
| {"commit": true}
| ["acme/in", {"n": 4, "k": "b"}]
file array.json
| [
|   [["acme/in", {"n": 1, "k": "a"}], ["acme/late", {"n": 7}], ["acme/in", {"n": 2, "k": "a"}]],
|   [],
|   [["acme/in", {"n": 3,
|     "k": "a"}]]
| ]

== lines; what one transaction publishes under one key is one document
$ weir preview --fixture lines; ls
< {"k":"a","sum":3}
< {"k":"late","sum":7}
< {"k":"a","sum":6}
< {"k":"b","sum":4}
< array.json
< flow.yaml
< lines

== an array of transactions; standard input, too
$ weir preview --fixture array.json >a; weir preview --name acme/sums --fixture - <array.json | cmp - a && cat a
< {"k":"a","sum":3}
< {"k":"late","sum":7}
< {"k":"a","sum":6}

== lines are read as they come
file slow.py
| import subprocess
| p = subprocess.Popen(["weir", "preview", "--fixture", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
| for n in range(3):
|     p.stdin.write('["acme/in",{"n":%d,"k":"a"}]\n{"commit":true}\n' % n)
|     print(p.stdout.readline(), end="")
| p.terminate()
| print("status", p.wait())
$ python3 slow.py
< {"k":"a","sum":0}
< {"k":"a","sum":1}
< {"k":"a","sum":3}
< status 0

== sessions, each a run of the connector: the state goes on; what is left over is not read; a commit without a state is told
$ weir preview --fixture lines --sessions 1,2 --output-state
< {"k":"a","sum":3}
< {"k":"late","sum":7}
< ["connectorState",{}]
< ["connectorState",{}]
< {"k":"a","sum":6}
< ["connectorState",{}]

== an empty fixture is one empty transaction
$ : >empty; weir preview --fixture empty --output-state; echo '[]' | weir preview --fixture - --output-state
< ["connectorState",{}]
< ["connectorState",{}]

== a program keeps its state with the platform
file flow.yaml
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/out:
|     schema: {type: object}
|     key: [/n]
|     derive: {using: {local: {command: [python3, peer.py]}}, transforms: [{name: t, source: acme/in, lambda: ''}]}
file peer.py
| import json, sys
| say = lambda kind, body: print(json.dumps({kind: body}), flush=True)
| for line in sys.stdin:
|     kind, body = next(iter(json.loads(line).items()))
|     if kind == "spec": say("spec", {"protocol": 3032023, "configSchema": {}, "resourceConfigSchema": {}, "documentationUrl": "https://d.example"})
|     if kind == "validate": say("validated", {"transforms": [{}]})
|     if kind == "open": total = body.get("state", {}).get("total", 0); say("opened", {})
|     if kind == "read": total += body["doc"]["n"]; say("published", {"doc": {"n": total}})
|     if kind == "flush": say("flushed", {})
|     if kind == "startCommit": say("startedCommit", {"state": {"updated": {"total": total}, "mergePatch": True}})
$ printf '["acme/in",{"n":1}]\n{"commit":true}\n["acme/in",{"n":2}]\n' | weir preview --fixture - --sessions 1,-1 --output-state --initial-state '{"total": 10}'
<= {"n": 11}
< ["connectorState",{"updated":{"total":11}}]
<= {"n": 13}
< ["connectorState",{"updated":{"total":13}}]

== the data folder: from its beginning, by priority; nothing is changed
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 3}}}
|     bindings: [{resource: {stream: greetings}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/out:
|     schema: {type: object, properties: {n: {type: integer}}, required: [n]}
|     key: [/n]
|     derive:
|       using: {sqlite: {migrations: ['create table seen (n integer);']}}
|       transforms:
|         - {name: look, source: acme/in, readDelay: 1h, lambda: 'select $n, (select count(*) from seen) as before;'}
|         - {name: keep, source: acme/in, priority: 1, lambda: 'insert into seen values ($n);'}
$ weir preview --name acme/out
! error derivation acme/out: there is no "weir-data/weir.db": nothing has run with this data folder yet
= 2
$ weir run --once --quiet --only acme/hello; sha256sum weir-data/journals/*/* >a; weir preview --name acme/out --data weir-data; weir preview --name acme/out | wc -l; sha256sum weir-data/journals/*/* | cmp - a; ls weir-data | grep -v db-
< {"n":0,"before":3}
< {"n":1,"before":3}
< {"n":2,"before":3}
< 3
< journals
< lock
< weir.db

== without a name: the only capture; fixtures are for derivations
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 1}}}
|     bindings: [{resource: {stream: greetings}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object}, key: [/n]}
|   acme/out: {schema: {type: object}, key: [/n], derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, lambda: 'select $n;'}]}}
| materializations:
|   acme/db: {endpoint: {native: {connector: materialize-sqlite, config: {path: x.db}}}, bindings: [{resource: {table: t}, source: acme/in}]}
$ weir preview | wc -l; weir preview --name acme/db
< 1
! error "acme/db" is a materialization: it makes no documents that could be shown
= 2
$ weir preview --fixture x
! error --fixture and --data are for derivations, and "acme/hello" is a capture
= 2

== what is wrong
$ printf '\n["acme/in"]\n' | weir preview --fixture -
! error derivation acme/sums: stdin:2: not ["collection", {document}] or {"commit": true} code=config
= 2
$ printf '["acme/late",{"n":1}]\n{"commit":fals}\n' | weir preview --fixture -
! error derivation acme/sums: stdin:2: 
= 2
$ printf '[\n[],\n[["acme/in"]]]' | weir preview --fixture -
! error derivation acme/sums: stdin:3: not ["collection", {document}] or {"commit": true} code=config
= 2
$ weir preview --fixture gone
! error derivation acme/sums: fixture: cannot read "gone": No such file or directory code=config
= 2
$ echo '["acme/in",{"n":1}]' | weir preview --fixture -
! error derivation acme/sums: transform some: a document for collection acme/sums is not valid: /k: null is not a string
= 2

== a database that the settings name is not touched, by tests neither
file flow.yaml
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/out:
|     schema: {type: object}
|     key: [/n]
|     derive:
|       using: {native: {connector: derive-sqlite, config: {path: mine.db, migrations: ['create table t (n);']}}}
|       transforms: [{name: t, source: acme/in, lambda: 'insert into t values ($n); select $n, (select count(*) from t) as c;'}]
| tests:
|   acme/t: [{ingest: {collection: acme/in, documents: [{n: 1}]}}, {verify: {collection: acme/out, documents: [{n: 1, c: 1}]}}]
$ echo '["acme/in",{"n":1}]' >lines; weir preview --fixture lines; weir preview --fixture lines --sessions 1,1; weir test | tail -n 1; ls *.db
< {"n":1,"c":1}
< {"n":1,"c":1}
< 1 test: 1 passed, 0 failed
! ls: cannot access '*.db': No such file or directory
= 2

== fields that a collection has learned are known to previews of fixtures, validation and generation once there is a data folder
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: 'in*.ndjson'}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     writeSchema: {type: object, properties: {id: {type: integer}}, required: [id], x-infer-schema: true}
|     readSchema: {allOf: [{$ref: 'flow://relaxed-write-schema'}, {$ref: 'flow://inferred-schema'}]}
|     key: [/id]
|   acme/out:
|     schema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, lambda: 'select $id, $name as v;'}]}
|   acme/more:
|     schema: {type: object}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, lambda: more.sql}]}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: x.db}}}
|     bindings: [{resource: {table: t}, source: acme/in, fields: {recommended: false, require: {name: {}}}}]
$ echo '{"id":1,"name":"x"}' >in1.ndjson; echo '["acme/in",{"id":3,"name":"q"}]' >lines; : >more.sql; weir preview --name acme/out --fixture lines
! did you mean $id?
= 2
$ weir validate --name acme/db
! name
= 2
$ weir run --once --quiet --only acme/files; weir preview --name acme/out --fixture lines; weir validate --name acme/out; weir validate --name acme/db; rm more.sql; weir generate; grep -c '$name' more.sql
< {"id":3,"v":"q"}
<= {"name": "acme/out", "transforms": [{"name": "t", "collection": "acme/in", "readOnly": true}]}
<= {"name": "acme/db", "bindings": [{"collection": "acme/in", "resourcePath": ["t"]}]}
< wrote more.sql
< 1
$ mv weir-data other; weir validate --name acme/out --data other; weir preview --name acme/out --fixture lines --data other
<= {"name": "acme/out", "transforms": [{"name": "t", "collection": "acme/in", "readOnly": true}]}
< {"id":3,"v":"q"}
