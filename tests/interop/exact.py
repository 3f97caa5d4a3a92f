"""JSON in which a number is its text: what must come through unchanged is compared with this."""

import json


class Number(str):
    """The text of a number; not equal to the same text in a string."""

    def __eq__(self, other):
        return isinstance(other, Number) and str(self) == str(other)

    def __hash__(self):
        return hash(("number", str(self)))

    def __repr__(self):
        return f"<{str(self)}>"


def loads(text: str | bytes):
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=_refuse)


def _refuse(name: str):
    raise ValueError(f"{name} is not JSON")


def lines(text: bytes) -> list[bytes]:
    """Not splitlines(), which takes more than a newline for a line's end."""
    return [line for line in text.split(b"\n") if line]
