"""Measures and prints one table; see README.md. Started by bin/bench."""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

from measuring import BenchFailed, Place
from rows import Row

ROWS = {name: row for path in sorted(Path(__file__).resolve().parent.glob("rows*.py")) for name, row in importlib.import_module(path.stem).ROWS.items()}

ROOT = Path(__file__).resolve().parent.parent


def tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def interleaved(row: Row, rounds: int) -> dict[str, list]:
    """A B A B ..., so that what else the machine does hits all of them."""
    samples = {v.name: [] for v in row.variants}
    turns = min(rounds, row.most) * row.runs
    for i in range(turns):
        for v in row.variants:
            tell(f"{row.name} {i + 1}/{turns}: {v.name}")
            samples[v.name].append(v.run())
    tell("")
    return samples


def results_of(row: Row, samples: dict[str, list]) -> dict[str, dict]:
    """By variant: medians; how much work a second of CPU does; how fast Weir is for each second of this variant."""
    results = {}
    ours = row.variants[0]
    for v in row.variants:
        mine = samples[v.name]
        cpu = [s.cpu for s in mine]
        # CPU for the same work; ratios are made within a round, so that slow and fast hours of the machine cancel out
        ratios = [(s.cpu / (v.amount or 1)) / (o.cpu / (ours.amount or 1)) for s, o in zip(mine, samples[ours.name])]
        results[v.name] = {
            "kind": v.kind,
            "amount": v.amount,
            "cpu": median(cpu),
            "wall": median(s.wall for s in mine),
            "rss": max(s.rss for s in mine),
            "rate": v.amount / median(cpu) if v.amount else None,
            "ratio": median(ratios),
            "spread": (max(cpu) - min(cpu)) / median(cpu),
            "samples": [vars(s) for s in mine],
        }
    return results


def seconds(t: float) -> str:
    return f"{t:.2f} s" if t >= 0.1 else f"{t * 1000:.2f} ms"


def times(r: float) -> str:
    return f"{r:.{2 if r < 10 else 1 if r < 100 else 0}f} x"


def rate(r: float | None, unit: str) -> str:
    if r is None:
        return ""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if r >= size:
            return f"{r / size:.2f} {letter}{'' if unit == 'B' else ' '}{unit}"
    return f"{r:.0f} {unit}"


HEAD = ("", "", "CPU", "per CPU s", "clock", "max RSS", "Weir is", "spread")
RIGHT = {2, 3, 4, 5, 6, 7}


def table(done: list[tuple[Row, dict]]) -> str:
    """Cells aligned; a row's title stands above its variants, its goal below."""
    lines: list = [HEAD]
    for row, results in done:
        lines.append(f"\n{row.name}: {row.title}")
        for v in row.variants:
            r = results[v.name]
            ratio = "" if v is row.variants[0] or row.name.startswith("memory") else times(r["ratio"])
            mark = {"weir": "", "peer": "peer", "limit": "limit"}[v.kind]
            lines.append(("  " + v.name, mark, seconds(r["cpu"]), rate(r["rate"], row.unit), seconds(r["wall"]), f"{r['rss'] / 1024:.1f} MB", ratio,
                          f"{r['spread'] * 100:.0f} %"))
        if row.said:
            lines.append(f"  {row.said(results)}")
        lines.append(f"  goal: {row.goal}: {'reached' if row.reached(results) else 'MISSED'}")
    cells = [x for x in lines if isinstance(x, tuple)]
    widths = [max(len(c[i]) for c in cells) for i in range(len(HEAD))]
    return "\n".join(
        x if isinstance(x, str) else "  ".join(c.rjust(w) if i in RIGHT else c.ljust(w) for i, (c, w) in enumerate(zip(x, widths))).rstrip()
        for x in lines
    )


def where() -> dict:
    model = next((x.split(":", 1)[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "?")
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "commit": commit.stdout.decode().strip(),
            "load": round(os.getloadavg()[0], 1)}


def main() -> int:
    about = argparse.ArgumentParser(prog="bin/bench", description="Measures Weir beside its peers and the machine's limits; bench/README.md says more.")
    about.add_argument("rows", nargs="*", metavar="ROW", help=f"what to measure: {', '.join(ROWS)}; default: all")
    about.add_argument("--rounds", type=int, default=5, help="how often everything is run, in turns; default 5")
    about.add_argument("--scale", type=float, default=1, help="how much work, against the usual; 0.1 for a quick look")
    about.add_argument("--long", action="store_true", help="memory: 10 GB as well")
    about.add_argument("--json", action="store_true", help="all samples as JSON instead of the table")
    about.add_argument("--build", default="build-bench", help=argparse.SUPPRESS)
    a = about.parse_args()
    unknown = [r for r in a.rows if r not in ROWS]
    if unknown:
        about.error(f"no row is called '{unknown[0]}'; there are {', '.join(ROWS)}")
    peers = Path(os.environ.get("WEIR_PEERS", Path.home() / ".cache" / "weir-peers"))
    done = []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as work:
        place = Place(ROOT, (ROOT / a.build).resolve(), Path(work), peers)
        for name in a.rows or ROWS:
            tell(f"{name}: preparing")
            make = partial(ROWS[name], long=a.long) if name.startswith("memory") else ROWS[name]
            row = make(place, a.scale)
            done.append((row, results_of(row, interleaved(row, a.rounds))))
    if a.json:
        rows = {row.name: {"title": row.title, "unit": row.unit, "goal": row.goal, "reached": row.reached(r), "said": row.said(r) if row.said else "", "variants": r} for row, r in done}
        print(json.dumps({"machine": where(), "rounds": a.rounds, "scale": a.scale, "rows": rows}, indent=1))
        return 0
    print(table(done))
    w = where()
    print(f"\nmedians of {a.rounds} rounds in turns; \"Weir is\" compares CPU for the same work; spread is (most - least) / median of CPU")
    print(f"{w['cpu']}, {w['cores']} cores, load {w['load']}, Linux {w['kernel']}, weir {w['commit']}")
    if not place.has_peers():
        print("peers made with Python kits are missing: tests/interop/setup.sh suite")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchFailed as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
