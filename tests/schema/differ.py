"""Random schemas and documents: we and the fastest validator on PyPI must find the same ones valid.

    differ.py PROGRAM FILE SEED COUNT      PROGRAM is schema-suite; FILE: an object of schemas by URI, may be {}

Runs in the environment `schemas` (tests/interop/setup.sh schemas). Prints `ok` or `not ok` and what differs.
"""
import json
import random
import subprocess
import sys

import jsonschema_rs

NAMES = ["a", "b", "c", "ab", "x1"]
TEXTS = ["", "a", "ab", "abc", "12", "ä", "€uro", "2024-01-31", "x" * 20]
NUMBERS = [0, 1, -1, 2, 3, 10, 0.5, 1.5, 2.0, -0.25, 100, 1000000]
PATTERNS = ["^a", "b$", "^[a-z]*$", "\\d", "^x\\d$", "ä", "."]
SCALARS = [None, True, False, *NUMBERS, *TEXTS]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def document(self, depth=3):
        r = self.r
        kind = r.random()
        if depth and kind < 0.3:
            return {n: self.document(depth - 1) for n in r.sample(NAMES, r.randrange(len(NAMES)))}
        if depth and kind < 0.5:
            return [self.document(depth - 1) for _ in range(r.choice([0, 1, 2, 3, 15]))]
        return r.choice(SCALARS)

    def size(self):
        return self.r.choice([0, 1, 2, 3])

    def subs(self, depth):
        return [self.schema(depth - 1) for _ in range(self.r.choice([1, 2, 3]))]

    def map(self, depth, keys):
        return {n: self.schema(depth - 1) for n in self.r.sample(keys, self.r.choice([1, 2, 3]))}

    def keyword(self, depth):
        r, flat = self.r, {
            "type": lambda: self.r.choice(["null", "boolean", "integer", "number", "string", "array", "object", ["integer", "string"], ["object", "array", "null"]]),
            "enum": lambda: self.r.sample(SCALARS, self.r.choice([1, 3, 12])) + [self.document(1)],
            "const": lambda: self.document(1),
            "minimum": lambda: self.r.choice(NUMBERS), "maximum": lambda: self.r.choice(NUMBERS),
            "exclusiveMinimum": lambda: self.r.choice(NUMBERS), "exclusiveMaximum": lambda: self.r.choice(NUMBERS),
            "multipleOf": lambda: self.r.choice([1, 2, 3, 0.5, 0.25]),
            "minLength": self.size, "maxLength": self.size, "pattern": lambda: self.r.choice(PATTERNS),
            "minItems": self.size, "maxItems": self.size, "uniqueItems": lambda: True,
            "minProperties": self.size, "maxProperties": self.size,
            "required": lambda: self.r.sample(NAMES, self.r.choice([1, 2])),
            "dependentRequired": lambda: {n: self.r.sample(NAMES, 1) for n in self.r.sample(NAMES, 2)},
        }
        deep = {
            "properties": lambda: self.map(depth, NAMES), "patternProperties": lambda: self.map(depth, PATTERNS),
            "additionalProperties": lambda: self.schema(depth - 1), "propertyNames": lambda: self.schema(depth - 1),
            "prefixItems": lambda: self.subs(depth), "items": lambda: self.schema(depth - 1), "contains": lambda: self.schema(depth - 1),
            "minContains": self.size, "maxContains": self.size,
            "allOf": lambda: self.subs(depth), "anyOf": lambda: self.subs(depth), "oneOf": lambda: self.subs(depth), "not": lambda: self.schema(depth - 1),
            "if": lambda: self.schema(depth - 1), "then": lambda: self.schema(depth - 1), "else": lambda: self.schema(depth - 1),
            "dependentSchemas": lambda: self.map(depth, NAMES),
            "unevaluatedProperties": lambda: self.schema(depth - 1), "unevaluatedItems": lambda: self.schema(depth - 1),
            "$ref": lambda: "#/$defs/" + self.r.choice(["p", "q"]),
        }
        table = flat | deep if depth else flat
        name = r.choice(list(table))
        return name, table[name]()

    def schema(self, depth):
        if self.r.random() < 0.15:
            return self.r.random() < 0.6
        return dict(self.keyword(depth) for _ in range(self.r.choice([1, 2, 3, 5])))

    def whole(self):
        made = self.schema(3)
        made = made if isinstance(made, dict) else {"not": made}
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "$defs": {"p": self.schema(0), "q": self.schema(0)}}


def main():
    program, known, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    maker = Maker(seed)
    cases = [(maker.whole(), [maker.document() for _ in range(12)]) for _ in range(count)]
    lines = "".join(json.dumps({"schema": s, "documents": d}) + "\n" for s, d in cases)
    answers = subprocess.run([program, known], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    wrong, valid = [], 0
    for (schema, documents), answer in zip(cases, answers, strict=True):
        judge = jsonschema_rs.validator_for(schema)
        expected = "".join("v" if judge.is_valid(d) else "i" for d in documents)
        valid += expected.count("v")
        if answer != expected:
            at = next((i for i in range(len(documents)) if answer[i:i + 1] != expected[i]), 0)
            wrong.append(f"{answer}, expected {expected}: {json.dumps(schema)}: {json.dumps(documents[at])}")
    print(f"{'not ok' if wrong else 'ok'} random schemas: {count} with 12 documents each, {valid} valid, seed {seed}")
    for w in wrong[:10]:
        print("# " + w)


main()
