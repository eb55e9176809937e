"""Shared code: starts servers, runs redraft as a user does, and reports the results as rows."""

import importlib.metadata
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REDRAFT = os.environ["REDRAFT"]
# The folder of the virtual environment's programs.
BIN = pathlib.Path(sys.executable).parent
KEY = "sk-servers-4711"
SUM = "print the sum of 2 and 3"

rows = []
started = []


def row(server, what, right, seen=""):
    """Prints a check of a server and its result; on failure, also the end of `seen`."""
    rows.append((server, right))
    print(f"{'right' if right else 'WRONG'}  {server}: {what}", flush=True)
    if not right:
        for line in str(seen).splitlines()[-12:]:
            print(f"         {line}")


def pip(package):
    return importlib.metadata.version(package)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def environment(**more):
    """A minimal environment: only `PATH` comes from the user."""
    return {"PATH": os.environ["PATH"], "HOME": os.getcwd(), "NO_COLOR": "1", **more}


def start(name, args, ready, **env):
    """Starts a server; returns its address: the match of `ready` in its output, or `ready` if that is one."""
    log = open(f"{name}.log", "wb")
    # A process group of its own: some servers start others, which must be stopped too.
    server = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=log, stderr=log,
                              env=environment(**env), start_new_session=True)
    started.append(server)
    end = time.monotonic() + 180
    while server.poll() is None and time.monotonic() < end:
        if isinstance(ready, str):
            host, port = re.search(r"//([^/:]*):(\d+)", ready).groups()
            with socket.socket() as one:
                if one.connect_ex((host, int(port))) == 0:
                    return ready
        elif found := re.search(ready, pathlib.Path(f"{name}.log").read_bytes()):
            return found[1].decode()
        time.sleep(0.1)
    raise SystemExit(f"{name} did not start:\n{pathlib.Path(f'{name}.log').read_text()[-2000:]}")


def stop():
    for server in started:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
    for server in started:
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def get(url, body=None, **headers):
    """Requests JSON from a server, without a proxy."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}", **headers}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return json.load(answer)


class Redraft:
    """One run of redraft, with its exit code, its output, and its session's journal."""

    number = 0

    def __init__(self, provider, model, command, *args, env=(), more=None, **settings):
        Redraft.number += 1
        self.name = f"s{Redraft.number}"
        # JSON is valid YAML.
        settings = {"retries": 1, "retry_seconds": 0.05, "api_key_env": "SERVERS_KEY", **provider, **settings}
        config = {"model": f"it/{model}", "providers": {"it": settings}, "sandbox": {"seconds": 60},
                  **(more or {})}
        pathlib.Path(f"{self.name}.yaml").write_text(json.dumps(config))
        done = subprocess.run(
            [REDRAFT, "--config", f"{self.name}.yaml", "--sessions", "sessions", command, *args,
             *(["--name", self.name] if command in ("new", "ask") else [])],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(**{"SERVERS_KEY": KEY, **dict(env)}), timeout=600)
        self.code, self.said = done.returncode, done.stdout.decode("utf-8", "replace")
        journal = pathlib.Path("sessions", self.name, "journal.jsonl")
        lines = journal.read_text().splitlines() if journal.exists() else []
        self.events = [json.loads(line) for line in lines]

    def of(self, event):
        return [one for one in self.events if one["event"] == event]

    def tokens(self):
        """The prompt and answer tokens of each call."""
        uses = [one.get("usage", {}) for one in self.of("model_call_finished")]
        return [(use.get("prompt"), use.get("answer")) for use in uses]


def end():
    wrong = [server for server, right in rows if not right]
    print(f"{len(rows)} rows, {len(wrong)} wrong")
    sys.exit(1 if wrong else 0)
