"""A destination under test, its database, and the model beside it."""

import base64
import json
import sqlite3
import struct
from decimal import Decimal
from pathlib import Path

import fivetran
from fivetran_files import NULL, UNMODIFIED, Files
from fivetran_model import ACTIVE, DELETED, END, START, SYNCED, Table, moment

SCHEMA = "crm"


def single(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def time_of(text: str):
    return text.partition(".")[0], (text.partition(".")[2] or "0").rstrip("0")


READ = {  # what the text in a file stands for, and what a cell of SQLite does
    "BOOLEAN": (lambda t: t == "true", bool),
    "SHORT": (int, int), "INT": (int, int), "LONG": (int, int),
    "DECIMAL": (Decimal, lambda v: Decimal(str(v))),
    "FLOAT": (lambda t: single(float(t)), lambda v: single(float(v))),
    "DOUBLE": (float, float),
    "NAIVE_DATE": (str, str),
    "NAIVE_TIME": (time_of, time_of),
    "NAIVE_DATETIME": (moment, moment),
    "UTC_DATETIME": (moment, lambda v: moment(v.removesuffix("+00:00").removesuffix("Z").replace(" ", "T"))),
    "BINARY": (base64.b64decode, bytes),
    "JSON": (json.loads, json.loads),
    "STRING": (str, str), "XML": (str, str),
}  # fmt: skip


class Sink:
    def __init__(self, served, folder: Path, compression="ZSTD", encrypted=True, parquet=False):
        self.stub, self.path = served.destination(), folder / "warehouse.db"
        self.configuration = {"path": str(self.path)}
        self.files = Files(folder / "files", compression, encrypted, parquet)
        self.tables: dict[str, Table] = {}

    def ask(self, method, **fields):
        """A unary call that must succeed; its answer."""
        request = getattr(fivetran.destination, method + "Request")(configuration=self.configuration, **fields)
        answer = getattr(self.stub, method)(request)
        assert answer.WhichOneof("response") == "success" and answer.success, f"{method}: {answer}"
        return answer

    def describe(self, name, schema=SCHEMA):
        request = fivetran.destination.DescribeTableRequest(configuration=self.configuration, schema_name=schema, table_name=name)
        return self.stub.DescribeTable(request)

    def message(self, name, table=None):
        table, common = table or self.tables[name], fivetran.common
        made = common.Table(name=name)
        for column, kind in table.columns.items():
            kind, _, params = kind.partition("(")
            c = made.columns.add(name=column, type=common.DataType.Value(kind), primary_key=column in table.key)
            if params:
                c.params.decimal.precision, c.params.decimal.scale = map(int, params.rstrip(")").split(","))
        return made

    def create(self, name, columns: dict[str, str], key=("id",)):
        self.tables[name] = Table(columns, list(key))
        self.ask("CreateTable", schema_name=SCHEMA, table=self.message(name))
        return self.tables[name]

    def params(self):
        kinds = fivetran.destination
        return kinds.FileParams(compression=kinds.Compression.Value(self.files.compression), null_string=NULL, unmodified_string=UNMODIFIED,
                                encryption=kinds.AES if self.files.encrypted else kinds.NONE)  # fmt: skip

    def send(self, method, name, *, model=True, **lists):
        """lists: replace, update, delete, earliest_start: lists of rows, or of lists of rows, each a file. Columns come in another order in each file."""
        paths, applied = {}, []
        for kind, rows in lists.items():
            files = rows if rows and isinstance(rows[0], list) else [rows] if rows else []
            for n, some in enumerate(files):
                columns = sorted({c for row in some for c in row}, key=lambda c: (hash((c, n)) & 7, c))
                paths.setdefault(f"{kind}_files", []).append(self.files.write(columns, some, kind, self.tables[name].columns))
                applied += [(kind, row) for row in some]
        self.ask(method, schema_name=SCHEMA, table=self.message(name), keys=self.files.keys, file_params=self.params(), **paths)
        if model:
            self.apply(method, name, applied)

    def apply(self, method, name, applied):
        table = self.tables[name]
        how = ({"replace": table.upsert, "update": table.update, "delete": table.delete} if method == "WriteBatch" else
               {"earliest_start": table.earliest, "replace": table.version, "update": table.version, "delete": table.close})  # fmt: skip
        for kind in ("earliest_start", "replace", "update", "delete"):
            rows = [row for of, row in applied if of == kind]
            if (method, kind) == ("WriteHistoryBatch", "update"):  # each is filled from the version before it, wherever that stands
                rows.sort(key=lambda row: moment(row[START]))
            for row in rows:
                how[kind](dict(row))

    def write(self, name, **lists):
        self.send("WriteBatch", name, **lists)

    def history(self, name, **lists):
        self.send("WriteHistoryBatch", name, **lists)

    def rows(self, name):
        """The rows of SQLite, as dictionaries."""
        with sqlite3.connect(self.path) as db:
            db.row_factory = sqlite3.Row
            quoted = f"{SCHEMA}__{name}".replace('"', '""')
            return [dict(row) for row in db.execute(f'SELECT * FROM "{quoted}"')]

    def check(self, name):
        """The table is as the model says: columns, types, key and rows; and there is nothing else in it."""
        table, found = self.tables[name], self.describe(name)
        assert found.WhichOneof("response") == "table", found
        common = fivetran.common
        assert {c.name: common.DataType.Name(c.type) for c in found.table.columns} == {c: t.partition("(")[0] for c, t in table.columns.items()}
        assert {c.name for c in found.table.columns if c.primary_key} == set(table.key)
        for column in found.table.columns:
            wanted = table.columns[column.name].partition("(")[2].rstrip(")")
            if wanted and column.HasField("params"):
                assert f"{column.params.decimal.precision},{column.params.decimal.scale}" == wanted
        got, want = self.rows(name), table.rows
        assert [set(r) for r in got] == [set(table.columns)] * len(got)
        means = lambda row, side: {c: None if row[c] is None else READ[t.partition("(")[0]][side](row[c]) for c, t in table.columns.items()}
        order = lambda rows: sorted(rows, key=lambda r: repr([r[c] for c in [*table.key, *sorted(table.columns)]]))
        got, want = order([means(r, 1) for r in got]), order([means(r, 0) for r in want])
        for g, w in zip(got, want):
            assert g == w, f"{name}: { {c: (g[c], w[c]) for c in w if g[c] != w[c]} } (is, expected) in {w}"
        assert len(got) == len(want), f"{name}: {len(got)} rows, {len(want)} expected"

    def migrate(self, name, **operation):
        details = fivetran.destination.MigrationDetails(schema=SCHEMA, table=name)
        for kind, value in operation.items():
            part = getattr(details, kind)
            part.SetInParent()
            self.fill(part, value)
        return self.stub.Migrate(fivetran.destination.MigrateRequest(configuration=self.configuration, details=details))

    def fill(self, message, value):
        for field, inner in value.items():
            if isinstance(inner, dict):
                getattr(message, field).SetInParent()
                self.fill(getattr(message, field), inner)
            else:
                setattr(message, field, inner)

    def migrated(self, name, **operation):
        answer = self.migrate(name, **operation)
        assert answer.WhichOneof("response") == "success" and answer.success, answer
