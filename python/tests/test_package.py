"""Tests the package with the real program and a model with recorded answers."""

import asyncio
import os
import stat
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

from support import World

import redraft


class WriteScript(World):
    def test_a_task_ends_in_a_script_that_says_how_much_was_seen_of_it(self):
        config = self.model("print('one')")
        events = []
        result = redraft.write_script(
            "count to one", name="s", preset="quick", config=config, on_event=events.append
        )
        self.assertEqual(result.script, "print('one')\n")
        self.assertEqual(result.path, self.folder / "sessions/s/script_v1.py")
        self.assertEqual((result.version, result.evidence, result.stdout), (1, "ran", "one\n"))
        self.assertEqual(result.session.name, "s")
        self.assertEqual(events[0]["event"], "session_created")
        self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))

    def test_examples_data_and_arguments_reach_the_session(self):
        config = self.model("import sys\nprint(open('n.txt').read(), 2 * int(sys.argv[1]))")
        (self.folder / "n.txt").write_text("the double is")
        result = redraft.write_script(
            "double a number", preset="quick", config=config, sessions="elsewhere",
            data=[Path("n.txt")], args=["4"], examples=["arguments: 5 -> the double is 10"],
        )  # fmt: skip
        self.assertEqual((result.evidence, result.stdout), ("tested", "the double is 8\n"))
        self.assertEqual(result.path.parent.parent, self.folder / "elsewhere")

    def test_an_output_has_to_fit_a_schema(self):
        config = self.model("print('sum: 3')", "print('{\"sum\": 3}')")
        schema = self.folder / "sum.json"
        schema.write_text('{"type": "object", "required": ["sum"]}')
        result = redraft.write_script("add up", preset="quick", config=config, schema=schema)
        self.assertEqual((result.version, result.stdout), (2, '{"sum": 3}\n'))

    def test_gates_are_answered_by_a_function(self):
        config = self.model("print('two')", "print('one')")
        gates = []

        def answer(gate):
            gates.append(gate)
            if gate.kind == "plan":
                return "approve"
            return "accept" if gate.version == 2 else "feedback: one is too few,\nand two too many"

        result = redraft.write_script("count to one", name="s", config=config, on_gate=answer)
        self.assertEqual([gate.kind for gate in gates], ["plan", "version", "version"])
        self.assertIn("R1: It prints one.", gates[0].plan)
        self.assertIn("approve", gates[0].answers)
        self.assertEqual(gates[1].session, "s")
        self.assertEqual(result.version, 2)
        said = (self.folder / "sessions/s/feedback_v1.md").read_text()
        self.assertEqual(said, "one is too few,\nand two too many\n")

    def test_a_gate_that_is_asked_again_is_told_again(self):
        config = self.model("import urllib.request\nurllib.request.urlopen('http://example.org')")
        answers = iter(["maybe", None])
        asked = []

        def answer(gate):
            asked.append((gate.kind, gate.asked))
            return next(answers)

        with self.assertRaises(redraft.Paused):
            redraft.write_script("fetch it", preset="quick", config=config, on_gate=answer)
        self.assertEqual(asked[0], asked[1])
        self.assertEqual(asked[0][0], "safety")
        self.assertIn("example.org", " ".join(asked[0][1]))

    def test_what_went_wrong_is_an_exception_of_its_kind(self):
        config = self.model("print('one')")
        with self.assertRaises(redraft.Paused) as paused:
            redraft.write_script("count", name="s", config=config, auto=False)
        self.assertIn("input ended at the plan gate", str(paused.exception))
        self.assertEqual((paused.exception.code, paused.exception.session.name), (3, "s"))
        with self.assertRaises(redraft.UsageError) as usage:
            redraft.write_script("count", name="s", config=config)
        self.assertIn("`s`", str(usage.exception))
        with self.assertRaises(redraft.ModelFailed):
            redraft.write_script("count", config=self.model(), preset="quick")
        with self.assertRaises(TypeError):
            redraft.write_script("count", config=config, candidate=2)
        with self.assertRaises(TypeError):
            redraft.write_script("count", config=config, data="n.txt")

    def test_an_error_of_a_callback_comes_out_and_leaves_a_session_that_can_go_on(self):
        config = self.model("print('one')")

        def answer(gate):
            raise RuntimeError(gate.kind)

        with self.assertRaisesRegex(RuntimeError, "plan"):
            redraft.write_script("count", name="s", config=config, on_gate=answer)
        result = redraft.Session("s", config=config).resume()
        self.assertEqual(result.version, 1)


class Sessions(World):
    def test_a_session_is_opened_changed_and_resumed(self):
        config = self.model("print('one')", "print('two')")
        redraft.write_script("count", name="s", preset="quick", config=config)
        session = redraft.Session.open("s", config=config)
        self.assertEqual(session.result().version, 1)
        session.feedback("it should be two,\nnot one")
        self.assertIsNone(session.result())
        (finding,) = session.findings()
        self.assertIn("it should be two", finding.text)
        self.assertEqual((finding.id, finding.state), ("F1", "open"))
        result = session.resume(on_gate=lambda gate: "accept")
        self.assertEqual(result.stdout, "two\n")
        versions = session.versions()
        self.assertEqual([v.cause for v in versions], ["first", "feedback"])
        self.assertEqual(versions[0].script, "print('one')\n")
        self.assertEqual(versions[1].verdict, "ok")
        self.assertEqual(session.run(version=1).stdout, "one\n")
        self.assertIn("# /// script", session.export(version=2))
        self.assertEqual(session.show()["status"], "accepted")

    def test_a_session_that_is_not_there_is_said_to_be_missing(self):
        with self.assertRaises(redraft.UsageError) as missing:
            redraft.Session.open("nothing")
        self.assertIn("nothing", str(missing.exception))

    def test_a_session_that_another_process_works_on_is_locked(self):
        config = self.model("print('one')")
        locked = []

        def answer(gate):
            try:
                redraft.Session("s", config=config).resume()
            except redraft.Locked as error:
                locked.append(error)
            return None

        with self.assertRaises(redraft.Paused):
            redraft.write_script("count", name="s", config=config, on_gate=answer)
        self.assertEqual(locked[0].code, 5)


