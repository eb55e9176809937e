#!/usr/bin/env bash
# Tests `redraft mcp` with real clients and recorded answers instead of models: the official SDK in both
# versions of the protocol, LangChain, PydanticAI, smolagents and FastMCP. Not part of the tests: it
# installs the clients from the index.
#
#   tests/clients.sh [FOLDER]
#
# Prints what each client saw. Exit code 1 if a check fails.
set -uo pipefail
. "$(dirname "$0")/program.sh"
bad=0

# run SCRIPT PACKAGE...: runs a script in a virtual environment of its own with these packages.
run() {
  local script=$1 place="$folder/${1%.py}"
  shift
  [ -x "$place/bin/python" ] || python3 -m venv "$place" || exit 1
  "$place/bin/pip" --quiet --disable-pip-version-check install "$@" || exit 1
  if ! (cd "$folder" && timeout 120 "$place/bin/python" -W ignore "$here/tests/clients/$script"); then
    echo "$script failed" >&2
    bad=1
  fi
}

run official.py mcp==2.3.0
run official_http.py mcp==2.3.0
run official_1.py mcp==1.30.0
run langchain_agent.py mcp==1.30.0 langchain-mcp-adapters==0.3.2 langchain==1.5.2 langgraph==1.2.24
run pydantic_agent.py 'pydantic-ai-slim[mcp]==2.68.0'
run smolagents_agent.py 'smolagents[mcp]==1.26.0' mcp==1.30.0
run fastmcp_client.py fastmcp==4.2.3
exit $bad
