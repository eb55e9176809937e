#!/usr/bin/env python3
"""All bars of redraft and what was measured, as one table: python3 benches/all.py

Runs the programs of this folder (`cargo bench`), then redraft beside other programs on one scripted model
server that answers at once: a loop on the `openai` package, mini-swe-agent, smolagents and aider, from PyPI, each
in a virtual environment of its own. Nothing else may run on the machine. Exit code 1: a bar is not held.

  --quick            100 versions for 1,000; fewer rounds
  --only NAMES       some of: versions, sessions, serve, sandbox, candidates, model, size, peers
  --model FILE.gguf  the model for `model`, which is left out without one; --llama PROGRAM is llama.cpp's server
  --program PATH     another redraft than this build's
  --venvs DIR        keep the other programs' environments there
"""

import argparse
import http.server
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The line of a program of this folder: what, measured, unit, bar.
ROW = re.compile(r"^(\S.*?)\s+(-?[\d.]+) (\S*)\s+\(bar ([\d.]+)\)")
# The program may have 60 MB.
LARGEST = 60.0
# Calls of ten versions and ten reviews, with the plan's.
MANY = 21
SCRIPT = "print({n} - {n})\n" * 60


def answer(form, n, last):
    """What the model says in the form that a program asks for."""
    script = SCRIPT.format(n=n)
    if form == "swe":
        done = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT\n" if last else ""
        return f"THOUGHT: so.\n\n```mswea_bash_command\n{done}cat > script.py <<'END'\n{script}END\n```\n"
    if form == "smol":
        done = f"final_answer({n})" if last else f"print({n})"
        return f"Thought: so.\n<code>\n{done}\n</code>"
    if form == "aider":
        return f"script.py\n```python\n{script}```\n"
    return f"```python\n{script}```\n"


def redraft_answer(prompt, n):
    """What redraft's agents are answered: nobody is ever content."""
    if prompt.startswith("You are the Planner"):
        return "It counts.\nR1: It prints one. Check: read it.\nR2: It prints two. Check: read it.\n"
    if prompt.startswith("You are the Reviewer"):
        line = next((line for line in prompt.splitlines() if line.startswith("print(")), "")
        return f'R1: met\nR2: not met\n- [blocker] R2 "{line}" case {n} goes wrong\nVERDICT: ITERATE\n'
    return answer("plain", n, False)


class Model(http.server.BaseHTTPRequestHandler):
    """OpenAI's chat completions at `/FORM/CALLS/RUN/v1`: the last of so many calls of a run ends it."""

    protocol_version = "HTTP/1.1"
    calls = {}

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.send(404, "text/plain", b"")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, form, calls, run, *_ = self.path.split("/")
        n = self.calls[run] = self.calls.get(run, 100_000) + 1
        if form == "redraft":
            parts = [message["content"] for message in body["messages"]]
            texts = [p if isinstance(p, str) else "".join(t.get("text", "") for t in p) for p in parts]
            text = redraft_answer("\n".join(texts), n)
        else:
            text = answer(form, n, n - 100_000 >= int(calls))
        usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
        common = {"id": "c", "created": 0, "model": "m"}
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            whole = common | {"object": "chat.completion", "choices": [choice], "usage": usage}
            return self.send(200, "application/json", json.dumps(whole).encode())
        chunk = common | {"object": "chat.completion.chunk"}
        delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        events = [chunk | {"choices": [delta]}, chunk | {"choices": [end], "usage": usage}]
        stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        return self.send(200, "text/event-stream", stream.encode())

    def send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


