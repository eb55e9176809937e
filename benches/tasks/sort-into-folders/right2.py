import os
import shutil
import sys

folder = "data" if os.path.isdir("data") else "."
for name in sorted(os.listdir(folder)):
    path = os.path.join(folder, name)
    base, ending = os.path.splitext(name)
    if not os.path.isfile(path) or not ending or name == os.path.basename(sys.argv[0]):
        continue
    target = os.path.join(folder, ending.lower().lstrip("."))
    os.makedirs(target, exist_ok=True)
    shutil.move(path, os.path.join(target, name))
    print(f"moved {name}")
