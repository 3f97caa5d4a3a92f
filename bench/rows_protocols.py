"""Rows about Airbyte and Singer: emission, translation, a target. README.md says what they mean."""

import json
from pathlib import Path

from measuring import BenchFailed, Place, Sample
from rows import SPEC, Row, Variant, requests, sample_lines, shell

STREAM = "records"
PROPERTIES = {
    "id": {"type": "integer"}, "account": {"type": "integer"}, "name": {"type": "string"}, "email": {"type": "string"}, "city": {"type": "string"},
    "active": {"type": "boolean"}, "score": {"type": "number"}, "amount": {"type": "number"}, "created": {"type": "string", "format": "date-time"},
    "note": {"type": "string"},
}
SCHEMA = {"type": "object", "properties": PROPERTIES}
TIME = "2026-01-02T03:04:05.000006Z"


# ------------------------------------------------------------------------------------------------------------ lines --


def documents(p: Place, large: bool) -> list[str]:
    """The documents of source-bench as JSON text; large: of about 2 KB, nested, half of the text in letters of several bytes."""
    lines, _ = sample_lines(p)
    found = [line[line.index('"doc":') + 6 : -2] for line in lines.read_text().splitlines() if line.startswith('{"captured"')]
    if not large:
        return found
    words = "Привет, мир — καλημέρα κόσμε — こんにちは世界 — " * 4
    history = [{"at": f"2026-01-{d:02d}T00:00:00Z", "event": "updated", "by": {"id": d, "name": "someone \\ else", "tags": ["a", "b", "ü"]}, "delta": -0.5 * d} for d in range(1, 13)]
    more = json.dumps({"words": words, "history": history, "big": 0}, ensure_ascii=False, separators=(",", ":"))
    more = more.replace('"big":0', '"big":123456789012345678901234567890')
    return [doc[:-1] + "," + more[1:] for doc in found[:4000]]


def written(p: Place, protocol: str, large: bool) -> Path:
    """A file of lines of a protocol with the answers that its connector gives beside it, for `flood asked`."""
    path = p.work / f"{protocol}-{'large' if large else 'small'}.ndjson"
    if path.exists():
        return path
    docs, every = documents(p, large), 2000
    head = '{"type":"SCHEMA","stream":"%s","schema":%s,"key_properties":["id"]}' % (STREAM, json.dumps(SCHEMA, separators=(",", ":")))
    form = {
        "flow": ('{"captured":{"binding":0,"doc":%s}}', '{"checkpoint":{"state":{"updated":{"bindingStateV1":{"records":{"n":%d}}},"mergePatch":true}}}'),
        "singer": ('{"type":"RECORD","stream":"records","record":%s,"time_extracted":"' + TIME + '"}', '{"type":"STATE","value":{"bookmarks":{"records":{"n":%d}}}}'),
        "airbyte": (
            '{"type":"RECORD","record":{"stream":"records","data":%s,"emitted_at":1795237126937}}',
            '{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"records"},"stream_state":{"n":%d}},"sourceStats":{"recordCount":2000.0}}}',
        ),
    }[protocol]
    with open(path, "w") as out:
        if protocol == "singer":
            out.write(head + "\n")
        for n, doc in enumerate(docs, 1):
            out.write(form[0] % doc + "\n")
            if n % every == 0:
                out.write(form[1] % n + "\n")
    stream = {"name": STREAM, "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh", "incremental"], "source_defined_cursor": True,
              "source_defined_primary_key": [["id"]]}
    entry = {"tap_stream_id": STREAM, "stream": STREAM, "schema": SCHEMA, "key_properties": ["id"],
             "metadata": [{"breadcrumb": [], "metadata": {"inclusion": "available", "selected": True, "table-key-properties": ["id"]}}]}
    answers = {
        "spec": {"type": "SPEC", "spec": {"connectionSpecification": {"type": "object"}, "documentationUrl": "https://example.com"}},
        "check": {"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}},
        "discover": {"type": "CATALOG", "catalog": {"streams": [stream]}} if protocol == "airbyte" else {"streams": [entry]},
        "about": {"name": "tap-flood", "version": "1", "capabilities": ["catalog", "discover", "state"], "settings": {"type": "object", "properties": {}}},
    }
    for word, answer in answers.items():
        Path(f"{path}.{word}").write_text(json.dumps(answer) + "\n")
    return path


def platform(p: Place, protocol: str, config: dict, resource: dict | None = None) -> tuple[list, bytes | None]:
    """How a platform of a protocol starts a source's sync: arguments, and what it says on its input."""
    p.work.joinpath("config.json").write_text(json.dumps(config))
    config_args = ["--config", p.work / "config.json"]
    if protocol == "airbyte":
        stream = {"stream": {"name": STREAM, "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh", "incremental"]}, "sync_mode": "incremental",
                  "destination_sync_mode": "append", "cursor_field": [], "primary_key": [["id"]]}
        p.work.joinpath("catalog.json").write_text(json.dumps({"streams": [stream]}))
        return ["read", *config_args, "--catalog", p.work / "catalog.json"], None
    if protocol == "singer":
        return config_args, None
    asked = json.loads(requests(0).splitlines()[1])
    asked["open"]["capture"]["config"] = config
    asked["open"]["capture"]["bindings"][0]["resourceConfig"] = resource or {"stream": STREAM}
    return [], SPEC + json.dumps(asked).encode() + b"\n"


