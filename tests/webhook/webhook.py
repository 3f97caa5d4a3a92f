"""materialize-webhook against receivers that misbehave: webhook.py [PART-OF-A-NAME]"""

import email.utils
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
EMIT = ROOT / "tests" / "postgres" / "emit.py"
OK = (200, {}, "")


class Place:
    def __init__(self, address, documents, headers=(), local=False, **advanced):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-hook-")
        self.path = Path(self.folder.name)
        config = {"address": address, "headers": list(headers), "advanced": {"retry_for": 20, **advanced}}
        endpoint = {"local": {"command": [str(BUILD / "bin" / "materialize-webhook")], "config": config}} if local else \
            {"native": {"connector": "materialize-webhook", "config": config}}
        catalog = {
            "captures": {"t/s": {"endpoint": {"local": {"command": [sys.executable, str(EMIT), "lines"], "config": {}}},
                                 "bindings": [{"resource": {"stream": "a"}, "target": "t/a"}]}},
            "collections": {"t/a": {"schema": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}, "key": ["/id"]}},
            "materializations": {"t/hook": {"endpoint": endpoint, "bindings": [{"resource": {"path": "a b/é"}, "source": "t/a"}]}},
        }
        (self.path / "flow.yaml").write_text(json.dumps(catalog))
        self.put(documents)

    def put(self, documents):
        (self.path / "lines").write_text("".join(f"a {d if isinstance(d, str) else json.dumps(d)}\n" for d in documents))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def command(self, *more):
        return [str(BUILD / "bin" / "weir"), "run", "--once", "--source", "flow.yaml", "--data", "data", "--quiet", *more]

    def run(self, *more, status=0, env=None):
        told = {**os.environ, "LOG_LEVEL": "warn", "LOG_FORMAT": "text", **(env or {})}
        done = subprocess.run(self.command(*more), cwd=self.path, env=told, capture_output=True, text=True, timeout=120)
        if status is not None and done.returncode != status:
            raise AssertionError(f"weir run ended with {done.returncode}, not {status}: {done.stderr}")
        return done.stderr


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f"got\n{got}\nwanted\n{wanted}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in\n{text}")


def ids(receiver):
    return [d["id"] for d in receiver.taken()]


DOCS = [{"id": n, "text": "é\"\n" * (n % 3)} for n in range(25)]


def test_batches(_):
    for local in (False, True):
        with Receiver() as r, Place(r.url("/in/{path}?c={collection}&t={task}&{x}"), DOCS, [{"name": "X-Token", "value": "s3cret"}], local, batch_documents=10) as p:
            p.run()
            same([len(json.loads(q["body"])) for q in r.requests], [10, 10, 5])
            same([{k: v for k, v in d.items() if k != "_meta"} for d in r.taken()], DOCS)
            q = r.requests[0]
            same((q["method"], q["path"]), ("POST", "/in/a%20b/%C3%A9?c=t/a&t=t/hook&{x}"))
            same((q["headers"]["X-Token"], q["headers"]["Content-Type"]), ("s3cret", "application/json"))
            same(len({q["headers"]["Idempotency-Key"] for q in r.requests}), 3)
            p.put(DOCS + [{"id": 25}])
            p.run()  # nothing twice
            same(ids(r), list(range(26)))


def test_shards(_):
    """Each document goes out once, those of one key in order; keys of requests are distinct."""
    def put(p, count):
        p.put([{"id": n % 40, "n": n} for n in range(count)])

    for local in (False, True):
        with Receiver() as r, Place(r.url(), [], local=local, batch_documents=10) as p:
            put(p, 0)
            for count, shards in ((200, ["--shards", "3"]), (300, []), (500, ["--shards", "6"])):
                put(p, count)
                p.run("--only", "t/s")
                p.run(*shards)
                got = r.taken()
                last = {n % 40: n for n in range(count)}
                seen = {}
                for d in got:
                    if seen.get(d["id"], -1) >= d["n"]:
                        raise AssertionError(f"{d} behind number {seen[d['id']]}")
                    seen[d["id"]] = d["n"]
                same(seen, last)
            same(len({q["headers"]["Idempotency-Key"] for q in r.requests}), len(r.requests))
            sent = len(r.requests)
            p.run()
            same(len(r.requests), sent)


def test_lines_and_bytes(_):
    docs = [{"id": n, "t": "x" * 80} for n in range(10)] + ['{"id": 10,"n":1.000000000000000000001}', {"id": 11, "t": "y" * 5000}]
    with Receiver() as r, Place(r.url(), docs, format="ndjson", batch_bytes=500, method="PUT") as p:
        p.run()
        same(ids(r), list(range(12)))
        same(r.requests[0]["headers"]["Content-Type"], "application/x-ndjson")
        same(r.requests[0]["method"], "PUT")
        over = [q for q in r.requests if len(q["body"]) > 500]
        same(len(over), 1)
        same(len(over[0]["body"].splitlines()), 1)
        has("".join(q["body"] for q in r.requests), "1.000000000000000000001")


def test_deletions_are_documents(_):
    with Receiver() as r, Place(r.url(), [{"id": 1}, {"id": 2, "_meta": {"op": "d"}}]) as p:
        p.run()
        same([d.get("_meta", {}).get("op") for d in r.taken()], [None, "d"])


def test_retries(_):
    """Everything that may pass is tried again, with the same key and the same body."""
    script = ["drop", (503, {}, "down"), (429, {"Retry-After": "1"}, ""), "half", (500, {}, ""), OK]
    with Receiver(lambda n, q: script[min(n, len(script) - 1)]) as r, Place(r.url(), DOCS) as p:
        log = p.run()
        same(len(r.requests), len(script))
        same(len({(q["headers"]["Idempotency-Key"], q["body"]) for q in r.requests}), 1)
        if r.requests[3]["at"] - r.requests[2]["at"] < 1:
            raise AssertionError("it did not wait as long as it was asked to")
        has(log, "trying again in 1000 ms")
        same(ids(r), list(range(25)))


