"""estuary-cdk's own reading of requests, with a look at every line; see audit.py."""

import asyncio
import sys

from audit import Audit


async def recorded_stdin(cls):
    audit = Audit()
    reader = asyncio.StreamReader(limit=1 << 27)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        audit.write(line)
        yield cls.model_validate_json(line)
