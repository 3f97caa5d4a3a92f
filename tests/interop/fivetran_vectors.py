#!/usr/bin/env python3
"""fivetran_vectors.py [COUNT [SEED]] - documents and the Fivetran records they are, encoded by Google's protobuf library from the .proto files in
src/proto/fivetran/proto; needs grpcio-tools. `fivetran_vectors.py >tests/unit/proto/fivetran_vectors.txt` made the file that the unit test reads.

A line has, between tabs: the record's type; its table as `schema.table`; its columns as a JSON array of name, type and whether it is of the key; the document as
it is written; the serialised UpdateResponse in hexadecimal; the document as it is read back.
"""
import base64
import datetime
import decimal
import json
import pathlib
import random
import struct
import sys
import tempfile

from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "src/proto/fivetran/proto"


def load():
    out = tempfile.mkdtemp()
    files = ["google/protobuf/timestamp.proto", "common.proto", "connector_sdk.proto"]
    if protoc.main(["protoc", f"-I{PROTO}", f"--python_out={out}", *files[1:]]):
        sys.exit("protoc has failed")
    sys.path.insert(0, out)
    import common_pb2
    import connector_sdk_pb2
    return common_pb2, connector_sdk_pb2


common, sdk = load()

# ---- values: what a document has, what the wire has, what is read back ----


def clean(text):
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def quote(text):
    """As the reader quotes: nothing escaped that need not be."""
    return json.dumps(clean(text), ensure_ascii=False)


def number_text(v):
    """The shortest form, with an exponent from 1e21 up and below 1e-6."""
    if v != v or v in (float("inf"), float("-inf")):
        return {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}[str(v)]
    d = decimal.Decimal(repr(v))
    if d == 0:
        return "-0" if str(v).startswith("-") else "0"
    sign, digits, exponent = d.normalize().as_tuple()
    point = len(digits) + exponent
    if -6 < point <= 21:
        return format(d.normalize(), "f")
    text = "".join(map(str, digits))
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{point - 1:+d}"


def stamp(text, kind):
    """(seconds, nanos, text in UTC) of an ISO 8601 text."""
    if kind == "NAIVE_TIME":
        text = "1970-01-01T" + text
    if kind == "NAIVE_DATE":
        text += "T00:00:00"
    main, rest = text[:19], text[19:]
    fraction = ""
    if rest.startswith("."):
        fraction = "".join(c for c in rest[1:].split("+")[0].split("-")[0] if c.isdigit())
        rest = rest[1 + len(fraction):]
    offset = 0
    if rest not in ("", "Z", "z"):
        offset = (int(rest[1:3]) * 60 + int(rest[4:6])) * (-60 if rest[0] == "-" else 60)
    when = datetime.datetime.fromisoformat(main.upper()).replace(tzinfo=datetime.timezone.utc) - datetime.timedelta(seconds=offset)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    seconds = (when - epoch) // datetime.timedelta(seconds=1)
    nanos = int((fraction + "0" * 9)[:9] or 0)
    decimals = "" if not nanos else f".{nanos // 1000000:03d}" if nanos % 1000000 == 0 else f".{nanos // 1000:06d}" if nanos % 1000 == 0 else f".{nanos:09d}"
    back = f"{when.year:04d}-{when.month:02d}-{when.day:02d}T{when.hour:02d}:{when.minute:02d}:{when.second:02d}{decimals}"
    back = {"NAIVE_DATE": back[:10], "NAIVE_TIME": back[11:], "UTC_DATETIME": back + "Z"}.get(kind, back)
    return seconds, nanos, back


def single(v):
    try:
        return struct.unpack("<f", struct.pack("<f", v))[0]
    except OverflowError:
        return float("inf")


def shortest_single(v):
    for digits in range(1, 10):
        text = float(f"{v:.{digits}g}")
        if single(text) == v:
            return text
    return v


def value_of(kind, raw):
    """(ValueType, text read back) of a JSON text in a column of this type."""
    v = common.ValueType()
    if raw == "null":
        v.null = True
        return v, "null"
    parsed = json.loads(raw, parse_float=str, parse_int=str) if kind != "JSON" else None
    text = parsed if isinstance(parsed, str) else raw
    if kind == "BOOLEAN":
        v.bool = raw == "true"
        return v, raw
    if kind in ("SHORT", "INT", "LONG"):
        setattr(v, kind.lower(), int(decimal.Decimal(raw)))
        return v, str(int(decimal.Decimal(raw)))
    if kind == "DOUBLE":
        v.double = float(text)
        return v, number_text(v.double)
    if kind == "FLOAT":
        v.float = float(text)
        return v, number_text(shortest_single(v.float))
    if kind == "DECIMAL":
        v.decimal = format(decimal.Decimal(text), "f")
        return v, quote(v.decimal)
    if kind in ("NAIVE_DATE", "NAIVE_DATETIME", "UTC_DATETIME", "NAIVE_TIME"):
        seconds, nanos, back = stamp(text, kind)
        field = getattr(v, kind.lower())
        field.seconds = seconds
        field.nanos = nanos
        field.SetInParent()
        return v, quote(back)
    if kind == "BINARY":
        v.binary = base64.b64decode(text)
        return v, quote(base64.b64encode(v.binary).decode())
    if kind == "JSON":
        v.json = raw
        return v, raw
    if kind == "UNSPECIFIED":
        if raw in ("true", "false"):
            return value_of("BOOLEAN", raw)
        if raw[0] in "[{":
            return value_of("JSON", raw)
        if raw[0] == '"':
            return value_of("STRING", raw)
        if any(c in raw for c in ".eE"):
            return value_of("DOUBLE" if abs(float(raw)) != float("inf") else "STRING", raw)
        if -2**63 <= int(raw) < 2**63:
            return value_of("LONG", raw)
        return value_of("DECIMAL" if abs(int(raw)) < 10**38 else "STRING", raw)
    setattr(v, kind.lower(), clean(text))
    return v, quote(text)