OPENAI = """
import sys
from openai import OpenAI
client, messages = OpenAI(base_url=sys.argv[1], api_key="k"), []
for n in range(int(sys.argv[2])):
    messages.append({"role": "user", "content": "count to two" if n == 0 else "it goes wrong, again"})
    stream = client.chat.completions.create(model="m", messages=messages, stream=True)
    text = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    messages.append({"role": "assistant", "content": text})
    with open(f"script_{n}.py", "w") as file:
        file.write(text.split("```python\\n")[1].split("```")[0])
"""
SMOL = """
import sys
from smolagents import CodeAgent, OpenAIServerModel
model = OpenAIServerModel(model_id="m", api_base=sys.argv[1], api_key="k")
CodeAgent(tools=[], model=model, max_steps=int(sys.argv[2]) + 1, verbosity_level=0).run("count to two")
"""
SWE = """
import sys
from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_textbased_model import LitellmTextbasedModel
model = LitellmTextbasedModel(model_name="openai/m", cost_tracking="ignore_errors",
    model_kwargs={"api_base": sys.argv[1], "api_key": "k"})
agent = DefaultAgent(model, LocalEnvironment(), system_template="You write scripts.", instance_template="{{task}}")
assert agent.run("count to two")["exit_status"] == "Submitted"
"""
# Name, packages, form of the answers, the program, whether it makes more than one call.
PEERS = [
    ("openai 3.57.0, a loop", ["openai==3.57.0"], "plain", OPENAI, True),
    ("mini-swe-agent 2.4.6", ["mini-swe-agent==2.4.6"], "swe", SWE, True),
    ("smolagents 1.26.0", ["smolagents[openai]==1.26.0"], "smol", SMOL, True),
    ("aider 0.86.2", ["aider-chat==0.86.2"], "aider", None, False),
]
AIDER = ("--yes-always --no-git --no-check-update --no-show-model-warnings --analytics-disable --edit-format whole "
         "--map-tokens 0 --no-pretty --no-gitignore --message").split()


def timed(command, folder, env, codes):
    """Seconds and MiB of a command; an error if it ends with another code than these."""
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            said.seek(0)
            raise RuntimeError(f"{command[0]}: {process.returncode}\n{said.read().decode(errors='replace')[-2000:]}")
    return took, usage.ru_maxrss / 1024


