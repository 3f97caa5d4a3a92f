# A target: messages into SQLite, states out (docs/protocols/singer.md 1, 4, 5.3, 6, 7, 11).

env LOG_LEVEL=warn

file c.json
| {"path":"out.db"}

file target
| exec materialize-sqlite --config ${1:-c.json}

# A target with more settings.
file with
| echo "{\"path\":\"out.db\",$1}" >more.json; exec materialize-sqlite --config more.json

file q
| exec sqlite3 out.db "$1"

# A stream with versions.
file versions
| {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
| {"type":"RECORD","stream":"t","record":{"id":0}}
| {"type":"RECORD","stream":"t","record":{"id":1},"version":1}
| {"type":"RECORD","stream":"t","record":{"id":2},"version":1}
| {"type":"ACTIVATE_VERSION","stream":"t","version":1}
| {"type":"RECORD","stream":"t","record":{"id":2},"version":2}
| {"type":"RECORD","stream":"t","record":{"id":3},"version":2}
| {"type":"ACTIVATE_VERSION","stream":"t","version":2}
| {"type":"RECORD","stream":"t","record":{"id":4},"version":1}
| {"type":"STATE","value":{"a":1}}

# A frame of Zstandard with its content as it is (RFC 8878, 3.1).
file zst.py
| text = b"".join(b'{"id":%d}\n' % n for n in range(5, 10))
| open("b3.zst", "wb").write(bytes.fromhex("28b52ffd20") + bytes([len(text)]) + (len(text) << 3 | 1).to_bytes(3, "little") + text)

# SIGTERM while the tap is still writing.
file stop.py
| import fcntl, signal, struct, subprocess, termios, time
| p = subprocess.Popen(["sh", "target"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
| def say(text):
|     p.stdin.write(text.encode() + b"\n"); p.stdin.flush()
| say('{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}}}')
| say('{"type":"RECORD","stream":"t","record":{"id":1}}')
| say('{"type":"STATE","value":{"a":1}}')
| print(p.stdout.readline().decode().strip())
| say('{"type":"RECORD","stream":"t","record":{"id":2}}')
| say('{"type":"STATE","value":{"a":2}}')
| say('{"type":"RECORD","stream":"t","record":{"id":3}}')
| while struct.unpack("i", fcntl.ioctl(p.stdin, termios.FIONREAD, b"0000"))[0]: # until it has read them all
|     time.sleep(0.01)
| p.send_signal(signal.SIGTERM)
| for line in p.stdout: print(line.decode().strip())
| print("status", p.wait())

== records become rows, the last of each key; the last state comes out, as it was written
$ sh target
> {"type":"STATE","value":{"bookmarks":{}}}
> {"type":"SCHEMA","stream":"t","schema":{"type":["null","object"],"properties":{"id":{"type":"integer"},"v":{"anyOf":[{"type":"string","format":"date-time"},{"type":["string","null"]}]},"n":{"type":["null","number"]},"o":{"type":"object"},"any":{}}},"key_properties":["id"],"bookmark_properties":null}
>
> {"type":"RECORD","stream":"t","record":{"id":2,"v":"a","n":12.3400,"o":{"b":[1, 2]},"any":true}}
> {"type":"RECORD","stream":"t","record":{"id":1,"n":123456789012345678901234567890.5},"time_extracted":"2026-01-02T03:04:05.000006Z","version":null}
> {"stream":"t","type":"RECORD","record":{"id":2,"v":"b"}}
> {"type":"STATE","value":{"x":1.50, "big":123456789012345678901234567890, "s":"\u00e9"}}
< {"x":1.50,"big":123456789012345678901234567890,"s":"\u00e9"}
$ sh q 'SELECT * FROM t ORDER BY id'
< 1||123456789012345678901234567890.5||
< 2|b|||
$ sh q "SELECT name, type, pk FROM pragma_table_info('t')"
< id|INTEGER|1
< v|TEXT|0
< n|ANY|0
< o|TEXT|0
< any|ANY|0

== without a key every record is a row; types in any case; unknown ones are skipped; the last line may lack its end
$ sh target
>> {"type":"schema","stream":"t","schema":{"properties":{"id":{"type":"integer"}}}}\n{"type":"LOG","message":"x"}\n{"type":"Record","stream":"t","record":{"id":1}}\n{"type":"LOG"}\n{"type":"RECORD","stream":"t","record":{"id":1}}\n{"type":"state","value":{"a":1}}
< {"a":1}
! warn  messages of the unknown type 'LOG' are skipped
$ sh q 'SELECT id FROM t'
< 1
< 1

== an empty state is not passed on, since it would wipe what the runner has (9)
$ sh target
> {"type":"STATE","value":{"a":1}}
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}}}
> {"type":"STATE","value":{}}
< {"a":1}

== what a schema does not describe is dropped, with a warning for each stream
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"},"o":{"type":"object"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":1,"o":{"x":1}}}
> {"type":"RECORD","stream":"t","record":{"id":2,"z":2,"x \"y":1}}
> {"type":"RECORD","stream":"t","record":{"id":3,"z":1}}
! warn  stream t: "x \"y" is not described by its schema: it is dropped, as everything of the kind
$ sh q "SELECT id, o FROM t"
< 1|{"x":1}
< 2|
< 3|

