# Targets driven: docs/protocols/singer.md 1, 5.4, 9 and 11. A transaction is a process; it is confirmed by its exit and the last state that it prints.

file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {text: Hi, count: 3}}}
|     bindings: [{resource: {stream: greetings}, target: acme/greetings}]
| collections:
|   acme/greetings:
|     schema: {type: object, properties: {n: {type: integer}, text: {type: string}, at: {type: string, format: number}}, required: [n]}
|     key: [/n]
| materializations:
|   acme/out:
|     endpoint: {local: {command: [sh, target], protocol: singer, config: {a: 1}}}
|     bindings: [{resource: {stream: hello}, source: acme/greetings}]

file target
| [ "$1" = --config ] || exit 2
| cat "$2" > given-config
| cat > got
| . ./answer

file answer
| sed -n 's/^{"type":"STATE","value":\(.*\)}$/\1/p' got

== a schema, records, a state of ours; what it prints is compared
$ weir run --source flow.yaml --once --quiet; sed 's/"time_extracted":"20[0-9TZ:.-]*"/"time_extracted":"NOW"/' got; cat given-config; echo
<= {"type":"SCHEMA","stream":"hello","schema":{"type":"object","properties":{"n":{"type":"integer"},"text":{"type":["string","null"]},"at":{"type":["string","null"],"format":"singer.decimal"}},"required":["n"]},"key_properties":["n"]}
<= {"type":"RECORD","stream":"hello","record":{"n":0,"text":"Hi"},"time_extracted":"NOW"}
<= {"type":"RECORD","stream":"hello","record":{"n":1,"text":"Hi"},"time_extracted":"NOW"}
<= {"type":"RECORD","stream":"hello","record":{"n":2,"text":"Hi"},"time_extracted":"NOW"}
<= {"type":"STATE","value":{"bookmarks":{"hello":{"weir_transaction":1}}}}
<= {"a":1}
!*
$ weir run --source flow.yaml --once --quiet; cat got | wc -l
< 5
!*

== states may come early and often, with words between them; the last line counts, also as a whole STATE message
file answer
| echo '{"bookmarks":{"hello":{"weir_transaction":0}}}'; echo 'loaded'; echo '{ "type": "STATE", "value": {"bookmarks": {"hello": {"weir_transaction": 1}}} }'; echo '{}'
$ weir run --source flow.yaml --once --quiet
!*

== no state, or an empty one, tells nothing, whatever the exit status
file answer
| echo '{}'
$ weir run --source flow.yaml --once --quiet
!*
! the target has exited with status 0, but has printed no state: nothing tells that it has stored anything
!*
= 4

== another state is no confirmation; the rows come again
file answer
| echo '{"bookmarks":{}}'
$ weir run --source flow.yaml --once --quiet
!*
! the target has not confirmed the last state {"bookmarks":{"hello":{"weir_transaction":1}}}, but {"bookmarks":{}}
!*
= 4
$ printf 'tail -n 1 got | sed "s/.*value.:\\(.*\\)}/\\\\1/"' > answer; weir run --source flow.yaml --once --quiet; grep -c RECORD got
< 3
!*

== a failure is one, whatever was printed
file answer
| echo '{"bookmarks":{"hello":{"weir_transaction":1}}}'; echo "CRITICAL disk full" >&2; exit 1
$ weir run --source flow.yaml --once --quiet
!*
! the connector exited with status 1: disk full
!*
= 4

== a target that ends without reading
file target
| echo "ERROR bad password" >&2; exit 1
$ weir run --source flow.yaml --once --quiet
!*
! the connector exited with status 1: bad password
!*
= 4

== keys below the top cannot be said
$ sed -i 's|key: ./n.|key: [/n/m]|; s|n: {type: integer}|n: {type: object, properties: {m: {type: integer}}, required: [m]}|' flow.yaml; weir validate --source flow.yaml
<*
!*
! key '/n/m' is not a field of the document itself: a Singer target takes no other keys
!*
= 2

== deletions are told with a time; what only Flow needs stays here; a stream without key has none
file flow.yaml
| captures:
|   acme/tap:
|     endpoint: {local: {command: [sh, tap], protocol: singer, config: {}}}
|     bindings:
|       - {resource: {stream: a, replication_method: FULL_TABLE}, target: acme/a}
|       - {resource: {stream: b, replication_method: FULL_TABLE}, target: acme/b}
| collections:
|   acme/a:
|     schema: {type: object, properties: {id: {type: integer}, _meta: {type: object, properties: {op: {type: string}, row_id: {type: integer}}}}}
|     key: [/id]
|   acme/b:
|     schema: {type: object, properties: {v: {type: string}, _meta: {type: object, properties: {row_id: {type: integer}}, required: [row_id]}}, required: [_meta]}
|     key: [/_meta/row_id]
| materializations:
|   acme/out:
|     endpoint: {local: {command: [sh, target], protocol: singer, config: {}}}
|     bindings: [{resource: {stream: a}, source: acme/a}, {resource: {stream: b}, source: acme/b}]
file tap
| for a; do case $a in --about) exit 2;; --discover) cat catalog; exit;; esac; done
| cat messages
file catalog
| {"streams":[{"tap_stream_id":"a","stream":"a","key_properties":["id"],"schema":{"type":"object","properties":{"id":{"type":"integer"},"_sdc_deleted_at":{"type":["null","string"]}}}},{"tap_stream_id":"b","stream":"b","schema":{"type":"object","properties":{"v":{"type":"string"}}}}]}
file messages
| {"type":"SCHEMA","stream":"a","schema":{},"key_properties":["id"]}
| {"type":"RECORD","stream":"a","record":{"id":1}}
| {"type":"SCHEMA","stream":"b","schema":{},"key_properties":[]}
| {"type":"RECORD","stream":"b","record":{"v":"x"}}
| {"type":"RECORD","stream":"a","record":{"id":1,"_sdc_deleted_at":"2026-01-02T03:04:05Z"}}
$ weir run --source flow.yaml --once --quiet --only acme/tap; weir run --source flow.yaml --once --quiet --only acme/out; sed 's/,"time_extracted":"20[0-9TZ:.-]*"//' got | grep RECORD | sort; grep SCHEMA got | grep -o '"stream":"."\|"key_properties":.*' | sort
< {"type":"RECORD","stream":"a","record":{"id":1,"_sdc_deleted_at":"2026-01-02T03:04:05Z"}}
< {"type":"RECORD","stream":"a","record":{"id":1}}
< {"type":"RECORD","stream":"b","record":{"v":"x"}}
< "key_properties":["id"]}
< "key_properties":[]}
< "stream":"a"
< "stream":"b"
!*

== behind a served Airbyte destination: the cursor is told as bookmark_properties
env LOG_LEVEL=warn
file cat.json
| {"streams":[{"stream":{"name":"t","json_schema":{"type":"object","properties":{"id":{"type":"integer"},"c":{"type":"integer"}}},"supported_sync_modes":["incremental"]},"sync_mode":"incremental","destination_sync_mode":"append_dedup","cursor_field":["c"],"primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0,"sync_id":1}]}
file config.json
| {"a":1}
$ weir shim --from singer --as airbyte --destination -- sh target -- write --config config.json --catalog cat.json >/dev/null && head -n 1 got
> {"type":"RECORD","record":{"stream":"t","data":{"id":1,"c":5},"emitted_at":1}}
<= {"type":"SCHEMA","stream":"t","schema":{"type":"object","properties":{"id":{"type":["integer","null"]},"c":{"type":["integer","null"]}}},"key_properties":["id"],"bookmark_properties":["c"]}
