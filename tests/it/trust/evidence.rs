//! Scripts that fake a passing test. Each row is a script and a test that its function fails. The
//! attacker wants `passed`; if the script and the tests shared a process, walking frames, searching
//! objects and memory, patching, and lying objects would get it.

use crate::support::world::{ACCEPT, PLAN, World, fenced};

/// A wrong implementation.
const WRONG: &str = "def add(a, b):\n    return a - b\n";
const TEST: &str = "import script\n\ndef test_add():\n    assert script.add(1, 2) == 3\n";
const UNITTEST: &str = "import unittest\nimport script\n\nclass TestSums(unittest.TestCase):\n    \
    def test_add(self):\n        self.assertEqual(script.add(1, 2), 3)\n";

/// The outcome of the test for the script, run in the strict sandbox, from the report.
fn outcome(script: &str, test: &str) -> (String, String) {
    let world = World::scripted(&[PLAN], &[&fenced(script)], &[ACCEPT]);
    world.write("test_x.py", test);
    // The permissions that the script needs do not matter here.
    world.write("home/.config/redraft/config.yaml", "safety: off\n");
    let new = ["new", "add numbers", "--name", "s", "--auto", "--tests", "test_x.py"];
    let out = world.run(&[&new[..], &["--repairs", "0", "--max-versions", "1"]].concat());
    let report = std::fs::read_to_string(world.file("sessions/s/report_v1.yaml"));
    let report = report.unwrap_or_else(|error| format!("no report: {error}"));
    let outcomes: Vec<&str> =
        report.lines().filter_map(|line| line.trim().strip_prefix("outcome: ")).collect();
    (outcomes.join(" "), format!("{report}\n{}\n{}", out.out, out.err))
}

struct Row {
    /// How the script tries to fake the result.
    attack: &'static str,
    script: &'static str,
    test: &'static str,
    /// The outcome that is reported instead of `passed`.
    seen: &'static str,
}

fn check(rows: &[Row]) {
    for Row { attack, script, test, seen } in rows {
        let (outcome, told) = outcome(&format!("{WRONG}\n{script}"), test);
        assert_eq!(outcome, *seen, "{attack}: what the attacker wants is `passed`\n{told}");
    }
}

const FORGE: &str = r#"
import json, os, re, sys

def told(token=b""):
    line = {"what": "end", "name": "test_x.py::test_add", "outcome": "passed", "milliseconds": 1}
    begun = {"what": "found", "names": ["test_x.py::test_add"]}
    lines = [begun, line, {"what": "done"}]
    return b"\n" + b"".join(token + b" " + json.dumps(one).encode() + b"\n" for one in lines)

def everywhere(data):
    for number in range(1, 64):
        try:
            if not os.get_inheritable(number) and number < 3:
                continue
            os.set_blocking(number, False)
            os.write(number, data)
        except OSError:
            pass
"#;