== a table is made for a stream without records
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
$ sh q 'SELECT count(*) FROM t'
< 0

== records before their schema, without their key, schemas without properties (5.3)
$ sh target
> {"type":"RECORD","stream":"t","record":{"id":1}}
! error stream 't': a RECORD came before its SCHEMA
= 1
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":1}}
> {"type":"STATE","value":{"a":1}}
> {"type":"RECORD","stream":"t","record":{"id":2}}
> {"type":"RECORD","stream":"t","record":{"v":1}}
< {"a":1}
! error stream t: a document without its key /id: {"v":1}
= 1
$ sh q 'SELECT id FROM t'
< 1
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"type":"object"},"key_properties":[]}
! error stream 't': its schema describes no properties
= 1
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":null}}
! error stream t: store: table "t": a document of "t" has no value at "/id", which is part of its key
= 1

== what is no JSON ends it, with what had a state stored
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":1}}
> {"type":"STATE","value":{"a":1}}
>> {"type":"RECORD","stream":"t","rec
< {"a":1}
! error the input ends inside a message: unterminated string
= 1
$ sh q 'SELECT id FROM t'
< 1

== schemas change: new columns, another key; repeats are nothing; rows are replaced whole
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"},"mail":{"type":"string"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":1,"mail":"a","new":1}}
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"},"mail":{"type":"string"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":1,"mail":"b"}}
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"},"mail":{"type":"string"},"new":{"type":"array"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":2,"mail":"c","new":[1, {"x": 2}]}}
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"},"mail":{"type":"string"}}},"key_properties":["mail"]}
> {"type":"RECORD","stream":"t","record":{"id":3,"mail":"c"}}
> {"type":"STATE","value":{"a":1}}
< {"a":1}
$ sh q 'SELECT id, mail, new FROM t ORDER BY mail'
< 1|b|
< 3|c|

== load_method
$ for m in upsert append-only overwrite; do for n in 1 2; do printf '%s\n' '{"type":"SCHEMA","stream":"'$m'","schema":{"properties":{"id":{},"n":{}}},"key_properties":["id"]}' '{"type":"RECORD","stream":"'$m'","record":{"id":7,"n":'$n'}}' '{"type":"RECORD","stream":"'$m'","record":{"id":'$n',"n":'$n'}}' | sh with '"load_method":"'$m'"'; done; sh q "SELECT '$m', group_concat(id || '=' || n, ' ') FROM (SELECT * FROM \"$m\" ORDER BY id, n)"; done
< upsert|1=1 2=2 7=2
< append-only|1=1 2=2 7=1 7=2
< overwrite|2=2 7=2

== overwrite: a run that sends nothing leaves the rows, for its tap may have failed
$ printf '%s\n' '{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{}}},"key_properties":[]}' '{"type":"RECORD","stream":"t","record":{"id":1}}' | sh with '"load_method":"overwrite"'; printf '%s\n' '{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{}}},"key_properties":[]}' | sh with '"load_method":"overwrite"'; sh q 'SELECT id FROM t'
< 1

== metadata columns (4)
$ sh with '"add_record_metadata":true'
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
> {"type":"RECORD","stream":"t","record":{"id":1},"time_extracted":"2026-01-02T03:04:05.000006Z","version":17}
> {"type":"RECORD","stream":"t","record":{"id":2,"_sdc_deleted_at":"2026-01-02T00:00:00Z"}}
$ sh q "SELECT id, _sdc_extracted_at, _sdc_deleted_at, _sdc_table_version, abs(_sdc_sequence / 1000 - strftime('%s', 'now')) < 60, abs(_sdc_sync_started_at / 1000 - strftime('%s', 'now')) < 60, abs(strftime('%s', _sdc_received_at) - strftime('%s', 'now')) < 60, _sdc_batched_at >= _sdc_received_at FROM t"
< 1|2026-01-02T03:04:05.000006Z||17|1|1|1|1
< 2||2026-01-02T00:00:00Z||1|1|1|1

== deletions: hard ones remove the row, soft ones are a column, also if the schema does not tell of it
$ for h in true false; do printf '%s\n' '{"type":"SCHEMA","stream":"'$h'","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}' '{"type":"RECORD","stream":"'$h'","record":{"id":1}}' '{"type":"RECORD","stream":"'$h'","record":{"id":2}}' '{"type":"RECORD","stream":"'$h'","record":{"id":1,"_sdc_deleted_at":"2026-01-02T00:00:00Z"}}' '{"type":"RECORD","stream":"'$h'","record":{"id":2,"_sdc_deleted_at":null}}' | sh with '"hard_delete":'$h; sh q "SELECT * FROM \"$h\" ORDER BY id"; done
< 2
< 1|2026-01-02T00:00:00Z
< 2|

