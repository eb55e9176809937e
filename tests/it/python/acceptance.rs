//! The user's tests, run against real scripts by the test harness.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use redraft::domain::permission::Access;
use redraft::domain::report::{Checks, TestOutcome};
use redraft::domain::settings::{Sandbox, SandboxMode};
use redraft::python::acceptance::{check, in_folder, test};
use redraft::python::interpreter::{Interpreter, find};
use redraft::python::run::Ask;
use redraft::sandbox::runner;
use tokio_util::sync::CancellationToken;

static ACCESS: LazyLock<Access> = LazyLock::new(Access::default);
/// The interpreter under test, with or without pytest: the tests hold for both.
static PYTHON: LazyLock<Interpreter> =
    LazyLock::new(|| find(std::env::var("REDRAFT_TEST_PYTHON").ok().as_deref()).unwrap());

/// The results of a script in one file of tests, one line each: `name outcome: message`.
async fn told(script: &str, file: &str, text: &str) -> Vec<String> {
    told_within(10, script, &[(file, text)]).await
}

async fn told_within(seconds: u64, script: &str, tests: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut paths: Vec<PathBuf> = Vec::new();
    for (file, text) in tests {
        let path = folder.path().join(file);
        fs::write(&path, text).unwrap();
        check(&path).unwrap();
        paths.push(path);
    }
    let checks = Checks::default();
    let args = ["--given".to_owned()];
    let ask = Ask {
        script,
        script_name: "script_v3.py",
        data: &[],
        earlier: &[],
        access: &ACCESS,
        checks: &checks,
        limits: Sandbox { seconds, ..Sandbox::default() },
        python: &PYTHON,
        keep_files_in: None,
        picture: None,
        by_hand: false,
        imported: false,
        args: &args,
        stdin: b"typed\n".to_vec(),
    };
    let runner = runner(SandboxMode::Off);
    let results = test(runner.as_ref(), &ask, &paths, &CancellationToken::new()).await.unwrap();
    results
        .into_iter()
        .map(|test| {
            assert_eq!(test.message.is_some(), test.outcome != TestOutcome::Passed, "{test:?}");
            let message = test.message.map_or_else(String::new, |message| format!(": {message}"));
            format!("{} {}{message}", test.name, test.outcome.name())
        })
        .collect()
}

/// Compares line by line by prefix.
#[track_caller]
fn expect(told: &[String], expected: &[&str]) {
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{expected}\n{told:#?}");
    }
}

const ADD: &str =
    "def add(a, b):\n    return a - b\n\nif __name__ == '__main__':\n    print(add(2, 0))\n";

#[tokio::test]
async fn each_test_is_reported_with_its_line_and_the_compared_values() {
    let tests = "from script import add\nimport script_v3, pytest\n\
        def test_zero():\n    assert add(2, 0) == 2\n\
        def test_sum():\n    total = 3\n    assert add(1, 2) == total\n\
        class TestMore:\n    def test_same(self):\n        assert script_v3.add is add\n    \
        def test_error(self):\n        add('a', 'b')\n\
        def helper(): raise SystemExit\n\
        @pytest.mark.parametrize('n, twice', [(1, 2), (0, 0)])\n\
        def test_twice(n, twice):\n    assert add(n, n) == twice\n\
        def test_near():\n    assert [0.1 + 0.2] == pytest.approx([0.3])\n    \
        with pytest.raises(TypeError, match='operand'):\n        add('a', 'b')\n    \
        with pytest.raises(KeyError):\n        add(1, 2)\n\
        def test_left_out(): pytest.skip('later')\n";
    let told = told(ADD, "test_add.py", tests).await;
    let line = "test_add.py::test_sum failed: line 7: assert add(1, 2) == total; AssertionError: ";
    expect(
        &told,
        &[
            "test_add.py::test_zero passed",
            line,
            "test_add.py::TestMore::test_same passed",
            "test_add.py::TestMore::test_error failed: line 12: add('a', 'b'); TypeError: ",
            "test_add.py::test_twice[1-2] failed: line 16: assert add(n, n) == twice",
            "test_add.py::test_twice[0-0] passed",
            "test_add.py::test_near failed: line 2",
            "test_add.py::test_left_out skipped: later",
        ],
    );
    assert!(told[1].contains("-1") && told[1].contains('3'), "{}", told[1]);
    assert!(told[3].ends_with("in the script, line 2, in add: return a - b"), "{}", told[3]);
}

#[tokio::test]
async fn a_script_that_prints_and_exits_at_import_is_still_tested() {
    let script = "import sys, builtins\nprint('noise', sys.argv, input())\n\
        def add(a, b): return a + b\n\
        builtins.print = None\nsys.stdout.close()\nsys.exit(3)\n";
    let tests = "import clock, sys\n\
        def test_a(): assert clock.add(1, 2) == 3\n\
        def test_b(): assert sys.argv == ['script_v3.py', '--given']\n";
    expect(
        &told(script, "clock_test.py", tests).await,
        &["clock_test.py::test_a passed", "clock_test.py::test_b passed"],
    );
}

