"""What `weir run` makes of documents in PostgreSQL, looked at with psql: tables.py [PART-OF-A-NAME]"""

import json
import random
import subprocess
import sys

from harness import BIN, Place, has, run_all, same

INT, STR, NUM, BOOL = {"type": "integer"}, {"type": "string"}, {"type": "number"}, {"type": "boolean"}


def of(kind, **more):
    return {"type": kind, **more}


# ---- values ----

NUMBERS = ["0", "-0", "1", "-1", "10", "9999", "10000", "99999999", "100000000", "0.1", "-0.5", "0.0001", "0.00001", "1.50", "12345678901234567890.12",
           "1e3", "1E+3", "1e-3", "-1.5e10", "1.0", "123456789.000000001", "0.00000000000000000000000000000001", "1e-7", "4503599627370497.5",
           "1" + "0" * 400, "0." + "0" * 300 + "7", "1e1000", "1e-1000", "9223372036854775807", "-9223372036854775808", "18446744073709551616"]
INSTANTS = ["2020-02-29T23:59:59Z", "1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z", "1970-01-01T00:00:00.5+05:30", "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z", "2020-06-01t12:00:00.1234567-08:00", "2020-06-01T12:00:00.12345649z", "1900-03-01T00:00:00Z", "2100-02-28T23:59:60Z"]
DATES = ["2000-01-01", "1999-12-31", "2020-02-29", "0001-01-01", "9999-12-31", "1582-10-04"]
TIMES = ["00:00:00Z", "23:59:59.999999Z", "12:34:56.1Z", "23:59:60Z"]
TEXTS = ["", "x", "a\\b\"c", "é😀\u2028", "line\nbreak\ttab", "{}", "NULL", "\\N", "y" * 9000, "\u007f\u0001"]
ADDRESSES = ["127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "2001:db8::ff00:42:8329", "::ffff:1.2.3.4"]
UUIDS = ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"]


def against_psql(server, schema, pg_type, values, text=None):
    """Each value loaded by Weir is the one that psql makes of its text."""
    text = text or (lambda v: v)
    with Place(server) as p:
        p.collection("v", {"id": INT, "x": schema})
        for n, value in enumerate(values):
            p.put("v", f'{{"id":{n},"x":{value}}}')
        log = p.run()
        if "did not foresee" in log:
            raise AssertionError(log)
    quoted = [text(v).replace("'", "''") for v in values]
    server.ask("CREATE TABLE w (id bigint, x " + pg_type + "); INSERT INTO w VALUES " + ",".join(f"({n}, '{q}')" for n, q in enumerate(quoted)))
    same(server.ask("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v'::regclass AND attname = 'x'"), pg_type)
    same(server.ask("SELECT v.id, v.x::text, w.x::text FROM v FULL JOIN w USING (id) WHERE v.x::text IS DISTINCT FROM w.x::text"), "")
    same(server.ask("SELECT count(*) FROM v"), str(len(values)))


def decoded(value):
    return json.loads(value)


def test_numbers(server):
    rng = random.Random(1)
    more = [f"{rng.choice(['', '-'])}{rng.randrange(10 ** rng.randint(1, 40))}.{rng.randrange(10 ** rng.randint(1, 30)):0{rng.randint(1, 30)}d}" for _ in range(500)]
    against_psql(server, NUM, "numeric", NUMBERS + more)


def test_number_strings(server):
    values = ['"NaN"', '"Infinity"', '"-Infinity"', '"12.50"', '"-0.001"', "7"]
    against_psql(server, of(["string", "number"], format="number"), "numeric", values, lambda v: v.strip('"'))


def test_doubles(server):
    against_psql(server, of("number", format="double"), "double precision", ["0.1", "1e300", "-1e-300", "123456789", "4.9e-324", "1.7976931348623157e308"])


def test_integers(server):
    against_psql(server, INT, "bigint", ["0", "-1", "9223372036854775807", "-9223372036854775808", "1e3", "10.0"], lambda v: str(int(float(v))) if "." in v or "e" in v else v)


def test_texts(server):
    against_psql(server, STR, "text", [json.dumps(t) for t in TEXTS] + [json.dumps(t, ensure_ascii=False) for t in TEXTS], decoded)


def test_instants(server):
    against_psql(server, of("string", format="date-time"), "timestamp with time zone", [f'"{t}"' for t in INSTANTS], decoded)


def test_dates(server):
    against_psql(server, of("string", format="date"), "date", [f'"{t}"' for t in DATES], decoded)


def test_times(server):
    against_psql(server, of("string", format="time"), "time without time zone", [f'"{t}"' for t in TIMES], decoded)


def test_addresses(server):
    against_psql(server, of("string", format="ipv6"), "inet", [f'"{t}"' for t in ADDRESSES], decoded)


def test_mac_addresses(server):
    against_psql(server, of("string", format="macaddr"), "macaddr", ['"08:00:2b:01:02:03"', '"FF:ff:00:00:00:01"'], decoded)


def test_uuids(server):
    against_psql(server, of("string", format="uuid"), "uuid", [f'"{t}"' for t in UUIDS], decoded)


def test_booleans(server):
    against_psql(server, BOOL, "boolean", ["true", "false"])


def test_bytes(server):
    values = ['""', '"AA=="', '"AAECAwQ="', '"/+7d"', '"' + "QUJD" * 3000 + '"']
    import base64
    against_psql(server, of("string", contentEncoding="base64"), "bytea", values, lambda v: "\\x" + base64.b64decode(v.strip('"')).hex())


def test_objects(server):
    values = ['{"a":[1,{"b":null}],"é":"\\u00e9\\ud83d\\ude00"}', "{}", '{"n":12345678901234567890.12345678901234567890}', '{"z":1,"a":2}']
    against_psql(server, of("object"), "jsonb", values)


def test_several_types(server):
    against_psql(server, of(["string", "integer", "boolean", "array"]), "jsonb", ['"x"', "1", "true", "[]", '"1"'])


# ---- tables ----

def columns(server, table):
    return server.ask(f"SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0"
                      " AND NOT attisdropped ORDER BY attname")


def test_unforeseen_values_widen(server):
    with Place(server) as p:
        p.collection("u", {"id": INT, "i": INT, "n": NUM, "t": of("string", format="date-time"), "j": of("object"), "bytes": of("string", contentEncoding="base64")})
        p.put("u", {"id": 1, "i": 1, "n": 2, "t": "2020-01-02T03:04:05Z", "j": {"a": 1}, "bytes": "AAEC"})
        p.put("u", '{"id":2,"i":123456789012345678901234567890,"n":1e200000,"t":"soon","j":{"x":1e200000},"bytes":"!"}')
        p.put("u", {"id": 3, "i": 3, "n": 4, "t": "2021-01-02T03:04:05Z", "j": {}, "bytes": "AA=="})
        log = p.run()
        has(log, 'column "i" is numeric now')
        same(columns(server, "u"), "bytes|text|f\ni|numeric|f\nid|bigint|t\nj|json|f\nn|text|f\nt|text|f")
        same(server.ask("SELECT id, i, n, t, j, bytes FROM u ORDER BY id"),
             '1|1|2|2020-01-02T03:04:05.000000Z|{"a": 1}|AAEC\n'
             '2|123456789012345678901234567890|1e200000|soon|{"x":1e200000}|!\n'
             '3|3|4|2021-01-02T03:04:05Z|{}|AA==')


def test_schema_changes(server):
    with Place(server) as p:
        p.collection("s", {"id": INT, "a": INT, "gone": STR}, required=["a", "gone"])
        p.put("s", {"id": 1, "a": 1, "gone": "x"})
        p.run()
        server.ask("CREATE INDEX mine ON s (a); CREATE VIEW v AS SELECT id FROM s")
        p.collection("s", {"id": INT, "a": of(["integer", "string", "null"]), "new": of("string", description="It's new")})
        p.put("s", {"id": 2, "a": "two", "new": "n"})
        log = p.run()
        has(log, 'new column "new" text')
        has(log, 'column "gone" may be null now')
        same(columns(server, "s"), "a|jsonb|f\ngone|text|f\nid|bigint|t\nnew|text|f")
        same(server.ask("SELECT id, a, gone, new FROM s ORDER BY id"), '1|1|x|NULL\n2|"two"|NULL|n')
        same(server.ask("SELECT col_description('s'::regclass, attnum) FROM pg_attribute WHERE attrelid = 's'::regclass AND attname = 'new'"), "It's new")
        same(server.ask("SELECT count(*) FROM pg_indexes WHERE indexname = 'mine'"), "1")
        server.ask("CREATE VIEW w AS SELECT new FROM s")
        p.collection("s", {"id": INT, "a": of(["integer", "string"]), "new": of(["string", "boolean"])})
        has(p.run(status=None), "cannot alter type of a column used by a view")


def test_names(server):
    long = "n" * 70
    names = {"id": INT, 'q"uote': STR, "ctid": STR, long + "1": STR, long + "2": STR, "": STR, "Id": STR, "select": STR, "é x": STR, "a/b": STR}
    with Place(server) as p:
        p.collection("names", names, resource={"table": 'odd "table"'})
        p.put("names", {n: (1 if n == "id" else n or "empty") for n in names})
        p.run()
        got = dict(line.split("|", 1) for line in server.ask("SELECT key, value FROM \"odd \"\"table\"\"\" t, json_each_text(row_to_json(t)) ORDER BY 1").split("\n"))
        same(sorted(got.values()), sorted(["1", 'q"uote', "ctid", long + "1", long + "2", "Id", "select", "é x", "a/b", "empty"]))
        same(max(len(n) for n in got), 63)
        p.put("names", {"id": 2, long + "2": "again"})
        p.run() # the same names
        same(server.ask('SELECT count(*) FROM "odd ""table"""'), "2")


def test_validate_over_flow(server):
    """Every projection gets a constraint; a name that is too long is told as it will be."""
    long = "n" * 70
    with Place(server) as p:
        p.collection("t", {"id": INT, "v": INT})
        p.run()
    def projection(name, types, **more):
        return {"ptr": "" if name == "flow_document" else f"/{name}", "field": name, "inference": {"types": types, "exists": "MAY"}, **more}
    collection = {"name": "t/t", "key": ["/id"], "writeSchema": {"type": "object"}, "projections": [
        projection("flow_document", ["object"]), projection("id", ["integer"], isPrimaryKey=True), projection(long, ["string"]), projection("null", ["null"]),
        projection("v", ["integer", "string"])]}
    request = {"validate": {"name": "t/m", "connectorType": "LOCAL", "config": server.config(), "bindings": [{"resourceConfig": {"table": "t"}, "collection": collection}]}}
    said = subprocess.run([str(BIN / "materialize-postgres")], input='{"spec":{"connectorType":"LOCAL","config":{}}}\n' + json.dumps(request) + "\n", capture_output=True, text=True,
                          timeout=60, check=True).stdout.splitlines()[1]
    binding = json.loads(said)["validated"]["bindings"][0]
    constraints = binding["constraints"]
    same(binding["resourcePath"], ["t"])
    same({k: v["type"] for k, v in constraints.items()}, {"flow_document": "FIELD_OPTIONAL", "id": "LOCATION_REQUIRED", long: "LOCATION_RECOMMENDED", "null": "FIELD_FORBIDDEN",
                                                           "v": "LOCATION_RECOMMENDED"})
    has(constraints["v"]["reason"], "its column of type bigint will be widened")
    same(len(constraints[long]["foldedField"]), 63)
    same(constraints[long]["foldedField"][:54], "n" * 54)
    if constraints["id"].get("foldedField"):
        raise AssertionError(constraints["id"])


def test_composite_text_key(server):
    with Place(server) as p:
        p.collection("k", {"a": STR, "b": INT, "v": INT}, key=("a", "b"))
        p.put("k", {"a": "x", "b": 1, "v": 1}, {"a": "x", "b": 2, "v": 2}, {"a": "é\"", "b": 1, "v": 3})
        p.run()
        p.put("k", {"a": "x", "b": 1, "v": 10}, {"a": "A", "b": 1, "v": 4}, {"a": "x", "b": 3, "v": 5})
        p.run()
        same(server.ask("SELECT a, b, v FROM k ORDER BY a COLLATE \"C\", b"), 'A|1|4\nx|1|10\nx|2|2\nx|3|5\né"|1|3')


def test_nested_fields(server):
    with Place(server) as p:
        p.collection("n", {"id": INT, "a": of("object", properties={"b": INT, "c": STR})}, fields={"recommended": 2})
        p.put("n", {"id": 1, "a": {"b": 5, "c": "x"}}, {"id": 2})
        p.run()
        same(server.ask('SELECT id, "a/b", "a/c" FROM n ORDER BY id'), "1|5|x\n2|NULL|NULL")


def test_deletions_updates_and_truncations(server):
    schema = {"id": INT, "a": STR, "b": STR, "o": of(["object", "null"]), "_meta": of("object", properties={"op": STR})}
    with Place(server) as p:
        p.collection("d", schema, fields={"recommended": True, "require": {"flow_document": {}, "o": {}}})
        p.collections["d"]["schema"]["x-partial-updates"] = True
        p.put("d", *({"id": n, "a": f"a{n}", "b": "b", "o": {"x": 1}} for n in range(6)))
        p.run()
        p.put("d", {"id": 1, "_meta": {"op": "d"}}, {"id": 2, "a": "new", "_meta": {"op": "u"}}, {"id": 3, "o": None, "_meta": {"op": "u"}},
              {"id": 99, "a": "nobody", "_meta": {"op": "u"}}, {"id": 98, "_meta": {"op": "d"}}, {"id": 4, "a": "all", "_meta": {"op": "c"}})
        p.run()
        same(server.ask("SELECT id, a, b, o, flow_document - '_meta' FROM d ORDER BY id"),
             '0|a0|b|{"x": 1}|{"a": "a0", "b": "b", "o": {"x": 1}, "id": 0}\n'
             '2|new|b|{"x": 1}|{"a": "new", "b": "b", "o": {"x": 1}, "id": 2}\n'
             '3|a3|b|NULL|{"a": "a3", "b": "b", "o": null, "id": 3}\n'
             '4|all|NULL|NULL|{"a": "all", "id": 4}\n'
             '5|a5|b|{"x": 1}|{"a": "a5", "b": "b", "o": {"x": 1}, "id": 5}')


def test_reductions(server):
    """What is stored is loaded and reduced into: from the whole document, and from columns."""
    total = {"type": "number", "reduce": {"strategy": "sum"}}
    program = {"command": [str(BIN / "materialize-postgres")]}
    whole, parts = {"recommended": True, "require": {"flow_document": {}, "s": {}}}, {"recommended": True, "require": {"s": {}}, "exclude": ["flow_document"]}
    for fields, local in ((whole, None), (parts, None), (whole, program), (parts, {**program, "protobuf": True})):
        with Place(server) as p:
            p.local = local
            p.collection("r", {"id": STR, "n": total, "t": of("string", format="date-time", reduce={"strategy": "maximize"}), "s": of("array", items=STR, reduce={"strategy": "append"})},
                         fields=fields)
            p.collections["r"]["schema"]["reduce"] = {"strategy": "merge"}
            p.put("r", '{"id":"a","n":1.5,"t":"2020-01-01T00:00:00Z","s":["x"]}', {"id": "b", "n": 1})
            p.run()
            p.put("r", '{"id":"a","n":0.25,"t":"2019-01-01T00:00:00Z","s":["y"]}', {"id": "c", "n": 2})
            p.run()
            same(server.ask("SELECT id, n, to_char(t, 'YYYY'), s FROM r ORDER BY id"), 'a|1.75|2020|["x", "y"]\nb|1|NULL|NULL\nc|2|NULL|NULL')
            server.ask("DROP TABLE r, weir_tables, weir_checkpoints")


def test_delta_updates(server):
    with Place(server) as p:
        p.collection("d", {"id": INT, "v": INT}, resource={"delta_updates": True})
        p.put("d", {"id": 1, "v": 1}, {"id": 2, "v": 3})
        p.run()
        p.put("d", {"id": 1, "v": 4}, {"id": 3, "v": 5})
        p.run()
        same(server.ask("SELECT id, v FROM d ORDER BY v"), "1|1\n2|3\n1|4\n3|5")
        same(server.ask("SELECT count(*) FROM pg_index WHERE indrelid = 'd'::regclass"), "0")


def test_rows_of_others(server):
    """Keys that seem to be new, and are not: somebody else has written them."""
    with Place(server) as p:
        p.collection("o", {"id": INT, "v": STR})
        p.put("o", *({"id": n, "v": "ours"} for n in range(10)))
        p.run()
        p.put("o", *({"id": n, "v": "ours"} for n in range(10, 3000)))
        p.write()
        server.ask("CREATE FUNCTION race() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO o SELECT n, 'theirs' FROM generate_series(10, 20) n"
                   " ON CONFLICT DO NOTHING; RETURN NULL; END $$; CREATE TRIGGER race AFTER UPDATE OF fence ON weir_checkpoints FOR EACH ROW EXECUTE FUNCTION race()")
        p.run()
        same(server.ask("SELECT v, count(*), min(id), max(id) FROM o GROUP BY v"), "ours|3000|0|2999")


def test_columns_that_somebody_changed(server):
    with Place(server) as p:
        p.collection("c", {"id": INT, "state": STR, "n": INT, "f": NUM, "name": STR})
        p.put("c", {"id": 1, "state": "on", "n": 1, "f": 1.5, "name": "x"})
        p.run()
        server.ask("CREATE TYPE state AS ENUM ('on', 'off'); ALTER TABLE c ALTER state TYPE state USING state::state, ALTER n TYPE integer,"
                   " ALTER f TYPE real, ALTER name TYPE varchar(10), ADD more int DEFAULT 7")
        p.put("c", {"id": 1, "state": "off", "n": 2, "f": 2.5, "name": "y"}, {"id": 2, "state": "on", "n": 3, "f": 0.5, "name": "é"})
        p.run()
        same(server.ask("SELECT id, f, n, name, state, more FROM c ORDER BY id"), "1|2.5|2|y|off|7\n2|0.5|3|é|on|7")
        has(columns(server, "c"), "f|numeric|f") # every digit again
        p.put("c", {"id": 3, "state": "broken"})
        has(p.run(status=None), 'invalid input value for enum state: "broken"')


def test_nul(server):
    with Place(server) as p:
        p.collection("z", {"id": STR, "t": STR, "o": of("object")}, fields={"recommended": True, "require": {"o": {}}})
        p.put("z", {"id": "a", "t": "x\0y", "o": {"\0": "\0", "half": "\ud800", "fine": "\\u0000 \ud83d\ude00"}}, {"id": "b", "t": "z"})
        has(p.run(), "they become U+FFFD")
        same(server.ask("SELECT id, t, o ->> E'\\ufffd', o ->> 'half', o ->> 'fine' FROM z ORDER BY id"), "a|x\ufffdy|\ufffd|\ufffd|\\u0000 😀\nb|z|NULL|NULL|NULL")
        p.put("z", {"id": "k\0", "t": ""})
        has(p.run(status=None), "which PostgreSQL cannot store in a key")
    server.ask("DROP TABLE z, weir_tables, weir_checkpoints")
    with Place(server, server.config(advanced={"nul": "fail"})) as p:
        p.collection("z", {"id": STR, "t": STR})
        p.put("z", {"id": "a", "t": "x\0y"})
        has(p.run(status=None), 'a value of column "t" has the character U+0000')


def test_schemas(server):
    with Place(server, server.config(schema="Own")) as p:
        p.collection("a", {"id": INT}).collection("b", {"id": INT}, resource={"table": "a", "schema": "other"})
        p.put("a", {"id": 1}).put("b", {"id": 2})
        p.run()
        same(server.ask('SELECT x.id, y.id FROM "Own".a x, other.a y'), "1|2")
        same(server.ask("SELECT count(*) FROM \"Own\".weir_tables"), "2")


def test_backfill(server):
    with Place(server) as p:
        p.collection("b", {"id": STR, "v": STR})
        p.put("b", {"id": "1", "v": "old"})
        p.run()
        server.ask("INSERT INTO b VALUES ('stale', 'x')")
        p.bindings["b"]["backfill"] = 1
        p.collection("b", {"id": STR, "v": STR, "n": INT}, backfill=1)
        p.run()
        same(server.ask("SELECT id, v, n FROM b"), "1|old|NULL")
        p.run()
        same(server.ask("SELECT backfill FROM weir_tables"), "1")


def test_obstacles(server):
    server.ask("CREATE TABLE theirs (id int); CREATE VIEW view AS SELECT 1 AS id")
    for table, text in {"theirs": "was not made by this connector", "view": "is no table", "weir_tables": "is a table of this connector's own",
                        "x" * 64: "longer than the 63 bytes"}.items():
        with Place(server) as p:
            p.collection("t", {"id": INT}, resource={"table": table})
            has(p.run(status=None), text)
    with Place(server) as p:
        p.collection("t", {"id": INT}, resource={"schema": "pg_catalog"})
        has(p.run(status=None), "belongs to PostgreSQL")
    with Place(server) as p:
        p.collection("t", {"id": INT, "k": INT})
        p.put("t", {"id": 1, "k": 2})
        p.run()
        p.collection("t", {"id": INT, "k": INT}, key=("k",))
        has(p.run(status=None), "has another key")
        p.collection("t", {"id": INT, "k": INT})
        server.ask("DROP TABLE t")
        has(p.run(status=None), "is gone")


def test_flow_yaml_and_files(server):
    """The connector's own catalog, with libpq's variables; and a file of CSV."""
    import os
    import tempfile
    from harness import ROOT
    where = {**os.environ, "PGPORT": str(server.port), "PGPASSWORD": server.password, "PGHOST": ""}
    with tempfile.TemporaryDirectory(prefix="weir-pgf-") as folder:
        run = [str(BIN / "weir"), "run", "--once", "--quiet", "--data", folder + "/data", "--source"]
        subprocess.run([*run, str(ROOT / "connectors" / "postgres" / "test.flow.yaml")], env=where, check=True, capture_output=True, timeout=60)
        same(server.ask("SELECT n, text FROM greetings ORDER BY n"), "\n".join(f"{n}|Hello" for n in range(5)))
        with open(folder + "/people.csv", "w", encoding="utf-8") as f:
            f.write("id,name,born\n1,\"Ann, é\",1999-12-31\n2,,2000-02-29\n")
        catalog = {
            "captures": {"t/files": {"endpoint": {"native": {"connector": "source-files", "config": {"streams": [{"name": "people", "path": folder + "/people.csv"}]}}},
                                     "bindings": [{"resource": {"stream": "people"}, "target": "t/people"}]}},
            "collections": {"t/people": {"schema": {"type": "object", "properties": {"id": INT, "name": of(["string", "null"]), "born": of("string", format="date")},
                                                    "required": ["id"]}, "key": ["/id"]}},
            "materializations": {"t/db": {"endpoint": {"native": {"connector": "materialize-postgres", "config": server.config()}},
                                          "bindings": [{"resource": {"table": "people"}, "source": "t/people"}]}},
        }
        with open(folder + "/flow.yaml", "w", encoding="utf-8") as f:
            json.dump(catalog, f)
        done = subprocess.run([*run, folder + "/flow.yaml"], check=False, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise AssertionError(done.stderr)
        same(server.ask("SELECT id, name, born FROM people ORDER BY id"), "1|Ann, é|1999-12-31\n2|NULL|2000-02-29")


# ---- errors: who has to act ----

def test_connection_errors(server):
    cases = [({"password": "wrong"}, 2, "password authentication failed"), ({"database": "nowhere"}, 2, 'database "nowhere" does not exist'),
             ({"address": "127.0.0.1:1"}, 3, "Connection refused"), ({"advanced": {"sslmode": "require"}}, 2, "SSL")]
    import os
    for change, status, text in cases:
        request = {"validate": {"name": "t/m", "connectorType": "LOCAL", "config": server.config(**change), "bindings": []}}
        done = subprocess.run([str(BIN / "materialize-postgres")], input=json.dumps({"spec": {"connectorType": "LOCAL", "config": {}}}) + "\n" + json.dumps(request) + "\n",
                              capture_output=True, text=True, env={**os.environ, "FLOW_RUNTIME_CODEC": "json", "LOG_FORMAT": "text"})
        has(done.stderr, text)
        same(done.returncode, status)


def test_what_may_pass(server):
    """Somebody holds a lock; no connection is left; the server is just starting or stopping."""
    with Place(server, server.config(advanced={"lock_timeout": 1})) as p:
        p.collection("t", {"id": INT}).put("t", {"id": 1})
        p.run()
        p.collection("t", {"id": INT, "more": INT})
        with subprocess.Popen(["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", "weir", "-d", "weir"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, env={**server.env(), "PGPASSWORD": server.password}) as other:
            other.stdin.write("BEGIN; LOCK TABLE t;\n\\echo locked\n")
            other.stdin.flush()
            same(other.stdout.readline(), "locked\n")
            has(p.run(status=3), "canceling statement due to lock timeout")
            other.stdin.close()
        p.run()
    server.ask("CREATE ROLE few LOGIN PASSWORD 'f' CONNECTION LIMIT 0")
    with Place(server, server.config(user="few", password="f")) as p:
        p.collection("u", {"id": INT}).put("u", {"id": 1})
        has(p.run(status=3), "too many connections for role")


def test_tls(_):
    import os
    from server import Server

    class Encrypted(Server):
        def start(self):
            key, cert = self.folder / "data" / "server.key", self.folder / "data" / "server.crt"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost"], check=True, capture_output=True)
            shown = (self.folder / "cert.pem")
            shown.write_bytes(cert.read_bytes())
            os.chmod(key, 0o600)
            if os.getuid() == 0:
                owner = (self.folder / "data").stat().st_uid
                os.chown(key, owner, -1)
                os.chown(cert, owner, -1)
            super().start()

    with Encrypted("ssl=on") as s:
        for host, mode, root, status in (("localhost", "verify-full", True, 0), ("127.0.0.1", "verify-full", True, 2), ("localhost", "verify-full", False, 2), ("localhost", "require", False, 0)):
            more = {"sslmode": mode, **({"sslrootcert": str(s.folder / "cert.pem")} if root else {})}
            with Place(s, s.config(address=f"{host}:{s.port}", advanced=more)) as p:
                p.collection("t", {"id": INT}).put("t", {"id": 1})
                log = p.run(status=None)
                if ("certificate" in log) != bool(status):
                    raise AssertionError(f"{host} {mode}: {log}")
                s.ask("DROP TABLE IF EXISTS t, weir_tables, weir_checkpoints")


def test_urls(server):
    from urllib.parse import quote
    url = f"postgres://weir:{quote(server.password)}@127.0.0.1:{server.port}/weir?sslmode=prefer"
    with Place(server, {"address": url}) as p:
        p.collection("t", {"id": INT}).put("t", {"id": 1})
        p.run()
        same(server.ask("SELECT id FROM t"), "1")


def test_the_server_notices_a_dead_client(server):
    server.ask("CREATE TABLE seen (idle text); CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen"
               " VALUES (current_setting('tcp_keepalives_idle')); RETURN NULL; END $$")
    with Place(server) as p:
        p.collection("t", {"id": INT}).put("t", {"id": 1})
        p.run()
        server.ask("CREATE TRIGGER look AFTER UPDATE ON weir_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION look()")
        p.put("t", {"id": 2})
        p.run()
        same(server.ask("SELECT DISTINCT idle FROM seen"), "30")


def test_who_holds_a_lock(server):
    """The error names the session: one that reads the table, one that changes tables."""
    locks = ("LOCK TABLE t IN SHARE MODE", "SELECT pg_advisory_xact_lock(7305435)")
    with Place(server, server.config(advanced={"lock_timeout": 1})) as p:
        p.collection("t", {"id": INT}).put("t", {"id": 0})
        p.run()
        for n, lock in enumerate(locks, 1):
            env = dict(server.env(), PGPASSWORD=server.password, PGAPPNAME="keeper")
            with subprocess.Popen(["psql", "-X", "-q", "-At", "-h", "127.0.0.1", "-p", str(server.port), "-U", "weir", "-d", "weir"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as keeper:
                keeper.stdin.write(f"BEGIN; {lock}; SELECT pg_backend_pid();\n")
                keeper.stdin.flush()
                pid = next(line for line in map(str.strip, keeper.stdout) if line.isdigit())
                said = p.put("t", {"id": n}).run(status=None)
                has(said, f'session {pid} of role "weir" (keeper), which is idle in transaction')
                has(said, "canceling statement due to lock timeout")
                keeper.stdin.close()
            p.run()
        same(server.ask("SELECT count(*) FROM t"), str(1 + len(locks)))


def test_sockets(_):
    from server import Server

    class Local(Server):
        def start(self):
            self.settings.append(f"unix_socket_directories={self.folder / 'data'}")
            (self.folder / "data").chmod(0o750)  # PostgreSQL wants no more
            super().start()

    with Local() as s:
        with Place(s, s.config(address=f"{s.folder / 'data'}:{s.port}")) as p:
            p.collection("t", {"id": INT}).put("t", {"id": 1})
            p.run()
            same(s.ask("SELECT id FROM t"), "1")


def test_read_only_role(server):
    server.ask("CREATE ROLE reader LOGIN PASSWORD 'r'")
    with Place(server, server.config(user="reader", password="r")) as p:
        p.collection("t", {"id": INT}).put("t", {"id": 1})
        has(p.run(status=None), "permission denied for schema public")


def test_other_encoding(server):
    server.ask("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", database="postgres")
    with Place(server, server.config(database="latin")) as p:
        p.collection("t", {"id": INT}).put("t", {"id": 1})
        has(p.run(status=None), "has the encoding LATIN1")


if __name__ == "__main__":
    sys.exit(run_all([f for n, f in sorted(globals().items()) if n.startswith("test_")], sys.argv[1] if len(sys.argv) > 1 else ""))
