# The transcript of flow.md 12.4 with materialize-sqlite, in JSON. Key [1] is FQE=, values ["x"] are AngA, ["y"] are AnkA (flow.md 6.3).
file collection.json
| {"name":"t/a","key":["/id"],"writeSchema":{"type":"object"},"projections":[{"ptr":"","field":"flow_document","inference":{"types":["object"],"exists":"MUST"}},{"ptr":"/id","field":"id","isPrimaryKey":true,"inference":{"types":["integer"],"exists":"MUST"}},{"ptr":"/n","field":"n","inference":{"types":["null"],"exists":"MAY"}},{"ptr":"/o","field":"o","inference":{"types":["object"],"exists":"MAY"}},{"ptr":"/v","field":"v","inference":{"types":["string"],"string":{},"exists":"MAY"}}]}
file rows.py
| import sqlite3, sys
| for row in sqlite3.connect("a.db").execute(sys.argv[1]):
|     print(*row, sep="|")
# Puts the collection, the config and the selection where a transcript names them.
file fill.py
| import json, sys
| collection = json.load(open("collection.json"))
| binding = {"resourceConfig": {"table": "a"}, "resourcePath": ["a"], "collection": collection, "stateKey": "a"}
| task = {"name": "t/m", "connectorType": "LOCAL", "config": {"path": "a.db"}}
| for line in sys.stdin:
|     line = line.replace('"BINDING"', json.dumps({"resourceConfig": {"table": "a"}, "collection": collection}))
|     line = line.replace('"TASK"', json.dumps(dict(task, bindings=[dict(binding, fieldSelection={"keys": ["id"], "values": ["v"]})])))
|     line = line.replace('"WHOLE"', json.dumps(dict(task, bindings=[dict(binding, fieldSelection={"keys": ["id"], "values": ["v"], "document": "flow_document"})])))
|     sys.stdout.write(line)

== validate: a constraint for every projection, the path of the binding
$ python3 fill.py | materialize-sqlite
> {"spec":{"connectorType":"LOCAL","config":{}}}
> {"validate":{"name":"t/m","connectorType":"LOCAL","config":{"path":"a.db"},"bindings":["BINDING"]}}
<*
<= {"validated":{"bindings":[{"constraints":{"id":{"type":"LOCATION_REQUIRED","reason":"it is part of the key"},"flow_document":{"type":"FIELD_OPTIONAL","reason":"the whole document can be stored"},"n":{"type":"FIELD_FORBIDDEN","reason":"it can only be null"},"o":{"type":"FIELD_OPTIONAL","reason":"it can be stored as JSON"},"v":{"type":"LOCATION_RECOMMENDED","reason":"it is a scalar"}},"resourcePath":["a"]}]}}

== delta updates are the resource's wish
$ python3 fill.py | sed 's/"table": "a"/"table": "a", "delta_updates": true/' | materialize-sqlite | grep -o '"deltaUpdates":true'
> {"validate":{"name":"t/m","connectorType":"LOCAL","config":{"path":"a.db"},"bindings":["BINDING"]}}
< "deltaUpdates":true

