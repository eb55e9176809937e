//! Parsing of Python's error output.

use redraft::domain::report::RunError;
use redraft::python::execution::Execution;
use redraft::python::traceback::{counts_in, error, error_behind, is_in};

const SCRIPT: &str = "import json\n\ndef main(text):\n    return int(text)\n\nprint(main('x'))\n";

fn ran(script: &str) -> Execution<'_> {
    Execution { script, name: "script_v1.py", args: &[] }
}

fn read(stderr: &str) -> RunError {
    error(stderr, ran(SCRIPT)).unwrap()
}

const ORDINARY: &str = r#"Traceback (most recent call last):
  File "./script_v1.py", line 6, in <module>
    print(main('x'))
          ^^^^^^^^^
  File "./script_v1.py", line 4, in main
    return int(text)
           ^^^^^^^^^
  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode
    obj, end = self.scan_once(s, idx)
ValueError: invalid literal for int() with base 10: 'x'
"#;

#[test]
fn the_final_error_is_found_with_the_script_s_own_lines() {
    let read = read(ORDINARY);
    assert_eq!(read.kind, "ValueError");
    assert_eq!(read.message, "invalid literal for int() with base 10: 'x'");
    assert_eq!(read.line, Some(4));
    assert_eq!(read.frames, ["line 6: print(main('x'))", "line 4, in main: return int(text)"]);
}

#[test]
fn every_traceback_format_is_read() {
    let during = format!(
        "{ORDINARY}\nDuring handling of the above exception, another exception occurred:\n\n\
         Traceback (most recent call last):\n  File \"./script_v1.py\", line 6, in <module>\n    x\n\
         __main__.AppError: two\nlines\n"
    );
    let ignored = format!(
        "{ORDINARY}Exception ignored in: <function A.__del__>\n\
         Traceback (most recent call last):\n  File \"./script_v1.py\", line 1, in __del__\nOSError: x\n"
    );
    let syntax = "  File \"./script_v1.py\", line 3\n    def main(text:\n            ^\n\
                  SyntaxError: '(' was never closed\n";
    let indentation =
        "  File \"/tmp/a/script_v1.py\", line 4\n    x\nIndentationError: unexpected indent\n";
    let imported = "Traceback (most recent call last):\n  File \"./script_v1.py\", line 1, in <module>\n\
                    \x20   import json\n  File \"/x/json.py\", line 2\n    (\n    ^\nSyntaxError: bad\n";
    let group = r#"  + Exception Group Traceback (most recent call last):
  |   File "./script_v1.py", line 6, in <module>
  |     print(main('x'))
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "./script_v1.py", line 4, in main
    |     return int(text)
    | ValueError: first
    +---------------- 2 ----------------
    | TypeError: second
    +------------------------------------
"#;
    for (stderr, kind, message, line) in [
        (during.as_str(), "AppError", "two\nlines", Some(6)),
        (&ignored, "ValueError", "invalid literal for int() with base 10: 'x'", Some(4)),
        (syntax, "SyntaxError", "'(' was never closed", Some(3)),
        (indentation, "IndentationError", "unexpected indent", Some(4)),
        (imported, "SyntaxError", "bad", Some(1)),
        (
            group,
            "ExceptionGroup",
            "unhandled errors in a TaskGroup (2 sub-exceptions)\nValueError: first\nTypeError: second",
            Some(4),
        ),
        ("Traceback (most recent call last):\nKeyboardInterrupt\n", "KeyboardInterrupt", "", None),
        ("some warning\nno such city: X\n", "", "some warning\nno such city: X", None),
        ("Traceback (most recent call last):\n", "", "Traceback (most recent call last):", None),
        ("Traceback (most recent call last):\nnot an: error\n", "", "not an: error", None),
    ] {
        let read = read(stderr);
        let seen = (read.kind.as_str(), read.message.as_str(), read.line);
        assert_eq!(seen, (kind, message, line), "{stderr}");
    }
    assert_eq!(error("", ran(SCRIPT)), None);
    assert_eq!(error("\n \n", ran(SCRIPT)), None);
    assert!(is_in(ORDINARY) && is_in(group) && !is_in("Traceback: none"));
}

