"""Derivations: flow-sdk's Derive class driven by Weir, beside what it says to a runtime of a hundred lines; ours before that runtime, judged by flow-sdk's types."""

import json
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

import catalogs
from conftest import HERE, Weir, judged, kit, ours, program, weir_program, write_lines
from drive import Peer, PeerFailed, call
from drive_derive import Derivation, Transform, collection
from test_run import sessions
from test_shims import shim

PROPERTIES = {"id": {"type": "string"}, "text": {"type": ["string", "null"]}}
MADE = {"id": {"type": "string"}, "by": {"type": "string"}, "count": {"type": "integer"}, "text": {"type": ["string", "null"]}}
A = [{"id": "x", "text": "é 🚀 \u2028 \" \\"}, {"id": "y", "text": None}, {"id": "x"}, {"id": "", "text": "no name"}]
B = [{"id": "x", "text": "late"}, {"id": "a/b~c", "text": "odd"}]
MORE_A = [{"id": "y", "text": "later"}, {"id": "x", "text": "3"}]


def counting(**config) -> Peer:
    return Peer(kit("airbyte", "sdk_derive.py"), config)


def transforms() -> list[Transform]:
    return [Transform("now", collection("acme/a", "id", PROPERTIES), {}, ["/id"]), Transform("late", collection("acme/b", "id", PROPERTIES), {"late": True}, ["/id"])]


def by_key(docs: list[dict]) -> dict[tuple, dict]:
    """A transaction's documents are reduced by key, and which of two collections is read first is the runtime's choice."""
    return catalogs.reduced([catalogs.plain(d, set()) for d in docs], ["/id", "/by"])


def directly(peer: Peer, state: dict, a: list[dict], b: list[dict]) -> Derivation:
    d = Derivation(peer, collection("acme/made", "id", MADE), transforms(), state)
    d.published = d.transaction([(0, doc) for doc in a] + [(1, doc) for doc in b])
    assert d.end() == 0
    return d


def write_catalog(folder: Path, peer: Peer, **more):
    files = {"connector": "source-files", "config": {"base": str(folder / "in"), "streams": [{"name": n, "path": f"{n}*.ndjson", "key": ["id"]} for n in "ab"]}}
    schema = lambda properties: {"type": "object", "properties": properties, "required": ["id"]}
    local = {"command": peer.argv, "env": {**peer.env, "PEER_AUDIT": str(folder / "audit")}, "config": peer.config, **({"protobuf": True} if peer.protobuf else {})}
    catalogs.write(folder / "flow.yaml", {
        "captures": {"acme/files": {"endpoint": {"native": files}, "bindings": [{"resource": {"stream": n}, "target": f"acme/{n}"} for n in "ab"]}},
        "collections": {
            **{f"acme/{n}": {"schema": schema(PROPERTIES), "key": ["/id"]} for n in "ab"},
            "acme/made": {"schema": schema(MADE), "key": ["/id", "/by"], "derive": {"using": {"local": local}, "transforms": [
                {"name": t.name, "source": t.source["name"], "shuffle": {"key": t.shuffle}, "lambda": t.lambda_} for t in transforms()]}},
        },
        **more,
    })


@pytest.fixture
def made(weir: Weir, tmp_path):
    """run(): everything that is in acme/made after a run."""
    (tmp_path / "in").mkdir()
    write_lines(tmp_path / "in/a-1.ndjson", A)
    write_lines(tmp_path / "in/b-1.ndjson", B)

    class Made:
        folder, audit = tmp_path, tmp_path / "audit"

        def run(self, status=0):
            done = weir("run", "--once", "--quiet", "--source", tmp_path / "flow.yaml", "--data", tmp_path / "data", status=status)
            return done if status else catalogs.journal(tmp_path / "data", "acme/made")

        def state(self):
            with sqlite3.connect(f"file:{tmp_path}/data/weir.db?mode=ro", uri=True) as db:
                (text,) = db.execute("SELECT state FROM tasks WHERE task = 'acme/made'").fetchone()
            return json.loads(text)

    return Made()


