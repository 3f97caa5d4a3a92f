"""PostgreSQL: what is measured with a server of its own, whose CPU counts with the program's. README.md says what the rows mean."""

import atexit
import json
import os
import shutil
import sys
from pathlib import Path

from measuring import BenchFailed, Place, Sample
from rows import EVERY, Row, Variant, catalog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "postgres"))
from server import Server, programs  # noqa: E402

WARM = ("max_wal_size=8GB", "shared_buffers=512MB", "autovacuum=off")


def cpu_of_ended_sessions(server: Server) -> float:
    """What the server's processes used that have ended: sessions, as nothing else ends here."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def all_ended(server: Server) -> None:
    while server.backends():
        pass


class Bench:
    """Records that were captured before, and a server that they go into."""

    def __init__(self, p: Place, count: int):
        if not programs():
            raise BenchFailed("PostgreSQL is not installed: bin/setup")
        self.p, self.count = p, count
        self.server = Server(*WARM)
        self.server.__enter__()
        atexit.register(self.server.__exit__)
        self.data, self.kept = p.work / "pg-data", p.work / "pg-weir.db"
        self.catalog = catalog(p, "postgres", [p.tool("source-bench")], {"count": count, "every": EVERY})
        self.change_endpoint()
        p.measure([*self.weir(), "bench/source"])
        shutil.copy(self.data / "weir.db", self.kept)
        self.rows = {form: p.work / f"pg-rows.{form}" for form in ("binary", "text")}

    def change_endpoint(self) -> None:
        text = json.loads(Path(self.catalog).read_text())
        text["materializations"]["bench/tables"]["endpoint"] = {"native": {"connector": "materialize-postgres", "config": self.server.config()}}
        Path(self.catalog).write_text(json.dumps(text))

    def weir(self) -> list:
        return [self.p.weir, "run", "--source", self.catalog, "--data", self.data, "--once", "--quiet", "--only"]

    def forget(self) -> None:
        for stale in self.data.glob("weir.db*"):
            stale.unlink()
        shutil.copy(self.kept, self.data / "weir.db")

    def counted(self, argv, **more) -> Sample:
        """With the CPU of the session that it had."""
        self.server.ask("CHECKPOINT")
        all_ended(self.server)
        before = cpu_of_ended_sessions(self.server)
        s = self.p.measure(argv, **more)
        all_ended(self.server)
        return Sample(s.cpu + cpu_of_ended_sessions(self.server) - before, s.wall, s.rss)

    def new_rows(self) -> Sample:
        self.forget()
        self.server.ask("DROP TABLE IF EXISTS records, weir_tables, weir_checkpoints")
        return self.counted([*self.weir(), "bench/tables"])

    def same_rows_again(self) -> Sample:
        """All of them are there, and each is replaced."""
        self.forget()
        self.server.ask("UPDATE weir_checkpoints SET checkpoint = NULL")
        self.server.ask("VACUUM FULL ANALYZE records")
        return self.counted([*self.weir(), "bench/tables"])

    def unload(self) -> None:
        for form, path in self.rows.items():
            self.server.psql("-c", f"\\copy (SELECT * FROM records ORDER BY id) TO '{path}' (FORMAT {form})")
        self.server.ask("CREATE TABLE copied (LIKE records INCLUDING ALL)")

    def copy(self, form: str) -> Sample:
        self.server.ask("TRUNCATE copied")
        where = ["-h", "127.0.0.1", "-p", self.server.port, "-U", "weir", "-d", "weir"]
        return self.counted(["psql", "-X", "-q", *where, "-c", f"\\copy copied FROM '{self.rows[form]}' (FORMAT {form})"], env={"PGPASSWORD": self.server.password})

    def check(self) -> None:
        differ = self.server.ask("SELECT count(*) FROM (SELECT * FROM records EXCEPT SELECT * FROM copied) x")
        if differ != "0" or self.server.ask("SELECT count(*) FROM records") != str(self.count):
            raise BenchFailed("COPY and Weir do not make the same table")


def postgres(p: Place, scale: float) -> Row:
    count = int(300_000 * scale)
    b = Bench(p, count)
    b.new_rows()
    b.unload()
    b.copy("binary")
    b.check()
    variants = [
        Variant("weir run, new rows", b.new_rows, count, "weir"),
        Variant("psql \\copy, binary", lambda: b.copy("binary"), count, "limit"),
        Variant("psql \\copy, text", lambda: b.copy("text"), count, "limit"),
    ]
    return Row("postgres", "rows of 10 columns into a PostgreSQL table with a primary key; CPU of the server's session, too", "rows", variants,
               "0.7 of binary COPY's speed on the clock", lambda r: r["psql \\copy, binary"]["wall"] / r["weir run, new rows"]["wall"] >= 0.7)


def postgres_upsert(p: Place, scale: float) -> Row:
    count = int(300_000 * scale)
    b = Bench(p, count)
    b.new_rows()
    return Row("postgres-upsert", "the same rows again, each of which replaces the one that is there", "rows",
               [Variant("weir run, rows that are there", b.same_rows_again, count, "weir")],
               "200k a second on the clock", lambda r: all(v["amount"] / v["wall"] >= 200e3 for v in r.values()))


ROWS = {"postgres": postgres, "postgres-upsert": postgres_upsert}
