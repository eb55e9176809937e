import sys

print("".join(word[0].upper() for word in sys.argv[1:]))
