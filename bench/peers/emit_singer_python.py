"""source-bench again, with singer-python: a loop around write_record(). `emit_singer_python.py COUNT`"""

import sys
from decimal import Decimal

import singer

from records import record

AMOUNT = Decimal("12345678901234567890.12")

singer.write_schema("records", {"type": "object", "properties": {}}, ["id"])
for n in range(int(sys.argv[1])):
    made = record(n)
    singer.write_record("records", {**made, "amount": AMOUNT, "created": made["created"].isoformat()})
singer.write_state({"n": int(sys.argv[1])})
