# write: records into SQLite, states back (docs/protocols/airbyte.md 2.2, 2.3, 3.1 to 3.5, 4.2).

env LOG_LEVEL=warn

file config.json
| {"path":"out.db"}

# A catalog from lines "NAME MODE KEY GENERATION MINIMUM", and messages in short.
file catalog.py
| import json, sys
| types = {"id": {"type": "integer"}, "v": {"type": ["null", "string"]}, "_ab_cdc_deleted_at": {"type": ["null", "string"], "format": "date-time"}}
| streams = []
| for arg in sys.argv[1:]:
|     name, mode, *rest = arg.split()
|     space, _, name = name.rpartition("/")
|     s = {"stream": {"name": name, "namespace": space or None, "json_schema": {"type": "object", "properties": types}, "supported_sync_modes": ["full_refresh"]},
|          "sync_mode": "full_refresh", "destination_sync_mode": mode}
|     if rest: s["primary_key"] = json.loads(rest[0])
|     if rest[1:]: s["generation_id"], s["minimum_generation_id"], s["sync_id"] = int(rest[1]), int(rest[2]), 7
|     streams.append(s)
| json.dump({"streams": streams}, open("catalog.json", "w"))

# A stream with a cursor.
file cursor.json
| {"streams":[{"stream":{"name":"a","json_schema":{"type":"object","properties":{"id":{"type":"integer"},"at":{"type":["null","string"],"format":"date-time"},"v":{"type":"string"},"_ab_cdc_deleted_at":{"type":["null","string"]}}},"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"default_cursor_field":["at"]},
|  "sync_mode":"incremental","destination_sync_mode":"append_dedup","cursor_field":["at"],"primary_key":[["id"]]}]}

file write
| exec materialize-sqlite write --config config.json --catalog catalog.json

# Runs of one stream: what each said at its end, and the rows afterwards.
file syncs.py
| import json, subprocess, sys
| def sync(spec, rows, status):
|     subprocess.run(["python3", "catalog.py", spec], check=True)
|     lines = [{"type": "RECORD", "record": {"stream": "a", "data": {"id": n}, "emitted_at": 1}} for n in rows]
|     lines.append({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "a"}, "stream_state": {"n": 1}}}})
|     if status:
|         lines.append({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1.5, "stream_status": {"stream_descriptor": {"name": "a", "namespace": None}, "status": status}}})
|     run = subprocess.run(["sh", "write"], input="".join(json.dumps(m) + "\n" for m in lines).encode(), stdout=subprocess.PIPE)
|     states = sum(json.loads(m)["type"] == "STATE" for m in run.stdout.splitlines())
|     ids = subprocess.run(["sqlite3", "out.db", "SELECT group_concat(id, ' ') FROM (SELECT id FROM a ORDER BY id)"], stdout=subprocess.PIPE, text=True).stdout.strip()
|     print(f"{spec.split(' ', 1)[1]} {status}: status {run.returncode}, {states} state, rows {ids or '-'}")

