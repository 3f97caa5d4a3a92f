"""Many rows whose keys may be there: which way they go, and that nobody can tell from the table: upserts.py [PART-OF-A-NAME]"""

import random
import subprocess
import sys
import time

from harness import Place, run_all, same

INT, STR = {"type": "integer"}, {"type": "string"}
COUNT = 3000


def key(n):
    """In no order of n, so that nothing is known to be new."""
    return f"{n * 7919 % 100003:06d}"


def loaded(p, **more):
    p.collection("v", {"id": STR, "v": INT, "_meta": {"type": "object", "properties": {"op": STR}}}, fields={"recommended": True, "exclude": ["_meta/op", "flow_document"]}, **more)
    p.put("v", *({"id": key(n), "v": n} for n in range(COUNT)))
    p.run()
    return {key(n): n for n in range(COUNT)}


def change(p, expected):
    """Most rows again, new ones, and some that are gone."""
    rng = random.Random(1)
    for n in range(COUNT // 2, COUNT * 2):
        if rng.random() < 0.1:
            p.put("v", {"id": key(n), "_meta": {"op": "d"}})
            expected.pop(key(n), None)
        else:
            p.put("v", {"id": key(n), "v": -n})
            expected[key(n)] = -n
    p.run()


def check(server, expected, table="v"):
    same(server.ask(f'SELECT id, v FROM {table} ORDER BY id COLLATE "C"'), "\n".join(f"{k}|{v}" for k, v in sorted(expected.items())))


def counts(server):
    """Rows that were updated, and whether more were deleted than documents say."""
    server.ask("SELECT pg_stat_clear_snapshot()")
    updated, deleted = map(int, server.ask("SELECT n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'v'").split("|"))
    return updated > 0, deleted > COUNT // 4


def settled(server, wanted):
    """Counts arrive when a session has ended."""
    until = time.monotonic() + 20
    while counts(server) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    same(counts(server), wanted)


def test_many_rows_are_replaced(server):
    with Place(server) as p:
        expected = loaded(p)
        change(p, expected)
        check(server, expected)
        settled(server, (False, True))


def test_rows_are_updated_where_somebody_would_notice(server):
    additions = {
        "column": ("ALTER TABLE v ADD mine text; UPDATE v SET mine = id", "SELECT count(*) FROM v WHERE mine = id", ""),
        "trigger": ("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO told VALUES (OLD.id); RETURN OLD; END $$; CREATE TABLE told (id text);"
                    " CREATE TRIGGER no BEFORE DELETE ON v FOR EACH ROW EXECUTE FUNCTION no()", "SELECT count(*) < 200 FROM told", "t"),
        "foreign key": ("CREATE TABLE child (id text REFERENCES v ON DELETE CASCADE); INSERT INTO child SELECT id FROM v", "SELECT count(*) > 2800 FROM child", "t"),
        "publication": ("CREATE PUBLICATION told FOR TABLE v WITH (publish = 'insert, update')", "SELECT 1", "1"),
        "row security": ("ALTER TABLE v ENABLE ROW LEVEL SECURITY", "SELECT 1", "1"),
    }
    for name, (addition, question, answer) in additions.items():
        with Place(server) as p:
            expected = loaded(p)
            server.ask(addition)
            former = set(expected)
            change(p, expected)
            check(server, expected)
            same((name, server.ask(question)), (name, answer or str(len(former & set(expected)))))
            settled(server, (True, False))
        server.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP PUBLICATION IF EXISTS told")


def test_somebody_inserts_meanwhile(server):
    """A key that is not there when rows are deleted, and is when they are inserted."""
    with Place(server) as p:
        expected = loaded(p)
        p.put("v", *({"id": key(n), "v": -n} for n in range(1, COUNT + 1)))
        p.write()
        env = dict(server.env(), PGPASSWORD=server.password)
        with subprocess.Popen(["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", "weir", "-d", "weir"], stdin=subprocess.PIPE, text=True, env=env) as other:
            other.stdin.write(f"BEGIN; INSERT INTO v VALUES ('{key(COUNT)}', 1);\n")
            other.stdin.flush()
            while server.ask("SELECT count(*) FROM pg_locks WHERE relation = 'v'::regclass AND mode = 'RowExclusiveLock' AND granted") != "1":
                time.sleep(0.02)
            with subprocess.Popen(p.command(), cwd=p.folder) as run:
                while server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir' AND wait_event = 'transactionid'") != "1":
                    assert run.poll() is None
                    time.sleep(0.02)
                other.stdin.write("COMMIT;\n")
                other.stdin.close()
                same(run.wait(60), 0)
        expected.update({key(n): -n for n in range(1, COUNT + 1)})
        check(server, expected)


def test_numbers_that_are_one_key(server):
    """1 and 1.0 are two keys to a collection, and one to numeric: the last of them stays."""
    with Place(server) as p:
        p.collection("v", {"id": {"type": "number"}, "v": INT})
        p.put("v", *({"id": n + 0.5, "v": 0} for n in range(COUNT)))
        p.run()
        p.put("v", *(f'{{"id":{n}.5,"v":1}}' for n in reversed(range(COUNT))), *(f'{{"id":{n}.50,"v":2}}' for n in range(COUNT)))
        p.run()
        same(server.ask("SELECT count(*), min(v), max(v) FROM v"), f"{COUNT}|2|2")


if __name__ == "__main__":
    sys.exit(run_all([f for n, f in sorted(globals().items()) if n.startswith("test_")], sys.argv[1] if len(sys.argv) > 1 else ""))
