"""The example of examples/fivetran, asked as the platform asks it: by a client of Google's library, and by grpcurl."""

import json
import subprocess

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

from conftest import ours
from test_fivetran_source import Synced, update

SETTINGS = {"baseUrl": "https://api.example.com"}


@pytest.fixture(scope="module")
def example():
    program = ours("../examples/fivetran/source-fivetran-example")
    with fivetran.serving(program, "--port", "0") as served:
        yield served


def test_form(example):
    form = example.source().ConfigurationForm(fivetran.common.ConfigurationFormRequest())
    fields = {f.name: f for f in form.fields if f.WhichOneof("type") != "conditional_fields"}
    assert list(fields) == ["baseUrl", "authentication", "version", "metrics"]
    assert fields["baseUrl"].text_field == fivetran.common.PlainText and fields["baseUrl"].required and fields["baseUrl"].placeholder
    assert list(fields["authentication"].dropdown_field.dropdown_field) == ["OAuth2.0", "API Key", "Basic Auth", "None"]
    assert fields["version"].default_value == "v2"
    assert [o.value for o in fields["version"].descriptive_dropdown_fields.descriptive_dropdown_field] == ["v1", "v2", "v3"]
    assert fields["metrics"].WhichOneof("type") == "toggle_field"
    groups = {}
    for f in form.fields:
        if f.WhichOneof("type") == "conditional_fields":
            when = f.conditional_fields.condition
            assert when.condition_field == "authentication"
            groups[when.string_value] = {g.name: g.text_field for g in f.conditional_fields.fields}
    password, plain = fivetran.common.Password, fivetran.common.PlainText
    assert groups == {"OAuth2.0": {"clientId": plain, "clientSecret": password}, "API Key": {"apiKey": password},
                      "Basic Auth": {"username": plain, "password": password}}  # fmt: skip
    assert [t.name for t in form.tests] == ["connect", "select"]


@pytest.mark.parametrize("name,settings,failure", [
    ("connect", SETTINGS, None), ("select", SETTINGS, None), ("connect", {"baseUrl": "ftp://x"}, "ftp://x"),
    ("connect", SETTINGS | {"authentication": "API Key"}, "API key"), ("connect", SETTINGS | {"authentication": "API Key", "apiKey": "k"}, None),
    ("select", SETTINGS | {"version": "v3"}, "v3"),
])  # fmt: skip
def test_tests(example, name, settings, failure):
    answer = example.source().Test(fivetran.common.TestRequest(name=name, configuration=settings))
    assert answer.WhichOneof("response") == ("failure" if failure else "success")
    assert failure is None or failure in answer.failure


def test_schema(example):
    types = fivetran.common.DataType
    tables = example.source().Schema(fivetran.source.SchemaRequest(configuration=SETTINGS)).without_schema.tables
    columns = {t.name: [(c.name, c.type, c.primary_key) for c in t.columns] for t in tables}
    assert columns == {"table1": [("a1", types.UNSPECIFIED, True), ("a2", types.DOUBLE, False)],
                       "table2": [("b1", types.STRING, True), ("b2", types.UNSPECIFIED, False)]}  # fmt: skip


def test_update(example):
    synced = Synced(update(example.source(), SETTINGS))
    one = [(kind, data["a1"][1], data.get("a2", (None, None))[1]) for kind, table, data in synced.records if table == "table1" and kind != "TRUNCATE"]
    assert one[:2] == [("UPSERT", "a-0", 0.0), ("UPSERT", "a-1", 0.25)] and len(one) == 252
    assert one[-2:] == [("UPDATE", "a-0", 110.5), ("DELETE", "a-1", None)]
    assert max(n for kind, n, _ in synced.batches if kind == "records") == 100
    assert len(synced.rows("table2")[1]["b2"]) == 200_000
    assert [kind for kind, n, size in synced.batches if size > 100_000] == ["record"]
    assert [m.WhichOneof("operation") for m in synced.rest] == ["warning"] and "b-large" not in synced.rest[0].warning.message
    more = Synced(update(example.source(), SETTINGS, state=synced.states[-1]))
    assert [data["a1"][1] for _, table, data in more.records if table == "table1"][0] == "a-250"


@pytest.mark.skipif(not fivetran.GRPCURL.exists(), reason="no grpcurl: see tests/interop/setup.sh")
def test_grpcurl(example):
    def ask(*argv):
        return subprocess.run([fivetran.GRPCURL, "-plaintext", *argv], check=True, capture_output=True, text=True, timeout=60).stdout

    at = f"127.0.0.1:{example.port}"
    assert "fivetran_sdk.v2.SourceConnector" in ask(at, "list").split()
    assert "rpc Update" in ask(at, "describe", "fivetran_sdk.v2.SourceConnector")
    form = json.loads(ask(at, "fivetran_sdk.v2.SourceConnector/ConfigurationForm"))
    assert [t["name"] for t in form["tests"]] == ["connect", "select"]
    said = ask("-d", json.dumps({"configuration": SETTINGS}), at, "fivetran_sdk.v2.SourceConnector/Update")
    assert '"a-249"' in said and '"checkpoint"' in said
