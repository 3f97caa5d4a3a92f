"""Runs the connector's unit test (connectors/postgres/test_rows.c) on a server: rows.py"""

import json
import os
import subprocess
import sys

from harness import BUILD, programs
from server import Server

if not programs():
    print("ok postgres/rows # SKIP PostgreSQL is not installed: bin/setup")
    sys.exit(0)
with Server() as server:
    env = {**os.environ, "WEIR_POSTGRES": json.dumps(server.config()), "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "weir",
           "PGPASSWORD": server.password, "PGDATABASE": "weir", "CMOCKA_MESSAGE_OUTPUT": "TAP", "LOG_LEVEL": "error"}
    done = subprocess.run([BUILD / "connectors" / "postgres" / "unit_connectors_postgres_rows"], env=env, capture_output=True, text=True, timeout=300)
for line in done.stdout.splitlines():
    if line.startswith(("ok", "not ok")):
        kind, name = line.split(" - ")[0].rsplit(" ", 1)[0], line.split(" - ")[-1]
        print(f"{kind} postgres/rows-{name.removeprefix('test_')}")
    else:
        print(f"# {line}")
if done.returncode:
    print("not ok postgres/rows\n# " + done.stderr[-3000:].replace("\n", "\n# "))
sys.exit(done.returncode != 0)
