"""Lets a test see what a runner said to a peer, byte for byte.

If the environment names a file in PEER_AUDIT, every line a peer reads from its standard input is appended to it, before the peer
looks at it. A line that opens a process, {"peer": <pid>, "log_level": <LOG_LEVEL>}, comes first, so that a test can tell sessions apart.
"""

import json
import os
import sys


class Audit:
    def __init__(self):
        path = os.environ.get("PEER_AUDIT")
        self.file = open(path, "ab", buffering=0) if path else None
        self.write(json.dumps({"peer": os.getpid(), "log_level": os.environ.get("LOG_LEVEL")}).encode() + b"\n")

    def write(self, line: bytes):
        if self.file:
            self.file.write(line)  # one write() for one line: sessions may overlap


def record_stdin():
    """Puts a recorder in the place of sys.stdin, for readers that iterate over its lines."""
    audit, stdin = Audit(), sys.stdin

    def lines():
        for line in stdin:
            audit.write(line.encode())
            yield line

    sys.stdin = lines()
