import sys


def main():
    secret = int(sys.argv[1]) if len(sys.argv) > 1 else 42
    print("I say whether your guess is too low or too high.")
    for count, line in enumerate(sys.stdin, 1):
        difference = int(line) - secret
        if difference == 0:
            print("Found in", count)
            return
        print("Too high!" if difference > 0 else "Too low!")


main()
