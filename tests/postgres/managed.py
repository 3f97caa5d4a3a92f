"""materialize-postgres as a destination of Fivetran, played by `weir test-destination`; and its weir_sql, asked directly: managed.py [PART-OF-A-NAME]"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import BIN, BUILD, ROOT, has, run_all, same


def play(server):
    """Every operation and every migration of the tester's own input. @return what it printed"""
    with tempfile.TemporaryDirectory(prefix="weir-pgm-") as folder:
        data = Path(folder) / "d"
        data.mkdir()
        for path in (ROOT / "tests" / "tester" / "input").glob("*.json"):
            shutil.copy(path, data)
        (data / "configuration.json").write_text(json.dumps(server.config()))
        done = subprocess.run([str(BIN / "weir"), "test-destination", "--data", "d", "--", str(BIN / "materialize-postgres")], cwd=folder,
                              env={**os.environ, "LOG_FORMAT": "text"}, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise AssertionError(f"status {done.returncode}: {done.stdout[-2000:]}{done.stderr[-3000:]}")
        return done.stdout


def test_operations_and_migrations(server):
    """The tables are those that the same input makes of SQLite (tests/golden/weir/test_destination.t)."""
    said = play(server)
    has(said, "destination succeeded")
    same(sum(line.startswith("migrate:") for line in said.splitlines()), 16)
    iso = "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')"
    same(server.ask(f"SELECT id, name, score, {iso.format('_fivetran_start')}, {iso.format('_fivetran_end')}, _fivetran_active, grade FROM tester.versions"
                    " ORDER BY id, _fivetran_start"),
         "1|a|1|2024-01-01 00:00:00.000|2024-01-01 23:59:59.999|f|NULL\n"
         "1|b|2|2024-01-02 00:00:00.000|2024-01-02 23:59:59.999|f|NULL\n"
         "1|b|9|2024-01-03 00:00:00.000|2024-02-29 23:59:59.999|f|NULL\n"
         "1|b|9|2024-03-01 00:00:00.000|2024-03-01 23:59:59.999|f|good\n"
         "1|NULL|9|2024-03-02 00:00:00.000|9999-12-31 23:59:59.999|t|good\n"
         "2|c|3|2024-01-01 00:00:00.000|2024-02-01 00:00:00.000|f|NULL")
    same(server.ask("SELECT a, b, remark, more, note_copy, level FROM tester.pairs_kept ORDER BY b").splitlines()[0], "new|1|NULL|NULL|same|7")


def test_sql(server):
    env = {**os.environ, "WEIR_POSTGRES": json.dumps(server.config()), "CMOCKA_MESSAGE_OUTPUT": "STDOUT", "LOG_LEVEL": "error"}
    done = subprocess.run([BUILD / "connectors" / "postgres" / "unit_connectors_postgres_sql"], env=env, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(run_all([f for n, f in sorted(globals().items()) if n.startswith("test_")], sys.argv[1] if len(sys.argv) > 1 else ""))
