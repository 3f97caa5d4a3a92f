# A tap: SCHEMA, RECORD, STATE (docs/protocols/singer.md 1, 3), what a catalog selects (2), and how it ends.

# Messages without their times, which are checked (1, time_extracted: 2026-01-02T03:04:05.123000Z). How often a STATE comes between records depends on
# the clock: those but the last of several in a row are left out; the last line must be one.
file show.py
| import datetime, json, re, sys
| lines = [json.loads(l) for l in sys.stdin]
| assert not lines or lines[-1]["type"] == "STATE" or "--any" in sys.argv, lines[-1]
| for i, m in enumerate(lines):
|     if m["type"] == "RECORD":
|         t = m.pop("time_extracted")
|         assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000Z", t), t
|         age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(t.replace("Z", "+00:00"))
|         assert abs(age.total_seconds()) < 60, t
|     between = m["type"] == "STATE" and i and lines[i - 1]["type"] == "RECORD" and i + 1 < len(lines)
|     if not between:
|         print(json.dumps(m, separators=(",", ":")))

# A catalog with what was discovered, changed by an expression on `s`, its only stream, or `d`, all of it.
file catalog.py
| import json, subprocess, sys
| config, change = sys.argv[1:]
| program = "source-files" if config == "f.json" else "source-hello"
| d = json.loads(subprocess.run([program, "--config", config, "--discover"], stdout=subprocess.PIPE, check=True).stdout)
| s = d["streams"][0]
| def md(*path):
|     crumb = [w for p in path for w in ("properties", p)]
|     for m in s["metadata"]:
|         if m["breadcrumb"] == crumb: return m["metadata"]
|     m = {"breadcrumb": crumb, "metadata": {}}
|     s["metadata"].append(m)
|     return m["metadata"]
| exec(change)
| json.dump(d, open("catalog.json", "w"))

file c.json
| {"count":2}

file f.json
| {"streams":[{"name":"rows","path":"rows.ndjson","key":["id"]}]}
file rows.ndjson
| {"id":1,"name":"x","price":12345678901234567890.10,"to":{"city":"Ulm","zip":null},"lines":[{"sku":"a","n":1},{"sku":"b","n":2}]}

env LOG_LEVEL=warn

== discovery
$ source-hello --config c.json --discover | jq -c .
<= {"streams":[{"tap_stream_id":"greetings","stream":"greetings","key_properties":["n"],"replication_method":"INCREMENTAL","schema":{"type":"object","properties":{"n":{"type":"integer"},"text":{"type":"string"}},"required":["n","text"]},"metadata":[{"breadcrumb":[],"metadata":{"inclusion":"available","selected-by-default":true,"table-key-properties":["n"],"forced-replication-method":"INCREMENTAL"}},{"breadcrumb":["properties","n"],"metadata":{"inclusion":"automatic"}},{"breadcrumb":["properties","text"],"metadata":{"inclusion":"available"}}]}]}

== discovery: what may be absent takes null, keys that are nested are none
file g.json
| {"streams":[{"name":"rows","path":"rows.ndjson"}]}
$ source-files --config g.json --discover | jq -c '.streams[0] | [.key_properties, .schema.properties.id, .schema.properties._meta.type, [.metadata[].breadcrumb | select(length == 4)]]'
<= [[],{"type":["integer","null"]},"object",[["properties","to","properties","city"],["properties","to","properties","zip"],["properties","_meta","properties","file"],["properties","_meta","properties","row"]]]

== a first sync: without a catalog everything is read
$ source-hello --config c.json | python3 show.py
< {"type":"SCHEMA","stream":"greetings","schema":{"required":["n","text"],"type":"object","properties":{"n":{"type":"integer"},"text":{"type":"string"}}},"key_properties":["n"]}
< {"type":"RECORD","stream":"greetings","record":{"n":0,"text":"Hello"}}
< {"type":"RECORD","stream":"greetings","record":{"n":1,"text":"Hello"}}
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":2}}}}

