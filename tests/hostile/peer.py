#!/usr/bin/env python3
"""peer.py BEHAVIOUR - a Flow capture (JSON codec) that behaves badly in one way; "good" behaves well.

Every behaviour is a class below; its name on the command line is the class's with dashes. Documents are {"id": 1}, {"id": 2} ... to 5; the state counts
them. A behaviour that goes wrong while capturing does so in wrong(), after documents 1 and 2 with their checkpoint and document 3 without one.
Where the environment names a HOSTILE_READY, that file is made when there is nothing left to do but to wait.
"""
import json
import os
import signal
import sys
import time

SPEC = {"protocol": 3032023, "configSchema": {"type": "object"}, "resourceConfigSchema": {"type": "object"}, "documentationUrl": "https://hostile.example",
        "resourcePathPointers": ["/stream"]}
LAST = 5


def put(fd, data):
    while data:
        data = data[os.write(fd, data):]


def log(text):
    put(2, text.encode() + b"\n")


def ready():
    if os.environ.get("HOSTILE_READY"):
        open(os.environ["HOSTILE_READY"], "w").close()


def wait_for_ever():
    ready()
    while True:
        time.sleep(1000)


class Good:
    acks = False

    def run(self):
        self.input = os.fdopen(0, "rb")
        while line := self.input.readline():
            request = json.loads(line)
            kind = next(k for k, v in request.items() if v is not None)
            getattr(self, kind)(request[kind])
        self.end()

    def end(self):
        sys.exit(0)

    def say(self, message):
        put(1, json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def spec(self, _):
        self.say({"spec": SPEC})

    def discover(self, _):
        self.say({"discovered": {"bindings": []}})

    def validate(self, body):
        self.say({"validated": {"bindings": [{"resourcePath": [b["resourceConfig"]["stream"]]} for b in body["bindings"]]}})

    def apply(self, _):
        self.say({"applied": {"actionDescription": ""}})

    def document(self, n):
        self.say({"captured": {"binding": 0, "doc": {"id": n}}})

    def checkpoint(self, n):
        self.say({"checkpoint": {"state": {"updated": {"n": n}, "mergePatch": True}}})

    def open(self, body):
        self.n = (body.get("state") or {}).get("n", 0)
        self.opened()
        self.capture()
        self.end()

    def opened(self):
        self.say({"opened": {"explicitAcknowledgements": self.acks}})

    def capture(self):
        while self.n < LAST:
            self.n += 1
            self.document(self.n)
            self.checkpoint(self.n)


class Wrong(Good):
    """The frame of all that go wrong while capturing."""

    def capture(self):
        for n in (1, 2):
            self.document(n)
        self.checkpoint(2)
        self.document(3)
        self.wrong()

    def raw(self, text):
        put(1, text if isinstance(text, bytes) else text.encode())


# ---- before it says anything useful ----

class DiesAtOnce(Good):
    def run(self):
        sys.exit(3)


class DiesWithWords(Good):
    def run(self):
        log("looking for the moon")
        log("error: the moon is not there")
        log("good bye")
        sys.exit(1)


class KilledAtOnce(Good):
    def run(self):
        os.kill(os.getpid(), signal.SIGKILL)


class AnswersNothing(Good):
    def spec(self, _):
        sys.exit(0)


class GreetsOnStdout(Good):
    def run(self):
        put(1, b"Hello, I am a connector\n")
        super().run()


class Echoes(Good):
    def run(self):
        self.input = os.fdopen(0, "rb")
        put(1, self.input.readline())


class SpecOfAnotherProtocol(Good):
    def spec(self, _):
        self.say({"spec": dict(SPEC, protocol=3032022)})


class SpecWithoutConfigSchema(Good):
    def spec(self, _):
        self.say({"spec": dict(SPEC, configSchema=None)})


class SpecWithoutResourceSchema(Good):
    def spec(self, _):
        self.say({"spec": {k: v for k, v in SPEC.items() if k != "resourceConfigSchema"}})


class SpecWithoutDocumentation(Good):
    def spec(self, _):
        self.say({"spec": dict(SPEC, documentationUrl="")})


class SpecTwice(Good):
    def spec(self, _):
        self.say({"spec": SPEC})
        self.say({"spec": SPEC})


class SpecIsOpened(Good):
    def spec(self, _):
        self.say({"opened": {}})


class NeverAnswers(Good):
    def spec(self, _):
        wait_for_ever()


class NeverExitsOutputOpen(Good):
    def end(self):
        wait_for_ever()


class NeverExitsOutputClosed(Good):
    def end(self):
        os.close(1)
        wait_for_ever()


class ClosesItsInput(Good):
    def run(self):
        os.close(0)
        log("error: I do not listen")
        sys.exit(7)


# ---- validate and apply ----

class ValidatesFewer(Good):
    def validate(self, _):
        self.say({"validated": {}})


class ValidatesMore(Good):
    def validate(self, _):
        self.say({"validated": {"bindings": [{"resourcePath": ["a"]}, {"resourcePath": ["b"]}]}})


class ValidatesWithoutPath(Good):
    def validate(self, _):
        self.say({"validated": {"bindings": [{}]}})


class ValidatesNumberAsPath(Good):
    def validate(self, _):
        self.say({"validated": {"bindings": [{"resourcePath": [1]}]}})


class ValidatesTwice(Good):
    def validate(self, body):
        super().validate(body)
        super().validate(body)


class ValidationFails(Good):
    def validate(self, _):
        log('{"level":"INFO","msg":"connecting","fields":{"host":"moon"}}')
        log('{"level":"ERROR","msg":"password is wrong","fields":{"source":"x"}}')
        sys.exit(1)


class ValidationFailsOurWay(Good):
    def validate(self, _):
        log('{"ts":"2024-01-01T00:00:00Z","level":"error","message":"no such table","fields":{"code":"config","who":"the operator"}}')
        sys.exit(2)


class ValidationTransientOurWay(Good):
    def validate(self, _):
        log('{"level":"error","message":"the table is locked","fields":{"code":"transient"}}')
        sys.exit(3)


class AppliesHalf(Good):
    def apply(self, _):
        put(1, b'{"applied":')
        sys.exit(0)


class AppliesAfterSomeWords(Good):
    """A plain word that warns is no failure."""

    def apply(self, body):
        log("something failed, but we go on")
        super().apply(body)


# ---- while capturing: messages ----

class CapturesBeforeOpened(Good):
    def opened(self):
        self.document(1)


class OpensTwice(Wrong):
    def wrong(self):
        self.opened()


class WritesRubbish(Wrong):
    def wrong(self):
        self.raw("Traceback (most recent call last):\n")
        wait_for_ever()


class WritesAnEmptyLine(Wrong):
    def wrong(self):
        self.raw("\n")


class WritesBadUtf8(Wrong):
    def wrong(self):
        self.raw(b'{"captured":{"binding":0,"doc":{"id":4,"text":"\xc3("}}}\n')


class WritesAnUnknownKey(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":{"id":4},"key":[4]}}\n')


class WritesAnUnknownKind(Wrong):
    def wrong(self):
        self.raw('{"published":{"doc":{"id":4}}}\n')


class WritesTwoKinds(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":{"id":4}},"checkpoint":{"state":{"updated":{"n":4}}}}\n')


class WritesAnotherBinding(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":7,"doc":{"id":4}}}\n')


class WritesSchemaOfAnotherBinding(Wrong):
    def wrong(self):
        self.raw('{"sourcedSchema":{"binding":1,"documentSchema":{"type":"object"}}}\n')


class WritesNegativeBinding(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":-1,"doc":{"id":4}}}\n')


class WritesAListAsDocument(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":[4]}}\n')


class WritesNoDocument(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0}}\n')


class WritesANumberAsState(Wrong):
    def wrong(self):
        self.raw('{"checkpoint":{"state":{"updated":4}}}\n')


class WritesDeepNesting(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":{"id":4,"deep":' + "[" * 5000 + "]" * 5000 + "}}}\n")


class WritesALongLine(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":{"id":4,"long":"' + "x" * (65 << 20) + '"}}}\n')


class WritesWithoutEnd(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":{"id":4,"long":"')
        while True:
            self.raw("x" * (1 << 20))


class WritesWithoutKey(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":{"name":"nobody"}}}\n')
        self.checkpoint(4)


class WritesATruncation(Wrong):
    """The line that stands for one in a journal, as a document: it must not remove what came before."""

    def wrong(self):
        self.raw('{"captured":{"binding":0,"doc":{"_meta":{"op":"t"}}}}\n')
        self.checkpoint(4)


class GoesOnAfterAMistake(Wrong):
    """The mistake counts, not what became of the connector later."""

    def wrong(self):
        self.raw('{"captured":{"binding":7,"doc":{"id":4}}}\n')
        log("error: something else")
        sys.exit(9)


# ---- while capturing: the end ----

class DiesAfterDocuments(Wrong):
    def wrong(self):
        log('{"level":"error","msg":"lost the connection"}')
        sys.exit(1)


class DiesAfterACheckpoint(Wrong):
    def capture(self):
        super(Wrong, self).capture()
        log("panic: out of cheese")
        sys.exit(1)


class DiesMidLine(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"do')
        log('{"level":"fatal","message":"segmentation fault, nearly"}')
        sys.exit(139)


class KilledMidLine(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"do')
        os.kill(os.getpid(), signal.SIGKILL)


class EndsMidLine(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"do')
        sys.exit(0)


class EndsWithDocuments(Wrong):
    def wrong(self):
        sys.exit(0)


class EndsWithManyDocuments(Wrong):
    """More than a lane holds: they were on their way into the journal."""

    def wrong(self):
        for n in range(4, 1003):
            self.say({"captured": {"binding": 0, "doc": {"id": n, "filler": "x" * 1000}}})
        sys.exit(0)


class StopsMidLine(Wrong):
    def wrong(self):
        self.raw('{"captured":{"binding":0,"do')
        wait_for_ever()


class StopsAfterDocuments(Wrong):
    def wrong(self):
        wait_for_ever()


class IgnoresSigterm(Wrong):
    def wrong(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait_for_ever()


class ClosesStderrAndStops(Wrong):
    def wrong(self):
        os.close(2)
        wait_for_ever()


class NeverExitsAfterCapture(Good):
    def open(self, body):
        self.n = 0
        self.opened()
        self.capture()
        os.close(1)
        wait_for_ever()


class NeverExitsAndIgnoresSigterm(NeverExitsAfterCapture):
    def opened(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().opened()


class IsSlowWithMuch(Good):
    """A transaction of more than a buffer holds, every now and then."""

    def capture(self):
        while self.n < LAST:
            time.sleep(0.4)
            self.n += 1
            self.say({"captured": {"binding": 0, "doc": {"id": self.n, "much": "x" * 200_000}}})
            self.checkpoint(self.n)


# ---- others who hold its pipes ----

def grandchild(new_session, seconds):
    if os.fork() == 0:
        if new_session:
            os.setsid()
        time.sleep(seconds)
        os._exit(0)


class LeavesAGrandchild(Good):
    """It holds all pipes of its parent."""

    def end(self):
        grandchild(False, 1000)
        sys.exit(0)


class LeavesAGrandchildElsewhere(Good):
    """In a session of its own, where no signal of ours finds it."""

    def capture(self):
        super().capture()
        grandchild(True, 8)


class DiesAndLeavesAGrandchild(Wrong):
    def wrong(self):
        grandchild(False, 1000)
        log("error: gone, but not alone")
        sys.exit(1)


# ---- acknowledgements ----

class GoodWithAcks(Good):
    acks = True

    def capture(self):
        while self.n < LAST:
            self.n += 1
            self.document(self.n)
            self.checkpoint(self.n)
            count = json.loads(self.input.readline())["acknowledge"]["checkpoints"]
            if count != 1:
                log(f"error: {count} checkpoints acknowledged, 1 is outstanding")
                sys.exit(1)


class LeavesBeforeTheLastAck(Good):
    """Allowed: whoever ends need not read what comes after."""

    acks = True


class ClosesItsInputWhileCapturing(Good):
    acks = True

    def capture(self):
        os.close(0)
        while self.n < LAST:
            self.n += 1
            self.document(self.n)
            self.checkpoint(self.n)
            time.sleep(0.3)


class WantsAcksButIsDeaf(Good):
    acks = True

    def capture(self):
        while True:
            self.checkpoint(0)
            time.sleep(0.5)


# ---- stderr ----

class FloodsStderr(Good):
    def capture(self):
        line = b"all work and no play makes jack a dull boy\n" * 1000
        for _ in range(100_000_000 // len(line)):
            put(2, line)
        super().capture()


class FloodsStderrWithoutLines(Good):
    def capture(self):
        for _ in range(100):
            put(2, b"x" * 1_000_000)
        super().capture()


class LogsHalfJson(Wrong):
    def wrong(self):
        log('{"level":"info","msg":"unfinished')
        log("\udcff\udcfe not UTF-8".encode("utf-8", "surrogateescape").decode("latin-1"))
        put(2, b"\xff\xfe\x00 bytes\n")
        put(2, b'{"level":"error","msg":"half a rec')
        sys.exit(1)


# ---- the other codec, as far as it takes ----

class GoodInProtobuf(Good):
    """With line breaks in documents and states, as the JSON codec cannot have them."""

    def run(self):
        while len(head := self.read(4)) == 4:
            body = self.read(int.from_bytes(head, "little"))
            getattr(self, {1: "spec", 3: "validate", 4: "apply", 5: "open"}[body[0] >> 3])({"state": {}, "bindings": [{"resourceConfig": {"stream": "a"}}]})
        self.end()

    def read(self, n):
        data = b""
        while len(data) < n and (more := os.read(0, n - len(data))):
            data += more
        return data

    def say(self, message):
        def text(value):
            return json.dumps(value, indent=1).encode()

        def block(tag, data):
            size, n = b"", len(data)
            while n >= 128:
                size, n = size + bytes([n & 127 | 128]), n >> 7
            return bytes([tag << 3 | 2]) + size + bytes([n]) + data

        kind, body = next(iter(message.items()))
        if kind == "spec":
            data = block(1, b"\x08\xd7\x87\xb9\x01" + block(2, text(SPEC["configSchema"])) + block(3, text(SPEC["resourceConfigSchema"])) +
                         block(4, SPEC["documentationUrl"].encode()) + block(6, b"/stream"))
        elif kind == "validated":
            data = block(3, b"".join(block(1, b"".join(block(1, p.encode()) for p in b["resourcePath"])) for b in body["bindings"]))
        elif kind == "captured":
            data = block(6, block(2, text(body["doc"])))
        elif kind == "checkpoint":
            data = block(7, block(1, block(1, text(body["state"]["updated"])) + b"\x10\x01"))
        else:
            data = block({"applied": 4, "opened": 5}[kind], b"")
        put(1, len(data).to_bytes(4, "little") + data)


class HalfAFrame(GoodInProtobuf):
    def capture(self):
        self.document(1)
        self.checkpoint(1)
        put(1, b"\x20\x00\x00\x00\x32")
        sys.exit(0)


class ALongFrame(GoodInProtobuf):
    def capture(self):
        self.document(1)
        self.checkpoint(1)
        put(1, b"\x00\x00\x00\x08\x32")
        wait_for_ever()


def behaviours(root=Good):
    """Behaviours by name."""
    found, todo = {}, [root]
    while todo:
        c = todo.pop()
        todo += c.__subclasses__()
        found["".join("-" + x.lower() if x.isupper() else x for x in c.__name__).lstrip("-")] = c
    return found


if __name__ == "__main__":
    behaviours()[sys.argv[1]]().run()
