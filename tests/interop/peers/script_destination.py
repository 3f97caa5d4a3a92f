"""A destination that is one script, once for each protocol and with no kit: `script_destination.py airbyte|singer [ARGUMENT ...]`.

Documents go to config.file byte for byte, one a line; a state is written to standard output when all documents before it are on disk.
"""

import json
import re
import sys
from pathlib import Path

DATA = re.compile(rb'"(?:data|record)"\s*:\s*(?=\{)')
CONFIG = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}


def body(line: bytes, start: int) -> bytes:
    """The object that begins at start."""
    text = line[start:].decode()
    return text[: json.JSONDecoder().raw_decode(text)[1]].encode()


def document(line: bytes) -> bytes:
    """The record's data, as it stands in the line: of all members that are called so, the one on the right level."""
    message = json.loads(line)
    inner = message["record"]
    wanted = inner["data"] if "data" in inner and "emitted_at" in inner else inner
    return next(found for m in DATA.finditer(line) if json.loads(found := body(line, m.end())) == wanted)


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def load(config: dict, state_of):
    with Path(config["file"]).open("ab") as file:
        for line in sys.stdin.buffer:
            kind = json.loads(line)["type"]
            if kind == "RECORD":
                file.write(document(line) + b"\n")
            elif kind == "STATE":
                file.flush()
                say(state_of(json.loads(line)))


def given(args: list[str], name: str):
    return json.loads(Path(args[args.index(name) + 1]).read_text("utf-8"))


def airbyte(command: str, *args: str):
    if command == "spec":
        say({"type": "SPEC", "spec": {"connectionSpecification": CONFIG, "supported_destination_sync_modes": ["append", "overwrite", "append_dedup"]}})
    elif command == "check":
        say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}})
    elif command == "write":
        given(list(args), "--catalog")
        load(given(list(args), "--config"), lambda message: message)


def singer(*args: str):
    if "--about" in args:
        say({"name": "target-script", "description": "", "version": "1", "sdk_version": "1", "capabilities": [], "settings": CONFIG})
    else:
        load(given(list(args), "--config"), lambda message: message["value"])


if __name__ == "__main__":
    {"airbyte": airbyte, "singer": singer}[sys.argv[1]](*sys.argv[2:])
