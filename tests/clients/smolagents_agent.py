"""smolagents: the tools as called by an agent's code."""

import json

from mcp import StdioServerParameters
from smolagents import CodeAgent, MCPClient
from smolagents.models import ChatMessage, MessageRole, Model

from world import REDRAFT, arguments, environment, folder, saw

STEPS = [
    'print(write_script(request="count", name="s"))',
    'print(answer_gate(session="s", answer="approve"))',
    'final_answer(answer_gate(session="s", answer="accept"))',
]


class Scripted(Model):
    """Returns its steps in order."""

    def generate(self, messages, **kwargs):
        code = STEPS.pop(0)
        return ChatMessage(role=MessageRole.ASSISTANT, content=f"Thought: on.\n<code>\n{code}\n</code>")


def main():
    for structured in (False, True):
        here = folder()
        server = StdioServerParameters(command=REDRAFT, args=arguments(here), env=environment(), cwd=str(here))
        with MCPClient(server, structured_output=structured) as tools:
            assert len(tools) == 11, tools
            if structured:
                by_name = {tool.name: tool for tool in tools}
                last = by_name["write_script"](request="count", auto=True)
            else:
                last = CodeAgent(tools=tools, model=Scripted(), verbosity_level=0).run("a script that counts")
            last = json.loads(last) if isinstance(last, str) else last
            assert last["status"] == "accepted", last
    saw("smolagents", "an agent got its script accepted; text and structured results are the same")


main()
