"""play.py airbyte BEHAVIOUR COMMAND [FLAG...] - an Airbyte source or destination that behaves badly in one way.

Every behaviour is a class below; its name on the command line is the class's with dashes. `source` and `destination` behave well, and are strict: a
platform that leaves out what it must send is an error. Written from the protocol page, airbyte.md, whose sections the comments name.

The records of the stream `users` are {"id": 1} to 5, its state counts them. What goes wrong while reading goes wrong in wrong(), after records 1 and 2
with their STATE and record 3 without one. HOSTILE_DIR names a folder for what the judge reads: `ledger` says how we were called, `stored` what a
destination has committed. HOSTILE_READY: see peer.py.
"""
import json
import os
import signal
import stat
import sys
import time

from peer import LAST, grandchild, log, put, ready, wait_for_ever

SECRET = 'hunter2"\\/é'
HERE = os.environ.get("HOSTILE_DIR", ".")
MOON = "the moon is not there"
KEYS = ["record", "state", "log", "spec", "connectionStatus", "catalog", "trace", "control", "destination_catalog"]
MODES = {"sync_mode": ["full_refresh", "incremental"], "destination_sync_mode": ["append", "overwrite", "append_dedup", "update", "soft_delete"]}
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": ["null", "string"]}}}


class Refused(Exception):
    """The platform did something wrong."""


def need(condition, complaint):
    if not condition:
        raise Refused(complaint)


def note(what):
    with open(os.path.join(HERE, "ledger"), "a", encoding="utf-8") as f:
        f.write(json.dumps(what) + "\n")


def read_file(path):
    with open(path, "rb") as f:
        return f.read()


def stream(name, **more):
    return {"name": name, "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh", "incremental"], "source_defined_cursor": True,
            "default_cursor_field": ["id"], "source_defined_primary_key": [["id"]], "is_resumable": True} | more


def trace(kind, **body):
    return {"type": "TRACE", "trace": {"type": kind, "emitted_at": time.time() * 1000} | body}


def complaint(message, **more):
    return trace("ERROR", error={"message": message} | more)


def status(name, word, **more):
    return trace("STREAM_STATUS", stream_status={"stream_descriptor": {"name": name} | more, "status": word})


class Connector:
    end_status = 0
    command = ""
    about = {"connectionSpecification": {"type": "object", "required": ["password"], "properties": {
        "password": {"type": "string", "airbyte_secret": True}, "start": {"type": "string"}}}}

    def run(self, argv):
        self.command, self.flags = argv[0] if argv else "", dict(zip(argv[1::2], argv[2::2]))
        files = {f.strip("-"): read_file(p) for f, p in self.flags.items()}
        self.files = {k: json.loads(v) for k, v in files.items()}
        note({"command": self.command, "argv": argv, "files": self.files, "text": {k: v.decode() for k, v in files.items()},
              "modes": {f.strip("-"): stat.S_IMODE(os.stat(p).st_mode) for f, p in self.flags.items()},
              "env": {k: v for k, v in os.environ.items() if "hunter2" in v}})
        try:
            self.refuse_nonsense()
            getattr(self, self.command)()
        except Refused as e:
            self.say(complaint(f"platform: {e}", failure_type="config_error"))
            sys.exit(1)
        sys.exit(self.end_status if self.command in ("read", "write") else 0)

    def refuse_nonsense(self):
        config = self.files.get("config")
        if self.command != "spec":
            need(isinstance(config, dict) and config.get("password") == SECRET, "the config is not the one of the catalog")
            log("connecting with password " + SECRET)
        for entry in self.files.get("catalog", {}).get("streams", []):
            for key, words in MODES.items():
                need(entry.get(key) in words, f"catalog: {key} is {entry.get(key)}")
            for key in ("generation_id", "minimum_generation_id", "sync_id"):
                need(isinstance(entry.get(key), int), f"catalog: {key} is {entry.get(key)}")
            need(entry["minimum_generation_id"] in (0, entry["generation_id"]), "catalog: minimum_generation_id between 0 and generation_id")
            s = entry.get("stream") or {}
            need(isinstance(s.get("name"), str) and isinstance(s.get("json_schema"), dict) and s.get("supported_sync_modes"), "catalog: no stream")
            need(entry["destination_sync_mode"] != "append_dedup" or entry.get("primary_key"), "catalog: append_dedup without primary_key")

    def raw(self, text):
        put(1, text if isinstance(text, bytes) else text.encode())

    def say(self, message):
        self.raw(json.dumps(message, ensure_ascii=False) + "\n")

    def log(self, level, message):
        self.say({"type": "LOG", "log": {"level": level, "message": message}})

    def spec(self):
        self.say({"type": "SPEC", "spec": self.about})

    def check(self):
        self.say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}})


# ---- sources ----