@pytest.mark.parametrize("config", [{}, {"whole": True}, {"forgets": True}], ids=["patches", "replaces", "forgets"])
def test_run(made, config):
    """What is published, what is kept, and what comes of it in the next run, are what they are without Weir."""
    peer = counting(**config)
    write_catalog(made.folder, peer)
    first = directly(peer, {}, A, B)
    docs = made.run()
    assert by_key(docs) == by_key(first.published)
    assert made.state() == first.state
    write_lines(made.folder / "in/a-2.ndjson", MORE_A)
    second = directly(peer, first.state, MORE_A, [])
    again = made.run()
    assert by_key(again[len(docs):]) == by_key(second.published)
    assert made.state() == second.state
    assert made.run() == again


def test_it_is_told_what_a_runtime_says(made):
    write_catalog(made.folder, counting())
    made.run()
    told = sessions(made.audit)
    opened = [session for session in told if any("open" in m for m in session)]
    assert all(session[0] == {"spec": {"connectorType": "LOCAL", "config": {}}} for session in told)
    assert any("validate" in m for session in told for m in session) and len(opened) == 1
    messages = opened[0][1:]
    derivation = messages[0]["open"]["collection"]["derivation"]
    assert messages[0]["open"]["collection"]["name"] == "acme/made" and derivation["connectorType"] == "LOCAL" and derivation["shuffleKeyTypes"] == ["STRING"]
    assert [t["shuffleKey"] for t in derivation["transforms"]] == [["/id"], ["/id"]]
    assert {t["collection"]["name"]: [p["field"] for p in t["collection"]["projections"] if p.get("isPrimaryKey")] for t in derivation["transforms"]} == {
        "acme/a": ["id"], "acme/b": ["id"]}
    reads = [m["read"] for m in messages if "read" in m]
    assert all(r["shuffle"]["key"] == [r["doc"]["id"]] and int(r["uuid"]["clock"]) > 0 for r in reads)
    assert sorted(json.dumps({k: v for k, v in r["doc"].items() if k != "_meta"}, sort_keys=True) for r in reads) == sorted(json.dumps(d, sort_keys=True) for d in A + B)
    order = [next(iter(m)) for m in messages if "read" not in m]
    assert order == ["open"] + ["flush", "startCommit"] * (len(order) // 2) and len(order) >= 3


def test_an_error_of_it_is_the_runs(made):
    """The transaction never happened: once the document is gone, everything is there once."""
    write_catalog(made.folder, counting())
    docs = made.run()
    write_lines(made.folder / "in/a-2.ndjson", [*MORE_A, {"id": "z", "text": "boom"}])
    done = made.run(status=4)
    assert "RuntimeError: boom" in done.stderr
    assert catalogs.journal(made.folder / "data", "acme/made") == docs
    assert made.state() == directly(counting(), {}, A, B).state


def test_what_it_does_not_validate(weir, made):
    peer = counting()
    write_catalog(made.folder, peer)
    content = catalogs.read(made.folder / "flow.yaml")
    content["collections"]["acme/made"]["derive"]["transforms"][1]["lambda"] = {"wrong": True}
    catalogs.write(made.folder / "flow.yaml", content)
    assert "transform late is wrong" in made.run(status=4).stderr


def test_catalog_tests_although_it_knows_no_reset(weir, made):
    step = lambda n, docs: {"ingest": {"collection": f"acme/{n}", "documents": docs}}
    verify = {"verify": {"collection": "acme/made", "documents": [{"id": "x", "by": "late", "count": 1}, {"id": "x", "by": "now", "count": 2}]}}
    write_catalog(made.folder, counting(), tests={f"acme/t{i}": [step("a", [{"id": "x"}]), step("a", [{"id": "x"}]), step("b", [{"id": "x"}]), verify] for i in range(3)})
    done = weir("test", "--source", made.folder / "flow.yaml")
    assert "3 passed, 0 failed" in done.stdout
    assert done.stderr.count("does not know 'reset'") == 1


def test_shim(weir, made, tmp_path):
    """A shim is the derivation, to whoever asks: the same spec, documents and states; and in protobuf, which flow-sdk does not know, to Weir."""
    (tmp_path / "shims").mkdir()
    script = tmp_path / "shims" / "derive-sdk"
    quoted = " ".join(f"'{part}'" for part in counting().argv)
    script.write_text(f'#!/bin/sh\nexec {weir.program} shim --from flow --as flow --derivation -- {quoted} -- "$@"\n')
    script.chmod(0o755)
    shimmed = Peer([str(script)], {})
    same, direct = directly(shimmed, {"counts": {"now/x": 5}}, A, B), directly(counting(), {"counts": {"now/x": 5}}, A, B)
    assert same.published == direct.published and same.state == direct.state
    spec, own = same.lines[0]["spec"], direct.lines[0]["spec"]
    assert {k: v for k, v in own.items() if v != []} == spec
    write_catalog(made.folder, Peer([str(script)], {}, protobuf=True))
    docs = made.run()
    assert by_key(docs) == by_key(directly(counting(), {}, A, B).published)


# ------------------------------------------------------------------------------------------------------------ ours, served


def balances() -> Peer:
    found = weir_program().parent.parent / "examples/derive/derive-balances"
    if not found.exists():
        pytest.skip(f"{found} is not there: build it")
    return Peer([str(found)], {"limit": -5})


def move(user: str, cents: int) -> dict:
    return {"user": user, "cents": cents, "id": user}


def served(state: dict) -> Derivation:
    properties = {"id": {"type": "string"}, "user": {"type": "string"}, "cents": {"type": "integer"}}
    source = [collection(f"acme/{n}", "id", properties) for n in "ab"]
    target = collection("acme/balances", "user", {"user": {"type": "string"}, "balance": {"type": "integer"}, "refused": {"type": "integer"}})
    return Derivation(balances(), target, [Transform("in", source[0], {"kind": "deposit"}, ["/user"]), Transform("out", source[1], {"kind": "withdrawal"}, ["/user"])], state)


def test_served(weir):
    """Balances by hand: bob may go down to -5 and not below."""
    d = served({})
    first = d.transaction([(0, move("ann", 10)), (1, move("bob", 5)), (1, move("bob", 1)), (0, move("é 🚀/~", 1))])
    assert sorted(map(json.dumps, first)) == sorted(map(json.dumps, [
        {"user": "ann", "balance": 10, "refused": 0}, {"user": "bob", "balance": -5, "refused": 1}, {"user": "é 🚀/~", "balance": 1, "refused": 0}]))
    assert d.transaction([]) == []
    assert d.end() == 0
    again = served(d.state)
    assert again.transaction([(1, move("ann", 15)), (1, move("é 🚀/~", 7))]) == [
        {"user": "é 🚀/~", "balance": 1, "refused": 1}, {"user": "ann", "balance": -5, "refused": 0}]
    assert again.end() == 0
    lines = [*d.lines, *again.lines, {"validated": d.validated}]
    assert judged("flow-sdk", "".join(json.dumps(line) + "\n" for line in lines).encode()) == []


def test_the_judge_rejects(weir):
    wrong = [{"published": {}}, {"published": {"doc": 1}}, {"startedCommit": {"state": {"updated": 1}}}, {"validated": {"transforms": [{"readOnly": "maybe"}]}}, {"loaded": {}}]
    assert len(judged("flow-sdk", "".join(json.dumps(line) + "\n" for line in wrong).encode())) == len(wrong)


def test_a_judge_of_estuary_cdk():
    """estuary-cdk has models of captures alone. Once it has those of derivations, they should judge, too."""
    import pkgutil

    import estuary_cdk

    assert "derive" not in {module.name for module in pkgutil.iter_modules(estuary_cdk.__path__)}
