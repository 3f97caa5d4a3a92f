# Airbyte sources, driven (docs/protocols/airbyte.md), here served as Flow: what flow-sdk's Airbyte shim prints for them (docs/protocols/flow.md 10.2).

# A source that prints a file for each command, if there is one, and keeps what it was given.
file source.sh
| command=$1
| while [ $# -gt 1 ]; do case $2 in --*) cp "$3" "given${2#-}"; shift;; esac; shift; done
| cat "$command.out" 2>/dev/null || cat "$command"
| cat "$command.status" >/dev/null 2>&1 && exit "$(cat "$command.status")"
| exit 0
file spec
| Telemetry is on, thank you!
| {"type": "LOG", "log": {"level": "INFO", "message": "starting"}}
| {"type": "DEBUG", "message": "no message of the protocol", "data": {}}
| {"type": "SPEC", "spec": {"documentationUrl": "https://docs.example/x", "connectionSpecification": {"type": "object", "properties": {"key": {"type": "string", "airbyte_secret": true}}, "$schema": "http://json-schema.org/draft-07/schema#"}}}
file shim.sh
| exec weir shim --from airbyte --as flow sh source.sh --
file open
| {"open":{"capture":{"name":"acme/x","connectorType":"LOCAL","config":{"key":"k"},"intervalSeconds":300,"bindings":[{"resourceConfig":{"stream":"users","syncMode":"incremental"},"resourcePath":["users"],"stateKey":"users","collection":{"name":"acme/users","key":["/id"],"writeSchema":{"type":"object","properties":{"id":{"type":"integer"},"_ab_cdc_deleted_at":{"type":["null","string"]},"_meta":{"type":"object","properties":{"row_id":{"type":"integer"}},"required":["row_id"]}},"x-infer-schema":true}}},{"resourceConfig":{"stream":"log \"s\"","namespace":"pub","syncMode":"full_refresh"},"resourcePath":["pub","log \"s\""],"stateKey":"logs","collection":{"name":"acme/logs","key":["/_meta/row_id"],"writeSchema":{"type":"object","properties":{}}}}]},"version":"1","state":STATE}}
env LOG_LEVEL=warn

== spec: what is no message is logged; the settings are the connector's own
env LOG_LEVEL=info
$ sh shim.sh
> {"spec":{"connectorType":"LOCAL","config":{}}}
<= {"spec":{"protocol":3032023,"configSchema":{"type":"object","properties":{"key":{"type":"string","airbyte_secret":true}},"$schema":"http://json-schema.org/draft-07/schema#"},"resourceConfigSchema":{"type":"object","properties":{"stream":{"type":"string"},"syncMode":{"type":"string","enum":["incremental","full_refresh"]},"namespace":{"type":"string"},"cursorField":{"type":"array","items":{"type":"string"}}},"required":["stream","syncMode"]},"documentationUrl":"https://docs.example/x","resourcePathPointers":["/namespace","/stream"]}}
! info  sh: Telemetry is on, thank you!
! info  sh: starting
! info  sh: {"type": "DEBUG", "message": "no message of the protocol", "data": {}}

== a source without a SPEC cannot be driven
file spec
| {"type":"LOG","log":{"level":"INFO","message":"hello"}}
$ sh shim.sh
! error sh: spec: the connector has ended without a SPEC message
= 5

== a source that dies says why
file spec
| {"type":"LOG","log":{"level":"FATAL","message":"no such module"}}
file spec.status
| 1
$ sh shim.sh
! error sh: no such module
! error sh: spec: the connector exited with status 1: no such module
= 4

== discover: keys, modes, cursors, namespaces, /_meta/row_id
file discover
| {"type":"CATALOG","catalog":{"streams":[{"name":"users","json_schema":{"type":"object","properties":{"id":{"type":"integer"}}},"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"default_cursor_field":["updated_at"],"source_defined_primary_key":[["id"],["a/b~c","d"]],"is_resumable":true},{"name":"log s","namespace":"pub","json_schema":{"type":"object"},"supported_sync_modes":["full_refresh"]},{"name":"events","json_schema":{"type":["null","object"],"properties":{"_meta":{"type":"object","properties":{"source":{}}},"_ab_cdc_deleted_at":{}}},"supported_sync_modes":["incremental"],"default_cursor_field":["at","ms"]}]}}
$ sh shim.sh
> {"discover":{"connectorType":"LOCAL","config":{"key":"k"}}}
<= {"discovered":{"bindings":[{"recommendedName":"users","resourceConfig":{"stream":"users","syncMode":"incremental"},"resourcePath":["users"],"key":["/id","/a~1b~0c/d"],"documentSchema":{"type":"object","properties":{"id":{"type":"integer"},"_meta":{"type":"object","properties":{"row_id":{"type":"integer"}},"required":["row_id"]}},"x-infer-schema":true}},{"recommendedName":"log s","resourceConfig":{"stream":"log s","syncMode":"full_refresh","namespace":"pub"},"resourcePath":["pub","log s"],"key":["/_meta/row_id"],"isFallbackKey":true,"documentSchema":{"type":"object","properties":{"_meta":{"type":"object","properties":{"row_id":{"type":"integer"}},"required":["row_id"]}},"x-infer-schema":true}},{"recommendedName":"events","resourceConfig":{"stream":"events","syncMode":"incremental","cursorField":["at","ms"]},"resourcePath":["events"],"key":["/_meta/row_id"],"isFallbackKey":true,"documentSchema":{"type":["null","object"],"properties":{"_ab_cdc_deleted_at":{},"_meta":{"type":"object","properties":{"source":{},"row_id":{"type":"integer"},"op":{"type":"string"}},"required":["row_id"]}},"x-infer-schema":true}}]}}
$ cat given-config; echo
<= {"key":"k"}

== validate is check: FAILED is the user's to mend, whatever the exit status
file check
| {"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"the key is wrong"}}
$ sh shim.sh
> {"validate":{"name":"acme/x","connectorType":"LOCAL","config":{"key":"k"},"bindings":[]}}
! error validate: the key is wrong
= 2

== validate tells the paths
file check
| {"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}
file check.status
| 1
$ sh shim.sh
> {"validate":{"name":"acme/x","connectorType":"LOCAL","config":{"key":"k"},"bindings":[{"resourceConfig":{"stream":"a"},"collection":{"name":"acme/a","key":["/id"],"writeSchema":{}}},{"resourceConfig":{"stream":"b","namespace":"n"},"collection":{"name":"acme/b","key":["/id"],"writeSchema":{}}}]}}
<= {"validated":{"bindings":[{"resourcePath":["a"]},{"resourcePath":["n","b"]}]}}
! warn  sh: it has answered, but has not ended well: the connector exited with status 1 with no log output

== an error while it checks is not the user's, but as it says
file check
| {"type":"TRACE","trace":{"type":"ERROR","emitted_at":1.5,"error":{"message":"Something went wrong","internal_message":"no route to host","failure_type":"transient_error"}}}
file check.status
| 1
$ sh shim.sh
> {"validate":{"name":"acme/x","connectorType":"LOCAL","config":{"key":"k"},"bindings":[]}}
! error validate: check: Something went wrong (no route to host)
= 3

== read: documents are counted, states are kept as flow-sdk keeps them
file read
| {"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.5,"stream_status":{"stream_descriptor":{"name":"users"},"status":"STARTED"}}}
| {"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1}}
| {"type": "RECORD", "record": {"namespace": "pub", "stream": "log \"s\"", "data": {"big": 123456789012345678901234567890.50, "_meta": {"file": "f"}}, "emitted_at": 1}}
| {"type":"RECORD","record":{"stream":"users","namespace":null,"data":{"id":2},"emitted_at":1,"meta":null},"state":null}
| {"type":"RECORD","record":{"stream":"log \u0022s\"","namespace":"pub","data":{},"emitted_at":1}}
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":null},"stream_state":{"c":2}},"data":null,"sourceStats":{"recordCount":2.0}}}
| {"type":"STATE","state":{"stream":{"stream_descriptor":{"name":"log \"s\"","namespace":"pub"},"stream_state":{"__ab_no_cursor_state_message":true}},"sourceStats":{"recordCount":2}}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"id":1,"_meta":{"row_id":1}}}}
<= {"captured":{"binding":1,"doc":{"big":123456789012345678901234567890.50,"_meta":{"file":"f","row_id":1}}}}
<= {"captured":{"binding":0,"doc":{"id":2,"_meta":{"row_id":2}}}}
<= {"captured":{"binding":1,"doc":{"_meta":{"row_id":2}}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"users":{"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":2}}},"rowId":3}}},"mergePatch":true}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"logs":{"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"log \"s\"","namespace":"pub"},"stream_state":{"__ab_no_cursor_state_message":true}}},"rowId":3}}},"mergePatch":true}}}
$ cat given-catalog; echo
<= {"streams":[{"stream":{"name":"users","json_schema":{"type":"object","properties":{"id":{"type":"integer"},"_ab_cdc_deleted_at":{"type":["null","string"]}}},"supported_sync_modes":["incremental"],"source_defined_primary_key":[["id"]]},"sync_mode":"incremental","destination_sync_mode":"append","primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0,"sync_id":1},{"stream":{"name":"log \"s\"","namespace":"pub","json_schema":{"type":"object","properties":{}},"supported_sync_modes":["full_refresh"]},"sync_mode":"full_refresh","destination_sync_mode":"append","generation_id":1,"minimum_generation_id":0,"sync_id":1}]}
$ cat given-state; echo
<= []