# ------------------------------------------------------------------------------------------------------- translation --

RESOURCES = {
    "airbyte": {"stream": STREAM, "syncMode": "incremental"},
    "singer": {"tap_stream_id": STREAM, "stream": STREAM, "key_properties": ["id"],
               "metadata": [{"breadcrumb": [], "metadata": {"selected": True, "inclusion": "available", "table-key-properties": ["id"]}}]},
}


def translate(source: str, to: str):
    """The row of one ordered pair."""

    def make(p: Place, scale: float) -> Row:
        def by_shim(large: bool) -> Variant:
            lines = written(p, source, large)
            times = max(1, round(600e6 * scale / lines.stat().st_size))
            command = [p.tool("flood"), *(("flow",) if source == "flow" else ("asked",)), lines, times]
            args, say = platform(p, to, {}, RESOURCES.get(source))
            argv = [p.weir, "shim", "--from", source, "--as", to, "--", *command, "--", *args]
            return Variant(f"weir shim, {'2 KB' if large else '300 B'}", lambda: p.measure(argv, say=say, hold=say is not None, env=p.flood_report()),
                           times * lines.stat().st_size, "weir")

        def by_python(name: str, argv: list, megabytes: float, kind: str = "peer", python: str | None = None) -> None:
            lines = written(p, source, False)
            times = max(1, round(megabytes * scale * 1e6 / lines.stat().st_size))
            variants.append(Variant(name, lambda: p.measure(argv, feed=[p.tool("flood"), "raw", lines, times]), times * lines.stat().st_size, kind))

        variants = [by_shim(False), by_shim(True)]
        if p.has_peers():
            by_python("orjson, loads and dumps, 300 B", [p.python, p.peers / "translate.py", source, to], 60)
        shim = {("airbyte", "flow"): ("airbyte", "shim_airbyte.py"), ("singer", "flow"): ("singer-rest", "shim_singer.py")}.get((source, to))
        if shim and p.has_environment(shim[0]):
            lines = written(p, source, False)
            _, say = platform(p, "flow", {"path": str(lines)}, RESOURCES[source])
            variants.append(Variant("flow-sdk's shim, 300 B", lambda: p.measure([p.environment(shim[0]), p.peers / shim[1]], say=say, hold=True),
                                    lines.stat().st_size))
        by_python("cat", ["cat"], 600, "limit")
        return Row(f"{source}-{to}", f"{source.capitalize()} lines into {to.capitalize()} lines; without the CPU of whoever makes them", "B", variants,
                   "1 GB per CPU second at least, 2 GB wanted", lambda r: all(v["rate"] >= 1e9 for v in r.values() if v["kind"] == "weir"))

    return make


# ----------------------------------------------------------------------------------------------------------- emission --


def emitted(p: Place, protocol: str, argv: list, say: bytes | None, **more) -> list:
    """The documents that a command prints."""
    p.measure(argv, say=say, hold=say is not None, keep=p.work / "sample", **more)
    found = []
    for line in p.work.joinpath("sample").read_bytes().splitlines():
        message = json.loads(line, parse_float=str)
        if message.get("type") == "RECORD":
            found.append(message["record"]["data"] if protocol == "airbyte" else message["record"])
    return found


def emit(protocol: str):
    def make(p: Place, scale: float) -> Row:
        count = int(1_000_000 * scale)

        def weir(n: int) -> list:
            args, _ = platform(p, protocol, {"count": n, "every": 2000})
            return [p.tool("source-bench"), *args]

        if [d["id"] for d in emitted(p, protocol, weir(1000), None)] != list(range(1000)):
            raise BenchFailed(f"source-bench does not emit a thousand {protocol} records")
        ours = weir(count)
        variants = [Variant("weir, typed values", lambda: (platform(p, protocol, {"count": count, "every": 2000}), p.measure(ours, drain=True))[1], count, "weir")]

        def peer(name: str, environment: str, script: str, fewer: int, argv=None, env=None) -> None:
            n = max(1000, int(count / fewer))
            if not p.has_environment(environment):
                return

            def run() -> Sample:
                args, _ = platform(p, protocol, {"count": n, "every": 2000})
                return p.measure([p.environment(environment), p.peers / script, *(argv(n) if argv else args)], drain=True, env=env)

            variants.append(Variant(name, run, n))

        if protocol == "airbyte":
            peer("airbyte-cdk, dicts", "pyairbyte", "emit_airbyte_cdk.py", 4)
        else:
            peer("singer-sdk, dicts", "singer-sdk", "emit_singer_sdk.py", 4)
            peer("singer-sdk with msgspec, dicts", "singer-sdk", "emit_singer_sdk.py", 4, env={"MSGSPEC": "1"})
            peer("singer-python, dicts", "singer-classic", "emit_singer_python.py", 4, argv=lambda n: [n])
        return Row(f"emit-{protocol}", f"records of 10 columns to a pipe, as {protocol.capitalize()} lines", "rec", variants,
                   "3M rec per CPU second at least, 5M wanted", lambda r: r["weir, typed values"]["rate"] >= 3e6)

    return make


