#!/bin/sh
# Runs honest programs that need packages or a window in the sandbox, which `cargo test` cannot require.
#
#   tests/honest.sh [FOLDER]      needs a network with a package index, Xvfb, and Python with tkinter
#
# Creates a virtual environment in FOLDER (reused next time) and runs each program in it.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
cargo build --quiet --locked
redraft=$PWD/target/debug/redraft
[ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --only-binary :all: numpy pandas matplotlib pygame-ce rich requests
cd "$folder"
failed=0

# try NAME VERDICT: runs the program on standard input, which must get this verdict.
try() {
    cat > program.py
    said=$("$redraft" run program.py --python "venv:$folder/venv" 2>&1) || true
    case "$said" in
        *"$2: "*) echo "ok      $1" ;;
        *) echo "FAILED  $1"; echo "$said" | tail -5; failed=1 ;;
    esac
}

try "numpy" ok <<'P'
import numpy as np
assert np.linalg.inv(np.eye(300) * 2)[0, 0] == 0.5
P
try "pandas" ok <<'P'
import pandas as pd
open("a.csv", "w").write("a,b\n1,2\n3,4\n")
assert pd.read_csv("a.csv").groupby("a").sum().b.tolist() == [2, 4]
P
try "matplotlib, saved" ok <<'P'
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.savefig("a.png")
assert open("a.png", "rb").read(4) == b"\x89PNG"
P
try "matplotlib, only shown" ok <<'P'
import matplotlib.pyplot as plt, os
plt.plot([1, 2]); plt.show()
assert os.path.getsize("figure_1.png") > 1000
P
try "pandas that plots" ok <<'P'
import pandas as pd, matplotlib.pyplot as plt, os
pd.Series([1, 2, 3]).plot(); plt.show()
assert os.path.exists("figure_1.png")
P
try "a progress bar of rich" ok <<'P'
from rich.progress import track
for n in track(range(100)): pass
P
try "requests, to itself" ok <<'P'
import requests, threading, http.server
s = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=s.serve_forever, daemon=True).start()
assert requests.get(f"http://127.0.0.1:{s.server_port}/").ok
P
try "a clock by tkinter" window <<'P'
import tkinter, time
root = tkinter.Tk(); label = tkinter.Label(root, font=("sans", 40)); label.pack()
def tick(): label.config(text=time.strftime("%H:%M:%S")); root.after(200, tick)
tick(); root.mainloop()
P
try "turtle" window <<'P'
import turtle
for n in range(36): turtle.forward(100); turtle.left(170)
turtle.done()
P
try "a loop of pygame" window <<'P'
import pygame
pygame.init(); screen = pygame.display.set_mode((320, 240)); clock = pygame.time.Clock(); x = 0
while True:
    for event in pygame.event.get():
        if event.type == pygame.QUIT: raise SystemExit
    screen.fill("navy"); pygame.draw.circle(screen, "red", (x % 320, 120), 20); x += 3
    pygame.display.flip(); clock.tick(60)
P
try "a window that fails when it is drawn" failed <<'P'
import tkinter
root = tkinter.Tk(); tkinter.Label(root, text="x").pack(); root.after(100, lambda: 1 / 0); root.mainloop()
P
exit $failed
