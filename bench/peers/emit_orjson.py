"""Flow lines with nothing but orjson: `emit_orjson.py COUNT EVERY made|ready`. No kit, no protocol: what is left is what Python costs.

made: each record is made from values, as source-bench does. ready: a few dicts are written again and again, so that only orjson works."""

import sys

import orjson

from records import record

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


def main(count: int, every: int, ready: bool) -> None:
    out = sys.stdout.buffer
    shelf = [{"captured": {"binding": 0, "doc": record(n)}} for n in range(every)] if ready else []
    for begin in range(0, count, every):
        end = min(begin + every, count)
        if ready:
            for message in shelf[: end - begin]:
                out.write(orjson.dumps(message, option=OPTIONS))
        else:
            for n in range(begin, end):
                out.write(orjson.dumps({"captured": {"binding": 0, "doc": record(n)}}, option=OPTIONS))
        state = {"updated": {"bindingStateV1": {"records": {"n": end}}}, "mergePatch": True}
        out.write(orjson.dumps({"checkpoint": {"state": state}}, option=OPTIONS))


main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "ready")
