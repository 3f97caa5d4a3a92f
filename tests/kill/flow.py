"""Kills Flow materializations, and those who run them, at random points.

    flow.py [ROUNDS [FIRST-SEED]]

`weir run` puts source-hello into a collection and that into peer.py (tests/golden/flow-materialize), once for each of the two ways of being exact (flow.md 5.6): as a
store that keeps the checkpoint with its rows, and as one that stages files, lists them in its state, and merges them after the acknowledgement. The runner is killed at
its N-th read, write or sync; or the connector before its N-th message or change of a file; or both. After a last run to the end every key is there, and was stored
exactly once. In the meantime peer.py judges: whatever comes out of order, and every `exists` that is not true, ends it with a reason.

The points are drawn from a seed, which a failure names.
"""
import json
import os
import random
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from foreign import HELLO, KINDS, ROOT, Wrong, calls, fault, must, point, run_weir

PEER = ROOT / "tests/golden/flow-materialize/peer.py"
COUNT = 600
GROUPS = ["keeper", "files"]


def catalog(mode, count):
    return {"captures": {"test/hello": {"endpoint": {"local": {"command": [str(HELLO)], "config": {"count": count, "text": "x"}}},
                                        "bindings": [{"resource": {"stream": "greetings"}, "target": "test/greetings"}], "shards": {"maxTxnDuration": "1ms"}}},
            "collections": {"test/greetings": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}, "text": {"type": "string"}}, "required": ["n"]},
                                               "key": ["/n"]}},
            "materializations": {"test/m": {"endpoint": {"local": {"command": [sys.executable, "-S", "-E", str(PEER)],
                                                                   "config": {"path": "out.json", "mode": mode, "count": True}}},
                                            "bindings": [{"resource": {"table": "a"}, "source": "test/greetings"}]}}}


def one_round(mode, seed, totals):
    rng, history = random.Random(f"{mode} {seed}"), []
    try:
        with tempfile.TemporaryDirectory(prefix="weir-kill-") as name:
            folder = Path(name)
            for part in range(3):  # documents come in three parts, so that there are keys below the largest one and above it
                count = COUNT * (part + 1) // 3
                for _ in range(rng.randint(0, 2)):
                    who = rng.choice(["weir", "self", "both"])
                    env = fault(point(rng, totals, mode, KINDS, "weir")) if who == "weir" else {"KILL": f"{who}:{rng.randint(1, 12)}"}
                    result = run_weir(folder, catalog(mode, count), env)
                    history.append(f"{env.get('WEIR_FAULT') or env['KILL']} -> {result.returncode}")
                    must(result.returncode not in (5, 7), f"a kill is taken for another fault: {result.stderr[-500:]}")
                result = run_weir(folder, catalog(mode, count), {})
                must(result.returncode == 0, f"a run to the end failed: {result.stderr[-600:]}")
            data = json.loads((folder / "out.json").read_text())
            keys = sorted(key[0] for key, _ in data["tables"]["a"])
            must(keys == list(range(COUNT)), f"table: {len(keys)} rows, {COUNT} expected")
            twice = {key: n for key, n in data["counts"].items() if n != 1}
            must(not twice, f"stored not once: {dict(list(twice.items())[:5])}")
        return history, None
    except Wrong as wrong:
        return history, str(wrong)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    totals = {(mode, kind): calls(lambda f, e, m=mode: run_weir(f, catalog(m, COUNT), e), "weir", kind) for mode in GROUPS for kind in KINDS}
    print("# calls of undisturbed runs:", ", ".join(f"{m} {k} {n}" for (m, k), n in totals.items()), flush=True)
    jobs = [(g, s) for s in range(first, first + rounds) for g in GROUPS]
    with ThreadPoolExecutor(2) as pool:
        for (group, seed), (history, problem) in zip(jobs, pool.map(lambda j: one_round(*j, totals), jobs)):
            print(f"ok flow-{group}/{seed} {'; '.join(history)}" if not problem else f"not ok flow-{group}/{seed}\n# {'; '.join(history)}\n# {problem}", flush=True)


if __name__ == "__main__":
    main()
