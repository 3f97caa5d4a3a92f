# derive-sqlite as Flow's derivation (docs/protocols/flow.md 4): what a session looks like, and what stays of it.

== a lambda is a text, the settings are migrations and ours
$ derive-sqlite | python3 -c 'import json, sys; s = json.load(sys.stdin)["spec"]; print(s["resourceConfigSchema"]["type"], list(s["configSchema"]["properties"]), s["configSchema"]["properties"]["migrations"]["items"]["type"], s["configSchema"].get("required"))'
> {"spec":{"connectorType":"SQLITE","config":{}}}
< string ['migrations', 'path', 'busy_timeout', 'cache_mb'] string None

== validate says which transforms change nothing
$ derive-sqlite
> {"validate":{"connectorType":"SQLITE","config":{"migrations":["create table counts (id integer primary key, n integer);"]},"collection":{"name":"acme/counts","key":["/id"]},"transforms":[{"name":"look","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"}]},"lambdaConfig":"select $id, n from counts where id = $id;"},{"name":"count","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"}]},"lambdaConfig":"insert into counts values ($id, 1) on conflict do update set n = n + 1;"}]}}
<= {"validated":{"transforms":[{"readOnly":true},{}]}}

== all that is wrong is said at once, with the file it stands in
$ derive-sqlite
> {"validate":{"connectorType":"SQLITE","config":{},"collection":{"name":"acme/counts","key":["/id"]},"importMap":{"/transforms/0/lambda":"file:///p/one.sql"},"transforms":[{"name":"one","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"},{"ptr":"/sender","field":"sender"}]},"lambdaConfig":"select $id,\n $sendre;"},{"name":"two","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"}]},"lambdaConfig":"select $id form x;"}]}}
! transform "one": file:///p/one.sql: line 1: parameter $sendre: 'acme/in' has no such field; did you mean $sender?\ntransform "two": line 1: near "x": syntax error
= 2

== files that are not there are to be written
$ derive-sqlite | python3 -c 'import json, sys; v = json.load(sys.stdin)["validated"]; print(v["transforms"], list(v["generatedFiles"])); print(v["generatedFiles"]["file:///p/t.sql"], end="")'
> {"validate":{"connectorType":"SQLITE","config":{"migrations":["file:///p/m.sql"]},"collection":{"name":"acme/counts","key":["/id"]},"transforms":[{"name":"one","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"","field":"flow_document"},{"ptr":"/id","field":"id","isPrimaryKey":true,"inference":{"types":["integer"],"title":"Which"}},{"ptr":"/a/b","field":"a/b"}]},"lambdaConfig":"file:///p/t.sql"}]}}
< [{'readOnly': True}] ['file:///p/m.sql', 'file:///p/t.sql']
< -- SQL that runs for each document of acme/in. Rows that it selects are published as documents.
< 
< -- Publishes every document as it is. A WHERE chooses some of them.
< SELECT JSON($flow_document);
< 
< -- Every field there is; AS gives it another name. Take out WHERE FALSE to have it published.
< SELECT
<     -- key, at /id: Which
<     $id,
<     -- at /a/b
<     $a$b
< WHERE FALSE;

== a session: what is selected is published at once, a commit carries no state
$ derive-sqlite
> {"open":{"collection":{"name":"acme/counts","key":["/id"],"derivation":{"connectorType":"SQLITE","config":{"migrations":["create table counts (id integer primary key, n integer);"]},"transforms":[{"name":"count","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"},{"ptr":"/by","field":"by","inference":{"types":["integer"],"default":10,"exists":"MAY"}}]},"lambdaConfig":"insert into counts values ($id, $by) on conflict do update set n = n + $by;\nselect $id, n from counts where id = $id;"}]}},"version":"1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"read":{"transform":0,"doc":{"id":7,"by":1}}}
> {"read":{"transform":0,"doc":{"id":7}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"10"}}}}}
> {"read":{"transform":0,"doc":{"id":7,"by":5}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
> {"reset":{}}
> {"read":{"transform":0,"doc":{"id":7,"by":1}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{}}}
<= {"opened":{}}
<= {"published":{"doc":{"id":7,"n":1}}}
<= {"published":{"doc":{"id":7,"n":11}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"published":{"doc":{"id":7,"n":16}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"published":{"doc":{"id":7,"n":1}}}
<= {"flushed":{}}
<= {"startedCommit":{}}

== with a file, the next session goes on where the last commit was, and says so
$ derive-sqlite
> {"open":{"collection":{"name":"acme/counts","key":["/id"],"derivation":{"connectorType":"SQLITE","config":{"path":"state.db","migrations":["create table counts (id integer primary key, n integer);"]},"transforms":[{"name":"count","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"}]},"lambdaConfig":"insert into counts values ($id, 1) on conflict do update set n = n + 1 returning id, n;"}]}},"version":"1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"read":{"doc":{"id":7}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"10"}}}}}
> {"read":{"doc":{"id":7}}}
> {"read":{"doc":{"id":7}}}
<= {"opened":{"runtimeCheckpoint":{"sources":{}}}}
<= {"published":{"doc":{"id":7,"n":1}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
<= {"published":{"doc":{"id":7,"n":2}}}
<= {"published":{"doc":{"id":7,"n":3}}}
$ derive-sqlite
> {"open":{"collection":{"name":"acme/counts","key":["/id"],"derivation":{"connectorType":"SQLITE","config":{"path":"state.db","migrations":["create table counts (id integer primary key, n integer);"]},"transforms":[{"name":"count","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"}]},"lambdaConfig":"insert into counts values ($id, 1) on conflict do update set n = n + 1 returning id, n;"}]}},"version":"1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"read":{"doc":{"id":7}}}
> {"flush":{}}
> {"startCommit":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"20"}}}}}
<= {"opened":{"runtimeCheckpoint":{"sources":{"j;s":{"readThrough":"10"}}}}}
<= {"published":{"doc":{"id":7,"n":2}}}
<= {"flushed":{}}
<= {"startedCommit":{}}
$ sqlite3 state.db 'select * from counts; select script_index from flow_migrations;'
< 7|2
< 0

