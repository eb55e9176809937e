import sys

secret = int(sys.argv[1])
attempts = 0
guess = int(input("Guess the number: "))
while guess != secret:
    if guess < secret:
        print("Too low")
    else:
        print("Too high")
    attempts += 1
    guess = int(input("Guess the number: "))
print(f"Congratulations! You needed {attempts} guesses.")
