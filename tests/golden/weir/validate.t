# weir validate: settings and bindings, checked by their connectors.

file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {count: 2}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
|   acme/native:
|     endpoint: {native: {connector: source-hello, config: {count: 2}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}

== all tasks, one line each
$ weir validate
<= {"name":"acme/hello","bindings":[{"collection":"acme/greetings","resourcePath":["greetings"]}]}
<= {"name":"acme/native","bindings":[{"collection":"acme/greetings","resourcePath":["greetings"]}]}

== one task
$ weir validate --name acme/native
<= {"name":"acme/native","bindings":[{"collection":"acme/greetings","resourcePath":["greetings"]}]}

== a connector linked in: problems are in the catalog, at their place
file bad.yaml
| captures:
|   acme/native:
|     endpoint:
|       native:
|         connector: source-hello
|         config:
|           text: [1]
|           cuont: 3
|     bindings: []
$ weir validate --source bad.yaml
! error capture acme/native: bad.yaml:7:17: /text: expected a string, got an array code=config
! error bad.yaml:8:11: /cuont: unknown setting, did you mean 'count'? code=config
= 2

== a connector in a process: its words, and its code of who has to act
file bad.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {count: many}}}
|     bindings: []
$ weir validate --source bad.yaml
! error acme/hello: validate: config:1:10: /count: expected an integer, got "many"
! error capture acme/hello: validate: the connector exited with status 2: validate: config:1:10: /count: expected an integer, got "many" code=config who="the operator has to act
= 2

== a resource that lacks a setting
file bad.yaml
| captures:
|   acme/native:
|     endpoint: {native: {connector: source-hello, config: {}}}
|     bindings:
|       - {resource: {straem: greetings}, target: acme/greetings}
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ weir validate --source bad.yaml
! error capture acme/native: binding 0 (acme/greetings): bad.yaml:5:20: /stream: required, but missing code=config
! error bad.yaml:5:21: /straem: unknown setting, did you mean 'stream'? code=config
= 2

== two bindings of one resource
file bad.yaml
| captures:
|   acme/native:
|     endpoint: {native: {connector: source-hello, config: {}}}
|     bindings:
|       - {resource: {stream: greetings}, target: acme/greetings}
|       - {resource: {stream: greetings}, target: acme/greetings}
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ weir validate --source bad.yaml
! error capture acme/native: binding acme/greetings: bindings 0 and 1 are the same resource ["greetings"] code=config
= 2

== a target that no collection has suggests the nearest
file bad.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {}}}
|     bindings:
|       - resource: {stream: greetings}
|         target: acme/greeting
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
$ weir validate --source bad.yaml
! error bad.yaml:6:17: no collection is named "acme/greeting"; did you mean "acme/greetings"?
= 2

== an unknown key of the catalog suggests the nearest
file bad.yaml
| captures:
|   acme/hello:
|     endpiont: {local: {command: [source-hello], config: {}}}
|     bindings: []
$ weir validate --source bad.yaml
! error bad.yaml:3:5: unknown key "endpiont"
= 2

== a native connector that is not there
file bad.yaml
| captures:
|   acme/x: {endpoint: {native: {connector: source-helo, config: {}}}, bindings: []}
$ weir validate --source bad.yaml
! error capture acme/x: native connector 'source-helo' is not linked into this program code=config
= 2
