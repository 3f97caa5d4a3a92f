# The command line of a tap (docs/protocols/singer.md 4): flags of the SDK and of the classic kind, settings from files and the environment.

file c.json
| {"count":1}

file show.py
| import json, sys
| for line in sys.stdin:
|     m = json.loads(line)
|     if m["type"] == "RECORD":
|         print(json.dumps(m["record"]))

env LOG_LEVEL=warn

== version: the name of the tap, whatever the program is called
$ source-hello --protocol singer --version
< tap-hello v1.0.0, Weir v0.1.0

== version: a program that is called as taps are
$ ln -s "$(command -v source-hello)" tap-greetings; ./tap-greetings --version; ./tap-greetings --config c.json --version
< tap-greetings v1.0.0, Weir v0.1.0
< tap-greetings v1.0.0, Weir v0.1.0

== version: elsewhere it is Weir's own form
$ source-hello --version
< source-hello 1.0.0 (weir 0.1.0)

== flags in every form
$ source-hello -c c.json | python3 show.py; source-hello --config=c.json --dev | python3 show.py; source-hello --dev --config c.json -d | jq -r '.streams[].tap_stream_id'
< {"n": 0, "text": "Hello"}
< {"n": 0, "text": "Hello"}
< greetings

== an unknown flag: usage, status 2
$ source-hello --config c.json --file-input x
! usage: source-hello
!*
! error unknown argument '--file-input' code=config
= 2

== a slip
$ source-hello --config c.json --catalogue=x
!*
! error unknown argument '--catalogue=x', did you mean '--catalog'?
= 2

== a flag without its value
$ source-hello --config
!*
! error --config needs a value
= 2

== a flag with a value that it does not take
$ source-hello --discover=yes
!*
! error --discover takes no value
= 2

== help
$ source-hello --config c.json --help | head -1
< usage: source-hello [--config FILE]... [--discover | --catalog FILE [--state FILE]]

== files are merged from left to right
file d.json
| {"text":"Hi","count":2}
$ source-hello -c d.json -c c.json | python3 show.py
< {"n": 0, "text": "Hi"}

== without ENV the environment is ignored
env TAP_HELLO_TEXT=Moin
$ source-hello -c c.json | python3 show.py
< {"n": 0, "text": "Hello"}

== ENV wins over files, wherever it stands
env TAP_HELLO_TEXT=Moin
$ source-hello -c ENV -c c.json | python3 show.py
< {"n": 0, "text": "Moin"}

== variables have the type of their setting
env TAP_HELLO_TEXT=12
env TAP_HELLO_COUNT=2
$ source-hello -c ENV | python3 show.py
< {"n": 0, "text": "12"}
< {"n": 1, "text": "12"}

== a variable of the wrong type is named
env TAP_HELLO_COUNT=two
$ source-hello -c ENV
! error TAP_HELLO_COUNT:1:1: /count: expected an integer, got "two"
= 1

== lists and objects are JSON; a list of texts may be split by commas
env TAP_FILES_STREAMS=[{"name":"a","path":"a.ndjson","key":["id"]}]
$ printf '{"id":1}\n' > a.ndjson; source-files -c ENV | python3 show.py
< {"id": 1, "_meta": {"file": "a.ndjson", "row": 1}}

== a .env file found upward; what is in the environment wins
file .env
| # settings
| export TAP_HELLO_TEXT="from the file" # quoted
| TAP_HELLO_COUNT = 1
env TAP_HELLO_COUNT=2
$ mkdir -p below/it; cd below/it; source-hello -c ENV | python3 ../../show.py
< {"n": 0, "text": "from the file"}
< {"n": 1, "text": "from the file"}

== all that is wrong with the settings
file bad.json
| {"text":7,"count":"x","cuont":1}
$ source-hello -c bad.json
! error bad.json:1:9: /text: expected a string, got 7
! error bad.json:1:19: /count: expected an integer, got "x"
! error bad.json:1:23: /cuont: unknown setting, did you mean 'count'?
= 1

== a config that is not there, not JSON, no object
$ source-hello -c no.json; echo $?; echo '{"count":' > half.json; source-hello -c half.json; echo $?; echo 7 > seven.json; source-hello -c seven.json
< 1
< 1
! error config: cannot read "no.json": No such file or directory
! error config: half.json:2:1: a value is missing at the end
! error config: seven.json: a number instead of an object of settings
= 1

