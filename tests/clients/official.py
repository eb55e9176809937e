"""The official SDK, version 2: the newer protocol and the older one, with and without a user at the gates."""

import asyncio
import json

import mcp
from mcp import types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from world import REDRAFT, arguments, environment, folder, saw


def value(result):
    text = json.loads(result.content[0].text)
    assert len(result.content) == 1 and text == result.structured_content, result
    return text


async def main():
    for mode in ("auto", "legacy"):
        for person in (False, True):
            here = folder()
            asked, told = [], []

            async def answer(context, params):
                asked.append(params.message.splitlines()[0])
                word = "approve" if "plan" in asked[-1] else "accept"
                return types.ElicitResult(action="accept", content={"answer": word})

            async def progress(progress, total, message):
                told.append(message)

            server = StdioServerParameters(command=REDRAFT, args=arguments(here), env=environment(), cwd=here)
            handler = {"elicitation_callback": answer} if person else {}
            async with Client(stdio_client(server), mode=mode, **handler) as client:
                tools = (await client.list_tools()).tools
                assert len(tools) == 11, tools
                done = value(await client.call_tool("write_script", {"request": "count"}, progress_callback=progress))
                if not person:
                    assert done["gate"]["name"] == "plan", done
                    await client.call_tool("answer_gate", {"session": done["session"], "answer": "approve"})
                    answered = {"session": done["session"], "answer": "accept"}
                    done = value(await client.call_tool("answer_gate", answered))
                assert done["status"] == "accepted" and done["output"] == "one\ntwo\n", done
                assert told, "no progress"
                failed = await client.call_tool("show_session", {"session": "../etc"})
                assert failed.is_error and value(failed)["error"], failed
                listed = (await client.list_resources()).resources
                read = await client.read_resource(listed[0].uri)
                assert "It prints two" in read.contents[0].text, read
                who = f"{len(asked)} gates put to a person" if person else "gates answered by the tool"
                assert not person or len(asked) == 2, asked
                saw(f"mcp, {client.protocol_version}", f"{len(tools)} tools, accepted, {who}, {len(told)} messages")


asyncio.run(main())