/// The script runs in a process of its own and still sees the changes that a test makes in the
/// test's process.
#[tokio::test]
async fn patches_io_and_objects_work_across_the_two_processes() {
    let script = include_str!("../fixtures/apart/works.py");
    let tests = include_str!("../fixtures/apart/test_works.py");
    let told = told_within(60, script, &[("test_works.py", tests)]).await;
    assert_eq!(told.len(), tests.matches("\ndef test_").count(), "{told:#?}");
    assert!(told.iter().all(|line| line.ends_with(" passed")), "{told:#?}");
}

#[tokio::test]
async fn a_test_that_passes_only_in_one_process_is_unproven() {
    let script = include_str!("../fixtures/apart/needs.py");
    let tests = include_str!("../fixtures/apart/test_needs.py");
    let told = told_within(60, script, &[("test_needs.py", tests)]).await;
    assert_eq!(told.len(), tests.matches("\ndef test_").count(), "{told:#?}");
    for line in &told {
        let outcome =
            if line.contains("_unproven ") { " unproven: passed in the " } else { " passed" };
        assert!(line.contains(outcome), "{line}");
    }
    // A test that fails across processes counts as failed.
    let wrong = "import script\ndef test_money(): assert script.Money(5) == 6\n";
    expect(
        &told_within(60, script, &[("test_x.py", wrong)]).await,
        &["test_x.py::test_money failed: line 2: "],
    );
}

#[tokio::test]
async fn results_forged_by_the_script_do_not_count() {
    let script = "import json, os, sys\n\
        for fd in range(1, 10):\n    \
        for token in ('', 'T'):\n        \
        try: os.write(fd, (token + ' {\"what\":\"end\",\"name\":\"test_x.py::test_a\",\"outcome\":\"passed\",\
        \"message\":null,\"milliseconds\":0}\\n').encode())\n        \
        except OSError: pass\n\
        def no(): return False\n";
    let tests = "import script\ndef test_a(): assert script.no()\n";
    let told = told(script, "test_x.py", tests).await;
    expect(&told, &["test_x.py::test_a failed: line 2: "]);
}

#[tokio::test]
async fn a_test_that_exits_or_hangs_is_named_and_the_others_keep_results() {
    let tests =
        "def test_a(): pass\ndef test_b():\n    import os; os._exit(7)\ndef test_c(): pass\n";
    expect(
        &told("", "test_x.py", tests).await,
        &[
            "test_x.py::test_a passed",
            "test_x.py::test_b failed: the program ended with exit code 7",
            "test_x.py::test_c skipped: not run",
        ],
    );
    let hangs = "def test_a():\n    while True: pass\n";
    let fine = "- name: one\n  stdout: ''\n";
    expect(
        &told_within(8, "", &[("test_x.py", hangs), ("cases.yaml", fine)]).await,
        &["test_x.py::test_a failed: still running after ", "cases.yaml::one passed"],
    );
}

#[tokio::test]
async fn a_test_file_that_cannot_be_loaded_says_why() {
    let missing = "from script import subtract\ndef test_a(): pass\n";
    let told_missing = told(ADD, "test_x.py", missing).await;
    expect(&told_missing, &["test_x.py failed: it can't be loaded: "]);
    assert!(told_missing[0].contains("cannot import name 'subtract'"), "{told_missing:?}");
    let ends = "import script\ndef test_a(): pass\n";
    expect(
        &told("import os\nos._exit(0)", "test_x.py", ends).await,
        &["test_x.py failed: while the file was loaded, the program ended with exit code 0"],
    );
    let waits = told_within(1, "while True: pass", &[("test_x.py", ends)]).await;
    expect(&waits, &["test_x.py failed: while the file was loaded, still running after 1.0 s"]);
    assert!(waits[0].ends_with("belongs under `if __name__ == \"__main__\":`"), "{waits:?}");
    let outside = told("open('nothing.csv')", "test_x.py", ends).await;
    let said = "FileNotFoundError: [Errno 2] No such file or directory: 'nothing.csv'; in the script, line 1";
    assert!(outside[0].contains(said), "{outside:?}");
    let private = "import os\ndef test_a(): assert os.getcwd() == 1\n";
    let private = told("", "test_x.py", private).await;
    assert!(
        private[0].contains("left side is '.'") || private[0].contains("assert '.' == 1"),
        "{private:?}"
    );
}

#[tokio::test]
async fn a_plain_script_of_asserts_is_one_test() {
    for (text, expected) in [
        ("import script\nassert script.add(2, 0) == 2\n", "check.py passed"),
        ("import script\nassert script.add(2, 2) == 4, 'sum'\n", "check.py failed: line 2: "),
        ("import sys\nassert __name__ == '__main__'\nsys.exit(0)\n", "check.py passed"),
        ("import sys\nassert sys\nsys.exit('no')\n", "check.py failed: line 3: sys.exit('no')"),
    ] {
        expect(&told(ADD, "check.py", text).await, &[expected]);
    }
}

