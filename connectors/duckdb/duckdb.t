# materialize-duckdb as a Flow materialization, where it was built: the transcript of flow.md 12.4. Key [1] is FQE=, values ["x"] are AngA, ["y"] are AnkA
# (flow.md 6.3). What its tables hold is looked at in test_load.c.
file fill.py
| import json, sys
| collection = {"name":"t/a","key":["/id"],"writeSchema":{"type":"object"},"projections":[{"ptr":"/id","field":"id","isPrimaryKey":True,"inference":{"types":["integer"],"exists":"MUST"}},{"ptr":"/v","field":"v","inference":{"types":["string"],"string":{},"exists":"MAY"}}]}
| binding = {"resourceConfig": {"table": "a"}, "resourcePath": ["main", "a"], "collection": collection, "stateKey": "main%2Fa", "fieldSelection": {"keys": ["id"], "values": ["v"]}}
| task = {"name": "t/m", "connectorType": "LOCAL", "config": {"path": "a.duckdb"}, "bindings": [binding]}
| for line in sys.stdin:
|     sys.stdout.write(line.replace('"TASK"', json.dumps(task)))
# Without the plug-in there is nothing to show.
file expected
| {"opened":{"runtimeCheckpoint":{"sources":{}}}}
| {"acknowledged":{}}
| {"flushed":{}}
| {"startedCommit":{}}
| {"acknowledged":{}}
| {"loaded":{"doc":{"id":1,"v":"x"}}}
| {"flushed":{}}
| {"startedCommit":{}}
| {"acknowledged":{}}
file again
| {"opened":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
| {"acknowledged":{}}
| {"loaded":{"doc":{"id":1,"v":"y"}}}
| {"flushed":{}}

== two transactions: inserted, loaded, updated, deleted; the checkpoint comes back
$ ! command -v materialize-duckdb >/dev/null && cat expected || python3 fill.py | materialize-duckdb 2>/dev/null
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
<= {"opened":{"runtimeCheckpoint":{"sources":{}}}}
<= {"acknowledged":{}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
<= {"loaded":{"doc":{"id":1,"v":"x"}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
$ ! command -v materialize-duckdb >/dev/null && cat again || python3 fill.py | materialize-duckdb
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"load":{"keyPacked":"FQE="}}
> {"load":{"keyPacked":"FQI="}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQM=","valuesPacked":"AngA"}}
<= {"opened":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
<= {"acknowledged":{}}
<= {"loaded":{"doc":{"id":1,"v":"y"}}}
<= {"flushed":{}}

== its own catalog; a second run loads nothing
$ weir run --source $ROOT/connectors/duckdb/test.flow.yaml --once --quiet 2>log; grep -q 'built without DuckDB' log && echo 'made table "greetings"' && echo 'made table "greetings"' || sed 's/.*: made/made/' log
< made table "greetings"
< made table "greetings"
$ weir run --source $ROOT/connectors/duckdb/test.flow.yaml --once --quiet 2>log; grep -q 'built without DuckDB' log || cat log

== a program without the plug-in says what it lacks, and leaves everything as it was
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 2}}}
|     bindings: [{resource: {stream: greetings}, target: acme/greetings}]
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-duckdb, config: {path: out.duckdb}}}
|     bindings: [{resource: {table: greetings}, source: acme/greetings}]
$ mkdir -p alone/bin && cp $(command -v weir) alone/bin/ && alone/bin/weir run --once --quiet
! acme/db: materialization acme/db: this weir was built without DuckDB
! error a task failed, see above code=config
= 2
$ cat weir-data/journals/*/* | wc -l; ls *.duckdb 2>/dev/null | wc -l
< 2
< 0
