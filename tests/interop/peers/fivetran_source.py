"""A Fivetran source of grpcio: python fivetran_source.py --port N. It does what stands in the folder `dir` of its configuration:

    schema.json    {"schemas": bool, "tables": [{"schema": "s", "name": "t", "columns": {"id": "LONG", ...}, "key": ["id"]}]}, or {"unknown": true}
    script.json    a list of steps: ["UPSERT", "s.t", {"id": "1", ...}] and so on with texts as they stand in batch files, null for null; ["CHECKPOINT"]
                   with what was done so far as state; ["STATE", "any text"]; ["SCHEMA", tables]; ["WARNING", "text"]; ["TASK", "text"]; ["ABORT", "CODE", "text"];
                   ["BATCH", steps]; ["EXIT"]

Each sync goes on with the step that its state names. With PEER_AUDIT=FILE each request is appended to that file as JSON.
"""

import base64
import json
import os
import sys
from concurrent import futures
from datetime import datetime
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fivetran
import grpc
from fivetran import common, source, source_rpc
from google.protobuf.json_format import MessageToDict

KINDS = {"BOOLEAN": "bool", "SHORT": "short", "INT": "int", "LONG": "long", "FLOAT": "float", "DOUBLE": "double", "DECIMAL": "decimal", "STRING": "string", "XML": "xml",
         "JSON": "json", "BINARY": "binary", "NAIVE_DATE": "naive_date", "NAIVE_DATETIME": "naive_datetime", "UTC_DATETIME": "utc_datetime"}  # fmt: skip


def stamp(text: str) -> dict:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    since = datetime.fromisoformat(whole) - datetime(1970, 1, 1)
    return {"seconds": since.days * 86400 + since.seconds, "nanos": int((fraction + "0" * 9)[:9])}


def value(kind: str, text):
    made = common.ValueType()
    kind = kind.partition("(")[0]
    if text is None:
        made.null = True
    elif kind.startswith(("NAIVE", "UTC")):
        part = getattr(made, KINDS[kind])
        part.SetInParent()
        for field, number in stamp(text).items():
            setattr(part, field, number)
    else:
        convert = {"BOOLEAN": lambda t: t == "true", "BINARY": base64.b64decode, "FLOAT": float, "DOUBLE": float}.get(kind, int if kind in ("SHORT", "INT", "LONG") else str)
        setattr(made, KINDS[kind], convert(text))
    return made


def tables_of(described: dict):
    """SchemaList or TableList."""
    schemas = described.get("schemas")
    made = common.SchemaList() if schemas else common.TableList()
    places = {}
    for t in described["tables"]:
        if schemas and t["schema"] not in places:
            places[t["schema"]] = made.schemas.add(name=t["schema"])
        table = (places[t["schema"]] if schemas else made).tables.add(name=t["name"])
        for name, kind in t["columns"].items():
            kind, _, params = kind.partition("(")
            column = table.columns.add(name=name, type=common.DataType.Value(kind), primary_key=name in t["key"])
            if params:
                column.params.decimal.precision, column.params.decimal.scale = map(int, params.rstrip(")").split(","))
    return ("with_schema" if schemas else "without_schema"), made


class Source(source_rpc.SourceConnectorServicer):
    def audit(self, method, request):
        if os.environ.get("PEER_AUDIT"):
            with open(os.environ["PEER_AUDIT"], "a") as f:
                f.write(json.dumps([method, MessageToDict(request, preserving_proto_field_name=True)]) + "\n")

    def read(self, request, name):
        return json.loads((Path(request.configuration["dir"]) / name).read_text("utf-8"))

    def ConfigurationForm(self, request, context):
        form = common.ConfigurationFormResponse(schema_selection_supported=True, table_selection_supported=True)
        form.fields.add(name="dir", label="Folder", required=True, text_field=common.PlainText, placeholder="/tmp")
        form.fields.add(name="token", label="Token", required=False, text_field=common.Password)
        form.fields.add(name="mode", label="Mode", default_value="fast").dropdown_field.dropdown_field.extend(["fast", "slow"])
        form.fields.add(name="metrics", label="Metrics").toggle_field.SetInParent()
        form.tests.add(name="connect", label="Looks for the folder")
        return form

    def Test(self, request, context):
        self.audit("Test", request)
        there = Path(request.configuration["dir"]).is_dir()
        return common.TestResponse(success=True) if there else common.TestResponse(failure=f"no folder {request.configuration['dir']}")

    def Schema(self, request, context):
        self.audit("Schema", request)
        described = self.read(request, "schema.json")
        if described.get("unknown"):
            return source.SchemaResponse(schema_response_not_supported=True)
        kind, tables = tables_of(described)
        return source.SchemaResponse(**{kind: tables})

    def Update(self, request, context):
        self.audit("Update", request)
        self.described = self.read(request, "schema.json")
        steps, done = self.read(request, "script.json"), json.loads(request.state_json or "{}").get("n", 0)
        print(json.dumps({"level": "INFO", "message": f"from step {done}", "message-origin": "sdk_connector"}), flush=True)
        for n, step in enumerate(steps[done:], done):
            kind, *rest = step
            if kind == "CHECKPOINT":
                yield source.UpdateResponse(checkpoint=source.Checkpoint(state_json=json.dumps({"n": n + 1})))
            elif kind == "STATE":
                yield source.UpdateResponse(checkpoint=source.Checkpoint(state_json=rest[0]))
            elif kind == "SCHEMA":
                self.described = rest[0]
                name, tables = tables_of(rest[0])
                yield source.UpdateResponse(schema_change=source.SchemaChange(**{name: tables}))
            elif kind in ("WARNING", "TASK"):
                yield source.UpdateResponse(**{kind.lower(): getattr(common, kind.capitalize())(message=rest[0])})
            elif kind == "ABORT":
                context.abort(grpc.StatusCode[rest[0]], rest[1])
            elif kind == "EXIT":
                os._exit(3)
            elif kind == "BATCH":
                yield source.UpdateResponse(records=source.Records(records=[self.record(*s) for s in rest[0]]))
            else:
                yield source.UpdateResponse(record=self.record(*step))

    def record(self, kind, where, data=None):
        schema, _, name = where.rpartition(".")
        columns = next((t["columns"] for t in self.described.get("tables", []) if t["name"] == name), {})
        made = source.Record(table_name=name, type=common.RecordType.Value(kind), **({"schema_name": schema} if schema else {}))
        for column, text in (data or {}).items():
            made.data[column].CopyFrom(value(columns.get(column, "STRING"), text))
        return made


def serve(add, servicer):
    port = sys.argv[sys.argv.index("--port") + 1]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 128 << 20), ("grpc.so_reuseport", 0)])
    add(servicer, server)
    if not server.add_insecure_port(f"127.0.0.1:{port}"):
        sys.exit("no port")
    server.start()
    print(json.dumps({"level": "INFO", "message": f"listens on 127.0.0.1, port {port}", "message-origin": "sdk_connector"}), flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    serve(source_rpc.add_SourceConnectorServicer_to_server, Source())
