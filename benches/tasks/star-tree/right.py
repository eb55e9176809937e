import sys

rows = int(sys.argv[1])
for row in range(rows):
    print(" " * (rows - 1 - row) + "*" * (2 * row + 1))
print(" " * (rows - 1) + "|")
