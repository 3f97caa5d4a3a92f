"""play.py singer BEHAVIOUR [FLAG...] - a Singer tap or target that behaves badly in one way.

Every behaviour is a class below; its name on the command line is the class's with dashes. `tap` and `target` behave well, and are strict. Written from the
protocol page, singer.md, whose sections the comments name. Records, states and the folder of the judge are as in airbyte.py.
"""
import json
import os
import signal
import stat
import sys
import types

from airbyte import HERE, SECRET, need, note, read_file
from airbyte import Refused
from peer import LAST, grandchild, log, put, ready, wait_for_ever

SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": ["null", "string"]}}}


def entry(name, stream=None, **more):
    """Of a catalog (2)."""
    return {"tap_stream_id": name, "stream": stream or name, "schema": SCHEMA, "key_properties": ["id"], "metadata": [
        {"breadcrumb": [], "metadata": {"inclusion": "available", "table-key-properties": ["id"], "valid-replication-keys": ["id"], "x-odd": [1.10]}},
        {"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "automatic"}},
        {"breadcrumb": ["properties", "name"], "metadata": {"inclusion": "available"}}]} | more


class Program:
    end_status = 0
    capabilities = ["catalog", "discover", "state", "about"]
    settings = {"type": "object", "required": ["password"], "properties": {
        "password": {"type": "string", "secret": True, "writeOnly": True}, "start_date": {"type": ["string", "null"]}}}

    def run(self, argv):
        self.flags = self.parse(argv)
        files = {k: read_file(v) for k, v in vars(self.flags).items() if isinstance(v, str) and k != "format"}
        self.files = {k: json.loads(v) for k, v in files.items()}
        note({"argv": argv, "files": self.files, "text": {k: v.decode() for k, v in files.items()},
              "modes": {k: stat.S_IMODE(os.stat(getattr(self.flags, k)).st_mode) for k in files},
              "env": {k: v for k, v in os.environ.items() if "hunter2" in v}})
        try:
            if self.flags.about:
                self.about()
            else:
                need(self.files.get("config", {}).get("password") == SECRET, "the config is not the one of the catalog")
                log("INFO connecting with password " + SECRET)
                self.work()
        except Refused as e:
            log(f"CRITICAL runner: {e}")
            sys.exit(1)
        sys.exit(0 if self.flags.about or self.flags.discover else self.end_status)

    def parse(self, argv):
        """As `--flag VALUE` or `--flag=VALUE`."""
        flags = dict.fromkeys(["about", "discover", "version"], False) | dict.fromkeys(["config", "catalog", "properties", "state", "format"])
        words = [w for a in argv for w in (a.split("=", 1) if a.startswith("--") else [a])]
        while words:
            name = words.pop(0).removeprefix("--")
            if name not in flags:
                log(f"Usage: no such option: --{name}")
                sys.exit(2)
            flags[name] = True if flags[name] is False else words.pop(0)
        return types.SimpleNamespace(**flags)

    def about(self):
        self.say({"name": "hostile", "description": "", "version": "1.0", "sdk_version": "0.1", "supported_python_versions": None,
                  "capabilities": self.capabilities, "settings": self.settings})

    def raw(self, text):
        put(1, text if isinstance(text, bytes) else text.encode())

    def say(self, message):
        self.raw(json.dumps(message, ensure_ascii=False) + "\n")


# ---- taps ----

class Tap(Program):
    names = ["users"]

    def streams(self):
        return [entry(n) for n in self.names]

    def work(self):
        if self.flags.discover:
            return self.discover()
        self.refuse_nonsense()
        self.begin()
        for self.stream in self.selected():
            self.n = self.resumed_at()
            self.schema()
            self.capture()
        self.finish()

    def discover(self):
        self.raw(json.dumps({"streams": self.streams()}, indent=2) + "\n")

    def refuse_nonsense(self):
        need("catalog" in self.files, "no --catalog")
        for e in self.files["catalog"]["streams"]:
            known = next((s for s in self.streams() if s["tap_stream_id"] == e.get("tap_stream_id")), None)
            need(known, f"catalog: stream {e.get('tap_stream_id')} was never discovered")
            need(isinstance(e.get("schema"), dict) and isinstance(e.get("stream"), str), "catalog: no schema or stream")
            for m in e.get("metadata") or []:
                need(isinstance(m["metadata"].get("selected", False), bool), "catalog: selected is no boolean")
                mine = next((k for k in known["metadata"] or [] if k["breadcrumb"] == m["breadcrumb"]), {"metadata": {}})
                need(all(m["metadata"].get(k) == v for k, v in mine["metadata"].items()), f"catalog: metadata of {m['breadcrumb']} were not kept")

    def root(self, e):
        return next((m["metadata"] for m in e.get("metadata") or [] if m["breadcrumb"] == []), {})

    def selected(self):
        return [e["tap_stream_id"] for e in self.files["catalog"]["streams"] if self.root(e).get("selected")]

    def resumed_at(self):
        state = self.files.get("state") or {}
        need(isinstance(state, dict), "the state is no object")
        need("value" not in state and "bindingStateV1" not in state, "the state is no state of ours")
        return state.get("bookmarks", {}).get(self.stream, {}).get("n", 0)

    def schema(self, **more):
        self.say({"type": "SCHEMA", "stream": self.stream, "schema": SCHEMA, "key_properties": ["id"]} | more)

    def record(self, n, **more):
        self.say({"type": "RECORD", "stream": self.stream, "record": {"id": n} | more, "time_extracted": "2026-01-02T03:04:05.000006Z"})

    def value(self, n):
        return {"bookmarks": {self.stream: {"n": n}}}

    def state(self, n):
        self.say({"type": "STATE", "value": self.value(n)})

    def begin(self):
        pass

    def between(self):
        """Before each record."""

    def capture(self):
        while self.n < LAST:
            self.n += 1
            self.between()
            self.record(self.n)
            self.state(self.n)

    def finish(self):
        pass


class Wrong(Tap):
    """The frame of all that go wrong while reading."""

    def capture(self):
        self.record(1)
        self.record(2)
        self.state(2)
        self.record(3)
        self.wrong()

    def wrong(self):
        sys.exit(1)


# ---- messages in unusual dress (1) ----

class BlankLines(Tap):
    def say(self, message):
        self.raw("\n\r\n")
        super().say(message)


class LineEndsOfWindows(Tap):
    def say(self, message):
        self.raw(json.dumps(message) + "\r\n")


class WithoutLastNewline(Tap):
    def say(self, message):
        if message.get("type"):
            self.raw(self.pending + json.dumps(message))
            self.pending = "\n"
        else:
            super().say(message)
    pending = ""


class LowerCaseTypes(Tap):
    """The spec: type is case-insensitive."""

    def say(self, message):
        super().say(message | {"type": message["type"].title()} if message.get("type") else message)


class TypeLast(Tap):
    def say(self, message):
        body = dict(reversed(message.items()))
        if message.get("type") == "RECORD":
            body = {"record": dict(body["record"], type="STATE", stream="nope")} | body
        super().say(body)


class EscapesInKeys(Tap):
    def say(self, message):
        text = json.dumps(message)
        for word in ("type", "record", "stream", "value", "users", "RECORD", "STATE", "SCHEMA", "schema", "key_properties"):
            text = text.replace(f'"{word}"', '"' + "".join(f"\\u{ord(c):04x}" for c in word) + '"')
        self.raw(text + "\n")


class SpacesEverywhere(Tap):
    def say(self, message):
        self.raw(" \t" + json.dumps(message, separators=(" \t, ", "\r : ")).replace("{", "{ ").replace("}", "\t}") + " \t\n")


class NullsEverywhere(Tap):
    def say(self, message):
        super().say({"version": None, "time_extracted": None, "bookmark_properties": None, "unknown": None} | message | {"z": [{}]})


class LargeRecords(Tap):
    def record(self, n, **more):
        super().record(n, name="x" * 10_000_000)


class NumbersOfManyDigits(Tap):
    def record(self, n, **more):
        self.raw('{"type":"RECORD","stream":"users","record":{"id":%d,"big":123456789012345678901234567890,"dec":1.10,"exp":1E400,"neg":-0.0}}\n' % n)


class DuplicateKeysInRecord(Tap):
    def record(self, n, **more):
        self.raw('{"type":"RECORD","stream":"users","record":{"id":%d,"name":"a","name":"b"}}\n' % n)


# ---- lines that are no messages (6: an error, or logged and skipped) ----

class WrongLine(Tap):
    """Instead of record 4."""
    line = b""

    def record(self, n, **more):
        if n == 4:
            self.raw(self.line + b"\n")
        else:
            super().record(n, **more)


def record(body=b'{"id":4}', stream=b'"users"', more=b""):
    return b'{"type":"RECORD","stream":%s,"record":%s%s}' % (stream, body, more)


class JunkLine(WrongLine):
    line = b"Traceback (most recent call last):"


class LineOfJsonLog(WrongLine):
    line = b'{"level":"info","message":"words"}'


class LineOfAList(WrongLine):
    line = b'[{"type":"RECORD"}]'


class LineOfANumber(WrongLine):
    line = b"4"


class LineOfNull(WrongLine):
    line = b"null"


class LineOfAnEmptyObject(WrongLine):
    line = b"{}"


class LineOfUnknownType(WrongLine):
    line = b'{"type":"FANCY","stream":"users","record":{"id":4}}'


class LineOfNumberedType(WrongLine):
    line = b'{"type":4,"stream":"users","record":{"id":4}}'


class LineOfNullType(WrongLine):
    line = b'{"type":null,"stream":"users","record":{"id":4}}'


class LineWithByteOrderMark(WrongLine):
    line = b"\xef\xbb\xbf" + record()


class LineBrokenInTwo(WrongLine):
    line = b'{"type":"RECORD","stream":"users",\n"record":{"id":4}}'


class LineOfTwoMessages(WrongLine):
    line = record() + record(b'{"id":4,"again":true}')


class LineWithWordsBehind(WrongLine):
    line = record() + b" # done"


class LineWithNan(WrongLine):
    line = record(b'{"id":4,"name":NaN}')


class LineOfBadUtf8(WrongLine):
    line = record(b'{"id":4,"name":"\xff\xc3("}')


class LineWithLoneSurrogate(WrongLine):
    line = record(b'{"id":4,"name":"\\ud800"}')


class LineWithControlBytes(WrongLine):
    line = record(b'{"id":4,"name":"a\x00b\x1b[31m"}')


class LineOfPython(WrongLine):
    line = b"{'type': 'RECORD', 'stream': 'users', 'record': {'id': 4}}"


class LineWithTrailingComma(WrongLine):
    line = record(b'{"id":4,}')


class LineNestedDeeply(WrongLine):
    line = record(b'{"id":4,"x":' + b"[" * 5000 + b"]" * 5000 + b"}")


class LineWithTwoTypes(WrongLine):
    line = b'{"type":"STATE","type":"RECORD","stream":"users","record":{"id":4}}'


class LineTooLong(WrongLine):
    @property
    def line(self):
        return record(b'{"id":4,"x":"' + b"x" * (70 << 20) + b'"}')


class RecordOfUnknownStream(WrongLine):
    line = record(stream=b'"nope"')


class RecordWithoutStream(WrongLine):
    line = b'{"type":"RECORD","record":{"id":4}}'


class RecordOfANumberedStream(WrongLine):
    line = record(stream=b"4")


class RecordWithoutRecord(WrongLine):
    line = b'{"type":"RECORD","stream":"users"}'


class RecordOfNull(WrongLine):
    line = record(b"null")


class RecordOfAList(WrongLine):
    line = record(b'[{"id":4}]')


class RecordOfText(WrongLine):
    line = record(b'"4"')


class RecordWithKeyOfNull(WrongLine):
    line = record(b'{"id":null}')


class RecordWithOddTime(Tap):
    """An optional field; the record is good."""

    def record(self, n, **more):
        times = ['"yesterday"', "7", "{}", '"2026-13-45T99:99:99Z"', '"2026-01-02T03:04:05+00:00"']
        self.raw('{"type":"RECORD","stream":"users","record":{"id":%d},"time_extracted":%s,"version":"x"}\n' % (n, times[n - 1]))


# ---- schemas (1, 7) ----

class RecordBeforeSchema(Tap):
    def schema(self, **more):
        self.record(1)
        super().schema()


class WithoutSchema(Tap):
    def schema(self, **more):
        pass


class WithoutAnything(Tap):
    def schema(self, **more):
        pass

    def capture(self):
        pass


class SchemaWithEachRecord(Tap):
    def between(self):
        self.schema()


class SchemasThatChange(Tap):
    """In turns, wider and narrower, other types, and those of a stream that nobody selected."""

    def between(self):
        kinds = [{"type": "object"}, {}, {"properties": {"id": {}}},
                 {"type": ["null", "object"], "properties": {"id": {"type": ["string", "null"]}, "new": {}}},
                 {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["nope"], "additionalProperties": False,
                  "properties": {"id": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "deep": {"type": "object", "patternProperties": {".*": True}}}}]
        self.schema(schema=kinds[self.n - 1])
        self.schema(stream="nope", schema=kinds[0], key_properties=[])


class SchemaWithoutKeys(Tap):
    """SDK targets accept the absence, classic ones do not (1)."""

    def schema(self, **more):
        self.say({"type": "SCHEMA", "stream": self.stream, "schema": SCHEMA})


class SchemaWithNullKeys(Tap):
    def schema(self, **more):
        super().schema(key_properties=None)


class SchemaWithOtherKeys(Tap):
    def between(self):
        self.schema(key_properties=["name"] if self.n % 2 else ["id", "name"])


class WrongSchema(Tap):
    line = {}

    def schema(self, **more):
        self.say({"type": "SCHEMA", "stream": self.stream} | self.line)


class SchemaMissing(WrongSchema):
    line = {"key_properties": ["id"]}


class SchemaOfNull(WrongSchema):
    line = {"key_properties": ["id"], "schema": None}


class SchemaOfAList(WrongSchema):
    line = {"key_properties": ["id"], "schema": [SCHEMA]}


class SchemaOfText(WrongSchema):
    line = {"key_properties": ["id"], "schema": json.dumps(SCHEMA)}


class SchemaWithAKeyOfText(WrongSchema):
    line = {"key_properties": "id", "schema": SCHEMA}


class SchemaWithKeysOfNumbers(WrongSchema):
    line = {"key_properties": [7], "schema": SCHEMA}


class SchemaWithAKeyThatIsNoProperty(WrongSchema):
    line = {"key_properties": ["nope"], "schema": SCHEMA}


class SchemaWithoutStream(WrongSchema):
    line = {"stream": None, "key_properties": ["id"], "schema": SCHEMA}


class SchemaOfUnsoundTypes(WrongSchema):
    line = {"key_properties": ["id"], "schema": {"type": "objekt", "properties": {"id": {"type": 7}, "name": ["string"], "x": {"type": []},
                                                                                  "y": {"anyOf": {}}}}}


class SchemaNestedDeeply(Tap):
    def schema(self, **more):
        deep = {"type": "string"}
        for _ in range(400):
            deep = {"type": "object", "properties": {"x": deep}}
        super().schema(schema={"type": "object", "properties": {"id": {"type": "integer"}, "x": deep}})


class ColumnsByTheThousand(Tap):
    """And their SCHEMA again and again."""
    wide = {"type": "object", "properties": {"id": {"type": "integer"}} | {f"column {i}": {"type": ["null", "string"]} for i in range(5000)}}

    def streams(self):
        return [entry("users", schema=self.wide)]

    def between(self):
        for _ in range(10):
            self.schema(schema=self.wide)

    def record(self, n, **more):
        super().record(n, **{f"column {i}": str(i) for i in range(5000)})


# ---- states (1, 3) ----

class StateVerbatim(Tap):
    """What is beside the bookmarks, the order of keys and the text of numbers survive (3)."""
    extra = '"currently_syncing":"users","é":{"/a~b":[null,true]},"dec":1.10,"big":123456789012345678901234567890,"exp":1E+2,"":{}'

    def state(self, n):
        self.raw('{"type":"STATE","value":{%s,"bookmarks":{"users":{"z":0,"n":%d,"a":-0.0},"nope":{"n":7}}}}\n' % (self.extra, n))


class StateFirst(Tap):
    """As a run that resumes begins (6)."""

    def begin(self):
        self.stream = "users"
        self.state(self.resumed_at())


class StateOften(Tap):
    def state(self, n):
        for _ in range(1000):
            super().state(n)


class StateOfNothingAtTheEnd(Tap):
    """An empty value is a state as any other: opaque. Then the next run begins anew (3)."""

    def finish(self):
        self.say({"type": "STATE", "value": {}})


class StateThatIsLarge(Tap):
    def value(self, n):
        return super().value(n) | {"much": "x" * (20_000_000 if n == LAST else 1)}


class WithoutStates(Tap):
    def state(self, n):
        pass


class WithoutLastState(Tap):
    def state(self, n):
        if n == 2:
            super().state(n)


class StateOfWrongShape(Tap):
    """A value that is no object, after record 3, and a failure."""
    texts = ['{"type":"STATE"}', '{"type":"STATE","value":null}', '{"type":"STATE","value":7}', '{"type":"STATE","value":"n"}', '{"type":"STATE","value":[9]}',
             '{"type":"STATE","values":{"n":9}}', '{"type":"STATE","value":true}']
    which = None

    def capture(self):
        for n in (1, 2):
            self.record(n)
        self.state(2)
        self.record(3)
        self.raw(self.texts[int(self.which)] + "\n")
        sys.exit(1)


# ---- versions and batches (1) ----

class ActivatesVersions(Tap):
    def begin(self):
        for v in (1, 2, 1):
            self.say({"type": "ACTIVATE_VERSION", "stream": "users", "version": v})


class ActivatesNonsense(Tap):
    def between(self):
        bodies = [{}, {"stream": "users"}, {"stream": "nope", "version": 1}, {"stream": "users", "version": "one"}, {"stream": 7, "version": None}]
        self.say({"type": "ACTIVATE_VERSION"} | bodies[self.n - 1])


def gzipped(data):
    import gzip
    return gzip.compress(data)


class Batches(Tap):
    """Records 1 to 5 in two files."""

    def capture(self):
        if self.n < LAST:
            for first, after, compression in ((1, 4, "gzip"), (4, 6, "none")):
                path = os.path.join(HERE, f"batch {first}.jsonl")
                data = b"".join(b'{"id":%d}\n' % n for n in range(first, after))
                with open(path, "wb") as f:
                    f.write(gzipped(data) if compression == "gzip" else data)
                self.batch([self.url(path)], {"format": "jsonl", "compression": compression})
        self.state(LAST)

    def url(self, path):
        return "file://" + os.path.abspath(path).replace(" ", "%20")

    def batch(self, manifest, encoding, **more):
        self.say({"type": "BATCH", "stream": self.stream, "encoding": encoding, "manifest": manifest} | more)


class WrongBatch(Batches, Wrong):
    """After records 1 and 2 with their state and record 3."""
    capture = Wrong.capture
    encoding = {"format": "jsonl", "compression": "none"}
    content = b'{"id":4}\n'
    manifest = None

    def wrong(self):
        path = os.path.join(HERE, "batch.jsonl")
        with open(path, "wb") as f:
            f.write(self.content)
        self.batch(self.manifest or [self.url(path)], self.encoding)
        self.state(LAST)
        sys.exit(0)


class BatchThatIsMissing(WrongBatch):
    manifest = ["file:///nonexistent/batch.jsonl"]


class BatchThatIsAFolder(WrongBatch):
    manifest = ["file:///tmp"]


class BatchOfElsewhere(WrongBatch):
    manifest = ["s3://bucket/batch.jsonl"]


class BatchOfNoUrl(WrongBatch):
    manifest = [7]


class BatchOfParquet(WrongBatch):
    encoding = {"format": "parquet"}


class BatchCutOff(WrongBatch):
    encoding = {"format": "jsonl", "compression": "gzip"}

    @property
    def content(self):
        return gzipped(b'{"id":4}\n{"id":5}\n')[:-12]


class BatchThatIsNotPacked(WrongBatch):
    encoding = {"format": "jsonl", "compression": "gzip"}


class BatchOfJunk(WrongBatch):
    content = b'{"id":4}\nnot json\n'


class BatchOfLists(WrongBatch):
    content = b"[4]\n"


class BatchWithoutManifest(WrongBatch):
    def batch(self, manifest, encoding, **more):
        self.say({"type": "BATCH", "stream": self.stream, "encoding": encoding})


# ---- ends ----

class ExitsOneAfterAll(Tap):
    end_status = 1


class ExitsOneWithoutWords(Wrong):
    pass


class ExitsOneWithCritical(Wrong):
    """The classic's headline (4)."""

    def wrong(self):
        log("CRITICAL the moon is not there")
        log("Traceback (most recent call last):\n  File x\nValueError: moon")
        sys.exit(1)


class ExitsWithTheSecret(Wrong):
    def wrong(self):
        log(f"CRITICAL {SECRET} is wrong; " + json.dumps({"password": SECRET}))
        sys.exit(1)


class HalfALastLine(Wrong):
    def wrong(self):
        self.raw('{"type":"RECORD","stream":"users","record":{"id":4')
        sys.exit(0)


class KilledInARecord(Wrong):
    def wrong(self):
        self.raw('{"type":"RECORD","stream":"users","rec')
        os.kill(os.getpid(), signal.SIGKILL)


class OnlyGarbage(Tap):
    def work(self):
        if self.flags.discover:
            return super().work()
        self.raw(b"\x1f\x8b\x08\x00garbage\n" * 100)


# ---- discovery (2) ----

class CatalogAfterWords(Tap):
    def discover(self):
        self.raw("Discovering ...\n")
        super().discover()


class CatalogOfJunk(Tap):
    def discover(self):
        self.raw("no catalog today\n")


class CatalogOfNothing(Tap):
    def discover(self):
        pass


class CatalogOfAList(Tap):
    def discover(self):
        self.say(self.streams())


class CatalogOfNull(Tap):
    def discover(self):
        self.raw('{"streams":null}\n')


class CatalogOfNumbers(Tap):
    def discover(self):
        self.raw('{"streams":[7]}\n')


class CatalogWithoutId(Tap):
    def streams(self):
        return [{"stream": "users", "schema": SCHEMA}]


class CatalogWithSameIds(Tap):
    names = ["users", "users"]


class CatalogCutOff(Tap):
    def discover(self):
        self.raw(json.dumps({"streams": self.streams()}, indent=2)[:-30])


class CatalogAndFailure(Tap):
    def discover(self):
        super().discover()
        log("CRITICAL half of it")
        sys.exit(1)


class CatalogTooLarge(Tap):
    def streams(self):
        return super().streams() + [entry("large", schema={"type": "object", "description": "x" * 100_000_000})]


class CatalogWithoutMetadata(Tap):
    def streams(self):
        return [{"tap_stream_id": "users", "stream": "users", "schema": SCHEMA, "key_properties": ["id"], "metadata": None, "replication_method": "",
                 "replication_key": None, "is_view": None}]


class NamesOfMessagesDiffer(Tap):
    """`stream` is used in messages, `tap_stream_id` in the catalog and the state (2)."""

    def streams(self):
        return [entry("users", "Users of the World")]

    def say(self, message):
        super().say(message | {"stream": "Users of the World"} if message.get("stream") else message)


class OddNames(Tap):
    names = ["users", "Users", "USERS", "with space", "with.dot", "with/slash", "../up", "9lives", 'quo"te', "apo'strophe", "back\\slash", "emoji 🎉",
             "naïve", "nai\u0308ve",
             "a__b", "%2F", "tab\tin", "new\nline", "-", ".", "..", "null", "x" * 200, "select", "{}", "$ref", "*", "test:SpecialChars!in?attributes"]

    def record(self, n, **more):
        super().record(n, name=self.stream)

    def value(self, n):
        self.bookmarks = getattr(self, "bookmarks", {}) | {self.stream: {"n": n}}
        return {"bookmarks": self.bookmarks}


class DiscoverDies(Tap):
    def discover(self):
        self.raw('{"streams": [')
        os.kill(os.getpid(), signal.SIGKILL)


class WithoutAbout(Tap):
    """A classic tap: it does not know --about, and fails as argparse does (4)."""

    def parse(self, argv):
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("-c", "--config", required=True)
        p.add_argument("-s", "--state")
        p.add_argument("-p", "--properties")
        p.add_argument("--catalog")
        p.add_argument("-d", "--discover", action="store_true")
        flags = p.parse_args(argv)
        flags.about = False
        return flags


class AboutOfJunk(Tap):
    def about(self):
        self.raw("I am a tap\n")


class AboutOfUnsoundSchema(Tap):
    """As the SDK's is: a bare string where a schema belongs (4)."""
    settings = {"type": "object", "properties": {"password": {"type": "string", "secret": True}, "stream_maps": {"anyOf": [{"type": "object"}, "null"]},
                                                 "list": {"type": 7}}}


# ---- processes ----

class FloodsStderr(Tap):
    def between(self):
        line = b"all work and no play makes jack a dull boy\n" * 1000
        for _ in range(20_000_000 // len(line)):
            put(2, line)


class MeasuresItself(Tap):
    def between(self):
        for line in ('METRIC: {"type":"counter","metric":"record_count","value":1,"tags":{}}', "METRIC: {half", 'INFO METRIC: {"type":7}', "METRIC: ",
                     "METRIC: null"):
            log("INFO " + line)
            log(line)


class ClosesStdoutAndLives(Tap):
    def finish(self):
        os.close(1)
        wait_for_ever()


class HangsAfterRecords(Wrong):
    def wrong(self):
        wait_for_ever()


class HangsInARecord(Wrong):
    def wrong(self):
        self.raw('{"type":"RECORD","stream":"users","rec')
        wait_for_ever()


class IgnoresSigterm(Wrong):
    def wrong(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait_for_ever()


class NeverEnds(Tap):
    """Records without end, a state behind every tenth. There is nothing to wait for once some thousand are out."""

    def capture(self):
        while True:
            for _ in range(10):
                self.n += 1
                self.record(self.n)
            self.state(self.n)
            if self.n % 5000 == 0:
                ready()


class TwoStreams(Tap):
    """Their records mixed; a run that goes on from a state has news of users only."""
    names = ["users", "orders"]

    def work(self):
        if self.flags.discover:
            return self.discover()
        bookmarks = (self.files.get("state") or {}).get("bookmarks", {})
        again, streams = bool(bookmarks), self.selected()
        for self.stream in streams:
            self.schema()
        for n in (1, 2):
            for self.stream in streams if not again else ["users"]:
                self.record(n + 2 * again, name=self.stream)
                bookmarks = bookmarks | {self.stream: {"n": n + 2 * again}}
                self.say({"type": "STATE", "value": {"bookmarks": bookmarks}})


class LeavesAGrandchild(Tap):
    def finish(self):
        grandchild(False, 1000)


class DiesAndLeavesAGrandchild(Wrong):
    def wrong(self):
        grandchild(False, 1000)
        sys.exit(1)


class DiesAtOnce(Tap):
    def run(self, argv):
        log("error: no such module")
        sys.exit(3)


# ---- targets ----

class Target(Program):
    """It keeps all rows; the judge looks at them."""
    capabilities = ["about"]

    def work(self):
        self.rows, self.streams, self.newest = [], set(), None
        self.begin()
        for line in sys.stdin.buffer:
            need(line.strip(), "a blank line")
            message = json.loads(line)
            need(message.get("type") in ("SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION"), f"a message of type {message.get('type')}")
            getattr(self, "on_" + message["type"].lower())(message)
        self.commit()
        self.end()

    def on_schema(self, m):
        need(isinstance(m["stream"], str) and isinstance(m["schema"], dict) and isinstance(m["key_properties"], list), "SCHEMA without what it needs")
        need(isinstance(m["schema"].get("properties"), dict), "SCHEMA without properties")
        need(all(k in m["schema"]["properties"] for k in m["key_properties"]), "a key that is no property")
        self.streams.add(m["stream"])

    def on_record(self, m):
        need(m["stream"] in self.streams, f"RECORD of {m['stream']} before its SCHEMA")
        need(isinstance(m["record"], dict), "RECORD without a record")
        self.rows.append({"stream": m["stream"], "data": m["record"]})

    def on_state(self, m):
        need(isinstance(m["value"], dict) and m["value"], "STATE without a value")
        self.newest = m["value"]

    def on_activate_version(self, m):
        need(isinstance(m["version"], int), "ACTIVATE_VERSION without a version")

    def commit(self):
        with open(os.path.join(HERE, "stored"), "a", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in self.rows)
        self.rows = []

    def begin(self):
        pass

    def end(self):
        if self.newest is not None:
            self.say(self.newest)


class PrintsEachState(Target):
    def on_state(self, m):
        self.commit()
        self.say(m["value"])

    def end(self):
        pass


class PrintsNothing(Target):
    """Stored is everything, but who knows?"""

    def end(self):
        pass


class PrintsStateOnlyIfLast(Target):
    """As target-jsonl does (1)."""

    def on_record(self, m):
        self.newest = None
        super().on_record(m)


class PrintsPythonSpaces(Target):
    """Other spaces, other order of keys, CRLF, no newline at the end."""

    def end(self):
        self.raw(json.dumps(dict(reversed(self.newest.items())), separators=(" , ", " : ")) + "\r\n")
        self.raw(json.dumps(self.newest, indent=None))


class PrintsJunk(Target):
    def begin(self):
        self.raw(b"Loading ...\n\n\r\n{half\nnull\n7\n[]\n\"x\"\n\xff\xfe\n" + b"x" * 100_000 + b"\n")

    def end(self):
        self.begin()
        super().end()
        self.begin()


class PrintsEmptyState(Target):
    """After the real one (9: it wiped a stored state)."""

    def end(self):
        super().end()
        self.say({})


class PrintsOnlyEmptyState(Target):
    def end(self):
        self.say({})


class PrintsMessages(Target):
    """Whole STATE messages, as some once did (9)."""

    def end(self):
        self.say({"type": "STATE", "value": self.newest})


class PrintsJsonLogs(Target):
    def end(self):
        super().end()
        self.say({"level": "info", "message": "done"})


class PrintsStateOfItsOwn(Target):
    def end(self):
        self.say({"bookmarks": {"mine": 1}})


class PrintsStateBeforeReading(Target):
    """Of its own, and then it stores nothing."""

    def begin(self):
        self.say({"bookmarks": {"mine": 1}})
        sys.exit(0)


class PrintsStateAndFails(Target):
    def end(self):
        super().end()
        log("CRITICAL and then it broke")
        sys.exit(1)


class PrintsHalfAState(Target):
    def end(self):
        self.raw(json.dumps(self.newest)[:-1])


class DiesAfterHalf(Target):
    total, status = 0, 1

    def on_record(self, m):
        super().on_record(m)
        self.total += 1
        if self.total == 3:
            self.commit()
            self.die()

    def die(self):
        log("CRITICAL the disk is full")
        sys.exit(self.status)


class EndsAfterHalf(DiesAfterHalf):
    status = 0


class IsKilledAfterHalf(DiesAfterHalf):
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)


class EndsAtOnce(Target):
    def work(self):
        sys.exit(0)


class ClosesItsInput(Target):
    def work(self):
        os.close(0)
        log("CRITICAL I do not listen")
        sys.exit(1)


class ClosesItsInputAndLives(Target):
    def work(self):
        os.close(0)
        wait_for_ever()


class NeverReads(Target):
    def work(self):
        wait_for_ever()


class NeverReadsAndIgnoresSigterm(Target):
    def work(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait_for_ever()


class ReadsAndNeverEnds(Target):
    def end(self):
        super().end()
        wait_for_ever()


class TalksBeforeItReads(Target):
    """More than pipes hold, on both."""

    def begin(self):
        for _ in range(2000):
            log("INFO " + "x" * 5000)
            self.raw("x" * 5000 + "\n")


class SaysTheSecret(Target):
    def begin(self):
        log("stderr " + SECRET)
        log(json.dumps({"level": "info", "message": SECRET}))
        self.raw("stdout " + SECRET + "\n")


class LeavesAChild(Target):
    def end(self):
        super().end()
        grandchild(False, 1000)
