LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
board = [" "] * 9
player = "X"
while True:
    field = int(input(f"{player}, your field: ")) - 1
    if board[field] != " ":
        print("That field is taken.")
        continue
    board[field] = player
    if any(all(board[f] == player for f in line) for line in LINES):
        print(f"{player} wins")
        break
    if " " not in board:
        print("draw")
        break
    player = "O" if player == "X" else "X"
