#!/usr/bin/env bash
# What proxies answer to a wrong password of their own, and what a client makes of it.
#
# tinyproxy 1.11.1 answers 407 where no password is sent, and 401 to a wrong one: the status of a server
# that wants to know who asks, not of a proxy. proxy.py 2.4.10 answers 407 both times. With plain HTTP
# a client can't tell tinyproxy's 401 from the server's own, and says that the server's key is wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq tinyproxy-bin=1.11.1-2.1+deb12u1 2> /dev/null
dpkg -x tinyproxy-bin_*.deb tinyproxy
python3 -m venv proxy
proxy/bin/pip install --quiet --disable-pip-version-check proxy.py==2.4.10
ports() { python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[one.getsockname()[1] for one in held])'; }
read -r tiny other < <(ports)
printf 'Port %s\nListen 127.0.0.1\nBasicAuth me right\n' "$tiny" > tinyproxy.conf
tinyproxy/usr/bin/tinyproxy -d -c tinyproxy.conf > tinyproxy.log 2>&1 &
proxy/bin/proxy --hostname 127.0.0.1 --port "$other" --num-workers 1 --num-acceptors 1 --basic-auth me:right \
  > proxy.log 2>&1 &
proxy/bin/python - "$tiny" "$other" <<'END'
import base64, socket, sys, time

def status(port, password):
    for _ in range(100):
        try:
            client = socket.create_connection(("127.0.0.1", port), 20)
            break
        except OSError:
            time.sleep(0.2)
    head = "GET http://example.invalid/ HTTP/1.1\r\nHost: example.invalid\r\n"
    if password:
        said = base64.b64encode(f"me:{password}".encode()).decode()
        head += f"Proxy-Authorization: Basic {said}\r\n"
    client.sendall((head + "\r\n").encode())
    return client.recv(100).split(b"\r\n")[0].decode()

for name, port, expected in [("tinyproxy", sys.argv[1], ("407", "401")), ("proxy.py", sys.argv[2], ("407", "407"))]:
    seen = [status(int(port), password) for password in (None, "wrong")]
    print(f"{name}: no password: {seen[0]}; a wrong one: {seen[1]}")
    assert tuple(line.split()[1] for line in seen) == expected, f"{name} answers otherwise now"
END
