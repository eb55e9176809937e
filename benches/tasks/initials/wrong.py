import sys

name = sys.argv[1:]
print(name[0][0].upper() + name[-1][0].upper())
