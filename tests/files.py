"""Small files of every sort that WeChat takes."""

import struct
import zlib
from typing import Final

AMR: Final = b"#!AMR\n" + bytes(40)
MP4: Final = b"\0\0\0\x18ftypisom" + bytes(40)
JPEG: Final = b"\xff\xd8\xff\xe0" + bytes(40)


def png(colour: tuple[int, int, int] = (7, 193, 96), width: int = 52, height: int = 42) -> bytes:
    """A picture of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )
