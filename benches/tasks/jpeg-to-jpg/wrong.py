import os

for name in os.listdir("."):
    if "jpeg" in name:
        os.rename(name, name.replace("jpeg", "jpg"))
        print("Renamed", name)
