"""Rows about documents: reduced, combined."""

import json

from measuring import BenchFailed, Place
from rows import Row, Variant


def peer_reads(p: Place, count: int, keys: int) -> Variant:
    feed = [p.tool("doc-bench"), "print", count, keys]
    return Variant("Python, orjson and a dict", lambda: p.measure([p.python, p.peers / "combine_orjson.py"], feed=feed), count)


def reduce(p: Place, scale: float) -> Row:
    count = int(1_000_000 * scale)
    variants = [Variant("weir, checked and reduced", lambda: p.measure([p.tool("doc-bench"), "reduce", count]), count, "weir")]
    if p.has_peers():
        variants.append(peer_reads(p, count // 2, 1))
    return Row(
        "reduce", "documents of 10 fields into one: sums, minimum, maximum, last values", "docs", variants,
        "1M documents per CPU second", lambda r: r["weir, checked and reduced"]["rate"] >= 1e6,
    )


def made(p: Place, argv: list, feed: list | None = None) -> list:
    p.measure(argv, feed=feed, keep=p.work / "combined")
    return [json.loads(line) for line in (p.work / "combined").read_bytes().splitlines()]


def agree(p: Place) -> None:
    """Both make the same documents, in whatever order they write names and however they write numbers."""
    ours = made(p, [p.tool("doc-bench"), "combine", 20000, 1000, 1, "shown"])
    theirs = made(p, [p.python, p.peers / "combine_orjson.py"], [p.tool("doc-bench"), "print", 20000, 1000])
    if ours != theirs or len(ours) != 1000:
        raise BenchFailed("Weir and Python make other documents of the same")


def combine(p: Place, scale: float) -> Row:
    many, some = int(10_000_000 * scale), int(1_000_000 * scale)
    name = "weir, 10M documents of 1M keys in 64 MiB"
    if p.has_peers():
        agree(p)

    def ours(name: str, count: int, keys: int, mebibytes: int) -> Variant:
        return Variant(name, lambda: p.measure([p.tool("doc-bench"), "combine", count, keys, mebibytes]), count, "weir")

    variants = [ours(name, many, many // 10, 64), ours("weir, 1M of 100,000 in 64 MiB: nothing is spilled", some, some // 10, 64)]
    if p.has_peers():
        variants.append(peer_reads(p, some, some // 10))
    return Row(
        "combine", "documents of 10 fields, checked and reduced by key, keys in no order", "docs", variants,
        "10M in 64 MiB, the program included", lambda r: r[name]["rss"] <= 64 * 1024, most=2,
    )


ROWS = {"reduce": reduce, "combine": combine}
