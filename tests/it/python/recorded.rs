//! Parses the error output of failing scripts from several Python versions, recorded by
//! `tests/tracebacks.py`.

use std::collections::BTreeSet;
use std::fs;

use redraft::python::execution::Execution;
use redraft::python::traceback::{counts_in, ended_a_worker, error, error_behind};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/tracebacks");
const VERSIONS: [&str; 5] = ["3.9", "3.11", "3.13", "3.14", "3.15"];

/// The output of one script with one Python version.
struct Recorded {
    version: &'static str,
    name: String,
    /// `exit N`, or `stopped`.
    ended: String,
    stderr: String,
    script: String,
}

impl Recorded {
    fn ran(&self) -> Execution<'_> {
        Execution { script: &self.script, name: "script_v1.py", args: &[] }
    }
}

fn recorded() -> Vec<Recorded> {
    let read = |name: &str| fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
    let mut all = Vec::new();
    for version in VERSIONS {
        let text = read(&format!("{version}.txt"));
        assert!(text.starts_with(&format!("Python {version}.")), "{version}");
        for part in text.split("\n=== ").skip(1) {
            let (head, stderr) = part.split_once('\n').unwrap_or((part, ""));
            let (name, ended) = head.split_once(", ").unwrap();
            all.push(Recorded {
                version,
                name: name.to_owned(),
                ended: ended.to_owned(),
                stderr: stderr.to_owned(),
                script: read(&format!("{name}.py")),
            });
        }
    }
    all
}

