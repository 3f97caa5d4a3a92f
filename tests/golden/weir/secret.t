# What a schema calls secret is not shown, whatever is wrong with the document.

file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     schema: {type: object, properties: {id: {type: integer}, pin: {type: integer, secret: true}, n: {type: integer}}, required: [id]}
|     key: [/id]
file read.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     writeSchema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     readSchema:
|       type: object
|       properties: {id: {type: integer}, pin: {secret: true, reduce: {strategy: sum}}}
|       required: [id]
|       reduce: {strategy: merge}
|     key: [/id]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in}]
file in.ndjson
| {"id":1,"pin":"hunter2"}
| {"id":1,"pin":"hunter3"}
file other.ndjson
| {"id":1,"pin":1234,"n":"x"}

== not the value, and not the document
$ weir run --once --quiet
! binding acme/in: a document for collection acme/in is not valid: /pin: a string is not an integer (schema /properties/pin/type) code=config
!*
= 2

== of other values the error says what they are, but the document holds the secret as well
$ cp other.ndjson in.ndjson && weir run --once --quiet
! binding acme/in: a document for collection acme/in is not valid: /n: "x" is not an integer (schema /properties/n/type) code=config
!*
= 2

== reductions that do not fit
$ printf '{"id":1,"pin":"hunter2"}\n{"id":1,"pin":"hunter3"}\n' > in.ndjson; weir run --once --quiet --source read.yaml --data read
! made table "t"
! binding acme/in: a document for collection acme/in cannot be taken: key [1]: /pin: reduce sum: takes numbers and strings that are decimals, and there is a string to the left, a string to the right code=config
!*
= 2
