with open("speech.txt") as file:
    lines = file.readlines()
longest = max(lines, key=len)
print("Line number:", lines.index(longest) + 1)
print("Characters:", len(longest))
print("Line:", longest)
