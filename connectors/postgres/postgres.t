# materialize-postgres as a Flow materialization, with a server of its own (tests/postgres/server.py): the transcript of flow.md 12.4. Key [1] is FQE=, values ["x"]
# are AngA, ["y"] are AnkA (flow.md 6.3). Where it was not built, or no server is installed, there is nothing to show. Everything else: tests/postgres.
file drive.py
| import json, os, shutil, subprocess, sys
| sys.path.append(os.environ["ROOT"] + "/tests/postgres")
| from server import Server, programs
| if not shutil.which("materialize-postgres") or not programs():
|     print(open("expected").read(), end="")
|     sys.exit()
| collection = {"name":"t/a","key":["/id"],"writeSchema":{"type":"object"},"projections":[{"ptr":"/id","field":"id","isPrimaryKey":True,"inference":{"types":["integer"],"exists":"MUST"}},{"ptr":"/v","field":"v","inference":{"types":["string"],"string":{},"exists":"MAY"}}]}
| binding = {"resourceConfig": {"table": "a"}, "resourcePath": ["public", "a"], "collection": collection, "stateKey": "public%2Fa", "fieldSelection": {"keys": ["id"], "values": ["v"]}}
| os.chmod(".", 0o755) # the server is run by another user
| with Server() as server:
|     task = {"name": "t/m", "connectorType": "LOCAL", "config": server.config(), "bindings": [binding]}
|     for session in sys.stdin.read().replace('"TASK"', json.dumps(task)).split('"NEXT"\n'):
|         subprocess.run(["materialize-postgres"], input=session, text=True, check=True, stderr=subprocess.DEVNULL)
|         print("rows", server.ask("SELECT * FROM a ORDER BY id").splitlines(), flush=True)
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
| rows ['1|y']
| {"opened":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
| {"acknowledged":{}}
| {"loaded":{"doc":{"id":1,"v":"y"}}}
| {"flushed":{}}
| rows ['1|y']

== two transactions: inserted, loaded, updated, deleted; the checkpoint comes back, and what was not committed did not happen
$ python3 drive.py
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
> "NEXT"
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"load":{"keyPacked":"FQE="}}
> {"load":{"keyPacked":"FQI="}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQM=","valuesPacked":"AngA"}}
<= {"opened":{"runtimeCheckpoint":{"sources":{}}}}
<= {"acknowledged":{}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
<= {"loaded":{"doc":{"id":1,"v":"x"}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
< rows ['1|y']
<= {"opened":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
<= {"acknowledged":{}}
<= {"loaded":{"doc":{"id":1,"v":"y"}}}
<= {"flushed":{}}
< rows ['1|y']
