"""PostgreSQL: what is measured with a server of its own, whose CPU counts with the program's. README.md says what the rows mean."""

import atexit
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measuring import BenchFailed, Place, Sample
from rows import EVERY, Row, Variant, catalog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "postgres"))
from server import Server, programs  # noqa: E402

WARM = ("max_wal_size=8GB", "shared_buffers=512MB", "autovacuum=off")


def cpu_of_ended_sessions(server: Server) -> float:
    """What the server's processes used that have ended: sessions, as nothing else ends here."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Both(Sample):
    """CPU of the client and of its session in the server."""
    server: float = 0


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

    def counted(self, argv, **more) -> Both:
        """With the CPU of the session that it had. The checkpoint before it makes the server write whole pages again, as it does every few minutes of its life."""
        self.server.ask("CHECKPOINT")
        all_ended(self.server)
        before = cpu_of_ended_sessions(self.server)
        s = self.p.measure(argv, **more)
        all_ended(self.server)
        server = cpu_of_ended_sessions(self.server) - before
        return Both(s.cpu + server, s.wall, s.rss, server)

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


def sides(results: dict, name: str) -> str:
    samples = results[name]["samples"]
    return f"{median(s['cpu'] - s['server'] for s in samples):.2f} s client, {median(s['server'] for s in samples):.2f} s server"


def pairs(results: dict, ours: str, theirs: str, what: str) -> float:
    """How fast one is beside the other: made of the two runs of each round, then the median."""
    return median(b[what] / a[what] for a, b in zip(results[ours]["samples"], results[theirs]["samples"]))


def postgres(p: Place, scale: float) -> Row:
    count = int(300_000 * scale)
    b = Bench(p, count)
    b.new_rows()
    b.unload()
    b.copy("binary")
    b.check()
    ours, limit = "weir run, new rows", "psql \\copy, binary"
    variants = [
        Variant(ours, b.new_rows, count, "weir"),
        Variant(limit, lambda: b.copy("binary"), count, "limit"),
        Variant("psql \\copy, text", lambda: b.copy("text"), count, "limit"),
    ]
    return Row("postgres", "rows of 10 columns into a PostgreSQL table with a primary key; CPU of client and server", "rows", variants,
               "0.7 of binary COPY's rate, by CPU, in pairs", lambda r: pairs(r, ours, limit, "cpu") >= 0.7,
               said=lambda r: f"beside binary COPY {pairs(r, ours, limit, 'cpu'):.2f} by CPU, {pairs(r, ours, limit, 'wall'):.2f} on the clock;"
                              f" {sides(r, ours)}, of COPY {sides(r, limit)}")


def postgres_upsert(p: Place, scale: float) -> Row:
    count = int(600_000 * scale)  # so that they are what counts, and not the start of a run
    b = Bench(p, count)
    b.new_rows()
    ours = "weir run, rows that are there"
    return Row("postgres-upsert", "the same rows again, each of which replaces the one that is there; CPU of client and server", "rows",
               [Variant(ours, b.same_rows_again, count, "weir")],
               "200k a second, on the clock", lambda r: count / r[ours]["wall"] >= 200e3,
               said=lambda r: f"{sides(r, ours)}; {count / r[ours]['wall'] / 1e3:.0f}k a second on the clock")


ROWS = {"postgres": postgres, "postgres-upsert": postgres_upsert}