== settings that every tap has, and what of them is not supported
file f.json
| {"flattening_enabled":true,"stream_map_config":{"a":1},"emit_activate_version_messages":"yes","count":"x"}
$ source-hello -c f.json
! error f.json:1:103: /count: expected an integer, got "x"
! error f.json:1:23: /flattening_enabled: flattening is not supported here
! error f.json:1:48: /stream_map_config: expressions of stream_maps are not supported
! error f.json:1:89: /emit_activate_version_messages: expected true or false, got "yes"
= 1

== what asks for nothing is no mistake
file f.json
| {"flattening_enabled":false,"stream_map_config":{},"faker_config":null,"stream_maps":null,"batch_config":null}
$ source-hello -c c.json -c f.json | python3 show.py
< {"n": 0, "text": "Hello"}

== about, as JSON
$ source-hello --about --format=json | jq -c '[keys_unsorted, .name, .version, .settings.properties.count, .settings["$schema"]]'
<= [["name","description","version","sdk_version","supported_python_versions","capabilities","settings"],"tap-hello","1.0.0",{"title":"Count","description":"How many greetings to send.","type":["integer","null"],"default":3},"https://json-schema.org/draft/2020-12/schema"]

== about: capabilities
$ source-hello --about --format json | jq -c .capabilities
< ["catalog","discover","state","about","test","activate-version","stream-maps","batch","structured-logging"]

== about, as Markdown
$ source-hello --about --format=markdown | grep -e '^#' -e count
< # `tap-hello`
< ## Capabilities
< ## Settings
< | `count` |  | 3 | How many greetings to send. |

== about, as text
$ source-hello --about | grep -A 3 -e '^Name' -e 'Name: count'
< Name: tap-hello
< Description: Greetings, to try things with
< Version: 1.0.0
< SDK Version: 0.1.0
< --
<   - Name: count
<     Type: integer
<     Environment Variable: TAP_HELLO_COUNT
<     How many greetings to send.

== about: an unknown format
$ source-hello --about --format=xml
! error format 'xml' is not known: text, json, markdown and meltano are
= 1

== about: Meltano's definition
$ source-hello --about --format=meltano | sed -n '/^name/p; /^settings:/,/kind/p'
< name: "tap-hello"
< namespace: "tap_hello"
< settings:
< - name: "text"
<   label: "Text"
<   kind: string

== a test: a record of every stream
$ source-hello --test | python3 show.py; source-hello --test=all | jq -r .type; source-hello --config c.json --test all | jq -r .type
< {"n": 0, "text": "Hello"}
< SCHEMA
< RECORD
< SCHEMA
< RECORD

== a test of the schemas
$ source-hello --test=schema | jq -r .type
< SCHEMA

== the level: ours, then the tap's own, then anybody's
env LOG_LEVEL
$ source-hello -c c.json 2>&1 >/dev/null | grep -c METRIC; LOGLEVEL=ERROR source-hello -c c.json >/dev/null; LOGLEVEL=ERROR TAP_HELLO_LOGLEVEL=INFO source-hello -c c.json 2>&1 >/dev/null | grep -c METRIC; LOG_LEVEL=error LOGLEVEL=DEBUG source-hello -c c.json >/dev/null
< 2
< 2

== structured lines
env LOG_FORMAT=singer
env LOG_LEVEL=info
$ source-hello -c c.json 2>&1 >/dev/null | jq -c 'select(.level == "info" and .logger_name == "tap-hello" and .app_name == "tap-hello" and .thread_name and .pid > 0 and .ts > 1700000000) | [.message, .metric_info.metric, .metric_info.tags.stream]'
< ["METRIC","record_count","greetings"]
< ["METRIC","sync_duration","greetings"]

== structured lines: as Meltano asks for them
file logging.json
| {"version":1,"formatters":{"default":{"()":"singer_sdk.logging.StructuredFormatter"}},"root":{"level":"WARNING"}}
env LOG_FORMAT
env LOG_LEVEL
env SINGER_SDK_LOG_CONFIG=logging.json
$ source-hello -c no.json 2>&1 | jq -r '[.level, .message] | @text'; source-hello -c c.json > /dev/null
< ["error","config: cannot read \"no.json\": No such file or directory code=config who=\"the operator has to act: settings, credentials or catalog\""]