/// The script, the error's type, parts of the message (alternatives for different versions), the
/// line.
const ERRORS: &[(&str, &str, &[&str], Option<usize>)] = &[
    ("argument_suggestion", "TypeError", &["unexpected keyword argument 'heigth'"], Some(5)),
    ("arguments_choice", "", &["x: error: argument --unit: invalid choice: 'metrics'"], None),
    ("arguments_missing", "", &["x: error: the following arguments are required: city"], None),
    ("attribute_of_inner", "AttributeError", &["'Car' object has no attribute 'power'"], Some(10)),
    ("attribute_suggestion", "AttributeError", &["has no attribute 'meen'"], Some(3)),
    ("cause", "ConfigError", &["no setting b"], Some(9)),
    ("decode", "UnicodeDecodeError", &["can't decode byte 0xff in position 0"], Some(1)),
    ("destructor_then_error", "KeyError", &["'ring'"], Some(9)),
    ("divide", "ZeroDivisionError", &["division by zero"], Some(1)),
    ("during", "ValueError", &["with base 10: 'b'"], Some(5)),
    ("end_of_input", "EOFError", &["EOF when reading a line"], Some(1)),
    ("error_then_destructor", "KeyError", &["'ring'"], Some(7)),
    ("executor_error_in_child", "ZeroDivisionError", &["division by zero"], Some(10)),
    ("exit_in_except", "", &["not a number: invalid literal for int()"], None),
    ("file_missing", "FileNotFoundError", &["No such file or directory: 'draft.csv'"], Some(1)),
    ("format_error", "ValueError", &["format code 'd' for object of type 'str'"], Some(1)),
    ("group", "ExceptionGroup", &["two failed (2 sub-exceptions)\nValueError: draft\n"], Some(2)),
    ("group_nested", "ExceptionGroup", &["ValueError: draft\nKeyError: 'ring'\nOSError"], Some(6)),
    ("group_of_tasks", "ExceptionGroup", &["ValueError: no page 1\nValueError: no"], Some(6)),
    ("group_rest", "ExceptionGroup", &["two (1 sub-exception)\nTypeError: ring"], Some(2)),
    ("import_suggestion", "ImportError", &["cannot import name 'defaultdcit'"], Some(1)),
    ("import_time", "SyntaxError", &["was never closed", "unexpected EOF"], Some(7)),
    ("indentation", "IndentationError", &["expected an indented block"], Some(2)),
    ("interrupted", "KeyboardInterrupt", &[""], Some(5)),
    ("json_error", "json.decoder.JSONDecodeError", &["line 1 column 2 (char 1)"], Some(3)),
    ("lambda_comprehension", "TypeError", &["'NoneType' object is not iterable"], Some(2)),
    ("long_expression", "TypeError", &["for *: 'NoneType' and 'int'"], Some(7)),
    ("method_of_text", "AttributeError", &["no attribute 'uppercase'"], Some(1)),
    ("module_missing", "ModuleNotFoundError", &["No module named 'surely_not_there'"], Some(1)),
    ("module_suggestion", "ModuleNotFoundError", &["No module named 'maths'"], Some(1)),
    ("name_not_imported", "NameError", &["name 'math' is not defined"], Some(1)),
    ("name_suggestion", "NameError", &["name 'totl_price' is not defined"], Some(3)),
    ("nested_calls", "json.decoder.JSONDecodeError", &["line 1 column 12"], Some(5)),
    ("never_awaited", "KeyError", &["'b'"], Some(10)),
    ("no_number", "ValueError", &["could not convert string to float: 'amount'"], Some(5)),
    ("not_iterable", "TypeError", &["'float' object is not iterable"], Some(3)),
    ("notes", "ValueError", &["'x'\nin row 3\nof the file prices.csv"], Some(3)),
    ("pool_error_in_child", "ZeroDivisionError", &["division by zero"], Some(10)),
    ("printed_traceback", "ValueError", &["with base 10: 'x'"], Some(4)),
    ("recursion", "RecursionError", &["maximum recursion depth exceeded"], Some(2)),
    ("return_in_finally", "TypeError", &["string indices must be integers"], Some(5)),
    ("several_lines", "ValueError", &["faults:\n  R1: no face\nR2: no hands"], Some(1)),
    ("shadowed", "AttributeError", &["module 'colorsys' has no attribute 'rgb_to_hsv'"], Some(9)),
    ("sqlite_error", "sqlite3.OperationalError", &["no such table: draft"], Some(3)),
    ("stdout_closed", "ValueError", &["I/O operation on closed file."], Some(5)),
    ("strange_frames", "ValueError", &["draft"], Some(2)),
    ("syntax_assignment", "SyntaxError", &["invalid syntax"], Some(2)),
    ("syntax_await", "SyntaxError", &["'await' outside async function"], Some(2)),
    ("syntax_colon", "SyntaxError", &["expected ':'", "invalid syntax"], Some(1)),
    ("syntax_elif", "SyntaxError", &["'elif' block follows", "invalid syntax"], Some(6)),
    ("syntax_except", "SyntaxError", &["must be parenthesized", "invalid syntax"], Some(3)),
    ("syntax_fstring", "SyntaxError", &["conversion character"], Some(2)),
    ("syntax_import", "SyntaxError", &["invalid syntax"], Some(1)),
    ("syntax_keyword", "SyntaxError", &["invalid syntax"], Some(1)),
    ("syntax_of_eval", "SyntaxError", &["invalid syntax", "unexpected EOF"], Some(2)),
    ("syntax_print", "SyntaxError", &["Missing parentheses in call to 'print'"], Some(1)),
    ("syntax_quote", "SyntaxError", &["unterminated string", "invalid syntax"], Some(1)),
    ("syntax_unclosed", "SyntaxError", &["'(' was never closed"], Some(1)),
    ("syntax_unterminated", "SyntaxError", &["unterminated string", "EOL while"], Some(1)),
    ("syntax_warning", "ValueError", &["with base 10: 'x'"], Some(7)),
    ("system_exit", "", &["no such city: Draft"], None),
    ("tabs", "TabError", &["inconsistent use of tabs and spaces"], Some(3)),
    ("text_indexed", "TypeError", &["string indices must be integers"], Some(3)),
    ("thread_then_error", "KeyError", &["'b'"], Some(11)),
    ("unbound", "UnboundLocalError", &["local variable 'total'"], Some(2)),
    ("unhashable", "TypeError", &["unhashable type: 'list'"], Some(2)),
    ("unpack", "ValueError", &["too many values to unpack (expected 2"], Some(1)),
];

/// Scripts that Python 3.9 does not support or reports with another line.
const NOT_IN_3_9: [&str; 6] =
    ["group", "group_nested", "group_of_tasks", "group_rest", "notes", "syntax_unclosed"];

#[test]
fn errors_of_every_python_version_are_read_the_same_way() {
    for recorded in recorded() {
        let Recorded { version, name, ended, stderr, .. } = &recorded;
        let Some((_, kind, messages, line)) = ERRORS.iter().find(|row| row.0 == name) else {
            continue;
        };
        if *version == "3.9" && NOT_IN_3_9.contains(&name.as_str()) {
            continue;
        }
        let read = error(stderr, recorded.ran()).unwrap();
        assert_eq!((read.kind.as_str(), read.line), (*kind, *line), "{name} {version}");
        let said = |part: &&str| read.message.contains(*part);
        assert!(messages.iter().any(said), "{name} {version}: {}", read.message);
        assert_ne!(ended, "exit 0", "{name} {version}");
        assert_eq!(counts_in(stderr), stderr.contains("Traceback"), "{name} {version}");
    }
}

