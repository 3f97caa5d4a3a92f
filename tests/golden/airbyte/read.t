# read: statuses, records, states, errors (docs/protocols/airbyte.md 2.2, 2.3, 2.8, 3.1 to 3.3).

# Messages without the times, which are checked: `emitted_at` of a RECORD is an integer of milliseconds (2.2), of a TRACE a number (2.8).
file show.py
| import json, sys, time
| def well(t): return abs(t / 1000 - time.time()) < 60
| for line in sys.stdin:
|     m = json.loads(line)
|     if m["type"] == "RECORD":
|         t = m["record"].pop("emitted_at")
|         assert isinstance(t, int) and well(t), t
|     if m["type"] in ("TRACE", "CONTROL"):
|         assert well(m[m["type"].lower()].pop("emitted_at"))
|     if m["type"] == "TRACE" and m["trace"]["type"] == "STREAM_STATUS":
|         s = m["trace"]["stream_status"]
|         print(s["status"], json.dumps(s["stream_descriptor"], separators=(",", ":")))
|     else:
|         print(line.strip() if m["type"] == "STATE" else json.dumps(m, separators=(",", ":")))

file three.json
| {"count":3}

file catalog.json
| {"streams":[{"stream":{"name":"greetings","json_schema":{"type":"object","properties":{}},"supported_sync_modes":["full_refresh","incremental"]},"sync_mode":"incremental","destination_sync_mode":"append"}]}

# How many records come from where each of these states says.
file count.py
| import json, subprocess, sys
| for state in sys.argv[1:]:
|     open("s", "w").write(state)
|     out = subprocess.run("source-hello read --config three.json --catalog catalog.json --state s", shell=True, stdout=subprocess.PIPE).stdout
|     print(sum(json.loads(line)["type"] == "RECORD" for line in out.splitlines()))

# Two streams; b is spoiled behind the first MiB.
file files.py
| import json, os
| here = os.getcwd()
| with open("b.ndjson", "w") as f:
|     f.writelines(json.dumps({"id": n, "text": "x" * 100}) + "\n" for n in range(20000))
|     f.write("{\"id\":\n")
| open("a.csv", "w").write("id,name\n1,x\n2,\n")
| json.dump({"sample": 1, "streams": [{"name": "b", "path": here + "/b.ndjson"}, {"name": "a", "path": here + "/a.csv", "key": ["id"]}]}, open("f.json", "w"))
| json.dump({"streams": [{"stream": {"name": n, "json_schema": {}}, "sync_mode": "incremental", "destination_sync_mode": "append"} for n in "ba"]}, open("c.json", "w"))

env LOG_LEVEL=warn

== a stream's life: STARTED, RUNNING, records, state, COMPLETE
$ source-hello read --config three.json --catalog catalog.json | python3 show.py
< STARTED {"name":"greetings"}
< RUNNING {"name":"greetings"}
< {"type":"RECORD","record":{"stream":"greetings","data":{"n":0,"text":"Hello"}}}
< {"type":"RECORD","record":{"stream":"greetings","data":{"n":1,"text":"Hello"}}}
< {"type":"RECORD","record":{"stream":"greetings","data":{"n":2,"text":"Hello"}}}
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":3}},"sourceStats":{"recordCount":3.0}}}
< COMPLETE {"name":"greetings"}

== it says what it did, if somebody wants to know
env LOG_LEVEL=info
$ source-hello read --config three.json --catalog catalog.json | grep '"LOG"'
< {"type":"LOG","log":{"level":"INFO","message":"read 3 records from greetings"}}

== from where the state says; what PyAirbyte writes: nulls, and a name twice (4.1)
file state.json
| [{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings","namespace":null},"stream_state":{"n":2}},
|   "global_":null,"data":null,"sourceStats":null,"destinationStats":null,"global_":null}]
$ source-hello read --config three.json --catalog catalog.json --state state.json | python3 show.py
< STARTED {"name":"greetings"}
< RUNNING {"name":"greetings"}
< {"type":"RECORD","record":{"stream":"greetings","data":{"n":2,"text":"Hello"}}}
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":3}},"sourceStats":{"recordCount":1.0}}}
< COMPLETE {"name":"greetings"}

== nothing new: no RUNNING, the state once more with a count of 0.0 (3.2)
$ echo '[{"stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":3,"kept":1.50}}}]' >s; source-hello read --config three.json --catalog catalog.json --state=s | python3 show.py
< STARTED {"name":"greetings"}
< {"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":3,"kept":1.50}},"sourceStats":{"recordCount":0.0}}}
< COMPLETE {"name":"greetings"}

