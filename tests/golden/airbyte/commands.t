# A connector as Airbyte calls it: arguments, exit statuses, spec, check, discover (docs/protocols/airbyte.md 1 and 2).

file three.json
| {"count":3}

file wrong.json
| {"count":"x"}

file list.json
| []

file broken.json
| {"count":
|   3,}

== spec: one line
$ source-hello spec
<= {"type":"SPEC","spec":{"documentationUrl":"https://weir.invalid/source-hello","connectionSpecification":{"title":"Greetings, to try things with","type":"object","properties":{"text":{"title":"Text","description":"What to say.","type":"string","default":"Hello","order":0,"airbyte_secret":false},"count":{"title":"Count","description":"How many greetings to send.","type":"integer","default":3,"order":1}}}}}

== check: good settings
$ source-hello check --config three.json
<= {"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}

== check: settings that break the schema are its outcome, not its failure (1.2)
$ source-hello check --config wrong.json
<= {"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"wrong.json:1:10: /count: expected an integer, got \"x\""}}

== check: access is tried: nothing there to read is FAILED
$ echo '{"streams":[{"name":"a","path":"'$PWD'/none-*.csv"}]}' >c; source-files check --config c | python3 -c 'import json, sys; [m] = map(json.loads, sys.stdin); print(m["type"], m["connectionStatus"]["status"], "none-" in m["connectionStatus"]["message"])'
< CONNECTION_STATUS FAILED True

== a config file that is not there, not JSON or no object is a failure also of check, without a status (1.2)
$ source-hello check --config none.json | sed 's/,"emitted_at":[0-9]*//'; source-hello check --config none.json >/dev/null; echo "status $?"
<= {"type":"LOG","log":{"level":"FATAL","message":"config: cannot read \"none.json\": No such file or directory"}}
<= {"type":"TRACE","trace":{"type":"ERROR","error":{"message":"config: cannot read \"none.json\": No such file or directory","internal_message":"the operator has to act: settings, credentials or catalog","failure_type":"config_error"}}}
< status 1
$ source-hello check --config broken.json | head -n 1 | cut -c 1-72
< {"type":"LOG","log":{"level":"FATAL","message":"config: broken.json:2:5:
$ source-hello check --config list.json | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"config: list.json: expected an object, got an array"}}
$ source-hello check --config list.json >/dev/null
= 1

== discover
$ source-hello discover --config three.json
<= {"type":"CATALOG","catalog":{"streams":[{"name":"greetings","json_schema":{"type":"object","properties":{"n":{"type":"integer"},"text":{"type":"string"}},"required":["n","text"]},"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"is_resumable":true,"source_defined_primary_key":[["n"]]}]}}

== discover: settings that break the schema are a failure here
$ source-hello discover --config wrong.json | tail -n 1 | sed 's/,"emitted_at":[0-9]*//'
<= {"type":"TRACE","trace":{"type":"ERROR","error":{"message":"wrong.json:1:10: /count: expected an integer, got \"x\"","internal_message":"the operator has to act: settings, credentials or catalog","failure_type":"config_error"}}}
$ source-hello discover --config wrong.json >/dev/null
= 1

== --flag=FILE, --debug anywhere
$ source-hello --debug discover --config=three.json | cut -c 1-17
< {"type":"CATALOG"
$ source-hello discover --config three.json --debug | tail -n 1 | cut -c 1-17
< {"type":"CATALOG"

== wrong arguments: a usage on stderr, status 2, nothing on stdout (1.2)
$ source-hello discover
! usage: source-hello discover --config FILE [--debug]
! source-hello discover: --config is missing
= 2
$ source-hello read --config three.json
! usage: source-hello read --config FILE --catalog FILE [--state FILE] [--debug]
! source-hello read: --catalog is missing
= 2
$ source-hello check --config
! usage:
! source-hello check: --config needs a file
= 2
$ source-hello spec --state x
! usage:
! source-hello spec: unknown argument '--state'
= 2
$ source-hello check --config three.json more
! usage:
! source-hello check: unexpected argument 'more'
= 2
$ source-hello --protocol airbyte frobnicate
! usage: source-hello spec [--debug]
!*
! source-hello: unknown command 'frobnicate'
= 2

== --help of a command
$ source-hello read --help
< usage: source-hello read --config FILE --catalog FILE [--state FILE] [--debug]

== no command at all: status 1, and messages (1.2)
$ source-hello --protocol=airbyte | sed 's/,"emitted_at":[0-9]*//'
<= {"type":"LOG","log":{"level":"FATAL","message":"no command: there are spec, check, discover, read and write"}}
<= {"type":"TRACE","trace":{"type":"ERROR","error":{"message":"no command: there are spec, check, discover, read and write","internal_message":"the operator has to act: settings, credentials or catalog","failure_type":"config_error"}}}
$ AIRBYTE_ENTRYPOINT=/bin/source-hello source-hello >/dev/null
= 1

== a source cannot write, a destination cannot be read
$ echo '{"streams":[]}' >c; source-hello write --config three.json --catalog c | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"'source-hello' is a source: it cannot write"}}
$ echo '{"path":"x.db"}' >d; materialize-sqlite read --config d --catalog c | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"'materialize-sqlite' is a destination: it has nothing to read"}}

== nobody reads: quiet, but not a success
file deaf.py
| import os, subprocess, sys
| ours, theirs = os.pipe()
| os.close(ours)
| print("status", subprocess.run(sys.argv[1:], stdout=theirs).returncode)
$ python3 deaf.py source-hello spec
< status 1
$ python3 deaf.py source-hello discover --config three.json
< status 1

== a full disk
$ source-hello spec >/dev/full
! error writing standard output: No space left on device
= 1
