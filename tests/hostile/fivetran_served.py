#!/usr/bin/env python3
"""fivetran_served.py [PART-OF-A-NAME...] - clients of Fivetran's services that misbehave before our programs: bytes that are no gRPC, requests that are no
messages, calls that are cancelled anywhere, batch files that are not what is said of them.

Always looked at: the program is still there, answers a good request, has no more threads than before, and ends with status 0 on SIGTERM; what is refused
is refused with a reason; a table is as it was before what was refused. It needs the environment `fivetran` of tests/interop.
"""
import os
import random
import socket
import sqlite3
import struct
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
import fivetran_python

if __name__ == "__main__":
    fivetran_python.enter("fivetran-served")

import fivetran_files as files
import grpc
from harness import BIN, Failure, must, report

wire = fivetran_python.wire()

HELLO, SQLITE = BIN / "source-hello", BIN / "materialize-sqlite"
SOURCE, DESTINATION = "/fivetran_sdk.v2.SourceConnector/", "/fivetran_sdk.v2.DestinationConnector/"
METHODS = {SOURCE: ["ConfigurationForm", "Test", "Schema"], DESTINATION: ["ConfigurationForm", "Capabilities", "Test", "DescribeTable", "CreateTable", "AlterTable", "Truncate",
                                                                          "WriteBatch", "WriteHistoryBatch", "Migrate"]}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


def settle(served, least):
    until = time.monotonic() + 20
    while served.status("Threads") > least + 1:
        must(time.monotonic() < until, f"{served.status('Threads')} threads, {least} before")
        time.sleep(0.02)


def still_well(served):
    must(served.alive(), f"it has ended: {served.process.returncode} {served.stderr()[-500:]}")
    request = wire.common.ConfigurationFormRequest()
    stub = served.source() if "hello" in str(served.process.args[0]) else served.destination()
    must(stub.ConfigurationForm(request, timeout=20).fields, "no form any more")


# ---- bytes that are no gRPC ----

def raw(served, data, wait=False):
    with socket.create_connection(("127.0.0.1", served.port), 10) as s:
        s.settimeout(10)
        try:
            s.sendall(data)
            if wait:
                while s.recv(65536):
                    pass
        except OSError:
            pass


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


RAW = {
    "nothing": b"",
    "rubbish": bytes(random.Random(1).randbytes(5000)),
    "http-1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a-tls-hello": bytes.fromhex("160301020001000001fc0303") + b"\0" * 500,
    "half-a-preface": PREFACE[:10],
    "a-preface-and-rubbish": PREFACE + bytes(random.Random(2).randbytes(5000)),
    "half-a-frame": PREFACE + SETTINGS + frame(1, 4, 1, b"x" * 100)[:50],
    "headers-of-rubbish": PREFACE + SETTINGS + frame(1, 4, 1, b"\xff" * 60),
    "data-without-headers": PREFACE + SETTINGS + frame(0, 1, 1, b"\0\0\0\0\1x"),
    "2000-pings": PREFACE + SETTINGS + frame(6, 0, 0, b"12345678") * 2000,
    "2000-resets": PREFACE + SETTINGS + b"".join(frame(3, 0, 2 * n + 1, b"\0\0\0\x08") for n in range(2000)),
    "a-frame-too-long": PREFACE + SETTINGS + struct.pack(">I", 0xffffff)[1:] + b"\0\0\0\0\0\1" + b"x" * 100_000,
}


def bytes_case(name):
    with wire.serving(HELLO, "--port", "0") as served:
        still_well(served)
        raw(served, RAW[name])
        still_well(served)


def many_connections():
    with wire.serving(HELLO, "--port", "0") as served:
        still_well(served)
        least = served.status("Threads")
        open_ones = [socket.create_connection(("127.0.0.1", served.port), 10) for _ in range(200)]
        still_well(served)
        for s in open_ones:
            s.close()
        still_well(served)
        settle(served, least)


# ---- requests that are no messages ----

def calls(served, service, method, payload, timeout=20):
    """@return the status and its text, or None"""
    try:
        served.shared.unary_unary(service + method)(payload, timeout=timeout)
    except grpc.RpcError as e:
        return e.code(), e.details()
    return None


