"""Packed tuples beside the layer they are taken from: fdb.tuple of FoundationDB's Python package, over random values, other ones each time (WEIR_SEED repeats them)."""

import json
import os
import random
import subprocess
from functools import cmp_to_key

import pytest
from fdb import tuple as layer

from conftest import weir_program

COUNT = 3000
# The Python layer packs these two in its long form, which others do not (8 bytes are enough for them).
ONE_TOO_LONG = {2**64 - 1, 1 - 2**64}


@pytest.fixture(scope="module")
def tuples():
    program = weir_program().parent.parent / "tests" / "tuples"
    if not program.is_file():
        pytest.skip(f"{program} is not there")

    def run(lines):
        given = "".join(line + "\n" for line in lines)
        return subprocess.run([program], input=given, capture_output=True, text=True, check=True, encoding="utf-8").stdout.splitlines()

    return run


@pytest.fixture(scope="module")
def rng():
    seed = int(os.environ.get("WEIR_SEED") or random.randrange(2**32))
    print(f"WEIR_SEED={seed}")
    return random.Random(seed)


def an_integer(r):
    """Around powers of two as often as anywhere, up to 255 bytes."""
    bits = r.choice([1, 8, 16, 31, 32, 53, 63, 64, 65, 128, 2040])
    value = r.randrange(2**bits) if r.random() < 0.5 else 2**bits + r.randint(-2, -1)
    value = r.choice([value, -value])
    return 0 if value in ONE_TOO_LONG else value


def a_float(r):
    value = r.choice([r.random(), r.gauss(0, 1e3), r.uniform(-1, 1) * 10 ** r.randint(-308, 300), 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308])
    return int(value) if value.is_integer() and abs(value) < 2**2039 else value  # what is whole is an integer here


def a_text(r):
    pools = ["ab", "\0\1\n\"\\/", "é€ÿ", "\U0001f600\U0010ffff퟿\ue000", "\0ÿ"]
    return "".join(r.choice(r.choice(pools)) for _ in range(r.randrange(8)))


def nested(r, depth=2):
    what = r.randrange(3) if depth else 2
    if what == 0:
        return [nested(r, depth - 1) for _ in range(r.randrange(3))]
    if what == 1:
        return {a_text(r): nested(r, depth - 1) for _ in range(r.randrange(3))}
    return r.choice([None, True, 3, "x\0y", 1.5])


def a_value(r):
    return r.choice([lambda r: None, lambda r: r.random() < 0.5, an_integer, an_integer, a_float, a_text, a_text,
                     lambda r: [nested(r)], lambda r: {"a": nested(r)}])(r)


def written(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_layer(value):
    """Arrays and objects are byte strings of their text (flow.md 6.3)."""
    return written(value).encode() if isinstance(value, (list, dict)) else value


def some_tuples(r):
    return [[a_value(r) for _ in range(r.randrange(5))] for _ in range(COUNT)]


def same(a, b):
    """Equal, and of one type: True is not 1 here."""
    return written(a) == written(b)


def test_packed(tuples, rng):
    given = some_tuples(rng)
    for values, packed in zip(given, tuples(map(written, given)), strict=True):
        assert packed == layer.pack(tuple(map(as_layer, values))).hex(), values


def test_unpacked(tuples, rng):
    given = some_tuples(rng)
    packed = [layer.pack(tuple(map(as_layer, values))).hex() for values in given]
    for values, text in zip(given, tuples(packed), strict=True):
        assert same(json.loads(text), values), values


def test_order(tuples, rng):
    """The order of the bytes is that of the layer's own comparison."""
    given = [[a_value(rng)] for _ in range(COUNT)]
    given += [[v[0], a_value(rng)] for v in given[: COUNT // 4]]
    packed = tuples(map(written, given))
    by_bytes = sorted(range(len(given)), key=lambda i: bytes.fromhex(packed[i]))
    layered = [tuple(map(as_layer, v)) for v in given]
    by_layer = sorted(range(len(given)), key=cmp_to_key(lambda i, k: layer.compare(layered[i], layered[k])))
    assert [packed[i] for i in by_bytes] == [packed[i] for i in by_layer]


def test_packed_in_the_long_form(tuples):
    """What only the Python layer writes so is read."""
    for value in ONE_TOO_LONG:
        assert tuples([layer.pack((value,)).hex()]) == [f"[{value}]"]
