"""Writes dBase III files, which the Singer tap "tap-dbf" reads. A column named like a primary key is the type "+" (autoincrement)."""

import struct


def write(path, columns, rows):
    """columns: [(name, type, length, decimals)] with types + (int32), C (text), N (number), L (boolean), D (YYYYMMDD)."""
    record_length = 1 + sum(length for _, _, length, _ in columns)
    header_length = 32 + 32 * len(columns) + 1
    out = bytearray(struct.pack("<BBBBLHH16xBB2x", 3, 126, 1, 1, len(rows), header_length, record_length, 0, 3))
    for name, type_, length, decimals in columns:
        out += struct.pack("<11sc4xBB14x", name.encode(), type_.encode(), length, decimals)
    out += b"\r"
    for row in rows:
        out += b" "
        for (_, type_, length, _), value in zip(columns, row):
            if type_ == "+":
                out += struct.pack("<i", value)
            elif type_ == "C":
                out += value.encode("cp1252").ljust(length)
            elif type_ == "L":
                out += {True: b"T", False: b"F", None: b"?"}[value]
            else:
                out += ("" if value is None else str(value)).encode().rjust(length)
    with open(path, "wb") as file:
        file.write(out + b"\x1a")