#[test]
fn an_ignored_error_is_not_taken_for_the_final_one() {
    let about = |said: &str, error: &str| {
        format!(
            "{said}\nTraceback (most recent call last):\n  File \"./script_v1.py\", line 1, in __del__\n    x\n{error}\n"
        )
    };
    let end = ORDINARY;
    let ended = ("ValueError", "invalid literal for int() with base 10: 'x'");
    let chained = format!(
        "{}\nDuring handling of the above exception, another exception occurred:\n\n{}",
        about("Exception ignored in: <function A.__del__ at 0x7f>", "KeyError: 1"),
        "Traceback (most recent call last):\n  File \"./script_v1.py\", line 1, in __del__\n    x\nOSError: x\n",
    );
    for (said, expected) in [
        (
            about("Exception ignored in: <function A.__del__ at 0x7f>", "OSError: x"),
            ("OSError", "x"),
        ),
        (
            about(
                "Exception ignored while calling deallocator <function A.__del__ at 0x7f>:",
                "OSError: x",
            ),
            ("OSError", "x"),
        ),
        (
            about("Exception ignored in atexit callback <function f at 0x7f>:", "OSError: x"),
            ("OSError", "x"),
        ),
        (
            about(
                "Exception ignored while finalizing file <_io.TextIOWrapper name='a'>:",
                "OSError: x",
            ),
            ("OSError", "x"),
        ),
        (about("Exception in thread Thread-1 (f):", "OSError: x"), ("OSError", "x")),
        (about("--- Logging error ---", "OSError: x"), ("OSError", "x")),
        (about("Process Process-1:", "OSError: x"), ("OSError", "x")),
        (chained, ("OSError", "x")),
    ] {
        for both in [format!("{said}{end}"), format!("{end}{said}")] {
            let read = read(&both);
            assert_eq!((read.kind.as_str(), read.message.as_str()), ended, "{both}");
        }
        // Without another error, this one is reported.
        let read = read(&said);
        assert_eq!((read.kind.as_str(), read.message.as_str()), expected, "{said}");
        assert_eq!(counts_in(&said), !said.contains("ignored"), "{said}");
    }
    // A script that exits by itself with a message has given the reason.
    for said in
        ["Exception in thread Thread-1 (f):", "Exception ignored in: <generator object g at 0x7f>"]
    {
        let other = about(said, "OSError: x");
        for all in [format!("{other}no city\n"), format!("no city\n{other}")] {
            let read = read(&all);
            assert_eq!((read.kind.as_str(), read.message.as_str()), ("", "no city"), "{all}");
            assert_eq!(error_behind(&all, ran(SCRIPT)).unwrap().kind, "OSError", "{all}");
        }
    }
    let thread = about("Exception in thread Thread-1 (f):", "OSError: x");
    let ignored = about("Exception ignored in: <function A.__del__ at 0x7f>", "KeyError: 1");
    assert_eq!(read(&format!("{thread}{ignored}")).kind, "OSError");
}

#[test]
fn multiprocessing_errors_get_a_hint_about_the_main_guard() {
    let child = "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n\
                 RuntimeError: \n        An attempt has been made to start a new process before the\n\
                 \x20       current process has finished its bootstrapping phase.\n\n\
                 \x20           if __name__ == '__main__':\n                freeze_support()\n";
    let tail = |error: &str| {
        format!("Traceback (most recent call last):\n  File \"a\", line 6, in f\n{error}\n")
    };
    let pool = "from multiprocessing import Pool\nprint(Pool(2).map(abs, [1]))\n";
    let guarded = "from multiprocessing import Pool\nif __name__ == '__main__':\n    print(Pool(2).map(abs, [1]))\n";
    for (stderr, script, is_told) in [
        (child.to_owned(), pool, true),
        (
            format!(
                "{child}{}",
                tail("ConnectionResetError: [Errno 104] Connection reset by peer")
            ),
            pool,
            true,
        ),
        (tail("ConnectionResetError: [Errno 104] Connection reset by peer"), pool, true),
        (tail("EOFError"), pool, true),
        (
            tail("concurrent.futures.process.BrokenProcessPool: A process was terminated"),
            pool,
            true,
        ),
        (tail("ConnectionResetError: [Errno 104] Connection reset by peer"), guarded, false),
        (
            tail("ConnectionResetError: [Errno 104] Connection reset by peer"),
            "import socket\n",
            false,
        ),
        (tail("EOFError: EOF when reading a line"), pool, false),
    ] {
        let hint = error(&stderr, ran(script)).unwrap().hint.unwrap_or_default();
        assert_eq!(
            hint.contains("under `if __name__ == '__main__':`"),
            is_told,
            "{stderr}: {hint}"
        );
    }
}

