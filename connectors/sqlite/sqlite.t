# materialize-sqlite in `weir run`: its own catalog. Over Flow: tests/golden/flow-materialize.
file rows.py
| import sqlite3
| db = sqlite3.connect("greetings.db")
| for table in "greetings", "log":
|     columns = [f"{name} {kind}" + " key" * bool(key) for _, name, kind, _, _, key in db.execute(f"PRAGMA table_info({table})")]
|     print(table, columns, db.execute(f"SELECT n, text FROM {table} ORDER BY n").fetchall())

== rows by key, and additions; a second run loads nothing
$ weir run --source $ROOT/connectors/sqlite/test.flow.yaml --once --quiet
! made table "greetings"
! made table "log"
$ python3 rows.py
< greetings ['n INTEGER key', 'text TEXT'] [(0, 'Hello'), (1, 'Hello'), (2, 'Hello'), (3, 'Hello'), (4, 'Hello')]
< log ['n INTEGER', 'text TEXT'] [(0, 'Hello'), (1, 'Hello'), (2, 'Hello'), (3, 'Hello'), (4, 'Hello')]
$ weir run --source $ROOT/connectors/sqlite/test.flow.yaml --once --quiet
$ python3 rows.py
< greetings ['n INTEGER key', 'text TEXT'] [(0, 'Hello'), (1, 'Hello'), (2, 'Hello'), (3, 'Hello'), (4, 'Hello')]
< log ['n INTEGER', 'text TEXT'] [(0, 'Hello'), (1, 'Hello'), (2, 'Hello'), (3, 'Hello'), (4, 'Hello')]