# SIGTERM while the source is still writing.
file stop.py
| import fcntl, signal, struct, subprocess, termios, time
| p = subprocess.Popen(["sh", "write"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
| def say(text):
|     p.stdin.write(text.encode() + b"\n"); p.stdin.flush()
| record = '{"type":"RECORD","record":{"stream":"a","data":{"id":%d},"emitted_at":1}}'
| state = '{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"n":%d}}}}'
| say(record % 1); say(state % 1); print(p.stdout.readline().decode().strip())
| say(record % 2); say(state % 2); say(record % 3)
| while struct.unpack("i", fcntl.ioctl(p.stdin, termios.FIONREAD, b"0000"))[0]: # until it has read them all
|     time.sleep(0.01)
| p.send_signal(signal.SIGTERM)
| for line in p.stdout: print(line.decode().strip())
| print("status", p.wait())

== rows, and what comes beside them
$ python3 catalog.py 'users append [] 3 0' && sh write
<= {"type":"LOG","log":{"level":"WARN","message":"table \"users\": column \"id\" holds any type now: a value has come that its schema did not foresee"}}
<= {"type":"LOG","log":{"level":"WARN","message":"the source has not said how these streams ended: users"}}
> {"type":"RECORD","record":{"stream":"users","data":{"id":1,"v":"a","undeclared":true},"emitted_at":1700000000123}}
> {"type":"RECORD","record":{"stream":"users","data":{"id":12345678901234567890},"emitted_at":1700000000000,"meta":{"changes":[{"field":"v","change":"NULLED","reason":"SOURCE_SERIALIZATION_ERROR"}]}}}
$ sqlite3 out.db 'SELECT id, v, _airbyte_extracted_at, _airbyte_meta, _airbyte_generation_id FROM users'
< 1|a|2023-11-14T22:13:20.123Z|{"sync_id":7,"changes":[]}|3
< 12345678901234567890||2023-11-14T22:13:20Z|{"sync_id":7,"changes":[{"field":"v","change":"NULLED","reason":"SOURCE_SERIALIZATION_ERROR"}]}|3
$ sqlite3 out.db "SELECT count(DISTINCT _airbyte_raw_id), sum(_airbyte_raw_id GLOB '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-7[0-9a-f][0-9a-f][0-9a-f]-[89ab][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]') FROM users; SELECT name FROM pragma_table_info('users')"
< 2|2
< _airbyte_raw_id
< _airbyte_extracted_at
< _airbyte_meta
< _airbyte_generation_id
< id
< v
< _ab_cdc_deleted_at

== states come back byte for byte, but for the count of their records (3.1)
$ python3 catalog.py 'a append' 'n/b append' && sh write
> {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{}}}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"b","namespace":"n","data":{"id":1},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2},"emitted_at":1}}
> { "state" : {"stream" : {"stream_state":{"n": 1.50, "n": 12345678901234567890}, "stream_descriptor":{"namespace": null, "name":"\u0061"}}, "id": 7, "partition_id": "x", "type":"STREAM", "sourceStats": {"recordCount": 2} }, "type": "STATE" }
> {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"b","namespace":"n"},"stream_state":null},"destinationStats":null}}
> {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"b","namespace":"n"},"stream_state":{"x":1}},"destinationStats":{"recordCount":9,"rejectedRecordCount":1.0}}}
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{}},"destinationStats":{"recordCount":0.0}}}
< { "state" : {"stream" : {"stream_state":{"n": 1.50, "n": 12345678901234567890}, "stream_descriptor":{"namespace": null, "name":"\u0061"}}, "id": 7, "partition_id": "x", "type":"STREAM", "sourceStats": {"recordCount": 2} ,"destinationStats":{"recordCount":2.0}}, "type": "STATE" }
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"b","namespace":"n"},"stream_state":null},"destinationStats":{"recordCount":1.0}}}
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"b","namespace":"n"},"stream_state":{"x":1}},"destinationStats":{"recordCount":0.0,"rejectedRecordCount":1.0}}}
<*
$ sqlite3 out.db 'SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM n__b)'
< 2|1

== a global state counts everything since the one before; also under the name that PyAirbyte gives it (4.2)
$ python3 catalog.py 'a append' 'b append' && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"b","data":{"id":1},"emitted_at":1}}
> {"type":"STATE","log":null,"state":{"type":"GLOBAL","stream":null,"global_":{"shared_state":{"lsn":5},"stream_states":[]},"data":null,"global_":{"shared_state":{"lsn":5},"stream_states":[]}}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2},"emitted_at":1}}
> {"type":"STATE","state":{"data":{"a":1}}}
< {"type":"STATE","log":null,"state":{"type":"GLOBAL","stream":null,"global_":{"shared_state":{"lsn":5},"stream_states":[]},"data":null,"global_":{"shared_state":{"lsn":5},"stream_states":[]},"destinationStats":{"recordCount":2.0}}}
< {"type":"STATE","state":{"data":{"a":1},"destinationStats":{"recordCount":1.0}}}
<*

== append_dedup: the last of each key, nested and composite keys, deletions
$ python3 catalog.py 'a append_dedup [["id"]]' 'b append_dedup [["k","x"],["id"]]' && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"v":"old"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"v":"gone"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"v":"new","_ab_cdc_deleted_at":null},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"_ab_cdc_deleted_at":"2024-01-01T00:00:00Z"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"b","data":{"k":{"x":"p"},"id":1,"v":"one"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"b","data":{"k":{"x":"q"},"id":1,"v":"two"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"b","data":{"k":{"x":"p"},"id":1,"v":"three"},"emitted_at":1}}
<*
$ sqlite3 out.db 'SELECT id, v FROM a; SELECT "k/x", id, v FROM b ORDER BY 1'
< 1|new
< p|1|three
< q|1|two

