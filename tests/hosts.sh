#!/usr/bin/env bash
# Tests the proxy of `--allow network=HOST` with real HTTP clients, requests, httpx, pip and urllib: which
# hosts they may reach and which not. Not part of the tests: it installs the clients from the index.
#
#   tests/hosts.sh [FOLDER]
#
# The servers are our own, on this machine. Exit code 1 if a check fails.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath "${1:-$(mktemp -d)}")
redraft=${REDRAFT:-}
if [ -z "$redraft" ]; then
  cargo build --quiet --manifest-path "$here/Cargo.toml" || exit 1
  redraft=${CARGO_TARGET_DIR:-$here/target}/debug/redraft
fi
mkdir -p "$folder" && cd "$folder" || exit 1
[ -x clients/bin/python ] || python3 -m venv clients || exit 1
clients/bin/pip --quiet --disable-pip-version-check install requests==2.32.5 httpx==0.28.1 certifi || exit 1
bad=0

# The files of the web servers: a page, and a package index with one package.
mkdir -p served/simple/tiny && echo 'from the server' > served/index.html
clients/bin/python - <<'END'
import zipfile
info = 'tiny-1.0.dist-info/'
with zipfile.ZipFile('served/simple/tiny/tiny-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('tiny.py', 'print("tiny")\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr(info + 'RECORD', '')
END
echo '<a href="tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>' > served/simple/tiny/index.html
cat > serve.py <<'END'
import http.server, ssl, sys
class Says(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200); self.send_header('Content-Length', str(len(str(len(body)))))
        self.end_headers(); self.wfile.write(str(len(body)).encode())
    def do_GET(self):
        if self.path.startswith('/to/'):
            self.send_response(302); self.send_header('Location', 'http://127.0.0.1:' + self.path[4:])
            self.send_header('Content-Length', '0'); self.end_headers()
        else: super().do_GET()
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), lambda *a: Says(*a, directory='served'))
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(*sys.argv[1:])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
END
servers=()
trap 'kill "${servers[@]}"' EXIT
# serve NAME ARGUMENTS...: starts a server and sets $port.
serve() {
  local name=$1
  shift
  rm -f "$name.port" && mkfifo "$name.port"
  python3 serve.py "$@" > "$name.port" &
  servers+=($!)
  read -r port < "$name.port"
}
fixtures=$here/tests/it/fixtures/hosts
serve plain && a=$port
serve other && b=$port
serve tls "$fixtures/localhost.crt" "$fixtures/localhost.key" && t=$port
export SSL_CERT_FILE=$fixtures/localhost.crt REQUESTS_CA_BUNDLE=$fixtures/localhost.crt

# row NAME EXPECTED SCRIPT: the output of the script, or of redraft, must contain EXPECTED.
row() {
  local out began=$SECONDS
  printf '%s\n' "A, B, T = $a, $b, $t" "$3" > script.py
  out=$("$redraft" run --python clients/bin/python --allow "network=127.0.0.1:$a,localhost:$t" script.py 2>&1 < /dev/null)
  if grep -qF -- "$2" <<< "$out"; then echo "ok    $1 ($((SECONDS - began)) s)"; else echo "WRONG $1"; echo "$out" | tail -n 12; bad=1; fi
}

for client in requests httpx; do
  row "$client: plain HTTP" 'from the server' "import $client; print($client.get(f'http://127.0.0.1:{A}/').text)"
  row "$client: TLS in a tunnel, with the user's certificates" 'from the server' "import $client; print($client.get(f'https://localhost:{T}/').text)"
  row "$client: an upload" 300000 "import $client; print($client.post(f'http://127.0.0.1:{A}/', data=b'x' * 300_000).text)"
  row "$client: a host that is not on the list" "tried 127.0.0.1:$b, allowed is 127.0.0.1:$a" "import $client; print($client.get(f'http://127.0.0.1:{B}/').text)"
  row "$client: the same in a tunnel, with the reason" 'is not allowed' "import $client; $client.get('https://api.b.org/')"
  row "$client: a redirect to another host" "tried 127.0.0.1:$b" "import $client; more = dict(follow_redirects=True) if '$client' == 'httpx' else {}
print($client.get(f'http://127.0.0.1:{A}/to/{B}', **more).text)"
done
row 'requests: a session of many requests' '[200]' "import requests
s = requests.Session(); print(list({s.get(f'http://127.0.0.1:{A}/').status_code for _ in range(50)}))"
row 'requests: without the proxy' 'Connection refused' "import requests
s = requests.Session(); s.trust_env = False; s.get(f'http://127.0.0.1:{B}/')"
row 'httpx: asynchronous, twenty at once' '[200]' "import asyncio, httpx
async def main():
    async with httpx.AsyncClient() as c:
        print(list({r.status_code for r in await asyncio.gather(*[c.get(f'https://localhost:{T}/') for _ in range(20)])}))
asyncio.run(main())"
row 'httpx: without the proxy' 'Connection refused' "import httpx
httpx.Client(trust_env=False).get(f'http://127.0.0.1:{B}/')"
row 'urllib: TLS in a tunnel, with the certificates of the user' 'from the server' "import urllib.request
print(urllib.request.urlopen(f'https://localhost:{T}/').read().decode())"
row 'certifi: its certificates can be read' 'True' "import certifi, os
print(os.path.getsize(certifi.where()) > 100_000)"
pip="import subprocess, sys
def pip(*args): subprocess.run([sys.executable, '-m', 'pip', '--disable-pip-version-check', '--no-cache-dir', *args])"
row 'pip: a package of an allowed index' 'Successfully installed tiny' "$pip
pip('install', '--target', 'there', '--trusted-host', '127.0.0.1', '-i', f'http://127.0.0.1:{A}/simple/', 'tiny')"
row 'pip: another index' "tried 127.0.0.1:$b" "$pip
pip('install', '--retries', '0', '--target', 'there', '--trusted-host', '127.0.0.1', '-i', f'http://127.0.0.1:{B}/simple/', 'tiny')"
exit $bad
