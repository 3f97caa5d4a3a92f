# Taps driven: docs/protocols/singer.md 1 to 3, 6, 10 and 11; flow.md 10.3 for how they look as a Flow capture.
# The tap of most cases is a script: it says what is in `messages`, and keeps what it was given.

file tap
| #!/bin/sh
| while [ $# -gt 0 ]; do
|   case $1 in
|   --about) cat about 2>/dev/null || { echo "error: unrecognized arguments: --about" >&2; exit 2; }; exit 0;;
|   --discover) cat catalog; exit 0;;
|   --config) config=$2; shift;;
|   --catalog) cp "$2" given-catalog; shift;;
|   --state) cp "$2" given-state; shift;;
|   esac
|   shift
| done
| printf "$(cat messages)"
| . ./after

file after
| true

file catalog
| {"streams":[{"tap_stream_id":"db-users","stream":"users","key_properties":["id"],"replication_key":"id","replication_method":"INCREMENTAL","schema":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":["null","string"]},"_sdc_deleted_at":{"type":["null","string"]}}},"metadata":[{"breadcrumb":[],"metadata":{"inclusion":"available","valid-replication-keys":["id"],"x-mine":7}},{"breadcrumb":["properties","id"],"metadata":{"inclusion":"automatic"}},{"breadcrumb":["properties","name"],"metadata":{"inclusion":"available"}}]},
|  {"tap_stream_id":"db-log","stream":"log","key_properties":[],"schema":{"type":["null","object"],"properties":{"t":{"format":"singer.decimal","type":["null","string"]}}},"metadata":[]}]}

file open
| {"open":{"capture":{"name":"acme/tap","connectorType":"LOCAL","config":{},"intervalSeconds":300,"bindings":[{"resourceConfig":{"tap_stream_id":"db-users","stream":"users","replication_method":"INCREMENTAL","replication_key":"id"},"resourcePath":["db-users"],"collection":{"name":"acme/users","key":["/id"],"writeSchema":{}},"stateKey":"db-users"},{"resourceConfig":{"tap_stream_id":"db-log","stream":"log","replication_method":"FULL_TABLE"},"resourcePath":["db-log"],"collection":{"name":"acme/log","key":["/_meta/row_id"],"writeSchema":{}},"stateKey":"db-log"}]},"version":"1","range":{},"state":{}}}

file schemas
| {"type":"SCHEMA","stream":"users","schema":{"type":"object","properties":{}},"key_properties":["id"]}
| {"type":"SCHEMA","stream":"log","schema":{"type":"object","properties":{}},"key_properties":[]}

== a tap that does not describe itself takes any object; the resource config is flow-sdk's
$ weir shim --from singer --as flow -- sh tap --
> {"spec":{"connectorType":"LOCAL","config":{}}}
<= {"spec":{"protocol":3032023,"configSchema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","additionalProperties":true},"resourceConfigSchema":{"type":"object","properties":{"stream":{"type":"string"},"replication_method":{"type":"string","enum":["INCREMENTAL","FULL_TABLE"]},"replication_key":{"type":"string"}},"required":["stream","replication_method"]},"documentationUrl":"https://weir.invalid/sh","resourcePathPointers":["/tap_stream_id"]}}

== settings of the SDK: a bare type among alternatives is made a schema, what is only written is secret
file about
| {
|   "name": "tap-x", "description": "X", "version": "1.2", "settings": {"type": "object", "properties": {
|     "password": {"type": "string", "writeOnly": true},
|     "maps": {"type": "object", "additionalProperties": {"anyOf": [{"type": "object"}, "null"]}, "default": {"anyOf": ["null"]}}}}
| }
$ weir shim --from singer --as flow -- sh tap -- | python3 -c 'import json,sys; s=json.load(sys.stdin)["spec"]; print(json.dumps(s["configSchema"])); print(s["documentationUrl"])'
> {"spec":{"connectorType":"LOCAL","config":{}}}
<= {"type":"object","properties":{"password":{"type":"string","writeOnly":true,"secret":true},"maps":{"type":"object","additionalProperties":{"anyOf":[{"type":"object"},{"type":"null"}]},"default":{"anyOf":["null"]}}}}
< https://weir.invalid/tap-x

