"""Our sources served for Fivetran, asked by a Python client of Google's library and by grpcurl."""

import base64
import json
import subprocess
import threading
import time

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

import grpc
from conftest import ours, plain_files
from fivetran import flat, serving

RECORDS, BYTES = 100, 100_000  # of a batch, at most (fivetran.md 2.3)


@pytest.fixture(scope="module")
def hello():
    with serving(ours("source-hello"), "--port", "0") as served:
        yield served


@pytest.fixture(scope="module")
def files():
    with serving(ours("source-files"), "--port", "0") as served:
        yield served


def greetings(count, text="hi"):
    return {"count": str(count), "text": text}


def update(stub, configuration, state=None, selection=None, **how):
    request = fivetran.source.UpdateRequest(configuration=configuration, selection=selection, state_json=state)
    return stub.Update(request, **how)


class Synced:
    """What an Update said. records: [type, table, {column: (member, value)}] in order; states: of checkpoints."""

    def __init__(self, stream):
        self.records, self.states, self.rest, self.batches = [], [], [], []
        for message in stream:
            kind = message.WhichOneof("operation")
            if kind in ("record", "records"):
                some = [message.record] if kind == "record" else list(message.records.records)
                self.batches.append((kind, len(some), message.ByteSize()))
                self.records += [self.read(r) for r in some]
            elif kind == "checkpoint":
                self.states.append(message.checkpoint.state_json)
                self.after = 0
            else:
                self.rest.append(message)
        for state in self.states:
            json.loads(state)

    @staticmethod
    def read(record):
        data = {}
        for column, value in record.data.items():
            member = value.WhichOneof("inner")
            assert member is not None, f"a value without a member: {column}"
            assert member != "null" or value.null, "a null that is false"
            data[column] = (member, None if member == "null" else getattr(value, member))
        return fivetran.common.RecordType.Name(record.type), record.table_name, data

    def rows(self, table):
        return [{c: v for c, (_, v) in data.items()} for kind, name, data in self.records if name == table and kind == "UPSERT"]


def by_threads(served, least):
    """Waits until a server has no more threads than it had: its calls have ended."""
    until = time.monotonic() + 30
    while served.status("Threads") > least:
        assert time.monotonic() < until, f"{served.status('Threads')} threads, {least} before"
        time.sleep(0.02)


# --------------------------------------------------------------------------------------------------------------- what there is to ask


def test_form_and_tests(hello):
    stub = hello.source()
    form = stub.ConfigurationForm(fivetran.common.ConfigurationFormRequest())
    assert [(f.name, f.WhichOneof("type"), f.required) for f in form.fields] == [("text", "text_field", False), ("count", "text_field", False)]
    assert [f.default_value for f in form.fields] == ["Hello", "3"]
    assert {t.name for t in form.tests} >= {"connect", "select"}
    for test in form.tests:
        answer = stub.Test(fivetran.common.TestRequest(name=test.name, configuration=greetings(3)))
        assert answer.WhichOneof("response") == "success" and answer.success
        answer = stub.Test(fivetran.common.TestRequest(name=test.name, configuration={"count": "many"}))
        assert answer.WhichOneof("response") == "failure" and "count" in answer.failure
    try:
        assert stub.Test(fivetran.common.TestRequest(name="nothing", configuration=greetings(3))).failure
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.INVALID_ARGUMENT and "nothing" in e.details()


def test_schema(hello, files, tmp_path):
    kinds = lambda t: {c.name: (fivetran.common.DataType.Name(c.type), c.primary_key) for c in t.columns}
    answer = hello.source().Schema(fivetran.source.SchemaRequest(configuration=greetings(1)))
    assert [(t.name, kinds(t)) for t in answer.without_schema.tables] == [("greetings", {"n": ("LONG", True), "text": ("STRING", False)})]
    answer = files.source().Schema(fivetran.source.SchemaRequest(configuration=flat(plain_files(tmp_path, False))))
    tables = {t.name: kinds(t) for t in answer.without_schema.tables}
    assert set(tables) == {"people", "log"}
    assert tables["people"]["id"][1] and not any(key for _, key in tables["log"].values())
    allowed = {"day": {"NAIVE_DATE", "STRING"}, "at": {"UTC_DATETIME", "STRING"}, "ok": {"BOOLEAN"}, "price": {"DOUBLE", "DECIMAL"}, "name": {"STRING"}, "id": {"LONG"}}
    for column, kind in allowed.items():
        assert tables["people"][column][0] in kind
    assert tables["log"]["nested"][0] == "JSON"
    assert all(kind != "NAIVE_TIME" for t in tables.values() for kind, _ in t.values())


