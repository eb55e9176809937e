import sys

rows = int(sys.argv[1])
for i in range(1, rows + 1):
    print(" " * (rows - i) + "*" * i)
print(" " * (rows - 1) + "|")
