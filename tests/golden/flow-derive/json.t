# A derivation served in JSON: the order of flow.md 4.3 and 12.3, with examples/derive (balances of accounts; a withdrawal below the limit is refused).
file fill.py
| import json, os, sys
| collection = lambda name, key: {"name": name, "key": [key], "writeSchema": {"type": "object"}, "projections": [{"ptr": key, "field": key[1:], "isPrimaryKey": True, "inference": {"types": ["string"], "exists": "MUST"}}]}
| read = lambda name, config: {"name": name, "collection": collection("t/" + name, "/id"), "lambdaConfig": config}
| transforms = [read("in", {"kind": "deposit"}), read("out", {"kind": "withdrawal", "amount": "/to/cents"})]
| target = collection("t/balances", "/user")
| text = ""
| for line in sys.stdin:
|     line = line.replace('"COLLECTION"', json.dumps(target)).replace('"TRANSFORMS"', json.dumps(transforms))
|     line = line.replace('"DERIVED"', json.dumps({**target, "derivation": {"connectorType": "LOCAL", "config": {}, "transforms": [{**t, "shuffleKey": ["/user"], "stateKey": t["name"]} for t in transforms]}}))
|     text += line
| os.write(1, text.encode())  # at once: whoever reads it may end before its end

== spec: what a lambda may be is the resource
$ derive-balances | python3 -c 'import json, sys; s = json.load(sys.stdin)["spec"]; print(sorted(s), s["protocol"], sorted(s["configSchema"]["properties"]), s["resourceConfigSchema"]["required"])'
> {"spec":{"connectorType":"LOCAL","config":{}}}
< ['configSchema', 'documentationUrl', 'protocol', 'resourceConfigSchema'] 3032023 ['limit'] ['kind']

== validate answers for each transform; every problem is told
$ python3 fill.py | derive-balances
> {"validate":{"connectorType":"LOCAL","config":{},"collection":"COLLECTION","transforms":"TRANSFORMS","shuffleKeyTypes":["STRING"],"projectRoot":"file:///p/","importMap":{}}}
<= {"validated":{"transforms":[{},{}]}}
$ derive-balances
> {"validate":{"connectorType":"LOCAL","config":{},"collection":{"name":"t/b"},"transforms":[{"name":"a","lambdaConfig":{"kind":"gift"}},{"name":"b"},{"name":"c","lambdaConfig":{"kind":"deposit"}}]}}
! transform a: lambda:1:9: /kind: expected one of 'deposit', 'withdrawal', got "gift"\ntransform b: lambda: /kind: required, but missing
= 2

== two transactions, and a state that grows by patches
$ python3 fill.py | derive-balances
> {"spec":{"connectorType":"LOCAL","config":{}}}
> {"open":{"collection":"DERIVED","version":"1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"read":{"transform":0,"uuid":{"node":"1","clock":"2"},"shuffle":{"key":["ann"],"packed":"AmFubgA=","hash":7},"doc":{"user":"ann","cents":500}}}
> {"read":{"transform":1,"doc":{"user":"ann","to":{"cents":700}}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{}}}
> {"read":{"transform":1,"doc":{"user":"ann","to":{"cents":200}}}}
> {"read":{"doc":{"user":"bob/~","cents":1}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"10"}}}}}
<*
<= {"opened":{}}
<= {"published":{"doc":{"user":"ann","balance":500,"refused":1}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"users":{"ann":{"balance":500,"refused":1}}},"mergePatch":true}}}
<= {"published":{"doc":{"user":"bob/~","balance":1,"refused":0}}}
<= {"published":{"doc":{"user":"ann","balance":300,"refused":1}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"users":{"bob/~":{"balance":1,"refused":0},"ann":{"balance":300}}},"mergePatch":true}}}
# It goes on from that state. A transaction without documents is one; what was read and not committed never happened.
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED","version":"1","range":{},"state":{"users":{"ann":{"balance":300,"refused":1},"bob/~":{"balance":1,"refused":0}}}}}
> {"flush":{}}
> {"startCommit":{}}
> {"read":{"transform":1,"doc":{"user":"ann","to":{"cents":300}}}}
> {"read":{"transform":0,"doc":{"user":"bob/~","cents":1}}}
> {"flush":{}}
<= {"opened":{}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"published":{"doc":{"user":"bob/~","balance":2,"refused":0}}}
<= {"published":{"doc":{"user":"ann","balance":0,"refused":1}}}
<= {"flushed":{}}

== what the shards have said of the state before (statePatches of newer runtimes) counts, and is not said again
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED","version":"1","range":{},"state":{}}}
> {"read":{"doc":{"user":"ann","cents":5}}}
> {"flush":{"statePatches":[{"users":{"bob":{"balance":7,"refused":0}}},{"users":{"ann":{"balance":5,"refused":0}}}]}}
> {"startCommit":{}}
> {"flush":{"statePatches":7}}
<= {"opened":{}}
<= {"published":{"doc":{"user":"ann","balance":10,"refused":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"users":{"ann":{"balance":10}}},"mergePatch":true}}}
! flush: statePatches is no array
= 5

