//! Hints for a model on the cause of an error, where redraft knows more than the traceback says.

use super::distributions::{distribution, is_standard};
use super::execution::Execution;
use redraft_domain::report::RunError;
use redraft_domain::text::{one_line, quoted};

/// Maximum number of characters in a name or a value quoted in a hint.
const WORD: usize = 60;

/// Error messages of programs that need a display and find none.
const NO_DISPLAY: &[&str] = &[
    "no display name and no $DISPLAY",
    "couldn't connect to display",
    "could not connect to display",
    "cannot connect to X server",
    "No available video device",
    "Could not load the Qt platform plugin",
    "no Qt platform plugin could be initialized",
    "Unable to access the X Display",
    "Cannot connect to \"None\"",
    "NoSuchDisplayException",
    "requires the 'tk' interactive framework, as 'headless' is currently running",
    "Unable to init server",
    "Cannot open display",
    "cannot open display",
    "Unable to get a Window",
];

/// Whether the text reports a missing display.
pub(super) fn needs_display(text: &str) -> bool {
    NO_DISPLAY.iter().any(|said| text.contains(said))
}

/// Whether the error comes from drawing on or configuring a terminal when there is none.
pub(super) fn needs_terminal(error: &RunError) -> bool {
    // 25 is ENOTTY.
    match error.kind.as_str() {
        "_curses.error" | "curses.error" => true,
        "termios.error" => error.message.starts_with("(25,"),
        "OSError" => error.message.starts_with("[Errno 25]"),
        _ => false,
    }
}

/// Whether the error comes from `input()` at the end of standard input. The message is specific to
/// `input()`; other ends of files have other messages.
pub(super) fn is_end_of_input(error: &RunError) -> bool {
    error.kind == "EOFError" && error.message == "EOF when reading a line"
}

