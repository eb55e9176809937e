import sys

start, end, step = map(int, sys.argv[1:4])
print("Celsius\tFahrenheit")
for celsius in range(start, end, step):
    print(f"{celsius}\t{celsius * 9 / 5 + 32:.1f}")