# ---- documents ----

CHOSEN = {
    "BOOLEAN": ["true", "false"],
    "SHORT": ["0", "-1", "32767", "-32768", "1e2", "7.0"],
    "INT": ["0", "127", "128", "2147483647", "-2147483648", "1E9"],
    "LONG": ["0", "-0", "1", "-1", "9223372036854775807", "-9223372036854775808", "999999999999999999", "1.0", "12e3", "100000000000000000.0", "-0.0"],
    "DECIMAL": ["0", "1.10", "-0.0", "0.00", "12345678901234567890123456789012345678", "-0.1234567890123456789012345678901234567", "1e3", "12.5E-3", "1E+37",
                '"+5"', '"007.50"', '"-12.00"', '"1.5e2"', "99999999999999999999999999999999999999", "0.0000000000000000000000000000000000001"],
    "FLOAT": ["0", "1.5", "-2.25", "0.1", "16777216", "3.4028235e38", "1e-45", '"NaN"', '"-Infinity"', "1.1", "123456.789"],
    "DOUBLE": ["0", "-0", "-0.0", "0.1", "1e21", "1e-7", "123456789012345680000", "5e-324", "1.7976931348623157e308", "0.30000000000000004", "9007199254740993",
               "2.2250738585072011e-308", "4.35", "0.000001", "1e22", "1e23", '"NaN"', '"Infinity"', '"-Infinity"', '"1.5"', "12345678.901234567", "1.5E+10",
               "179769313486231580793", "0.1000000000000000055511151231257827021181583404541015625", "9007199254740992.0", "-9007199254740991",
               "1234567890123456789.5", "123456789012345678.95", "0.0000000000000000000001"],
    "NAIVE_DATE": ['"0001-01-01"', '"9999-12-31"', '"1970-01-01"', '"1969-12-31"', '"2000-02-29"', '"2007-12-03"'],
    "NAIVE_DATETIME": ['"2007-12-03T10:15:30"', '"0001-01-01T00:00:00"', '"1969-12-31T23:59:59.5"', '"9999-12-31T23:59:59.999999999"', '"2007-12-03T10:15:30.000001"'],
    "UTC_DATETIME": ['"1970-01-01T00:00:00Z"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999Z"', '"1969-12-31T23:59:59.5Z"', '"2007-12-03T10:15:30+01:00"',
                     '"2007-12-03t10:15:30.123456789z"', '"2000-01-01T00:00:00.25-11:30"', '"2007\\u002d12-03T10:15:30Z"'],
    "BINARY": ['""', '"AA=="', '"/+8="', '"\\/+8="', '"' + "QUJD" * 40 + '"'],
    "XML": ['"<a>\\u00e9</a>"', '""', '"<a b=\\"c\\"/>"'],
    "STRING": ['""', '"a"', '"na\\u00efve"', '"naïve"', '"\\ud83d\\ude00"', '"\\ud800"', '"a\\udc00b"', '"\\ud800\\ud800\\udc00"', '"\\b\\f\\n\\r\\t\\"\\\\\\/"',
               '"\\u0000"', '"\\u001f\\u007f"', '"' + "x" * 127 + '"', '"' + "x" * 128 + '"', '"' + "ü" * 100 + '"', "12.50", "true", "-1e5",
               '"0123456789abcde"', '"0123456789abcdef"', '"0123456789abcdef0"', '"' + "y" * 33 + '"', '"' + "z" * 15 + '\\n"'],
    "JSON": ["{}", "[]", '{"a":[1,{"b":null}]}', '"text"', "1.50", "true", '"\\ud800"', '[1e400,"\\u0000"]', '{"a":1,"a":2}'],
    "NAIVE_TIME": ['"10:15:30"', '"00:00:00"', '"23:59:59.999999999"'],
    "UNSPECIFIED": ["1", "1.5", '"x"', "true", '{"a":1}', "[null]", "9223372036854775808", "1e400", "-170141183460469231731687303715884105728", "1" * 39],
}
NAMES = ["id", "a", "name", "", "x" * 14, "x" * 15, "x" * 16, "y" * 61, "y" * 62, "y" * 63, "z" * 127, "z" * 200, "naïve", 'qu"ote', "back\\slash", "tab\t", "emoji😀", "日本語"]
OPS = ["UPSERT", "UPDATE", "DELETE", "TRUNCATE"]


