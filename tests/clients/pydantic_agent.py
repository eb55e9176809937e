"""PydanticAI with a function as the model: the results that the model sees."""

import asyncio

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel

from world import REDRAFT, arguments, environment, folder, saw

CALLS = [
    ("write_script", {"request": "count", "name": "s"}),
    ("answer_gate", {"session": "s", "answer": "approve"}),
    ("answer_gate", {"session": "s", "answer": "accept"}),
    ("show_session", {"session": "none"}),
]


async def main():
    here = folder()
    shown = []

    def model(messages, info):
        shown.extend(part for part in messages[-1].parts if isinstance(part, ToolReturnPart | RetryPromptPart))
        if len(shown) < len(CALLS):
            name, args = CALLS[len(shown)]
            return ModelResponse(parts=[ToolCallPart(name, args)])
        return ModelResponse(parts=[TextPart("done")])

    transport = StdioTransport(REDRAFT, arguments(here), env=environment(), cwd=str(here))
    agent = Agent(FunctionModel(model), toolsets=[MCPToolset(transport)])
    await agent.run("a script that counts")
    values = [part.content for part in shown]
    assert values[0]["gate"]["name"] == "plan", values[0]
    assert values[1]["script"] == 'print("one")\nprint("two")\n', values[1]
    assert values[2]["status"] == "accepted", values[2]
    assert "none" in str(values[3]), values[3]
    saw("pydantic-ai", f"an agent got its script accepted; an error reads: {str(values[3])[:60]}")


asyncio.run(main())
