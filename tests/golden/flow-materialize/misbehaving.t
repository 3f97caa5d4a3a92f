# Materializations that break the protocol: the run says what they did, and nothing counts that was not committed. bad.py is peer.py with one thing changed.
file data/journal.ndjson
| {"id":1,"v":"a"}
file flow.yaml
| captures:
|   t/s: {endpoint: {local: {command: [python3, source.py]}}, bindings: [{resource: {stream: all}, target: t/c}]}
| collections:
|   t/c: {schema: {type: object, properties: {id: {type: integer}, v: {type: string}}, required: [id]}, key: [/id]}
| materializations:
|   t/m: {endpoint: {local: {command: [python3, bad.py], config: {path: out.json, load_all: true}}}, bindings: [{resource: {table: a}, source: t/c}]}
file source.py
| import json, sys
| answers = {"spec": {"spec": {"protocol": 3032023, "configSchema": {}, "resourceConfigSchema": {}, "documentationUrl": "https://x"}},
|            "validate": {"validated": {"bindings": [{"resourcePath": ["all"]}]}}, "apply": {"applied": {}}, "open": {"opened": {}}}
| for line in sys.stdin:
|     kind = next(iter(json.loads(line)))
|     print(json.dumps(answers[kind]), flush=True)
|     if kind == "open":
|         print('{"captured":{"doc":{"id":1,"v":"a"}}}\n{"checkpoint":{"state":{"updated":{"at":1}}}}', flush=True)
|         break
file bad.sh
| weir run --once --quiet --only t/s
| sed "$1" $ROOT/tests/golden/flow-materialize/peer.py >bad.py
| cmp -s bad.py $ROOT/tests/golden/flow-materialize/peer.py && echo "nothing was changed"
| timeout 30 weir run --once --quiet --only t/m
| status=$?
| sqlite3 weir-data/weir.db "SELECT count(*) FROM reads"
| exit $status

== a document that was not asked for
$ sh bad.sh 's/        doc = self.table(binding).get(key)/        doc = {"id": 7}/'
< 0
! applied
! the connector loaded a document for t/c whose key it was not asked for: {"id": 7}
! a task failed
= 5

== a document without its key
$ sh bad.sh 's/        doc = self.table(binding).get(key)/        doc = {"v": 7}/'
< 0
! applied
! the connector loaded a document for t/c without its key: {"v": 7}
! a task failed
= 5

== a document after flushed
$ sh bad.sh 's/        send("flushed", {})/        send("flushed", {}); send("loaded", {"doc": {"id": 1}})/'
< 0
! applied
! startCommit: the connector sent 'loaded' after 'flushed'
! a task failed
= 5

== another answer
$ sh bad.sh 's/        send("flushed", {})/        send("startedCommit", {})/'
< 0
! applied
! flush: the connector sent 'startedCommit' while loading
! a task failed
= 5

== it ends in the middle, and says why
$ sh bad.sh 's/        check(self.flushed, "store before flush")/        fail("the disk is full")/'
< 0
! applied
! the disk is full
! the connector exited with status 1: the disk is full
! a task failed
= 4

== it ends in the middle, as if all were well
$ sh bad.sh 's/        check(self.flushed, "store before flush")/        sys.exit(0)/'
< 0
! applied
! startCommit: the connector has ended its output
! a task failed
= 5

== a state that is none
$ sh bad.sh 's/        send("startedCommit", answer)/        send("startedCommit", {"state": {"updated": [1]}})/'
< 0
! applied
! startCommit: the connector's state is no object
! a task failed
= 5

== fewer bindings, no path, no constraints
$ sh bad.sh 's/    send("validated", {"bindings": bindings})/    send("validated", {"bindings": []})/'
< 0
! the connector validated 0 bindings of 1
! a task failed
= 5
$ sh bad.sh 's/"resourcePath": \["db", b\["resourceConfig"\]\["table"\]\]/"resourcePath": None/'
< 0
! the connector gave no resourcePath for binding 0 (t/c)
! a task failed
= 5
$ sh bad.sh 's/"constraints": {.*$/"constraints": {},/'
< 0
! field id is part of the key, but the destination does not take it
! a task failed
= 2

== it is never done with applying
$ sh bad.sh 's/    if request.get("state", {}).get("applied"):/    if False:/'
< 0
!*
! the connector has not done with applying after 10 times
! a task failed
= 5

== a document twice
$ sh bad.sh 's/        doc = self.table(binding).get(key)/        doc = {"id": 1}; send("loaded", {"doc": doc})/'
< 0
! applied
! the connector loaded a document for t/c twice: {"id": 1}
! a task failed
= 5

== a document before acknowledged
$ sh bad.sh 's/        self.acknowledged = True/        self.acknowledged = True; send("loaded", {"doc": {"id": 1}})/'
< 0
! applied
! acknowledge: the connector sent 'loaded' before 'acknowledged'
! a task failed
= 5

== acknowledged twice
$ sh bad.sh 's/        send("acknowledged", self.updated/        send("acknowledged", {}); send("acknowledged", self.updated/'
< 0
! applied
! the connector sent 'acknowledged' while loading
! a task failed
= 5

== flushed twice
$ sh bad.sh 's/        send("flushed", {})/        send("flushed", {}); send("flushed", {})/'
< 0
! applied
! startCommit: the connector sent 'flushed' after 'flushed'
! a task failed
= 5

== policies that are none are none
$ sh bad.sh 's/            "resourcePath": \[/            "serPolicy": {"strTruncateAfter": -1, "arrayTruncateAfter": "x"}, "caseInsensitiveFields": 7, "resourcePath": [/'
< 1
! applied