class Source(Connector):
    names = ["users"]

    def streams(self):
        return [stream(n) for n in self.names]

    def discover(self):
        self.say({"type": "CATALOG", "catalog": {"streams": self.streams()}})

    def read(self):
        self.log("INFO", f"reading with {SECRET}")
        for entry in self.files["catalog"]["streams"]:
            self.stream = entry["stream"]["name"]
            self.n = self.resumed_at()
            self.status("STARTED")
            self.capture()
        self.finish()

    def resumed_at(self):
        """From a state file of any shape that 2.3 allows."""
        found = 0
        for element in self.files.get("state") or []:
            need(isinstance(element, dict) and element.get("type") in ("STREAM", "GLOBAL", "LEGACY"), f"state file: element {element}")
            inner = element.get("global") or element.get("global_") or {}
            for s in [element["stream"]] if element["type"] == "STREAM" else inner.get("stream_states", []):
                if s["stream_descriptor"]["name"] == self.stream:
                    found = (s.get("stream_state") or {}).get("n", 0)
            if element["type"] == "LEGACY":
                found = element["data"].get(self.stream, {}).get("n", 0)
        return found

    def status(self, word):
        self.say(status(self.stream, word))

    def record(self, n, **more):
        self.say({"type": "RECORD", "record": {"stream": self.stream, "data": {"id": n} | more, "emitted_at": 1795237126937}})

    def state(self, n, count=1):
        self.say({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": self.stream}, "stream_state": {"n": n}},
                                             "sourceStats": {"recordCount": float(count)}}})

    def between(self):
        """Before each record."""

    def capture(self):
        while self.n < LAST:
            self.n += 1
            self.between()
            self.record(self.n)
            self.state(self.n)
        self.complete()

    def complete(self):
        self.status("COMPLETE")

    def finish(self):
        pass


class Wrong(Source):
    """The frame of all that go wrong while reading."""

    def capture(self):
        self.record(1)
        self.record(2)
        self.state(2, 2)
        self.record(3)
        self.wrong()

    def wrong(self):
        sys.exit(1)


# ---- lines that are no messages (1.3) ----

class Noisy(Source):
    """Something in front of every message, and at the end. It is a log line, or nothing, never an error."""
    noise = b""
    about_secrets = False   # that nobody knows of before there is a config

    def make_noise(self):
        if not (self.about_secrets and self.command == "spec"):
            self.raw(self.noise)

    def say(self, message):
        self.make_noise()
        super().say(message)

    def run(self, argv):
        try:
            super().run(argv)
        finally:
            self.make_noise()


class JunkLines(Noisy):
    noise = b'Downloading the model: 42 %\rTraceback (most recent call last):\n  File "x.py", line 1\n{not json}\n'


class JsonThatIsNoMessage(Noisy):
    noise = b'{"type":"DEBUG","message":"x","data":{}}\n{}\n[]\n[1,{"type":"RECORD"}]\n"RECORD"\n42\nnull\ntrue\n{"a":{"type":"STATE"}}\n'


class UnknownTypes(Noisy):
    noise = b'{"type":"FANCY","fancy":{"id":9}}\n{"type":"record","record":{"stream":"users","data":{"id":9},"emitted_at":1}}\n{"type":null}\n{"type":7}\n' \
        b'{"type":["RECORD"]}\n{"type":"ACTIVATE_VERSION","stream":"users","version":1}\n{"type":"RECORDS"}\n{"type":""}\n'


class PrettyPrintsWords(Noisy):
    noise = json.dumps({"type": "LOG", "log": {"level": "INFO", "message": "words"}}, indent=2).encode() + b"\n"


class BlankLines(Noisy):
    noise = b"\n\r\n   \n\t\n"


class BadUtf8Words(Noisy):
    noise = b"caf\xe9 \xff\xfe\x00\x01 \xed\xa0\x80\n"


class DeepWords(Noisy):
    noise = b"[" * 100_000 + b"\n"


class LongWords(Noisy):
    noise = b"x" * 1_000_000 + b"\n"


class TellsEverything(Noisy):
    """Every kind of message that a source need not send (2.4, 2.8), and the secret in all of them."""
    noise = "".join(json.dumps(m) + "\n" for m in [
        {"type": "LOG", "log": {"level": level, "message": f"{level} {SECRET}\nsecond line", "stack_trace": SECRET}} for level in
        ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "SHOUT", "", None)] + [
        {"type": "LOG", "log": None}, {"type": "LOG"}, {"type": "LOG", "log": {"message": 7}}, {"type": "LOG", "log": []},
        trace("ESTIMATE", estimate={"name": "users", "type": "STREAM", "row_estimate": 5, "byte_estimate": 1 << 70}),
        trace("ESTIMATE", estimate={"name": "users", "type": "SYNC", "row_estimate": -1}), trace("ESTIMATE", estimate=None), trace("ESTIMATE"),
        trace("ANALYTICS", analytics={"type": "users", "value": "5"}), trace("ANALYTICS", analytics=[]),
        {"type": "TRACE"}, {"type": "TRACE", "trace": None}, trace("FANCY", fancy={}), trace("STREAM_STATUS"), trace(None),
        status("users", "RUNNING"), {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": "yesterday", "stream_status": {}}},
    ]).encode()
    about_secrets = True


class LineEndsOfWindows(Source):
    def say(self, message):
        self.raw(json.dumps(message) + "\r\n")


class ByteOrderMark(Source):
    """In front of the first line of every command, which is a LOG."""

    def run(self, argv):
        self.raw(b"\xef\xbb\xbf")
        self.log("INFO", "hello")
        super().run(argv)


class WithoutLastNewline(Source):
    """The last message, a STATE, is whole but for its newline."""

    def complete(self):
        pass

    def state(self, n, count=1):
        self.raw(b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"n":%d}}}}' % n)
        self.raw("\n" if n < LAST else "")


