"""Tables that several shards load at once: the same rows with any number of them, a checkpoint and a fence for each range: sharded.py [PART-OF-A-NAME]"""

import shutil
import sys

from harness import BIN, Place, has, run_all, same

PROGRAM = [str(BIN / "materialize-postgres")]
FORMS = {"native": None, "json": {"command": PROGRAM}, "protobuf": {"command": PROGRAM, "protobuf": True}}


def place(server, form, derived=True):
    p = Place(server)
    p.local = FORMS[form]
    integer = {"type": "integer"}
    p.collection("keyed", {"id": integer, "n": integer})
    p.collection("added", {"id": integer}, resource={"delta_updates": True})
    if derived:
        p.derive("sums", "bucket", {"bucket": integer, "n": dict(integer, reduce={"strategy": "sum"})}, "added", "select $id % 13 as bucket, 1 as n;")
    return p


def put(p, begin, end):
    for n in range(begin, end):
        p.put("keyed", {"id": n % 97, "n": n}).put("added", {"id": n})


def check(server, count, derived=True):
    same(server.ask("SELECT id, n FROM keyed ORDER BY id").splitlines(), [f"{i}|{max(range(i, count, 97))}" for i in range(min(count, 97))])
    same(server.ask("SELECT id FROM added ORDER BY id").split(), [str(i) for i in range(count)])
    if derived:
        same(server.ask("SELECT bucket, n FROM sums ORDER BY bucket").splitlines(), [f"{b}|{len(range(b, count, 13))}" for b in range(13)])


def ranges(server):
    return server.ask("SELECT key_begin, key_end FROM weir_checkpoints WHERE checkpoint IS NOT NULL ORDER BY 1, 2").splitlines()


def test_cut_further(server):
    for form in FORMS:
        server.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        with place(server, form) as p:
            put(p, 0, 500)
            p.run()
            check(server, 500)
            put(p, 500, 900)
            p.run("--shards", "2")
            check(server, 900)
            put(p, 900, 1000)
            p.run()
            check(server, 1000)
            put(p, 1000, 1400)
            p.run("--shards", "6")
            check(server, 1400)
            p.run()
            check(server, 1400)
            got = ranges(server)
            for row in ("0|4294967295", "0|2147483647", "2147483648|4294967295", "0|715827881", "3579139413|4294967295"):
                if row not in got:
                    raise AssertionError(f"no {row} in {got}")
            same(len(got), 1 + 2 + 6)


def test_from_the_beginning(server):
    for form in FORMS:
        server.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        with place(server, form) as p:
            put(p, 0, 700)
            p.run("--shards", "3")
            check(server, 700)


def test_a_copy_of_the_folder(server):
    """Two runs of one task: what the other one has stored since is not stored again, by any shard."""
    with place(server, "native", derived=False) as p: # its collection would not be the same, byte for byte
        put(p, 0, 400)
        p.run("--shards", "2")
        put(p, 400, 600)
        p.run("--only", "t/source")
        other = Place(server)
        shutil.rmtree(other.folder)
        shutil.copytree(p.folder, other.folder)
        other.collections, other.bindings, other.lines = p.collections, p.bindings, p.lines
        with other:
            other.run()
            check(server, 600, derived=False)
            p.run()
            check(server, 600, derived=False)


def test_refused(server):
    with place(server, "native") as p:
        put(p, 0, 100)
        p.run("--shards", "3")
        has(p.run("--shards", "4", status=2), "it has 3 shards")
        check(server, 100)


if __name__ == "__main__":
    sys.exit(run_all([test_cut_further, test_from_the_beginning, test_a_copy_of_the_folder, test_refused], sys.argv[1] if len(sys.argv) > 1 else ""))
