import csv
import struct
import zlib

with open("visitors.csv", newline="") as file:
    visitors = [float(row["visitors"]) for row in csv.DictReader(file)]
width, height, most = 60 * len(visitors), 300, max(visitors)
rows = b""
for y in range(height):
    row = bytearray(b"\0" + b"\xff\xff\xff" * width)
    for at, value in enumerate(visitors):
        if height - y <= value / most * 280:
            for x in range(60 * at + 10, 60 * at + 50):
                row[1 + 3 * x : 4 + 3 * x] = b"\x1f\x77\xb4"
    rows += bytes(row)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


with open("visitors.png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n")
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
    file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