def test_settings_that_are_wrong(hello, files, tmp_path):
    """For a human to mend: a task in Update, an error with a reason elsewhere."""
    wrong = {"count": "many"}
    said = list(update(hello.source(), wrong))
    assert [m.WhichOneof("operation") for m in said] == ["task"] and "count" in said[0].task.message
    with pytest.raises(grpc.RpcError) as e:
        hello.source().Schema(fivetran.source.SchemaRequest(configuration=wrong))
    assert e.value.code() == grpc.StatusCode.FAILED_PRECONDITION and "count" in e.value.details()
    missing = flat({"base": str(tmp_path / "nowhere"), "streams": [{"name": "x", "path": "x.csv"}]})
    answer = files.source().Test(fivetran.common.TestRequest(name="select", configuration=missing))
    assert answer.WhichOneof("response") == "failure" and "nowhere" in answer.failure


def test_unknown_methods(hello):
    for path in ("/fivetran_sdk.v2.SourceConnector/Nothing", "/fivetran_sdk.Connector/Update", "/fivetran_sdk.v2.DestinationConnector/WriteBatch"):
        with pytest.raises(grpc.RpcError) as e:
            hello.channel().unary_unary(path)(b"")
        assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED


# ------------------------------------------------------------------------------------------------------------------------------ syncs


def test_a_full_sync_and_one_from_its_state(files, tmp_path):
    stub = files.source()
    first = Synced(update(stub, flat(plain_files(tmp_path, False))))
    people = first.rows("people")
    assert [(p["id"], p["name"]) for p in people] == [(1, "Zoë €"), (2, people[1]["name"]), (3, 'a "b", c\n\\ /')]
    typed = next(data for kind, table, data in first.records if kind == "UPSERT" and table == "people")
    member, price = typed["price"]
    assert member in ("double", "decimal") and float(price) == 1.25
    assert typed["ok"] == ("bool", True)
    if typed["day"][0] == "naive_date":
        assert typed["day"][1].ToJsonString() == "2026-01-02T00:00:00Z"
    if typed["at"][0] == "utc_datetime":
        assert typed["at"][1].ToJsonString() == "2026-01-02T03:04:05Z"
    assert [json.loads(r["nested"]) for r in first.rows("log")] == [{"a": [i, None, {"ü": "x"}]} for i in range(5)]
    assert first.states and not first.rest

    same = Synced(update(stub, flat(plain_files(tmp_path, False)), first.states[-1]))
    assert not same.rows("log") and not same.rows("people")
    later = Synced(update(stub, flat(plain_files(tmp_path, True)), first.states[-1]))
    assert [r["id"] for r in later.rows("log")] == [5]
    assert 4 in [r["id"] for r in later.rows("people")]
    assert Synced(update(stub, flat(plain_files(tmp_path, True)), "{}")).rows("log") == Synced(update(stub, flat(plain_files(tmp_path, True)))).rows("log")


def test_batches_keep_both_limits(hello):
    for text in ("x", "x" * 990, "x" * 5000, "ü" * 49_900):
        synced = Synced(update(hello.source(), greetings(333, text)))
        assert [r["n"] for r in synced.rows("greetings")] == list(range(333))
        assert all(r["text"] == text for r in synced.rows("greetings"))
        for kind, count, size in synced.batches:
            assert count <= RECORDS and size <= BYTES + 20, (kind, count, size)


def test_a_record_too_large_for_a_batch_comes_alone(hello):
    synced = Synced(update(hello.source(), greetings(3, "x" * 300_000)))
    assert [r["n"] for r in synced.rows("greetings")] == [0, 1, 2]
    assert all(kind == "record" for kind, _, size in synced.batches if size > BYTES)


def test_a_resync_begins_with_a_truncate(hello):
    assert Synced(update(hello.source(), greetings(5))).records[0][:2] == ("TRUNCATE", "greetings")
    states = Synced(update(hello.source(), greetings(3))).states
    assert [k for k, _, _ in Synced(update(hello.source(), greetings(5), states[-1])).records] == ["UPSERT"] * 2


