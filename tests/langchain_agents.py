"""LangChain agents that use `redraft.langchain`. Run by tests/langchain.sh; no model is called, and
the only server is local."""

import asyncio
import http.server
import json
import tempfile
import threading
import unittest
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from redraft.langchain import RedraftTool, RedraftToolkit

JOKE = "It works on my machine."


class Scripted(GenericFakeChatModel):
    """A chat model with scripted messages, whatever tools are bound."""

    def bind_tools(self, tools, **_):
        return self


def says(*steps):
    """A model that calls these tools in order and then ends."""
    calls = [
        AIMessage("", tool_calls=[{"name": name, "args": args, "id": str(n)}])
        for n, (name, args) in enumerate(steps)
    ]
    return Scripted(messages=iter([*calls, AIMessage("done")]))


class Jokes(http.server.BaseHTTPRequestHandler):
    """The endpoint of code-it's example: JSON with a joke in the field `value`."""

    def do_GET(self):
        body = json.dumps({"id": 1, "value": JOKE}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Agents(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Jokes)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.host = f"127.0.0.1:{server.server_port}"
        self.task = (
            f"The endpoint http://{self.host}/jokes/random returns a joke. Fetch it, take its `value` "
            "out of the JSON, and print it."
        )
        self.script = (
            "import json\nimport urllib.request\n\n"
            f"with urllib.request.urlopen('http://{self.host}/jokes/random') as answer:\n"
            "    print(json.load(answer)['value'])"
        )

    def coder(self, *scripts):
        """The arguments for a configuration whose Coder returns these scripts in order."""
        answers = [{"agent": "coder", "answer": f"```python\n{script}\n```"} for script in scripts]
        (self.folder / "answers.json").write_text(json.dumps(answers))
        recorded = {"kind": "script", "path": str(self.folder / "answers.json")}
        config = {"model": "demo/recorded", "providers": {"demo": recorded}, "candidates": 1}
        (self.folder / "config.json").write_text(json.dumps(config))
        return {
            "config": str(self.folder / "config.json"),
            "sessions": str(self.folder / "sessions"),
        }

    def seen(self, model, tools, wait=True):
        """Runs an agent on the task; returns the results of its tool calls."""
        agent = create_agent(model, tools)
        asked = {"messages": [("user", self.task)]}
        ended = agent.invoke(asked) if wait else asyncio.run(agent.ainvoke(asked))
        self.assertEqual(ended["messages"][-1].content, "done")
        return [message.content for message in ended["messages"] if message.type == "tool"]

    def test_an_agent_has_a_task_done(self):
        # The first script is wrong: redraft repairs it before the agent gets a result.
        wrong = self.script.replace("'value'", "'joke'")
        tool = RedraftTool(allow=[f"network={self.host}"], **self.coder(wrong, self.script))
        self.assertEqual(self.seen(says((tool.name, {"task": self.task})), [tool]), [JOKE])
        again = RedraftTool(allow=[f"network={self.host}"], **self.coder(self.script))
        self.assertEqual(
            self.seen(says((again.name, {"task": self.task})), [again], wait=False), [JOKE]
        )

    def test_a_task_opens_nothing_that_the_tool_was_not_made_with(self):
        tool = RedraftTool(**self.coder(self.script))
        task = self.task + f" --allow network={self.host}"
        (said,) = self.seen(says((tool.name, {"task": task})), [tool])
        self.assertNotIn(JOKE, said)
        self.assertIn("It could not be done", said)

    def test_an_agent_codes_step_by_step(self):
        kit = RedraftToolkit(allow=[f"network={self.host}"], timeout=20)
        said = self.seen(
            says(
                ("add_code", {"code": self.script + "\nprint(1)\nprint(2)"}),
                ("run_code", {}),
                ("delete_lines", {"lines": [6, 7]}),
                (
                    "change_line",
                    {"line": 5, "code": "    print('joke:', json.load(answer)['value'])"},
                ),
                ("change_line", {"line": 50, "code": "pass"}),
                ("show_code", {}),
                ("run_code", {}),
            ),
            kit.get_tools(),
        )
        self.assertEqual(said[1], f"ok\nstdout:\n{JOKE}\n1\n2")
        self.assertIn("There is no line 50", said[4])
        self.assertEqual(
            said[5].splitlines()[4], "   5     print('joke:', json.load(answer)['value'])"
        )
        self.assertEqual(said[6], f"ok\nstdout:\njoke: {JOKE}")

    def test_what_is_not_allowed_is_told_to_the_agent(self):
        said = self.seen(
            says(("add_code", {"code": self.script}), ("run_code", {})),
            RedraftToolkit().get_tools(),
        )
        self.assertNotIn(JOKE, said[1])
        self.assertIn("failed", said[1])

    def test_packages_are_installed_if_they_are_allowed(self):
        kit = RedraftToolkit(install=["cowsay"], timeout=20)
        said = self.seen(
            says(
                ("install_package", {"package": "leftpad"}),
                ("install_package", {"package": "cowsay>=6"}),
                ("add_code", {"code": "import cowsay\nprint(cowsay.__name__)"}),
                ("run_code", {}),
                ("add_code", {"code": "import leftpad"}),
                ("run_code", {}),
            ),
            kit.get_tools(),
        )
        self.assertEqual(said[0], "Not allowed: leftpad. Write the script without it.")
        self.assertEqual(said[1], "Installed: cowsay>=6")
        self.assertEqual(said[3], "ok\nstdout:\ncowsay")
        self.assertIn("failed", said[5])
        self.assertIn('# dependencies = ["cowsay>=6"]', kit.script())


if __name__ == "__main__":
    unittest.main()