class HalfALastLine(Source):
    def finish(self):
        self.raw('{"type":"RECORD","record":{"stream":"users","data":{"id":6')


# ---- messages in unusual dress (2) ----

class NullsEverywhere(Source):
    """As PyAirbyte prints them, the duplicate key too (4.1)."""

    def say(self, message):
        body = {k: None for k in KEYS} | message
        for key, nulls in (("record", ["namespace", "meta", "file_reference"]), ("state", ["global_", "data", "sourceStats", "destinationStats"]),
                           ("log", ["stack_trace"]), ("catalog", [])):
            if body[key]:
                body[key] = {k: None for k in nulls} | body[key]
        if body["trace"]:
            body["trace"] = {"error": None, "estimate": None, "stream_status": None, "analytics": None} | body["trace"]
        text = json.dumps(body)
        self.raw(text.replace('"global_": null,', '"global_": null, "global": null, "global_": null,') + "\n")


class TypeLast(Source):
    """Payload first, and the type in the payload too."""

    def say(self, message):
        body = dict(reversed(message.items()))
        if "record" in body:
            body["record"] = dict(reversed(body["record"].items()), type="STATE")
        self.raw(json.dumps(body) + "\n")


class EscapesInKeys(Source):
    def say(self, message):
        text = json.dumps(message)
        for word in ("type", "record", "data", "stream", "state", "users", "RECORD", "STATE", "stream_descriptor", "COMPLETE"):
            text = text.replace(f'"{word}"', '"' + "".join(f"\\u{ord(c):04x}" for c in word) + '"')
        self.raw(text + "\n")


class SpacesEverywhere(Source):
    def say(self, message):
        self.raw(" \t" + json.dumps(message, separators=(" \t, ", "\r : ")).replace("{", "{ ").replace("}", "\t}") + " \t\n")


class UnknownKeys(Source):
    def say(self, message):
        body = {"a": {"record": {"data": {"id": 77}}}, "id": 1, "partition_id": "p"} | message | {"zz": [[[]]], "type2": "LOG"}
        for key in ("record", "state", "trace", "spec", "catalog", "connectionStatus"):
            if key in body:
                body[key] = {"unknown": {"data": [1], "stream": None}} | body[key] | {"": "", "partition_id": "p", "id": 7}
        self.raw(json.dumps(body) + "\n")


class RecordsWithMeta(Source):
    def record(self, n, **more):
        self.say({"type": "RECORD", "record": {"stream": "users", "data": {"id": n, "_meta": {"mine": 1}}, "emitted_at": 1, "namespace": None,
                                               "meta": {"changes": [{"field": "x", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}]},
                                               "file_reference": None}})


class LargeRecords(Source):
    def record(self, n, **more):
        super().record(n, text="x" * 10_000_000)


class NumbersOfManyDigits(Source):
    def record(self, n, **more):
        self.raw('{"type":"RECORD","record":{"stream":"users","data":{"id":%d,"big":123456789012345678901234567890,"dec":1.10,"exp":1E400,"neg":-0.0},'
                 '"emitted_at":1}}\n' % n)


class DuplicateKeysInData(Source):
    def record(self, n, **more):
        self.raw('{"type":"RECORD","record":{"stream":"users","data":{"id":%d,"name":"a","name":"b"},"emitted_at":1}}\n' % n)


# ---- records that are wrong (2.2): record 4, of a source that says that it read 5 ----

class WrongRecord(Source):
    body = None   # a record's bytes without the newline; %s: what a good one has

    def record(self, n, **more):
        if n == 4:
            self.raw(self.body + b"\n")
        else:
            super().record(n)


def record(data=b'{"id":4}', stream=b'"users"', emitted=b"1", more=b""):
    return b'{"type":"RECORD","record":{"stream":%s,"data":%s,"emitted_at":%s%s}}' % (stream, data, emitted, more)


class RecordOfUnknownStream(WrongRecord):
    body = record(stream=b'"nope"')


class RecordOfAnotherNamespace(WrongRecord):
    body = record(more=b',"namespace":"elsewhere"')


class RecordWithoutStream(WrongRecord):
    body = b'{"type":"RECORD","record":{"data":{"id":4},"emitted_at":1}}'


class RecordOfANumber(WrongRecord):
    body = record(stream=b"7")


class RecordWithoutData(WrongRecord):
    body = b'{"type":"RECORD","record":{"stream":"users","emitted_at":1}}'


class RecordOfAList(WrongRecord):
    body = record(b'[{"id":4}]')


class RecordOfNull(WrongRecord):
    body = record(b"null")


class RecordOfText(WrongRecord):
    body = record(b'"{\\"id\\":4}"')


class RecordThatIsAList(WrongRecord):
    body = b'{"type":"RECORD","record":[{"stream":"users","data":{"id":4},"emitted_at":1}]}'


class RecordThatIsNull(WrongRecord):
    body = b'{"type":"RECORD","record":null}'


class RecordWithoutTime(WrongRecord):
    body = b'{"type":"RECORD","record":{"stream":"users","data":{"id":4}}}'


class RecordWithHalfATime(WrongRecord):
    body = record(emitted=b"1795237126937.5")


class RecordWithTextAsTime(WrongRecord):
    body = record(emitted=b'"2026-01-01T00:00:00Z"')


