#!/usr/bin/env bash
# Installs packages from the real index into real environments and runs scripts with them in the strict
# sandbox: with `uv` if there is one, and with `venv` and `pip`. Not part of the tests: it needs the network.
#
#   tests/packages.sh [FOLDER]
#
# UV=/path/to/uv names the `uv` to test; without it, and with none on the PATH, that part is skipped.
# The models' answers are recorded ones, written below. Exit code 1 if a check fails.
set -uo pipefail
folder=${1:-$(mktemp -d)}
here=$(cd "$(dirname "$0")/.." && pwd)
cargo build --quiet --manifest-path "$here/Cargo.toml" || exit 1
redraft=${REDRAFT:-${CARGO_TARGET_DIR:-$here/target}/debug/redraft}
mkdir -p "$folder" && cd "$folder" || exit 1
bad=0

# say NAME STATUS: prints the result of a check; status 0 means that it passed.
say() { if [ "$2" = 0 ]; then echo "ok    $1"; else echo "WRONG $1"; bad=1; fi; }

# session NAME INPUT SCRIPT...: runs a session whose Coder returns these scripts in order.
session() {
  local name=$1 input=$2
  shift 2
  {
    printf -- '- agent: planner\n  answer: "A script.\\nR1: It works."\n'
    for script; do printf -- '- agent: coder\n  answer: |\n    ```python\n%s\n    ```\n' "$(sed 's/^/    /' <<< "$script")"; done
    printf -- '- agent: reviewer\n  answer: "R1: met\\nVERDICT: ACCEPT"\n'
  } > "$name.yaml"
  printf 'model: rec/m\nsandbox: { seconds: 60 }\nproviders:\n  rec: { kind: script, path: %s.yaml }\n' "$name" > redraft.yaml
  printf "$input" | "$redraft" --config redraft.yaml new "do it" --name "$name" > "$name.log" 2>&1
}

numpy='import numpy as np
print(int(np.arange(5).sum()))'
more='import io
import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image
import yaml, bs4, dateutil
pd.DataFrame({"a": [1, 2]}).plot()
out = io.BytesIO()
plt.savefig(out)
print(Image.open(out).size[0] > 100, yaml.safe_load("[1]"))'

# round NAME: runs all checks once, in a home of their own.
round() {
  local kind=$1 began
  export HOME="$folder/home-$kind"
  rm -rf "$HOME" sessions && mkdir -p "$HOME"
  began=$SECONDS
  session "numpy-$kind" 'approve\nallow\naccept\n' "$numpy"
  say "$kind: numpy is installed and runs in the strict sandbox ($((SECONDS - began)) s)" "$(grep -qx 10 sessions/numpy-"$kind"/run_v1/stdout.txt; echo $?)"
  began=$SECONDS
  session "again-$kind" 'approve\naccept\n' "$numpy"
  say "$kind: a second session installs nothing ($((SECONDS - began)) s)" "$(grep -q install_started sessions/again-"$kind"/journal.jsonl; [ $? = 1 ] && grep -qx 10 sessions/again-"$kind"/run_v1/stdout.txt; echo $?)"
  began=$SECONDS
  session "more-$kind" 'approve\nallow\naccept\n' "$more"
  say "$kind: packages whose modules are called otherwise ($((SECONDS - began)) s)" "$(grep -qx 'True \[1\]' sessions/more-"$kind"/run_v1/stdout.txt; echo $?)"
  session "none-$kind" 'approve\naccept\n' 'import no_such_package_of_redraft' 'print(1)'
  say "$kind: a package that does not exist is told to the Coder" "$(grep -q 'the package index has no `no_such_package_of_redraft`' sessions/none-"$kind"/report_v1.yaml; echo $?)"
  session "version-$kind" 'approve\nallow\naccept\n' "# /// script
# dependencies = ['numpy>=1000']
# ///
$numpy" 'print(1)'
  say "$kind: a version that does not exist is told in the resolver's words" "$(grep -q 'numpy>=1000' sessions/version-"$kind"/report_v1.yaml; echo $?)"
  session "source-$kind" 'approve\nallow\naccept\n' 'import docopt' 'print(1)'
  say "$kind: what comes as source only is not built" "$(grep -q 'source only' sessions/source-"$kind"/report_v1.yaml; echo $?)"
  session "slip-$kind" 'approve\ndeny\naccept\n' 'import panda' 'print(1)'
  say "$kind: a slip for a better known name is warned of" "$(grep -q 'far better known `pandas`' slip-"$kind".log; echo $?)"
}

if uv=$(command -v "${UV:-uv}"); then
  export UV=$uv
  round uv
else
  echo "no uv: left out"
fi
# Without uv: a PATH with only Python and the system's programs.
python=$(python3 -c 'import sys; print(sys.executable)')
export PATH="$(dirname "$python"):/usr/bin:/bin"
unset UV
if command -v uv > /dev/null; then echo "uv is beside Python: pip is left out"; else round pip; fi
echo "the sessions are in $folder"
exit $bad
