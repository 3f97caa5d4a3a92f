# weir generate (docs/protocols/flow.md 9, 4.5): files that a catalog names and that are not there. What settings begin with is as flowctl has it: what is
# required, each its default, its first choice, or something of its type.

file peer.py
| import json, sys
| spec = {"protocol": 3032023, "documentationUrl": "https://d.example", "resourceConfigSchema": {"type": "object", "required": ["kind", "table"], "properties": {
|     "kind": {"enum": ["sum", "last"]}, "table": {"type": "string", "x-collection-name": True}, "note": {"type": "string"}}},
|     "configSchema": {"type": "object", "required": ["host", "port", "tls", "login"], "properties": {
|     "host": {"type": "string"}, "port": {"type": "integer", "default": 5432}, "tls": {"type": "boolean"}, "depth": {"type": "integer"},
|     "login": {"type": "object", "required": ["user"], "properties": {"user": {"type": "string"}, "password": {"type": "string"}}}}}}
| for line in sys.stdin:
|     request = json.loads(line)
|     if "spec" in request:
|         print(json.dumps({"spec": spec}), flush=True)
|     elif "validate" in request:
|         v = request["validate"]
|         print("root", v["projectRoot"], "imports", json.dumps(v["importMap"]), "lambda", v["transforms"][0]["lambdaConfig"], file=open("seen", "a"))
|         files = {v["projectRoot"] + "/flow_generated/peer.txt": "made\n", v["projectRoot"] + "/../outside.txt": "x", "https://d.example/x": "x"}
|         print(json.dumps({"validated": {"transforms": [{} for _ in v["transforms"]], "generatedFiles": files}}), flush=True)
file flow.yaml
| captures:
|   acme/source:
|     endpoint: {local: {command: [python3, peer.py], config: source.yaml}}
|     bindings: [{resource: settings/source.json, target: acme/in}]
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer, description: How many}, full name: {type: string}}, required: [n]}, key: [/n]}
|   acme/sums:
|     schema: {type: object, properties: {n: {type: integer}}}
|     key: [/n]
|     derive: {using: {sqlite: {migrations: [sql/a.sql, sql/b.sql]}}, transforms: [{name: t, source: acme/in, lambda: sql/t.sql}]}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: db.yaml}}
|     bindings: [{resource: table.yaml, source: acme/sums}]

== settings, migrations and lambdas; what was generated is valid; a second time nothing is missing
$ weir generate
< wrote source.yaml
< wrote settings/source.json
< wrote db.yaml
< wrote table.yaml
< wrote sql/a.sql
< wrote sql/b.sql
< wrote sql/t.sql
$ cat source.yaml settings/source.json
< host: ""
< port: 5432
< tls: false
< login: {user: ""}
< {
<   "kind": "sum",
<   "table": "in"
< }
$ grep -A 99 SELECT sql/t.sql
< SELECT JSON($flow_document);
< 
< -- Every field there is; AS gives it another name. Take out WHERE FALSE to have it published.
< SELECT
<     -- key, at /n: How many
<     $n,
<     -- at /full name
<     $full_name,
<     -- at /_meta/uuid: When the document was published
<     $flow_published_at
< WHERE FALSE;
$ weir validate --name acme/sums
<= {"name": "acme/sums", "transforms": [{"name": "t", "collection": "acme/in", "readOnly": true}]}
$ weir generate
< nothing is missing

== files that are there stay
$ mkdir sql; echo 'select $n;' >sql/t.sql; echo 'path: x.db' >db.yaml; weir generate | grep -c wrote; cat sql/t.sql db.yaml
< 5
< select $n;
< path: x.db

== without the command they are missed
$ weir validate --name acme/sums
! error flow.yaml:3:61: config: cannot read "source.yaml": No such file or directory
!*
= 2

== one task goes wrong: the files of others are written
$ sed -i 's/, peer.py/, -c, ""/' flow.yaml; weir generate
< wrote db.yaml
< wrote table.yaml
< wrote sql/a.sql
< wrote sql/b.sql
< wrote sql/t.sql
! error capture acme/source:
= 5

== a table of a migration that is missing: the migration is written, and the error told
file flow.yaml
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/sums:
|     schema: {type: object}
|     key: [/n]
|     derive: {using: {sqlite: {migrations: [a.sql]}}, transforms: [{name: t, source: acme/in, lambda: select $n from mine;}]}
$ weir generate
< wrote a.sql
! error derivation acme/sums: validate: transform "t": line 1: no such table: mine
= 2

== the connector of a derivation: it is told where files are, and what it generates is written, within the project
file flow.yaml
| import: [sub/flow.yaml]
file sub/flow.yaml
| collections:
|   acme/in: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/out:
|     schema: {type: object}
|     key: [/n]
|     derive:
|       using: {local: {command: [python3, peer.py], config: peer.yaml}}
|       transforms:
|         - {name: off, source: acme/in, lambda: off.yaml, disable: true}
|         - {name: t, source: acme/in, lambda: my%lambda.yaml}
|         - {name: u, source: acme/in, lambda: {kind: last}}
$ weir generate --source sub/flow.yaml
< wrote sub/peer.yaml
< wrote sub/my%lambda.yaml
< wrote flow_generated/peer.txt
! warn  not written, since it is not in the folder of the project, "file://
! warn  not written, since it is not in the folder of the project, "file://
$ cat seen | sed "s,$PWD,HERE,g"
< root file://HERE imports {"/using/local/config": "file://HERE/sub/peer.yaml", "/transforms/0/lambda": "file://HERE/sub/my%25lambda.yaml"} lambda file://HERE/sub/my%25lambda.yaml
$ cat flow_generated/peer.txt sub/*lambda.yaml; ls -d ../outside.txt 2>/dev/null
< made
< kind: sum
< table: in
= 2
