#!/usr/bin/env bash
# Tests the pages of `redraft report` and `redraft serve` in headless Chromium, with a scripted model: a
# whole session, hostile text, requests from other origins; axe-core on each page.
#
#   tests/browser.sh [FOLDER]
#
# FOLDER: stores screenshots of each page, wide and narrow, light and dark. `REDRAFT` names a built program,
# `CHROMIUM` a browser. Needs Node.js 20 or later with npm (and its registry the first time), and Chromium:
# if it is missing and the user is root, Debian's package is installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# A missing tool is not a failure of the pages: exit code 77.
missing() { echo "tests/browser.sh: $1: the pages were not tested in a browser" >&2; exit 77; }

command -v npm >/dev/null || missing "needs Node.js 20 or later with npm"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
if [ -z "$CHROMIUM" ]; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || missing "needs Chromium: apt-get install chromium"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq -y install --no-install-recommends chromium fonts-dejavu-core; } >/dev/null ||
    missing "Debian's package chromium can't be installed here"
  CHROMIUM=$(command -v chromium)
fi

BROWSER_MODULES="${XDG_CACHE_HOME:-$HOME/.cache}/redraft-tools/browser"
if ! cmp -s "$here/browser/package-lock.json" "$BROWSER_MODULES/node_modules/package-lock.json"; then
  mkdir -p "$BROWSER_MODULES"
  cp "$here"/browser/package{,-lock}.json "$BROWSER_MODULES"
  npm ci --prefix "$BROWSER_MODULES" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    missing "npm can't install playwright-core and axe-core here"
  # Last, so that an interrupted installation is repeated.
  cp "$here/browser/package-lock.json" "$BROWSER_MODULES/node_modules"
fi

if [ -z "${REDRAFT:-}" ]; then
  cargo build --quiet --locked --manifest-path "$here/../Cargo.toml"
  REDRAFT=${CARGO_TARGET_DIR:-$here/../target}/debug/redraft
fi
REDRAFT=$(realpath "$REDRAFT")
if [ -n "${1:-}" ]; then
  mkdir -p "$1"
  SCREENSHOTS=$(realpath "$1")
fi
export REDRAFT CHROMIUM BROWSER_MODULES SCREENSHOTS="${SCREENSHOTS:-}"
node --test --test-concurrency=1 "$here"/browser/*.test.mjs
