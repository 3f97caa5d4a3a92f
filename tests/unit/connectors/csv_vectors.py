#!/usr/bin/env python3
"""Writes csv_vectors.h: inputs, and what Python's csv module (strict) makes of them. Run it to renew the table."""
import csv
import io
import random

PICKED = [
    (",", ""), (",", "\n"), (",", "\r\n\r\n"), (",", "a"), (",", "a,b\n"), (",", "a,b"), (",", "a,b\r\n"), (",", "a,b\r"),
    (",", "a\rb\rc"), (",", "a\nb\r\nc\rd\n"), (",", "a,,c\n"), (",", ",\n"), (",", ",,\n,,"), (",", "a,b,\n1,2,\n"),
    (",", '"a"\n'), (",", '""\n'), (",", '""'), (",", '"",""\n'), (",", '"a""b"\n'), (",", '""""\n'), (",", '""""""\n'),
    (",", '"a,b","c\nd","e\r\nf","g\rh"\n1,2,3,4\n'), (",", 'a"b,c""d\n'), (",", 'a"\n'), (",", ' "a"\n'), (",", 'a, "b"\n'),
    (",", '"a"b\n1,2\n'), (",", '"a" ,b\n'), (",", '"a\n'), (",", '"a""\n'), (",", '1,2\n"a""b\n3,4\n'), (",", '"a'), (",", '"'),
    (",", 'x,"'), (",", "\n\na\n\n\nb\n\n"), (",", "a\0b,\0\n"), (",", "\ufeffa,b\n"), (",", "ä,ö,ü\n日本,語\n"), (",", " a , b \n"),
    (";", "a;b,c;d\n1;2,5;3\n"), ("\t", "a\tb\tc\n1\t\t3\n"), ("|", 'a|b|"c|d"\n'), (";", '"a;b";c\n"d""e";f\n'),
    (",", "a" * 63 + "," + "b" * 64 + "," + "c" * 65 + "\n"), (",", '"' + "a" * 62 + '""' + "b" * 62 + '"\n'),
    (",", "x" * 127 + "\r\n" + "y" * 63 + "\r\nz\n"), (",", ",".join(str(i) for i in range(100)) + "\n"),
    (",", '"a"\r"b"\r\n"c"\n'), (",", '"a\r\n'), (",", '"a","b"c,"d"\ne\n'), (",", "'a,b'\n"), (",", 'a\n"b\n'),
]
PIECES = ["a", "1", '"', '"', ",", "\n", "\r", "\r\n", ";", " ", "\0", "é", '""', '",', '"\n', "\t", "|", "x" * 60, "y" * 66]


def made_up(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        yield rng.choice(",;\t|"), "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 24)))


def oracle(delimiter, text):
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if row:
                rows.append(row)
    except csv.Error:
        return rows, False
    return rows, True


def literal(data):
    out = ""
    for byte in data:
        if byte in b'"\\':
            out += "\\" + chr(byte)
        elif 32 <= byte < 127 and byte != ord("?"):
            out += chr(byte)
        else:
            out += f"\\{byte:03o}"
    return f'"{out}"'


def main():
    print("/* Made by csv_vectors.py: what Python's csv module, in strict mode, reads. In `rows` a field ends with \\037 and a row with \\036. */")
    for delimiter, text in PICKED + list(made_up(1, 150)):
        rows, good = oracle(delimiter, text)
        joined = "".join("".join(field + "\x1f" for field in row) + "\x1e" for row in rows)
        data, want = text.encode(), joined.encode()
        print(f"{{{literal(delimiter.encode())}, {literal(data)}, {len(data)}, {literal(want)}, {len(want)}, {'true' if good else 'false'}}},")


main()
