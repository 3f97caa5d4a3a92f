# What a schema wants to be redacted is nowhere on the disk (docs/protocols/flow.md 8.2). The digests themselves are tested in tests/unit/doc.

file flow.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
|     redactSalt: c2FsdA==
| collections:
|   acme/in:
|     schema:
|       type: object
|       properties:
|         id: {type: integer}
|         mail: {type: string, redact: {strategy: sha256}}
|         pin: {type: integer, redact: {strategy: block}}
|       required: [id]
|     key: [/id]
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings: [{resource: {table: t}, source: acme/in, fields: {exclude: [_meta]}}]
file in.ndjson
| {"id":1,"mail":"ann@example.com","pin":4711}
| {"id":2,"mail":"bob@example.com","pin":4712}
| {"id":3,"mail":"ann@example.com"}
| {"id":4}
file rows.py
| import sqlite3
| rows = sqlite3.connect("out.db").execute("SELECT id, mail, pin FROM t ORDER BY id").fetchall()
| print([r[0] for r in rows], {r[2] for r in rows}, rows[0][1] == rows[2][1] != rows[1][1], rows[3][1], rows[0][1][:7], len(rows[0][1]))

== digests that can be compared, and values that are gone
$ weir run --once --quiet; python3 rows.py; grep -c . weir-data/journals/*/*; grep -r -l -e 'ann@' -e 471 weir-data out.db
! made table "t"
< [1, 2, 3, 4] {None} True None sha256: 71
< 4
= 1

== the tests of a catalog redact with the same salt: of the capture, of the derivation
file tests.yaml
| import: [flow.yaml]
| collections:
|   acme/out:
|     schema: {type: object, properties: {id: {type: integer}, mail: {type: string, redact: {strategy: sha256}}}, required: [id]}
|     key: [/id]
|     derive: {redactSalt: c2FsdA==, using: {sqlite: {}}, transforms: [{name: t, source: acme/in, lambda: "select $id, 'ann@example.com' as mail;"}]}
| tests:
|   acme/redacted:
|     - ingest: {collection: acme/in, documents: [{id: 1, mail: ann@example.com}]}
|     - verify: {collection: acme/in, documents: [{id: 1, mail: DIGEST}]}
|     - verify: {collection: acme/out, documents: [{id: 1, mail: DIGEST}]}
$ weir run --once --quiet; sed -i "s/DIGEST/'$(sqlite3 out.db 'select mail from t where id = 1')'/" tests.yaml; weir test --source tests.yaml
! made table "t"
< ok    acme/redacted
< 1 test: 1 passed, 0 failed

== another salt, other digests
$ weir run --once --quiet --only acme/files; sed -i 's/c2FsdA==/cGVwcGVy/' flow.yaml; weir run --once --quiet --only acme/files --data other; cat weir-data/journals/*/* other/journals/*/* | grep -o sha256:[0-9a-f]* | sort -u | wc -l
< 4

== a document that is refused is not shown, and cannot be put aside
$ printf '{"id":1,"mail":4711}\n' >in.ndjson; weir run --once --quiet --only acme/files
! error acme/files: capture acme/files: binding acme/in: a document for collection acme/in is not valid: /mail
!! 4711
! error a task failed, see above
= 2
$ sed -i 's/target: acme\/in/target: acme\/in, onInvalid: divert/' flow.yaml; weir run --once --quiet --only acme/files
! error acme/files: capture acme/files: the schema of collection acme/in redacts, and onInvalid: divert would keep documents as they are code=config
! error a task failed, see above
= 2