def spellings(rng, name):
    plain = json.dumps(name, ensure_ascii=False)
    return rng.choice([plain, plain, plain, json.dumps(name)])


def random_raw(rng, kind):
    if rng.random() < 0.08:
        return "null"
    if rng.random() < 0.3:
        return rng.choice([raw for raw in CHOSEN[kind] if len(raw) < 1000])
    if kind in ("SHORT", "INT", "LONG"):
        bits = {"SHORT": 15, "INT": 31, "LONG": 63}[kind]
        return str(rng.randrange(-(1 << rng.randrange(bits + 1)), 1 << rng.randrange(bits + 1)))
    if kind in ("DOUBLE", "FLOAT"):
        v = rng.choice([rng.uniform(-1e6, 1e6), round(rng.uniform(-1e4, 1e4), rng.randrange(6)), rng.uniform(-1, 1) * 10.0 ** rng.randrange(-30, 30)])
        return rng.choice([repr(v), f"{v:.17g}", f"{v:.25f}", f"{v:.3e}"])
    if kind == "DECIMAL":
        digits, scale = rng.randrange(1, 39), rng.randrange(38)
        text = format(decimal.Decimal((rng.randrange(2), tuple(rng.randrange(10) for _ in range(digits)), -min(scale, 37))), "f")
        return rng.choice([text, f'"{text}"'])
    if kind in ("NAIVE_DATE", "NAIVE_DATETIME", "UTC_DATETIME"):
        when = datetime.datetime(1, 1, 2) + datetime.timedelta(seconds=rng.randrange(315537811200 - 86400 * 2))
        fraction = rng.choice(["", f".{rng.randrange(10**9):09d}", f".{rng.randrange(1000):03d}", f".{rng.randrange(10)}"])
        zone = {"UTC_DATETIME": rng.choice(["Z", "+05:45", "-08:00", "Z"])}.get(kind, "")
        return f'"{when.year:04d}-{when:%m-%d}"' if kind == "NAIVE_DATE" else f'"{when.year:04d}-{when:%m-%dT%H:%M:%S}{fraction}{zone}"'
    if kind in ("STRING", "XML"):
        text = "".join(rng.choice(["a", "b", " ", "é", "€", "😀", '"', "\\", "\n", "/"]) for _ in range(rng.choice([0, 1, 5, 15, 16, 17, 40, 130])))
        return json.dumps(text, ensure_ascii=rng.random() < 0.5)
    return rng.choice(CHOSEN[kind])  # all of them short


def vector(op, schema, table, members, spaces, rng):
    """members: (name, type, raw, key)"""
    record = sdk.Record(table_name=table, type=OPS.index(op))
    if schema:
        record.schema_name = schema
    encoded, back = record.SerializeToString(), []
    keyed = any(key for *_, key in members)
    for name, kind, raw, key in members:
        if op == "TRUNCATE" or (op == "DELETE" and keyed and not key):
            continue
        v, text = value_of(kind, raw)
        entry = sdk.Record()
        entry.data[name].CopyFrom(v)
        encoded += entry.SerializeToString()  # messages that stand behind one another are one message
        back.append(f"{quote(name)}:{text}")
    whole = sdk.Record.FromString(encoded)
    assert len(whole.data) == len(back)
    response = sdk.UpdateResponse(record=whole).SerializeToString()
    head = response[:len(response) - len(encoded)]
    assert len(response) == len(head) + len(encoded)
    space = rng.choice(["", " ", "\r ", "  "]) if spaces else ""
    document = "{" + space + f"{space},{space}".join(f"{spellings(rng, n)}{space}:{space}{raw}" for n, _, raw, _ in members) + space + "}"
    columns = sorted(members, key=lambda m: rng.random())
    return "\t".join([op, f"{schema}.{table}", json.dumps([[n, k, key] for n, k, _, key in columns], ensure_ascii=False), document,
                      (head + encoded).hex(), "{" + ",".join(back) + "}"])


def main(count=120, seed=5):
    rng = random.Random(seed)
    lines = []
    for kind, raws in CHOSEN.items():
        for raw in raws + ["null"]:
            lines.append(vector("UPSERT", "", "t", [("c", kind, raw, False)], False, rng))
    for name in NAMES:
        lines.append(vector("UPSERT", "s", "täble", [(name, "LONG", "7", True), (name + "2", "STRING", '"v"', False)], False, rng))
    for _ in range(count):
        names = rng.sample(NAMES, rng.randrange(0, 7))
        kinds = [rng.choice(list(CHOSEN)) for _ in names]
        members = [(n, k, random_raw(rng, k), rng.random() < 0.3) for n, k in zip(names, kinds)]
        lines.append(vector(rng.choice(OPS + ["UPSERT"] * 3), rng.choice(["", "schema"]), rng.choice(["t", "a table"]), members, rng.random() < 0.3, rng))
    for line in lines:
        print(line)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    main(*map(int, sys.argv[1:]))