#[tokio::test]
async fn unittest_classes_run_with_their_setup() {
    let tests = "import unittest\nfrom script import add\n\
        class Sums(unittest.TestCase):\n    \
        @classmethod\n    def setUpClass(cls): cls.two = 2\n    \
        def test_a(self): self.assertEqual(add(2, 0), self.two)\n    \
        def test_b(self): self.assertEqual(add(1, 1), self.two)\n\
        class TestPlain(unittest.TestCase):\n    \
        @unittest.skip('later')\n    def test_c(self): pass\n";
    expect(
        &told(ADD, "test_x.py", tests).await,
        &[
            "test_x.py::Sums::test_a passed",
            "test_x.py::Sums::test_b failed: line 7: ",
            "test_x.py::TestPlain::test_c skipped: later",
        ],
    );
}

#[tokio::test]
async fn tests_that_need_pytest_are_skipped_without_it() {
    let mut asked = std::process::Command::new(&PYTHON.path);
    let has_pytest = asked.args(["-c", "import pytest"]).output().unwrap().status.success();
    for tests in [
        "def test_a(tmp_path): pass\n",
        "import pytest\n@pytest.mark.usefixtures('tmp_path')\ndef test_a(): pass\n",
        "import pytest\n@pytest.fixture\ndef two(): return 2\ndef test_a(two): pass\n",
        "class TestA:\n    def setup_method(self): pass\n    def test_a(self): pass\n",
    ] {
        let told = told(ADD, "test_x.py", tests).await;
        let expected = if has_pytest { "::test_a passed" } else { " skipped: needs pytest" };
        assert!(told.len() == 1 && told[0].contains(expected), "{tests}: {told:?}");
    }
}

#[tokio::test]
async fn tests_that_need_a_missing_module_are_skipped() {
    let tests = "import numpy_of_nobody, script\ndef test_a(): assert script.add\n";
    let said = "test_x.py skipped: needs the module `numpy_of_nobody`";
    expect(&told(ADD, "test_x.py", tests).await, &[said]);
    let tests = "import script\ndef test_a(): pass\n";
    let of_script = told("import numpy_of_nobody", "test_x.py", tests).await;
    expect(&of_script, &["test_x.py failed: it can't be loaded: "]);
    // `keras` is not taken for another name of the script.
    let tests = "import keras\ndef test_a(): assert keras.add(2, 0) == 2\n";
    expect(&told(ADD, "test_x.py", tests).await, &["test_x.py skipped: needs the module `keras`"]);
}

#[tokio::test]
async fn each_case_runs_separately_with_its_own_input() {
    let script = "import sys\nn = int(input())\nopen('out.txt', 'x').write('x')\n\
        print(sys.argv[1:], open('a/in.txt').read(), 10 / n)\n";
    let cases = "- name: half\n  args: [-v, 1]\n  stdin: '20'\n  files: {a/in.txt: x}\n  number: 0.5\n\
        - name: zero\n  stdin: '0'\n  files: {a/in.txt: x}\n  number: 1\n\
        - name: no file\n  stdin: '1'\n  exit_code: 1\n\
        - name: no input\n  pattern: '^\\['\n";
    expect(
        &told(script, "cases.yaml", cases).await,
        &[
            "cases.yaml::half passed",
            "cases.yaml::zero failed: with the input `0`: it ended with exit code 1, not 0: ZeroDivisionError: \
             division by zero (line 4)",
            "cases.yaml::no file passed",
            "cases.yaml::no input failed: it ended with exit code 1, not 0: EOFError",
        ],
    );
}

#[test]
fn a_file_without_tests_is_refused_and_a_folder_yields_its_test_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for (name, text, said) in [
        ("test_a.py", "def test_a(): pass", ""),
        ("b_test.py", "class TestB: pass", ""),
        ("c.py", "import script\nassert script", ""),
        ("cases.yaml", "- name: x\n", ""),
        ("helper.py", "def f(): pass", "it holds no test"),
        ("notes.txt", "assert", "files of Python (.py) or of cases (.yaml)"),
        ("script.py", "def test_a(): pass", "give it another"),
        ("missing.py", "", "no such file"),
    ] {
        if name != "missing.py" {
            fs::write(file(name), text).unwrap();
        }
        match check(&file(name)) {
            Ok(()) => assert_eq!(said, "", "{name}"),
            Err(why) => assert!(!said.is_empty() && why.contains(said), "{name}: {why}"),
        }
    }
    fs::remove_file(file("script.py")).unwrap();
    let found = in_folder(folder.path()).unwrap();
    assert_eq!(found, ["b_test.py", "c.py", "cases.yaml", "test_a.py"].map(file));
    fs::write(file("test_a.py"), "def test_a(:").unwrap();
    assert!(check(&file("test_a.py")).unwrap_err().starts_with("line 1: "));
}
