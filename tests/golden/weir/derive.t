# weir run: collections made of others. Which documents come when, and what happens between two commits, is in tests/unit/plane/test_derive.c.

file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-hello, config: {text: a, count: 4}}}
|     bindings: [{resource: {stream: greetings}, target: acme/orders}]
| collections:
|   acme/orders:
|     schema: {type: object, properties: {n: {type: integer}, text: {type: string}}, required: [n, text]}
|     key: [/n]
|   acme/totals:
|     schema: {type: object, properties: {text: {type: string}, orders: {type: integer}, sum: {type: integer}}, required: [text]}
|     key: [/text]
|     derive:
|       using: {sqlite: {migrations: [totals.sql]}}
|       transforms:
|         - {name: add, source: acme/orders, shuffle: {key: [/text]}, lambda: add.sql}
|   acme/large:
|     schema: {type: object, properties: {text: {type: string}}, required: [text]}
|     key: [/text]
|     derive:
|       using: {sqlite: {}}
|       transforms:
|         - {name: filter, source: acme/totals, lambda: 'select $text, $sum as total where $sum > 5;'}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: totals}, source: acme/totals}]
file totals.sql
| create table totals (text text primary key, orders integer, sum integer);
file add.sql
| insert into totals values ($text, 1, $n) on conflict do update set orders = orders + 1, sum = sum + excluded.sum;
| select text, orders, sum from totals where text = $text;
file rows.py
| import sqlite3
| for row in sqlite3.connect("out.db").execute("SELECT * FROM totals ORDER BY 1"):
|     print(*row)

