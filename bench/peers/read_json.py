"""Reads Flow lines as Python programs do: `read_json.py [orjson|json]`."""

import sys


def main(loads) -> None:
    documents = checkpoints = 0
    for line in sys.stdin.buffer:
        message = loads(line)
        if "captured" in message:
            documents += 1
        elif "checkpoint" in message:
            checkpoints += 1
        else:
            raise ValueError(line)
    print(documents, checkpoints)


main(__import__(sys.argv[1]).loads)