== discovery: entries without their schema, keys as pointers, a row id for all
$ weir shim --from singer --as flow -- sh tap --
> {"discover":{"connectorType":"LOCAL","config":{}}}
<= {"discovered":{"bindings":[{"recommendedName":"db-users","resourceConfig":{"tap_stream_id":"db-users","stream":"users","key_properties":["id"],"replication_key":"id","replication_method":"INCREMENTAL","metadata":[{"breadcrumb":[],"metadata":{"inclusion":"available","valid-replication-keys":["id"],"x-mine":7,"selected":true}},{"breadcrumb":["properties","id"],"metadata":{"inclusion":"automatic"}},{"breadcrumb":["properties","name"],"metadata":{"inclusion":"available","selected":true}}]},"documentSchema":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":["null","string"]},"_sdc_deleted_at":{"type":["null","string"]},"_meta":{"type":"object","properties":{"row_id":{"type":["integer"]},"op":{"type":"string","enum":["c","u","d"]}},"required":["row_id"]}},"required":["_meta"],"x-infer-schema":true,"if":{"properties":{"_meta":{"properties":{"op":{"const":"d"}},"required":["op"]}},"required":["_meta"]},"then":{"reduce":{"strategy":"lastWriteWins","delete":true}}},"key":["/id"],"resourcePath":["db-users"]},{"recommendedName":"db-log","resourceConfig":{"tap_stream_id":"db-log","stream":"log","key_properties":[],"replication_method":"FULL_TABLE","metadata":[]},"documentSchema":{"type":["null","object"],"properties":{"t":{"format":"number","type":["null","string","number"]},"_meta":{"type":"object","properties":{"row_id":{"type":["integer"]}},"required":["row_id"]}},"required":["_meta"],"x-infer-schema":true},"key":["/_meta/row_id"],"isFallbackKey":true,"resourcePath":["db-log"]}]}}

== documents, states, and what is written when: a checkpoint at once, the whole state each time
file messages
| {"type": "SCHEMA", "stream": "users", "schema": {"type": "object", "properties": {}}, "key_properties": ["id"]}\n{"type":"RECORD","stream":"users","record":{"id":1,"name":"a"},"time_extracted":"2026-01-02T03:04:05.000006Z"}\n{"type":"STATE","value":{"bookmarks":{"db-users":{"id":1}},"currently_syncing":"db-users"}}\n{"type":"SCHEMA","stream":"log","schema":{"type":"object","properties":{}},"key_properties":[]}\n{"type": "RECORD", "stream": "log", "record": {}, "version": 7}\n{"type":"RECORD","stream":"log","record":{"t":12.3400}}\n{"type":"STATE","value":{"bookmarks":{"db-users":{"id":1},"db-log":{},"other":{"x":1}}}}\n
$ weir shim --from singer --as flow -- sh tap -- < open
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
<= {"captured":{"binding":0,"doc":{"_meta":{"row_id":1},"id":1,"name":"a"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-users":{"id":1,"estuary.dev/rowCounter":2}},"singerStateV1":{"currently_syncing":"db-users"}}}}}
<= {"captured":{"binding":1,"doc":{"_meta":{"row_id":1}}}}
<= {"captured":{"binding":1,"doc":{"_meta":{"row_id":2},"t":12.3400}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-users":{"id":1,"estuary.dev/rowCounter":2},"db-log":{"estuary.dev/rowCounter":3}},"singerStateV1":{"bookmarks":{"other":{"x":1}}}}}}}
$ test ! -e given-state; cat given-catalog; echo
<= {"streams":[{"tap_stream_id":"db-users","stream":"users","key_properties":["id"],"replication_key":"id","replication_method":"INCREMENTAL","schema":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":["null","string"]},"_sdc_deleted_at":{"type":["null","string"]}}},"metadata":[{"breadcrumb":[],"metadata":{"inclusion":"available","valid-replication-keys":["id"],"x-mine":7,"selected":true,"replication-method":"INCREMENTAL","replication-key":"id"}},{"breadcrumb":["properties","id"],"metadata":{"inclusion":"automatic","selected":true}},{"breadcrumb":["properties","name"],"metadata":{"inclusion":"available","selected":true}},{"breadcrumb":["properties","_sdc_deleted_at"],"metadata":{"selected":true}}]},{"tap_stream_id":"db-log","stream":"log","key_properties":[],"replication_method":"FULL_TABLE","schema":{"type":["null","object"],"properties":{"t":{"format":"singer.decimal","type":["null","string"]}}},"metadata":[{"breadcrumb":[],"metadata":{"selected":true,"replication-method":"FULL_TABLE"}},{"breadcrumb":["properties","t"],"metadata":{"selected":true}}]}]}

== a state goes back as it was, that of flow-sdk's shim too; counters count on
file messages
| {"type":"SCHEMA","stream":"users","schema":{},"key_properties":["id"]}\n{"type":"RECORD","stream":"users","record":{"id":3}}
$ sed 's/"state":{}/"state":{"bindingStateV1":{"db-users":{"id":2,"estuary.dev\/rowCounter":5},"gone":{"a":1}},"singerStateV1":{"currently_syncing":"db-users","bookmarks":{"other":{"x":1.0}}}}/' open | weir shim --from singer --as flow -- sh tap -- | tail -n +2; cat given-state; echo
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-users":{"id":2,"estuary.dev/rowCounter":5},"gone":{"a":1}},"singerStateV1":{"currently_syncing":"db-users","bookmarks":{"other":{"x":1.0}}}}}}}
<= {"captured":{"binding":0,"doc":{"_meta":{"row_id":5},"id":3}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-users":{"id":2,"estuary.dev/rowCounter":6},"gone":{"a":1}},"singerStateV1":{"currently_syncing":"db-users","bookmarks":{"other":{"x":1.0}}}}}}}
<= {"currently_syncing":"db-users","bookmarks":{"other":{"x":1.0},"db-users":{"id":2}}}

== records after the last state: sealed if the tap succeeds, though its last line has no end
file messages
| {"type":"SCHEMA","stream":"users","schema":{},"key_properties":["id"]}\n{"type":"STATE","value":{"bookmarks":{"db-users":{"id":1}}}}\n\n   \n{"type":"RECORD","stream":"users","record":{"id":2}}
$ weir shim --from singer --as flow -- sh tap -- < open | tail -n +3
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-users":{"id":1,"estuary.dev/rowCounter":1}}}}}}
<= {"captured":{"binding":0,"doc":{"_meta":{"row_id":1},"id":2}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-users":{"id":1,"estuary.dev/rowCounter":2}}}}}}

== ... and dropped if it fails: what it logged last is the reason
file messages
| {"type":"SCHEMA","stream":"users","schema":{},"key_properties":["id"]}\n{"type":"STATE","value":{"bookmarks":{"db-users":{"id":1}}}}\n{"type":"RECORD","stream":"users","record":{"id":2}}\n
file after
| echo "INFO so far" >&2; echo "CRITICAL no more quota" >&2; exit 1
$ weir shim --from singer --as flow -- sh tap -- < open
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-users":{"id":1,"estuary.dev/rowCounter":1}}}}}}
! info  sh: so far
! error sh: no more quota
! error open: the connector exited with status 1: no more quota
= 4

== deletions, metadata of its own
file messages
| {"type":"SCHEMA","stream":"users","schema":{"properties":{"_sdc_deleted_at":{}}},"key_properties":["id"]}\n{"type":"RECORD","stream":"users","record":{"id":1,"_sdc_deleted_at":null}}\n{"type":"RECORD","stream":"users","record":{"id":1,"_sdc_deleted_at":"2026-01-02T03:04:05Z"}}\n{"type":"RECORD","stream":"users","record":{"id":2,"_meta":{"a":1}}}\n
$ weir shim --from singer --as flow -- sh tap -- < open | sed 1,2d
<= {"captured":{"binding":0,"doc":{"_meta":{"row_id":1},"id":1,"_sdc_deleted_at":null}}}
<= {"captured":{"binding":0,"doc":{"_meta":{"row_id":2,"op":"d"},"id":1,"_sdc_deleted_at":"2026-01-02T03:04:05Z"}}}
<= {"captured":{"binding":0,"doc":{"id":2,"_meta":{"a":1,"row_id":3}}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}

== what is left out is told: unknown types, versions, streams that nobody wants; no schema is a warning
file messages
| {"type":"record","stream":"users","record":{"id":1}}\n{"type":"LOG","text":"a"}\n{"type":"LOG","text":"b"}\n{"type":"ACTIVATE_VERSION","stream":"users","version":17}\n{"type":"RECORD","stream":"nobody","record":{"id":1}}\n{"type":"RECORD","stream":"nobody","record":{"id":1}}\n
$ weir shim --from singer --as flow -- sh tap -- < open | sed 1,2d
<= {"captured":{"binding":0,"doc":{"_meta":{"row_id":1},"id":1}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
! warn  acme/tap: stream 'users': records come before their schema
! warn  acme/tap: messages of type 'LOG' are not known: they are left out
! info  acme/tap: stream 'users': version 17 is active now; rows that the source no longer has are not removed
! warn  acme/tap: stream 'nobody' is not in the catalog, so no binding is meant: its records are left out
! warn  acme/tap: stream 'nobody': 2 records left out
! warn  acme/tap: the tap has ended without any schema: perhaps nothing is selected

== a line that is no message
file messages
| {"type":"SCHEMA","stream":"users","schema":{},"key_properties":["id"]}\nStarting up ...\n
$ weir shim --from singer --as flow -- sh tap -- < open | sed 1,2d
! error open: line 2 of the tap's output: expected an object at byte 0 of the message "Starting up ..."

== a number that JSON does not have
file messages
| {"type": "RECORD", "stream": "log", "record": {"id": 1, "t": [NaN]}}\n
$ weir shim --from singer --as flow -- sh tap -- < open | sed 1,2d
! error open: line 1 of the tap's output: stream 'log': /record/t/0 is NaN, a number that JSON does not have

== files of a batch: compressed or not, whatever the encoding says; they stay
file rows
| {"id":1}
|
| {"id":2}
file messages
| {"type":"SCHEMA","stream":"users","schema":{},"key_properties":["id"]}\n{"type":"BATCH","stream":"users","encoding":{"format":"jsonl","compression":"none"},"manifest":["file://HERE/a%%20b.gz","HERE/rows"]}\n{"type":"BATCH","stream":"users","encoding":{"format":"parquet"},"manifest":["file:///x"]}\n
$ gzip -c rows >'a b.gz'; printf '{"id":3}' | gzip -c >>'a b.gz'; sed -i "s|HERE|$PWD|g" messages; weir shim --from singer --as flow -- sh tap -- < open
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
! error open: stream 'users': batch 'file:///x': files of format "parquet" cannot be read: only "jsonl" are
= 2
$ ls a\ b.gz; sed -i 's/{"type":"BATCH","stream":"users","encoding":{"format":"parquet.*//' messages; weir shim --from singer --as flow -- sh tap -- < open | grep -o '"id":[0-9]*' | tr '\n' ' '; echo
< a b.gz
< "id":1 "id":2 "id":3 "id":1 "id":2 

== a batch file that is cut off
file messages
| {"type":"BATCH","stream":"users","encoding":{"format":"jsonl","compression":"gzip"},"manifest":["HERE/cut.gz"]}\n
$ seq 1 1000 | sed 's/.*/{"id":&}/' | gzip -c | head -c 900 >cut.gz; sed -i "s|HERE|$PWD|g" messages; weir shim --from singer --as flow -- sh tap -- < open | grep -c checkpoint
< 1
! warn  acme/tap: stream 'users': records come before their schema
! cut.gz': the compressed data stops in the middle

== a tap of the old kind: --catalog is not known, selection stands in the schemas
file tap
| #!/bin/sh
| while [ $# -gt 0 ]; do
|   case $1 in
|   --discover) cat catalog; exit 0;;
|   --config|--state) shift;;
|   --properties) cp "$2" given; shift;;
|   *) echo "tap: error: unrecognized arguments: $1" >&2; exit 2;;
|   esac
|   shift
| done
| cat schemas
$ sed -i '/"replication_key"/s/"replication_key":"id"}/"replication_key":"id","metadata":[{"breadcrumb":["properties","name"],"metadata":{"selected":false}}]}/' open; weir shim --from singer --as flow -- sh tap -- < open
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
!*
! info  acme/tap: the tap does not know --catalog: --properties is tried
$ python3 -c 'import json; [print(json.dumps(s["schema"])) for s in json.load(open("given"))["streams"]]'
<= {"type":"object","selected":true,"properties":{"id":{"type":"integer","selected":true},"name":{"type":["null","string"],"selected":false},"_sdc_deleted_at":{"type":["null","string"],"selected":true}}}
<= {"type":["null","object"],"selected":true,"properties":{"t":{"format":"singer.decimal","type":["null","string"],"selected":true}}}

== a tap of the oldest kind has neither discovery nor catalog: its streams are as the resource configs say
file tap
| #!/bin/sh
| [ $# = 2 ] || { echo "tap: error: unrecognized arguments: $*" >&2; exit 2; }
| cat schemas
| echo '{"type":"RECORD","stream":"log","record":{"a":1}}'
$ weir shim --from singer --as flow -- sh tap -- < open
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
<= {"captured":{"binding":1,"doc":{"_meta":{"row_id":1},"a":1}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"db-log":{"estuary.dev/rowCounter":2}}}}}}
!*

== validation: all problems at once
$ weir shim --from singer --as flow -- sh tap --
> {"validate":{"name":"acme/tap","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"stream":"users","replication_method":"FULL_TABLE"},"collection":{"name":"acme/users","key":["/id"],"writeSchema":{}}},{"resourceConfig":{"stream":"log","replication_method":"INCREMENTAL"},"collection":{"name":"acme/log","key":["/id"],"writeSchema":{}}},{"resourceConfig":{"stream":"gone","replication_method":"FULL_TABLE"},"collection":{"name":"acme/gone","key":["/id"],"writeSchema":{}}}]}}
! needs a replication_key: choose one in the resource settings, or FULL_TABLE\nbinding acme/gone: the tap has no stream 'gone': discovery found db-users, db-log
= 2

== validation: the path is the id, whatever the resource config was written as
$ weir shim --from singer --as flow -- sh tap --
> {"validate":{"name":"acme/tap","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"stream":"users","replication_method":"FULL_TABLE"},"collection":{"name":"acme/users","key":["/id"],"writeSchema":{}}}]}}
<= {"validated":{"bindings":[{"resourcePath":["db-users"]}]}}

== two streams of one name cannot be told apart
file catalog
| {"streams":[{"tap_stream_id":"a-users","stream":"users","schema":{"type":"object","properties":{}}},{"tap_stream_id":"b-users","stream":"users","schema":{"type":"object","properties":{}}}]}
$ weir shim --from singer --as flow -- sh tap --
> {"validate":{"name":"acme/tap","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"tap_stream_id":"a-users"},"collection":{"name":"acme/a","key":["/id"],"writeSchema":{}}},{"resourceConfig":{"tap_stream_id":"b-users"},"collection":{"name":"acme/b","key":["/id"],"writeSchema":{}}}]}}
! 'a-users' and 'b-users' both call their stream 'users': their messages cannot be told apart
= 2

== parents that a stream declares are read with it; what they send is left out
file catalog
| {"streams":[{"tap_stream_id":"orgs","stream":"orgs","schema":{"type":"object","properties":{}},"metadata":[]},{"tap_stream_id":"other","stream":"other","schema":{"type":"object","properties":{}},"metadata":[{"breadcrumb":[],"metadata":{"selected":true}}]},{"tap_stream_id":"db-users","stream":"users","schema":{"type":"object","properties":{}},"metadata":[{"breadcrumb":[],"metadata":{"parent-tap-stream-id":"orgs","selected-by-default":true}}]},{"tap_stream_id":"db-log","stream":"log","schema":{"type":"object","properties":{}}}]}
file messages
| {"type":"SCHEMA","stream":"orgs","schema":{},"key_properties":["id"]}\n{"type":"RECORD","stream":"orgs","record":{"id":1}}\n{"type":"SCHEMA","stream":"users","schema":{},"key_properties":["id"]}\n{"type":"RECORD","stream":"users","record":{"id":2}}\n
$ weir shim --from singer --as flow -- sh tap -- < open | sed 1,2d
<= {"captured":{"binding":0,"doc":{"_meta":{"row_id":1},"id":2}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
$ python3 -c 'import json; [print(s["tap_stream_id"], s["metadata"][0]["metadata"]["selected"]) for s in json.load(open("given-catalog"))["streams"]]'
< orgs True
< other False
< db-users True
< db-log True

== a schema that grows is passed on if it is closed, and noted if it cannot be
file messages
| {"type":"SCHEMA","stream":"users","schema":{"type":"object","properties":{"id":{"type":"integer"}}},"key_properties":["id"]}\n{"type":"SCHEMA","stream":"users","schema":{"type":"object","properties":{"id":{"type":"integer"},"a":{"type":["null","string"]}}},"key_properties":["id"]}\n{"type":"SCHEMA","stream":"users","schema":{"type":"object","properties":{"id":{"type":"integer"},"a":{"type":"object"}}},"key_properties":["id"]}\n
$ weir shim --from singer --as flow -- sh tap -- < open
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
<= {"sourcedSchema":{"binding":0,"documentSchema":{"type":"object","properties":{"id":{"type":"integer"},"a":{"type":["null","string"]},"_meta":{"type":"object","properties":{"row_id":{"type":["integer"]},"op":{"type":"string"}},"required":["row_id"],"additionalProperties":false}},"additionalProperties":false}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
! info  acme/tap: stream 'users' has another schema now
! info  acme/tap: stream 'users' has another schema now, which is not closed: it is not passed on

== settings that the tap has changed by itself
file messages
| {"type":"SCHEMA","stream":"users","schema":{},"key_properties":["id"]}\n
file after
| echo '{"refresh_token": "new"}' > "$config"
$ weir shim --from singer --as flow -- sh tap -- < open
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{}}}}}
! warn  acme/tap: the connector's settings have changed by themselves, but cannot be kept here
