"""A Fivetran destination of grpcio: python fivetran_destination.py --port N. What it is told is in the folder `dir` of its configuration afterwards:

    calls.ndjson   each call: its method, and the request without configuration and keys; of batches the rows of their files besides
    tables.json    {"schema.table": {"columns": {...}, "key": [...], "rows": [...]}}, after every call

With --parquet it wants Parquet files. Files are decrypted with `cryptography`, unpacked with `zstandard`, read with Python's csv or pyarrow; what becomes of tables is in fivetran_model.py.
"""

import base64
import csv
import gzip
import io
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fivetran
from fivetran import common, destination, destination_rpc
from fivetran_files import UNMODIFIED, decrypt, parquet_type, unzstd
from fivetran_model import Table
from fivetran_source import serve
from google.protobuf.json_format import MessageToDict

csv.field_size_limit(1 << 30)
PARQUET = "--parquet" in sys.argv
if PARQUET:
    sys.argv.remove("--parquet")


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value if value is None else str(value)


def read_parquet(data: bytes, kinds: dict[str, str], means: dict) -> list[dict]:
    """As texts; the columns must have the types of the protocol page, those with something unmodified are strings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = pq.read_table(io.BytesIO(data))
    assert len(set(found.column_names)) == found.num_columns
    rows = [{c: means.get(text_of(v), text_of(v)) for c, v in row.items()} for row in found.to_pylist()]
    for field in found.schema:
        marked = any(row[field.name] == UNMODIFIED for row in rows)
        if kinds[field.name] == "DECIMAL" and not marked:
            assert pa.types.is_decimal128(field.type) or pa.types.is_string(field.type), field
        else:
            assert field.type == (pa.string() if marked else parquet_type(kinds[field.name])[0]), field
    return rows


def read_file(path: str, request, kinds: dict[str, str]) -> list[dict]:
    data, params = Path(path).read_bytes(), request.file_params
    if params.encryption == destination.AES:
        data = decrypt(data, request.keys[path])
    data = {destination.OFF: bytes, destination.ZSTD: unzstd, destination.GZIP: gzip.decompress}[params.compression](data)
    means = {params.null_string: None, params.unmodified_string: UNMODIFIED}
    if PARQUET:
        return read_parquet(data, kinds, means)
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    assert all(len(row) == len(rows[0]) for row in rows), "a row of another length"
    return [dict(zip(rows[0], (means.get(cell, cell) for cell in row))) for row in rows[1:]]


class Destination(destination_rpc.DestinationConnectorServicer):
    def tables(self, request):
        path = Path(request.configuration["dir"]) / "tables.json"
        found = {}
        for name, said in (json.loads(path.read_text()) if path.exists() else {}).items():
            found[name] = Table(said["columns"], said["key"])
            found[name].rows = said["rows"]
        return found

    def keep(self, request, tables, **more):
        folder = Path(request.configuration["dir"])
        said = MessageToDict(request, preserving_proto_field_name=True)
        said = {k: v for k, v in said.items() if k not in ("configuration", "keys")} | more
        with open(folder / "calls.ndjson", "a") as f:
            f.write(json.dumps([type(request).__name__.removesuffix("Request"), said]) + "\n")
        text = json.dumps({name: {"columns": t.columns, "key": t.key, "rows": t.rows} for name, t in tables.items()})
        (folder / "tables.json.new").write_text(text)
        (folder / "tables.json.new").rename(folder / "tables.json")

    def ConfigurationForm(self, request, context):
        form = common.ConfigurationFormResponse(schema_selection_supported=True, table_selection_supported=True)
        form.fields.add(name="dir", label="Folder", required=True, text_field=common.PlainText)
        form.tests.add(name="connect", label="Looks for the folder")
        return form

    def Test(self, request, context):
        there = Path(request.configuration["dir"]).is_dir()
        return common.TestResponse(success=True) if there else common.TestResponse(failure="no such folder")

    def Capabilities(self, request, context):
        return destination.CapabilitiesResponse(batch_file_format=destination.PARQUET if PARQUET else destination.CSV)

    def DescribeTable(self, request, context):
        table = self.tables(request).get(f"{request.schema_name}.{request.table_name}")
        if table is None:
            return destination.DescribeTableResponse(not_found=True)
        made = common.Table(name=request.table_name)
        for name, kind in table.columns.items():
            kind, _, params = kind.partition("(")
            column = made.columns.add(name=name, type=common.DataType.Value(kind), primary_key=name in table.key)
            if params:
                column.params.decimal.precision, column.params.decimal.scale = map(int, params.rstrip(")").split(","))
        return destination.DescribeTableResponse(table=made)

    def described(self, table):
        kind = lambda c: common.DataType.Name(c.type) + (f"({c.params.decimal.precision},{c.params.decimal.scale})" if c.params.HasField("decimal") else "")
        return Table({c.name: kind(c) for c in table.columns}, [c.name for c in table.columns if c.primary_key])

    def CreateTable(self, request, context):
        tables = self.tables(request)
        name = f"{request.schema_name}.{request.table.name}"
        assert name not in tables
        tables[name] = self.described(request.table)
        self.keep(request, tables)
        return destination.CreateTableResponse(success=True)

    def AlterTable(self, request, context):
        tables = self.tables(request)
        had, wanted = tables[f"{request.schema_name}.{request.table.name}"], self.described(request.table)
        had.columns = wanted.columns if request.drop_columns else had.columns | wanted.columns
        had.key = wanted.key
        had.rows = [had.full(row) for row in had.rows]
        self.keep(request, tables)
        return destination.AlterTableResponse(success=True)

    def Truncate(self, request, context):
        tables = self.tables(request)
        table = tables.get(f"{request.schema_name}.{request.table_name}")
        until = request.utc_delete_before.ToJsonString() if request.HasField("utc_delete_before") else None
        if table:
            table.truncate(request.synced_column, until, request.soft.deleted_column if request.HasField("soft") else None)
        self.keep(request, tables)
        return destination.TruncateResponse(success=True)

    def WriteBatch(self, request, context):
        tables = self.tables(request)
        table = tables[f"{request.schema_name}.{request.table.name}"]
        return self.batch(request, tables, {"replace": table.upsert, "update": table.update, "delete": table.delete})

    def WriteHistoryBatch(self, request, context):
        tables = self.tables(request)
        table = tables[f"{request.schema_name}.{request.table.name}"]
        return self.batch(request, tables, {"earliest_start": table.earliest, "replace": table.version, "update": table.version, "delete": table.close})

    def batch(self, request, tables, kinds):
        rows, columns = {}, tables[f"{request.schema_name}.{request.table.name}"].columns
        for kind, apply in kinds.items():
            for path in getattr(request, f"{kind}_files"):
                rows.setdefault(kind, []).extend(read_file(path, request, columns))
            for row in rows.get(kind, []):
                apply(dict(row))
        self.keep(request, tables, rows=rows)
        return destination.WriteBatchResponse(success=True)

    def Migrate(self, request, context):
        self.keep(request, self.tables(request))
        return destination.MigrateResponse(unsupported=True)


if __name__ == "__main__":
    serve(destination_rpc.add_DestinationConnectorServicer_to_server, Destination())
