//! A few quick runs of real scripts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use redraft::domain::permission::Access;
use redraft::domain::report::{Checks, RunVerdict};
use redraft::domain::settings::{Sandbox, SandboxMode};
use redraft::python::behaviour;
use redraft::python::check::check;
use redraft::python::interpreter::{Interpreter, find};
use redraft::python::run::{Ask, Ran, RunFault, run};
use redraft::sandbox::runner;
use tokio_util::sync::CancellationToken;

static PYTHON: LazyLock<Interpreter> = LazyLock::new(|| find(None).unwrap());
static NOTHING: LazyLock<Checks> = LazyLock::new(Checks::default);
static ACCESS: LazyLock<Access> = LazyLock::new(Access::default);

fn ask(script: &str) -> Ask<'_> {
    Ask {
        script,
        script_name: "script_v1.py",
        data: &[],
        earlier: &[],
        checks: &NOTHING,
        access: &ACCESS,
        limits: Sandbox::default(),
        python: &PYTHON,
        keep_files_in: None,
        picture: None,
        by_hand: false,
        imported: false,
        args: &[],
        stdin: Vec::new(),
    }
}

async fn ran(ask: Ask<'_>) -> Ran {
    run(runner(SandboxMode::Off).as_ref(), ask, &CancellationToken::new()).await.unwrap()
}

#[tokio::test]
async fn each_kind_of_script_end_has_its_verdict() {
    use RunVerdict::{Failed, Ok, Timeout, Waits};
    for (script, seconds, verdict, exit, said) in [
        ("print('hi')", 30, Ok, Some(0), ""),
        ("import sys\nsys.exit(0)", 30, Ok, Some(0), ""),
        ("x = 1\n1 / 0", 30, Failed, Some(1), "ZeroDivisionError"),
        ("name = input('name? ')", 30, Waits, Some(1), ""),
        (
            "import threading\nthreading.Thread(target=lambda: 1 / 0).start()",
            30,
            Failed,
            Some(0),
            "division by zero",
        ),
        ("raise EOFError('EOF when reading a file')", 30, Failed, Some(1), "EOFError"),
        ("import sys\nprint(sys.argv[1])", 30, Failed, Some(1), "give defaults"),
        ("import sys\nsys.exit('no city')", 30, Failed, Some(1), "no city"),
        (
            "import csv\nfor row in csv.reader(['a']): float(*row)",
            30,
            Failed,
            Some(1),
            "next(reader)",
        ),
        ("float('XIV')", 30, Failed, Some(1), "hint: None"),
        ("int('1,5')", 30, Failed, Some(1), "hint: None"),
        ("import sys\nsys.exit(3)", 30, Failed, Some(3), "exit code 3"),
        ("import not_there_at_all", 30, Failed, Some(1), "`not_there_at_all` is not installed"),
        ("import os\nos.kill(os.getpid(), 9)", 30, Failed, None, "SIGKILL"),
        ("def f(:\n", 30, Failed, Some(1), "SyntaxError"),
        ("while True: pass", 1, Timeout, None, ""),
        (
            "import threading\ndef f(): 1 / 0\nthreading.Thread(target=f).start()\nwhile True: pass",
            1,
            Failed,
            None,
            "ZeroDivisionError",
        ),
    ] {
        let Ran { run, .. } =
            ran(Ask { limits: Sandbox { seconds, ..Sandbox::default() }, ..ask(script) }).await;
        assert_eq!((run.verdict, run.exit_code), (verdict, exit), "{script}: {run:?}");
        assert!(format!("{:?}", run.error).contains(said), "{script}: {run:?}");
        assert_eq!(run.error.is_some(), verdict == Failed, "{script}: {run:?}");
        assert_eq!(run.sandbox.as_deref(), Some("off"));
        assert_eq!(run.python, Some(PYTHON.to_string()));
    }
    let Ran { run, .. } = ran(Ask {
        limits: Sandbox { seconds: 0, ..Sandbox::default() },
        ..ask("while True: pass")
    })
    .await;
    assert_eq!(run.reason.as_deref(), Some("still running after 0 s: stopped"));
}