# ------------------------------------------------------------------------------------------------------------- target --


def target(p: Place, scale: float) -> Row:
    """Small records, of five fields, from Singer lines into SQLite."""
    count = int(500_000 * scale)
    lines = p.work / "target.ndjson"
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "city": {"type": "string"},
                                               "score": {"type": "number"}, "updated_at": {"type": "string", "format": "date-time"}}}
    with open(lines, "w") as out:
        out.write(json.dumps({"type": "SCHEMA", "stream": STREAM, "schema": schema, "key_properties": ["id"]}) + "\n")
        for n in range(count):
            out.write('{"type":"RECORD","stream":"records","record":{"id":%d,"name":"name %d","city":"Amsterdam","score":%s,"updated_at":"%s"}}\n'
                      % (n, n, n % 1000 / 8, TIME))
        out.write('{"type":"STATE","value":{"bookmarks":{"records":{"n":%d}}}}\n' % count)

    def weir() -> Sample:
        for stale in p.work.glob("target.sqlite*"):
            stale.unlink()
        p.work.joinpath("target.json").write_text(json.dumps({"path": str(p.work / "target.sqlite")}))
        return p.measure([p.build / "bin" / "materialize-sqlite", "--config", p.work / "target.json"], feed=["cat", lines])

    weir()
    if shell(p, p.work / "target.sqlite", "SELECT count(*), min(id), max(id) FROM records").strip() != f"{count}|0|{count - 1}".encode():
        raise BenchFailed("the target has not loaded every record")
    variants = [Variant("weir, materialize-sqlite as a target", weir, count, "weir")]
    few = max(1000, count // 10)
    some = p.work / "target-few.ndjson"
    with open(lines) as source, open(some, "w") as out:
        out.writelines(line for n, line in enumerate(source) if n <= few)
    if p.has_environment("singer-sdk"):
        script = p.root / "tests" / "interop" / "peers" / "sdk_target.py"

        def sdk(validate: bool) -> Sample:
            for stale in p.work.glob("sdk.sqlite*"):
                stale.unlink()
            config = {"path": str(p.work / "sdk.sqlite"), "validate_records": validate}
            p.work.joinpath("sdk.json").write_text(json.dumps(config))
            return p.measure([p.environment("singer-sdk"), script, "--config", p.work / "sdk.json"], feed=["cat", some])

        variants.append(Variant("singer-sdk's SQL target", lambda: sdk(True), few))
        variants.append(Variant("the same without validation", lambda: sdk(False), few))
    return Row("target", "records of 5 fields from Singer lines into an SQLite table with a primary key", "rec", variants, "600k rec per CPU second",
               lambda r: r["weir, materialize-sqlite as a target"]["rate"] >= 6e5)


# ------------------------------------------------------------------------------------------------------------- memory --


def memory(p: Place, scale: float, long: bool = False) -> Row:
    """The most that a shim and a target hold while much passes through them."""
    lines, variants = written(p, "singer", False), []
    size = lines.stat().st_size
    args, _ = platform(p, "airbyte", {})
    p.work.joinpath("target.json").write_text(json.dumps({"path": str(p.work / "target.sqlite")}))

    def shim(times: int) -> Sample:
        argv = [p.weir, "shim", "--from", "singer", "--as", "airbyte", "--", p.tool("flood"), "asked", lines, times, "--", *args]
        return p.measure(argv, env=p.flood_report())

    def target(times: int) -> Sample:
        for stale in p.work.glob("target.sqlite*"):
            stale.unlink()
        return p.measure([p.build / "bin" / "materialize-sqlite", "--config", p.work / "target.json"], feed=[p.tool("flood"), "raw", lines, times])

    for name, run, amounts in (("weir shim", shim, (100, 1000, 10000)), ("materialize-sqlite as a target", target, (100, 1000))):
        for megabytes in amounts:
            if megabytes <= 1000 or long:
                times = max(1, round(megabytes * scale * 1e6 / size))
                amount = f"{megabytes // 1000} GB" if megabytes >= 1000 else f"{megabytes} MB"
                variants.append(Variant(f"{name}, {amount}", lambda run=run, times=times: run(times), times * size, "weir"))
    return Row("memory-singer", "memory while so many Singer lines pass through", "B", variants, "16 MB, however much",
               lambda r: all(v["rss"] <= 16384 for v in r.values()), most=2)


PAIRS = (("singer", "flow"), ("airbyte", "flow"), ("flow", "airbyte"), ("singer", "airbyte"))
ROWS = {f"emit-{x}": emit(x) for x in ("airbyte", "singer")} | {f"{a}-{b}": translate(a, b) for a, b in PAIRS} | {"target": target, "memory-singer": memory}
