# weir test: the tests of a catalog.

file flow.yaml
| collections:
|   acme/orders:
|     schema: {type: object, properties: {id: {type: integer}, who: {type: string}, n: {type: integer}, region: {type: string}}, required: [id]}
|     key: [/id]
|     projections: {region: {location: /region, partition: true}}
|   acme/totals:
|     schema: {type: object, properties: {who: {type: string}, sum: {type: integer}}, required: [who]}
|     key: [/who]
|     derive:
|       using: {sqlite: {migrations: ['create table totals (who text primary key, sum integer);']}}
|       transforms:
|         - name: add
|           source: acme/orders
|           shuffle: {key: [/who]}
|           lambda: |
|             insert into totals values ($who, $n) on conflict do update set sum = sum + excluded.sum;
|             select who, sum from totals where who = $who;
|   acme/late:
|     schema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     key: [/id]
|     derive:
|       using: {sqlite: {}}
|       transforms:
|         - {name: a, source: {name: acme/orders, partitions: {include: {region: [eu]}}}, readDelay: 1h, lambda: 'select $id, 1 as late;'}
|         - {name: b, source: acme/totals, lambda: 'select $sum as id, $who;'}
| import: [tests.yaml]
file tests.yaml
| tests:
|   acme/adds-up:
|     - ingest: {collection: acme/orders, documents: [{id: 1, who: b, n: 10}, {id: 2, who: a, n: 1}]}
|     - verify: {collection: acme/totals, documents: [{who: a, sum: 1}, {who: b}]}
|     - ingest: {collection: acme/orders, documents: more.json}
|     - verify: {collection: acme/totals, documents: [{who: a, sum: 1}, {who: b, sum: 15}]}
|   acme/begins-anew:
|     description: the database of the test before is gone
|     steps:
|       - ingest: {collection: acme/orders, documents: [{id: 1, who: b, n: 2}]}
|       - verify: {collection: acme/totals, documents: [{who: b, sum: 2}]}
|   acme/partitions:
|     - ingest: {collection: acme/orders, documents: [{id: 1, region: eu}, {id: 2, region: us}, {id: 3}]}
|     - verify: {collection: {name: acme/orders, partitions: {exclude: {region: [us]}}}, documents: [{id: 1}, {id: 3}]}
|     - verify: {collection: acme/orders, partitions: {include: {region: [us, null]}}, documents: [{id: 2}, {id: 3}]}
|   acme/time-passes:
|     - ingest: {collection: acme/orders, documents: [{id: 7, who: a, n: 3, region: eu}, {id: 8, who: b, n: 4, region: us}]}
|     - verify: {collection: acme/late, documents: [{id: 3, who: a}, {id: 4, who: b}, {id: 7, late: 1}]}
file more.json
| [{"id": 3, "who": "b", "n": 5}]

== all of them
$ weir test
< ok    acme/adds-up
< ok    acme/begins-anew
< ok    acme/partitions
< ok    acme/time-passes
< 4 tests: 4 passed, 0 failed

== one of them, and one that is not there
$ weir test acme/partitions
< ok    acme/partitions
< 1 test: 1 passed, 0 failed
$ weir test acme/partition
! error "flow.yaml" has no test "acme/partition"; did you mean "acme/partitions"? code=config
= 2

== a data folder is neither read nor made
$ weir test >/dev/null && ls
< flow.yaml
< more.json
< tests.yaml

