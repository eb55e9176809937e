"""LangChain's adapters with an agent whose model is scripted: one process per call."""

import asyncio
import json

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_mcp_adapters.client import MultiServerMCPClient

from world import REDRAFT, arguments, environment, folder, saw


class Scripted(GenericFakeChatModel):
    """Returns its messages in order, whatever tools are bound."""

    def bind_tools(self, tools, **kwargs):
        return self


def call(number, tool, /, **args):
    return AIMessage(content="", tool_calls=[{"id": str(number), "name": tool, "args": args}])


async def main():
    here = folder()
    server = {"transport": "stdio", "command": REDRAFT, "args": arguments(here), "cwd": str(here), "env": environment()}
    tools = await MultiServerMCPClient({"redraft": server}).get_tools()
    assert len(tools) == 11, tools
    model = Scripted(
        messages=iter(
            [
                call(1, "write_script", request="count", name="s"),
                call(2, "answer_gate", session="s", answer="approve"),
                call(3, "answer_gate", session="s", answer="accept"),
                call(4, "run_script", session="s"),
                call(5, "show_session", session="none"),
                AIMessage(content="done"),
            ]
        )
    )
    agent = create_agent(model, tools)
    seen = await agent.ainvoke({"messages": [("user", "a script that counts")]})
    results = [message for message in seen["messages"] if isinstance(message, ToolMessage)]

    def text(message):
        content = message.content
        return content if isinstance(content, str) else content[0]["text"]

    values = [json.loads(text(message)) if text(message).startswith("{") else text(message) for message in results]
    assert values[0]["gate"]["name"] == "plan", values[0]
    assert values[1]["gate"]["name"] == "version", values[1]
    assert values[2]["status"] == "accepted", values[2]
    assert values[3]["output"] == "one\ntwo\n", values[3]
    assert "none" in str(values[4]), values[4]
    saw("langchain", f"{len(tools)} tools, an agent got its script accepted; an error reads: {text(results[4])[:60]}")


asyncio.run(main())