@pytest.mark.parametrize("state", ["[]", "7", "{", '{"a":', '"x"', "\ufeff{}", "{} {}"])
def test_a_state_that_is_none(hello, state):
    """Refused with a reason, or as if there was none: never a crash, never a sync that skips something."""
    try:
        assert [r["n"] for r in Synced(update(hello.source(), greetings(4), state)).rows("greetings")] == [0, 1, 2, 3]
    except grpc.RpcError as e:
        assert e.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION) and "state" in e.details()


# -------------------------------------------------------------------------------------------------------------------------- selection


def choose(tables: dict[str, tuple], new_tables: bool):
    """tables: name: (included, {column: bool}, include_new_columns)"""
    s = fivetran.source
    chosen = [s.TableSelection(included=i, table_name=n, columns=c, include_new_columns=new) for n, (i, c, new) in tables.items()]
    return s.Selection(without_schema=s.TablesWithNoSchema(tables=chosen, include_new_tables=new_tables))


ALL, LOG = {"_meta", "id", "name", "price", "day", "at", "ok"}, {"_meta", "id", "text", "nested"}
SELECTIONS = {
    "one table": (choose, {"people": (True, {}, True)}, False, {"people": ALL}),
    "the other as new": (choose, {"people": (True, {}, True)}, True, {"people": ALL, "log": LOG}),
    "one excluded": (choose, {"people": (False, {}, True)}, True, {"log": LOG}),
    "columns excluded": (choose, {"people": (True, {"name": False, "ok": False}, True)}, False, {"people": ALL - {"name", "ok"}}),
    "columns listed": (choose, {"people": (True, {"id": True, "name": True, "ok": False}, False)}, False, {"people": {"id", "name"}}),
    "nothing": (choose, {}, False, {}),
    "all as new": (choose, {}, True, {"people": ALL, "log": LOG}),
    "of what is not there": (choose, {"nothing": (True, {"a": True}, False), "people": (True, {"nothing": True}, True)}, False, {"people": ALL}),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_selection(files, tmp_path, name):
    how, tables, new, wanted = SELECTIONS[name]
    synced = Synced(update(files.source(), flat(plain_files(tmp_path, False)), selection=how(tables, new)))
    found = {}
    for kind, table, data in synced.records:
        assert table in wanted, f"a {kind} of '{table}', which was not chosen"
        if kind == "UPSERT":
            found.setdefault(table, set()).update(data)
    assert found == wanted


def test_the_key_cannot_be_left_out(files, tmp_path):
    """A record without its key could not be told from others: it has it, or a reason is given."""
    try:
        synced = Synced(update(files.source(), flat(plain_files(tmp_path, False)), selection=choose({"people": (True, {"id": False}, True)}, False)))
        assert all("id" in row for row in synced.rows("people")) or synced.rest
    except grpc.RpcError as e:
        assert e.details()


# ------------------------------------------------------------------------------------------------------------------ clients of all kinds


def test_cancelled_in_mid_stream(hello):
    stub = hello.source()
    assert Synced(update(stub, greetings(3))).states
    least = hello.status("Threads")
    for taken in (0, 1, 5, 50):
        call = update(stub, greetings(10**9))
        for _, _ in zip(range(taken), call):
            pass
        call.cancel()
        with pytest.raises(grpc.RpcError) as e:
            list(call)
        assert e.value.code() == grpc.StatusCode.CANCELLED
    by_threads(hello, least)
    assert len(Synced(update(stub, greetings(7))).rows("greetings")) == 7


def test_the_client_goes_away(hello):
    least = hello.status("Threads")
    channel = hello.channel()
    call = update(fivetran.source_rpc.SourceConnectorStub(channel), greetings(10**9))
    next(call)
    channel.close()
    by_threads(hello, least)
    assert len(Synced(update(hello.source(), greetings(7))).rows("greetings")) == 7


def test_a_deadline(hello):
    least = hello.status("Threads")
    call = update(hello.source(), greetings(10**9), timeout=0.5)
    with pytest.raises(grpc.RpcError) as e:
        for _ in call:
            pass
    assert e.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    by_threads(hello, least)


def cpu(served) -> int:
    with open(f"/proc/{served.process.pid}/stat") as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:13]))


