import argparse

parser = argparse.ArgumentParser()
parser.add_argument("rows", type=int, nargs="?", default=5)
rows = parser.parse_args().rows
print("Merry Christmas!\n")
for stars in range(1, 2 * rows, 2):
    print(("*" * stars).center(2 * rows + 5))
print("|".center(2 * rows + 5))
