# materialize-files as the Flow platform drives it, and in `weir run`. Key [1] is FQE=, [2] is FQI=, values ["x"] are AngA, ["y"] are AnkA (flow.md 6.3).
# TASK and BINDING stand for the task and its binding with the collection of collection.json; ID for sixteen hexadecimal digits that are random.
file collection.json
| {"name":"t/a","key":["/id"],"writeSchema":{"type":"object"},"projections":[{"ptr":"","field":"flow_document","inference":{"types":["object"],"exists":"MUST"}},{"ptr":"/id","field":"id","isPrimaryKey":true,"inference":{"types":["integer"],"exists":"MUST"}},{"ptr":"/v","field":"v","inference":{"types":["string"],"string":{},"exists":"MAY"}}]}
file drive.py
| import json, re, subprocess, sys
| config = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
| program, = sys.argv[2:] or ["materialize-files"]
| collection = json.load(open("collection.json"))
| selection = {"keys": ["id"], "values": ["v"]}
| if config.pop("whole", False):
|     selection["document"] = "flow_document"
| binding = {"resourceConfig": {"path": "a"}, "resourcePath": ["a"], "collection": collection, "stateKey": "a", "deltaUpdates": True}
| task = {"name": "t/m", "connectorType": "LOCAL", "config": dict({"path": "out", "file_name": "{seq}-{id}"}, **config)}
| lines = sys.stdin.read()
| lines = lines.replace('"BINDING"', json.dumps({"resourceConfig": {"path": "a"}, "collection": collection}))
| lines = lines.replace('"CONFIG"', json.dumps(task["config"]))
| lines = lines.replace('"TASK"', json.dumps(dict(task, bindings=[dict(binding, fieldSelection=selection)])))
| try:
|     lines = lines.replace('"STATE"', open("state").read().strip())
| except OSError:
|     lines = lines.replace('"STATE"', "{}")
| run = subprocess.run([program], input=lines, stdout=subprocess.PIPE, text=True)
| for line in run.stdout.splitlines():
|     state = json.loads(line).get("startedCommit", {}).get("state")
|     if state:
|         open("state", "w").write(json.dumps(state["updated"]))
|     print(re.sub("[0-9a-f]{16}", "ID", line))
| sys.exit(run.returncode)
file list.sh
| cd out && find . -type f ! -name .lock | sort | sed -E 's/[0-9a-f]{16}/ID/g'

== validate: additions only, any field
$ python3 drive.py
> {"validate":{"name":"t/m","connectorType":"LOCAL","config":"CONFIG","bindings":["BINDING"]}}
<= {"validated":{"bindings":[{"constraints":{"id":{"type":"LOCATION_REQUIRED","reason":"it is part of the key"},"flow_document":{"type":"FIELD_OPTIONAL","reason":"the whole document can be stored"},"v":{"type":"LOCATION_RECOMMENDED","reason":"it is a scalar"}},"resourcePath":["a"],"deltaUpdates":true}]}}

