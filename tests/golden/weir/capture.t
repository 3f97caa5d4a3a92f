# weir capture: the responses of a connector, as they come; every checkpoint is acknowledged once it is printed.

file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {count: 2, text: "Hi"}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
|   acme/protobuf:
|     endpoint: {local: {command: [source-hello], config: {count: 2, text: "Hi"}, protobuf: true}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
|   acme/native:
|     endpoint: {native: {connector: source-hello, config: {count: 2, text: "Hi"}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
| materializations:
|   acme/db: {endpoint: {native: {connector: materialize-sqlite, config: {path: x.db}}}, bindings: []}

== over a pipe, in JSON
$ weir capture --name acme/hello
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"n":0,"text":"Hi"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":1}}},"mergePatch":true}}}
<= {"captured":{"binding":0,"doc":{"n":1,"text":"Hi"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":2}}},"mergePatch":true}}}

== in protobuf, or linked in, it says the same
$ weir capture --name acme/hello >a; weir capture --name acme/protobuf >b; weir capture --name acme/native >c; cmp a b; cmp b c

== --initial-state
$ weir capture --name acme/hello --initial-state '{"bindingStateV1":{"greetings":{"n":1}}}'
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"n":1,"text":"Hi"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":2}}},"mergePatch":true}}}

== the initial state may have line breaks
$ weir capture --name acme/hello --initial-state "$(printf '{\n "bindingStateV1": {"greetings": {"n": 2}}\n}')"
<= {"opened":{}}

== an initial state that is none
$ weir capture --name acme/hello --initial-state '[]'
! error --initial-state: expected an object at byte 0 code=config
= 2
$ weir capture --name acme/hello --initial-state '{"a":1'
! error --initial-state: 
= 2
$ weir capture --name acme/hello --initial-state ''
! error --initial-state: expected an object at byte 0 code=config
= 2

== a materialization is no capture
$ weir capture --name acme/db
! error "acme/db" is a materialization, not a capture code=config
= 2

== nobody reads: the connector is ended, without an error
file many.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {count: 1000000000}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ (weir capture --source many.yaml; echo "status $?" >&2) | head -n 1
<= {"opened":{}}
! status 0

== SIGTERM ends it and the connector, cleanly: lines are whole, the last is a checkpoint
file many.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {count: 1000000000}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ mkfifo out; weir capture --source many.yaml >out & exec 4<out; head -n 1000 <&4 >first; kill -TERM $!; cat <&4 >rest; wait $!; echo "status $?"; tail -n 1 rest | cut -c 1-13; tail -n 1 rest | tail -c 1 | od -An -c
< status 0
< {"checkpoint"
<   \n
