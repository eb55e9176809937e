#!/usr/bin/env bash
# Tests redraft's wire formats with real servers from the registries: LiteLLM's proxy, llama.cpp's server
# with a real model, aimock and llmock; and its connections through real proxies: tinyproxy, proxy.py, pproxy.
# Covers sessions, questions with tools, reviews constrained by a schema, errors, and token counts.
# Not part of the tests: it installs the servers, and takes some minutes.
#
#   tests/servers.sh [aimock|litellm|llama|llmock|proxies]...        by default all of them
#
# SERVERS_FOLDER names a folder for the installed servers, which are reused; without it all goes into a
# folder that is removed at the end. MODEL names the model for llama.cpp, a GGUF file; without it
# `redraft models pull tiny` downloads one. REDRAFT names the program. tinyproxy is skipped if it is not
# installed. Exit code 1 if a check fails.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${REDRAFT:-}" ]; then
  cargo build --quiet --manifest-path "$here/Cargo.toml"
  REDRAFT=${CARGO_TARGET_DIR:-$here/target}/debug/redraft
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
servers=$(realpath -m "${SERVERS_FOLDER:-$folder/servers}")
mkdir -p "$servers"
[ -x "$servers/python/bin/python" ] || python3 -m venv "$servers/python"
"$servers/python/bin/pip" install --quiet --disable-pip-version-check 'litellm[proxy]==1.108.7' \
  xllamacpp==2026.10.11549 proxy.py==2.4.10 pproxy==2.7.9
(cd "$servers" && npm install --silent --no-save --prefix . @copilotkit/aimock@1.43.0 llmock@3.3.6 > /dev/null)
if [ -z "${MODEL:-}" ] && { [ $# = 0 ] || [[ " $* " = *" llama "* ]]; }; then
  export XDG_CACHE_HOME=$servers/cache
  MODEL=$("$REDRAFT" models pull tiny --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["path"])')
fi
export REDRAFT MODEL=${MODEL:-} NODE_MODULES=$servers/node_modules
cd "$folder"
"$servers/python/bin/python" -B "$here/tests/servers/run.py" "$@"
