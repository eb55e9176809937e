import os
import shutil

for name in os.listdir("."):
    if os.path.isfile(name) and "." in name and name != os.path.basename(__file__):
        extension = name.split(".")[-1]
        os.makedirs(extension, exist_ok=True)
        shutil.move(name, os.path.join(extension, name))
        print(f"Moved {name} to {extension}/")