== a state that flow-sdk wrote is resumed, nulls and all; a finished full refresh begins anew, its counter goes on
file read
| {"type":"RECORD","record":{"stream":"log \"s\"","namespace":"pub","data":{},"emitted_at":1}}
file state
| {"bindingStateV1":{"users":{"rowId":7,"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":null},"stream_state":{"c":{"x":null}}},"global_":null,"data":null,"sourceStats":null,"destinationStats":null}},"logs":{"rowId":3,"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"log \"s\"","namespace":"pub"},"stream_state":{"__ab_no_cursor_state_message":true}},"global_":null,"data":null}}}}
$ sed "s/STATE/$(cat state | sed 's/[\&/\\]/\\&/g')/" open | sh shim.sh
<= {"opened":{}}
<= {"captured":{"binding":1,"doc":{"_meta":{"row_id":3}}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"logs":{"rowId":4}}},"mergePatch":true}}}
$ cat given-state; echo
<= [{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":null},"stream_state":{"c":{"x":null}}}}]

== documents behind the last state of their stream are kept if it ends well
file read
| {"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1}}
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}}}}
| {"type":"RECORD","record":{"stream":"users","data":{"id":2},"emitted_at":1}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"id":1,"_meta":{"row_id":1}}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"users":{"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}}},"rowId":2}}},"mergePatch":true}}}
<= {"captured":{"binding":0,"doc":{"id":2,"_meta":{"row_id":2}}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"users":{"rowId":3}}},"mergePatch":true}}}

== ... and dropped if it does not
file read
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}}}}
| {"type":"RECORD","record":{"stream":"users","data":{"id":2},"emitted_at":1}}
file read.status
| 3
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"users":{"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}}},"rowId":1}}},"mergePatch":true}}}
! error open: the connector exited with status 3 with no log output
= 4

== a state with a member that is null is kept as a whole: a patch cannot say it
file read
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":null}}}}
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":[null,1]}}}}
$ sed 's/STATE/{"own":1,"bindingStateV1":{"gone":{"rowId":9}}}/' open | sh shim.sh
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"own":1,"bindingStateV1":{"gone":{"rowId":9},"users":{"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":null}}},"rowId":1}}}}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"users":{"state":{"stream":{"stream_state":{"c":[null,1]}}}}}},"mergePatch":true}}}

== a null stream_state begins anew
file read
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":null}}}
$ sed 's/STATE/{"bindingStateV1":{"users":{"rowId":4,"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}}}}}}/' open | sh shim.sh
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"users":{"state":{"stream":{"stream_state":null}}}}},"mergePatch":true}}}
$ sed 's/STATE/{"bindingStateV1":{"users":{"rowId":4,"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"}}}}}}/' open | sh shim.sh
<*
$ cat given-state; echo
<= []

== GLOBAL: one state for all, beside the counters; what starts over is taken out when it is resumed
file read
| {"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1}}
| {"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{"lsn":5},"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}},{"stream_descriptor":{"name":"log \"s\"","namespace":"pub"},"stream_state":{"d":1}}]},"sourceStats":{"recordCount":1.0}}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"id":1,"_meta":{"row_id":1}}}}
<= {"checkpoint":{"state":{"updated":{"airbyteGlobal":{"type":"GLOBAL","global":{"shared_state":{"lsn":5},"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}},{"stream_descriptor":{"name":"log \"s\"","namespace":"pub"},"stream_state":{"d":1}}]}},"bindingStateV1":{"users":{"rowId":2},"logs":{"rowId":1}}}}}}
$ sed 's/STATE/{"airbyteGlobal":{"type":"GLOBAL","global":{"shared_state":{"lsn":5},"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}},{"stream_descriptor":{"name":"log \\"s\\"","namespace":"pub"},"stream_state":{"d":1}},{"stream_descriptor":{"name":"other"},"stream_state":{"e":1}}]}},"bindingStateV1":{"users":{"rowId":2}}}/' open | sh shim.sh
<*
$ cat given-state; echo
<= [{"type":"GLOBAL","global":{"shared_state":{"lsn":5},"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}},{"stream_descriptor":{"name":"other"},"stream_state":{"e":1}}]}}]

== LEGACY: likewise
file read
| {"type":"STATE","state":{"data":{"users":{"c":1}}}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"airbyteLegacy":{"type":"LEGACY","data":{"users":{"c":1}}},"bindingStateV1":{"users":{"rowId":1},"logs":{"rowId":1}}}}}}
$ sed 's/STATE/{"airbyteLegacy":{"type":"LEGACY","data":{"users":{"c":1}}},"bindingStateV1":{"users":{"rowId":1}}}/' open | sh shim.sh
<*
$ cat given-state; echo
<= [{"type":"LEGACY","data":{"users":{"c":1}}}]

