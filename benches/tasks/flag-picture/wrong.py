import struct
import sys
import zlib

colors = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}
width, height = 300, 200
rows = b""
for y in range(height):
    color = colors[sys.argv[1:][min(y // (height // 3), 2)]]
    rows += b"\0" + bytes(color) * width


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
with open("flag.png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
    file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
print("Flag saved as flag.png")