class RunPython(World):
    def test_code_is_run_in_the_sandbox(self):
        ran = redraft.run_python("import sys\nprint('hello', sys.argv[1])", args=["you"])
        self.assertEqual(
            (ran.ok, ran.verdict, ran.stdout, ran.exit_code), (True, "ok", "hello you\n", 0)
        )
        ran = redraft.run_python("1 / 0")
        self.assertEqual((ran.ok, ran.verdict), (False, "failed"))
        self.assertIn("ZeroDivisionError", ran.stderr)
        ran = redraft.run_python("while True: pass", timeout=1)
        self.assertEqual(ran.verdict, "timeout")
        (self.folder / "secret.txt").write_text("mine")
        ran = redraft.run_python(f"print(open({str(self.folder / 'secret.txt')!r}).read())")
        self.assertEqual((ran.verdict, ran.stdout), ("failed", ""))

    def test_what_it_writes_is_kept_where_its_caller_says(self):
        ran = redraft.run_python("open('a.txt', 'w').write('1')", output="out")
        self.assertEqual(ran.files, ("a.txt",))
        self.assertEqual((self.folder / "out/a.txt").read_text(), "1")
        with self.assertRaises(redraft.UsageError):
            redraft.run_python("open('a.txt', 'w').write('2')", output="out")

    def test_packages_are_declared(self):
        from redraft._api import with_packages

        code = with_packages("print(1)", ["a>=1", 'b; python_version < "4"'])
        self.assertIn('# dependencies = ["a>=1", "b; python_version < \\"4\\""]\n', code)
        self.assertEqual(with_packages("print(1)", []), "print(1)")


class Asyncio(World):
    def test_the_twins_do_the_same_and_gates_may_be_awaited(self):
        config = self.model("print('one')", "print('two')")

        async def answer(gate):
            await asyncio.sleep(0)
            return "approve" if gate.kind == "plan" else "accept"

        async def work():
            written = redraft.awrite_script("count", name="s", config=config, on_gate=answer)
            result, ran = await asyncio.gather(written, redraft.arun_python("print(2)"))
            await result.session.afeedback("more")
            with self.assertRaises(redraft.Paused):
                await result.session.aresume(on_gate=lambda gate: None)
            return result, ran, await result.session.aexport(), await result.session.arun(version=1)

        result, ran, exported, again = asyncio.run(work())
        self.assertEqual((result.stdout, ran.stdout, again.stdout), ("one\n", "2\n", "one\n"))
        self.assertIn("print('two')", exported)

    def test_a_coroutine_is_not_taken_by_a_function_that_blocks(self):
        async def answer(gate):
            return "approve"

        with self.assertRaisesRegex(TypeError, "asyncio"):
            redraft.write_script("count", config=self.model("print(1)"), on_gate=answer)

    def test_a_task_that_is_cancelled_leaves_a_session_that_can_go_on(self):
        config = self.model("print('one')")
        asked = None

        async def answer(gate):
            asked.set()
            await asyncio.Event().wait()

        async def work():
            nonlocal asked
            asked = asyncio.Event()
            task = asyncio.ensure_future(
                redraft.awrite_script("count", name="s", config=config, on_gate=answer)
            )
            # Stop waiting if the task fails before its gate.
            at_gate = asyncio.ensure_future(asked.wait())
            await asyncio.wait({task, at_gate}, return_when=asyncio.FIRST_COMPLETED)
            at_gate.cancel()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        asyncio.run(work())
        self.assertEqual(redraft.Session("s", config=config).resume().version, 1)


class Binary(World):
    def test_the_program_is_found_by_variable_and_path(self):
        program = self.folder / "bin/redraft"
        program.parent.mkdir()
        program.write_text('#!/bin/sh\necho "$@"\nexit 4\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        with mock.patch.dict(os.environ, REDRAFT_BIN=str(program)):
            self.assertEqual(redraft.find_binary(), str(program))
        with mock.patch.dict(os.environ, REDRAFT_BIN=str(self.folder / "nothing")):
            with self.assertRaisesRegex(redraft.BinaryNotFound, "nothing"):
                redraft.find_binary()
        with mock.patch.dict(os.environ, REDRAFT_BIN="", PATH=str(program.parent)):
            with mock.patch("redraft._binary._folders", return_value=[]):
                self.assertEqual(redraft.find_binary(), str(program))
                with mock.patch.dict(os.environ, PATH=""):
                    with self.assertRaisesRegex(redraft.BinaryNotFound, "pip install redraft"):
                        redraft.find_binary()

    def test_the_module_is_the_program(self):
        package = str(Path(redraft.__file__).parent.parent)
        environment = {**os.environ, "PYTHONPATH": package}
        command = [sys.executable, "-m", "redraft", "run", "--json", "no.py"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("no.py", done.stderr)


if __name__ == "__main__":
    unittest.main()
