#!/bin/sh
# Stores a key in a real keyring and uses it: tests/keyring.sh PROGRAM
# Needs dbus-run-session, gnome-keyring-daemon and python3. The keyring is a new one in a temporary home.
set -eu
program=$(readlink -f "${1:?the redraft program}")
world=$(mktemp -d)
trap 'rm -rf "$world"' EXIT
cd "$world"
mkdir run
chmod 700 run
export HOME="$world" XDG_RUNTIME_DIR="$world/run" PROGRAM="$program"
unset OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY OPENROUTER_API_KEY || true
cat > server.py <<'END'
# Answers each request and records its key.
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def do_GET(self): self.send_error(404)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        open("keys", "a").write(self.headers.get("Authorization", "none") + "\n")
        text = "```python\nprint(1)\n```"
        body = json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open("port.new", "w").write(str(server.server_port))
import os; os.rename("port.new", "port")
server.serve_forever()
END
dbus-run-session -- sh -euc '
    # The daemon needs no trap: it ends with the bus of dbus-run-session.
    printf password | gnome-keyring-daemon --unlock --components=secrets > /dev/null 2>&1
    python3 server.py & server=$!
    trap "kill $server" EXIT
    until [ -e port ]; do :; done
    mkdir -p .config/redraft
    echo "{ model: mine/m, probe: never, providers: { mine: { kind: openai, base_url: \"http://127.0.0.1:$(cat port)/v1\" } } }" > .config/redraft/config.yaml
    ask() { "$PROGRAM" new "print one" --preset quick --no-run --name "$1" < /dev/null > out 2>&1 || [ $? = 3 ] || { cat out; exit 1; }; }
    ask a
    printf "sk-first\n" | "$PROGRAM" login mine
    ask b
    printf "sk-second" | "$PROGRAM" login mine
    ask c
    "$PROGRAM" models < /dev/null | grep "the key in the keyring"
    "$PROGRAM" logout mine
    ask d
    "$PROGRAM" logout mine | grep "has no key"
'
[ "$(tr '\n' ';' < keys)" = "none;Bearer sk-first;Bearer sk-second;none;" ] || { cat keys; exit 1; }
rm keys
if grep -rl "sk-first\|sk-second" sessions .config .cache .local/state 2> /dev/null; then
    echo "a key was written to these files"
    exit 1
fi
echo "the keyring holds: all as it should be"