/// The hint for an error of a script, given the whole error output.
pub(super) fn hint(error: &RunError, ran: &Execution<'_>, stderr: &str) -> Option<String> {
    let (kind, message) = (error.kind.as_str(), error.message.as_str());
    let source = error.line.and_then(|line| ran.script.lines().nth(line - 1)).unwrap_or_default();
    if needs_display(message) || (kind.is_empty() && needs_display(stderr)) {
        return Some("the run has no display to put a window on".to_owned());
    }
    if is_unguarded(kind, message, ran.script, stderr) {
        return Some(GUARD.to_owned());
    }
    let fixed = match kind.rsplit('.').next().unwrap_or(kind) {
        "ModuleNotFoundError" => return missing_module(message),
        "ImportError" if message.contains("libGL.so") => {
            "this system has no libraries for windows: declare `opencv-python-headless` in the script's PEP 723 block, and show no window with cv2"
        }
        "EOFError" => {
            "the run has no more input: catch `EOFError` at every `input()` and end politely there"
        }
        "IndexError" | "ValueError" if source.contains("sys.argv") => {
            return Some(arguments(ran.args));
        }
        "ValueError" if message.contains("FixedLocator locations (") => {
            "as many labels are needed as there are ticks: delete the lines that set the ticks and \
             their labels, or give both lists the same length"
        }
        "ValueError" if message.starts_with(NO_NUMBER[0]) || message.starts_with(NO_NUMBER[1]) => {
            return no_number(message, ran.script, error.line);
        }
        "" if stderr.contains(REQUIRED) && ran.args.is_empty() => {
            return Some(required_arguments(stderr));
        }
        "TypeError" if message.ends_with("object is not iterable") => {
            "what is gone through there is one value, not a list: collect the values first, those of \
             several groups in a dict with a list for each group"
        }
        "TypeError" if message.starts_with("string indices must be integers") => {
            return Some(text_indexed(source, ran.script));
        }
        "TypeError" if message.contains("sort_values() missing") => {
            "a table is sorted by one of its columns: take the column of numbers out first, as in \
             `table.groupby('name')['number'].mean().sort_values(ascending=False)` with the columns that \
             the file has; `.items()` of that gives each name with its number"
        }
        "AttributeError" if message.contains("has no attribute 'iteritems'") => {
            "pandas has no `iteritems` any more: take one column, or `table.groupby('name')['number']\
             .mean()` with the columns that the file has, and go through its `.items()`"
        }
        "TypeError" if message.contains("Series.__format__") => {
            "what is printed there is a whole row or column: take one value of it, as `row['number']` \
             with a column that the file has"
        }
        "FileNotFoundError" => {
            "the run folder holds only the script and the data files: tell the user of a file that \
             is missing, or make it, instead of failing"
        }
        "KeyboardInterrupt" => "the run was interrupted from outside: no error of the script",
        "MemoryError" => "the script needs more memory than it gets: work in smaller pieces",
        "RecursionError" => {
            "a function calls itself without end: check the case that should stop it, or use a loop"
        }
        "" if arguments_refused(stderr) => return Some(arguments(ran.args)),
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// Hint for a script that starts processes.
const GUARD: &str = "each process that is started imports the script anew: put all that starts processes, \
                     and all else that is to be done once, into a function `main()`, and call it at the \
                     end under `if __name__ == '__main__':`";
/// Python's message when a child process would start processes while it imports the script.
pub(super) const BOOTSTRAPPING: &str =
    "before the\n        current process has finished its bootstrapping phase";

/// Whether the script starts processes without a main guard, so that each of them starts more.
fn is_unguarded(kind: &str, message: &str, script: &str, stderr: &str) -> bool {
    let said = [message, stderr].iter().any(|text| text.contains(BOOTSTRAPPING));
    // Errors of the first process, for when the children's output was not captured.
    let lost = ["ConnectionResetError", "BrokenPipeError", "EOFError", "BrokenProcessPool"];
    let lost = lost.contains(&kind.rsplit('.').next().unwrap_or(kind))
        && !message.contains("reading a line");
    let starts =
        ["multiprocessing", "ProcessPoolExecutor"].iter().any(|name| script.contains(name));
    said || (lost && starts && !script.contains("__main__"))
}

/// A usual remedy for errors of this type, if nothing more specific is known.
#[must_use]
pub fn usual(kind: &str) -> Option<&'static str> {
    Some(match kind.rsplit('.').next().unwrap_or(kind) {
        "KeyError" => "use a name that is there; look at the columns or keys before",
        "IndexError" => "check the length before taking an element",
        "ValueError" => {
            "values that do not fit are there: convert them one by one, leave out what does not fit"
        }
        "TypeError" => "a value has another type than expected, or is missing: check it before",
        "AttributeError" => {
            "the object has no such member: check its type, or the library's version"
        }
        "UnboundLocalError" | "NameError" => "define the name before it is used",
        "ZeroDivisionError" => "check that there is anything to divide by",
        "UnicodeDecodeError" => "open the file with its encoding",
        "PermissionError" => "write into the current folder only",
        "ParserError" => "read the file with its separator and its encoding",
        "JSONDecodeError" => {
            "the file is no plain JSON: read it line by line, or look at its beginning"
        }
        "DatabaseError" | "OperationalError" => "look at the names of tables and columns before",
        _ => return None,
    })
}

const NO_ARGUMENTS: &str =
    "the run has no command-line arguments: give defaults that work without any";

/// Hint about the arguments that a script is run with.
fn arguments(given: &[String]) -> String {
    if given.is_empty() {
        return NO_ARGUMENTS.to_owned();
    }
    let given: Vec<String> = given.iter().map(|arg| quoted(arg)).collect();
    format!(
        "the run's command-line arguments are {}: take exactly these, in this order and spelling",
        given.join(" ")
    )
}

/// Whether `argparse`, or a script that reads `sys.argv` itself, refused its arguments.
fn arguments_refused(text: &str) -> bool {
    ["usage:", "Usage:", "USAGE:"].iter().any(|said| text.contains(said))
}

/// The text before the names of missing arguments in the output of `argparse`.
const REQUIRED: &str = "the following arguments are required:";

/// Names the required arguments and how to make each optional. Few know that a default alone does
/// not make a positional argument optional.
fn required_arguments(stderr: &str) -> String {
    let names = stderr.split(REQUIRED).nth(1).and_then(|rest| rest.lines().next());
    let names: Vec<&str> = names.unwrap_or_default().split(',').map(str::trim).collect();
    let change = |name: &&str| {
        if name.starts_with('-') {
            format!("take `required=True` off `{name}` and give it a default")
        } else {
            format!("add `nargs='?'` and a default to `add_argument('{name}', ...)`")
        }
    };
    let changes: Vec<String> = names.iter().take(4).map(change).collect();
    let why = if names.iter().any(|name| !name.starts_with('-')) {
        "; a default alone does not make a positional argument optional"
    } else {
        ""
    };
    format!("{NO_ARGUMENTS}: {}{why}", changes.join(", "))
}

/// Hint for indexing a text by a name: usually rows should be grouped by one column before another
/// is summed, and small models follow code that names both columns.
fn text_indexed(source: &str, script: &str) -> String {
    let names = |text: &str| -> Vec<String> {
        let after = text.split(['[']).skip(1);
        let name = |rest: &str| {
            let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let (name, end) = rest[1..].split_once(quote)?;
            (end.starts_with(']') && !name.is_empty()).then(|| name.to_owned())
        };
        after.filter_map(name).collect()
    };
    let what = "what is indexed there is a text: a loop over a dict gives its keys";
    // Only rows of a `DictReader` are known to have all columns.
    let value = names(source).pop().filter(|_| script.contains("DictReader"));
    let group = value.as_ref().and_then(|value| names(script).into_iter().find(|n| n != value));
    let Some((group, value)) = group.zip(value) else {
        return format!("{what}, so go through the list of dicts, or through `.values()`");
    };
    format!(
        "{what}. Put the rows of each {group} together first: `groups = {{}}`, then \
         `for row in rows: groups.setdefault(row['{group}'], []).append(float(row['{value}']))`, \
         and work on `groups.items()`"
    )
}

/// Start of the message when `float` and `int` can't parse a text.
const NO_NUMBER: [&str; 2] = ["could not convert string to float:", "invalid literal for int()"];

/// Hint for a word where a number should be, which usually is a column name. It refers to the
/// script's own loop if that can be found, since small models put general advice in the wrong
/// place.
fn no_number(message: &str, script: &str, line: Option<usize>) -> Option<String> {
    let word = message.split('\'').nth(1).filter(|word| word.contains(char::is_alphabetic))?;
    let source = line.and_then(|line| script.lines().nth(line - 1)).unwrap_or_default();
    let row = line.and_then(|line| without_first(script, line)).filter(|_| source.contains('['));
    // Numbers are also parsed from other text than fields of rows.
    let reads_rows =
        script.contains("csv.reader(") || (script.contains("open(") && script.contains(".split("));
    if row.is_none() && !reads_rows {
        return None;
    }
    let change = row.unwrap_or_else(|| {
        "skip it with `next(reader)`, or read the file with `csv.DictReader`".to_owned()
    });
    Some(format!(
        "{} is no number: where it is the name of a column, the line of names was read as data; \
         {change}",
        quoted(&one_line(word, WORD))
    ))
}

/// How to make the loop around a line (counted from 1) skip its first item. `None` if there is no
/// loop, or several of which one iterates over something else.
fn without_first(script: &str, line: usize) -> Option<String> {
    let lines: Vec<&str> = script.lines().take(line).collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (last, before) = lines.split_last()?;
    let mut outer = indent(last);
    let mut loops = Vec::new();
    for (at, around) in before.iter().enumerate().rev() {
        if around.trim().is_empty() || indent(around) >= outer {
            continue;
        }
        outer = indent(around);
        loops.extend(around.trim().strip_prefix("for ").map(|of| (at + 1, of)));
    }
    let [(number, of)] = loops[..] else { return None };
    let (names, rows) = of.strip_suffix(':')?.split_once(" in ")?;
    Some(format!("write line {number} as `for {names} in list({rows})[1:]:`"))
}

fn missing_module(message: &str) -> Option<String> {
    let module = message.split('\'').nth(1).filter(|module| !module.is_empty())?;
    Some(match module {
        "tkinter" | "_tkinter" | "turtle" => {
            "this Python has no `tkinter`: it comes as a package of the system, `python3-tk`"
                .to_owned()
        }
        module if is_standard(module) => {
            format!("`{module}` is not part of this Python: do it another way")
        }
        module => format!(
            "package {} is not installed here and will not be: remove its import and do it with the standard library",
            quoted(&one_line(distribution(module), WORD))
        ),
    })
}