/// Checks rows whose scripts begin with [`FORGE`].
fn forging(rows: &[(&'static str, &str, &'static str, &'static str)]) {
    for (attack, script, test, seen) in rows {
        let (outcome, told) = outcome(&format!("{FORGE}\n{WRONG}\n{script}"), test);
        assert_eq!(outcome, *seen, "{attack}: what the attacker wants is `passed`\n{told}");
    }
}

#[test]
fn a_script_cannot_reach_the_test_reporter() {
    forging(&[
        (
            "walks the frames of its process to the function that tells, and ends the process",
            "def forge():\n    frame = sys._getframe()\n    while frame:\n        \
             here = frame.f_locals\n        \
             if 'tell' in here:\n            \
             here['tell'](what='found', names=['test_x.py::test_add'])\n            \
             here['end']('test_x.py::test_add', 'passed', None, 0.0)\n            \
             here['tell'](what='done')\n            os._exit(0)\n        \
             frame = frame.f_back\nforge()\n",
            TEST,
            "failed",
        ),
        (
            "walks the frames when it is called, and answers with what the test compares with",
            "def add(a, b):\n    frame = sys._getframe()\n    while frame:\n        \
             for name, value in list(frame.f_locals.items()):\n            \
             if getattr(value, '__name__', '') == 'tell':\n                \
             value(what='end', name='test_x.py::test_add', outcome='passed', milliseconds=0)\n                \
             value(what='done')\n                os._exit(0)\n        \
             frame = frame.f_back\n    return a - b\n",
            TEST,
            "failed",
        ),
        (
            "looks for the token among all objects and writes to every handle",
            "import gc\nseen, todo = set(), list(gc.get_objects())\nfor one in todo:\n    \
             for value in gc.get_referents(one):\n        \
             if type(value) is bytes and re.fullmatch(b'[0-9a-f]{32}\\n?', value):\n            \
             everywhere(told(value.strip()))\n            seen.add(value)\n\
             if seen: os._exit(0)\n",
            TEST,
            "failed",
        ),
        (
            "reads the token from the memory of the process above it",
            "parent = os.getppid()\nfound = set()\n\
             try:\n    maps = open('/proc/%d/maps' % parent).read()\n    \
             memory = open('/proc/%d/mem' % parent, 'rb', 0)\n    \
             for start, end in re.findall('(?m)^([0-9a-f]+)-([0-9a-f]+) rw', maps):\n        \
             start, end = int(start, 16), int(end, 16)\n        \
             try:\n            memory.seek(start)\n            data = memory.read(end - start)\n        \
             except (OSError, ValueError): continue\n        \
             found.update(re.findall(b'(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])', data))\n\
             except OSError: pass\n\
             for token in found:\n    \
             for number in range(64):\n        \
             try:\n            \
             with open('/proc/%d/fd/%d' % (parent, number), 'wb', 0) as f: f.write(told(token))\n        \
             except OSError: pass\n\
             if found: os.kill(parent, 9)\n",
            TEST,
            "failed",
        ),
        (
            "looks for the token in arguments, environment and open files of every process",
            "import glob\nfound = set()\n\
             for path in glob.glob('/proc/*/cmdline') + glob.glob('/proc/*/environ'):\n    \
             try: data = open(path, 'rb').read()\n    except OSError: continue\n    \
             found.update(re.findall(b'(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])', data))\n\
             for path in glob.glob('/proc/*/fd/*'):\n    \
             try: number = os.open(path, os.O_WRONLY | os.O_NONBLOCK)\n    except OSError: continue\n    \
             for token in found | {b''}: os.write(number, told(token))\n",
            TEST,
            "failed",
        ),
        (
            "writes to every handle from a thread, at the end of the program too",
            "import threading, atexit, time\n\
             def write():\n    for _ in range(200):\n        everywhere(told())\n        time.sleep(0.001)\n\
             atexit.register(lambda: everywhere(told()))\n\
             real = add\ndef add(a, b):\n    \
             threading.Thread(target=write, daemon=True).start()\n    return real(a, b)\n",
            "import script\n\ndef test_add():\n    assert script.add.__name__ == 'add'\n    \
             assert script.real(1, 2) == 3\n",
            "failed",
        ),
    ]);
}

#[test]
fn a_script_cannot_change_the_test_runner() {
    check(&[
        Row {
            attack: "patches unittest",
            script: "import unittest\n\
                 for name in ('assertEqual', 'assertTrue', 'fail', '_baseAssertEqual'):\n    \
                 setattr(unittest.TestCase, name, lambda *a, **k: None)\n\
                 unittest.TestCase.failureException = ZeroDivisionError\n\
                 unittest.TestCase.run = lambda self, result=None: result\n\
                 unittest.TestCase.debug = lambda self: None\n",
            test: UNITTEST,
            seen: "failed",
        },
        Row {
            attack: "replaces the errors that a failed assert raises, and what shows them",
            script: "import builtins, sys\nclass Fine(BaseException): pass\n\
                 builtins.AssertionError = Fine\nbuiltins.BaseException = Fine\n\
                 builtins.isinstance = lambda *a: True\nsys.excepthook = lambda *a: None\n",
            test: TEST,
            seen: "failed",
        },
        Row {
            attack: "puts its own modules in the place of the test's and of the test tools",
            script: "import sys, types\n\
                 class Yes(types.ModuleType):\n    \
                 def __getattr__(self, name): return lambda *a, **k: None\n\
                 for name in ('pytest', '_pytest', 'unittest', 'test_x', 'traceback', 'json'):\n    \
                 sys.modules[name] = Yes(name)\n\
                 main = sys.modules['__main__']\n\
                 for name, value in list(vars(main).items()):\n    \
                 if callable(value): setattr(main, name, lambda *a, **k: None)\n\
                 sys.modules['__main__'] = Yes('__main__')\n",
            test: TEST,
            seen: "failed",
        },
        Row {
            attack: "changes the code and the globals of the test's function",
            script: "import gc, types\n\
                 def fine(): pass\n\
                 def change():\n    \
                 for one in gc.get_objects():\n        \
                 if isinstance(one, types.FunctionType) and one.__name__ == 'test_add':\n            \
                 one.__code__ = fine.__code__\n\
                 change()\nreal = add\n\
                 def add(a, b):\n    change()\n    return real(a, b)\n",
            test: "import script\n\ndef test_first():\n    script.add(0, 0)\n\n\
                 def test_add():\n    assert script.add(1, 2) == 3\n",
            seen: "passed failed",
        },
        Row {
            attack: "writes files that test tools and Python load by themselves",
            script: "hook = '''\n\
                 import pytest\n\
                 @pytest.hookimpl(hookwrapper=True, tryfirst=True)\n\
                 def pytest_runtest_makereport(item, call):\n    \
                 report = (yield).get_result()\n    report.outcome = 'passed'\n\
                 '''\n\
                 fine = 'def test_add(): pass\\n'\n\
                 texts = {'conftest.py': hook, 'sitecustomize.py': fine, 'pytest.py': fine,\n    \
                 'usercustomize.py': fine, 'test_x.py': fine, 'pytest.ini': '[pytest]\\naddopts = -p conftest'}\n\
                 for name, text in texts.items(): open(name, 'w').write(text)\n",
            test: TEST,
            seen: "failed",
        },
        Row {
            attack: "writes a module that the test imports later",
            script: "open('colors.py', 'w').write('import sys\\nframe = sys._getframe()\\n\
                 while frame:\\n    if \"end\" in frame.f_locals:\\n        \
                 frame.f_locals[\"end\"](\"test_x.py::test_add\", \"passed\", None, 0)\\n    \
                 frame = frame.f_back\\n')\n",
            test: "import script\ntry:\n    import colors\nexcept ImportError:\n    colors = None\n\n\
                 def test_add():\n    assert script.add(1, 2) == 3\n",
            seen: "failed",
        },
    ]);
}

#[test]
fn a_script_cannot_make_a_test_pass_by_ending_it() {
    check(&[
        Row {
            attack: "ends the process with exit code 0 as it is loaded",
            script: "import os\nos._exit(0)\n",
            test: TEST,
            seen: "failed",
        },
        Row {
            attack: "ends the process with exit code 0 when it is called",
            script: "import os\ndef add(a, b): os._exit(0)\n",
            test: TEST,
            seen: "failed",
        },
        Row {
            attack: "raises what an interpreter ends with well",
            script: "import sys\ndef add(a, b): sys.exit(0)\n",
            test: TEST,
            seen: "failed",
        },
        Row {
            attack: "ends what runs the test",
            script: "import os\ndef add(a, b): os.kill(os.getppid(), 15)\n",
            test: TEST,
            seen: "failed",
        },
        Row {
            attack: "raises what test tools stop quietly at",
            script: "import unittest.case\n\
                 def add(a, b): raise unittest.case._ShouldStop()\n",
            test: "import unittest\nimport script\n\nclass TestSums(unittest.TestCase):\n    \
                 def test_add(self):\n        with self.subTest():\n            \
                 self.assertEqual(script.add(1, 2), 3)\n",
            seen: "failed",
        },
        Row {
            attack: "raises what a test is skipped by",
            script: "import unittest\ndef add(a, b): raise unittest.SkipTest('later')\n",
            test: TEST,
            seen: "skipped",
        },
    ]);
}

#[test]
fn results_of_a_script_are_compared_as_data() {
    let equal = "class Equal:\n    def __eq__(self, other): return True\n    \
                 def __ne__(self, other): return False\n    __hash__ = None\n";
    for (attack, script, test, seen) in [
        (
            "answers with an object that is equal to everything",
            format!("{equal}def add(a, b): return Equal()\n"),
            TEST.to_owned(),
            "unproven",
        ),
        (
            "hides it in a list",
            format!("{equal}def add(a, b): return [Equal()]\n"),
            TEST.replace("== 3", "== [3]"),
            "unproven",
        ),
        (
            "answers with a number of a class of its own that is equal to everything",
            "class Equal(int):\n    def __eq__(self, other): return True\n    \
             def __hash__(self): return 3\n\ndef add(a, b): return Equal(-1)\n"
                .to_owned(),
            TEST.to_owned(),
            "failed",
        ),
        (
            "answers with an object whose difference to anything is nothing",
            "class Near:\n    def __sub__(self, other): return 0\n    \
             def __rsub__(self, other): return 0\n\ndef add(a, b): return Near()\n"
                .to_owned(),
            TEST.replace("script.add(1, 2) == 3", "abs(script.add(1, 2) - 3) < 0.1"),
            "unproven",
        ),
        (
            "answers with code that the test unpickles",
            "import pickle\nclass Code:\n    def __reduce__(self): return (eval, ('3',))\n\n\
             def add(a, b): return pickle.dumps(Code())\n"
                .to_owned(),
            "import pickle\nimport script\n\ndef test_add():\n    \
             assert pickle.loads(script.add(1, 2)) == 3\n"
                .to_owned(),
            "unproven",
        ),
        (
            "is run by the test itself, in the process of the test",
            "import sys\ndef forge():\n    frame = sys._getframe()\n    \
             while frame:\n        \
             if 'tell' in frame.f_locals and 'end' in frame.f_locals:\n            \
             frame.f_locals['end']('test_x.py::test_add', 'passed', None, 0)\n            \
             frame.f_locals['tell'](what='done')\n            \
             import os; os._exit(0)\n        frame = frame.f_back\nforge()\n"
                .to_owned(),
            "def test_add():\n    names = {}\n    exec(open('script.py').read(), names)\n    \
             assert names['add'](1, 2) == 3\n"
                .to_owned(),
            "unproven",
        ),
        (
            "forges where it is run beside the test",
            format!(
                "{equal}import sys\ndef add(a, b):\n    frame = sys._getframe()\n    \
                 while frame:\n        \
                 if 'tell' in frame.f_locals and 'end' in frame.f_locals:\n            \
                 frame.f_locals['end']('test_x.py::test_add', 'passed', None, 0)\n            \
                 frame.f_locals['end']('test_x.py::test_other', 'passed', None, 0)\n            \
                 frame.f_locals['tell'](what='done')\n            \
                 import os; os._exit(0)\n        frame = frame.f_back\n    return Equal()\n"
            ),
            format!("{TEST}\ndef test_other():\n    assert script.add.__doc__ == 'other'\n"),
            "unproven failed",
        ),
    ] {
        let (outcome, told) = outcome(&format!("{WRONG}\n{script}"), &test);
        assert_eq!(outcome, seen, "{attack}: what the attacker wants is `passed`\n{told}");
    }
}

/// A test that passed only in the script's process does not overrule the Reviewer, and is reported
/// as such.
#[test]
fn an_unproven_test_does_not_overrule_the_reviewer() {
    let blocker = "R1: met\nR2: not met\n- [blocker] R2 \"return Equal()\" it never adds\n\
                   VERDICT: ITERATE\n";
    let script = "class Equal:\n    def __eq__(self, other): return True\n\n\
                  def add(a, b):\n    return Equal()\n\nprint(2)\n";
    let world = World::scripted(&[PLAN], &[&fenced(script)], &[blocker]);
    world.write("test_x.py", TEST);
    let new = ["new", "add numbers", "--name", "s", "--auto", "--tests", "test_x.py"];
    let out = world.run(&[&new[..], &["--max-versions", "1"]].concat()).expect(3);
    assert!(out.out.contains("tests: 0 of 1 passed, 1 unproven: "), "{}", out.out);
    let notes = world.read("sessions/s/review_v1.md");
    assert!(notes.contains("VERDICT: ITERATE\n") && !notes.contains("decides"), "{notes}");
    let out = world.run_with(&["resume", "s"], "accept\n").expect(0);
    assert!(out.out.contains("accepted v1 (ran) with 1 test unproven"), "{}", out.out);
}
