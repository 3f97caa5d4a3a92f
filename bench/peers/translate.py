"""Lines of one protocol into those of another with orjson: loads, take the document out, dumps. `translate.py FROM TO < lines`."""

import sys
from time import time

import orjson

loads, dumps = orjson.loads, orjson.dumps


def documents(lines, protocol):
    if protocol == "flow":
        for line in lines:
            message = loads(line)
            if "captured" in message:
                yield "records", message["captured"]["doc"]
    else:
        for line in lines:
            message = loads(line)
            if message["type"] == "RECORD":
                body = message["record"] if protocol == "airbyte" else message
                yield body["stream"], body["data" if protocol == "airbyte" else "record"]


def main(source: str, to: str) -> None:
    write, row = sys.stdout.buffer.write, 0
    for stream, doc in documents(sys.stdin.buffer, source):
        if to == "flow":
            row += 1
            doc["_meta"] = {"row_id": row}
            message = {"captured": {"binding": 0, "doc": doc}}
        elif to == "airbyte":
            message = {"type": "RECORD", "record": {"stream": stream, "data": doc, "emitted_at": int(time() * 1000)}}
        else:
            message = {"type": "RECORD", "stream": stream, "record": doc}
        write(dumps(message, option=orjson.OPT_APPEND_NEWLINE))


main(*sys.argv[1:])
