# weir run --shards: derivations and materializations cut into shards (flow.md 1.9). A catalog gives the same with any number of them.

file flow.yaml
| captures:
|   acme/hello:
|     endpoint: {native: {connector: source-hello, config: {text: a, count: 500}}}
|     bindings: [{resource: {stream: greetings}, target: acme/orders}]
| collections:
|   acme/orders:
|     schema: {type: object, properties: {n: {type: integer}, text: {type: string}}, required: [n, text]}
|     key: [/n]
|   acme/lines:
|     schema: {type: object, properties: {n: {type: integer}, bucket: {type: integer}}, required: [n, bucket]}
|     key: [/n]
|     derive:
|       using: {sqlite: {}}
|       transforms: [{name: sort, source: acme/orders, shuffle: any, lambda: 'select $n, $n % 13 as bucket;'}]
|   acme/totals:
|     schema: {type: object, properties: {bucket: {type: integer}, orders: {type: integer}, sum: {type: integer}}, required: [bucket]}
|     key: [/bucket]
|     derive:
|       using: {sqlite: {migrations: ['create table totals (bucket integer primary key, orders integer, sum integer);']}}
|       transforms:
|         - name: add
|           source: acme/lines
|           shuffle: {key: [/bucket]}
|           lambda: >
|             insert into totals values ($bucket, 1, $n) on conflict do update set orders = orders + 1, sum = sum + excluded.sum;
|             select bucket, orders, sum from totals where bucket = $bucket;
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: out.db}}}
|     bindings:
|       - {resource: {table: totals}, source: acme/totals}
|       - {resource: {table: lines, delta_updates: true}, source: acme/lines}
# Are the tables what `count` orders come to? Lines are only added, so that one that is there twice is seen.
file check.py
| import sqlite3, sys
| count = int(sys.argv[1])
| db = sqlite3.connect("out.db")
| of = [range(b, count, 13) for b in range(13)]
| totals = [(b, len(r), sum(r)) for b, r in enumerate(of)]
| print("totals", db.execute("SELECT bucket, orders, sum FROM totals ORDER BY 1").fetchall() == totals,
|       "lines", db.execute("SELECT n, bucket FROM lines ORDER BY 1, 2").fetchall() == [(n, n % 13) for n in range(count)])
file shards.sh
| sqlite3 weir-data/weir.db "SELECT task, value FROM notes WHERE name = 'shards' AND task NOT LIKE '%@%' ORDER BY task" | tr '\n' ' '; echo

== the same tables with one, two, three shards
$ for n in 1 2 3; do rm -rf out.db weir-data; weir run --once --quiet --shards $n && python3 check.py 500; ls weir-data/derivations | grep -c totals; sqlite3 out.db 'SELECT count(*) FROM weir_checkpoints'; done
!*
< totals True lines True
< 1
< 1
< totals True lines True
< 2
< 2
< totals True lines True
< 3
< 3

== what was cut stays cut, and may be cut further; each document is read once
$ weir run --once --quiet && python3 check.py 500; sh shards.sh
! made table "totals"
! made table "lines"
< totals True lines True
< 
$ sed -i 's/count: 500/count: 700/' flow.yaml; weir run --once --quiet --shards 2 && python3 check.py 700; sh shards.sh
< totals True lines True
< acme/db|2 acme/lines|2 acme/totals|2 
$ sed -i 's/count: 700/count: 900/' flow.yaml; weir run --once --quiet && python3 check.py 900; sh shards.sh
< totals True lines True
< acme/db|2 acme/lines|2 acme/totals|2 
$ sed -i 's/count: 900/count: 1200/' flow.yaml; weir run --once --quiet --shards 6 && python3 check.py 1200; sh shards.sh
< totals True lines True
< acme/db|6 acme/lines|6 acme/totals|6 
$ weir run --once | tail -n 1
< Nothing new since the last run.
$ ls weir-data/derivations | grep totals
< acme%2Ftotals%402aaaaaaa.db
< acme%2Ftotals%4055555555.db
< acme%2Ftotals%4080000000.db
< acme%2Ftotals%40aaaaaaaa.db
< acme%2Ftotals%40d5555555.db
< acme%2Ftotals.db

== what was cut is not put together
$ weir run --once --quiet --shards 4
!*
$ for n in 1 3 6; do weir run --once --quiet --shards $n; echo "status $?"; done
! error materialization acme/db: it has 4 shards, and each of them can be cut further, but they cannot be put together: --shards takes a multiple of that
! error materialization acme/db: it has 4 shards
! error materialization acme/db: it has 4 shards
< status 2
< status 2
< status 2
$ sh shards.sh; python3 check.py 500
< acme/db|4 acme/lines|4 acme/totals|4 
< totals True lines True

