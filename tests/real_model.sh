#!/usr/bin/env bash
# Four sessions with a real model behind any server with OpenAI's chat completions, each planned, coded,
# repaired, reviewed, killed on the way, resumed, given feedback and resumed again.
# Not part of the tests: it takes minutes to an hour, and a model's answers are never the same twice.
#
#   tests/real_model.sh http://127.0.0.1:8080/v1 [MODEL] [FOLDER]
#
# The sessions stay in FOLDER (a new one by default) for reading. matplotlib is installed into a virtual
# environment there, for the plot. Exit code 1 if the program broke a promise: a journal with gaps, a
# finished call that was sent twice, a folder in which `redraft repair` finds a fault.
# Whether a model's script is any good is for the reader to judge.
set -uo pipefail
url=${1:?the address of a server, as http://127.0.0.1:8080/v1}
model=${2:-any}
folder=${3:-$(mktemp -d)}
here=$(cd "$(dirname "$0")/.." && pwd)

cargo build --release --quiet --manifest-path "$here/Cargo.toml" || exit 1
redraft=${REDRAFT:-${CARGO_TARGET_DIR:-$here/target}/release/redraft}
mkdir -p "$folder" && cd "$folder" || exit 1
printf 'model: real/%s\nproviders:\n  real: { kind: openai, base_url: "%s" }\n' "$model" "$url" > redraft.yaml
"$redraft" trust --yes > trust.log || exit 1
if [ ! -d venv ]; then
  python3 -m venv venv && venv/bin/pip install --quiet matplotlib || echo "no matplotlib: the plot will have to do without"
fi
export PATH="$folder/venv/bin:$PATH"
broken=0

# check NAME: the journal must have no gaps, and no call may be sent again after it was answered.
check() {
  python3 - "sessions/$1/journal.jsonl" <<'PYTHON' || broken=1
import json, sys
events = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert [e["seq"] for e in events] == list(range(1, len(events) + 1)), "gaps"
finished = set()
for e in events:
    if e["event"] == "model_call_started":
        assert e["call"] not in finished, f"call {e['call']} was asked again"
    if e["event"] == "model_call_finished":
        finished.add(e["call"])
kinds = [e["event"] for e in events]
print(f"   {len(events)} events, {len(finished)} answers, {kinds.count('version_created')} versions,"
      f" {kinds.count('answer_refused')} refused answers, {kinds.count('reviewed')} reviews")
PYTHON
  "$redraft" repair "$1" || broken=1
}

# session NAME TASK FEEDBACK: runs a session, killed once while the Coder writes, to its end twice.
session() {
  local name=$1 task=$2 feedback=$3 pid code
  echo "=== $name: $task"
  "$redraft" new "$task" --name "$name" --auto --sandbox off --max-versions 5 > "$name.log" 2>&1 &
  pid=$!
  until grep -q '"agent":"coder"' "sessions/$name/journal.jsonl" 2>/dev/null || ! kill -0 $pid 2>/dev/null; do sleep 0.2; done
  sleep $((RANDOM % 8))
  kill -9 $pid 2>/dev/null && echo "--- killed while the Coder wrote" | tee -a "$name.log"
  wait $pid 2>/dev/null
  "$redraft" resume "$name" --auto --sandbox off >> "$name.log" 2>&1
  code=$?
  echo "--- resumed: exit $code: $(tail -n 1 "$name.log")"
  check "$name"
  "$redraft" feedback "$name" "$feedback" >> "$name.log" 2>&1
  "$redraft" resume "$name" --auto --sandbox off --max-versions 8 >> "$name.log" 2>&1
  code=$?
  echo "--- after feedback: exit $code: $(tail -n 1 "$name.log")"
  check "$name"
}

time session clock "an analog clock face in a window that shows the local time" \
  "The second hand should be red."
time session csv "statistics of the numeric columns of a CSV file: count, mean, median, minimum, maximum" \
  "Print the numbers with two decimals."
time session hangman "a hangman game in the terminal" \
  "Show how many wrong guesses are left after each guess."
time session plot "plot the probability that two people of a group share a birthday for groups of 1 to 60, and save it as a picture" \
  "Mark the group size at which the probability passes one half."

"$redraft" list
echo "the sessions are in $folder/sessions"
exit $broken