#[test]
fn an_error_that_python_ignores_does_not_fail_the_script() {
    for recorded in recorded() {
        let Recorded { version, name, ended, stderr, .. } = &recorded;
        let kind = match name.as_str() {
            "destructor" | "weakref_callback" => "AttributeError",
            "generator_close" | "atexit_callback" => "OSError",
            _ => continue,
        };
        assert_eq!(ended, "exit 0", "{name} {version}");
        assert!(!counts_in(stderr) && !ended_a_worker(stderr), "{name} {version}");
        assert_eq!(error(stderr, recorded.ran()).unwrap().kind, kind, "{name} {version}");
    }
}

#[test]
fn errors_in_threads_and_processes_are_found_despite_exit_code_0() {
    let mut ended_well = BTreeSet::new();
    for recorded in recorded() {
        let Recorded { version, name, ended, stderr, .. } = &recorded;
        if ended == "exit 0" && ended_a_worker(stderr) {
            let error = error_behind(stderr, recorded.ran()).unwrap();
            ended_well.insert((name.clone(), *version, error.kind, error.line));
        }
    }
    let mut expected = BTreeSet::new();
    for version in VERSIONS {
        expected.insert(("thread".to_owned(), version, "ValueError".to_owned(), Some(5)));
        let process = "process_error_in_child".to_owned();
        expected.insert((process, version, "ValueError".to_owned(), Some(5)));
    }
    let unguarded = "process_without_guard".to_owned();
    expected.insert((unguarded, "3.15", "RuntimeError".to_owned(), Some(9)));
    assert_eq!(ended_well, expected);
}

#[test]
fn a_missing_main_guard_gets_a_hint_where_the_python_version_needs_it() {
    for recorded in recorded() {
        let Recorded { version, name, ended, stderr, .. } = &recorded;
        if !name.ends_with("_without_guard") {
            continue;
        }
        let error = error_behind(stderr, recorded.ran());
        let hint = error.as_ref().and_then(|error| error.hint.clone()).unwrap_or_default();
        let needs = matches!(*version, "3.14" | "3.15");
        assert_eq!(needs, hint.contains("under `if __name__ == '__main__':`"), "{name} {version}");
        let Some(error) = error.filter(|_| needs) else { continue };
        let kind = match (name.as_str(), *version) {
            (_, "3.14") => "ConnectionResetError",
            ("executor_without_guard", _) => "concurrent.futures.process.BrokenProcessPool",
            ("queue_without_guard", _) => "EOFError",
            _ => "RuntimeError",
        };
        assert_eq!(error.kind, kind, "{name} {version}");
        assert!(error.line.is_some() && !error.message.contains("UserWarning"), "{error:?}");
        // The pool restarts its failing children until it is stopped.
        let takes_prefill = name == "pool_without_guard" && *version == "3.15";
        assert_eq!(ended == "stopped", takes_prefill, "{name} {version}");
        assert!(counts_in(stderr), "{name} {version}");
    }
}

#[test]
fn hints_match_the_error_messages_of_every_python_version() {
    for (name, said) in [
        ("arguments_choice", "no command-line arguments"),
        ("arguments_missing", "`nargs='?'` and a default to `add_argument('city', ...)`"),
        ("end_of_input", "catch `EOFError`"),
        ("file_missing", "the run folder holds only"),
        ("module_missing", "package `surely_not_there` is not installed"),
        ("no_number", "the line of names was read as data"),
        ("not_iterable", "is one value, not a list"),
        ("recursion", "calls itself without end"),
        ("text_indexed", "gives its keys"),
    ] {
        for recorded in recorded().iter().filter(|recorded| recorded.name == name) {
            let hint = error(&recorded.stderr, recorded.ran()).unwrap().hint.unwrap_or_default();
            assert!(hint.contains(said), "{name} {}: {hint}", recorded.version);
        }
    }
    // Some installations have the module but no display, others lack the module.
    for recorded in recorded().iter().filter(|recorded| recorded.name == "tk_without_display") {
        let error = error(&recorded.stderr, recorded.ran()).unwrap();
        let said = if error.kind == "ModuleNotFoundError" { "python3-tk" } else { "no display" };
        assert!(error.hint.unwrap_or_default().contains(said), "{}", recorded.version);
    }
}
