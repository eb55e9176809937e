"""The conformance suite, through a proxy that adds the token it cannot send; then the inspector over stdio."""

import http.client
import http.server
import json
import subprocess
import sys
import threading

from world import REDRAFT, arguments, environment, folder, saw

# The scenarios of `conformance list --server` that hold for every server.
SCENARIOS = (
    "server-initialize",
    "ping",
    "tools-list",
    "resources-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)


class Proxy(http.server.BaseHTTPRequestHandler):
    """Forwards requests with the token, and streams the responses back."""

    protocol_version = "HTTP/1.1"

    def forward(self):
        own = f"{self.server.server_address[0]}:{self.server.server_address[1]}"
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("connection",)}
        # The server checks host names: replace the proxy's address by the server's, and keep all others.
        headers = {name: value.replace(own, self.server.target) for name, value in headers.items()}
        headers["Authorization"] = f"Bearer {self.server.token}"
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while part := answer.read1():
                self.wfile.write(part)
                self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError, http.client.IncompleteRead):
            pass  # one side has closed the connection
        finally:
            self.close_connection = True
            connection.close()

    do_GET = do_POST = do_DELETE = forward

    def log_message(self, *_):
        pass


def suite(here) -> bool:
    """Runs every scenario; returns whether all passed."""
    command = [REDRAFT, "--json", *arguments(here), "--http"]
    good = True
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=here) as server:
        told = json.loads(server.stdout.readline())
        target, path = told["url"].removeprefix("http://").split("/", 1)
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        proxy.daemon_threads = True
        proxy.target, proxy.token = target, told["token"]
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{proxy.server_address[1]}/{path}"
        for scenario in SCENARIOS:
            asked = ["conformance", "server", "--url", url, "--scenario", scenario]
            ran = subprocess.run(asked, capture_output=True, text=True, cwd=here)
            if ran.returncode:
                print(ran.stdout, ran.stderr, file=sys.stderr)
                good = False
            saw("conformance 0.1.16", f"{scenario}: {'failed' if ran.returncode else 'passed'}")
        proxy.shutdown()
        proxy.server_close()
        server.terminate()
    return good


def inspector(here) -> None:
    """Requests every list that the inspector supports, and makes one call."""

    # In a file, which also passes the environment on.
    server = {"command": REDRAFT, "args": arguments(here), "env": environment()}
    (here / "mcp.json").write_text(json.dumps({"mcpServers": {"redraft": server}}))

    def ask(*method):
        asked = ["mcp-inspector", "--cli", "--config", "mcp.json", "--server", "redraft", "--method", *method]
        ran = subprocess.run(asked, capture_output=True, text=True, cwd=here, timeout=60)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return json.loads(ran.stdout)

    tools = [tool["name"] for tool in ask("tools/list", "--strict")["tools"]]
    assert {"write_script", "answer_gate", "run_python"} <= set(tools), tools
    ask("resources/list")
    ask("resources/templates/list")
    ran = ask("tools/call", "--tool-name", "run_python", "--tool-arg", "code=print(6 * 7)")
    assert "42" in ran["content"][0]["text"], ran
    saw("inspector 2.12.0", f"{len(tools)} tools, the resources, a call of run_python")


passed = suite(folder())
inspector(folder())
sys.exit(0 if passed else 1)