#[tokio::test]
async fn a_script_that_reads_missing_input_waits_or_fails_if_some_was_given() {
    use RunVerdict::{Failed, Ok, Waits};
    for (script, args, stdin, verdict) in [
        ("input('name? ')", "", "", Waits),
        ("input('name? ')", "", "Ada\n", Ok),
        ("input(); input()", "", "Ada\n", Failed),
        ("input('name? ')", "Ada", "", Failed),
        ("import sys\nprint(sys.argv[1])\ninput('sure? ')", "Ada", "", Waits),
        ("try: input()\nexcept EOFError: print('bye')", "", "", Ok),
        ("import sys\nn = int(sys.stdin.readline())", "", "", Waits),
        ("import sys\nline = sys.stdin.readline()\na, b = line.split()", "", "", Waits),
        ("import sys\nn = int(sys.stdin.readline())", "", "x\n", Failed),
        ("import sys\nn = int(sys.stdin.readline())", "Ada", "", Failed),
        ("import sys\nline = sys.stdin.readline()\nprint(1 / 0)", "", "", Failed),
        ("import sys\nprint(len(sys.stdin.read()))", "", "", Ok),
    ] {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let asked = Ask { args: &args, stdin: stdin.into(), ..ask(script) };
        let Ran { run, .. } = ran(asked).await;
        assert_eq!(run.verdict, verdict, "{script} {args:?} {stdin:?}: {run:?}");
        let why = (verdict == Waits).then_some("it waits for input, and nothing was given");
        assert_eq!(run.reason.as_deref(), why, "{script}");
        assert_eq!(run.error.is_some(), verdict == Failed, "{script}");
    }
}

#[tokio::test]
async fn an_endless_reader_waits_without_input_and_times_out_with_some() {
    use RunVerdict::{Timeout, Waits};
    let reads = "import sys\nwhile sys.stdin.readline() != 'q': pass";
    for (script, stdin, verdict) in
        [(reads, "", Waits), (reads, "x\n", Timeout), ("while True: pass # stdin", "", Timeout)]
    {
        let limits = Sandbox { seconds: 1, ..Sandbox::default() };
        let Ran { run, .. } = ran(Ask { stdin: stdin.into(), limits, ..ask(script) }).await;
        assert_eq!(run.verdict, verdict, "{script} {stdin:?}: {run:?}");
    }
}

/// A script that draws on the screen, waits for a key and prints which one it was.
const CURSES: &str = "import curses\n\
    def main(screen):\n\
    \x20screen.addstr(2, 4, 'draft 1')\n\
    \x20key = screen.getch()\n\
    \x20screen.addstr(3, 4, f'key {chr(key)}')\n\
    \x20screen.refresh()\n\
    \x20if key == ord('x'): 1 / 0\n\
    curses.wrapper(main)\n";

#[tokio::test]
async fn a_program_that_needs_a_terminal_gets_one_and_its_screen_is_captured() {
    use RunVerdict::{Failed, Ok, Waits};
    for (script, stdin, verdict, shown) in [
        (CURSES, "", Waits, "\n\n    draft 1\n"),
        (CURSES, "q", Ok, "\n\n    draft 1\n    key q\n"),
        (CURSES, "x", Failed, "ZeroDivisionError: division by zero"),
        ("import curses\ncurses.wrapper(lambda screen: screen.getch())", "", Waits, ""),
        ("import os\nprint(os.get_terminal_size().columns)", "", Ok, "80\n"),
        ("import sys, termios\nprint(len(termios.tcgetattr(sys.stdin)))", "", Ok, "7\n"),
        ("import getpass\nprint(getpass.getpass('word? '))", "a\n", Ok, "word?\na\n"),
        ("print(open('/dev/tty').readline())", "abc\n", Ok, "abc\nabc\n"),
        (
            "print('name?', flush=True)\nprint(open('/dev/tty').readline())",
            "abc\n",
            Ok,
            "name?\nabc\nabc\n\n",
        ),
        (
            "import sys, tty\ntty.setcbreak(0)\nprint('go', flush=True)\nprint(sys.stdin.read(1))",
            "y",
            Ok,
            "go\ny\n",
        ),
        ("import tty\nraise SystemExit('no')", "", Failed, "no\n"),
    ] {
        let checks = check(script);
        let asked = Ask { stdin: stdin.into(), checks: &checks, ..ask(script) };
        let Ran { run, stdout, stderr } = ran(asked).await;
        assert_eq!(run.verdict, verdict, "{script} {stdin:?}: {run:?}\n{stdout}");
        assert!(stdout.contains(shown.trim_end()), "{script} {stdin:?}: {stdout:?}");
        assert_eq!((run.terminal, stderr.as_str()), (true, ""), "{script}");
        assert_eq!(run.error.is_some(), verdict == Failed, "{script}");
    }
}

