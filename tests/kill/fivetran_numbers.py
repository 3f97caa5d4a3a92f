"""fivetran_numbers.py --port N - a Fivetran source with a fixed stream of records, which goes on from its state. KILL=self:M ends it at its M-th message, KILL=both:M
its parent first; so does any program that has it in its environment. SEED draws how large batches are: the stream is the same, its messages are not."""
import os
import random
import signal
import sys
from concurrent import futures
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
import json

from fivetran_peer import SERVICE, checkpoint, f, long, many, record, schema, table, text

COUNT = 700


def state_of(request):
    """Of an UpdateRequest, field 3; without a library, for it is the last that a good client writes."""
    at = request.rfind(b'{"n":')
    return json.loads(request[at : request.index(b"}", at) + 1])["n"] if at >= 0 else 0


def deadly(messages):
    who, _, at = os.environ.get("KILL", "").partition(":")
    for n, message in enumerate(messages, 1):
        if who and n == int(at):
            if who == "both":
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        yield message


def update(request, context):
    rng, n = random.Random(os.environ.get("SEED", "")), state_of(request)
    while n < COUNT:
        for _ in range(rng.randint(1, 3)):
            size = min(rng.randint(1, 20), COUNT - n)
            if size:
                yield many([record("records", id=long(i), name=text(f"é{i}")) for i in range(n, n + size)])
            n += size
        yield checkpoint('{"n":%d}' % n)


def main():
    unary = lambda answer: grpc.unary_unary_rpc_method_handler(lambda request, context: answer)
    tables = schema([table("records", [("id", 4, True), ("name", 13, False)])])
    handlers = {"ConfigurationForm": unary(f(1, 1)), "Test": unary(f(1, 1)), "Schema": unary(tables),
                "Update": grpc.unary_stream_rpc_method_handler(lambda request, context: deadly(update(request, context)))}
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.strip("/"), handlers)])
    if not server.add_insecure_port("127.0.0.1:" + sys.argv[sys.argv.index("--port") + 1]):
        sys.exit("no port")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