== append_dedup with a cursor: the row with the largest one stays, in a run and from run to run; of equal ones, and of those without, the last (3.4)
$ cp cursor.json catalog.json && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-31T10:00:00Z","v":"later"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-31T10:30:00+01:00","v":"half an hour earlier"},"emitted_at":2}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"at":"2024-01-31T10:00:00Z","v":"first"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"at":"2024-01-31T11:00:00.000+01:00","v":"the same moment, last"},"emitted_at":2}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":3,"at":null,"v":"no cursor"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":3,"v":"nor here"},"emitted_at":2}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":4,"at":"2024-01-31T10:00:00Z","v":"a cursor"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":4,"v":"none any more"},"emitted_at":2}}
<*
$ sqlite3 out.db 'SELECT id, v FROM a'
< 1|later
< 2|the same moment, last
< 3|nor here
< 4|a cursor
$ sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-31T12:00:00+02:00","v":"the same moment again"},"emitted_at":3}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"at":"2024-01-31T09:59:59.999Z","v":"late in coming"},"emitted_at":3}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":3,"at":"1970-01-01","v":"the first cursor"},"emitted_at":3}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":4,"at":null,"v":"none"},"emitted_at":3}}
<*
$ sqlite3 out.db 'SELECT id, v FROM a'
< 1|the same moment again
< 2|the same moment, last
< 3|the first cursor
< 4|a cursor

== append_dedup with a cursor: a deletion counts by its own; by when it came, if it has none
$ sed 's/"cursor_field":\["at"\],//' cursor.json >catalog.json && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-31T10:00:00Z","v":"stays"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"at":"2024-01-31T10:00:00Z","v":"goes"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":3,"at":"2024-01-31T10:00:00Z","v":"goes"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":4,"at":"2024-01-31T10:00:00Z","v":"goes"},"emitted_at":1}}
<*
$ sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-31T09:00:00Z","_ab_cdc_deleted_at":"2024-01-31T09:00:00Z"},"emitted_at":2}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"at":"2024-01-31T10:00:00Z","_ab_cdc_deleted_at":"2024-01-31T10:00:00Z"},"emitted_at":2}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":3,"_ab_cdc_deleted_at":"2024-01-31T10:00:00Z"},"emitted_at":2}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":4,"_ab_cdc_deleted_at":"2024-01-31T10:00:00Z"},"emitted_at":2}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":4,"at":"2024-01-30","v":"made again"},"emitted_at":3}}
<*
$ sqlite3 out.db 'SELECT id, v FROM a'
< 1|stays
< 4|made again

== append_dedup with a cursor: what is read anew counts, whatever was there; otherwise a new generation changes nothing (3.4)
$ sed 's/"primary_key"/"generation_id":1,"minimum_generation_id":0,"sync_id":1,"primary_key"/' cursor.json >catalog.json && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-31","v":"one"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2,"at":"2024-01-31","v":"one"},"emitted_at":1}}
<*
$ sed 's/"generation_id":1/"generation_id":2/' -i catalog.json && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-30","v":"two"},"emitted_at":1}}
<*
$ sqlite3 out.db 'SELECT id, v, _airbyte_generation_id FROM a'
< 1|one|1
< 2|one|1
$ sed 's/"generation_id":2,"minimum_generation_id":0/"generation_id":3,"minimum_generation_id":3/' -i catalog.json && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-30","v":"three"},"emitted_at":1}}
> {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"n":1}}}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"at":"2024-01-29","v":"older than three"},"emitted_at":1}}
> {"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.5,"stream_status":{"stream_descriptor":{"name":"a"},"status":"COMPLETE"}}}
<*
$ sqlite3 out.db 'SELECT id, v, _airbyte_generation_id FROM a'
< 1|three|3

== append_dedup with a cursor that lies deeper: it gets a column
file deep.json
| {"streams":[{"stream":{"name":"a","json_schema":{"type":"object","properties":{"id":{"type":"integer"},"m":{"type":"object","properties":{"n":{"type":"integer"}}}}},"supported_sync_modes":["incremental"]},
|  "sync_mode":"incremental","destination_sync_mode":"append_dedup","cursor_field":["m","n"],"primary_key":[["id"]]}]}
$ cp deep.json catalog.json && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"m":{"n":10}},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"m":{"n":9}},"emitted_at":1}}
<*
$ sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1,"m":{"n":8}},"emitted_at":1}}
<*
$ sqlite3 out.db 'SELECT id, m, "m/n" FROM a'
< 1|{"n":10}|10

== append_dedup with a cursor that the schema does not describe is refused
$ sed 's/"cursor_field":."at"./"cursor_field":["nope","at"]/' cursor.json >catalog.json && sh write | jq -c 'select(.type == "TRACE") | [.type, .trace.error.failure_type, .trace.error.message]'
< ["TRACE","config_error","stream a: its cursor_field '/nope/at' is not in its schema, so that append_dedup has nothing to compare"]

== append: a deletion is a row like any other, and no key is needed
$ python3 catalog.py 'a append [["id"]]' && sh write
> {"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"v":"x","_ab_cdc_deleted_at":"2024-01-01T00:00:00Z"},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitted_at":1}}
<*
$ sqlite3 out.db 'SELECT id, v, _ab_cdc_deleted_at FROM a'
< 1||
< |x|2024-01-01T00:00:00Z
< 1||

== generations: rows of older ones go at the successful end, and only then (3.4)
$ PYTHONPATH=. python3 -c 'from syncs import sync; sync("a append [] 1 0", [1], "COMPLETE"); sync("a append [] 1 0", [2], "COMPLETE"); sync("a append [] 2 2", [3], "INCOMPLETE"); sync("a append [] 2 2", [4], "COMPLETE"); sync("a overwrite [] 3 3", [5], None); sync("a overwrite [] 3 3", [6], "COMPLETE"); sync("a overwrite [] 4 4", [], "COMPLETE")'
< append [] 1 0 COMPLETE: status 0, 1 state, rows 1
< append [] 1 0 COMPLETE: status 0, 1 state, rows 1 2
< append [] 2 2 INCOMPLETE: status 0, 1 state, rows 1 2 3
< append [] 2 2 COMPLETE: status 0, 1 state, rows 3 4
< overwrite [] 3 3 None: status 1, 1 state, rows 3 4 5
< overwrite [] 3 3 COMPLETE: status 0, 1 state, rows 5 6
< overwrite [] 4 4 COMPLETE: status 0, 1 state, rows -

== generations and keys: rows that came again belong to the new one
$ PYTHONPATH=. python3 -c 'from syncs import sync; sync("a append_dedup [[\"id\"]] 1 0", [1,2,3], "COMPLETE"); sync("a append_dedup [[\"id\"]] 2 2", [2,4], "COMPLETE")'
< append_dedup [["id"]] 1 0 COMPLETE: status 0, 1 state, rows 1 2 3
< append_dedup [["id"]] 2 2 COMPLETE: status 0, 1 state, rows 2 4

== overwrite on platforms without generations, and when they begin to send them
$ PYTHONPATH=. python3 -c 'from syncs import sync; sync("a overwrite", [1], "COMPLETE"); sync("a overwrite", [2], "INCOMPLETE"); sync("a overwrite", [3], "COMPLETE"); sync("a overwrite [] 1 1", [4], "COMPLETE"); sync("a overwrite [] 2 2", [5], "COMPLETE"); sync("a overwrite", [6], "COMPLETE")'
< overwrite COMPLETE: status 0, 1 state, rows 1
< overwrite INCOMPLETE: status 0, 1 state, rows 1 2
< overwrite COMPLETE: status 0, 1 state, rows 3
< overwrite [] 1 1 COMPLETE: status 0, 1 state, rows 4
< overwrite [] 2 2 COMPLETE: status 0, 1 state, rows 5
< overwrite COMPLETE: status 0, 1 state, rows 6

== no terminal status where older rows should go: the sync has to be repeated (3.2)
$ python3 catalog.py 'a overwrite' 'b append' && sh write | tail -n 1 | sed 's/"emitted_at":[0-9]*,//'
<= {"type":"TRACE","trace":{"type":"ERROR","error":{"message":"the input has ended, but these streams did not receive a terminal status, so that rows of older generations stay: a","internal_message":"nobody has to act: trying again later may help","failure_type":"transient_error"}}}

