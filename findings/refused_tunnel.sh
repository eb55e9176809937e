#!/usr/bin/env bash
# What HTTP clients of Python say of a proxy that refuses a CONNECT with a reason and a body.
#
# requests 2.32.5 (urllib3 2.5.0) and httpx 0.28.1 raise errors that hold the status and the reason
# phrase of the status line; neither shows a word of the body. requests wraps the reason three times,
# httpx gives it bare. A proxy that wants a program's author to read why has to say it in the reason
# phrase, which HTTP/2 and HTTP/3 do not have and RFC 9110 calls optional.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/clients"
"$folder/clients/bin/pip" install --quiet --disable-pip-version-check requests==2.32.5 urllib3==2.5.0 httpx==0.28.1
"$folder/clients/bin/python" - <<'END'
import socketserver, threading
import httpx, requests

REASON, BODY = "not on the list of hosts", b"ask the keeper of the list"

class Refuses(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        head = f"HTTP/1.1 403 {REASON}\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + BODY)

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuses) as proxy:
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{proxy.server_address[1]}"
    try:
        requests.get("https://example.invalid/", proxies={"https": address}, timeout=10)
        raise SystemExit("requests: no error")
    except requests.exceptions.ProxyError as error:
        said = str(error)
        print("requests:", said)
        assert f"Tunnel connection failed: 403 {REASON}" in said, "requests shows the reason no more"
        assert BODY.decode() not in said, "requests shows the body now"
    try:
        httpx.Client(proxy=address, timeout=10).get("https://example.invalid/")
        raise SystemExit("httpx: no error")
    except httpx.ProxyError as error:
        said = str(error)
        print("httpx:", said)
        assert said == f"403 {REASON}", "httpx says something else now"
    proxy.shutdown()
END