# What a transaction publishes under one key comes out as one document.
== a chain: captured, summed up by SQL, filtered, loaded; a second run adds nothing
$ weir run --once | tr -s ' ' | cut -d ' ' -f 1-3 | sort
! info  acme/db: made table "totals"
< TASK KIND DOCUMENTS
< acme/db materialization 1
< acme/files capture 4
< acme/large derivation 1
< acme/totals derivation 4
$ cat weir-data/journals/acme%2Flarge/*
<= {"text": "a", "total": 6}
$ python3 rows.py
< a 4 6
$ weir run --once | tail -n 1
< Nothing new since the last run.

== the state goes on in the next run
$ weir run --once --quiet && sed -i 's/count: 4/count: 6/' flow.yaml && weir run --once --quiet && python3 rows.py
! info  acme/db: made table "totals"
< a 6 15

== --only a derivation
$ weir run --once --quiet --only acme/files && weir run --once --only acme/totals | tr -s ' ' | tail -n 1 | cut -d ' ' -f 1-3
< acme/totals derivation 4

== of two that are alone each has its state
$ weir run --once --quiet --only acme/files && weir run --once --quiet --only acme/totals && ls weir-data/derivations
< acme%2Ftotals.db

== the database of its state is gone: it does not begin anew behind the documents of the former one
$ weir run --once --quiet --only acme/files && weir run --once --quiet --only acme/totals && rm -r weir-data/derivations && weir run --once --quiet --only acme/totals
! error acme/totals: derivation acme/totals: the state that its connector holds is new: the journal of acme/totals goes on where that state is lost. Put it back, or derive into a new collection code=config
! error a task failed, see above code=config
= 2

== a lambda that does not fit says which transform, and what was meant
file add.sql
| select $txet;
$ weir run --once --quiet --only acme/totals
! did you mean
! error a task failed, see above code=config
= 2

== a document that is larger than any may be
$ sed -i "s/select .text, .sum as total where .sum > 5/select \$text, hex(zeroblob(20 << 20)) as x, hex(zeroblob(20 << 20)) as y/" flow.yaml && weir run --once --quiet
!*
! error acme/large: derivation acme/large: transform filter: transform "filter", line 1, document {"text":"a","orders":4,"sum":6}: it selects text that is not UTF-8, or more than a document may hold code=config
! a task failed
= 2

== a document without its key: it is the SQL that has to be mended, or the program
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 1}}}
|     bindings: [{resource: {stream: greetings}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/out:
|     schema: {type: object}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, lambda: 'select $n;'}]}
|   acme/program:
|     schema: {type: object}
|     key: [/id]
|     derive:
|       using: {local: {command: [python3, keyless.py]}}
|       transforms: [{name: t, source: acme/in, lambda: ''}]
file keyless.py
| import json, sys
| says = {"spec": {"spec": {"protocol": 3032023, "configSchema": {}, "resourceConfigSchema": {}, "documentationUrl": "https://d.example"}},
|         "validate": {"validated": {"transforms": [{}]}}, "open": {"opened": {}}, "read": {"published": {"doc": {"n": 0}}}, "flush": {"flushed": {}}}
| for line in sys.stdin:
|     print(json.dumps(says[next(iter(json.loads(line)))]), flush=True)
$ weir run --once --quiet --only acme/hello; weir run --once --quiet --only acme/out
! error acme/out: derivation acme/out: transform t: a document for collection acme/out lacks part 1 of its key ["/id"]: {"n":0} code=config
! error a task failed, see above code=config
= 2
$ weir run --once --quiet --only acme/program
! error acme/program: derivation acme/program: flush: a document for collection acme/program lacks part 1 of its key ["/id"]: {"n": 0} code=protocol
! error a task failed, see above code=protocol
= 5

== a file that is not there
file flow.yaml
| collections:
|   acme/a: {schema: {type: object}, key: [/id]}
|   acme/b:
|     schema: {type: object}
|     key: [/id]
|     derive:
|       using: {sqlite: {}}
|       transforms: [{name: t, source: acme/a, lambda: gone.sql}]
$ weir run --once
! error flow.yaml:8:54: lambda: cannot read "gone.sql": No such file or directory code=config
= 2

== a circle
file flow.yaml
| collections:
|   acme/a:
|     schema: {type: object}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/b, lambda: select 1;}]}
|   acme/b:
|     schema: {type: object}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: u, source: acme/a, lambda: select 1;}]}
$ weir run --once
! error flow.yaml:9:48: the transform "u" closes a circle of derivations: acme/a -> acme/b -> acme/a code=config
= 2

== kinds of derivations that are not run here
file flow.yaml
| collections:
|   acme/a: {schema: {type: object}, key: [/id]}
|   acme/b:
|     schema: {type: object}
|     key: [/id]
|     derive: {using: {typescript: {module: b.ts}}, transforms: [{name: t, source: acme/a}]}
$ weir run --once --quiet
! error acme/b: derivation acme/b: this kind of endpoint is not run by this version: use local or native code=config
! error a task failed, see above code=config
= 2

== validate, without a run
file flow.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}}}, key: [/id]}
|   acme/b:
|     schema: {type: object, properties: {id: {type: integer}}}
|     key: [/id]
|     derive:
|       using: {sqlite: {migrations: ['create table t (n integer);']}}
|       transforms:
|         - {name: looks, source: acme/a, lambda: 'select $id;'}
|         - {name: counts, source: acme/a, lambda: 'insert into t values ($id);'}
$ weir validate; ls -d weir-data 2>/dev/null
<= {"name": "acme/b", "transforms": [{"name": "looks", "collection": "acme/a", "readOnly": true}, {"name": "counts", "collection": "acme/a", "readOnly": false}]}
= 2
$ sed -i 's/select $id/select $di/' flow.yaml; weir validate
! error derivation acme/b: validate:
= 2

== a source that learns its schema: the derivation begins once there is one, and again when it widens
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
$ weir run --once --quiet --only acme/out; echo '{"id":1,"name":"x"}' >in1.ndjson; weir run --once --quiet; echo '{"id":2,"name":5,"more":1}' >in2.ndjson; weir run --once --quiet; cat weir-data/journals/acme%2Fout/*
<= {"id": 1, "v": "x"}
<= {"id": 2, "v": 5}

== a collection that is derived learns its schema of what is published; the destination's table grows with it
file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: 'in*.ndjson'}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {id: {type: integer}, doc: {type: object}}, required: [id]}, key: [/id]}
|   acme/out:
|     writeSchema: {type: object, properties: {id: {type: integer}}, required: [id], x-infer-schema: true}
|     readSchema: {allOf: [{$ref: 'flow://relaxed-write-schema'}, {$ref: 'flow://inferred-schema'}]}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, lambda: 'select $doc as json_doc;'}]}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/out}]
$ echo '{"id":1,"doc":{"id":1,"a":"x"}}' >in1.ndjson; weir run --once --quiet; sqlite3 out.db "select name, type from pragma_table_info('t')"
!*
< id|INTEGER
< a|TEXT
$ echo '{"id":2,"doc":{"id":2,"b":2}}' >in2.ndjson; weir run --once --quiet; sqlite3 out.db "select id, a, b from t"
!*
< 1|x|
< 2||2

== without --once: until it is told to end
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
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, lambda: 'select $n;'}]}
|   acme/late:
|     schema: {type: object, properties: {n: {type: integer}}, required: [n]}
|     key: [/n]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, readDelay: 1h, lambda: 'select $n;'}]}
|   acme/soon:
|     schema: {type: object, properties: {n: {type: integer}}, required: [n]}
|     key: [/n]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/in, readDelay: 1s, lambda: 'select $n;'}]}
$ weir run --quiet & n=0; until [ "$(cat weir-data/journals/acme%2Fout/* weir-data/journals/acme%2Fsoon/* 2>/dev/null | wc -l)" = 6 ] || [ $n = 500 ]; do n=$((n + 1)); sleep 0.02; done; kill -TERM $!; wait $!; echo "status $?"; cat weir-data/journals/acme%2Fout/*; ls weir-data/journals
< status 0
<= {"n": 0}
<= {"n": 1}
<= {"n": 2}
< acme%2Fin
< acme%2Fout
< acme%2Fsoon