== two transactions: inserted, loaded, updated, deleted
$ python3 fill.py | materialize-sqlite
> {"spec":{"connectorType":"LOCAL","config":{}}}
> {"apply":{"materialization":"TASK","version":"v1","state":{}}}
<*
<= {"applied":{}}
! info  t/m: made table "a"
$ python3 fill.py | materialize-sqlite
> {"spec":{"connectorType":"LOCAL","config":{}}}
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"load":{"keyPacked":"FQE="}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AngA"}}
> {"store":{"keyPacked":"FQI=","valuesPacked":"AngA"}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"10"}}}}}
> {"acknowledge":{}}
> {"load":{"keyPacked":"FQE="}}
> {"load":{"keyPacked":"FQM="}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AnkA","exists":true}}
> {"store":{"keyPacked":"FQI=","valuesPacked":"AngA","exists":true,"delete":true}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
> {"acknowledge":{}}
<*
<= {"opened":{"runtimeCheckpoint":{"sources":{}}}}
<= {"acknowledged":{}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
<= {"loaded":{"doc":{"id":1,"v":"x"}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
$ python3 rows.py "SELECT id, v FROM a"
< 1|y
# The checkpoint comes back. What is not committed is dropped; keys may come before the acknowledgement, their documents may not.
$ python3 fill.py | materialize-sqlite
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"load":{"keyPacked":"FQE="}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQM=","valuesPacked":"AngA"}}
<= {"opened":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
<= {"acknowledged":{}}
<= {"loaded":{"doc":{"id":1,"v":"y"}}}
<= {"flushed":{}}
$ python3 rows.py "SELECT id, v FROM a"
< 1|y

== many keys may wait for the acknowledgement: room for them grows with their number and not with its square
file early.py
| import base64, json, sys
| collection = json.load(open("collection.json"))
| binding = {"resourceConfig": {"table": "a"}, "resourcePath": ["a"], "collection": collection, "stateKey": "a", "fieldSelection": {"keys": ["id"], "values": ["v"]}}
| print(json.dumps({"open": {"materialization": {"name": "t/m", "config": {"path": "a.db"}, "bindings": [binding]}, "version": "v1"}}))
| for n in range(200000):
|     print('{"load":{"keyPacked":"%s"}}' % base64.b64encode(b"\x17" + (65536 + n).to_bytes(3, "big")).decode())
| print('{"acknowledge":{}}\n{"flush":{}}')
$ python3 fill.py | materialize-sqlite
> {"apply":{"materialization":"TASK","version":"v1"}}
<= {"applied":{}}
! info  t/m: made table "a"
# AddressSanitizer reserves more than any limit.
$ (ulimit -v 400000; materialize-sqlite --help; exit $?) >/dev/null 2>&1 && ulimit -v 400000; python3 early.py | materialize-sqlite
<*
<= {"flushed":{}}

== values as arrays, which are exact, and a document
$ python3 fill.py | materialize-sqlite
> {"apply":{"materialization":"WHOLE","version":"v1"}}
<= {"applied":{}}
! info  t/m: made table "a"
$ python3 fill.py | materialize-sqlite
> {"open":{"materialization":"WHOLE","version":"v1"}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"key":[7],"values":["z"],"doc":{"id":7,"v":"z","d":12345678901234567890.125}}}
> {"startCommit":{}}
<*
<= {"startedCommit":{}}
$ python3 rows.py "SELECT * FROM a"
< 7|z|{"id":7,"v":"z","d":12345678901234567890.125}

== what comes out of order
$ python3 fill.py | materialize-sqlite
> {"open":{"materialization":"TASK","version":"v1"}}
> {"flush":{}}
<*
! flush: before 'acknowledge'
= 5
$ python3 fill.py | materialize-sqlite
> {"open":{"materialization":"TASK","version":"v1"}}
> {"acknowledge":{}}
> {"store":{"keyPacked":"FQE=","valuesPacked":"AngA"}}
<*
! store: a row before 'flush'
= 5
$ python3 fill.py | materialize-sqlite
> {"open":{"materialization":"TASK","version":"v1"}}
> {"acknowledge":{}}
> {"load":{"keyPacked":"FQEVAQ=="}}
<*
! load: the key of a 'load': 2 parts, 1 are expected
= 5
$ python3 fill.py | materialize-sqlite
> {"open":{"materialization":"TASK","version":"v1"}}
> {"acknowledge":{}}
> {"load":{"keyPacked":"!"}}
<*
! load: the key of a 'load': not base64
= 5
$ python3 fill.py | materialize-sqlite
> {"open":{"materialization":"TASK","version":"v1"}}
> {"acknowledge":{}}
> {"load":{"binding":1,"keyPacked":"FQE="}}
<*
! load: binding 1 of 1
= 5

== every problem is told
$ python3 fill.py | sed 's/"table": "a"/"table": "sqlite_x"/g' | materialize-sqlite
> {"validate":{"name":"t/m","connectorType":"LOCAL","config":{"path":"a.db"},"bindings":["BINDING","BINDING"]}}
! error validate: binding t/a: table "sqlite_x" is not a name that SQLite allows for a table\nbinding t/a: table "sqlite_x" is not a name that SQLite allows for a table
= 2