#[test]
fn known_causes_of_errors_get_a_hint() {
    let tail = |last: &str| {
        format!(
            "Traceback (most recent call last):\n  File \"./script_v1.py\", line 6, in <module>\n{last}\n"
        )
    };
    for (stderr, said) in [
        (tail("EOFError: EOF when reading a line"), "catch `EOFError`"),
        (tail("ModuleNotFoundError: No module named 'PIL'"), "package `pillow` is not installed"),
        (tail("ModuleNotFoundError: No module named 'sklearn.svm'"), "package `scikit-learn`"),
        (tail("ModuleNotFoundError: No module named 'tkinter'"), "python3-tk"),
        (
            tail("ImportError: libGL.so.1: cannot open shared object file: No such file"),
            "`opencv-python-headless`",
        ),
        (tail("FileNotFoundError: [Errno 2] No such file: 'a.csv'"), "the run folder holds only"),
        (
            tail("_tkinter.TclError: no display name and no $DISPLAY environment variable"),
            "no display",
        ),
        (tail("TypeError: 'float' object is not iterable"), "a list for each group"),
        (tail("TypeError: string indices must be integers, not 'str'"), "gives its keys"),
        (
            tail("TypeError: DataFrame.sort_values() missing 1 required positional argument: 'by'"),
            "['number'].mean().sort_values(",
        ),
        (
            tail(
                "AttributeError: 'DataFrame' object has no attribute 'iteritems'. Did you mean: 'isetitem'?",
            ),
            "its `.items()`",
        ),
        (
            tail(
                "ValueError: The number of FixedLocator locations (13), usually from a call to set_ticks, does not match the number of labels (12).",
            ),
            "as many labels",
        ),
        (
            tail("TypeError: unsupported format string passed to Series.__format__"),
            "take one value of it",
        ),
        (tail("RecursionError: maximum recursion depth exceeded"), "calls itself"),
        (tail("MemoryError"), "smaller pieces"),
        (
            "usage: x [-h] name\nx: error: the following arguments are required: name\n".to_owned(),
            "`nargs='?'` and a default to `add_argument('name', ...)`",
        ),
        (
            "usage: x --size N\nx: error: the following arguments are required: --size\n"
                .to_owned(),
            "take `required=True` off `--size`",
        ),
    ] {
        let hint = read(&stderr).hint.unwrap_or_default();
        assert!(hint.contains(said), "{stderr}: {hint}");
    }
    let script = "import sys\nprint(sys.argv[1])\n";
    let stderr = "Traceback (most recent call last):\n  File \"script_v1.py\", line 2, in <module>\n\
                  IndexError: list index out of range\n";
    assert!(error(stderr, ran(script)).unwrap().hint.unwrap().contains("give defaults"));
    assert_eq!(error(stderr, ran("\n\n")).unwrap().hint, None);
    let script = "from csv import DictReader\n\ndef mean(rows):\n    return sum(float(row[\"temp\"]) for row in rows)\n\nprint(row['city'], mean(row))\n";
    let stderr = "Traceback (most recent call last):\n  File \"./script_v1.py\", line 6, in <module>\n    x\n  File \"./script_v1.py\", line 4, in mean\n    x\nTypeError: string indices must be integers, not 'str'\n";
    let hint = error(stderr, ran(script)).unwrap().hint.unwrap();
    assert!(hint.contains("setdefault(row['city'], []).append(float(row['temp']))"), "{hint}");
    // Data read from JSON has no columns.
    let script = script.replace("csv import DictReader", "json import load");
    let hint = error(stderr, ran(&script)).unwrap().hint.unwrap();
    assert!(hint.contains("`.values()`"), "{hint}");
}

