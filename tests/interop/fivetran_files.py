"""Batch files as Fivetran writes them (fivetran.md 2.5): CSV by a writer with Jackson's loose quoting, zstd or gzip, AES by `cryptography`."""

import gzip
import os
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NULL, UNMODIFIED = "null-m8yilkvPsNulehxl2G6pmSQ3G3WWdLP", "unmod-NcK9NIjPUutCsz4mjOQQztbnwnE1sY3"


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

    def __init__(self, folder: Path, compression="ZSTD", encrypted=True):
        self.folder, self.compression, self.encrypted, self.keys, self.count = folder, compression, encrypted, {}, 0
        folder.mkdir(exist_ok=True)

    def write(self, columns: list[str], rows: list[dict], kind="upsert") -> str:
        return self.write_bytes(csv_text(columns, rows), kind)

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
