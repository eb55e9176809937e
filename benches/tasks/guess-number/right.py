import sys

secret = int(sys.argv[1])
guesses = 0
while True:
    guess = int(input("Your guess: "))
    guesses += 1
    if guess == secret:
        break
    print("too low" if guess < secret else "too high")
print(f"Right! You needed {guesses} guesses.")