== SQL that fails says where and with which document, and nothing of it stays
$ derive-sqlite
> {"open":{"collection":{"name":"acme/counts","key":["/id"],"derivation":{"connectorType":"SQLITE","config":{"path":"state.db","migrations":["create table counts (id integer primary key, n integer not null);"]},"transforms":[{"name":"count","collection":{"name":"acme/in","key":["/id"],"projections":[{"ptr":"/id","field":"id"},{"ptr":"/n","field":"n"}]},"lambdaConfig":"select 1 as a;\ninsert into counts values ($id, $n);"}]}},"version":"1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
> {"read":{"doc":{"id":1,"n":1}}}
> {"read":{"doc":{"id":2}}}
> {"flush":{}}
<*
! transform "count", line 2, document {"id":2}: NOT NULL constraint failed: counts.n
= 2
$ sqlite3 state.db 'select count(*) from sqlite_schema'
< 0

== the tests of a catalog with derivations, an SQL database for each
$ weir test --source $ROOT/connectors/derive-sqlite/test.flow.yaml
<*
< 3 tests: 3 passed, 0 failed

== capture, derive, materialize; the second run has nothing to do
file m.sql
| CREATE TABLE sums (k INTEGER PRIMARY KEY, n INTEGER, total INTEGER);
file t.sql
| INSERT INTO sums VALUES ($n % 3, 1, $n) ON CONFLICT DO UPDATE SET n = n + 1, total = total + $n;
| SELECT k, n, total FROM sums WHERE k = $n % 3;
file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {count: 10}}}
|     bindings: [{resource: {stream: greetings}, target: acme/greetings}]
| collections:
|   acme/greetings: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}, key: [/n]}
|   acme/sums:
|     schema: {type: object, properties: {k: {type: integer}, n: {type: integer}, total: {type: integer}}, required: [k]}
|     key: [/k]
|     derive: {using: {sqlite: {migrations: [m.sql]}}, transforms: [{name: sum, source: acme/greetings, shuffle: any, lambda: t.sql}]}
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: sums.db}}}
|     bindings: [{resource: {table: sums}, source: acme/sums}]
$ weir run --once --quiet && weir run --once --quiet && sqlite3 sums.db 'select * from sums'
< 0|4|18
< 1|3|12
< 2|3|15
!*
