board = [str(i) for i in range(1, 10)]


def winner():
    for i in range(3):
        if board[3 * i] == board[3 * i + 1] == board[3 * i + 2]:
            return board[3 * i]
        if board[i] == board[i + 3] == board[i + 6]:
            return board[i]
    if board[0] == board[4] == board[8] or board[2] == board[4] == board[6]:
        return board[4]
    return None


player = "X"
for turn in range(9):
    field = int(input(f"Player {player}, choose a field: ")) - 1
    if board[field] in ("X", "O"):
        print("Field is already taken!")
    else:
        board[field] = player
    if winner():
        print(f"{winner()} wins")
        break
    player = "O" if player == "X" else "X"
else:
    print("draw")