== files are written out of sight, listed in the state, and moved when that is durable
$ python3 drive.py '{"format":"csv"}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AngA"}}
> {"store":{"keyPacked":"FQI=","valuesPacked":"AnkA","exists":true,"delete":true}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"10"}}}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"11"}}}}}
> {"acknowledge":{}}
<= {"opened":{}}
<= {"acknowledged":{}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"moves":[["0-ID.csv","a/0000000000-ID.csv"]],"seq":{"a":1}},"mergePatch":true}}}
<= {"acknowledged":{"state":{"updated":{"moves":null},"mergePatch":true}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
$ sh list.sh
< ./a/0000000000-ID.csv
$ sed 's/\r$/<CR>/' out/a/*.csv
< id,v,_op<CR>
< 1,x,c<CR>
< 2,y,d<CR>

== killed between the commit and its acknowledgement: the next session moves the files, once; numbers go on
$ python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AngA"}}
> {"startCommit":{"runtimeCheckpoint":{}}}
<*
$ sh list.sh
< ./.weir-staged/t%2Fm/0-ID.ndjson
$ python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":"STATE"}}
> {"acknowledge":{}}
<= {"opened":{}}
<= {"acknowledged":{"state":{"updated":{"moves":null},"mergePatch":true}}}
$ sh list.sh
< ./a/0000000000-ID.ndjson
$ cat out/a/*
<= {"id":1,"v":"x"}
# The acknowledgement is lost as well, and somebody has taken the file away by now: it does not come back.
$ rm out/a/*
$ python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":"STATE"}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQI=","valuesPacked":"AnkA"}}
> {"startCommit":{"runtimeCheckpoint":{}}}
> {"acknowledge":{}}
<*
$ sh list.sh
< ./a/0000000001-ID.ndjson
$ cat out/a/*
<= {"id":2,"v":"y"}

== killed between the commit and its acknowledgement, and cut into shards: the first one moves the files, others have none of them
$ python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AngA"}}
> {"startCommit":{"runtimeCheckpoint":{}}}
<*
$ cp state before && python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyBegin":2147483648,"keyEnd":4294967295,"rClockEnd":4294967295},"state":"STATE"}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQI=","valuesPacked":"AnkA"}}
> {"startCommit":{"runtimeCheckpoint":{}}}
<*
$ sh list.sh
< ./.weir-staged/t%2Fm%4080000000/0-ID.ndjson
< ./.weir-staged/t%2Fm/0-ID.ndjson
$ cp state second && cp before state && python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":2147483647,"rClockEnd":4294967295},"state":"STATE"}}
> {"acknowledge":{}}
<= {"opened":{}}
<= {"acknowledged":{"state":{"updated":{"moves":null},"mergePatch":true}}}
$ sh list.sh
< ./.weir-staged/t%2Fm%4080000000/0-ID.ndjson
< ./a/0000000000-ID.ndjson
$ cp second state && python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyBegin":3221225472,"keyEnd":4294967295,"rClockEnd":4294967295},"state":"STATE"}}
> {"acknowledge":{}}
<*
$ python3 drive.py '{"content":"fields","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyBegin":2147483648,"keyEnd":3221225471,"rClockEnd":4294967295},"state":"STATE"}}
> {"acknowledge":{}}
<*
$ cat out/a/* && ls out/.weir-staged
<= {"id":1,"v":"x"}
<= {"id":2,"v":"y"}
< t%2Fm
< t%2Fm%4080000000
< t%2Fm%40c0000000

== killed before the commit: what was written is removed, and written again
$ python3 drive.py '{"whole":true}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AngA","doc":{"id":1,"v":"x","more":[1.50]}}}
<*
$ python3 drive.py '{"whole":true}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AngA","doc":{"id":1,"v":"x","more":[1.50]}}}
> {"store":{"keyPacked":"FQI=","valuesPacked":"AngA","doc":{"id":2},"exists":true,"delete":true}}
> {"startCommit":{"runtimeCheckpoint":{}}}
> {"acknowledge":{}}
<*
$ sh list.sh
< ./a/0000000000-ID.ndjson
$ cat out/a/*
< {"id":1,"v":"x","more":[1.50]}
<= {"id":2,"_meta":{"op":"d"}}

== two runs of a task do not write at once
$ mkdir -p out/.weir-staged/t%2Fm && flock out/.weir-staged/t%2Fm/.lock python3 drive.py
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
! another run of task "t/m" is writing to 'out'
= 3

== a state that leads elsewhere is refused
$ echo '{"moves":[["0-1","../x"]]}' >state; python3 drive.py
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":"STATE"}}
> {"acknowledge":{}}
<*
! the state names '0-1' as a file, and '../x' as its place, which cannot be
= 4

== settings that cannot be
$ for c in '"path":"s3://bucket/x"' '"path":"file://host/x"' '"path":""' '"path":"x","file_name":"{seq}"' '"path":"x","file_name":"{id}{no}"' '"path":"x","file_name":"../{id}"' '"path":"x","compression":"snappy"'; do echo "{\"validate\":{\"name\":\"t/m\",\"connectorType\":\"LOCAL\",\"config\":{$c},\"bindings\":[]}}" | materialize-files; done
! only folders of this machine can be written
! a file:// URL has three slashes
! must name a folder
! must have {id} in it
! may have {date}, {time}, {seq} and {id} in it
! must not lead out of the folder
! snappy is for Parquet only
= 2

== a deletion is never silent
$ python3 drive.py '{"format":"csv","operation_column":""}'
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQI=","valuesPacked":"AnkA","exists":true,"delete":true}}
> {"startCommit":{"runtimeCheckpoint":{}}}
<*
! a row is deleted or updated in part, and no column would say so: set "operation_column"
= 2

== CSV that other readers read back: every text, numbers with all their digits, nothing that is not the empty text
file in/a.ndjson
| {"id":1,"s":"plain","n":12345678901234567890.1200,"o":{"a": [1, 2.50]},"b":true}
| {"id":2,"s":"","n":null}
| {"id":3,"s":"a,b\"c\"\r\nd\ne"}
| {"id":4,"s":" leading, trailing ","n":-1e400}
| {"id":5,"s":"\u00e9\ud83d\ude00\tend"}
file flow.yaml
| captures:
|   t/in: {endpoint: {native: {connector: source-files, config: {streams: [{name: a, path: "in/*", key: [id]}]}}}, bindings: [{resource: {stream: a}, target: t/a}]}
| collections:
|   t/a: {schema: {type: object, properties: {id: {type: integer}, s: {type: string}, n: {type: [number, "null"]}, o: {type: object}, b: {type: boolean}}, required: [id]}, key: [/id]}
| materializations:
|   t/m: {endpoint: {native: {connector: materialize-files, config: {path: out, format: csv, compression: gzip}}}, bindings: [{resource: {path: deep/er}, source: t/a, fields: {recommended: false, require: {s: {}, n: {}, o: {}, b: {}}}}]}
file read.py
| import csv, glob, gzip
| for path in glob.glob("out/deep/er/*/*.csv.gz"):
|     with gzip.open(path, "rt", newline="") as f:
|         for row in csv.reader(f, strict=True):
|             print(ascii(row))
$ weir run --once --quiet && python3 read.py
< ['id', 's', 'n', 'o', 'b', '_op']
< ['1', 'plain', '12345678901234567890.1200', '{"a":[1,2.50]}', 'true', 'c']
< ['2', '', '', '', '', 'c']
< ['3', 'a,b"c"\r\nd\ne', '', '', '', 'c']
< ['4', ' leading, trailing ', '-1e400', '', '', 'c']
< ['5', '\xe9\U0001f600\tend', '', '', '', 'c']
$ zcat out/deep/er/*/* | grep -a '^2,' | tr -d '\r'
< 2,"",,,,c

== its own catalog; a second run writes nothing; files are rolled
$ weir run --source $ROOT/connectors/materialize-files/test.flow.yaml --once --quiet && sh list.sh | grep csv
< ./csv/greetings/0000000000-ID.csv
< ./csv/greetings/0000000001-ID.csv
< ./csv/greetings/0000000002-ID.csv
$ weir run --source $ROOT/connectors/materialize-files/test.flow.yaml --once --quiet && cat out/csv/greetings/* out/ndjson/greetings/*/* | tr -d '\r'
< n,text,_op
< 0,Hello,c
< 1,Hello,c
< n,text,_op
< 2,Hello,c
< 3,Hello,c
< n,text,_op
< 4,Hello,c
<= {"n":0,"text":"Hello"}
<= {"n":1,"text":"Hello"}
<= {"n":2,"text":"Hello"}
<= {"n":3,"text":"Hello"}
<= {"n":4,"text":"Hello"}

== Parquet, where weir was built with DuckDB
$ sed 's/format: csv/format: parquet/' $ROOT/connectors/materialize-files/test.flow.yaml >flow.yaml; weir run --once --quiet --only acme/hello && weir run --once --quiet --only acme/csv 2>log; grep -q 'Parquet needs the DuckDB plug-in' log || cat log; [ -s log ] && echo 3 files || echo $(ls out/csv/greetings/*.parquet | wc -l) files
< 3 files