def test_a_slow_reader_costs_no_memory(hello):
    """The source waits: it does nothing more, and what it holds does not grow."""
    call = update(hello.source(), greetings(10**9, "x" * 500))
    next(call)
    seen, until = [], time.monotonic() + 30
    while len(seen) < 8 or seen[-8] != seen[-1]:  # it has come to rest: no tick in 0.4 s
        assert time.monotonic() < until, "it goes on although nobody reads"
        seen.append(cpu(hello))
        time.sleep(0.05)
    rest = hello.status("VmRSS")
    for _, _ in zip(range(3000), call):
        pass
    assert hello.status("VmRSS") < rest + 8 * 1024 and rest < 64 * 1024, f"{rest} KiB, then {hello.status('VmRSS')} KiB"
    call.cancel()


def test_gzip(hello):
    stub = fivetran.source_rpc.SourceConnectorStub(grpc.insecure_channel(f"127.0.0.1:{hello.port}", compression=grpc.Compression.Gzip))
    synced = Synced(update(stub, greetings(3, "x" * 50_000)))
    assert [r["text"] for r in synced.rows("greetings")] == ["x" * 50_000] * 3


def test_eight_streams_at_once(hello):
    found = {}

    def sync(n):
        found[n] = [r["n"] for r in Synced(update(hello.source(), greetings(3000 + n))).rows("greetings")]

    threads = [threading.Thread(target=sync, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {n: list(range(3000 + n)) for n in range(8)}


def test_a_request_of_60_mib(hello):
    text = "x" * (60 << 20)
    answer = hello.source().Schema(fivetran.source.SchemaRequest(configuration=greetings(1, text)))
    assert answer.without_schema.tables[0].name == "greetings"


BAD = {
    "a value": ("Schema", b"\x0a\x0a\x0a\x04text\x12\x02a\xff"),
    "a key": ("Schema", b"\x0a\x09\x0a\x04te\xfft\x12\x01a"),
    "an overlong letter": ("Schema", b"\x0a\x0a\x0a\x04text\x12\x02\xc0\xaf"),
    "half a pair": ("Schema", b"\x0a\x0b\x0a\x04text\x12\x03\xed\xa0\x80"),
    "the name of a test": ("Test", b"\x0a\x02a\xff"),
    "a state": ("Update", b"\x1a\x02a\xff"),
    "the name of a table": ("Update", b"\x12\x08\x0a\x06\x0a\x04\x12\x02a\xff"),
}


@pytest.mark.parametrize("where", BAD)
def test_text_that_is_no_utf8(hello, where):
    method, request = BAD[where]
    channel, path = hello.channel(), f"/fivetran_sdk.v2.SourceConnector/{method}"
    with pytest.raises(grpc.RpcError) as e:
        list(channel.unary_stream(path)(request)) if method == "Update" else channel.unary_unary(path)(request)
    assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "UTF-8" in e.value.details(), e.value.details()


# ---------------------------------------------------------------------------------------------------------------- reflection and health


def test_reflection(hello):
    """v1alpha, by Google's own client of it: the services, and messages made from what they are said to be."""
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    database = ProtoReflectionDescriptorDatabase(hello.channel())
    assert "fivetran_sdk.v2.SourceConnector" in database.get_services()
    pool = DescriptorPool(database)
    service = pool.FindServiceByName("fivetran_sdk.v2.SourceConnector")
    assert [m.name for m in service.methods] == [m.name for m in fivetran.source.DESCRIPTOR.services_by_name["SourceConnector"].methods]
    found = pool.FindMessageTypeByName("fivetran_sdk.v2.UpdateResponse")
    request = GetMessageClass(pool.FindMessageTypeByName("fivetran_sdk.v2.SchemaRequest"))(configuration=greetings(1))
    answer = hello.channel().unary_unary("/fivetran_sdk.v2.SourceConnector/Schema")(request.SerializeToString())
    assert GetMessageClass(pool.FindMessageTypeByName("fivetran_sdk.v2.SchemaResponse")).FromString(answer).without_schema.tables
    assert [f.name for f in found.oneofs_by_name["operation"].fields] == ["record", "schema_change", "checkpoint", "warning", "task", "records"]
    with pytest.raises(KeyError):
        pool.FindMessageTypeByName("fivetran_sdk.v2.Nothing")


def test_health(hello):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    stub = health_pb2_grpc.HealthStub(hello.channel())
    for service in ("", "fivetran_sdk.v2.SourceConnector"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as e:
        stub.Check(health_pb2.HealthCheckRequest(service="nothing"))
    assert e.value.code() == grpc.StatusCode.NOT_FOUND


# ------------------------------------------------------------------------------------------------------------------------------ grpcurl


def grpcurl(served, *args, data=None) -> str:
    if not fivetran.GRPCURL.exists():
        pytest.skip("no grpcurl: see tests/interop/setup.sh grpcurl")
    given = ["-d", json.dumps(data)] if data is not None else []
    argv = [str(fivetran.GRPCURL), "-plaintext", *given, f"127.0.0.1:{served.port}", *args]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


SOURCE, DESTINATION = "fivetran_sdk.v2.SourceConnector", "fivetran_sdk.v2.DestinationConnector"


def test_grpcurl_and_a_source(hello):
    assert SOURCE in grpcurl(hello, "list").split()
    assert f"{SOURCE}.Update" in grpcurl(hello, "list", SOURCE).split()
    assert "rpc Update ( .fivetran_sdk.v2.UpdateRequest ) returns ( stream .fivetran_sdk.v2.UpdateResponse );" in grpcurl(hello, "describe", SOURCE)
    assert "oneof inner" in grpcurl(hello, "describe", "fivetran_sdk.v2.ValueType")
    form = json.loads(grpcurl(hello, f"{SOURCE}/ConfigurationForm", data={}))
    assert [f["name"] for f in form["fields"]] == ["text", "count"]
    schema = json.loads(grpcurl(hello, f"{SOURCE}/Schema", data={"configuration": greetings(2)}))
    assert schema["withoutSchema"]["tables"][0]["name"] == "greetings"
    assert json.loads(grpcurl(hello, f"{SOURCE}/Test", data={"name": "connect", "configuration": greetings(2)})) == {"success": True}
    said = grpcurl(hello, f"{SOURCE}/Update", data={"configuration": greetings(2, base64.b64encode(b"xyz").decode())})
    decoder, messages = json.JSONDecoder(), []
    while said.strip():
        message, end = decoder.raw_decode(said.lstrip())
        said = said.lstrip()[end:]
        messages.append(message)
    assert [r["data"]["n"] for m in messages for r in m.get("records", {}).get("records", [])] == [{"long": "0"}, {"long": "1"}]
    assert "checkpoint" in messages[-1]


def test_grpcurl_and_a_destination(tmp_path):
    with serving(ours("materialize-sqlite"), "--port", "0") as served:
        assert DESTINATION in grpcurl(served, "list").split()
        assert len(grpcurl(served, "list", DESTINATION).split()) == 10
        assert "rpc Migrate" in grpcurl(served, "describe", DESTINATION)
        assert json.loads(grpcurl(served, f"{DESTINATION}/Capabilities", data={})) in ({}, {"batchFileFormat": "CSV"})
        form = json.loads(grpcurl(served, f"{DESTINATION}/ConfigurationForm", data={}))
        assert "path" in [f["name"] for f in form["fields"]]
        settings = {"path": str(tmp_path / "x.db")}
        for test in form["tests"]:
            assert json.loads(grpcurl(served, f"{DESTINATION}/Test", data={"name": test["name"], "configuration": settings})) == {"success": True}
        table = {"name": "t", "columns": [{"name": "id", "type": "LONG", "primaryKey": True}]}
        assert json.loads(grpcurl(served, f"{DESTINATION}/CreateTable", data={"configuration": settings, "schemaName": "s", "table": table})) == {"success": True}
        found = json.loads(grpcurl(served, f"{DESTINATION}/DescribeTable", data={"configuration": settings, "schemaName": "s", "tableName": "t"}))
        assert found["table"] == table


# ------------------------------------------------------------------------------------------------------------------------------ the end


def test_sigterm_lets_a_call_end(tmp_path):
    """A call that ends within the grace is answered; nothing new is taken."""
    with serving(ours("source-hello"), "--port", "0") as served:
        call = update(served.source(), greetings(400_000))
        next(call)
        served.process.terminate()
        count = sum(len(m.records.records) for m in call)
        assert count >= 399_800  # the first message is read above
        assert served.process.wait(30) == 0
        served.alive = lambda: True
        served.stop = lambda: served.process.returncode
