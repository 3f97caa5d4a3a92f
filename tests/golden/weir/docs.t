# weir docs: documents for registries, made from the descriptor. What is in them is tested with the protocols that want it.

== markdown, unless it is said otherwise, and the same as --about prints
$ weir docs source-hello >a; source-hello --about --format markdown >b; cmp a b && head -n 1 a
< # `tap-hello`

== Airbyte's metadata.yaml is one document that names source and version
$ weir docs --format airbyte source-hello >m.yaml; grep -E '^  (connectorType|dockerImageTag|dockerRepository):' m.yaml
<   connectorType: "source"
<   dockerRepository: "source-hello"
<   dockerImageTag: "1.0.0"

== Meltano's plugin definition names tap and settings
$ weir docs --format meltano source-hello | grep -E '^(name:|namespace:|- name:)'
< name: "tap-hello"
< namespace: "tap_hello"
<*

== --about as JSON is JSON
$ weir docs --format singer materialize-sqlite | jq -r .name
< target-sqlite

== an unknown format is told what there is
$ weir docs --format pdf source-hello
! error weir docs: --format 'pdf' is not known: there are markdown, airbyte, meltano, singer
= 2

== a connector that is not linked in
$ weir docs source-nowhere
! error connector 'source-nowhere' is not linked into this program
= 2

== a task of a catalog
file flow.yaml
| captures:
|   acme/hello: {endpoint: {native: {connector: source-hello, config: {}}}, bindings: []}
$ weir docs --format airbyte | grep dockerRepository
<   dockerRepository: "source-hello"

== a derivation: for people, and nobody else
$ weir docs derive-sqlite | head -n 1
< # `derive-sqlite`
$ weir docs --format airbyte derive-sqlite
! weir docs: 'derive-sqlite' is a derivation, which only Flow knows: there is no document of format airbyte of it
= 2