== one task may be cut by itself
$ weir run --once --quiet && weir run --once --quiet --only acme/totals --shards 3; sh shards.sh
!*
< acme/totals|3 
$ sed -i 's/count: 500/count: 700/' flow.yaml; weir run --once --quiet && python3 check.py 700
< totals True lines True

== numbers that are none
$ for n in 0 -1 x 65 1.5 '' 99999999999999999999; do weir run --once --quiet --shards "$n"; echo "status $?"; done
! error --shards is no number from 1 to 64: '0'
! '-1'
! 'x'
! '65'
! '1.5'
! ''
! '99999999999999999999'
< status 2
< status 2
< status 2
< status 2
< status 2
< status 2
< status 2
$ ls
< check.py
< flow.yaml
< shards.sh

== a state in a program, shuffled by key
file balances.yaml
| import: [flow.yaml]
| collections:
|   acme/moves:
|     schema: {type: object, properties: {n: {type: integer}, user: {type: string}, cents: {type: integer}}, required: [n]}
|     key: [/n]
|     derive:
|       using: {sqlite: {}}
|       transforms: [{name: move, source: acme/orders, shuffle: any, lambda: "select $n, 'u' || ($n % 7) as user, 1 as cents;"}]
|   acme/balances:
|     schema: {type: object, properties: {user: {type: string}, balance: {type: integer}}, required: [user]}
|     key: [/user]
|     derive:
|       using: {local: {command: [derive-balances], config: {}}}
|       transforms: [{name: deposit, source: acme/moves, shuffle: {key: [/user]}, lambda: {kind: deposit}}]
| materializations:
|   acme/accounts:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: accounts.db}}}
|     bindings: [{resource: {table: balances}, source: acme/balances}]
$ for n in 1 2 4; do weir run --once --quiet --source balances.yaml --shards $n; sqlite3 accounts.db 'SELECT user, balance FROM balances ORDER BY user' | tr '\n' ' '; echo; sed -i "s/count: [0-9]*/count: $((500 + 70 * n))/" flow.yaml; done
!*
< u0|72 u1|72 u2|72 u3|71 u4|71 u5|71 u6|71 
< u0|82 u1|82 u2|82 u3|81 u4|81 u5|81 u6|81 
< u0|92 u1|92 u2|92 u3|91 u4|91 u5|91 u6|91 
$ for task in acme/balances acme/balances@40000000 acme/balances@80000000 acme/balances@c0000000; do sqlite3 weir-data/weir.db "SELECT count(*) FROM tasks WHERE task = '$task'"; done
< 1
< 1
< 1
< 1

# Each shard is a session of its own, with its range; a zero is left out. Only the first one applies.
== a destination that is a program: a range in each Open, one Apply
file program
| tee -a requests | materialize-sqlite
$ sed -i 's/{native: {connector: materialize-sqlite, config: {path: out.db}}}/{local: {command: [sh, program], config: {path: out.db}}}/' flow.yaml
$ weir run --once --quiet --shards 3 && python3 check.py 500
!*
< totals True lines True
$ jq -c 'select(.open) | .open.range' requests | sort
< {"keyBegin":1431655765,"keyEnd":2863311529,"rClockEnd":4294967295}
< {"keyBegin":2863311530,"keyEnd":4294967295,"rClockEnd":4294967295}
< {"keyEnd":1431655764,"rClockEnd":4294967295}
$ jq -c 'select(.apply) | .apply.materialization.name' requests; jq -r 'select(.open) | .open.materialization.name' requests | sort -u
< "acme/db"
< acme/db
$ rm requests; sed -i 's/count: 500/count: 700/' flow.yaml; weir run --once --quiet --shards 6 && python3 check.py 700
< totals True lines True
$ jq -c 'select(.open) | .open.range.keyEnd' requests | sort -n | tr '\n' ' '; sqlite3 out.db 'SELECT count(*) FROM weir_checkpoints'
< 715827881 1431655764 2147483647 2863311529 3579139412 4294967295 10

== the same in protobuf
$ sed -i 's/{native: {connector: materialize-sqlite, config: {path: out.db}}}/{local: {command: [materialize-sqlite], protobuf: true, config: {path: out.db}}}/' flow.yaml
$ weir run --once --quiet --shards 2 && python3 check.py 500
!*
< totals True lines True
$ sed -i 's/count: 500/count: 700/' flow.yaml; weir run --once --quiet --shards 4 && python3 check.py 700; sqlite3 out.db 'SELECT key_begin, key_end FROM weir_checkpoints ORDER BY 1, 2'
< totals True lines True
< 0|1073741823
< 0|2147483647
< 0|4294967295
< 1073741824|2147483647
< 2147483648|3221225471
< 2147483648|4294967295
< 3221225472|4294967295

