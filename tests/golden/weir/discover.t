# weir discover: what a source offers, written into the catalog.

file flow.yaml
| # my catalog
| captures:
|   acme/hello: # says hello
|     endpoint: {local: {command: [source-hello], config: {}}}
|     bindings: []

== bindings and collections are added, comments stay
$ weir discover; cat flow.yaml
< Wrote 2 specifications under flow.yaml.
<   added      greetings -> acme/greetings
< # my catalog
< captures:
<   acme/hello: # says hello
<     endpoint: {local: {command: [source-hello], config: {}}}
<     bindings:
<       - resource: {stream: greetings}
<         target: acme/greetings
< collections:
<   acme/greetings:
<     schema:
<       type: object
<       properties:
<         n: {type: integer}
<         text: {type: string}
<       required: [n, text]
<     key: [/n]
$ weir preview
<= ["acme/greetings",{"n":0,"text":"Hello"}]
<= ["acme/greetings",{"n":1,"text":"Hello"}]
<= ["acme/greetings",{"n":2,"text":"Hello"}]

== once more changes nothing
$ weir discover >/dev/null; cp flow.yaml before; weir discover; cmp flow.yaml before
< Wrote 0 specifications under flow.yaml.
<   unchanged  greetings -> acme/greetings

== --emit-raw prints the bindings as the connector gave them, and leaves the catalog alone
$ cp flow.yaml before; weir discover --name acme/hello --emit-raw; cmp flow.yaml before
<= {"recommendedName":"greetings","resourceConfig":{"stream":"greetings"},"documentSchema":{"type":"object","properties":{"n":{"type":"integer"},"text":{"type":"string"}},"required":["n","text"]},"key":["/n"],"resourcePath":["greetings"]}

== a connector linked in finds the same
file native.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {}}}
|     bindings: []
$ weir discover --emit-raw >a; weir discover --source native.yaml --emit-raw >b; cmp a b

== target, backfill and disable of a known binding stay
file known.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {}}}
|     bindings:
|       - resource: {stream: greetings}
|         target: acme/elsewhere
|         backfill: 3
|         disable: true
| collections:
|   acme/elsewhere:
|     schema: {type: object, properties: {n: {type: integer}, text: {type: string}}, required: [n, text]}
|     key: [/n]
$ weir discover --source known.yaml; grep -c -e 'target: acme/elsewhere' -e 'backfill: 3' -e 'disable: true' known.yaml
<*
< 3

== a setting that is wrong is found before anything is written
file bad.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {count: x}}}
|     bindings: []
$ cp bad.yaml before; weir discover --source bad.yaml; echo "status $?"; cmp bad.yaml before
< status 2
! error acme/hello: discover: config:1:10: /count: expected an integer, got "x"
! error capture acme/hello: discover: the connector exited with status 2: discover: config:1:10: /count: expected an integer, got "x" code=config

== a destination has nothing to discover
file dst.yaml
| materializations:
|   acme/db: {endpoint: {native: {connector: materialize-sqlite, config: {path: x.db}}}, bindings: []}
$ weir discover --source dst.yaml --name acme/db
! error "acme/db" is a materialization, not a capture code=config
= 2
