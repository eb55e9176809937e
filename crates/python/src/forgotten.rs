//! Adds missing imports of the standard library. Weak models forget one in a third of their
//! scripts, and each would cost a repair.

use ruff_python_ast::Stmt;
use ruff_python_parser::parse_module;
use ruff_text_size::Ranged;

use super::check::check;
use super::depth::with_room;
use super::outline;

/// Modules that are used by their own names.
const MODULES: &[&str] = &[
    "argparse",
    "base64",
    "calendar",
    "collections",
    "copy",
    "csv",
    "decimal",
    "fractions",
    "functools",
    "glob",
    "hashlib",
    "heapq",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "operator",
    "os",
    "pathlib",
    "platform",
    "queue",
    "random",
    "re",
    "secrets",
    "shutil",
    "sqlite3",
    "statistics",
    "string",
    "struct",
    "sys",
    "textwrap",
    "threading",
    "time",
    "tkinter",
    "traceback",
    "turtle",
    "types",
    "unicodedata",
    "uuid",
    "zipfile",
];

/// Names with one usual meaning, and the modules that they come from.
const NAMES: &[(&str, &str)] = &[
    ("ABC", "abc"),
    ("Any", "typing"),
    ("Callable", "typing"),
    ("Counter", "collections"),
    ("Decimal", "decimal"),
    ("Dict", "typing"),
    ("Enum", "enum"),
    ("Fraction", "fractions"),
    ("Iterable", "typing"),
    ("List", "typing"),
    ("OrderedDict", "collections"),
    ("Optional", "typing"),
    ("Path", "pathlib"),
    ("Set", "typing"),
    ("Tuple", "typing"),
    ("Union", "typing"),
    ("abstractmethod", "abc"),
    ("dataclass", "dataclasses"),
    ("defaultdict", "collections"),
    ("deque", "collections"),
    ("lru_cache", "functools"),
    ("namedtuple", "collections"),
    ("partial", "functools"),
    ("timedelta", "datetime"),
];

/// Adds missing imports, and returns the script and the added lines. The script is unchanged if no
/// import is missing or if adding them would not help.
#[must_use]
pub fn with_imports(script: &str) -> (String, Vec<String>) {
    let whole = || (script.to_owned(), Vec::new());
    let missing = undefined(script);
    let mut imports: Vec<String> =
        missing.iter().filter_map(|name| import_of(name, script)).collect();
    imports.sort();
    imports.dedup();
    if imports.is_empty() {
        return whole();
    }
    let Some(at) = with_room(|| place(script)).flatten() else { return whole() };
    let (before, after) = script.split_at(at);
    let mended = format!("{before}{}\n{after}", imports.join("\n"));
    // Keep the change only if fewer names are undefined.
    if undefined(&mended).len() < missing.len() { (mended, imports) } else { whole() }
}

/// The names that the script uses without a definition.
fn undefined(script: &str) -> Vec<String> {
    let names = check(script).errors.into_iter().filter(|error| error.rule == "F821");
    let mut names: Vec<String> =
        names.filter_map(|error| Some(error.message.split('`').nth(1)?.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

/// Names of tkinter for which an import is added if the script imports others from it.
const TKINTER: &[&str] = &[
    "BOTH",
    "Button",
    "Canvas",
    "END",
    "Entry",
    "Frame",
    "IntVar",
    "LEFT",
    "Label",
    "Menu",
    "RIGHT",
    "Scale",
    "StringVar",
    "TOP",
    "Text",
    "Tk",
    "Toplevel",
    "messagebox",
    "ttk",
];

fn import_of(name: &str, script: &str) -> Option<String> {
    let used_as = |with: &str| script.contains(&format!("{name}{with}"));
    if let Some((_, module)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(format!("from {module} import {name}"));
    }
    match name {
        _ if TKINTER.contains(&name) && script.contains("from tkinter import ") => {
            Some(format!("from tkinter import {name}"))
        }
        "tk" if used_as(".") => Some("import tkinter as tk".to_owned()),
        // The module and its class have the same name.
        "datetime"
            if ["datetime(", "date", "timedelta", "timezone"]
                .iter()
                .any(|part| used_as(&format!(".{part}"))) =>
        {
            Some("import datetime".to_owned())
        }
        "datetime" => Some("from datetime import datetime".to_owned()),
        _ if MODULES.contains(&name) && used_as(".") => Some(format!("import {name}")),
        _ => None,
    }
}

/// Byte offset for an import: before the first statement other than the docstring and imports from
/// `__future__`.
fn place(script: &str) -> Option<usize> {
    let module = parse_module(script).ok()?;
    let mut first = true;
    let statement = module.suite().iter().find(|statement| {
        let description = outline::is_text(statement);
        let future = matches!(statement, Stmt::ImportFrom(i)
            if i.module.as_ref().is_some_and(|m| m.as_str() == "__future__"));
        !(std::mem::take(&mut first) && description || future)
    })?;
    let at = usize::from(statement.start());
    Some(script[..at].rfind('\n').map_or(0, |line| line + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_that_were_forgotten_are_added_where_they_can_stand() {
        for (script, expected) in [
            ("print(math.pi)\n", "import math\nprint(math.pi)\n"),
            (
                "import os\nprint(os.sep, math.pi)\n",
                "import math\nimport os\nprint(os.sep, math.pi)\n",
            ),
            (
                "#!/usr/bin/env python3\n\"\"\"It counts.\"\"\"\nfrom __future__ import annotations\n\nprint(Optional, random.random())\n",
                "#!/usr/bin/env python3\n\"\"\"It counts.\"\"\"\nfrom __future__ import annotations\n\nfrom typing import Optional\nimport random\nprint(Optional, random.random())\n",
            ),
            (
                "@dataclass\nclass A:\n    x: int\n",
                "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n",
            ),
            ("print(datetime.now())\n", "from datetime import datetime\nprint(datetime.now())\n"),
            (
                "print(datetime.datetime.now())\n",
                "import datetime\nprint(datetime.datetime.now())\n",
            ),
            (
                "from tkinter import Tk\nCanvas(Tk())\n",
                "from tkinter import Canvas\nfrom tkinter import Tk\nCanvas(Tk())\n",
            ),
            ("root = tk.Tk()\n", "import tkinter as tk\nroot = tk.Tk()\n"),
        ] {
            let (mended, added) = with_imports(script);
            assert_eq!(mended, expected);
            assert!(!added.is_empty());
        }
    }

    #[test]
    fn a_script_that_forgot_nothing_known_is_left_alone() {
        for script in [
            "",
            "print(1)\n",
            "import math\nprint(math.pi)\n",
            "Canvas()\n",
            "print(np.zeros(3))\n",
            "print(undefined_thing)\n",
            "math = 1\nprint(math)\n",
            "print(math)\n",
            "def f(:\n",
        ] {
            assert_eq!(with_imports(script), (script.to_owned(), Vec::new()), "{script}");
        }
    }
}
