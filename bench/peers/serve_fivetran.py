"""The records of five-bench as a Fivetran source of grpcio: serve_fivetran.py WAY --port N, where WAY is

    build       records are built and sent in batches of 100
    official    as the partner example does: the whole batch is measured anew before each record is added
    ready       one batch, built once, is sent again and again

In place of a server: `messages FOLDER` writes the answers that rpcflood gives; `drain PORT` is a client."""

import sys
from concurrent import futures
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/interop"))

import fivetran
import grpc
from fivetran import common, source, source_rpc

BATCH, LIMIT = 100, 100 * 1024


def record(n: int):
    value = common.ValueType
    return source.Record(table_name="records", type=common.UPSERT, data={
        "id": value(long=n), "name": value(string="Jacqueline Montgomery"), "email": value(string="jacqueline.montgomery@example.com"),
        "score": value(double=n % 1000 / 8), "active": value(bool=n & 1 == 1)})  # fmt: skip


def checkpoint(n: int):
    return source.UpdateResponse(checkpoint=source.Checkpoint(state_json='{"n":%d}' % n))


def build(count):
    for first in range(0, count, BATCH):
        yield source.UpdateResponse(records=source.Records(records=[record(n) for n in range(first, min(count, first + BATCH))]))


def official(count):
    batch = source.Records()
    for n in range(count):
        made = record(n)
        if len(batch.records) >= BATCH or batch.ByteSize() + made.ByteSize() > LIMIT:
            yield source.UpdateResponse(records=batch)
            batch = source.Records()
        batch.records.append(made)
    yield source.UpdateResponse(records=batch)


def ready(count):
    message = next(build(BATCH))
    for _ in range(0, count, BATCH):
        yield message


class Source(source_rpc.SourceConnectorServicer):
    def Update(self, request, context):
        count = int(request.configuration["count"])
        yield from {"build": build, "official": official, "ready": ready}[sys.argv[1]](count)
        yield checkpoint(count)


def messages(folder: Path):
    columns = {"id": "LONG", "name": "STRING", "email": "STRING", "score": "DOUBLE", "active": "BOOLEAN"}
    table = common.Table(name="records", columns=[common.Column(name=c, type=common.DataType.Value(t), primary_key=c == "id") for c, t in columns.items()])
    said = {
        "form": common.ConfigurationFormResponse(),
        "schema": source.SchemaResponse(without_schema=common.TableList(tables=[table])),
        "test": common.TestResponse(success=True),
        "update": next(build(BATCH)),
        "checkpoint": checkpoint(1),
    }
    for name, message in said.items():
        (folder / name).write_bytes(message.SerializeToString())


def drain(port: str):
    """A client: messages are decoded, their records counted."""
    stub = source_rpc.SourceConnectorStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
    print(sum(len(m.records.records) for m in stub.Update(source.UpdateRequest())))


if __name__ == "__main__":
    if sys.argv[1] == "messages":
        messages(Path(sys.argv[2]))
    elif sys.argv[1] == "drain":
        drain(sys.argv[2])
    else:
        server = grpc.server(futures.ThreadPoolExecutor(4))
        source_rpc.add_SourceConnectorServicer_to_server(Source(), server)
        server.add_insecure_port("127.0.0.1:" + sys.argv[sys.argv.index("--port") + 1])
        server.start()
        server.wait_for_termination()
