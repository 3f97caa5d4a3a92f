"""fivetran_peer.py BEHAVIOUR --port N - a source of Fivetran's protocol that misbehaves. Messages are bytes, made by hand: no library would write some of these."""
import os
import struct
import sys
import time
from concurrent import futures

import grpc

LAST = 5
SERVICE = "/fivetran_sdk.v2.SourceConnector/"


def varint(n):
    out = b""
    n &= (1 << 64) - 1
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def f(tag, value):
    """A field: an int, or bytes, or text."""
    if isinstance(value, int):
        return varint(tag << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(tag << 3 | 2) + varint(len(value)) + value


# members of ValueType
long = lambda n: f(5, n)
text = lambda s: f(13, s)
double = lambda d: varint(7 << 3 | 1) + struct.pack("<d", d)
stamp = lambda tag, seconds, nanos=0: f(tag, (f(1, seconds) if seconds else b"") + (f(2, nanos) if nanos else b""))


def record(table, kind=0, schema=None, **values):
    return record_of(table, list(values.items()), kind, schema)


def record_of(table, values, kind=0, schema=None):
    made = (f(1, schema) if schema is not None else b"") + f(2, table) + (f(3, kind) if kind else b"")
    return made + b"".join(f(4, f(1, name) + f(2, value)) for name, value in values)


one = lambda r: f(1, r)
many = lambda rs: f(6, b"".join(f(1, r) for r in rs))
checkpoint = lambda state: f(3, f(1, state))
row = lambda n, v="v": record("t", id=long(n), v=text(v))


def columns(given):
    return b"".join(f(2, f(1, name) + f(2, kind) + (f(3, 1) if key else b"")) for name, kind, key in given)


def table(name, given):
    return f(1, name) + columns(given)


ID, V = ("id", 4, True), ("v", 13, False)
STANDARD = [table("t", [ID, V])]


def schema(tables):
    return f(3, b"".join(f(1, t) for t in tables))


class Behaviour:
    """Two rows and a checkpoint; then what is wrong; then the rest, as if nothing had been."""

    form = f(1, 1) + f(2, 1)
    test = f(1, 1)
    tables = STANDARD
    whole_schema = None
    first = [one(row(1)), one(row(2)), checkpoint('{"n":2}')]
    wrong = []
    rest = [one(row(n)) for n in range(3, LAST + 1)] + [checkpoint('{"n":%d}' % LAST)]

    def starts(self):
        pass

    def schema(self):
        return schema(self.tables) if self.whole_schema is None else self.whole_schema

    def update(self, request, context):
        yield from self.first
        yield from self.wrong
        yield from self.rest


def says(*messages, **more):
    return type("Says", (Behaviour,), {"wrong": list(messages), **more})


def does(act, **more):
    def update(self, request, context):
        yield from self.first
        act(context)
        yield from self.rest
    return type("Does", (Behaviour,), {"update": update, **more})


def starting(act):
    return type("Starts", (Behaviour,), {"starts": lambda self: act()})


def forever(context=None):
    while context is None or context.is_active():
        time.sleep(0.05)


def ends(*messages, **more):
    """It ends without a checkpoint behind what it says."""
    return says(*messages, rest=[], **more)


def columned(kind, member, **more):
    """Row 9 has a value of that type in v."""
    return says(one(record("t", id=long(9), v=member)), tables=[table("t", [ID, ("v", kind, False)])],
                first=[one(record("t", id=long(n))) for n in (1, 2)] + [checkpoint('{"n":2}')],
                rest=[one(record("t", id=long(n))) for n in range(3, LAST + 1)] + [checkpoint('{"n":5}')], **more)


def named(name):
    return type("Named", (Behaviour,), {
        "tables": [table(name, [ID, (name, 13, False)])],
        "first": [], "rest": [one(record_of(name, [("id", long(n)), (name, text("v"))])) for n in range(1, LAST + 1)] + [checkpoint("{}")]})


class HangsAfterItsRows(Behaviour):
    def update(self, request, context):
        yield from super().update(request, context)
        forever(context)


DEEP = f(1, "x") + f(5, 0)
for _ in range(300):
    DEEP = f(1, "group") + f(10, f(1, f(1, "x") + f(2, 1)) + f(2, DEEP))

BEHAVIOURS = {
    "good": Behaviour,
    # text
    "bad-utf8-in-a-value": says(one(record("t", id=long(9), v=text(b"a\xff")))),
    "bad-utf8-in-a-batch": says(many([row(8), record("t", id=long(9), v=text(b"\xed\xa0\x80"))])),
    "bad-utf8-in-a-column": says(one(record_of("t", [("id", long(9)), (b"v\xff", text("x"))]))),
    "bad-utf8-in-a-table": says(one(record(b"t\xff", id=long(9)))),
    "bad-utf8-in-a-state": says(checkpoint(b'{"n":"\xff"}')),
    "bad-utf8-in-a-warning": says(f(4, f(1, b"careful \xff"))),
    "bad-utf8-in-the-schema": type("S", (Behaviour,), {"tables": [table(b"t\xff", [ID])]}),
    "a-zero-byte-in-a-value": says(one(record("t", id=long(9), v=text("a\0b")))),
    # values
    "a-value-without-a-member": says(one(record("t", id=long(9), v=b""))),
    "a-value-with-two-members": says(one(record("t", id=long(9), v=text("first") + text("last")))),
    "null-that-is-false": says(one(record("t", id=long(9), v=f(1, 0)))),
    "a-column-twice": says(one(record_of("t", [("id", long(9)), ("v", text("first")), ("v", text("last"))]))),
    "a-number-for-text": says(one(record("t", id=long(9), v=long(7)))),
    "text-for-the-key": says(one(record("t", id=text("nine"), v=text("x")))),
    "an-unknown-column": says(one(record("t", id=long(9), v=text("x"), more=text("y")))),
    "without-the-key": says(one(record("t", v=text("x")))),
    "null-for-the-key": says(one(record("t", id=f(1, 1), v=text("x")))),
    "an-update-without-key": says(one(record("t", 1, v=text("x")))),
    "a-deletion-without-key": says(one(record("t", 2, v=text("x")))),
    "a-truncation-with-data": says(one(record("t", 3, id=long(1), v=text("x"))), one(row(1)), one(row(2))),
    "a-type-that-is-none": says(one(record("t", 7, id=long(9), v=text("x")))),
    "a-decimal-that-is-none": columned(5, f(11, "12x")),
    "a-decimal-of-nothing": columned(5, f(11, "")),
    "a-decimal-beyond-all": columned(5, f(11, "1e999999999")),
    "json-that-is-none": columned(14, f(14, '{"a":')),
    "a-time-beyond-all": columned(10, stamp(10, 1 << 62)),
    "a-time-before-all": columned(10, stamp(10, -(1 << 62))),
    "nanos-beyond-all": columned(10, stamp(10, 1, 2_000_000_000)),
    "negative-nanos": columned(10, stamp(10, 1, -5)),
    "a-time-of-day": columned(15, stamp(16, 3600)),
    "not-a-number": columned(7, double(float("nan"))),
    "infinite": columned(7, double(float("inf"))),
    # messages
    "rubbish": says(b"\xff\xff\xff\xff"),
    "half-a-message": says(one(row(9))[:-3]),
    "a-field-of-another-type": says(f(1, 7)),
    "an-empty-message": says(b""),
    "an-unknown-operation": says(f(99, "x")),
    "an-empty-batch": says(many([])),
    "a-batch-of-101": says(many([row(n) for n in range(100, 201)])),
    "a-batch-of-3-MB": says(many([row(n, "x" * 30_000) for n in range(100, 200)])),
    "a-record-of-20-MB": says(one(row(9, "x" * 20_000_000))),
    "an-unknown-table": says(one(record("nothing", id=long(9)))),
    "a-table-without-a-name": says(one(record("", id=long(9)))),
    "a-schema-that-is-none": says(one(record("t", 0, "elsewhere", id=long(9), v=text("x")))),
    "2000-warnings": says(*[f(4, f(1, f"warning {n}")) for n in range(2000)]),
    "a-task": says(f(5, f(1, "pay your bill"))),
    "a-task-without-words": says(f(5, b"")),
    # states
    "a-state-that-is-no-json": says(checkpoint("nope")),
    "a-state-of-nothing": says(checkpoint("")),
    "a-state-that-is-a-list": says(checkpoint("[1]")),
    "a-state-of-2-MB": says(checkpoint('{"n":"%s"}' % ("x" * 2_000_000))),
    "no-checkpoint-at-the-end": ends(one(row(9))),
    # schemas
    "changes-to-nothing": says(f(2, b"")),
    "changes-to-no-tables": says(f(2, f(2, b""))),
    "changes-away-the-key": says(f(2, f(2, f(1, table("t", [("id", 4, False), V]))))),
    "changes-another-table": says(f(2, f(2, f(1, table("other", [ID, V]))))),
    "a-schema-without-a-member": type("S", (Behaviour,), {"whole_schema": b""}),
    "a-schema-of-rubbish": type("S", (Behaviour,), {"whole_schema": b"\xff\xff"}),
    "a-table-twice": type("S", (Behaviour,), {"tables": STANDARD * 2}),
    "a-column-twice-in-the-schema": type("S", (Behaviour,), {"tables": [table("t", [ID, V, V])]}),
    "a-nameless-table-in-the-schema": type("S", (Behaviour,), {"tables": [table("", [ID])]}),
    "an-unknown-type-in-the-schema": type("S", (Behaviour,), {"tables": [table("t", [ID, ("v", 77, False)])]}),
    "columns-of-the-platform": type("S", (Behaviour,), {"tables": [table("t", [ID, V, ("_fivetran_synced", 10, False)])]}),
    "10000-columns": type("S", (Behaviour,), {"tables": [table("t", [ID, V] + [(f"c{n}", 13, False) for n in range(9_998)])]}),
    "named-with-dots": named("a.b.c"),
    "named-with-an-emoji": named("🚀 ü"),
    "named-with-a-newline": named("a\nb"),
    "named-with-a-slash": named("a/b~c"),
    "named-with-quotes": named('a"b\'c'),
    "named-of-5000-letters": named("x" * 5000),
    # forms and tests
    "a-form-of-rubbish": type("F", (Behaviour,), {"form": b"\xff\xff\xff"}),
    "a-form-too-deep": type("F", (Behaviour,), {"form": f(3, DEEP)}),
    "a-form-with-a-name-twice": type("F", (Behaviour,), {"form": f(3, f(1, "a") + f(5, 0)) * 2}),
    "a-field-without-a-kind": type("F", (Behaviour,), {"form": f(3, f(1, "a"))}),
    "a-test-without-a-member": type("F", (Behaviour,), {"form": f(4, f(1, "connect")), "test": b""}),
    "a-test-that-fails": type("F", (Behaviour,), {"form": f(4, f(1, "connect")), "test": f(2, "the moon is not there")}),
    # ends
    "dies": does(lambda c: os._exit(3)),
    "dies-with-words": does(lambda c: (os.write(2, b"the moon is not there\n"), os._exit(1))),
    "is-killed": does(lambda c: os.kill(os.getpid(), 9)),
    "exits-at-once": starting(lambda: sys.exit(3)),
    "aborts": does(lambda c: c.abort(grpc.StatusCode.UNAVAILABLE, "the moon is not there")),
    "aborts-with-6-KB": does(lambda c: c.abort(grpc.StatusCode.INTERNAL, "the moon is not there " + "x" * 6000)),
    "aborts-with-20-KB": does(lambda c: c.abort(grpc.StatusCode.INTERNAL, "the moon is not there " + "x" * 20_000)),
    "aborts-without-words": does(lambda c: c.abort(grpc.StatusCode.DATA_LOSS, "")),
    "hangs-after-its-rows": HangsAfterItsRows,
    "hangs-in-the-middle": does(forever),
    "never-listens": starting(forever),
    # words on standard output
    "prints-rubbish": starting(lambda: os.write(1, b"\xff\xfe\0 no json\n{\"level\":7}\n{\"message\":\n[]\n" + b"x" * 300_000 + b"\n")),
    "prints-without-an-end": starting(lambda: os.write(1, b"y" * 70_000)),
}


def main():
    behaviour = BEHAVIOURS[sys.argv[1]]()
    port = sys.argv[sys.argv.index("--port") + 1]
    behaviour.starts()
    unary = lambda answer: grpc.unary_unary_rpc_method_handler(lambda request, context: answer())
    handlers = {"ConfigurationForm": unary(lambda: behaviour.form), "Test": unary(lambda: behaviour.test), "Schema": unary(behaviour.schema),
                "Update": grpc.unary_stream_rpc_method_handler(behaviour.update)}
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.strip("/"), handlers)])
    if not server.add_insecure_port(f"127.0.0.1:{port}"):
        sys.exit("no port")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
