import sys

start, end, step = map(int, sys.argv[1:4])
for celsius in range(start, end + 1, step):
    print(f"{celsius} C = {celsius * 9 / 5 + 32:.1f} F")
