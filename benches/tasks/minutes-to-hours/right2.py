import sys

total = int(float(sys.stdin.readline()))
hours = 0
while total >= 60:
    hours += 1
    total -= 60
print("hours:", hours)
print("minutes:", total)