#[test]
fn an_argument_error_gets_a_hint_to_take_exactly_the_given_ones() {
    let args = ["5", "km", "miles"].map(str::to_owned);
    let usage =
        "usage: x [-h] value {km,mi} {km,mi}\nx: error: argument to: invalid choice: 'miles'\n";
    let missing = "usage: x [-h] value\nx: error: the following arguments are required: name\n";
    let index = "Traceback (most recent call last):\n  File \"script_v1.py\", line 2, in <module>\n\
                 IndexError: list index out of range\n";
    for stderr in [usage, missing, index] {
        let ran = Execution { args: &args, ..ran("import sys\nprint(sys.argv[4])\n") };
        let hint = error(stderr, ran).unwrap().hint.unwrap();
        assert!(hint.contains("arguments are `5` `km` `miles`: take exactly these"), "{hint}");
    }
}

#[test]
fn a_header_row_read_as_data_gets_a_hint_how_to_skip_it() {
    let hint = |script: &str, line: usize| {
        let stderr = format!(
            "Traceback (most recent call last):\n  File \"script_v1.py\", line {line}, in <module>\n\
             ValueError: could not convert string to float: 'day'\n"
        );
        error(&stderr, ran(script)).unwrap().hint.unwrap_or_default()
    };
    for (script, line, said) in [
        ("for row in data:\n    x = float(row[0])\n", 2, "line 1 as `for row in list(data)[1:]:`"),
        (
            "def f(rows):\n    for n, row in enumerate(rows):\n\n        a = 1\n        x = float(row[0])\n",
            5,
            "line 2 as `for n, row in list(enumerate(rows))[1:]:`",
        ),
        (
            "data = csv.reader(file)\nfor row in data:\n    for x in row:\n        float(x)\n",
            4,
            "skip it with `next(reader)`",
        ),
        ("for row in data:\n    try:\n        x = float(row[0])\n", 3, "list(data)[1:]"),
        (
            "for line in open('a'):\n    x = float(line.split()[0])\n",
            2,
            "line 1 as `for line in list(open('a'))[1:]:`",
        ),
        (
            "data = csv.reader(file)\nx = [float(row[0]) for row in data]\n",
            2,
            "skip it with `next(reader)`",
        ),
        // Not every string converted to a number is a field.
        ("while True:\n    x = float('day')\n", 2, ""),
        ("for word in ['IV', 'day']:\n    float(word)\n", 2, ""),
        ("", 7, ""),
    ] {
        let hint = hint(script, line);
        assert_eq!(hint.is_empty(), said.is_empty(), "{script}: {hint}");
        assert!(hint.contains(said), "{script}: {hint}");
    }
}

#[test]
fn any_error_output_gives_a_bounded_harmless_message() {
    let frame = "  File \"./script_v1.py\", line 4, in main\n    return int(text)\n";
    let deep =
        format!("Traceback (most recent call last):\n{}KeyError: 'a'\n", frame.repeat(10_000));
    let read_deep = read(&deep);
    assert_eq!((read_deep.frames.len(), read_deep.kind.as_str()), (11, "KeyError"));
    for stderr in [
        format!("Traceback (most recent call last):\nE: {}", "é\u{1b}".repeat(500_000)),
        "Traceback (most recent call last):\n".repeat(30_000),
        "  + Exception Group Traceback (most recent call last):\n".repeat(20_000),
        "SyntaxError: x\n".repeat(60_000),
        "  File \"script_v1.py\", line 0, in x\nSyntaxError:\n".repeat(20_000),
        "  File \"script_v1.py\", line 99999999999999999999, in x\nSyntaxError:\n".to_owned(),
        "  File \"script_v1.py\", line 77\nSyntaxError: \u{1b}[2J\n".to_owned(),
        "\u{1b}]0;title\u{7}".to_owned(),
        format!(
            "  + Exception Group Traceback (most recent call last):\n{}",
            "  +---- 1 ----\n".repeat(50_000)
        ),
    ] {
        let read = read(&stderr);
        assert!(read.message.len() <= 510, "{}", read.message.len());
        assert!(!read.message.contains('\u{1b}') && !read.frames.concat().contains('\u{1b}'));
    }
}
