# A derivation that was written from the protocol's page (peer.py, which checks what it is told), driven by weir shim, which is a derivation to whoever asks here.
file fill.py
| import json, os, sys
| config = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
| lambdas = json.loads(sys.argv[2]) if len(sys.argv) > 2 else [{"times": 2}, {"times": 0}]
| field = lambda name, kind, **more: {"ptr": "/" + name, "field": name, "inference": {"types": [kind], "exists": "MAY"}, **more}
| fields = [field("n", "integer"), field("id", "string", isPrimaryKey=True)]
| collection = lambda name: {"name": name, "key": ["/id"], "writeSchema": {"type": "object"}, "projections": fields}
| names = ["double", "zero"]
| transforms = [{"name": n, "collection": collection("t/" + n), "lambdaConfig": l} for n, l in zip(names, lambdas)]
| text = ""
| for line in sys.stdin:
|     line = line.replace('"COLLECTION"', json.dumps(collection("t/d"))).replace('"CONFIG"', json.dumps(config)).replace('"TRANSFORMS"', json.dumps(transforms))
|     spec = [{**t, "shuffleKey": ["/id", "/n"] if t["name"] == "double" else [], "backfill": 3 if t["name"] == "zero" else 0, "stateKey": t["name"]} for t in transforms]
|     line = line.replace('"DERIVED"', json.dumps({**collection("t/d"), "derivation": {"connectorType": "LOCAL", "config": config, "transforms": spec}}))
|     text += line
| os.write(1, text.encode())  # at once: whoever reads it may end before its end
file drive.sh
| python3 fill.py "$@" | weir shim --from flow --as flow --derivation -- python3 $ROOT/tests/golden/flow-derive/peer.py --

== spec: what it says of itself
$ sh drive.sh
> {"spec":{"connectorType":"LOCAL","config":{}}}
<= {"spec":{"protocol":3032023,"configSchema":{"type":"object"},"resourceConfigSchema":{"type":"object","properties":{"times":{"type":"integer"}}},"documentationUrl":"https://example.com"}}

== validate: what only reads, files that are not there
$ sh drive.sh
> {"validate":{"connectorType":"LOCAL","config":"CONFIG","collection":"COLLECTION","transforms":"TRANSFORMS"}}
<= {"validated":{"transforms":[{},{"readOnly":true}]}}
$ sh drive.sh '{"stub":"file:///p/l.json"}' '["file:///p/l.json",{}]'
> {"validate":{"connectorType":"LOCAL","config":"CONFIG","collection":"COLLECTION","transforms":"TRANSFORMS","importMap":{"/transforms/0/lambda":"file:///p/l.json"}}}
<= {"validated":{"transforms":[{},{}],"generatedFiles":{"file:///p/l.json":"{\"times\": 1}\n"}}}

== documents that are published at once, and with the flush
file requests
| {"open":{"collection":"DERIVED","version":"1","range":{},"state":{"seen":{"a":4}}}}
| {"read":{"shuffle":{"key":["a",2]},"uuid":{"clock":"9"},"doc":{"id":"a","n":2}}}
| {"read":{"transform":1,"doc":{"id":"a","n":7}}}
| {"flush":{}}
| {"startCommit":{"runtimeCheckpoint":{"sources":{"x":{"readThrough":"1"}}}}}
| {"read":{"shuffle":{"packed":"AmIAFQc="},"doc":{"id":"b","n":7}}}
| {"flush":{}}
| {"startCommit":{"runtimeCheckpoint":{"sources":{"x":{"readThrough":"2"}}}}}
$ for config in '{}' '{"late":true}' '{"old":true}'; do sh drive.sh $config <requests; done
<= {"opened":{}}
<= {"published":{"doc":{"id":"a","n":4,"seen":4}}}
<= {"published":{"doc":{"id":"a","n":0,"seen":5}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"a":6}},"mergePatch":true}}}
<= {"published":{"doc":{"id":"b","n":14,"seen":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"b":1}},"mergePatch":true}}}
<= {"opened":{}}
<= {"published":{"doc":{"id":"a","n":4,"seen":4}}}
<= {"published":{"doc":{"id":"a","n":0,"seen":5}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"a":6}},"mergePatch":true}}}
<= {"published":{"doc":{"id":"b","n":14,"seen":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"b":1}},"mergePatch":true}}}
<= {"opened":{}}
<= {"published":{"doc":{"id":"a","n":4,"seen":4}}}
<= {"published":{"doc":{"id":"a","n":0,"seen":5}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"a":6}},"mergePatch":true}}}
<= {"published":{"doc":{"id":"b","n":14,"seen":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"b":1}},"mergePatch":true}}}

== a checkpoint that it keeps itself
$ sh drive.sh '{"keeper":"kept.json"}'
> {"open":{"collection":"DERIVED","version":"1","range":{},"state":{}}}
> {"read":{"transform":1,"doc":{"id":"a","n":7}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"x":{"readThrough":"1"}}}}}
> {"read":{"transform":1,"doc":{"id":"a","n":7}}}
> {"flush":{}}
<= {"opened":{}}
<= {"published":{"doc":{"id":"a","n":0,"seen":0}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"published":{"doc":{"id":"a","n":0,"seen":1}}}
<= {"flushed":{}}
$ sh drive.sh '{"keeper":"kept.json"}'
> {"open":{"collection":"DERIVED","version":"1","range":{},"state":{}}}
> {"read":{"transform":1,"doc":{"id":"a","n":7}}}
> {"flush":{}}
<= {"opened":{"runtimeCheckpoint":{"sources":{"x":{"readThrough":"1"}}}}}
<= {"published":{"doc":{"id":"a","n":0,"seen":1}}}
<= {"flushed":{}}

== reset, understood or not: it begins as if it had never been
file requests
| {"open":{"collection":"DERIVED","version":"1","range":{},"state":{"seen":{"a":4}}}}
| {"read":{"transform":1,"doc":{"id":"a","n":7}}}
| {"flush":{}}
| {"startCommit":{}}
| {"reset":{}}
| {"read":{"transform":1,"doc":{"id":"a","n":8}}}
| {"reset":{}}
| {"read":{"transform":1,"doc":{"id":"a","n":9}}}
| {"flush":{}}
| {"startCommit":{}}
$ for config in '{}' '{"deaf":true}'; do sh drive.sh $config <requests; done
<= {"opened":{}}
<= {"published":{"doc":{"id":"a","n":0,"seen":4}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"a":5}},"mergePatch":true}}}
<= {"published":{"doc":{"id":"a","n":0,"seen":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"a":1}}}}}
<= {"opened":{}}
<= {"published":{"doc":{"id":"a","n":0,"seen":4}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"a":5}},"mergePatch":true}}}
<= {"published":{"doc":{"id":"a","n":0,"seen":0}}}
<= {"flushed":{}}
<= {"startedCommit":{"state":{"updated":{"seen":{"a":1}}}}}
!*
