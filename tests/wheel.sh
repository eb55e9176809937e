#!/usr/bin/env bash
# Builds the wheel and uses it as users do: installed with pip, by uvx, as a module, in a notebook.
# Needs a network. Not part of CI: a release build takes minutes. cargo's output is in $CARGO_TARGET_DIR;
# WHEEL=FILE uses an existing wheel.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/tools"
"$work/tools/bin/pip" install -q 'maturin==1.16.*' 'uv==0.13.*'
python3 --version
"$work/tools/bin/maturin" --version
"$work/tools/bin/uv" --version

if [ -z "${WHEEL:-}" ]; then
  (cd "$here" && "$work/tools/bin/maturin" build --release --locked --out "$work/dist")
  WHEEL="$(echo "$work"/dist/*.whl)"
fi
echo "wheel: $(basename "$WHEEL"), $(stat -c %s "$WHEEL") bytes"
[ "$(stat -c %s "$WHEEL")" -lt $((30 << 20)) ]
python3 -m zipfile -l "$WHEEL" | grep -q 'redraft/py.typed'
if python3 -m zipfile -l "$WHEEL" | grep -q 'tests/'; then echo 'the wheel holds tests'; exit 1; fi

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "$WHEEL"
cp -r "$here/python/tests" "$work/tests"
# Without the source of the package beside them, so that the tests use the installed one.
(cd "$work/tests" && env -u REDRAFT_BIN "$work/venv/bin/python" -W error -m unittest)
"$work/venv/bin/python" -m redraft --version
"$work/tools/bin/uvx" --from "$WHEEL" redraft --version

"$work/venv/bin/pip" install -q mypy nbclient nbformat ipykernel
"$work/venv/bin/mypy" --strict -p redraft --exclude langchain | tail -1
cp -r "$here/examples" "$here/demo" "$work/"
(cd "$work/examples" && "$work/venv/bin/python" - <<'PY'
import nbclient, nbformat
notebook = nbformat.read("redraft.ipynb", as_version=4)
nbformat.validate(notebook)
nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
printed = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
assert "accepted" in printed, printed
print("the notebook runs")
PY
)

# A notebook exported by redraft is valid and runs.
cat > "$work/answers.yaml" <<'YAML'
- { agent: coder, answer: "```python\nimport sys\nprint(sys.argv[1:], input())\n```" }
YAML
cat > "$work/config.yaml" <<YAML
model: demo/recorded
providers: { demo: { kind: script, path: $work/answers.yaml } }
candidates: 1
YAML
(cd "$work" && "$work/venv/bin/redraft" --config config.yaml new 'echo' --preset quick --name s --args 'a b' --stdin 5 --auto >/dev/null
"$work/venv/bin/redraft" export s --notebook -o s.ipynb
"$work/venv/bin/python" - <<'PY'
import nbclient, nbformat
notebook = nbformat.read("s.ipynb", as_version=4)
nbformat.validate(notebook)
before = notebook.cells[2].outputs[0].text
nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
assert notebook.cells[2].outputs[0].text == before == "['a', 'b'] 5\n", notebook.cells[2]
print("an exported notebook runs")
PY
)
echo ok
