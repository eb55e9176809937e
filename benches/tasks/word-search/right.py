with open("grid.txt") as file:
    grid = file.read().split()
with open("words.txt") as file:
    words = file.read().split()


def find(word):
    for row in range(len(grid)):
        for column in range(len(grid[row])):
            for down, right in [(0, 1), (1, 0), (1, 1)]:
                try:
                    if all(
                        grid[row + down * k][column + right * k] == c for k, c in enumerate(word)
                    ):
                        return f"row {row + 1}, column {column + 1}"
                except IndexError:
                    pass
    return "not found"


for word in words:
    print(f"{word}: {find(word)}")
