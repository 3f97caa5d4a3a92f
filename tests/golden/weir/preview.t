# weir preview: documents of a capture as ["collection",{...}], in sessions of so many transactions.

file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
|   acme/many:
|     endpoint: {local: {command: [source-hello], config: {count: 1000000000}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}

== all there is
$ weir preview --name acme/hello
<= ["acme/greetings",{"n":0,"text":"Hello"}]
<= ["acme/greetings",{"n":1,"text":"Hello"}]
<= ["acme/greetings",{"n":2,"text":"Hello"}]

== --sessions: the state goes on from one to the next
$ weir preview --name acme/hello --sessions 1,1,-1 --output-state
<= ["acme/greetings",{"n":0,"text":"Hello"}]
<= ["connectorState",{"updated":{"bindingStateV1":{"greetings":{"n":1}}},"mergePatch":true}]
<= ["acme/greetings",{"n":1,"text":"Hello"}]
<= ["connectorState",{"updated":{"bindingStateV1":{"greetings":{"n":2}}},"mergePatch":true}]
<= ["acme/greetings",{"n":2,"text":"Hello"}]
<= ["connectorState",{"updated":{"bindingStateV1":{"greetings":{"n":3}}},"mergePatch":true}]

== each session is a process of its own, as long as the list says
$ weir preview --name acme/many --sessions 2,3
<= ["acme/greetings",{"n":0,"text":"Hello"}]
<= ["acme/greetings",{"n":1,"text":"Hello"}]
<= ["acme/greetings",{"n":2,"text":"Hello"}]
<= ["acme/greetings",{"n":3,"text":"Hello"}]
<= ["acme/greetings",{"n":4,"text":"Hello"}]

== --initial-state
$ weir preview --name acme/hello --initial-state '{"bindingStateV1":{"greetings":{"n":2}}}' --output-state
<= ["acme/greetings",{"n":2,"text":"Hello"}]
<= ["connectorState",{"updated":{"bindingStateV1":{"greetings":{"n":3}}},"mergePatch":true}]

== an initial state that belongs to somebody else does not matter
$ weir preview --name acme/hello --sessions 1 --initial-state '{"bindingStateV1":{"other":{"n":2}}}'
<= ["acme/greetings",{"n":0,"text":"Hello"}]

== a list of sessions that is none, said before anything runs
$ for l in x 0 -2 1,,2 1, ,1 '' 1x '1 2'; do weir preview --name acme/hello --sessions "$l" || echo $?; done
< 2
< 2
< 2
< 2
< 2
< 2
< 2
< 2
< 2
! error --sessions is a list of numbers of transactions, such as 2,1,-1: 'x' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: '0' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: '-2' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: ',2' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: '1,' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: ',1' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: '' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: '1x' code=config
! error --sessions is a list of numbers of transactions, such as 2,1,-1: '1 2' code=config

== --timeout ends a connector that has nothing more to say
file silent.py
| import json, os, sys, time
| for line in sys.stdin:
|     kind = next(iter(json.loads(line)))
|     if kind == "open":
|         print('{"opened":{}}\n{"captured":{"doc":{"n":1}}}\n{"checkpoint":{"state":{"updated":{"n":1}}}}', flush=True)
|         time.sleep(1000)
|     print({"spec": '{"spec":{"protocol":3032023,"configSchema":{},"resourceConfigSchema":{},"documentationUrl":"https://x"}}',
|            "validate": '{"validated":{"bindings":[{"resourcePath":["a"]}]}}', "apply": '{"applied":{}}'}[kind], flush=True)
file silent.yaml
| captures:
|   acme/silent:
|     endpoint: {local: {command: [python3, silent.py], config: {}}}
|     bindings:
|       - {resource: {stream: a}, target: acme/a}
| collections:
|   acme/a: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ weir preview --source silent.yaml --timeout 300ms --output-state
<= ["acme/a",{"n":1}]
<= ["connectorState",{"updated":{"n":1}}]

== and with it all sessions that would follow
file silent.py
| import json, os, sys, time
| for line in sys.stdin:
|     kind = next(iter(json.loads(line)))
|     if kind == "open":
|         print('{"opened":{}}\n{"captured":{"doc":{"n":1}}}\n{"checkpoint":{"state":{"updated":{"n":1}}}}', flush=True)
|         time.sleep(1000)
|     print({"spec": '{"spec":{"protocol":3032023,"configSchema":{},"resourceConfigSchema":{},"documentationUrl":"https://x"}}',
|            "validate": '{"validated":{"bindings":[{"resourcePath":["a"]}]}}', "apply": '{"applied":{}}'}[kind], flush=True)
file silent.yaml
| captures:
|   acme/silent:
|     endpoint: {local: {command: [python3, silent.py], config: {}}}
|     bindings:
|       - {resource: {stream: a}, target: acme/a}
| collections:
|   acme/a: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ weir preview --source silent.yaml --timeout 300ms --sessions 2,2,2
<= ["acme/a",{"n":1}]

== SIGTERM ends all sessions, too
$ mkfifo out; weir preview --name acme/many --sessions 1000000000,5,5 >out & exec 4<out; head -n 1000 <&4 >first; kill -TERM $!; cat <&4 >rest; wait $!; echo "status $?"; python3 -c 'import json; n = [json.loads(l)[1]["n"] for l in list(open("rest"))[1:]]; print(n[-100:] == list(range(n[-1] - 99, n[-1] + 1)))'
< status 0
< True

== names of collections are quoted
file odd.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {count: 1}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/Größe}
| collections:
|   acme/Größe: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ weir preview --source odd.yaml
<= ["acme/Größe",{"n":0,"text":"Hello"}]