class Peers:
    """The programs side by side on one server."""

    def __init__(self, program, venvs, rounds):
        self.program, self.venvs, self.rounds, self.runs = program, venvs, rounds, 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, form, calls):
        self.runs += 1
        return f"http://127.0.0.1:{self.server.server_port}/{form}/{calls}/{self.runs}/v1"

    def median(self, once):
        once()
        runs = [once() for _ in range(self.rounds)]
        return tuple(statistics.median(values) for values in zip(*runs))

    def redraft(self, calls):
        def once():
            with tempfile.TemporaryDirectory() as folder:
                own = Path(folder, ".config/redraft")
                own.mkdir(parents=True)
                url = self.url("redraft", calls)
                provider = f'{{ kind: openai, base_url: "{url}" }}'
                (own / "config.yaml").write_text(f"{{ model: p/m, probe: never, providers: {{ p: {provider} }} }}")
                how = ["--preset", "quick"] if calls == 1 else ["--auto", "--max-versions", "10"]
                new = [self.program, "new", "count to two", "--no-run", "--name", "s", *how]
                return timed(new, folder, {"HOME": folder, "PATH": os.environ["PATH"]}, [3])
        return self.median(once)

    def python(self, name, packages):
        venv = Path(self.venvs, re.sub(r"\W+", "-", packages[0]))
        python = venv / "bin/python"
        if not (venv / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
            if subprocess.run(pip, check=False).returncode != 0:
                print(f"{name}: could not be installed, left out", flush=True)
                return None
            (venv / "ready").touch()
        return str(python)

    def peer(self, python, form, program, calls):
        def once():
            with tempfile.TemporaryDirectory() as folder:
                env = {"HOME": folder, "PATH": os.environ["PATH"], "OPENAI_API_KEY": "k", "MSWEA_SILENT_STARTUP": "1",
                       "MSWEA_CONFIGURED": "true", "MSWEA_GLOBAL_CONFIG_DIR": folder, "NO_PROXY": "*",
                       "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}
                url = self.url(form, calls)
                if program is None:
                    aider = [python, "-m", "aider", "--model", "openai/m", "--openai-api-base", url, *AIDER]
                    took = timed([*aider, "count to two", "script.py"], folder, env, [0])
                else:
                    took = timed([python, "-c", program, url, str(calls)], folder, env, [0])
                if Model.calls.get(str(self.runs)) != 100_000 + calls:
                    made = Model.calls.get(str(self.runs), 100_000) - 100_000
                    raise RuntimeError(f"it made {made} calls, not {calls}")
                return took
        return self.median(once)

    def table(self):
        rows = []
        for calls, what in [(1, "one answer, a script"), (MANY, "ten versions and ten reviews")]:
            seconds, memory = self.redraft(calls)
            rows.append((f"redraft: {what}", seconds, memory, None, None))
            for name, packages, form, program, more in PEERS:
                python = self.python(name, packages) if more or calls == 1 else None
                if python is None:
                    continue
                try:
                    theirs = self.peer(python, form, program, calls)
                except RuntimeError as error:
                    print(f"{name}: left out, {error}", flush=True)
                    continue
                what_of = "one answer" if calls == 1 else f"{calls} calls"
                rows.append((f"{name}: {what_of}", *theirs, seconds / theirs[0], memory / theirs[1]))
        return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="versions,sessions,serve,sandbox,candidates,model,size,peers")
    parser.add_argument("--model")
    parser.add_argument("--llama")
    parser.add_argument("--program")
    parser.add_argument("--venvs")
    args = parser.parse_args()
    only = args.only.split(",")
    env = os.environ | ({"REDRAFT_PROGRAM": str(Path(args.program).resolve())} if args.program else {})
    given = {"versions": ["--quick"] if args.quick else [], "model": [args.model, args.llama]}
    bars = []
    for name in ["versions", "sessions", "serve", "sandbox", "candidates", "model"]:
        if name not in only or (name == "model" and not args.model):
            continue
        bench = ["cargo", "bench", "--locked", "--bench", name, "--", *filter(None, given.get(name, []))]
        out = subprocess.run(bench, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, check=False).stdout
        print(out, flush=True)
        found = [row.groups() for row in map(ROW.match, out.splitlines()) if row]
        bars += [(what, float(bar), float(measured), unit) for what, measured, unit, bar in found]
        if not found:
            bars.append((f"`{name}` did not come to an end", 0.0, float("inf"), ""))
    program = args.program
    if program is None and ("size" in only or "peers" in only):
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
        target = subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT)
        program = Path(json.loads(target)["target_directory"], "release/redraft")
    if "size" in only:
        bars.append(("size of the program", LARGEST, Path(program).stat().st_size / 1e6, "MB"))
    if bars:
        print("| what | bar | measured | ratio | held |\n| --- | --- | --- | --- | --- |")
    for what, bar, measured, unit in bars:
        ratio = measured / bar if bar else float("inf")
        print(f"| {what} | {bar:g} {unit} | {measured:.2f} {unit} | {ratio:.2f} | {'yes' if measured <= bar else 'NO'} |")
    if "peers" in only:
        venvs = args.venvs or tempfile.mkdtemp()
        try:
            rows = Peers(str(Path(program).resolve()), venvs, 3 if args.quick else 7).table()
        finally:
            if not args.venvs:
                shutil.rmtree(venvs, ignore_errors=True)
        print("\n| program | ms | MiB | redraft's time to its | redraft's memory to its |\n| --- | --- | --- | --- | --- |")
        for what, seconds, memory, time_ratio, memory_ratio in rows:
            ratios = ["" if ratio is None else f"{ratio:.3f}" for ratio in (time_ratio, memory_ratio)]
            print(f"| {what} | {1000 * seconds:.0f} | {memory:.0f} | {' | '.join(ratios)} |")
    return int(any(measured > bar for _, bar, measured, _ in bars))


if __name__ == "__main__":
    sys.exit(main())
