# A Fivetran source and destination, driven: our own ones, served, with a data plane between them.

file flow.yaml
| captures:
|   t/hello:
|     endpoint: {local: {command: [source-hello], protocol: fivetran, config: {text: "Hi, \"you\"", count: "3"}}}
|     bindings: [{resource: {table: greetings}, target: t/greetings}]
| collections:
|   t/greetings:
|     key: [/n]
|     schema: {type: object, properties: {n: {type: integer}, text: {type: [string, "null"]}}, required: [n]}
| materializations:
|   t/db:
|     endpoint: {local: {command: [materialize-sqlite], protocol: fivetran, config: {path: db.sqlite}}}
|     bindings: [{resource: {table: g}, source: t/greetings}]

== a collection between them
$ weir run --once 2>log | cut -d' ' -f1 && sqlite3 db.sqlite 'SELECT n, text, _fivetran_synced > 2020 FROM g'
< TASK
< t/hello
< t/db
< 0|Hi, "you"|1
< 1|Hi, "you"|1
< 2|Hi, "you"|1

== what there is goes on where it stopped
$ weir run --once >/dev/null 2>log && sed -i 's/"3"/"5"/' flow.yaml && weir run --once 2>log | grep -o 'hello *capture *2 '
< hello capture                 2 
$ sqlite3 db.sqlite 'SELECT count(*), max(n) FROM g'
< 5|4

== previewed: the state is one text
$ weir preview --name t/hello --output-state 2>log
< ["t/greetings",{"_meta":{"op":"t"}}]
< ["t/greetings",{"n":0,"text":"Hi, \"you\""}]
< ["t/greetings",{"n":1,"text":"Hi, \"you\""}]
< ["t/greetings",{"n":2,"text":"Hi, \"you\""}]
<= ["connectorState",{"updated":{"fivetranState":"{\"bindingStateV1\":{\"greetings\":{\"n\":3}}}"}}]

== discovered: parts of documents are announced
$ sed -i 's/bindings: .{resource: {table: greetings.*/bindings: []/; /^materializations/,$d; /^collections/,$d' flow.yaml; weir discover --emit-raw 2>log | python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["resourceConfig"], d["key"], d["documentSchema"]["x-partial-updates"], d["documentSchema"]["properties"]["text"])'
< {'table': 'greetings'} ['/n'] True {'type': ['string', 'null']}

== settings, as a form has them
$ weir spec --name t/hello 2>log | python3 -c 'import json,sys; d=json.load(sys.stdin); print(sorted(d["configSchema"]["properties"]), sorted(d["resourceConfigSchema"]["properties"]))'
< ['count', 'text'] ['schema', 'table']

== a program that does not start
$ sed -i 's/\[source-hello]/["false"]/' flow.yaml; weir preview --name t/hello
! error capture t/hello: the connector exited with status 1 with no log output
= 4

== nobody at an address
file a.yaml
| captures:
|   t/x: {endpoint: {local: {address: "127.0.0.1:9"}}, bindings: []}
|   t/y: {endpoint: {local: {address: "127.0.0.1:9", protocol: singer}}, bindings: []}
|   t/z: {endpoint: {local: {address: "127.0.0.1:9", command: [x]}}, bindings: []}
$ weir discover --source a.yaml
! a.yaml:3:
! a.yaml:4:
= 2
