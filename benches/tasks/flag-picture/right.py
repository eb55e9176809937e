import struct
import sys
import zlib

COLORS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}
COLORS |= {"yellow": (255, 255, 0), "white": (255, 255, 255), "black": (0, 0, 0)}


def chunk(kind, body):
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


row = b"\0" + b"".join(bytes(COLORS[name]) * 100 for name in sys.argv[1:4])
with open("flag.png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n")
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", 300, 200, 8, 2, 0, 0, 0)))
    file.write(chunk(b"IDAT", zlib.compress(row * 200)))
    file.write(chunk(b"IEND", b""))