== deletions of a change log become Flow's
file read
| {"type":"RECORD","record":{"stream":"users","data":{"id":1,"_ab_cdc_deleted_at":null},"emitted_at":1}}
| {"type":"RECORD","record":{"stream":"users","data":{"id":1,"_ab_cdc_deleted_at":"2026-01-01T00:00:00Z"},"emitted_at":1}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"id":1,"_ab_cdc_deleted_at":null,"_meta":{"row_id":1}}}}
<= {"captured":{"binding":0,"doc":{"id":1,"_ab_cdc_deleted_at":"2026-01-01T00:00:00Z","_meta":{"row_id":2,"op":"d"}}}}
<= {"checkpoint":{"state":{"updated":{},"mergePatch":true}}}

== streams that nobody asked for are left out, once with a word; so are wrong counts
file read
| {"type":"RECORD","record":{"stream":"other","data":{"id":1},"emitted_at":1}}
| {"type":"RECORD","record":{"stream":"users","namespace":"elsewhere","data":{"id":1},"emitted_at":1}}
| {"type":"RECORD","record":{"stream":"other","data":{"id":2},"emitted_at":1}}
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"other"},"stream_state":{"c":1}},"sourceStats":{"recordCount":3}}}
| {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}},"sourceStats":{"recordCount":5.0}}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"users":{"state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"c":1}}},"rowId":1}}},"mergePatch":true}}}
! warn  acme/x: the source sends stream 'other', which is not captured: left out
! warn  acme/x: the source sends stream 'users' of elsewhere, which is not captured: left out
! warn  acme/x: stream 'users': the source says that it has sent 5 records since its last state, but 0 have come

== an error that it reports is one, also if it exits with 0: the first says why
file read
| {"type":"LOG","log":{"level":"ERROR","message":"stack trace and all"}}
| {"type":"TRACE","trace":{"type":"ERROR","emitted_at":1,"error":{"message":"Token expired","internal_message":"401","failure_type":"config_error","stream_descriptor":{"name":"users"}}}}
| {"type":"TRACE","trace":{"type":"ERROR","emitted_at":1,"error":{"message":"Some streams have failed","failure_type":"system_error"}}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
! error sh: stack trace and all
! error sh: Some streams have failed
! error open: stream users: Token expired (401) (and one more error)
= 2

== a stream that it calls incomplete has failed
file read
| {"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"users"},"status":"INCOMPLETE"}}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
! error open: the source has not even started streams, most likely because it has none of these names: 'users'
= 2

== records that are cut or wrong are not passed over
file read
| {"type":"RECORD","record":{"stream":"users","data":{"id":NaN},"emitted_at":1}}
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
! error open: no JSON value begins here at byte 57 of the message "{\"type\":\"RECORD\",\"record\":{\"stream\":\"users\",\"data\":{\"id\":NaN},\"emitted_at\":1}}"
= 5

== a last line without its end is a line
file source.sh
| case $1 in spec) cat spec;; read) printf '%s' '{"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1}}';; esac
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"id":1,"_meta":{"row_id":1}}}}
<= {"checkpoint":{"state":{"updated":{},"mergePatch":true}}}

== ... unless it is cut: then the reason is how it died
file source.sh
| case $1 in spec) cat spec;; read) printf '{"type":"RECORD","record":{"stream":"us'; kill -9 $$;; esac
$ sed s/STATE/{}/ open | sh shim.sh
<= {"opened":{}}
! error open: the connector was killed by signal 9 (Killed) with no log output
= 4

== a config that changes by itself is used from then on, and masked
file discover
| {"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1.5,"connectorConfig":{"config":{"key":"rotated"}}}}
| {"type":"CATALOG","catalog":{"streams":[]}}
file read
| {"type":"LOG","log":{"level":"WARN","message":"the key is rotated"}}
$ sh shim.sh
> {"discover":{"connectorType":"LOCAL","config":{"key":"k"}}}
<= {"discovered":{"bindings":[]}}
! warn  the connector's settings have changed by themselves, but cannot be kept here: update them by hand if the next run is refused