== all shapes of no state at all (2.3), and the dummy (3.1)
$ python3 count.py '[]' '{}' '[{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":null}}]' '[{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"__ab_no_cursor_state_message":true}}}]'
< 3
< 3
< 3
< 3

== all shapes of a state: with its envelope, alone, GLOBAL, GLOBAL as PyAirbyte writes it, LEGACY, bare
$ python3 count.py '[{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":2}}}}]' '{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":2}}}' '[{"type":"GLOBAL","global":{"shared_state":null,"stream_states":[{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":2}}]}}]' '[{"type":"GLOBAL","global_":{"shared_state":{},"stream_states":[{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":2}}]}}]' '[{"type":"LEGACY","data":{"greetings":{"n":2}}}]' '{"greetings":{"n":2}}' '{"data":{"greetings":{"n":2}}}'
< 1
< 1
< 1
< 1
< 1
< 1
< 1

== a state of another stream, or of the same name in another namespace, is not this one's
$ python3 count.py '[{"type":"STREAM","stream":{"stream_descriptor":{"name":"others"},"stream_state":{"n":2}}}]' '[{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings","namespace":"x"},"stream_state":{"n":2}}}]'
< 3
< 3

== who began with a GLOBAL state goes on so; states of streams that are not read stay in it
file global.json
| [{"type":"GLOBAL","global":{"shared_state":{"lsn":5},"stream_states":[
|   {"stream_descriptor":{"name":"greetings"},"stream_state":{"n":2}},{"stream_descriptor":{"name":"a","namespace":"public"},"stream_state":{"c":1}}]}}]
$ source-hello read --config three.json --catalog catalog.json --state global.json | grep '"STATE"'
<= {"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{"lsn":5},"stream_states":[{"stream_descriptor":{"name":"a","namespace":"public"},"stream_state":{"c":1}},{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":3}}]},"sourceStats":{"recordCount":1.0}}}

== a state that cannot be understood: nothing is read
$ echo '[{"type":"WEEKLY"}]' >s; source-hello read --config three.json --catalog catalog.json --state s | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"state: s:1:10: the type of a state can only be STREAM, GLOBAL or LEGACY"}}
$ echo '7' >s; source-hello read --config three.json --catalog catalog.json --state s | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"state: s:1:1: a state is an array of states, or an object"}}
$ source-hello read --config three.json --catalog catalog.json --state none | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"state: cannot read \"none\": No such file or directory"}}
$ source-hello read --config three.json --catalog catalog.json --state s >/dev/null
= 1

== a stream that is not there: INCOMPLETE without STARTED, the others are read, status 0 (1.2)
file two.json
| {"streams":[
|   {"stream":{"name":"nope","json_schema":{},"supported_sync_modes":["full_refresh"]},"sync_mode":"full_refresh","destination_sync_mode":"append"},
|   {"stream":{"name":"greetings","namespace":null,"json_schema":{},"extra":1},"sync_mode":"full_refresh","destination_sync_mode":"overwrite","cursor_field":null,
|    "primary_key":null,"generation_id":1,"minimum_generation_id":1,"sync_id":null,"include_files":null,"unknown":[{}]}]}
$ source-hello read --config three.json --catalog two.json | python3 show.py
< {"type":"LOG","log":{"level":"WARN","message":"stream {\"name\":\"nope\"} is not there: it is passed over"}}
< INCOMPLETE {"name":"nope"}
< STARTED {"name":"greetings"}
<*
< COMPLETE {"name":"greetings"}

== the same name in another namespace is another stream
$ sed 's/"name":"greetings"/"name":"greetings","namespace":"x"/' catalog.json >c; source-hello read --config three.json --catalog c | python3 show.py
< {"type":"LOG","log":{"level":"WARN","message":"stream {\"name\":\"greetings\",\"namespace\":\"x\"} is not there: it is passed over"}}
< INCOMPLETE {"name":"greetings","namespace":"x"}

== an empty catalog
$ echo '{"streams":[]}' >c; source-hello read --config three.json --catalog c

== a word that is not in the protocol is fatal (2.7)
$ sed 's/"sync_mode":"incremental"/"sync_mode":"INVALID"/' catalog.json >c; source-hello read --config three.json --catalog c | python3 show.py
< {"type":"LOG","log":{"level":"FATAL","message":"catalog: c:1:158: sync_mode is 'INVALID', but can only be full_refresh or incremental"}}
<*
$ sed 's/"append"/"upsert"/' catalog.json >c; source-hello read --config three.json --catalog c >/dev/null
= 1
$ echo '{"streams":[{"sync_mode":"full_refresh"}]}' >c; source-hello read --config three.json --catalog c | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"catalog: c:1:13: 'stream' is missing"}}

