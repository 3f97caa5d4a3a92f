# weir test-destination: the platform's part, played for a destination, from files of operations. What it does: fivetran.md 3.2.

== every operation and every migration
file d/configuration.json
| {"path": "dest.db"}
$ cp $ROOT/tests/tester/input/*.json d; weir test-destination --data d -- materialize-sqlite >out; s=$?; grep -c '^migrate:' out; tail -n 1 out; exit $s
< 16
< destination succeeded
!*
$ sqlite3 dest.db 'SELECT id, name, score, _fivetran_start, _fivetran_end, _fivetran_active, grade FROM tester__versions ORDER BY id, _fivetran_start' | sed 's/+00:00//g'
< 1|a|1.0|2024-01-01T00:00:00|2024-01-01T23:59:59.999|0|
< 1|b|2.0|2024-01-02T00:00:00|2024-01-02T23:59:59.999|0|
< 1|b|9.0|2024-01-03T00:00:00|2024-02-29T23:59:59.999|0|
< 1|b|9.0|2024-03-01T00:00:00|2024-03-01T23:59:59.999|0|good
< 1||9.0|2024-03-02T00:00:00|9999-12-31T23:59:59.999|1|good
< 2|c|3.0|2024-01-01T00:00:00|2024-02-01T00:00:00|0|
$ sqlite3 dest.db 'SELECT a, b, remark, more, note_copy, level FROM tester__pairs_kept ORDER BY b; SELECT id, amount, text, _fivetran_active FROM tester__everything WHERE id <> 1; SELECT amount, document FROM tester__everything WHERE id = 1'
< new|1|||same|7
< new|4294967296|n||same|7
< 2||null values|1
< 3|||0
< 1234567890123456789012345678.0123456789|{"a":[1,null]}
$ ls d | grep csv
= 1

== files in plain text can be looked at
file d/configuration.json
| {"path": "dest.db"}
file d/in.json
| {"create_table": {"t": {"columns": {"id": "INT", "name": "STRING"}, "primary_key": ["id"]}},
|  "ops": [{"upsert": {"t": [{"id": 1, "name": "a, b"}]}}, {"update": {"t": [{"id": 1, "name": null}]}}]}
$ weir test-destination --data d --plain-text --schema-name s -- materialize-sqlite | grep -v '^summary' | tail -n 2; ls d | grep csv; sed -E 's/null-[A-Za-z0-9]+/NULL/g; s/"unmod-[A-Za-z0-9]+"/UNMODIFIED/; s/20[-0-9]+T[0-9:.]+Z/TIME/' d/t_in_update.csv | tr , '\n' | sort | tr '\n' ' ' 
< write: t: 1 upserts, 1 updates, 0 deletes
< destination succeeded
< t_in_update.csv
< t_in_upsert.csv
< 1 NULL TIME UNMODIFIED _fivetran_deleted _fivetran_synced id name     (no newline at the end)
!*
$ sqlite3 dest.db 'SELECT id, name, _fivetran_deleted FROM s__t'
< 1||0

== an input file that is wrong, with its place
file d/configuration.json
| {"path": "dest.db"}
file d/in.json
| {"ops": [
|   {"insert": {}}]}
$ weir test-destination --data d -- materialize-sqlite
<*
< destination failed
!*
! error in.json: d/in.json:2:4: 'insert' is no operation
= 2

== no input file
file d/configuration.json
| {"path": "dest.db"}
$ weir test-destination --data d -- materialize-sqlite
<*
< destination failed
!*
! error d: there is no input file in it
= 2

== batch files of another type
$ weir test-destination --batch-file-type AVRO
< summary: 0 rows, 0 calls in 0.000 s; rows cannot be read back through the protocol: look at the destination
< destination failed
! error --batch-file-type 'AVRO' is not known: there are CSV and PARQUET
= 2