== what gets documents in order stays in one piece, and says so
file target
| tee -a got | sed -n 's/^{"type":"STATE","value":\(.*\)}$/\1/p'
$ sed -i 's/{native: {connector: materialize-sqlite, config: {path: out.db}}}/{local: {command: [sh, target], protocol: singer, config: {}}}/; s/{table: \([a-z]*\)[^}]*}/{stream: \1}/' flow.yaml
$ weir run --once --quiet --shards 2; sh shards.sh; grep -c '"RECORD","stream":"lines"' got
! info  acme/db: stays in one piece: what it stores into gets documents in the order in which they came
!*
< acme/lines|2 acme/totals|2 
< 500

# What was refused waits with the shard that refused it: of documents that are put through again, all others of their keys have to be where they are.
== not while refused documents wait
$ sed -i 's/source: acme.totals}/source: acme\/totals, onInvalid: divert}/; s/key: \[.bucket\]$/&\n    readSchema: read.yaml/' flow.yaml; sed -i '/acme.totals:/{n;s/schema:/writeSchema:/}' flow.yaml
$ echo '{type: object, properties: {bucket: {type: integer, maximum: 11}, orders: {type: integer}, sum: {type: integer}}, required: [bucket]}' >read.yaml
$ weir run --once --quiet --shards 2
!*
! for collection acme/totals refused and put aside
!*
$ weir run --once --quiet --shards 4
! error materialization acme/db: it cannot be cut further while documents that were refused wait: put them through again first, with weir replay
= 2
$ weir run --once --quiet && sh shards.sh
< acme/db|2 acme/lines|2 acme/totals|2 
$ sed -i 's/maximum: 11/maximum: 12/' read.yaml; weir replay --quiet && weir run --once --quiet --shards 4 && python3 check.py 500; sh shards.sh
< totals True lines True
< acme/db|4 acme/lines|4 acme/totals|4 

== what is shuffled by a lambda stays in one piece, and says so
$ cp flow.yaml cut.yaml; sed -i "s/shuffle: any, lambda: 'select/shuffle: {lambda: 'select \$n % 2;'}, lambda: 'select/" flow.yaml
$ weir run --once --quiet --shards 2 && python3 check.py 500; sh shards.sh
! info  acme/lines: stays in one piece: its documents are shuffled by a lambda
!*
< totals True lines True
< acme/db|2 acme/totals|2 
$ rm -r weir-data out.db; weir run --once --quiet --source cut.yaml --shards 2
!*
$ weir run --once --quiet
! error derivation acme/lines: it has 2 shards, and cannot be cut any more: its documents are shuffled by a lambda
= 2

# What is absent counts as its default, for the connector as for the shards: documents that say it and documents that leave it out have to meet.
== a shuffle key that has a default
file defaults.yaml
| captures:
|   acme/files:
|     endpoint: {native: {connector: source-files, config: {streams: [{name: in, path: in.ndjson}]}}}
|     bindings: [{resource: {stream: in}, target: acme/in}]
| collections:
|   acme/in:
|     schema: {type: object, properties: {id: {type: integer}, user: {type: string, default: nobody}}, required: [id]}
|     key: [/id]
|   acme/counts:
|     schema: {type: object, properties: {user: {type: string}, n: {type: integer}}, required: [user]}
|     key: [/user]
|     derive:
|       using: {sqlite: {migrations: ['create table counts (user text primary key, n integer);']}}
|       transforms:
|         - name: count
|           source: acme/in
|           shuffle: {key: [/user]}
|           lambda: >
|             insert into counts values ($user, 1) on conflict do update set n = n + 1;
|             select user, n from counts where user = $user;
| materializations:
|   acme/db:
|     endpoint: {native: {connector: materialize-sqlite, config: {path: counts.db}}}
|     bindings: [{resource: {table: counts}, source: acme/counts}]
$ for i in 1 2 3 4 5 6 7 8; do echo "{\"id\":$i}"; echo "{\"id\":1$i,\"user\":\"nobody\"}"; echo "{\"id\":2$i,\"user\":\"u$i\"}"; done >in.ndjson
$ weir run --once --quiet --source defaults.yaml --shards 16; sqlite3 counts.db 'SELECT user, n FROM counts ORDER BY user' | tr '\n' ' '; echo
!*
< nobody|16 u1|1 u2|1 u3|1 u4|1 u5|1 u6|1 u7|1 u8|1 
