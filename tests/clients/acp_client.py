"""The Agent Client Protocol's Python client, whose types reject anything that version 1 does not define."""

import asyncio
import pathlib

from acp import PROTOCOL_VERSION, Client, spawn_agent_process, text_block
from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    AllowedOutcome,
    ClientCapabilities,
    FileEditToolCallContent,
    RequestPermissionResponse,
    ToolCallProgress,
    ToolCallStart,
    UserMessageChunk,
)

from world import ASKING, REDRAFT, arguments, environment, folder, saw


class Editor(Client):
    """An editor whose user approves, allows and accepts."""

    def __init__(self):
        self.updates, self.titles = [], []

    async def session_update(self, session_id, update, **kwargs):
        self.updates.append(update)

    async def request_permission(self, session_id, tool_call, options, **kwargs):
        self.titles.append(tool_call.title)
        kinds = {option.option_id: option.kind for option in options}
        chosen = next(option for option in ("approve", "accept", "allow") if option in kinds)
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen))

    def of(self, kind):
        return [update for update in self.updates if isinstance(update, kind)]


async def main():
    here = folder(ASKING)
    command = (REDRAFT, "acp", *arguments(here)[1:])
    editor = Editor()
    async with spawn_agent_process(editor, *command, env=environment(), cwd=here) as (agent, _):
        hello = await agent.initialize(protocol_version=PROTOCOL_VERSION, client_capabilities=ClientCapabilities())
        assert hello.protocol_version == 1 and hello.agent_capabilities.load_session, hello
        session = (await agent.new_session(cwd=str(here), mcp_servers=[])).session_id
        ended = await agent.prompt(session_id=session, prompt=[text_block("count to two")])
        assert ended.stop_reason == "end_turn", ended
    plans = editor.of(AgentPlanUpdate)
    assert [entry.status for entry in plans[0].entries] == ["pending", "pending"], plans[0]
    assert len(editor.titles) == 3 and editor.titles[1].startswith("May it?"), editor.titles
    content = [part for call in editor.of(ToolCallStart) for part in call.content or []]
    diffs = [part for part in content if isinstance(part, FileEditToolCallContent)]
    assert len(diffs) == 1 and diffs[0].new_text == pathlib.Path(diffs[0].path).read_text(), diffs
    said = "".join(chunk.content.text for chunk in editor.of(AgentMessageChunk))
    assert "accepted v1" in said, said
    assert editor.of(ToolCallProgress), editor.updates
    saw("agent-client-protocol 0.12.1", f"{len(editor.titles)} permissions, a plan, a diff: accepted")

    again = Editor()
    async with spawn_agent_process(again, *command, env=environment(), cwd=here) as (agent, _):
        await agent.initialize(protocol_version=PROTOCOL_VERSION, client_capabilities=ClientCapabilities())
        listed = (await agent.list_sessions(cwd=str(here))).sessions
        assert [one.session_id for one in listed] == [session], listed
        await agent.load_session(session_id=session, cwd=str(here), mcp_servers=[])
        assert again.of(UserMessageChunk) and again.of(AgentPlanUpdate), again.updates
    saw("agent-client-protocol 0.12.1", "listed and loaded by another process")


asyncio.run(main())