#[tokio::test]
async fn a_script_sees_only_its_data_arguments_and_input() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, tree) = (folder.path().join("sales.csv"), folder.path().join("more"));
    fs::write(&csv, "a,b\n").unwrap();
    fs::create_dir_all(tree.join("deep")).unwrap();
    fs::write(tree.join("deep/x.txt"), "x").unwrap();
    let own = folder.path().join("script_v1.py");
    fs::write(&own, "not the script").unwrap();
    let script = "import os, sys\n\
        print(sorted(os.listdir('.')), sorted(os.listdir('data')), sys.argv[1:], input())\n\
        print(open('sales.csv').read() == open('data/sales.csv').read(), open('more/deep/x.txt').read())\n\
        print(sorted(n for n in os.environ if 'THREADS' not in n), os.environ['HOME'] == os.getcwd(), 'é')\n\
        open('sales.csv', 'w').write('spoilt'); print(1 / 0)\n";
    let args = ["--x".to_owned(), "é y".to_owned()];
    let data = [csv.clone(), tree, own];
    let asked = Ask { data: &data, args: &args, stdin: b"typed\n".to_vec(), ..ask(script) };
    let Ran { run, stdout, stderr } = ran(asked).await;
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "['data', 'more', 'sales.csv', 'script_v1.py'] ['more', 'sales.csv', 'script_v1.py'] \
             ['--x', 'é y'] typed",
            "True x",
            "['HOME', 'LANG', 'MPLBACKEND', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'PYTHONIOENCODING', \
             'PYTHONUNBUFFERED', 'TMPDIR'] True é",
        ]
    );
    assert!(stderr.contains("File \"./script_v1.py\", line 5"), "{stderr}");
    assert_eq!(run.error.unwrap().line, Some(5));
    assert_eq!(fs::read_to_string(&csv).unwrap(), "a,b\n", "the Manager's own file is untouched");

    let missing = ran(Ask { data: &data, ..ask("open('salse.csv')") }).await.run.error.unwrap();
    assert!(missing.hint.unwrap().contains("the data files here: sales.csv, more"));
    let gone = [PathBuf::from("/nonexistent/data.csv")];
    let asked = Ask { data: &gone, ..ask("") };
    let fault = run_fault(asked, &CancellationToken::new()).await;
    assert!(fault.to_string().contains("`/nonexistent/data.csv`"), "{fault}");
}

async fn run_fault(ask: Ask<'_>, cancel: &CancellationToken) -> RunFault {
    run(runner(SandboxMode::Off).as_ref(), ask, cancel).await.unwrap_err()
}

#[tokio::test]
async fn only_plain_files_of_a_run_are_kept_under_safe_names() {
    let folder = tempfile::tempdir().unwrap();
    let data = [folder.path().join("in.txt")];
    fs::write(&data[0], "as it was").unwrap();
    let to = folder.path().join("run/files");
    let script = "import os\n\
        os.makedirs('out/deep'); open('out/deep/a.txt', 'w').write('a')\n\
        open('data/in.txt', 'a').write(' changed')\n\
        open('b\\x1b[31m\\n.txt', 'w').write('b'); open(b'c\\xff', 'w').write('c')\n\
        os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe'); os.symlink('/etc', 'folder')\n\
        os.makedirs('.cache/x'); open('.cache/x/y', 'w').write('y'); open('.hidden', 'w').write('h')\n\
        f = open('huge', 'w'); f.truncate(10**12)\n";
    let Ran { run, .. } = ran(Ask { data: &data, keep_files_in: Some(&to), ..ask(script) }).await;
    let expected = [".hidden", "b_[31m_.txt", "c_", "data/in.txt", "out/deep/a.txt"];
    assert_eq!(run.files, expected, "{run:?}");
    assert_eq!(run.reason.as_deref(), Some("1 file that it wrote not kept"));
    let read = |name: &str| fs::read_to_string(Path::new(&to).join(name)).unwrap();
    assert_eq!((read("data/in.txt"), read("c_")), ("as it was changed".to_owned(), "c".to_owned()));

    let many = "for n in range(150): open(f'{n:03}.txt', 'w').write('x')\n";
    let Ran { run, .. } = ran(Ask { keep_files_in: Some(&to), ..ask(many) }).await;
    assert_eq!(
        (run.files.len(), run.reason.as_deref()),
        (100, Some("50 files that it wrote not kept"))
    );
    let none = folder.path().join("none");
    ran(Ask { keep_files_in: Some(&none), ..ask("print(1)") }).await;
    assert!(!none.exists());
}

#[tokio::test]
async fn a_script_without_a_display_is_skipped_instead_of_failed() {
    // The exit of a toolkit without a display, simulated so that the test needs no toolkit.
    let script =
        "import sys\nsys.exit('_tkinter.TclError: no display name and no $DISPLAY variable')";
    let window = Checks { window: true, ..check(script) };
    let Ran { run, .. } = ran(Ask { checks: &window, ..ask(script) }).await;
    let none =
        std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none();
    if none && redraft::sandbox::display::missing().is_some() {
        assert_eq!(run.verdict, RunVerdict::Skipped, "{run:?}");
        assert!(run.reason.unwrap().starts_with("needs a display, there is none here: no virtual"));
    } else {
        assert_eq!(run.verdict, RunVerdict::Failed, "there is a display: {run:?}");
    }
    let Ran { run, .. } = ran(ask(script)).await;
    assert_eq!(run.verdict, RunVerdict::Failed);
    assert!(run.error.unwrap().hint.unwrap().contains("no display"));
}

