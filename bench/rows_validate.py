"""Rows about documents: checked against a schema. README.md says what they mean."""

import json

from measuring import BenchFailed, Place
from rows import Row, Variant

COUNTRIES = ["DE", "FR", "US", "JP"]


def document(n: int) -> dict:
    """Ten fields; two in a hundred are not valid."""
    return {
        "id": n if n % 100 else -1, "name": f"Jacqueline Montgomery {n}", "email": f"jacqueline.{n}@example.com", "active": n % 2 == 0,
        "amount": n % 1000 / 8, "created": f"2026-01-{1 + n % 28:02d}T12:30:59.25Z", "country": COUNTRIES[n % 4] if n % 100 != 50 else "XX",
        "tags": ["red", "green", "blue"][: n % 4], "address": {"city": "Berlin", "zip": f"{10000 + n % 9000}"}, "count": n % 17,
    }


def schema(notes: bool) -> dict:
    noted = lambda strategy: {"reduce": {"strategy": strategy}} if notes else {}  # noqa: E731
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",  # the latest one that all peers have
        "type": "object", "required": ["id", "name", "amount", "created"], "additionalProperties": False, **noted("merge"),
        "properties": {
            "id": {"type": "integer", "minimum": 0}, "name": {"type": "string", "minLength": 1, "maxLength": 200},
            "email": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"}, "active": {"type": "boolean"},
            "amount": {"type": "number", "minimum": 0, "maximum": 1000000, **noted("sum")},
            "created": {"type": "string", "format": "date-time", **noted("maximize")}, "country": {"enum": COUNTRIES},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 10, **noted("append")},
            "address": {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}, **noted("merge")},
            "count": {"anyOf": [{"type": "integer", **noted("sum")}, {"type": "null"}]},
        },
    }


def expect(p: Place, argv: list, count: int) -> None:
    """Says the command how many documents are valid, and is it right?"""
    valid = sum(1 for n in range(count) if n % 100 not in (0, 50))
    p.measure(argv, keep=p.work / "valid")
    said = (p.work / "valid").read_text().split()
    if said[:3] != [str(valid), "of", f"{count}{',' if 'notes' in said else ''}"]:
        raise BenchFailed(f"{argv[:2]}: {' '.join(said)}, expected {valid} of {count}")


def validate(p: Place, scale: float) -> Row:
    count = 10_000
    lines, noted, plain = p.work / "documents.ndjson", p.work / "noted.json", p.work / "plain.json"
    lines.write_text("".join(json.dumps(document(n), separators=(",", ":")) + "\n" for n in range(count)))
    noted.write_text(json.dumps(schema(True)))
    plain.write_text(json.dumps(schema(False)))
    ours, times = p.tool("validate-bench"), max(1, int(300 * scale))
    argvs = {"weir, notes collected": [ours, noted, lines], "weir, just checked": [ours, plain, lines]}
    peers = {}
    if p.has_environment("schemas"):
        python = p.environment("schemas")
        for how in ("jsonschema-rs", "fastjsonschema", "jsonschema"):
            peers[how] = [python, p.peers / "validate.py", how, plain, lines]
    for argv in (argvs | peers).values():
        expect(p, [*argv, 1], count)
    variants = []
    for name, argv in argvs.items():
        rest = ["plain"] if "just" in name else []
        variants.append(Variant(name, lambda argv=argv, rest=rest: p.measure([*argv, times, *rest]), times * count, "weir"))
    for name, argv in peers.items():
        some = max(1, times // (300 if name == "jsonschema" else 10))
        variants.append(Variant(f"{name}, orjson", lambda argv=argv, some=some: p.measure([*argv, some]), some * count))
    return Row("validate", "documents of ten fields read and checked against their schema", "doc", variants, "1M documents per CPU second with notes",
               lambda r: r["weir, notes collected"]["rate"] >= 1e6)


ROWS = {"validate": validate}
