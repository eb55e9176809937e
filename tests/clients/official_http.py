"""The official SDK over HTTP, in both versions of the protocol, with the token in a header."""

import asyncio
import json
import subprocess

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from world import REDRAFT, arguments, environment, folder, saw


async def main():
    here = folder()
    command = [REDRAFT, "--json", *arguments(here), "--http"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=here)
    try:
        told = json.loads(server.stdout.readline())
        bare = httpx2.post(told["url"], json={})
        assert bare.status_code == 401, bare
        headers = {"Authorization": f"Bearer {told['token']}"}
        for mode in ("auto", "legacy"):
            async with (
                httpx2.AsyncClient(headers=headers, timeout=60) as http,
                Client(streamable_http_client(told["url"], http_client=http), mode=mode) as client,
            ):
                asked = {"request": "count", "name": mode}
                done = json.loads((await client.call_tool("write_script", asked)).content[0].text)
                assert done["gate"]["name"] == "plan", done
                for answer in ("approve", "accept"):
                    answered = {"session": mode, "answer": answer}
                    done = json.loads((await client.call_tool("answer_gate", answered)).content[0].text)
                assert done["status"] == "accepted", done
                saw(f"mcp over HTTP, {client.protocol_version}", "accepted")
    finally:
        server.terminate()
        server.wait()


asyncio.run(main())
