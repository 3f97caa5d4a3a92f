"""The records that source-bench makes: the same columns with the same values."""

from datetime import datetime, timezone
from typing import Any

try:
    import orjson
except ImportError:  # a kit without it takes Decimals
    orjson = None

CITIES = ("Amsterdam", "São Paulo", "New York", "Köln")
NOTE = 'The quick brown fox jumps over the lazy dog, "twice", and then goes home for the day.'
AMOUNT = orjson.Fragment(b"12345678901234567890.12") if orjson else None  # exact: no float holds it


def record(n: int) -> dict[str, Any]:
    return {
        "id": n,
        "account": n * 7919 % 1000003,
        "name": "Jacqueline Montgomery",
        "email": "jacqueline.montgomery@example.com",
        "city": CITIES[n & 3],
        "active": n & 1 == 1,
        "score": n % 1000 / 8,
        "amount": AMOUNT,
        "created": datetime.fromtimestamp(1700000000 + n, timezone.utc),
        "note": NOTE[: 60 + n % 20],
    }
