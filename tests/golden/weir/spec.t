# weir spec: what a connector says about itself.

file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {local: {command: [source-hello], config: {}}}
|     bindings: []
|   acme/native:
|     endpoint: {native: {connector: source-hello, config: {}}}
|     bindings: []
|   acme/image:
|     endpoint: {connector: {image: "ghcr.io/acme/source-x:v1", config: {}}}
|     bindings: []
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: x.db}}}
|     bindings: []

== of any program, without a catalog
$ weir spec -- source-hello | python3 -c 'import json, sys; s = json.load(sys.stdin); print(list(s), list(s["configSchema"]["properties"]))'
< ['protocol', 'configSchema', 'resourceConfigSchema', 'documentationUrl', 'resourcePathPointers'] ['text', 'count']

== it is indented, for people and for jq alike
$ weir spec -- source-hello | head -n 2
< {
<   "protocol": 3032023,

== the program's arguments go with it
$ weir spec -- sh -c 'exec "$0" "$@"' source-hello | head -n 2 | tail -n 1
<   "protocol": 3032023,

== --emit-raw is the response of the protocol, on one line
$ weir spec --emit-raw -- source-hello >raw; echo '{"spec":{"config":{}}}' | source-hello >own; cmp raw own

== of a task: driven over a pipe, or linked in, it is the same
$ weir spec --name acme/hello >a; weir spec --source flow.yaml --capture acme/native >b; weir spec -- source-hello >c; cmp a b; cmp b c

== of a destination
$ weir spec --name acme/db | python3 -c 'import json, sys; print(list(json.load(sys.stdin)))'
< ['protocol', 'configSchema', 'resourceConfigSchema', 'documentationUrl']

== the catalog may come on standard input
$ weir spec --source - --name x/y | head -n 2 | tail -n 1
> captures: {x/y: {endpoint: {local: {command: [source-hello], config: {}}}, bindings: []}}
<   "protocol": 3032023,

== the only task needs no name
file one.yaml
| captures: {x/y: {endpoint: {local: {command: [source-hello], config: {}}}, bindings: []}}
$ weir spec --source one.yaml | head -n 2 | tail -n 1
<   "protocol": 3032023,

== several tasks: name one
$ weir spec
! error "flow.yaml" has 4 tasks, name one of them: acme/hello, acme/native, acme/image, acme/db code=config
= 2

== an unknown task suggests the nearest
$ weir spec --name acme/helo
! error "flow.yaml" has no task "acme/helo"; did you mean "acme/hello"? code=config
= 2

== no catalog
$ weir spec --source nowhere.yaml
! error cannot read "nowhere.yaml": No such file or directory code=config
= 2

== containers are not run
$ weir spec --name acme/image
! error image 'ghcr.io/acme/source-x:v1': containers are not run by this version: use local or native code=config
= 2

== a program that is not there
$ weir spec -- ./nowhere
! error cannot start "./nowhere": No such file or directory code=config
= 2

== a program that cannot be run
$ weir spec -- ./flow.yaml
! error cannot start "./flow.yaml": Permission denied code=config
= 2

== a program without its interpreter
$ printf '#!/nowhere/python\n' >x; chmod +x x; weir spec -- ./x
! error cannot start "./x": the file is there, the interpreter it needs is not code=config
= 2

== a program that fails without a word
$ weir spec -- false
! error the connector exited with status 1 with no log output code=remote who="the owner of the other system has to act"
= 4

== a program that says nothing
$ weir spec -- true
! error the connector ended without an answer to 'spec' code=protocol who="the author of the connector has to act: it broke its protocol"
= 5

== a program that is no connector
$ weir spec -- echo 'hello world'
! error the connector's output: expected an object at byte 0 of the message "hello world" code=protocol
= 5

== what it says on standard error is logged with its level, and names the reason
$ weir spec -- sh -c 'read x; echo "{\"level\":\"info\",\"msg\":\"starting\"}" >&2; echo plain words >&2; echo "unable to start" >&2; exit 9'
! info  command/line: starting
! warn  command/line: plain words
! error command/line: unable to start
! error the connector exited with status 9: unable to start code=remote
= 4

== the connector logs at weir's level
env LOG_LEVEL=warn
$ weir spec -- sh -c 'read x; echo "$LOG_LEVEL $LOG_FORMAT" >&2; exit 1'
! warn  command/line: warn json
! error the connector exited with status 1: warn json
= 4

== by default that is info
$ weir spec -- sh -c 'read x; echo "$LOG_LEVEL" >&2; exit 1'
! warn  command/line: info
! error the connector exited with status 1: info
= 4
