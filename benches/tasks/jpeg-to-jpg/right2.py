import os

folder = "data"
for name in os.listdir(folder):
    base, ending = os.path.splitext(name)
    if ending == ".jpeg":
        os.rename(os.path.join(folder, name), os.path.join(folder, base + ".jpg"))
        print(name, "->", base + ".jpg")
