import struct
import zlib

# Example data
visitors = [310, 450, 625, 980, 870, 420]
width, height = 480, 320
pixels = [[(255, 255, 255)] * width for _ in range(height)]
for i, value in enumerate(visitors):
    for y in range(height - int(value / max(visitors) * 300), height):
        for x in range(i * 80 + 10, i * 80 + 70):
            pixels[y][x] = (70, 130, 180)
rows = b"".join(b"\0" + b"".join(bytes(pixel) for pixel in row) for row in pixels)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
with open("visitors.png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
    file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
print("Bar chart saved as visitors.png")
