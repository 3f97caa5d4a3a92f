# weir test-source: the platform's part, played for a source. What it does: fivetran.md 3.1.

== everything, then what is new, into tables that others can read
file d/configuration.json
| {"text": "Hi", "count": "3"}
$ weir test-source --data d --warehouse sqlite -- source-hello | grep -v '^summary'
< form: 2 fields, 2 tests
< test: Connects with these settings (connect): passed
< test: Finds what can be read (select): passed
< schema: 1 tables
< TABLE     COLUMN TYPE   KEY
< greetings n      LONG   key
<           text   STRING 
< update: everything
< TABLE     UPSERTS UPDATES DELETES TRUNCATES SCHEMA CHANGES
< greetings       3       0       0         1              0
< source succeeded
!*
$ sqlite3 d/warehouse.db 'SELECT name FROM sqlite_master WHERE type = "table" AND name LIKE "%greetings"; SELECT n, text, _fivetran_deleted FROM default_schema__greetings ORDER BY n'
< default_schema__greetings
< 0|Hi|0
< 1|Hi|0
< 2|Hi|0
$ cat d/state.json; echo
<= {"bindingStateV1": {"greetings": {"n": 3}}}
$ weir test-source --data d --warehouse sqlite --json -- source-hello | grep -v '"event":"column"\|summary'
<= {"event": "step", "step": "form", "message": "2 fields, 2 tests"}
<= {"event": "step", "step": "test", "message": "Connects with these settings (connect): passed"}
<= {"event": "step", "step": "test", "message": "Finds what can be read (select): passed"}
<= {"event": "step", "step": "schema", "message": "1 tables"}
<= {"event": "step", "step": "update", "message": "what is new since the last checkpoint"}
<= {"event": "table", "table": "greetings", "upserts": 0, "updates": 0, "deletes": 0, "truncates": 0, "schema_changes": 0}
<= {"event": "result", "test": "source", "succeeded": true, "problems": 0, "warnings": 0, "rules": {}}
!*
$ weir test-source --data d --warehouse sqlite --reset -- source-hello | grep ^greetings | tail -n 1
< greetings       3       0       0         1              0
!*

== the same into DuckDB, where weir was built with it
file d/configuration.json
| {"text": "Hi", "count": "3"}
$ weir test-source --data d -- source-hello >out 2>log; r=$?; grep -q 'built without DuckDB' log && echo greetings 3 0 0 1 0 || { grep '^greetings  *[0-9]' out | tr -s ' '; [ $r = 0 ] || cat log; }
< greetings 3 0 0 1 0

== what the user has not selected must not come
file d/configuration.json
| {"text": "Hi", "count": "3"}
$ weir test-source --data d --warehouse sqlite --exclude text,greetings.text -- source-hello | grep -v '^summary' | tail -n 2
< greetings       3       0       0         1              0
< source succeeded
!*
$ sqlite3 d/warehouse.db 'SELECT n FROM default_schema__greetings ORDER BY n; SELECT name FROM pragma_table_info("default_schema__greetings")'
< 0
< 1
< 2
< n
< _fivetran_synced
< _fivetran_deleted

== what the configuration lacks is asked for on the terminal, and kept for the owner's eyes
file ask.py
| import os, pty
| pid, terminal = pty.fork()
| if pid == 0:
|     os.execvp('weir', ['weir', 'test-source', '--data', 'd', '--warehouse', 'sqlite', '--', 'source-hello'])
| said, answers = b'', [b'Hello\n', b'\n']
| while True:
|     try:
|         more = os.read(terminal, 4096)
|     except OSError:
|         break
|     said += more
|     if answers and said.endswith(b'> '):
|         os.write(terminal, answers.pop(0))
| print('succeeded' if b'source succeeded' in said else said.decode(), os.waitpid(pid, 0)[1])
$ python3 ask.py; cat d/configuration.json; stat -c %a d/configuration.json
< succeeded 0
<= {"text": "Hello", "count": "3"}
< 600

== settings that are no texts
file d/configuration.json
| {"count": 3}
$ weir test-source --data d --warehouse sqlite -- source-hello
< form: 2 fields, 2 tests
<*
!*
! error d/configuration.json:1:11: count is a number: the platform knows texts only, "true" and "12" too
= 2

== settings that the connector refuses: its test fails
file d/configuration.json
| {"count": "many"}
$ weir test-source --data d --warehouse sqlite -- source-hello
<*
< source failed
!*
! error test 'connect':
= 2

== a program that is none
$ weir test-source -- ./nothing
< source failed
! error cannot start "./nothing": No such file or directory
= 2

== a program that ends
$ weir test-source -- sh -c 'echo broken >&2; exit 3'
< source failed
!*
! error sh: the connector exited with status 3: broken
= 4

== nobody listens
$ weir test-source --port 1 --json
<= {"event": "result", "test": "source", "succeeded": false, "problems": 0, "warnings": 0, "rules": {}, "error": "localhost:1: the server does not answer within 3000 ms", "code": "transient"}
!*
= 3

== options that contradict one another
$ weir test-source --port x
! error --port is no port: 'x'
= 2
$ weir test-source --port 1 -- source-hello
! error a command is started on a port of its own: no --address, no --port
= 2
$ weir test-source --warehouse oracle
! error --warehouse 'oracle' is not known: there are duckdb and sqlite
= 2

== what is told cannot be written
file d/configuration.json
| {"text": "Hi", "count": "3"}
$ weir test-source --data d --warehouse sqlite -- source-hello >/dev/full
!*
! error writing standard output: No space left on device
= 6
