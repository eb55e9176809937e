import argparse
import struct
import zlib

PALETTE = {"red": "c8102e", "green": "00ff00", "blue": "002395", "yellow": "ffd700"}
PALETTE |= {"white": "ffffff", "black": "000000"}
parser = argparse.ArgumentParser()
parser.add_argument("colors", nargs="*", default=["blue", "white", "red"])
names = parser.parse_args().colors

# Two bits a pixel, with a palette of three colors; each row is the difference from the one above.
packed = int("".join("0123"[x // 100] for x in range(300)), 4).to_bytes(75, "big")
rows = b"\0" + packed + (b"\2" + bytes(75)) * 199
parts = [
    (b"IHDR", struct.pack(">IIBBBBB", 300, 200, 2, 3, 0, 0, 0)),
    (b"PLTE", bytes.fromhex("".join(PALETTE[name] for name in names[:3]))),
    (b"IDAT", zlib.compress(rows, 9)),
    (b"IEND", b""),
]
with open("flag.png", "wb") as png:
    png.write(bytes([137, 80, 78, 71, 13, 10, 26, 10]))
    for kind, body in parts:
        png.write(
            len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
        )
print("saved flag.png")