class RecordWithHugeTime(WrongRecord):
    body = record(emitted=b"-99999999999999999999999999")


class RecordInTwoLines(WrongRecord):
    body = b'{"type":"RECORD","record":{"stream":"users",\n"data":{"id":4},"emitted_at":1}}'


class TwoRecordsInALine(WrongRecord):
    body = record() + record(b'{"id":4,"again":true}')


class RecordAndWords(WrongRecord):
    body = record() + b" # done"


class RecordWithNan(WrongRecord):
    body = record(b'{"id":4,"x":NaN,"y":-Infinity}')


class RecordOfBadUtf8(WrongRecord):
    body = record(b'{"id":4,"name":"\xff\xc3("}')


class RecordWithALoneSurrogate(WrongRecord):
    body = record(b'{"id":4,"name":"\\ud800"}')


class RecordWithControlBytes(WrongRecord):
    body = record(b'{"id":4,"name":"a\x00b\x1b[31m"}')


class RecordInLatin1(WrongRecord):
    body = record(b'{"id":4,"name":"caf\xe9"}')


class RecordInPython(WrongRecord):
    body = b"{'type': 'RECORD', 'record': {'stream': 'users', 'data': {'id': 4}, 'emitted_at': 1}}"


class RecordWithTrailingComma(WrongRecord):
    body = record(b'{"id":4,}')


class RecordNestedDeeply(WrongRecord):
    body = record(b'{"id":4,"x":' + b"[" * 5000 + b"]" * 5000 + b"}")


class RecordWithKeyOfNull(WrongRecord):
    body = record(b'{"id":null}')


class RecordWithTwoTypes(WrongRecord):
    body = b'{"type":"LOG","type":"RECORD","log":{"level":"INFO","message":"x"},"record":{"stream":"users","data":{"id":4},"emitted_at":1}}'


class RecordTooLong(WrongRecord):
    @property
    def body(self):
        return record(b'{"id":4,"x":"' + b"x" * (70 << 20) + b'"}')


# ---- counts that are wrong (2.3) ----

class CountsTooMany(Source):
    def state(self, n, count=1):
        super().state(n, 1000)


class CountsTooFew(Source):
    def state(self, n, count=1):
        super().state(n, 0)


class CountsNonsense(Source):
    def state(self, n, count=1):
        stats = ['{"recordCount":-1}', '{"recordCount":1e999}', '{"recordCount":"1"}', '[]', '{"recordCount":null,"rejectedRecordCount":3}'][n - 1]
        self.raw('{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"n":%d}},'
                 '"sourceStats":%s}}\n' % (n, stats))


class CountsInIntegers(Source):
    def state(self, n, count=1):
        self.raw('{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"n":%d}},'
                 '"sourceStats":{"recordCount":1}}}\n' % n)


# ---- states (2.3) ----

class Stated(Source):
    """With states of another shape. text: of the inner object, %d the count."""
    text = ""

    def state(self, n, count=1):
        self.raw('{"type":"STATE","state":%s}\n' % (self.text % n))


class StateGlobal(Stated):
    text = '{"type":"GLOBAL","global":{"shared_state":{"lsn":%d,"big":123456789012345678901234567890},' \
        '"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"n":%d}}]}}'

    def state(self, n, count=1):
        self.raw('{"type":"STATE","state":%s}\n' % (self.text % (n, n)))


class StateGlobalWithUnderscore(StateGlobal):
    text = StateGlobal.text.replace('"global"', '"global_"')


class StateGlobalTwice(StateGlobal):
    text = '{"global_":null,' + StateGlobal.text[1:-1] + ',"stream":null,"data":null,"global_":null}'


class StateGlobalWithoutShared(StateGlobal):
    text = '{"type":"GLOBAL","global":{"shared_state":null,' \
        '"stream_states":[{"stream_descriptor":{"name":"users","namespace":null},"stream_state":{"n":%d,"m":%d}}]}}'


class StateLegacy(Stated):
    text = '{"type":"LEGACY","data":{"users":{"n":%d}}}'


class StateLegacyWithoutType(Stated):
    text = '{"data":{"users":{"n":%d}}}'


class StateOfStreamWithoutType(Stated):
    text = '{"stream":{"stream_descriptor":{"name":"users"},"stream_state":{"n":%d}}}'


class StateOfStreamAndLegacy(Stated):
    text = '{"type":"STREAM","data":{"users":{"n":77}},"stream":{"stream_descriptor":{"name":"users"},"stream_state":{"n":%d}}}'


class StateGlobalWithoutType(StateGlobal):
    text = StateGlobal.text.replace('"type":"GLOBAL",', "")


class StateWithOddKeys(Stated):
    text = '{"id":%d,"partition_id":"p","type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":null,"x":1},' \
        '"stream_state":{"n":N,"":{"/a~b":"é"},"n.m":1.10,"type":"GLOBAL","stream_descriptor":7}},"destinationStats":null}'

    def state(self, n, count=1):
        self.raw('{"type":"STATE","state":%s}\n' % (self.text % n).replace("N", str(n)))


class StateThatIsLarge(Source):
    def state(self, n, count=1):
        self.say({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "users"},
                                                                          "stream_state": {"n": n, "much": "x" * (20_000_000 if n == LAST else 1)}}}})


class StateThatForgets(Source):
    """A null stream_state resets the stream (2.3): the next run begins anew."""

    def complete(self):
        self.raw('{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":null}}}\n')
        super().complete()


class StateOfUnknownStream(Source):
    def complete(self):
        self.raw('{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"nope"},"stream_state":{"n":99}}}}\n')
        super().complete()


class StateOfWrongShape(Source):
    """Without records there is nothing to lose, and a state that cannot be read leads to reading again."""
    texts = ['{}', 'null', '[]', '7', '"n"', '{"type":"STREAM"}', '{"type":"STREAM","stream":null}', '{"type":"STREAM","stream":{}}',
             '{"type":"STREAM","stream":{"stream_descriptor":null,"stream_state":{"n":9}}}', '{"type":"STREAM","stream":{"stream_descriptor":{"name":7}}}',
             '{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":[9]}}',
             '{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":9}}', '{"type":"GLOBAL"}', '{"type":"GLOBAL","global":[]}',
             '{"type":"GLOBAL","global":{"stream_states":null}}', '{"type":"GLOBAL","global":{"stream_states":[7,null,{}]}}', '{"type":"LEGACY"}',
             '{"type":"LEGACY","data":[1]}', '{"type":"SHARED","shared":{}}',
             '{"type":"stream","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"n":9}}}']
    which = None

    def capture(self):
        for n in (1, 2):
            self.record(n)
        self.state(2, 2)
        self.record(3)
        self.raw('{"type":"STATE","state":%s}\n' % self.texts[int(self.which)])
        sys.exit(1)


class StreamAndGlobalMixed(Source):
    def complete(self):
        self.raw('{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{},'
                 '"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"n":5}}]}}}\n')
        super().complete()


class StateWithoutRecords(Source):
    """An empty stream."""

    def capture(self):
        self.n = LAST
        self.state(LAST, 0)
        self.complete()


class WithoutStates(Source):
    def state(self, n, count=1):
        pass


class WithoutLastState(Source):
    """Records after the last STATE, and an end in peace."""

    def state(self, n, count=1):
        if n == 2:
            super().state(2, 2)


# ---- status (3.2) ----

class WithoutStatus(Source):
    def status(self, word):
        pass


class CompleteTwice(Source):
    def complete(self):
        super().complete()
        super().complete()


class CompleteFirst(Source):
    def capture(self):
        self.complete()
        super().capture()


class StatusOfUnknownStream(Source):
    def complete(self):
        super().complete()
        self.say(status("nope", "COMPLETE"))
        self.say(status("users", "COMPLETE", namespace="elsewhere"))


class StatusUnheardOf(Source):
    def complete(self):
        for word in ("FINISHED", "", None, 7):
            self.say(status("users", word))
        super().complete()


class IncompleteAndExit0(Wrong):
    def wrong(self):
        self.status("INCOMPLETE")
        sys.exit(0)


class CompleteAndExit1(Source):
    end_status = 1


class CompleteAndIncomplete(Source):
    def complete(self):
        super().complete()
        self.status("INCOMPLETE")


# ---- errors (2.8, 1.3) ----

class ErrorAndExit0(Wrong):
    type = "system_error"
    exit = 0

    def wrong(self):
        self.status("INCOMPLETE")
        self.say(complaint(f"{MOON}, {SECRET}", internal_message=f"404 {SECRET}", stack_trace=SECRET, failure_type=self.type,
                           stream_descriptor={"name": "users"}))
        sys.exit(self.exit)


class ErrorAndExit1(ErrorAndExit0):
    exit = 1


class ErrorOfConfig(ErrorAndExit0):
    type, exit = "config_error", 1


class ErrorThatPasses(ErrorAndExit0):
    type, exit = "transient_error", 1


class ErrorOfAnotherKind(ErrorAndExit0):
    type, exit = "lunar_error", 1


class ErrorThenSuccess(Source):
    """Everything was sent, and still it says that it failed (1.3: result, then TRACE ERROR, then exit status)."""

    def complete(self):
        super().complete()
        self.say(complaint(MOON))


class ErrorWithoutWords(Wrong):
    def wrong(self):
        self.raw('{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1}}\n{"type":"TRACE","trace":{"type":"ERROR","error":{}}}\n')
        sys.exit(1)


class ErrorThatIsLong(Wrong):
    def wrong(self):
        self.say(complaint(f"{MOON} " * 5000, stack_trace="y" * 1_000_000))
        sys.exit(1)


class Exit1WithoutWords(Wrong):
    pass


class Exit1WithWords(Wrong):
    def wrong(self):
        log("error: " + MOON)
        sys.exit(1)


class Exit1WithLogFatal(Wrong):
    def wrong(self):
        self.log("FATAL", MOON)
        sys.exit(1)


class KilledInARecord(Wrong):
    def wrong(self):
        self.raw('{"type":"RECORD","record":{"stream":"users","da')
        os.kill(os.getpid(), signal.SIGKILL)


class TerminatedInARecord(Wrong):
    def wrong(self):
        self.raw('{"type":"RECORD","record":{"stream":"users","da')
        os.kill(os.getpid(), signal.SIGTERM)


class OnlyGarbage(Source):
    def read(self):
        self.raw(b"\x1f\x8b\x08\x00garbage\n" * 100)