== they come with every transaction, and only the last state is in memory
file many.py
| import json
| target = {"name": "t/b", "key": ["/user"], "writeSchema": {}, "derivation": {"config": {}, "transforms": []}}
| print(json.dumps({"open": {"collection": target, "version": "1"}}))
| for n in range(1500):
|     print(json.dumps({"flush": {"statePatches": [{"x": "y" * 65536}]}}) + '\n{"startCommit":{}}')
# AddressSanitizer reserves more than any limit.
$ (ulimit -v 60000; derive-balances --help; exit $?) >/dev/null 2>&1 && ulimit -v 60000; python3 many.py | derive-balances | tail -n 1
< {"startedCommit":{}}

== reset: it begins as if it had never been, and its next state replaces what the platform has
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED","version":"1","range":{},"state":{"users":{"ann":{"balance":300,"refused":1}}}}}
> {"read":{"doc":{"user":"ann","cents":1}}}
> {"reset":{}}
> {"read":{"doc":{"user":"ann","cents":2}}}
> {"flush":{}}
> {"startCommit":{}}
> {"reset":{}}
> {"flush":{}}
> {"startCommit":{}}
<= {"opened":{}}
<= {"published":{"doc":{"user":"ann","balance":2,"refused":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"users":{"ann":{"balance":2,"refused":0}}}}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{}}}}

== what comes out of order
$ python3 fill.py | derive-balances
> {"read":{"doc":{}}}
! request 'read' before open
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"startCommit":{}}
<*
! startCommit: before 'flush'
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"flush":{}}
> {"flush":{}}
<*
! flush: a second one in a transaction
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"flush":{}}
> {"read":{"doc":{"user":"ann","cents":1}}}
<*
! read: a document after 'flush'
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"read":{"transform":2,"doc":{"user":"ann","cents":1}}}
<*
! read: transform 2 of 2
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"open":{"collection":"DERIVED"}}
<*
! a 'open' request while deriving
= 5
$ derive-balances
> {"open":{"collection":{"name":"t/balances"}}}
! open: the collection has no derivation
= 5

== what is no message
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"read":{"transform":0}}
<*
! a document is missing
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"read":{"doc":[1]}}
<*
! expected a document, which is an object
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"read":{"uuid":{"clock":"x"},"doc":{"user":"ann","cents":1}}}
<*
! expected a number of 64 bits
= 5
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"read":{"shuffle":{"packed":"/w=="},"doc":{"user":"ann","cents":1}}}
<*
! the shuffle key
= 5
$ derive-balances
>> {"spec":{}}\n{"sp
<*
! standard input ends
= 5

== a document that a lambda does not take: what was published before it, and nothing behind it
$ python3 fill.py | derive-balances
> {"open":{"collection":"DERIVED"}}
> {"read":{"doc":{"user":"ann","cents":1}}}
> {"flush":{}}
> {"startCommit":{}}
> {"read":{"doc":{"user":"bob","cents":1}}}
> {"read":{"doc":{"user":"bob"}}}
> {"flush":{}}
<= {"opened":{}}
<= {"published":{"doc":{"user":"ann","balance":1,"refused":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"users":{"ann":{"balance":1,"refused":0}}},"mergePatch":true}}}
! a document of t/in needs a name at /user and an amount at /cents: {"user":"bob"}
= 2

== only Flow knows derivations
$ derive-balances check --config x
<*
= 1
$ derive-balances check --config x | grep -o "'derive-balances' is a derivation, which only Flow knows: it cannot be served as airbyte" | uniq
< 'derive-balances' is a derivation, which only Flow knows: it cannot be served as airbyte
$ derive-balances --config x
! 'derive-balances' is a derivation, which only Flow knows: it cannot be served as singer
= 1
$ derive-balances --port 1 2>&1 | grep -o "'derive-balances' is a derivation, which only Flow knows: it cannot be served as fivetran"
< 'derive-balances' is a derivation, which only Flow knows: it cannot be served as fivetran
$ weir shim --from flow --as airbyte -- derive-balances spec | grep -o "a derivation cannot be served as airbyte, which has none" | uniq
< a derivation cannot be served as airbyte, which has none
$ weir shim --from airbyte --as flow --derivation -- source-hello
! there are no derivations in protocol 'airbyte'
= 2

== its help and its documents say nothing of others
$ derive-balances --help | grep -c -i -E "airbyte|singer tap|fivetran"
< 0
= 1
$ derive-balances --help | grep -E "^(usage|lambda|  kind)"
< usage: derive-balances                        Estuary Flow on standard input and output: JSON lines or protobuf, whichever comes,
< lambda of a transform:
<   kind  (text among 'deposit', 'withdrawal', required)
$ source-hello --help | grep -c "^usage: "
< 1
