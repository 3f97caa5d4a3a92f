# weir run with derivations that speak Flow's derive protocol: one written from its page (peer.py, which checks what it is told), and our own in both codecs.
file docs/1.ndjson
| {"id":"ann","n":1}
| {"id":"bob","n":2}
file more.ndjson
| {"id":"cid","n":3}
| {"id":"ann","n":4}
file catalog.py
| import json, os, sys
| config, local, lambdas, shuffle = (json.loads(a) for a in (sys.argv[1:] + ["{}"] * 4)[:4])
| peer = {"command": ["python3", os.environ["ROOT"] + "/tests/golden/flow-derive/peer.py"], "config": config, **local}
| schema = {"type": "object", "properties": {"id": {"type": "string"}, "n": {"type": "integer"}}, "required": ["id", "n"]}
| files = {"connector": "source-files", "config": {"base": "docs", "streams": [{"name": "all", "path": "*.ndjson", "key": ["id", "n"]}]}}
| transforms = [{"name": f"t{i}", "source": "t/in", "shuffle": shuffle or {"key": ["/id"]}, "lambda": l} for i, l in enumerate(lambdas or [{"times": 2}])]
| json.dump({
|   "captures": {"t/source": {"endpoint": {"native": files}, "bindings": [{"resource": {"stream": "all"}, "target": "t/in"}]}},
|   "collections": {
|     "t/in": {"schema": schema, "key": ["/id", "/n"]},
|     "t/out": {"schema": {"type": "object", "properties": {"id": {"type": "string"}, "seen": {"type": "integer"}}, "required": ["id", "seen"]}, "key": ["/id", "/seen"],
|               "derive": {"using": {"local": peer}, "transforms": transforms}}},
| }, open("flow.yaml", "w"))

== documents, a state that goes on, nothing twice
$ python3 catalog.py
$ weir run --once --quiet && cat weir-data/journals/t%2Fout/*
<= {"id":"ann","n":2,"seen":0}
<= {"id":"bob","n":4,"seen":0}
$ cp more.ndjson docs/2.ndjson && weir run --once --quiet && cat weir-data/journals/t%2Fout/* | tail -n 2
<= {"id":"ann","n":8,"seen":1}
<= {"id":"cid","n":6,"seen":0}
$ weir run --once | tail -n 1
< Nothing new since the last run.
$ sqlite3 weir-data/weir.db "SELECT state FROM tasks WHERE task = 't/out'"
<= {"seen":{"ann":2,"bob":1,"cid":1}}

== published with the flush, states that replace
$ python3 catalog.py '{"late":true,"old":true}'
$ weir run --once --quiet && cp more.ndjson docs/2.ndjson && weir run --once --quiet && cat weir-data/journals/t%2Fout/*
<= {"id":"ann","n":2,"seen":0}
<= {"id":"bob","n":4,"seen":0}
<= {"id":"ann","n":8,"seen":1}
<= {"id":"cid","n":6,"seen":0}
$ sqlite3 weir-data/weir.db "SELECT state FROM tasks WHERE task = 't/out'"
<= {"seen":{"ann":2,"bob":1,"cid":1}}

== it dies in a transaction, which never happened: a run that goes well has everything once
$ python3 catalog.py
$ weir run --once --quiet && cp more.ndjson docs/2.ndjson
$ for line in 'check(not self.flushed, "read after flush")' 'send("flushed", {})' 'send("startedCommit", answer)'; do sed "s/^        $line/        os.kill(os.getpid(), 9)/" $ROOT/tests/golden/flow-derive/peer.py >bad.py; cmp -s bad.py $ROOT/tests/golden/flow-derive/peer.py && echo 'nothing was changed'; sed 's|"command": \[[^]]*\]|"command": ["python3", "bad.py"]|' flow.yaml >bad.yaml; weir run --once --quiet --source bad.yaml; echo "status $?"; done
< status 4
< status 4
< status 4
!*
$ weir run --once --quiet && cat weir-data/journals/t%2Fout/*
<= {"id":"ann","n":2,"seen":0}
<= {"id":"bob","n":4,"seen":0}
<= {"id":"ann","n":8,"seen":1}
<= {"id":"cid","n":6,"seen":0}

== a checkpoint that it keeps is believed
$ python3 catalog.py '{"keeper":"kept.json"}'
$ weir run --once --quiet && cp more.ndjson docs/2.ndjson && cp kept.json before.json && weir run --once --quiet && cat weir-data/journals/t%2Fout/* | tail -n 2
<= {"id":"ann","n":8,"seen":1}
<= {"id":"cid","n":6,"seen":0}
$ python3 -c 'import json; a = json.load(open("before.json")); b = json.load(open("kept.json")); print(a["seen"], b["seen"], "sources" in b["checkpoint"], a["checkpoint"] != b["checkpoint"])'
< {'ann': 1, 'bob': 1} {'ann': 2, 'bob': 1, 'cid': 1} True True

== our own, in both codecs: settings of lambdas, an account that is refused
$ python3 catalog.py '{}' '{"command":["derive-balances"]}' '[{"kind":"deposit","amount":"/n"}]' '"any"'
$ sed -i 's|"id": {"type": "string"}, "n"|"id": {"type": "string"}, "user": {"type": "string"}, "n"|; s|"t/out": {.*"derive"|"t/out": {"schema": {"type": "object"}, "key": ["/user"], "derive"|' flow.yaml
$ sed 's/"id"/"user"/; s/{/{"id":"x",/' docs/1.ndjson >docs/users.ndjson && rm docs/1.ndjson
$ weir run --once --quiet && cat weir-data/journals/t%2Fout/* && sed -i 's|"command"|"protobuf": true, "command"|' flow.yaml && weir run --once --quiet --data other && cmp other/journals/t%2Fout/* weir-data/journals/t%2Fout/*
<= {"user":"ann","balance":1,"refused":0}
<= {"user":"bob","balance":2,"refused":0}

== a lambda that does not fit
$ python3 catalog.py '{}' '{"command":["derive-balances"]}' '[{"kind":"gift"}]'
$ weir run --once --quiet --only t/out
! validate: transform t0: lambda:1:9: /kind: expected one of 'deposit', 'withdrawal', got "gift"
! the connector exited with status 2: validate: transform t0: lambda:1:9: /kind: expected one of 'deposit', 'withdrawal', got "gift"
! a task failed
= 2