class NothingAtAll(Source):
    def read(self):
        pass


# ---- control (2.9) ----

class ChangesItsConfig(Source):
    new = {"password": SECRET, "start": "later", "token": "hunter2-rotated"}

    def complete(self):
        super().complete()
        self.say({"type": "CONTROL", "control": {"type": "CONNECTOR_CONFIG", "emitted_at": 1.5, "connectorConfig": {"config": self.new}}})


class ChangesSettingsInTheCatalog(ChangesItsConfig):
    """Which nobody rewrites: that the new ones are lost must be said."""


class ControlsNonsense(Noisy):
    noise = b'{"type":"CONTROL"}\n{"type":"CONTROL","control":null}\n{"type":"CONTROL","control":{"type":"FANCY","emitted_at":1}}\n' \
        b'{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1,"connectorConfig":{"config":[1]}}}\n' \
        b'{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1,"connectorConfig":null}}\n'


# ---- results ----

class WithoutSpec(Source):
    def spec(self):
        self.log("INFO", "no spec today")


class SpecTwice(Source):
    def spec(self):
        super().spec()
        self.say({"type": "SPEC", "spec": {"connectionSpecification": {"type": "object", "properties": {"other": {}}}}})


class SpecOfNothing(Source):
    about = {}


class SpecOfText(Source):
    about = {"connectionSpecification": "an object"}


class SpecAndExit1(Source):
    def spec(self):
        super().spec()
        sys.exit(1)


class CheckFails(Source):
    def check(self):
        self.say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "FAILED", "message": f"the password {SECRET} is wrong"}})


class CheckFailsWithoutWords(Source):
    def check(self):
        self.say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "FAILED"}})


class CheckSaysMaybe(Source):
    def check(self):
        self.say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "MAYBE"}})


class CheckWithoutStatus(Source):
    def check(self):
        self.log("INFO", "fine, I think")


class CheckTwice(Source):
    """The first counts (1.3)."""

    def check(self):
        super().check()
        self.say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "FAILED", "message": "too late"}})


class CheckThrows(Source):
    def check(self):
        self.say(complaint(MOON, failure_type="system_error"))
        sys.exit(1)


class WithoutCatalog(Source):
    def discover(self):
        self.log("INFO", "nothing found")


class CatalogTwice(Source):
    def discover(self):
        super().discover()
        self.say({"type": "CATALOG", "catalog": {"streams": [stream("others")]}})


class CatalogOfNull(Source):
    def discover(self):
        self.raw('{"type":"CATALOG","catalog":null}\n')


class CatalogOfNonsense(Source):
    def discover(self):
        self.raw('{"type":"CATALOG","catalog":{"streams":[7]}}\n')


class CatalogWithoutName(Source):
    def streams(self):
        return [stream(None)]


class CatalogWithSameNames(Source):
    names = ["users", "users"]


class CatalogAndError(Source):
    def discover(self):
        super().discover()
        self.say(complaint("half of it", failure_type="transient_error"))
        sys.exit(1)


class CatalogTooLarge(Source):
    def streams(self):
        return super().streams() + [stream("large", json_schema={"type": "object", "description": "x" * 100_000_000})]


class CatalogAmongMuch(Source):
    def discover(self):
        for _ in range(100):
            self.raw(b"y" * 1_000_000 + b"\n")
        super().discover()


class DiscoverDies(Source):
    def discover(self):
        self.raw('{"type":"CATALOG","catalog":{"str')
        os.kill(os.getpid(), signal.SIGKILL)


class CatalogWithNulls(Source):
    def streams(self):
        return [{"name": "users", "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh"], "source_defined_cursor": None, "default_cursor_field": None,
                 "source_defined_primary_key": None, "namespace": None, "is_resumable": None, "is_file_based": None}]


class OddNames(Source):
    names = ["users", "Users", "USERS", "with space", "with.dot", "with/slash", "../up", "9lives", 'quo"te', "apo'strophe", "back\\slash", "emoji 🎉",
             "naïve", "nai\u0308ve",
             "a__b", "%2F", "tab\tin", "new\nline", "-", ".", "..", "null", "x" * 200, "select", "{}", "$ref", "*"]

    def record(self, n, **more):
        super().record(n, stream=self.stream)


class EmptyName(Source):
    """Any UTF-8, even empty (2.7)."""
    names = ["users", ""]


class TwoNamespaces(Source):
    """The same name in two of them."""
    spaces = ["a", "b"]

    def streams(self):
        return [stream("users", namespace=s) for s in self.spaces] + [stream("users")]

    def read(self):
        for entry in self.files["catalog"]["streams"]:
            space = entry["stream"].get("namespace")
            for n in range(1, LAST + 1):
                self.say({"type": "RECORD", "record": {"stream": "users", "namespace": space, "data": {"id": n, "stream": str(space)}, "emitted_at": 1}})
            self.say({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "users", "namespace": space},
                                                                              "stream_state": {"n": LAST}}}})


class ColumnsByTheThousand(Source):
    def streams(self):
        return [stream("users", json_schema={"type": "object", "properties": {"id": {"type": "integer"}} | {
            f"column {i}": {"type": ["null", "string"]} for i in range(5000)}})]

    def record(self, n, **more):
        super().record(n, **{f"column {i}": str(i) for i in range(5000)})


