"""FastMCP's client: typed results, errors as exceptions, a user at the gates."""

import asyncio

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError

from world import REDRAFT, arguments, environment, folder, saw


async def main():
    here = folder()
    asked = []

    async def answer(message, response_type, params, context):
        asked.append(message.splitlines()[0])
        return {"answer": "approve" if "plan" in asked[-1] else "accept"}

    transport = StdioTransport(REDRAFT, arguments(here), env=environment(), cwd=str(here))
    async with Client(transport, elicitation_handler=answer) as client:
        result = await client.call_tool("write_script", {"request": "count", "name": "s"})
        assert result.structured_content["status"] == "accepted", result
        assert len(asked) == 2, asked
        try:
            await client.call_tool("run_script", {"session": "none"})
            raise SystemExit("no error")
        except ToolError as error:
            words = str(error)
        assert "none" in words, words
        saw("fastmcp", f"accepted, {len(asked)} gates put to a person; an error reads: {words[:60]}")


asyncio.run(main())