== ACTIVATE_VERSION: what came before is stored first, lower versions go, rows without one stay
$ sh with '"hard_delete":true' <versions
< {"a":1}
$ sh q 'SELECT id, _sdc_table_version FROM t ORDER BY id'
< 0|
< 2|2
< 3|2
< 4|1
$ rm out.db*; sh target <versions
< {"a":1}
$ sh q "SELECT id, _sdc_table_version, abs(strftime('%s', _sdc_deleted_at) - strftime('%s', 'now')) < 60 FROM t ORDER BY id"
< 0||
< 1|1|1
< 2|2|
< 3|2|
< 4|1|
$ rm out.db*; sh with '"process_activate_version_messages":false' <versions
< {"a":1}
$ sh q "SELECT count(*) FROM t; SELECT name FROM pragma_table_info('t')"
< 5
< id

== BATCH: gzip, zstd, plain; whatever the message says of the compression
$ printf '{"id":1}\n\n{"id": 2}\n' >b1; printf '{"id":3}\n' | gzip >'b 2.gz'; printf '{"id":4}\n' | gzip >>'b 2.gz'; python3 zst.py; printf '%s\n' '{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}' '{"type":"BATCH","stream":"t","encoding":{"format":"jsonl","compression":"gzip"},"manifest":["file://'$PWD'/b1","file://'$PWD'/b%202.gz"]}' '{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["file://'$PWD'/b3.zst"],"version":3}' '{"type":"STATE","value":{"a":1}}' | sh target; sh q 'SELECT group_concat(id), group_concat(_sdc_table_version) FROM t'
< {"a":1}
< 1,2,3,4,5,6,7,8,9|3,3,3,3,3

== BATCH: formats, places and files that cannot be read
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
> {"type":"BATCH","stream":"t","encoding":{"format":"parquet"},"manifest":["file:///x"]}
! error stream 't': batches of format "parquet" cannot be read, only jsonl: set the tap's batch_config.encoding.format
= 1
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
> {"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["s3://bucket/x"]}
! s3://bucket/x
= 1
$ mkfifo pipe; printf '%s\n' '{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}' '{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["file://'$PWD'/pipe"]}' | sh target
! /pipe' is no regular file
= 1
$ sh target
> {"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}
> {"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["file:///dev/stdin"]}
> {"type":"STATE","value":{"a":1}}
! '/dev/stdin' is no regular file
= 1

== names as odd as they come, in one column each; texts with any character
$ sh target
> {"type":"SCHEMA","stream":"test:SpecialChars!in?attributes","schema":{"properties":{"a:b":{"type":"string"},"a b":{"type":"string"},"A B":{"type":"string"},"1":{"type":"string"},"":{"type":"string"},"x\"y":{"type":"string"},"😀":{"type":"string"}}},"key_properties":["a:b"]}
> {"type":"RECORD","stream":"test:SpecialChars!in?attributes","record":{"a:b":"1","a b":"2","A B":"3","1":"4","":"5","x\"y":"6","😀":"a\u0000b\ud83d\ude00"}}
! warn  table "test:SpecialChars!in?attributes" cannot have another column "A B": the field goes into "A B_2"
! warn  table "test:SpecialChars!in?attributes" cannot have another column "": the field goes into "_"
$ sh q 'SELECT "a:b", "a b", "A B_2", "1", "_", "x""y", hex("😀") FROM "test:SpecialChars!in?attributes"'
< 1|2|3|4|5|6|610062F09F9880

== default_target_schema
$ sh with '"default_target_schema":"raw"'
> {"type":"SCHEMA","stream":"main-users","schema":{"properties":{"id":{"type":"integer"}}}}
> {"type":"RECORD","stream":"main-users","record":{"id":1}}
$ sh q 'SELECT id FROM "raw__main-users"'
< 1

== batch_size_rows, where it is given, is obeyed: rows are there before the input ends
$ (printf '%s\n' '{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}}}' '{"type":"RECORD","stream":"t","record":{"id":1}}' '{"type":"RECORD","stream":"t","record":{"id":2}}' '{"type":"RECORD","stream":"t","record":{"id":3}}'; until [ "$(sqlite3 out.db 'SELECT count(*) FROM t' 2>/dev/null)" = 2 ]; do sleep 0.05; done; echo '{"type":"STATE","value":{"a":1}}') | sh with '"batch_size_rows":2'
< {"a":1}

== settings that are none, or not those of this target
$ sh with '"load_method":"replace"'
! error more.json:1:32: /load_method:
= 1
$ sh with '"pat":"x"'
! pat
= 1

== a signal: everything up to the last state is stored, and the state comes out
$ python3 stop.py
< {"a":1}
< {"a":2}
< status 0
$ sh q 'SELECT group_concat(id) FROM t'
< 1,2

== --input FILE
$ printf '%s\n' '{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{"type":"integer"}}}}' '{"type":"RECORD","stream":"t","record":{"id":1}}' '{"type":"STATE","value":{"a":2}}' >in; materialize-sqlite --config c.json --input in; materialize-sqlite --config c.json --input none; echo "status $?"
< {"a":2}
< status 1
! error --input none: No such file or directory