== a stream that is there twice
$ python3 -c 'import json; c = json.load(open("catalog.json")); c["streams"] *= 2; json.dump(c, open("c", "w"))'; source-hello read --config three.json --catalog c | head -n 1
<= {"type":"LOG","log":{"level":"FATAL","message":"catalog: c: stream {\"name\":\"greetings\"} is there twice"}}

== settings that break the schema: every stream gets its status nevertheless
$ echo '{"count":"x"}' >x; source-hello read --config x --catalog catalog.json | head -n 1; source-hello read --config x --catalog catalog.json >/dev/null; echo "status $?"
<= {"type":"LOG","log":{"level":"FATAL","message":"x:1:10: /count: expected an integer, got \"x\""}}
< status 1

== files: two streams, one of them spoiled behind what discovery looks at: the other is read nevertheless, the status says so (3.2)
file brief.py
| # Counts what stands between two other messages: records of b.
| import json, sys
| records = states = total = 0
| for line in sys.stdin:
|     m = json.loads(line)
|     if m["type"] == "RECORD" and m["record"]["stream"] == "b":
|         records += 1
|     elif m["type"] == "STATE" and m["state"]["stream"]["stream_descriptor"]["name"] == "b":
|         assert m["state"]["sourceStats"]["recordCount"] == records, (m, records)
|         total, records, states = total + records, 0, states + 1
|     elif m["type"] == "STATE":
|         print("STATE a", m["state"]["sourceStats"])
|     elif m["type"] == "RECORD":
|         print("RECORD a", m["record"]["data"]["id"], m["record"]["data"]["name"])
|     elif m["type"] == "LOG":
|         print(m["log"]["level"], "b.ndjson" in m["log"]["message"])
|     elif m["trace"]["type"] == "ERROR":
|         e = m["trace"]["error"]
|         print("ERROR", e["failure_type"], e.get("stream_descriptor"), "b.ndjson" in e["message"])
|     else:
|         print(m["trace"]["stream_status"]["status"], m["trace"]["stream_status"]["stream_descriptor"]["name"])
| print(states > 0, total + records <= 20000, total >= 10000)
$ python3 files.py; source-files read --config f.json --catalog c.json >out; echo "status $?"; python3 brief.py <out
< status 1
< STARTED b
< RUNNING b
< ERROR True
< INCOMPLETE b
< ERROR system_error {'name': 'b'} True
< STARTED a
< RUNNING a
< RECORD a 1 x
< RECORD a 2 None
< STATE a {'recordCount': 2.0}
< COMPLETE a
< FATAL False
< ERROR system_error None False
< True True True

== files: a key that was made up of nested members is not told, one of the user's is
$ python3 files.py; source-files discover --config f.json | python3 -c 'import json, sys; [print(s["name"], s.get("source_defined_primary_key"), sorted(s["json_schema"]["properties"]), s["supported_sync_modes"]) for s in json.loads(sys.stdin.read())["catalog"]["streams"]]'
< b None ['_meta', 'id', 'text'] ['full_refresh', 'incremental']
< a [['id']] ['_meta', 'id', 'name'] ['full_refresh', 'incremental']

== nobody reads any more: it ends without a word, but not with success
$ echo '{"count":1000000000}' >x; (source-hello read --config x --catalog catalog.json; echo "status $?" >&2) | head -n 3 | tail -n 1 | python3 show.py
< {"type":"RECORD","record":{"stream":"greetings","data":{"n":0,"text":"Hello"}}}
! status 1

== SIGTERM: what is sealed goes out with its state, open streams are INCOMPLETE, then it ends as the signal ends a program (1.2)
file stop.py
| import json, signal, subprocess
| p = subprocess.Popen(["source-hello", "read", "--config", "x", "--catalog", "catalog.json"], stdout=subprocess.PIPE)
| lines = [p.stdout.readline() for _ in range(1000)]
| p.send_signal(signal.SIGTERM)
| lines += p.stdout.readlines()
| messages = [json.loads(line) for line in lines]
| records = sum(m["type"] == "RECORD" for m in messages)
| states = [m["state"] for m in messages if m["type"] == "STATE"]
| print(sum(s["sourceStats"]["recordCount"] for s in states) == records == states[-1]["stream"]["stream_state"]["n"])
| print(messages[-1]["trace"]["stream_status"]["status"], p.wait() == -signal.SIGTERM)
$ echo '{"count":1000000000}' >x; python3 stop.py
< True
< INCOMPLETE True
