# weir run: a catalog at work on this machine. What goes wrong there is in tests/hostile and tests/kill.

file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
|     interval: 1s
|   acme/other:
|     endpoint: {native: {connector: source-hello, config: {count: 1}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/others}
| collections:
|   acme/greetings:
|     schema: {type: object, properties: {n: {type: integer}, text: {type: string}}, required: [n, text]}
|     key: [/n]
|   acme/others:
|     schema: {type: object, properties: {n: {type: integer}, text: {type: string}}, required: [n, text]}
|     key: [/n]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings:
|       - {resource: {table: greetings}, source: acme/greetings}
file rows.py
| import sqlite3
| for row in sqlite3.connect("out.db").execute("SELECT n, text FROM greetings ORDER BY n"):
|     print(*row)

== --once: from the source into the table; a second run adds nothing and says so
$ weir run --once | tr -s ' ' | cut -d ' ' -f 1-3
< TASK KIND DOCUMENTS
< acme/hello capture 3
< acme/other capture 1
< acme/db materialization 3
! info  acme/db: made table "greetings"
$ python3 rows.py
< 0 Hello
< 1 Hello
< 2 Hello
$ weir run --once | tr -s ' ' | cut -d ' ' -f 1-3
< TASK KIND DOCUMENTS
< acme/hello capture 0
< acme/other capture 0
< acme/db materialization 0
< Nothing new since
$ python3 rows.py | wc -l
< 3

== collections are lines of JSON in the data folder
$ weir run --once --quiet --data here && cat here/journals/acme%2Fgreetings/*
! info  acme/db: made table "greetings"
<= {"n":0,"text":"Hello"}
<= {"n":1,"text":"Hello"}
<= {"n":2,"text":"Hello"}

== what was missed is caught up
$ weir run --once --quiet --only acme/hello && weir run --once --quiet --only acme/db && python3 rows.py | wc -l
< 3
! info  acme/db: made table "greetings"

== --json: progress as JSON lines, and nothing else on standard output
$ weir run --once --json --only acme/hello | tail -n 1 | python3 -c 'import json, sys; r = json.load(sys.stdin); r.pop("milliseconds"); print(json.dumps(r))'
<= {"task":"acme/hello","kind":"capture","phase":"done","documents":3,"bytes":69,"commits":1,"lag":0,"result":"ok"}

== --only a task that is not there
$ weir run --once --only acme/helo
! error "flow.yaml" has no task "acme/helo"; did you mean "acme/hello"? code=config
= 2

== a task that fails does not keep the others from their work
file bad.yaml
| captures:
|   acme/bad:
|     endpoint: {local: {command: [./nowhere], config: {}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/a}
|   acme/good:
|     endpoint: {local: {command: [source-hello], config: {}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/b}
| collections:
|   acme/a: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/b: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ weir run --source bad.yaml --once --quiet
! error acme/bad: capture acme/bad: cannot start "./nowhere": No such file or directory code=config who="the operator has to act
! error a task failed, see above code=config
= 2
$ wc -l weir-data/journals/acme%2Fb/*
< 3 weir-data/journals/acme%2Fb/00000000000000000000.ndjson

== without --once it goes on until SIGTERM, then ends cleanly
file until.py
| # Starts a run, waits until the table is there, then SIGTERM.
| import os, sqlite3, subprocess, time
| p = subprocess.Popen(["weir", "run", "--quiet"], stderr=subprocess.DEVNULL)
| def rows():
|     try:
|         return sqlite3.connect("file:out.db?mode=ro", uri=True).execute("SELECT count(*) FROM greetings").fetchone()[0]
|     except sqlite3.OperationalError:
|         return 0
| while rows() < 3 and p.poll() is None:
|     time.sleep(0.01)
| assert p.poll() is None
| p.terminate()
| print("status", p.wait())
$ python3 until.py
< status 0

== a schema that is learned from documents: columns for what was found, up to x-complexity-limit; the rest is in the document
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: 'in*.ndjson'}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     writeSchema: {type: object, properties: {id: {type: integer}}, required: [id], x-infer-schema: true, x-complexity-limit: 4}
|     readSchema: {allOf: [{$ref: 'flow://relaxed-write-schema'}, {$ref: 'flow://inferred-schema'}]}
|     key: [/id]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in, fields: {recommended: 1, require: {flow_document: {}}, exclude: [_meta]}}]
$ echo '{"id":1,"k":"x","l":2}' >in1.ndjson; weir run --once --quiet; sqlite3 out.db "select name from pragma_table_info('t') order by name"
!*
< flow_document
< id
< k
< l
$ echo '{"id":2,"z":true}' >in2.ndjson; weir run --once --quiet; sqlite3 out.db "select name from pragma_table_info('t') order by name; select id, flow_document ->> 'z' from t"
< flow_document
< id
< k
< l
< 1|
< 2|1

== a field that is asked for, and that the schema does not know before the first documents are there; one that it never knows
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     writeSchema: {type: object, properties: {id: {type: integer}}, required: [id], x-infer-schema: true}
|     readSchema: {allOf: [{$ref: 'flow://relaxed-write-schema'}, {$ref: 'flow://inferred-schema'}]}
|     key: [/id]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in, fields: {recommended: false, require: {v: {}}}}]
file in.ndjson
| {"id":1,"v":2}
$ weir run --once --quiet; sqlite3 out.db 'select * from t'
! made table "t"
< 1|2
$ rm -r weir-data out.db; sed -i 's/require: {v: {}}/require: {w: {}}/' flow.yaml; weir run --once --quiet
! "acme/in" has no field "w"
! a task failed
= 2
$ rm -r weir-data; weir run --once --quiet --only acme/db
! "acme/in" has no field "w"
! a task failed
= 2

== what a source says of its schema is learned before the documents of the same checkpoint: a format is kept, whichever of them came first
file flow.yaml
| captures:
|   acme/source:
|     endpoint: {local: {command: [python3, source.py], config: {}}}
|     bindings: [{resource: {}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {id: {type: integer}}, required: [id], x-infer-schema: true}, key: [/id]}
file source.py
| import json, os, sys
| def say(**m): print(json.dumps(m), flush=True)
| x = {"type": "string", "contentEncoding": "base64"}
| schema = {"sourcedSchema": {"binding": 0, "documentSchema": {"type": "object", "properties": {"id": {"type": "integer"}, "x": x}, "additionalProperties": False}}}
| document = {"captured": {"binding": 0, "doc": {"id": 1, "x": "aGk="}}}
| more = {"captured": {"binding": 0, "doc": {"id": 2, "x": "aGk=" * 100000}}}
| for line in sys.stdin:
|     kind = next(k for k, b in json.loads(line).items() if b is not None)
|     if kind == "spec": say(spec={"protocol": 3032023, "configSchema": {}, "resourceConfigSchema": {}, "resourcePathPointers": [], "documentationUrl": "https://x.example"})
|     if kind == "validate": say(validated={"bindings": [{"resourcePath": ["x"]}]})
|     if kind == "apply": say(applied={})
|     if kind == "open":
|         say(opened={})
|         for one in {"1": [schema, document], "2": [document, schema], "3": [document, schema, more]}[os.environ["ORDER"]]: say(**one)
|         say(checkpoint={"state": {"updated": {}, "mergePatch": True}})
|         break
$ for i in 1 2 3; do ORDER=$i weir run --once --quiet; sqlite3 weir-data/weir.db "select schema ->> '$.properties.x' from inferred"; rm -r weir-data; done
< {"type":"string","contentEncoding":"base64"}
< {"type":"string","contentEncoding":"base64"}
< {"type":"string","contentEncoding":"base64"}

== two runs cannot share a data folder
file twice.py
| import os, subprocess, time
| p = subprocess.Popen(["weir", "run", "--quiet"], stderr=subprocess.DEVNULL)
| while not os.path.exists("weir-data/weir.db"):
|     time.sleep(0.01)
| q = subprocess.run(["weir", "run", "--once", "--quiet"], env=dict(os.environ, LOG_FORMAT="text"), stderr=subprocess.PIPE, text=True)
| print(q.returncode, "weir-data" in q.stderr)
| p.terminate()
| print("status", p.wait())
$ python3 twice.py
< 2 True
< status 0

== a catalog that is none
$ weir run --once --source - </dev/null
!*
= 2

== a destination that was loaded from another data folder is not gone on with
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {id: {type: integer}, name: {type: string}}, required: [id]}, key: [/id]}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in}]
file in.ndjson
| {"id":1}
| {"id":2}
$ weir run --once --quiet
! made table "t"
$ sed -i 's/1/3/;s/2/4/' in.ndjson; weir run --once --quiet --data other; sqlite3 out.db 'select id from t'
! acme/db: binding acme/in: it has read a collection of the same name: the data folder "other" is not the one it was loaded from. Go on with that one, or raise "backfill" of the binding
! a task failed
< 1
< 2
# The cure. What comes then is this folder's.
$ sed -i 's/source: acme.in/&, backfill: 1/' flow.yaml; weir run --once --quiet --data other; sqlite3 out.db 'select id from t'
!*
< 3
< 4
$ echo '{"id":5}' >>in.ndjson; weir run --once --quiet --data other; sqlite3 out.db 'select id from t'
< 3
< 4
< 5
$ weir run --once --quiet; echo $?
! is not the one it was loaded from
! a task failed
< 2

== a checkpoint that does not say of which data folder it is, as older ones do not
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {id: {type: integer}, name: {type: string}}, required: [id]}, key: [/id]}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in}]
file in.ndjson
| {"id":1}
| {"id":2}
file older.sql
| update weir_checkpoints set checkpoint = json_remove(checkpoint, '$.sources."acme/in;t".producers');
| select checkpoint like '%producers%' from weir_checkpoints;
$ weir run --once --quiet; sqlite3 out.db <older.sql
! made table "t"
< 0
$ echo '{"id":3}' >>in.ndjson; weir run --once --quiet; sqlite3 out.db "select id from t; select checkpoint like '%producers%' from weir_checkpoints"
< 1
< 2
< 3
< 1
# There is no document where it has read to.
$ sqlite3 out.db <older.sql; printf '{"id":4,"name":"%1000s"}\n' long >in.ndjson; weir run --once --quiet --data other --only acme/files; weir run --once --quiet --data other; sqlite3 out.db 'select count(*) from t'
! it has read its collection to where no document begins: the data folder "other" is not the one it was loaded from
! a task failed
< 0
< 3