# ---- processes ----

class FloodsStderr(Source):
    def between(self):
        line = b"all work and no play makes jack a dull boy\n" * 1000
        for _ in range(20_000_000 // len(line)):
            put(2, line)


class ClosesStdoutAndLives(Source):
    def finish(self):
        os.close(1)
        wait_for_ever()


class HangsAfterTheEnd(Wrong):
    def wrong(self):
        wait_for_ever()


class HangsInARecord(Wrong):
    def wrong(self):
        self.raw('{"type":"RECORD","record":{"stream":"users","da')
        wait_for_ever()


class IgnoresSigterm(Wrong):
    def wrong(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait_for_ever()


class NeverEnds(Source):
    """Records without end, a state behind every tenth. There is nothing to wait for once some thousand are out."""

    def capture(self):
        while True:
            for _ in range(10):
                self.n += 1
                self.record(self.n)
            self.state(self.n, 10)
            if self.n % 5000 == 0:
                ready()


class TwoStreams(Source):
    """Their records mixed; a run that goes on from a state has news of users only, and keeps quiet about orders."""
    names = ["users", "orders"]

    def read(self):
        streams = [e["stream"]["name"] for e in self.files["catalog"]["streams"]]
        again = bool(self.files.get("state"))
        for self.stream in streams:
            self.status("STARTED")
        for n in (1, 2):
            for self.stream in streams if not again else ["users"]:
                self.record(n + 2 * again, stream=self.stream)
                self.state(n + 2 * again)
        for self.stream in streams:
            self.complete()


class OneOfTwoFails(Source):
    """As the Python kit has it: the others are read, and in the end the failure is said once more (3.2)."""
    names = ["orders", "users"]
    end_status = 1

    def capture(self):
        if self.stream == "users":
            return super().capture()
        self.record(1, stream="orders")
        self.status("INCOMPLETE")
        self.say(complaint(MOON, failure_type="system_error", stream_descriptor={"name": "orders"}))

    def finish(self):
        self.say(complaint(f"During the sync, the following streams did not sync successfully: orders: {MOON}", failure_type="system_error"))


class LeavesAGrandchild(Source):
    """It holds all pipes of its parent."""

    def finish(self):
        grandchild(False, 1000)


class DiesAndLeavesAGrandchild(Wrong):
    def wrong(self):
        grandchild(False, 1000)
        sys.exit(1)


class DiesAtOnce(Source):
    def run(self, argv):
        log("error: no such module")
        sys.exit(3)


# ---- destinations ----

class Destination(Connector):
    """Keyed or not, it keeps all rows; the judge looks at them. What it gets is looked at as strictly as any destination known does (3.2, 3.4)."""
    about = Connector.about | {"supported_destination_sync_modes": ["append", "overwrite", "append_dedup"]}

    def write(self):
        self.rows, self.counts, self.ended = [], {}, []
        self.streams = {(e["stream"]["name"], e["stream"].get("namespace")) for e in self.files["catalog"]["streams"]}
        self.begin()
        for line in sys.stdin.buffer:
            need(line.endswith(b"\n"), "the last line has no newline")
            self.take(json.loads(line))
        need(sorted(self.ended, key=str) == sorted(self.streams, key=str), f"terminal statuses for {self.ended}, streams are {self.streams}")
        self.commit()
        self.end()

    def take(self, message):
        kind = message.get("type")
        need(kind in ("RECORD", "STATE", "TRACE"), f"a message of type {kind} is for no destination")
        body = message[kind.lower()]
        getattr(self, "on_" + kind.lower())(body, message)

    def on_record(self, body, _):
        name = self.known(body)
        need(isinstance(body["data"], dict) and isinstance(body["emitted_at"], int), "a record without data or time")
        need(name not in self.ended, "a record after the stream's terminal status")
        self.rows.append({"stream": name[0], "data": body["data"]})
        self.counts[name] = self.counts.get(name, 0) + 1

    def on_trace(self, body, _):
        need(body["type"] == "STREAM_STATUS", f"a trace of type {body['type']} is for no destination")
        if body["stream_status"]["status"] in ("COMPLETE", "INCOMPLETE"):
            self.ended.append(self.known(dict(body["stream_status"]["stream_descriptor"], stream=body["stream_status"]["stream_descriptor"]["name"])))

    def known(self, body):
        name = (body["stream"], body.get("namespace"))
        need(name in self.streams, f"stream {name} is not in the catalog")
        return name

    def on_state(self, body, message):
        need(body.get("type") in ("STREAM", "GLOBAL"), "a state without type")
        if body["type"] == "STREAM":
            d = body["stream"]["stream_descriptor"]
            count = self.counts.pop(self.known(dict(d, stream=d["name"])), 0)
        else:
            count, self.counts = sum(self.counts.values()), {}
        if "sourceStats" in body:
            need(body["sourceStats"]["recordCount"] == count, f"sourceStats says {body['sourceStats']}, counted {count}")
        self.commit()
        body["destinationStats"] = {"recordCount": float(count)}
        self.echo(message)

    def commit(self):
        with open(os.path.join(HERE, "stored"), "a", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in self.rows)
        self.rows = []

    def begin(self):
        pass

    def echo(self, message):
        self.say(message)

    def end(self):
        pass


class EchoesNothing(Destination):
    def echo(self, message):
        pass


class Hoards(Destination):
    """Echoes at the end."""

    def begin(self):
        self.kept = []

    def echo(self, message):
        self.kept.append(message)

    def end(self):
        for message in self.order():
            self.say(message)

    def order(self):
        return self.kept


class EchoesBackwards(Hoards):
    def order(self):
        return self.kept[::-1]


class EchoesOnlyTheFirst(Hoards):
    def order(self):
        return self.kept[:1]


class EchoesTwice(Destination):
    def echo(self, message):
        self.say(message)
        self.say(message)


class EchoesSomethingElse(Destination):
    """States that nobody sent: an opaque value is changed (3.1)."""

    def echo(self, message):
        text = json.dumps(message)
        body = message["state"]
        inner = body["stream"] if body["type"] == "STREAM" else body["global"]
        inner["stream_state" if body["type"] == "STREAM" else "shared_state"] = {"mine": 1}
        need(json.dumps(message) != text, "nothing changed")
        self.say(message)


class EchoesAnotherStream(Destination):
    def echo(self, message):
        self.raw('{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"nope"},"stream_state":{}},'
                 '"destinationStats":{"recordCount":5.0}}}\n')


class EchoesNonsense(Destination):
    def echo(self, message):
        self.raw('{"type":"STATE"}\n{"type":"STATE","state":null}\n{"type":"STATE","state":{}}\n{"type":"STATE","state":[7]}\n')


class EchoesBeforeReading(Destination):
    def begin(self):
        self.raw('{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"docs"},"stream_state":{"mine":1}}}}\n')


class EchoesLess(Destination):
    """By its own count a record is missing (3.1)."""

    def echo(self, message):
        message["state"]["destinationStats"]["recordCount"] -= 1
        self.say(message)


class EchoesWithoutStats(Destination):
    """As old destinations do."""

    def echo(self, message):
        del message["state"]["destinationStats"]
        self.say(message)


class EchoesAsPythonDoes(Destination):
    """As the Python kits do: null siblings, other order of keys, other spaces, global_ for global, unknown keys lost (3.1, 4.2)."""

    def echo(self, message):
        body = {k: None for k in KEYS} | message
        state = {k: v for k, v in reversed(message["state"].items()) if k in ("type", "stream", "global", "data", "sourceStats", "destinationStats")}
        body["state"] = {"stream": None, "data": None, "global_": None} | {"global_" if k == "global" else k: v for k, v in state.items()}
        self.raw(json.dumps(body, indent=None, separators=(" , ", " : ")) + "\r\n")


class EchoesWithoutNewline(Hoards):
    def end(self):
        self.raw("\n".join(json.dumps(m) for m in self.kept))


class EchoesHalf(Hoards):
    def end(self):
        self.raw("\n".join(json.dumps(m) for m in self.kept)[:-20])


class EchoesAmongNoise(Destination):
    def echo(self, message):
        self.raw(JunkLines.noise + JsonThatIsNoMessage.noise + UnknownTypes.noise + BlankLines.noise + BadUtf8Words.noise)
        self.say(message)


class TalksBeforeItReads(Destination):
    """More than pipes hold (7: a pipe deadlock)."""

    def begin(self):
        for _ in range(2000):
            self.log("INFO", "x" * 5000)


class SaysTheSecret(Destination):
    def begin(self):
        self.raw(TellsEverything.noise)
        log("stderr " + SECRET)


class DiesAfterHalf(Destination):
    status, total = 1, 0

    def on_record(self, body, message):
        super().on_record(body, message)
        self.total += 1
        if self.total == 3:
            self.commit()
            self.die()

    def die(self):
        log("error: the disk is full")
        sys.exit(self.status)


class IsKilledAfterHalf(DiesAfterHalf):
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)


class EndsAfterHalf(DiesAfterHalf):
    """With status 0, as if that were all."""
    status = 0


class SaysErrorAfterHalf(DiesAfterHalf):
    def die(self):
        self.say(complaint("the disk is full", failure_type="transient_error"))
        sys.exit(0)


class SaysErrorAtTheEnd(Destination):
    def end(self):
        self.say(complaint("the disk is full", failure_type="config_error"))


class FailsAtTheEnd(Destination):
    def end(self):
        sys.exit(1)


class EndsAtOnce(Destination):
    def write(self):
        sys.exit(0)


class ClosesItsInput(Destination):
    def write(self):
        os.close(0)
        log("error: I do not listen")
        sys.exit(1)


class ClosesItsInputAndLives(Destination):
    def write(self):
        os.close(0)
        wait_for_ever()


class NeverReads(Destination):
    def write(self):
        wait_for_ever()


class NeverReadsAndIgnoresSigterm(Destination):
    def write(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait_for_ever()


class ReadsAndNeverEnds(Destination):
    def end(self):
        wait_for_ever()


class ClosesItsOutputAndNeverEnds(Destination):
    def end(self):
        os.close(1)
        wait_for_ever()


class LeavesAChild(Destination):
    def end(self):
        grandchild(False, 1000)


class DestinationCheckFails(Destination):
    check = CheckFails.check


class DestinationWithoutStatus(Destination):
    check = CheckWithoutStatus.check


class DestinationWithoutSpec(Destination):
    spec = WithoutSpec.spec
