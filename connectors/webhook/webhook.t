# materialize-webhook as Flow drives it, and in `weir run`, with a receiver (tests/webhook/receiver.py). Key [1] is FQE=, [2] is FQI= (flow.md 6.3). Where it was
# not built there is nothing to show. What receivers do to it: tests/webhook.
file drive.py
| import json, os, shutil, subprocess, sys
| sys.path.append(os.environ["ROOT"] + "/tests/webhook")
| from receiver import Receiver
| expected, *command = sys.argv[1:]
| if not shutil.which("materialize-webhook"):
|     print(open(expected).read(), end="")
|     sys.exit()
| with Receiver() as r:
|     catalog = open(os.environ["ROOT"] + "/connectors/webhook/test.flow.yaml").read()
|     open("flow.yaml", "w").write(catalog.replace("localhost:8080", f"localhost:{r.port}"))
|     collection = {"name": "t/a", "key": ["/id"], "writeSchema": {"type": "object"}, "projections": [
|         {"ptr": "", "field": "flow_document", "inference": {"types": ["object"], "exists": "MUST"}},
|         {"ptr": "/id", "field": "id", "isPrimaryKey": True, "inference": {"types": ["integer"], "exists": "MUST"}}]}
|     binding = {"resourceConfig": {"path": "a b"}, "resourcePath": ["a b"], "collection": collection, "stateKey": "a", "deltaUpdates": True,
|                "fieldSelection": {"keys": ["id"], "document": "flow_document"}}
|     task = {"name": "t/m", "connectorType": "LOCAL", "config": {"address": r.url("/{collection}/{path}")}, "bindings": [binding]}
|     lines = sys.stdin.read().replace('"TASK"', json.dumps(task))
|     for _ in range(2 if command[0] == "weir" else 1):
|         subprocess.run(command, input=lines, text=True, check=True)
|     for q in r.requests:
|         print(q["method"], q["path"], q["headers"]["Content-Type"], [{k: v for k, v in d.items() if k != "_meta"} for d in json.loads(q["body"])], flush=True)
file flow
| {"opened":{}}
| {"acknowledged":{}}
| {"flushed":{}}
| {"startedCommit":{}}
| {"acknowledged":{}}
| POST /t/a/a%20b application/json [{'id': 1, 'n': 1.5}, {'id': 2}]
file run
| POST /greetings application/json [{'n': 0, 'text': 'Hello'}, {'n': 1, 'text': 'Hello'}, {'n': 2, 'text': 'Hello'}, {'n': 3, 'text': 'Hello'}, {'n': 4, 'text': 'Hello'}]

== a transaction is a request, and committed when that was answered
$ python3 drive.py flow materialize-webhook
> {"open":{"materialization":"TASK","version":"v1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"acknowledge":{}}
> {"flush":{}}
> {"store":{"keyPacked":"FQE=","doc":{"id":1,"n":1.5}}}
> {"store":{"keyPacked":"FQI=","doc":{"id":2}}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"10"}}}}}
> {"acknowledge":{}}
<= {"opened":{}}
<= {"acknowledged":{}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"acknowledged":{}}
< POST /t/a/a%20b application/json [{'id': 1, 'n': 1.5}, {'id': 2}]

== its own catalog; a second run sends nothing
$ python3 drive.py run weir run --source flow.yaml --once --quiet
< POST /greetings application/json [{'n': 0, 'text': 'Hello'}, {'n': 1, 'text': 'Hello'}, {'n': 2, 'text': 'Hello'}, {'n': 3, 'text': 'Hello'}, {'n': 4, 'text': 'Hello'}]
