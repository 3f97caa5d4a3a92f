"""Batch files as Fivetran writes them (fivetran.md 2.5): CSV by a writer with Jackson's loose quoting, Parquet by pyarrow, zstd or gzip, AES by `cryptography`."""

import base64
import decimal
import gzip
import io
import os
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NULL, UNMODIFIED = "null-m8yilkvPsNulehxl2G6pmSQ3G3WWdLP", "unmod-NcK9NIjPUutCsz4mjOQQztbnwnE1sY3"


# A column of each type, and rows of values as texts.
EACH = {
    "b": "BOOLEAN", "s": "SHORT", "i": "INT", "l": "LONG", "d": "DECIMAL(38,10)", "f": "FLOAT", "g": "DOUBLE", "day": "NAIVE_DATE", "at": "NAIVE_DATETIME",
    "utc": "UTC_DATETIME", "bytes": "BINARY", "xml": "XML", "text": "STRING", "json": "JSON", "time": "NAIVE_TIME",
}  # fmt: skip
EXTREMES = [
    {"b": "true", "s": "32767", "i": "2147483647", "l": "9223372036854775807", "d": "1234567890123456789012345678.0123456789", "f": "3.4028235E38",
     "g": "1.7976931348623157E308", "day": "9999-12-31", "at": "9999-12-31T23:59:59.999999999", "utc": "9999-12-31T23:59:59.999Z", "bytes": "AAEC/w==", "xml": "<a b='c'>&amp;</a>",
     "text": 'é "quoted", \n two lines \\ / 🚀 \u2028 \t', "json": '{"a": [1, null, {"ü": "x"}], "big": 12345678901234567890}', "time": "23:59:59.999999"},
    {"b": "false", "s": "-32768", "i": "-2147483648", "l": "-9223372036854775808", "d": "-0.0000000001", "f": "1.4E-45", "g": "4.9E-324", "day": "0001-01-01",
     "at": "0001-01-01T00:00:00", "utc": "0001-01-01T00:00:00Z", "bytes": "", "xml": "", "text": "", "json": "null", "time": "00:00:00"},
    {"b": "true", "s": "0", "i": "0", "l": "9007199254740993", "d": "0.1", "f": "0.1", "g": "200", "day": "2007-12-03", "at": "2007-12-03T10:15:30",
     "utc": "2007-12-03T10:15:30.315Z", "bytes": "/" * 400, "xml": "x", "text": "x" * 70_000, "json": "[]", "time": "10:15:30"},
    {},
    {"text": "null", "json": '"null"', "utc": "1969-12-31T23:59:59.500Z", "g": "-0.0", "d": "99999999999999999999999999.99", "at": "2007-12-03T10:15:30.5"},
]  # fmt: skip


def cell(text: str | None) -> str:
    """Quoted if it has a special byte below the comma or is longer than 24; nulls are written raw."""
    if text is None:
        return NULL
    if len(text) > 24 or any(c < "," or c in ',\r"' for c in text):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_text(columns: list[str], rows: list[dict]) -> bytes:
    """A column that a row does not have is null."""
    lines = [",".join(map(cell, columns))]
    lines += [",".join(cell(row.get(c)) for c in columns) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def parquet_type(kind: str):
    """How a column of a type is written, and a text of it as a value. Instants and dates are strings."""
    import pyarrow as pa

    name, _, params = kind.partition("(")
    if name == "DECIMAL":
        return pa.decimal128(*map(int, params.rstrip(")").split(","))), decimal.Decimal
    kinds = {"BOOLEAN": (pa.bool_(), lambda t: t == "true"), "SHORT": (pa.int32(), int), "INT": (pa.int32(), int), "LONG": (pa.int64(), int),
             "FLOAT": (pa.float32(), float), "DOUBLE": (pa.float64(), float), "BINARY": (pa.binary(), base64.b64decode)}  # fmt: skip
    return kinds.get(name, (pa.string(), str))


def parquet_bytes(columns: list[str], rows: list[dict], kinds: dict[str, str]) -> bytes:
    """A column that leaves something unmodified is a string, with the texts of CSV."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = []
    for c in columns:
        marked = any(row.get(c) == UNMODIFIED for row in rows)
        made, read = (pa.string(), str) if marked else parquet_type(kinds[c])
        arrays.append(pa.array([None if row.get(c) is None else read(row[c]) for row in rows], made))
    out = io.BytesIO()
    pq.write_table(pa.table(arrays, names=columns), out, row_group_size=1000)
    return out.getvalue()


def encrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def decrypt(data: bytes, key: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:16])).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(data[16:]) + decryptor.finalize()) + unpadder.finalize()


def zstd(data: bytes) -> bytes:
    """One frame, window of 512 KiB, neither size nor checksum: as the vendor's."""
    made = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=19, write_content_size=0, write_checksum=0))
    stream = made.compressobj()
    return stream.compress(data) + stream.flush()


def unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


PACK = {"OFF": bytes, "ZSTD": zstd, "GZIP": gzip.compress}


class Files:
    """Writes files into a folder, and keeps their keys."""

    def __init__(self, folder: Path, compression="ZSTD", encrypted=True, parquet=False):
        self.folder, self.compression, self.encrypted, self.keys, self.count = folder, compression, encrypted, {}, 0
        self.parquet = parquet
        folder.mkdir(exist_ok=True)

    def write(self, columns: list[str], rows: list[dict], kind="upsert", kinds=None) -> str:
        """kinds: the types of the columns, which only Parquet tells."""
        return self.write_bytes(parquet_bytes(columns, rows, kinds) if self.parquet else csv_text(columns, rows), kind)

    def write_bytes(self, data: bytes, kind="upsert") -> str:
        self.count += 1
        packed = PACK[self.compression](data)
        suffix = {"OFF": "", "ZSTD": ".zstd", "GZIP": ".gz"}[self.compression] + (".aes" if self.encrypted else "")
        path = str(self.folder / f"table_input_{self.count}_{kind}.csv{suffix}")
        if self.encrypted:
            self.keys[path] = os.urandom(32)
            packed = encrypt(packed, self.keys[path], os.urandom(16))
        Path(path).write_bytes(packed)
        return path