def mutations(rng, good):
    """Random bytes, and good requests with bytes changed, cut or doubled."""
    for _ in range(25):
        yield rng.randbytes(rng.randint(0, 200))
    for _ in range(75):
        made = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(made) + 1)
            how = rng.randrange(3)
            if how == 0 and at < len(made):
                made[at] = rng.randrange(256)
            elif how == 1:
                del made[at:]
            else:
                made[at:at] = rng.randbytes(rng.randint(1, 5))
        yield bytes(made)


def requests_case(folder, seed):
    rng = random.Random(seed)
    c, s, d = wire.common, wire.source, wire.destination
    table = c.Table(name="t", columns=[c.Column(name="id", type=c.LONG, primary_key=True), c.Column(name="v", type=c.DECIMAL, params=c.DataTypeParams(decimal=c.DecimalParams(precision=9, scale=2)))])
    conf = {"path": str(folder / "x.db")}
    of = {
        SOURCE: [m.SerializeToString() for m in (s.SchemaRequest(configuration={"count": "3"}), c.TestRequest(name="connect", configuration={"count": "3", "text": "x"}))],
        DESTINATION: [m.SerializeToString() for m in (
            d.CreateTableRequest(configuration=conf, schema_name="s", table=table), d.DescribeTableRequest(configuration=conf, schema_name="s", table_name="t"),
            d.TruncateRequest(configuration=conf, schema_name="s", table_name="t", synced_column="v"),
            d.WriteBatchRequest(configuration=conf, schema_name="s", table=table, replace_files=["nothing"], keys={"nothing": b"k" * 32}),
            d.MigrateRequest(configuration=conf, details=d.MigrationDetails(schema="s", table="t", update_column_value=d.UpdateColumnValueOperation(column="v", value="1"))))],
    }
    for program, service in ((HELLO, SOURCE), (SQLITE, DESTINATION)):
        with wire.serving(program, "--port", "0", cwd=folder) as served:
            served.shared = served.channel()
            for method in METHODS[service]:
                for payload in mutations(rng, of[service]):
                    got = calls(served, service, method, payload)
                    must(got is None or got[1] or got[0] == grpc.StatusCode.OK, f"{method}: {got} without a reason, of {payload!r}")
                    must(got is None or got[0] not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNKNOWN), f"{method}: {got}, of {payload!r}")
            still_well(served)


# ---- calls that are cancelled anywhere ----

def cancelled_anywhere():
    rng = random.Random(7)
    with wire.serving(HELLO, "--port", "0") as served:
        stub = served.source()
        still_well(served)
        list(stub.Update(wire.source.UpdateRequest(configuration={"count": "3"})))
        least = served.status("Threads")
        for _ in range(40):
            call = stub.Update(wire.source.UpdateRequest(configuration={"count": "100000000", "text": "x" * rng.choice([1, 1000, 100_000])}))
            for _, _ in zip(range(rng.choice([0, 0, 1, 2, 30])), call):
                pass
            call.cancel()
        settle(served, least)
        still_well(served)


def killed_clients():
    """The process at the other end is gone, without a word."""
    with wire.serving(HELLO, "--port", "0") as served:
        still_well(served)
        list(served.source().Update(wire.source.UpdateRequest(configuration={"count": "3"})))
        least = served.status("Threads")
        import subprocess
        script = ("import sys; sys.path.insert(0, sys.argv[2]); import fivetran, grpc, os\n"
                  "s = fivetran.source_rpc.SourceConnectorStub(grpc.insecure_channel('127.0.0.1:' + sys.argv[1]))\n"
                  "for m in s.Update(fivetran.source.UpdateRequest(configuration={'count': '100000000'})): os.kill(os.getpid(), 9)\n")
        for _ in range(3):
            subprocess.run([sys.executable, "-c", script, str(served.port), str(fivetran_python.HERE)])
        settle(served, least)
        still_well(served)


# ---- batch files ----

GOOD = b"id,v,n\n1,changed,5\n2,b,6\n3,new,7\n"


class Attack:
    """What is wrong with a WriteBatch. taken: it may be taken as it is, too."""

    def __init__(self, data=GOOD, change=lambda folder, path, request: None, taken=None, kind="replace", **params):
        self.data, self.change, self.taken, self.kind, self.params = data, change, taken, kind, params


def on_file(act):
    def change(folder, path, request):
        path.write_bytes(act(path.read_bytes()))
    return change


def on_key(key):
    def change(folder, path, request):
        request.keys[str(path)] = key
    return change


def another_path(name):
    def change(folder, path, request):
        request.replace_files[0] = name(folder)
        request.keys[request.replace_files[0]] = b"k" * 32
    return change