== streams that are not in the catalog are passed over, and counted (3.7)
$ python3 catalog.py 'a append [] 1 0' && sh write
> {"type":"RECORD","record":{"stream":"b","data":{"id":1},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","namespace":"x","data":{"id":1},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"b","data":{"id":2},"emitted_at":1}}
> {"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"a"},"status":"COMPLETE"}}}
<= {"type":"LOG","log":{"level":"WARN","message":"2 records of stream 'b', which is not in the catalog, were passed over"}}
<= {"type":"LOG","log":{"level":"WARN","message":"1 records of stream 'a', which is not in the catalog, were passed over"}}
$ sqlite3 out.db 'SELECT count(*) FROM a'
< 0

== what is no message is a log line, other messages are not for destinations (1.3)
$ python3 catalog.py 'a append' && LOG_LEVEL=info sh write | head -n 3
> a line of text
> {"type": "DEBUG", "message": "x", "data": {}}
>
> {"type":"LOG","log":{"level":"INFO","message":"quiet"}}
> {"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1,"estimate":{"name":"a","type":"STREAM"}}}
> {"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1,"connectorConfig":{"config":{}}}}
<= {"type":"LOG","log":{"level":"INFO","message":"a line of text"}}
<= {"type":"LOG","log":{"level":"INFO","message":"{\"type\": \"DEBUG\", \"message\": \"x\", \"data\": {}}"}}
<= {"type":"LOG","log":{"level":"INFO","message":"made table \"a\""}}

== a broken record ends the write; what a state covers is stored, what is behind it comes again
$ python3 catalog.py 'a append' && sh write | sed 's/"emitted_at":[0-9]*,//; s/at byte.*"/..."/'
> {"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitted_at":1}}
> {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"n":1}}}}
> {"type":"RECORD","record":{"stream":"a","data":{"id":2},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"a","data":NaN,"emitted_at":1}}
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"n":1}},"destinationStats":{"recordCount":1.0}}}
<*
$ sqlite3 out.db 'SELECT id FROM a'
< 1

== the last line may lack its end; a message cut short is an error
$ python3 catalog.py 'a append [] 1 0' && sh write
>> {"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitted_at":1}}\n{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"a"},"status":"COMPLETE"}}}
$ sh write | head -n 1 | cut -c 1-100
>> {"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitt
< {"type":"LOG","log":{"level":"FATAL","message":"the input ends inside a message: unterminated string

== PyAirbyte through a cache: seconds instead of milliseconds, columns of its own among the data (4.2)
$ python3 catalog.py 'a append [] 1 0' && sh write
> {"type":"RECORD","log":null,"spec":null,"record":{"namespace":null,"stream":"a","data":{"id":1,"_airbyte_raw_id":"x","_airbyte_meta":{}},"emitted_at":1700000000,"meta":null,"file_reference":null},"state":null}
<*
$ sqlite3 out.db 'SELECT id, _airbyte_extracted_at, length(_airbyte_raw_id) FROM a'
< 1|2023-11-14T22:13:20Z|36

== catalogs that cannot be done
$ for s in 'a update' 'a append_dedup' 'a append [] 5 3'; do python3 catalog.py "$s"; sh write | grep -o '"level":"FATAL".*'; sh write >/dev/null; echo "status $?"; done
< "level":"FATAL","message":"stream a: its destination_sync_mode is for data activation, which this destination does not do: use append, append_dedup or overwrite"}}
< status 1
< "level":"FATAL","message":"stream a: append_dedup needs a primary_key"}}
< status 1
< "level":"FATAL","message":"stream a: minimum_generation_id is 3, but must be 0 or its generation_id, 5"}}
< status 1

== streams that SQLite takes for one have tables of their own
$ python3 catalog.py 'A append [] 1 0' 'a append [] 1 0' && sh write | grep -o '"message".*"\(A\|a\)\\.*'
> {"type":"RECORD","record":{"stream":"a","data":{"id":2},"emitted_at":1}}
> {"type":"RECORD","record":{"stream":"A","data":{"id":1},"emitted_at":1}}
< "message":"SQLite cannot have a table \"a\" here: the stream goes into \"a_2\""}}
$ sqlite3 out.db 'SELECT id FROM A; SELECT id FROM a_2'
< 1
< 2

== a signal: what has a state is stored and confirmed (1.2)
$ python3 catalog.py 'a append' && python3 stop.py
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"n":1}},"destinationStats":{"recordCount":1.0}}}
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"n":2}},"destinationStats":{"recordCount":1.0}}}
< status 0
$ sqlite3 out.db 'SELECT group_concat(id) FROM a'
< 1,2
