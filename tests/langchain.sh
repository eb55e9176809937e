#!/usr/bin/env bash
# Runs LangChain agents that use the Python package: a whole task at once, and step by step. Needs a network
# for LangChain itself and one small package. Not part of CI.
#
# $REDRAFT_BIN names the program; without it, cargo builds it.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

if [ -z "${REDRAFT_BIN:-}" ]; then
  cargo build --quiet --locked --manifest-path "$here/Cargo.toml"
  export REDRAFT_BIN="${CARGO_TARGET_DIR:-$here/target}/debug/redraft"
fi
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q langchain==1.5.2 langchain-core==1.8.3 langgraph==1.2.24
cd "$work"
PYTHONPATH="$here/python" "$work/venv/bin/python" "$here/tests/langchain_agents.py"