== resuming: the state comes first, then what is new; what nobody knows is kept as it was written
file s.json
| {"bookmarks":{"greetings":{"n":1},"gone":{"k":[1.50, {"a":null}]}},"xmin":12345678901234567890,"currently_syncing":"greetings"}
$ source-hello --config c.json --state s.json > out; head -1 out; tail -n 1 out; python3 show.py < out | jq -c 'select(.type == "RECORD").record'
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":1},"gone":{"k":[1.50,{"a":null}]}},"xmin":12345678901234567890}}
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":2},"gone":{"k":[1.50,{"a":null}]}},"xmin":12345678901234567890}}
< {"n":1,"text":"Hello"}

== nothing new: a SCHEMA and the same state, which is the last line
file s.json
| {"bookmarks":{"greetings":{"n":2}}}
$ source-hello --config c.json --state s.json | jq -r .type
< STATE
< SCHEMA
< STATE

== states that are none
file count.py
| import json, subprocess, sys
| for state in sys.argv[1:]:
|     open("s", "w").write(state)
|     r = subprocess.run("source-hello --config c.json --state s", shell=True, stdout=subprocess.PIPE)
|     print(r.returncode, sum(json.loads(line)["type"] == "RECORD" for line in r.stdout.splitlines()))
$ python3 count.py '{}' '{"bookmarks":{}}' '{"bookmarks":null}' '{"bookmarks":{"greetings":null}}' '{"type":"STATE","value":{"bookmarks":{"greetings":{"n":1}}}}' '{"bookmarks":{"greet\u0069ngs":{"n":1}}}'
< 0 2
< 0 2
< 0 2
< 0 2
< 0 1
< 0 1

== states that cannot be
file count.py
| import json, subprocess, sys
| for state in sys.argv[1:]:
|     open("s", "w").write(state)
|     print(subprocess.run("source-hello --config c.json --state s", shell=True, stdout=subprocess.PIPE).returncode)
$ python3 count.py '' '[' '7' '{"bookmarks":7}' '{"bookmarks":{"greetings":7}}'
< 1
< 1
< 1
< 1
< 1
! error s: it is not JSON: a value is missing at the end at byte 0
! error s: it is not JSON: 
! error s: it is not an object
! error s: bookmarks is not an object
! error s: the bookmark of 'greetings' is not an object

== everything on standard input
$ source-hello --config c.json --state - | jq -c 'select(.type == "RECORD").record'
> {"bookmarks":{"greetings":{"n":1}}}
< {"n":1,"text":"Hello"}

