best, where = "", 0
count = 0
for line in open("data/speech.txt"):
    count += 1
    line = line.rstrip("\n")
    if len(line) > len(best):
        best, where = line, count
print(best)
print("length", len(best))
print("line number", where)