== what differs is told by document and place
file flow.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}, k: {type: string}}, required: [id, k]}, key: [/id, /k]}
| tests:
|   acme/values:
|     - ingest: {collection: acme/a, documents: [{id: 1, k: x, v: 1.50, list: [1, {a: 1}], deep: {a: {b: true}}}]}
|     - verify: {collection: acme/a, documents: [{id: 1, k: x, v: 1.5, list: [1, {a: 2}], deep: {a: {b: false, c: null}}}]}
|   acme/number-of-items:
|     - ingest: {collection: acme/a, documents: [{id: 1, k: x, list: [1, 2]}]}
|     - verify: {collection: acme/a, documents: [{id: 1, k: x, list: [1]}]}
|   acme/missing:
|     description: one is not there
|     steps:
|       - ingest: {collection: acme/a, documents: [{id: 1, k: x}]}
|       - verify: {collection: acme/a, documents: [{id: 1, k: x}, {id: 1, k: y, v: 1}]}
|   acme/too-many:
|     - ingest: {collection: acme/a, documents: [{id: 1, k: x}, {id: 2, k: x}]}
|     - verify: {description: only the first, collection: acme/a, documents: [{id: 1, k: x}]}
|   acme/order:
|     - ingest: {collection: acme/a, documents: [{id: 10, k: x}, {id: 9, k: x}]}
|     - verify: {collection: acme/a, documents: [{id: 10, k: x}, {id: 9, k: x}]}
|   acme/empty:
|     - verify: {collection: acme/a, documents: []}
|   acme/no-key:
|     - ingest: {collection: acme/a, documents: [{id: 1, k: x}, {id: 1}]}
$ weir test
< FAIL  acme/values
<       flow.yaml:6:7: step 2, verify acme/a:
<         document /id 1, /k "x":
<           /list/1/a: expected 2, is 1
<           /deep/a/b: expected false, is true
<           /deep/a/c: expected null, is missing
< FAIL  acme/number-of-items
<       flow.yaml:9:7: step 2, verify acme/a:
<         document /id 1, /k "x":
<           /list: expected [1], is [1,2]
< FAIL  acme/missing
<       flow.yaml:14:9: step 2, verify acme/a (one is not there):
<         document /id 1, /k "y" is missing, expected: {"id":1,"k":"y","v":1}
< FAIL  acme/too-many
<       flow.yaml:17:7: step 2, verify acme/a (only the first):
<         document /id 2, /k "x" is not expected: {"id":2,"k":"x"}
< FAIL  acme/order
<       flow.yaml:20:7: step 2, verify acme/a:
<         documents come in the order of their keys: number 1 is /id 9, /k "x", where /id 10, /k "x" is expected
< ok    acme/empty
< FAIL  acme/no-key
<       flow.yaml:24:7: step 1, ingest acme/a:
<         document 2: a document for collection acme/a lacks part 2 of its key ["/id","/k"]: {"id":1}
< 7 tests: 1 passed, 6 failed
= 1

== for programs and for build servers
file flow.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
| tests:
|   acme/good: [{verify: {collection: acme/a, documents: []}}]
|   acme/bad: [{verify: {collection: acme/a, documents: [{id: 1, v: '<&">'}]}}]
file junit.py
| import xml.etree.ElementTree as xml
| suite = xml.parse("junit.xml").getroot().find("testsuite")
| print(suite.get("name"), suite.get("tests"), suite.get("failures"))
| for case in suite.findall("testcase"):
|     failure = case.find("failure")
|     print(case.get("classname"), case.get("name"), float(case.get("time")) < 60, failure is not None and (failure.get("message"), failure.text))
$ weir test --json --junit junit.xml | sed 's/"microseconds":[0-9]*/"microseconds":0/'; python3 junit.py
<= {"test": "acme/good", "result": "passed", "documents": 0, "microseconds": 0}
<= {"test": "acme/bad", "result": "failed", "documents": 0, "microseconds": 0, "file": "flow.yaml", "line": 5, "column": 15, "step": 1, "kind": "verify", "collection": "acme/a", "failure": "document /id 1 is missing, expected: {\"id\":1,\"v\":\"<&\\\">\"}\n"}
<= {"passed": 1, "failed": 1}
< flow.yaml 2 1
< flow.yaml acme/good True False
< flow.yaml acme/bad True ('flow.yaml:5:15: step 1, verify acme/a', '\ndocument /id 1 is missing, expected: {"id":1,"v":"<&\\">"}\n')

== a catalog without tests
file flow.yaml
| collections: {acme/a: {schema: {type: object}, key: [/id]}}
$ weir test
! error "flow.yaml" has no tests code=config
= 2

== mistakes of a catalog: a test that tests nothing, documents for a collection that a derivation makes
file flow.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
|   acme/b:
|     schema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/a, lambda: 'select $id;'}]}
| tests:
|   acme/empty: []
|   acme/described: {description: nothing, steps: []}
|   acme/derived:
|     - ingest: {collection: acme/b, documents: [{id: 1}]}
|     - verify: {collection: acme/b, documents: [{id: 1}]}
$ weir test
! error flow.yaml:8:15: test "acme/empty" has no steps
! flow.yaml:9:49: test "acme/described" has no steps
! flow.yaml:11:28: "acme/b" is made by a derivation: ingest documents into what that reads
= 2

