# How a program is started as a Fivetran connector (docs/protocols/fivetran.md 2.1). What it serves then is tested over connections: tests/unit/proto, tests/interop.

== an argument that is none
$ source-hello --port 0 --nonsense
! usage: source-hello [--port N] [--listen ADDRESS]
! source-hello: unknown argument '--nonsense'
= 2

== a port that is none
$ source-hello --port 65536
!*
! source-hello: '65536' is no port
= 2

== the environment of the platform says who calls
$ FIVETRAN_GROUP_NAME=g source-hello --port
!*
! source-hello: --port needs a value
= 2

== what the program can be told, asked beside the protocol
$ source-hello --protocol fivetran --help
< usage: source-hello [--port N] [--listen ADDRESS] [--debug]

== an address that cannot be had: one line of the log, in the platform's form, on standard output
$ source-hello --listen 192.0.2.1:0 | sed 's/"message":"serve: .*","message-origin"/"message":"serve: ...","message-origin"/'; echo "status $?"
< {"level":"SEVERE","message":"serve: ...","message-origin":"sdk_connector"}
< status 0

== and the status says so, too
$ source-hello --listen 192.0.2.1:0 >/dev/null
= 1

== a destination can ask for Parquet
$ materialize-sqlite --protocol fivetran --help
< usage: materialize-sqlite [--port N] [--listen ADDRESS] [--batch-file-type CSV|PARQUET] [--debug]

== but for nothing else
$ materialize-sqlite --port 0 --batch-file-type AVRO
!*
! materialize-sqlite: --batch-file-type 'AVRO': there are CSV and PARQUET
= 2

== a source has no batch files
$ source-hello --port 0 --batch-file-type PARQUET
!*
! source-hello: unknown argument '--batch-file-type'
= 2