#[tokio::test]
async fn a_cancelled_run_is_interrupted_without_a_result() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let fault = run_fault(ask("while True: pass"), &cancel).await;
    assert!(matches!(fault, RunFault::Interrupted), "{fault}");
}

async fn behaviour(script: &str, tests: &[PathBuf]) -> BTreeMap<String, String> {
    let cancel = CancellationToken::new();
    behaviour::of(runner(SandboxMode::Off).as_ref(), &ask(script), &[], tests, &cancel)
        .await
        .unwrap()
}

#[tokio::test]
async fn equivalent_functions_have_the_same_behaviour_hash() {
    let even =
        "def even(numbers: list[int]) -> list[int]:\n    return [n for n in numbers if n % 2 == 0]";
    let alike = [
        "def even(numbers: list[int]) -> list[int]:\n    return list(filter(lambda n: not n % 2, numbers))\nprint('hi')",
        "def even(numbers: list[int]) -> list[int]:\n    out = []\n    for n in numbers:\n        if n & 1 == 0:\n            out.append(float(n))\n    return out\n\n\ndef _other(x): return x\n",
        "import sys\n\ndef even(numbers: list[int]) -> list[int]:\n    return sum(([n] for n in numbers if n % 2 == 0), [])\n\n\ndef main():\n    print(1)\n\n\nsys.exit(0)",
    ];
    let others = [
        "def even(numbers: list[int]) -> list[int]:\n    return [n for n in numbers if n % 2]",
        "def even(numbers: list[int]) -> list[int]:\n    return sorted(n for n in numbers if n % 2 == 0)",
        "def even(numbers: list[int]) -> list[int]:\n    while True: pass",
        "def even(numbers: list[int]) -> list[int]:\n    print(numbers)\n    return [n for n in numbers if n % 2 == 0]",
    ];
    let first = behaviour(even, &[]).await;
    assert_eq!(first.keys().collect::<Vec<_>>(), ["even"]);
    for script in alike {
        assert_eq!(behaviour(script, &[]).await, first, "{script}");
    }
    for script in others {
        let other = behaviour(script, &[]).await;
        // A function that does not terminate has no recorded behaviour.
        assert_eq!(other.contains_key("even"), !script.contains("while"), "{script}");
        assert_ne!(other, first, "{script}");
    }
    // A function that catches every exception loses only the functions after it.
    let ask = "def ask(prompt):\n    while True:\n        try: return int(input(prompt))\n        except: print('A number')\n";
    let told = behaviour(&format!("{even}\n\n{ask}"), &[]).await;
    assert_eq!(told, first);
    let one_by_one =
        |what: &str| format!("def some(numbers: list[int]):\n    for n in numbers: yield {what}");
    assert_ne!(behaviour(&one_by_one("n"), &[]).await, behaviour(&one_by_one("-n"), &[]).await);
    let kept = |what: &str| {
        format!(
            "class P:\n    def __init__(self, n): self.n = {what}\n\ndef make(n: int): return P(n)"
        )
    };
    assert_ne!(behaviour(&kept("n"), &[]).await, behaviour(&kept("n + 1"), &[]).await);
    for nothing in ["print(1)", "1 / 0", "def main(x): pass", "class A: pass", "def f(): return 1"]
    {
        assert!(behaviour(nothing, &[]).await.is_empty(), "{nothing}");
    }
    // The order of sets does not matter, and a list changed in place counts as a result.
    let set = |n| format!("def letters(text: str):\n    return set(text) | {{'{n}'}}");
    assert_eq!(behaviour(&set('x'), &[]).await, behaviour(&set('x'), &[]).await);
    let sort = "def order(items: list):\n    items.sort()";
    assert_ne!(behaviour(sort, &[]).await, behaviour("def order(items: list): pass", &[]).await);
}

#[tokio::test]
async fn functions_are_compared_with_the_arguments_of_the_tests() {
    let folder = tempfile::tempdir().unwrap();
    let tests = folder.path().join("test_f.py");
    let text = "from script import seconds\n\ndef test_it():\n    assert seconds('1:30') == 90\n";
    fs::write(&tests, text).unwrap();
    let read = "    a, b = text.split(':')\n    return int(a) * 60 + int(b)";
    let script =
        |body: &str| format!("def helper(n):\n    return n\n\n\ndef seconds(text):\n{body}");
    let tests = [tests];
    let first = behaviour(&script(read), &tests).await;
    assert_eq!(first.keys().collect::<Vec<_>>(), ["seconds"], "only what is tested");
    // Generated texts without a colon would not distinguish them.
    let other = script("    a, b = text.split(':')\n    return 60 + 10 * int(a) + int(b) - 10");
    assert_ne!(behaviour(&other, &tests).await, first);
}