== a derivation that fails, fails its tests; the others go on
file flow.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
|   acme/b:
|     schema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     key: [/id]
|     derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/a, lambda: 'select $di;'}]}
| tests:
|   acme/bad: [{ingest: {collection: acme/a, documents: [{id: 1}]}}, {verify: {collection: acme/b, documents: []}}]
|   acme/good: [{ingest: {collection: acme/a, documents: [{id: 1}]}}, {verify: {collection: acme/a, documents: [{id: 1}]}}]
$ weir test | grep -v t:
< FAIL  acme/bad
<       flow.yaml:8:3: before the first step:
<*
< ok    acme/good
< 2 tests: 1 passed, 1 failed

== a derivation that is a process is told to reset between tests (flow.md 4.1), and begins anew after one that failed
file count.py
| import json, sys
| def say(**m): print(json.dumps(m), flush=True)
| for line in sys.stdin:
|     kind, body = next((k, b) for k, b in json.loads(line).items() if b is not None)
|     if kind == "spec": say(spec={"protocol": 3032023, "configSchema": {}, "resourceConfigSchema": {}, "documentationUrl": "https://x.example"})
|     if kind == "validate": say(validated={"transforms": [{"readOnly": False}]})
|     if kind == "open": n = 0; print("x", end="", file=open("begun", "a")); say(opened={})
|     if kind == "reset": n = 0
|     if kind == "read": n += 1; say(published={"doc": {"id": body["doc"]["id"], "n": n}} if body["doc"]["id"] else {"doc": {"n": n}})
|     if kind == "flush": say(flushed={})
|     if kind == "startCommit": say(startedCommit={})
file flow.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
|   acme/b:
|     schema: {type: object, properties: {id: {type: integer}, n: {type: integer}}, required: [id]}
|     key: [/id]
|     derive: {using: {local: {command: [python3, count.py], config: {}}}, transforms: [{name: t, source: acme/a, shuffle: any}]}
| tests:
|   acme/1: [{ingest: {collection: acme/a, documents: [{id: 1}, {id: 2}]}}, {verify: {collection: acme/b, documents: [{id: 1, n: 1}, {id: 2, n: 2}]}}]
|   acme/2: [{ingest: {collection: acme/a, documents: [{id: 3}]}}, {ingest: {collection: acme/a, documents: [{id: 4}]}}, {verify: {collection: acme/b, documents: [{id: 3, n: 1}, {id: 4, n: 2}]}}]
|   acme/3: [{ingest: {collection: acme/a, documents: [{id: 5}, {id: 0}]}}, {verify: {collection: acme/b, documents: [{id: 5}]}}]
|   acme/4: [{ingest: {collection: acme/a, documents: [{id: 6}]}}, {verify: {collection: acme/b, documents: [{id: 6, n: 1}]}}]
$ weir test --source flow.yaml; cat begun; echo
< ok    acme/1
< ok    acme/2
< FAIL  acme/3
<*
< ok    acme/4
< 4 tests: 3 passed, 1 failed
< xx

== SIGTERM ends a derivation that says nothing, and with it all tests
file silent.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
|   acme/b:
|     schema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     key: [/id]
|     derive: {using: {local: {command: [sh, -c, "touch begun; cat >/dev/null"], config: {}}}, transforms: [{name: t, source: acme/a, shuffle: any}]}
| tests:
|   acme/one: [{ingest: {collection: acme/a, documents: [{id: 1}]}}, {verify: {collection: acme/b, documents: []}}]
|   acme/two: [{ingest: {collection: acme/a, documents: [{id: 1}]}}, {verify: {collection: acme/a, documents: [{id: 1}]}}]
$ weir test --source silent.yaml & until [ -e begun ]; do :; done; kill -TERM $!; wait $!
= 1

== SIGTERM ends SQL that has no end
file endless.yaml
| collections:
|   acme/a: {schema: {type: object, properties: {id: {type: integer}}, required: [id]}, key: [/id]}
|   acme/b:
|     schema: {type: object, properties: {id: {type: integer}}, required: [id]}
|     key: [/id]
|     derive: {using: {local: {command: [sh, -c, "touch begun; exec derive-sqlite"], config: {}, env: {FLOW_RUNTIME_CODEC: json}}}, transforms: [{name: t, source: acme/a, shuffle: any, lambda: "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) as id from c;"}]}
| tests:
|   acme/one: [{ingest: {collection: acme/a, documents: [{id: 1}]}}, {verify: {collection: acme/b, documents: []}}]
$ weir test --source endless.yaml & until [ -e begun ]; do :; done; kill -TERM $!; wait $!
= 1
