"""The official SDK, version 1: one process per call, and a user at the gates."""

import asyncio
import json

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client

from world import REDRAFT, arguments, environment, folder, saw


async def main():
    here = folder()
    server = StdioServerParameters(command=REDRAFT, args=arguments(here), env=environment(), cwd=here)

    async def call(tool, given, **more):
        async with stdio_client(server) as streams, ClientSession(*streams, **more) as session:
            hello = await session.initialize()
            # Checks the result against the tool's schema.
            await session.list_tools()
            result = await session.call_tool(tool, given)
            assert json.loads(result.content[0].text) == result.structuredContent, result
            return hello.protocolVersion, result.isError, result.structuredContent

    version, _, done = await call("write_script", {"request": "count", "name": "a"})
    assert done["gate"]["name"] == "plan", done
    await call("answer_gate", {"session": "a", "answer": "approve"})
    _, _, done = await call("answer_gate", {"session": "a", "answer": "accept"})
    assert done["status"] == "accepted", done
    _, failed, done = await call("write_script", {"request": "count", "name": "a"})
    assert failed and "already" in done["error"], done
    saw(f"mcp 1, {version}", "a process each call: accepted")

    async def answer(context, params):
        word = "approve" if "plan" in params.message.splitlines()[0] else "accept"
        return types.ElicitResult(action="accept", content={"answer": word})

    _, _, done = await call("write_script", {"request": "count", "name": "b"}, elicitation_callback=answer)
    assert done["status"] == "accepted", done
    saw(f"mcp 1, {version}", "a person at the gates: accepted")


asyncio.run(main())
