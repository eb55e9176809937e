"""Tests redraft with real proxies, and without one for excepted hosts."""

import os
import pathlib
import shutil
import subprocess

from rig import BIN, HERE, SUM, Redraft, free_port, pip, row, start

# An address of this machine that is not recognized as local, since no proxy is used for local servers.
THERE = "0.0.0.0"


def port_of(address):
    return address.rstrip("/").rsplit(":", 1)[1]


def through(server, proxy, address, tls):
    """Runs sessions through a proxy: over plain HTTP, and over TLS in a tunnel."""
    plain = {"kind": "openai", "base_url": f"http://{THERE}:{port_of(address)}/v1"}
    made = Redraft(plain, "gpt-4o", "new", SUM, "--auto", env={"http_proxy": proxy})
    row(server, "a session over plain HTTP", made.code == 0 and "accepted v1" in made.said, made.said)
    certified = {"https_proxy": proxy, "SSL_CERT_FILE": os.path.abspath("tls.crt")}
    secret = {"kind": "openai", "base_url": f"https://{THERE}:{tls}/v1"}
    made = Redraft(secret, "gpt-4o", "new", SUM, "--auto", env=certified)
    row(server, "a session in a tunnel, over TLS", made.code == 0 and "accepted v1" in made.said, made.said)


def refused(server, proxy, host, words, secret="none"):
    """Checks a refused tunnel: the proxy's message is shown, but no password."""
    one = {"kind": "openai", "base_url": f"https://{host}/v1"}
    made = Redraft(one, "gpt-4o", "new", SUM, "--auto", env={"https_proxy": proxy})
    said = f"the proxy of `https_proxy` opens no way to `{host}`: {words}"
    right = made.code == 4 and said in made.said and secret not in made.said
    row(server, f"a tunnel to {host} is refused as `{words}`", right, made.said)


def certificate():
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", "tls.key", "-out", "tls.crt", "-days", "2", "-subj", "/CN=servers", "-addext",
         f"subjectAltName=IP:{THERE}", "-addext", "basicConstraints=critical,CA:FALSE"],
        check=True, stderr=subprocess.DEVNULL)


def tinyproxy(address, tls):
    program = shutil.which("tinyproxy")
    if not program:
        print("left out: there is no tinyproxy (apt has it)")
        return
    version = subprocess.run([program, "-v"], stdout=subprocess.PIPE).stdout.decode().split()[1]
    port = free_port()
    pathlib.Path("filter").write_text("^blocked\\.example\\.com$\n")
    pathlib.Path("tinyproxy.conf").write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nFilter \"filter\"\nBasicAuth me secret4711\n")
    proxy = f"http://127.0.0.1:{port}"
    start("tinyproxy", [program, "-d", "-c", "tinyproxy.conf"], proxy)
    server = f"tinyproxy {version}"
    user = proxy.replace("//", "//me:secret4711@")
    through(server, user, address, tls)
    refused(server, user, "blocked.example.com", "403 Filtered", "secret4711")
    refused(server, user, "nowhere.invalid", "500 Unable to connect", "secret4711")
    refused(server, proxy.replace("//", "//me:wrong4711@"), "nowhere.invalid", "401 Unauthorized", "wrong4711")
    refused(server, proxy, "nowhere.invalid", "407 Proxy Authentication Required")


def proxy_py(address, tls):
    port = free_port()
    proxy = f"http://127.0.0.1:{port}"
    start("proxy.py", [
        BIN / "proxy", "--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1",
        "--num-acceptors", "1", "--plugins", "proxy.plugin.FilterByUpstreamHostPlugin",
        "--filtered-upstream-hosts", "blocked.example.com", "--basic-auth", "me:secret4711"], proxy)
    server = f"proxy.py {pip('proxy.py')}"
    user = proxy.replace("//", "//me:secret4711@")
    through(server, user, address, tls)
    refused(server, user, "blocked.example.com", "418 I'm a tea pot", "secret4711")
    refused(server, user, "nowhere.invalid", "502 Bad Gateway", "secret4711")
    refused(server, proxy, "nowhere.invalid", "407 Proxy Authentication Required")


def socks(address, tls):
    port = free_port()
    proxy = f"127.0.0.1:{port}"
    # Disable uvloop, which other packages installed and which pproxy does not work with.
    program = "import sys; sys.modules['uvloop'] = None; import pproxy.server; pproxy.server.main()"
    start("pproxy", [BIN / "python", "-c", program, "-l", f"socks5://{proxy}"], f"http://{proxy}")
    server = f"pproxy {pip('pproxy')}, SOCKS 5"
    for scheme in ["socks5", "socks5h"]:
        through(f"{server} as {scheme}", f"{scheme}://{proxy}", address, tls)


def excepted(address):
    """Checks `NO_PROXY`: hosts in it are reached without the proxy, which does not exist."""
    port, server = port_of(address), "no proxy"
    one = {"kind": "openai", "base_url": f"http://{THERE}:{port}/v1"}
    dead = f"http://127.0.0.1:{free_port()}"
    for names, right in [(f"{THERE}:{port}", True), (THERE, True), (f"{THERE}:1", False)]:
        made = Redraft(one, "gpt-4o", "new", SUM, "--auto", env={"http_proxy": dead, "NO_PROXY": names})
        named = "through the proxy of `http_proxy`" in made.said
        row(server, f"NO_PROXY={names.replace(port, 'PORT')}", named != right and (made.code == 0) == right,
            made.said)


def proxies(address):
    certificate()
    tls = start("tls", [BIN / "python", HERE / "tls.py", "tls.crt", "tls.key", port_of(address)],
                rb"listening on (\d+)")
    tinyproxy(address, tls)
    proxy_py(address, tls)
    socks(address, tls)
    excepted(address)