def without_keys(folder, path, request):
    request.keys.clear()


def reencrypted(change):
    """The file is changed below its encryption."""
    def act(folder, path, request):
        key = request.keys[str(path)]
        path.write_bytes(files.encrypt(change(files.decrypt(path.read_bytes(), key)), key, b"i" * 16))
    return act


def table_change(act):
    return lambda folder, path, request: act(request.table)


ROWS = {1, 2}
ATTACKS = {
    # the file
    "no-such-file": Attack(change=another_path(lambda folder: str(folder / "nothing.csv"))),
    "a-folder": Attack(change=another_path(str)),
    "an-empty-path": Attack(change=another_path(lambda folder: "")),
    "an-empty-file": Attack(change=on_file(lambda b: b"")),
    "half-an-iv": Attack(change=on_file(lambda b: b[:8])),
    "an-iv-only": Attack(change=on_file(lambda b: b[:16])),
    "the-last-byte-is-missing": Attack(change=on_file(lambda b: b[:-1])),
    "the-last-block-is-missing": Attack(change=on_file(lambda b: b[:-16])),
    "a-byte-too-many": Attack(change=on_file(lambda b: b + b"x")),
    "a-block-too-many": Attack(change=on_file(lambda b: b + b"x" * 16)),
    "a-bit-flipped-at-the-end": Attack(change=on_file(lambda b: b[:-1] + bytes([b[-1] ^ 1]))),
    "rubbish": Attack(change=on_file(lambda b: random.Random(3).randbytes(len(b)))),
    "in-the-clear": Attack(change=on_file(lambda b: GOOD)),
    "without-its-key": Attack(change=without_keys),
    "the-wrong-key": Attack(change=on_key(b"w" * 32)),
    "a-key-of-16": Attack(change=on_key(b"w" * 16)),
    "an-empty-key": Attack(change=on_key(b"")),
    "an-unknown-compression": Attack(compression=9),
    "an-unknown-encryption": Attack(encryption=9),
    "said-to-be-gzip": Attack(compression=2),
    "said-not-to-be-packed": Attack(compression=0),
    "half-a-zstd-frame": Attack(change=reencrypted(lambda b: b[: len(b) // 2])),
    "zstd-of-rubbish": Attack(change=reencrypted(lambda b: b"\x28\xb5\x2f\xfd" + b"\xff" * 50)),
    "rubbish-behind-the-frame": Attack(change=reencrypted(lambda b: b + b"rubbish behind")),
    "zstd-of-nothing": Attack(data=b""),
    # the text
    "a-quote-that-does-not-end": Attack(b'id,v,n\n1,"changed,5\n3,new,7\n'),
    "text-behind-a-quote": Attack(b'id,v,n\n1,"changed"x,5\n'),
    "a-quote-inside": Attack(b'id,v,n\n3,ne"w,7\n', taken={1, 2, 3}),
    "a-row-too-short": Attack(b"id,v,n\n1,changed,5\n3,new\n"),
    "a-row-too-long": Attack(b"id,v,n\n1,changed,5\n3,new,7,8\n"),
    "no-line-end-at-the-end": Attack(GOOD[:-1], taken={1, 2, 3}),
    "windows-line-ends": Attack(GOOD.replace(b"\n", b"\r\n"), taken={1, 2, 3}),
    "a-byte-order-mark": Attack(b"\xef\xbb\xbf" + GOOD, taken={1, 2, 3}),
    "no-utf8": Attack(b"id,v,n\n1,chang\xffed,5\n3,new,7\n"),
    "half-a-pair": Attack(b"id,v,n\n3,\xed\xa0\x80,7\n"),
    "a-zero-byte": Attack(b"id,v,n\n3,a\0b,7\n", taken={1, 2, 3}),
    "blank-lines": Attack(b"id,v,n\n\n3,new,7\n\n"),
    # the columns
    "a-column-that-is-none": Attack(b"id,v,n,more\n1,changed,5,x\n"),
    "a-column-twice": Attack(b"id,v,v,n\n1,changed,x,5\n"),
    "a-column-without-a-name": Attack(b"id,,n\n1,changed,5\n"),
    "without-the-key": Attack(b"v,n\nchanged,5\n"),
    "a-header-only": Attack(b"id,v,n\n", taken={1, 2}),
    "another-header-case": Attack(b"ID,V,N\n1,changed,5\n"),
    # the values
    "no-number": Attack(b"id,v,n\n1,changed,12x\n"),
    "a-number-too-large": Attack(b"id,v,n\n1,changed,99999999999999999999\n"),
    "a-fraction-for-a-whole-number": Attack(b"id,v,n\n1,changed,1.5\n"),
    "no-number-in-the-last-row": Attack(b"id,v,n\n" + b"".join(b"%d,x,1\n" % n for n in range(5000)) + b"5000,x,y\n"),
    "null-in-the-key": Attack(b"id,v,n\n" + files.NULL.encode() + b",changed,5\n"),
    "unmodified-in-the-key": Attack(b"id,v,n\n" + files.UNMODIFIED.encode() + b",changed,5\n", kind="update"),
    "unmodified-in-a-whole-row": Attack(b"id,v,n\n1," + files.UNMODIFIED.encode() + b",5\n"),
    "an-empty-number": Attack(b"id,v,n\n1,changed,\n", taken={1, 2}),
    # the table
    "a-table-that-is-none": Attack(change=table_change(lambda t: setattr(t, "name", "nothing"))),
    "a-table-without-a-name": Attack(change=table_change(lambda t: setattr(t, "name", ""))),
    "a-table-of-no-columns": Attack(change=table_change(lambda t: t.ClearField("columns")), taken={1, 2, 3}),
    "a-table-of-another-key": Attack(change=table_change(lambda t: setattr(t.columns[0], "primary_key", False)), taken={1, 2, 3}),
    "a-table-with-a-column-more": Attack(change=table_change(lambda t: t.columns.add(name="more", type=13)), taken={1, 2, 3}),
}


def held(folder):
    with sqlite3.connect(folder / "x.db") as db:
        return sorted(db.execute('SELECT id, v, n FROM "s__t"'))


def batch_case(served, folder, name):
    attack, c, d = ATTACKS[name], wire.common, wire.destination
    stub, conf = served.destination(), {"path": str(folder / "x.db")}
    table = c.Table(name="t", columns=[c.Column(name="id", type=c.LONG, primary_key=True), c.Column(name="v", type=c.STRING), c.Column(name="n", type=c.LONG)])
    must(stub.CreateTable(d.CreateTableRequest(configuration=conf, schema_name="s", table=table)).success, "no table")

    def write(data, kind="replace", change=lambda *_: None, **params):
        writer = files.Files(folder / "files")
        path = writer.write_bytes(data)
        given = {"compression": d.ZSTD, "encryption": d.AES, "null_string": files.NULL, "unmodified_string": files.UNMODIFIED} | params
        request = d.WriteBatchRequest(configuration=conf, schema_name="s", table=table, keys=writer.keys, file_params=d.FileParams(**given), **{f"{kind}_files": [path]})
        change(folder, Path(path), request)
        return stub.WriteBatch(request, timeout=30)

    must(write(b"id,v,n\n1,a,1\n2,b,2\n").success, "the first batch fails")
    before = held(folder)
    try:
        answer = write(attack.data, attack.kind, attack.change, **attack.params)
        kind = answer.WhichOneof("response")
        said = "" if kind == "success" else getattr(answer, kind).message
    except grpc.RpcError as e:
        kind, said = "status", e.details()
        must(e.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK), f"{e.code()}: {said}")
    after = held(folder)
    if kind == "success":
        must(attack.taken is not None, f"it is taken; the table is {after[:5]}")
        must({r[0] for r in after} == attack.taken, f"the table is {after[:5]}")
    else:
        must(said, f"{kind} without a reason")
        must(after == before, f"refused ({said}), and the table has changed: {after[:5]}")
    still_well(served)


def attempt(group, name):
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        if group == "fivetran-batch":
            with wire.serving(SQLITE, "--port", "0") as served:
                batch_case(served, folder, name)
        elif group == "fivetran-bytes":
            bytes_case(name)
        elif group == "fivetran-requests":
            requests_case(folder, int(name))
        else:
            OTHERS[name]()


OTHERS = {"many-connections": many_connections, "cancelled-anywhere": cancelled_anywhere, "killed-clients": killed_clients}

if __name__ == "__main__":
    jobs = [("fivetran-bytes", name) for name in RAW] + [("fivetran-requests", str(seed)) for seed in range(2)] + [("fivetran-clients", name) for name in OTHERS]
    report(jobs + [("fivetran-batch", name) for name in ATTACKS], attempt, sys.argv[1:])