== a catalog: a field that is not selected is neither in the schema nor in records
$ python3 catalog.py c.json 'md("text")["selected"] = False; md()["selected"] = True' && source-hello --config c.json --catalog catalog.json | python3 show.py
<= {"type":"SCHEMA","stream":"greetings","schema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]},"key_properties":["n"]}
< {"type":"RECORD","stream":"greetings","record":{"n":0}}
< {"type":"RECORD","stream":"greetings","record":{"n":1}}
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":2}}}}

== a catalog: a stream that is not selected
file s.json
| {"bookmarks":{"greetings":{"n":1}}}
$ python3 catalog.py c.json 'md()["selected"] = False' && source-hello --config c.json --catalog catalog.json --state s.json
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":1}}}}
! warn  no stream is selected

== a catalog: a text is true, whatever it says
$ python3 catalog.py c.json 'md()["selected"] = "false"' && source-hello --config c.json --catalog catalog.json | jq -c 'select(.type == "RECORD").record'
< {"n":0,"text":"Hello"}
< {"n":1,"text":"Hello"}

== a catalog without metadata selects everything
$ python3 catalog.py c.json 'del s["metadata"]' && source-hello --config c.json --catalog catalog.json | jq -c 'select(.type == "RECORD").record'
< {"n":0,"text":"Hello"}
< {"n":1,"text":"Hello"}

== a key cannot be left out
$ python3 catalog.py c.json 'md("n").update({"selected": False, "inclusion": "available"})' && source-hello --config c.json --catalog catalog.json | jq -c 'select(.type == "RECORD").record'
< {"n":0,"text":"Hello"}
< {"n":1,"text":"Hello"}

== nested fields, and fields of the items of a list
$ python3 catalog.py f.json 'md("to", "zip")["selected"] = False; s["metadata"].append({"breadcrumb": ["properties", "lines", "items", "properties", "n"], "metadata": {"selected": False}}); md("_meta")["selected"] = False' && source-files --config f.json --catalog catalog.json > out && jq -c 'select(.type == "SCHEMA").schema.properties | [keys_unsorted, .to.properties, .lines.items.properties]' out && grep -o '"record":.*,"time' out
<= [["id","name","price","to","lines"],{"city":{"type":["string","null"]}},{"sku":{"type":["string","null"]}}]
< "record":{"id":1,"name":"x","price":12345678901234567890.10,"to":{"city":"Ulm"},"lines":[{"sku":"a"},{"sku":"b"}]},"time

== fields that were taken out of the catalog's schema
$ python3 catalog.py f.json 'del s["schema"]["properties"]["lines"], s["schema"]["properties"]["_meta"], s["schema"]["properties"]["to"]' && source-files --config f.json --catalog catalog.json | grep -o '"record":.*,"time'
< "record":{"id":1,"name":"x","price":12345678901234567890.10},"time

== a legacy document: the schema itself selects
$ python3 catalog.py c.json 'del s["metadata"]; s["schema"]["selected"] = True; s["schema"]["properties"]["text"]["selected"] = False' && source-hello --config c.json --properties catalog.json | jq -c 'select(.type == "RECORD").record'
< {"n":0}
< {"n":1}

== a legacy document in which nothing is selected
$ python3 catalog.py c.json 'del s["metadata"]; s["schema"]["selected"] = False' && source-hello --config c.json -p catalog.json | jq -c .
< {"type":"STATE","value":{"bookmarks":{}}}
! warn  no stream is selected

== read whole: the bookmark is not used
file s.json
| {"bookmarks":{"greetings":{"n":1}}}
$ python3 catalog.py c.json 's["replication_method"] = "FULL_TABLE"' && source-hello --config c.json --catalog catalog.json --state s.json | jq -c 'select(.type == "RECORD").record'
< {"n":0,"text":"Hello"}
< {"n":1,"text":"Hello"}

== read whole: as metadata says it; an empty text says nothing
file s.json
| {"bookmarks":{"greetings":{"n":1}}}
$ python3 catalog.py c.json 's["replication_method"] = ""; md()["replication-method"] = "FULL_TABLE"' && source-hello --config c.json --catalog catalog.json --state s.json | grep -c RECORD; python3 catalog.py c.json 's["replication_method"] = ""; md()["replication-method"] = ""' && source-hello --config c.json --catalog catalog.json --state s.json | grep -c RECORD
< 2
< 1

== methods that cannot be
$ python3 catalog.py c.json 's["replication_method"] = "LOG_BASED"' && source-hello --config c.json --catalog catalog.json; python3 catalog.py c.json 's["replication_method"] = "SOMETIMES"' && source-hello --config c.json --catalog catalog.json
! error catalog.json: stream 'greetings': it cannot be read as LOG_BASED, only as INCREMENTAL or FULL_TABLE
! error catalog.json: stream 'greetings': replication method 'SOMETIMES' is not known: FULL_TABLE, INCREMENTAL and LOG_BASED are
= 1

== a replication key is named in the SCHEMA
$ python3 catalog.py c.json 'md()["replication-key"] = "n"' && source-hello --config c.json --catalog catalog.json | head -1 | jq -c .bookmark_properties
< ["n"]

== a stream that is not there
$ python3 catalog.py c.json 's["tap_stream_id"] = "greeting"' && source-hello --config c.json --catalog catalog.json
! error catalog.json: the catalog selects 'greeting', but there is no such stream: did you mean 'greetings'?
= 1

== catalogs that cannot be
$ echo '{"streams":7}' > x; source-hello --config c.json --catalog x; echo '{"streams":[{}]}' > x; source-hello --config c.json --catalog x; echo '{"streams":[{"tap_stream_id":"greetings","metadata":[{"breadcrumb":"x"}]}]}' > x; source-hello --config c.json --catalog x
! error x: the catalog is not an object with a list `streams`
! error x: an entry of the catalog has no tap_stream_id
! error x: metadata 0 needs a breadcrumb, which is a list, and metadata, which is an object
= 1

== versions of a stream that is read whole: told at the start of the first sync, and at the end of each
file v.json
| {"count":1,"emit_activate_version_messages":true}
file versions.py
| import json, sys
| lines = [json.loads(l) for l in open("out")]
| versions = {m["version"] for m in lines if "version" in m}
| assert len(versions) == 1, versions
| last = lines[-1]["value"]["activate_versions"]["greetings"]
| assert last in versions and last > 1700000000000 and lines[0]["type"] == sys.argv[1]
| print(*[m["type"] for m in lines if m["type"] != "STATE"])
| json.dump(lines[-1]["value"], open("s.json", "w"))
$ python3 catalog.py c.json 's["replication_method"] = "FULL_TABLE"' && source-hello --config v.json --catalog catalog.json > out && python3 versions.py SCHEMA && source-hello --config v.json --catalog catalog.json --state s.json > out && python3 versions.py STATE
< SCHEMA ACTIVATE_VERSION RECORD ACTIVATE_VERSION
< SCHEMA RECORD ACTIVATE_VERSION

== no versions where only what is new is read
file v.json
| {"count":1,"emit_activate_version_messages":true}
$ source-hello --config v.json | python3 show.py | tail -n 2
< {"type":"RECORD","stream":"greetings","record":{"n":0,"text":"Hello"}}
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":1}}}}

== stream maps: another name, a field left out
file m.json
| {"count":1,"stream_maps":{"greetings":{"__alias__":"hello","text":null}}}
$ source-hello --config m.json | python3 show.py
< {"type":"SCHEMA","stream":"hello","schema":{"required":["n"],"type":"object","properties":{"n":{"type":"integer"}}},"key_properties":["n"]}
< {"type":"RECORD","stream":"hello","record":{"n":0}}
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":1}}}}

== stream maps: only what is listed, and another key
file m.json
| {"count":1,"stream_maps":{"greet*":{"text":"text","__else__":null,"__key_properties__":["text"]}}}
$ source-hello --config m.json | python3 show.py
< {"type":"SCHEMA","stream":"greetings","schema":{"required":["text"],"type":"object","properties":{"text":{"type":"string"}}},"key_properties":["text"]}
< {"type":"RECORD","stream":"greetings","record":{"text":"Hello"}}
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":1}}}}

== stream maps: a stream left out
file m.json
| {"stream_maps":{"greetings":null}}
$ source-hello --config m.json
< {"type":"STATE","value":{"bookmarks":{}}}
! warn  no stream is selected

== stream maps: what is not supported is refused
file run.sh
| for m in '{"greetings":{"text":"md5(text)"}}' '{"greetings":{"__filter__":"n > 1"}}' '{"copy":{"__source__":"greetings"}}' '{"greetigns":null}' '{"greetings":{"n":null}}' '{"greetings":{"__alias__":"__stream_name__ + 1"}}' '7'; do
|     printf '{"stream_maps":%s}' "$m" > m.json; source-hello --config m.json || echo $?
| done
$ sh run.sh
< 1
< 1
< 1
< 1
< 1
< 1
< 1
! error m.json:1:37: /stream_maps/greetings/text: expressions are not supported
! error m.json:1:43: /stream_maps/greetings/__filter__: not supported
! error stream_maps/copy: there is no such stream
! error stream_maps/greetigns: there is no such stream
! error stream 'greetings': stream_maps leave out 'n', which is its key
! error m.json:1:42: /stream_maps/greetings/__alias__: an alias must be a plain name
! error stream_maps is a number instead of an object

== BATCH: files of bare records, complete before they are told; the state behind them
file b.json
| {"count":5,"batch_config":{"encoding":{"format":"jsonl","compression":"gzip"},"storage":{"root":"file://./out","prefix":"p-"},"batch_size":2}}
file batches.py
| import gzip, json, os, re, subprocess, sys
| unpack = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-dcq"], "none": ["cat"]}
| seen = 0
| for line in sys.stdin:
|     m = json.loads(line)
|     if m["type"] == "BATCH":
|         (url,), how = m["manifest"], m["encoding"]["compression"]
|         assert m["encoding"]["format"] == "jsonl" and m["stream"] == "greetings"
|         assert re.fullmatch("file://" + os.getcwd() + r"/out/p-tap-hello--greetings-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-\d+\.json(\.gz|\.zst)?", url), url
|         rows = subprocess.run(unpack[how] + [url[7:]], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
|         seen += len(rows)
|         print("BATCH", *rows)
|     elif m["type"] == "STATE":
|         assert m["value"]["bookmarks"]["greetings"]["n"] <= seen
|         last = line
|     else:
|         print(m["type"])
| print(last.strip(), len(os.listdir("out")))
$ source-hello --config b.json | python3 batches.py
< SCHEMA
< BATCH {"n":0,"text":"Hello"} {"n":1,"text":"Hello"}
< BATCH {"n":2,"text":"Hello"} {"n":3,"text":"Hello"}
< BATCH {"n":4,"text":"Hello"}
< {"type":"STATE","value":{"bookmarks":{"greetings":{"n":5}}}} 3

== BATCH: zstd, and nothing
file b.json
| {"count":1,"batch_config":{"encoding":{"compression":"zstd"},"storage":{"root":"file://out","prefix":"p-"}}}
file n.json
| {"count":1,"batch_config":{"encoding":{"format":"jsonl","compression":null},"storage":{"root":"file://out","prefix":"p-"}}}
file batches.py
| import json, subprocess, sys
| for m in map(json.loads, sys.stdin):
|     if m["type"] == "BATCH":
|         path = m["manifest"][0][7:]
|         print(m["encoding"]["compression"], subprocess.run(["zstd", "-dcq", path] if path.endswith("zst") else ["cat", path], stdout=subprocess.PIPE, check=True).stdout)
$ source-hello --config b.json | python3 batches.py; source-hello --config n.json | python3 batches.py
< zstd b'{"n":0,"text":"Hello"}\n'
< none b'{"n":0,"text":"Hello"}\n'

== BATCH: only files, only lines of JSON
file b.json
| {"batch_config":{"encoding":{"format":"parquet"},"storage":{"root":"s3://bucket"}}}
$ source-hello --config b.json; echo '{"batch_config":{"storage":{"root":"s3://bucket"}}}' > b.json; source-hello --config b.json; echo '{"batch_config":{}}' > b.json; source-hello --config b.json
! error b.json:1:39: /batch_config/encoding/format: expected one of 'jsonl', got "parquet"
! error batch_config/storage/root: 's3://bucket' is no file:// URL: only files are supported
! error b.json:1:17: /batch_config/storage/root: required, but missing
= 1

== a signal: the state, status 0
file stop.py
| import json, signal, subprocess
| p = subprocess.Popen(["source-hello", "--config", "many.json"], stdout=subprocess.PIPE)
| head = p.stdout.read(100000)
| p.send_signal(signal.SIGTERM)
| tail = (head + p.stdout.read()).decode().splitlines()
| last, before = json.loads(tail[-1]), json.loads(tail[-2])
| records = sum(line.startswith('{"type":"RECORD"') for line in tail)
| assert last["type"] == "STATE" and last["value"]["currently_syncing"] == "greetings"
| assert last["value"]["bookmarks"]["greetings"]["n"] == records < 1000000000
| print(p.wait())
file many.json
| {"count":1000000000}
$ python3 stop.py
< 0

== nobody reads any more: not a word, and not a success
file many.json
| {"count":1000000000}
$ (source-hello --config many.json; echo "status $?" >&2) | head -1 >/dev/null
! status 1

== metrics: as many as were sent, and how long it took
env LOG_LEVEL=info
$ source-hello --config c.json >/dev/null
! info  METRIC: {"type":"counter","metric":"record_count","value":2,"tags":{"stream":"greetings","pid":
! info  METRIC: {"type":"timer","metric":"sync_duration","value":

== a connector that fails: the states so far, the reason, status 1
file bad.json
| {"streams":[{"name":"rows","path":"bad.ndjson","key":["id"]}],"sample":1}
file bad.py
| with open("bad.ndjson", "w") as f:
|     f.writelines('{"id":%d,"text":"%s"}\n' % (n, "x" * 100) for n in range(20000))
|     f.write('{"id":\n')
$ python3 bad.py; source-files --config bad.json > out; echo $?; tail -n 1 out | jq -c '[.type, (.value.bookmarks.rows | type)]'
< 1
< ["STATE","object"]
!*
! error binding rows: 