def test_retry_after_a_date(_):
    until = []

    def answer(n, _q):
        if n:
            return OK
        until.append(time.time() + 3)
        return (503, {"Retry-After": email.utils.formatdate(until[0], usegmt=True)}, "")

    with Receiver(answer) as r, Place(r.url(), DOCS) as p:
        p.run()
        if time.time() < int(until[0]) - 1:
            raise AssertionError("it did not wait")
        same(ids(r), list(range(25)))


def test_gives_up(_):
    with Receiver(lambda n, q: (503, {}, "closed for today")) as r, Place(r.url(), DOCS, retry_for=2) as p:
        log = p.run(status=3)
        has(log, "given up after")
        has(log, "status 503, it has failed: closed for today")
        r.answers = lambda n, q: OK
        p.run()
        same(ids(r), list(range(25)))
    with Receiver(lambda n, q: (429, {"Retry-After": "86400"}, "")) as r, Place(r.url(), DOCS, retry_for=5) as p:
        has(p.run(status=3), "it wants less at a time")
        same(len(r.requests), 1)


def test_timeout(_):
    with Receiver(lambda n, q: "hang" if n == 0 else OK) as r, Place(r.url(), DOCS, timeout=1) as p:
        p.run()
        same(len(r.requests), 2)


def test_refusals(_):
    cases = [((400, {}, "bad\nthing"), 4, "it refuses the documents: bad thing"), ((401, {}, ""), 2, "set a header"), ((404, {}, ""), 2, "nothing that takes it"),
             ((413, {}, ""), 2, "make `batch_bytes`"), ((302, {"Location": "http://localhost:1/"}, ""), 2, "redirections are not followed"), ((304, {}, ""), 2, "304")]
    for answer, status, text in cases:
        with Receiver(lambda n, q, a=answer: a) as r, Place(r.url(), DOCS) as p:
            has(p.run(status=status), text)
            same(len(r.requests), 1)


def test_endless_answers(_):
    with Receiver(lambda n, q: (200, {}, "z" * 5_000_000)) as r, Place(r.url(), DOCS) as p:
        p.run()
        same(ids(r), list(range(25)))
    with Receiver(lambda n, q: (400, {}, "z" * 5_000_000)) as r, Place(r.url(), DOCS) as p:
        same(len(p.run(status=4)) < 2000, True)


def test_secrets(_):
    with Receiver(lambda n, q: (400, {}, "you said " + q["headers"]["Authorization"])) as r, \
            Place(r.url(), DOCS, [{"name": "Authorization", "value": "Bearer s3cr3t-token"}]) as p:
        log = p.run(status=4)
        if "s3cr3t" in log:
            raise AssertionError(log)


def test_wrong_settings(_):
    for address, text in {"ftp://localhost/": "begins with ftp://", "http://": "is no URL", "http://localhost:99999/": "is no URL"}.items():
        with Place(address, DOCS) as p:
            has(p.run(status=2), text)
    with Place("http://localhost:1/", DOCS, [{"name": "A: b", "value": "x"}]) as p:
        has(p.run(status=2), "is no header")
    with Place("http://localhost:1/", DOCS, [{"name": "A", "value": "x\r\nB: y"}]) as p:
        has(p.run(status=2), "is no header")
    with Place("http://localhost:1/", DOCS, retry_for=1) as p:
        has(p.run(status=3), "Failed to connect")


def test_tls(folder):
    pem = folder / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    pem.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    with Receiver(certificate=pem) as r, Place(r.url(), DOCS) as p:
        has(p.run(status=2), "certificate")
        same(r.requests, [])
    with Receiver(certificate=pem) as r, Place(r.url(), DOCS, ca_file=str(folder / "cert.pem")) as p:
        p.run()
        same(ids(r), list(range(25)))
    with Receiver(certificate=pem) as r, Place(r.url().replace("localhost", "127.0.0.1"), DOCS, ca_file=str(folder / "cert.pem")) as p:
        has(p.run(status=2), "127.0.0.1")


def test_killed_and_stopped(_):
    """At least once: whatever is killed, every document is taken, and in the end nothing new is sent."""
    rng = random.Random(7)
    for seed in range(int(os.environ.get("WEIR_HOOK_KILLS", 8))):
        at, how = rng.randint(0, 5), rng.choice(["kill", "terminate"])
        running = []

        def answer(n, _q, at=at, how=how):
            if n == at:
                getattr(running[0], how)()
                if how == "kill":
                    running[0].wait()
            return OK if n % 3 else (503, {}, "") if n < at else OK

        with Receiver(answer) as r, Place(r.url(), [{"id": n} for n in range(200)], batch_documents=20, local=bool(seed % 2)) as p:
            running.append(subprocess.Popen(p.command(), cwd=p.path, stderr=subprocess.DEVNULL))
            running[0].wait(60)
            p.run()
            same(sorted(set(ids(r))), list(range(200)))
            sent = len(r.requests)
            p.run()
            same(len(r.requests), sent)


def main():
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = 0
    for name, test in sorted(globals().items()):
        title = "webhook/" + name.removeprefix("test_")
        if not name.startswith("test_") or part not in title:
            continue
        try:
            with tempfile.TemporaryDirectory(prefix="weir-hook-") as folder:
                test(Path(folder))
            print(f"ok {title}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {title}\n" + "".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
