//! Arrows point down only: fails on any import that ARCHITECTURE.md does not allow, on any file
//! over 800 lines, and on a direct use of the terminal or the disk outside their doors.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A module may import from lower layers and from itself; the modules of
/// one layer do not know each other.
const LAYERS: [&[&str]; 11] = [
    &["domain"],
    &["files", "diff"],
    &[
        "config",
        "data",
        "prompts",
        "sandbox",
        "trust",
        "workflow::agreement",
        "workflow::variations",
    ],
    &["workflow::evidence", "workflow::samples", "workflow::wishes", "workflow::writes"],
    &[
        "workflow::convergence",
        "workflow::forecast",
        "workflow::install",
        "workflow::permission",
        "workflow::weight",
    ],
    &["workflow::ledger", "workflow::machine", "workflow::manager"],
    &["agents", "store", "llm", "python"],
    &["workflow::driver"],
    &["terminal"],
    &["cli"],
    &["commands"],
];

/// Imports that point into a layer's own row, each with its reason.
const SIDEWAYS: [(&str, &str); 1] = [
    // A gate's question is about a machine's trouble.
    ("workflow::manager", "workflow::machine"),
];

/// Layers that may be left out on the way down but never reached: what must not know what.
const NEVER: [(&str, &str); 5] = [
    ("store", "workflow::machine"),
    ("agents", "files"),
    ("agents", "sandbox"),
    ("llm", "sandbox"),
    ("llm", "prompts"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module of the layers that a path in the crate belongs to.
fn module_of(path: &str) -> Option<&'static str> {
    LAYERS
        .iter()
        .flat_map(|layer| layer.iter().copied())
        .filter(|module| path == *module || path.starts_with(&format!("{module}::")))
        .max_by_key(|module| module.len())
}

fn layer_of(module: &str) -> usize {
    LAYERS.iter().position(|layer| layer.contains(&module)).unwrap()
}

/// The file's path in the crate, as `store::fold`.
fn path_of(file: &Path) -> String {
    let relative = file.strip_prefix("src").unwrap().with_extension("");
    let path = relative.to_str().unwrap().replace('/', "::");
    path.trim_end_matches("::mod").to_owned()
}

/// What stands before the tests of a file: they may import what they like.
fn code_of(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap()
}

/// Every path into the crate that the code names: `crate::a::b`, and `super::` resolved.
fn imports(code: &str, path: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in code.lines().map(str::trim).filter(|l| !l.starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            found.extend(named(&line[at + 7..], ""));
        }
        for (at, _) in line.match_indices("super::") {
            if line[..at].ends_with("super::") {
                continue;
            }
            let mut rest = &line[at..];
            let mut base: Vec<&str> = path.split("::").collect();
            while let Some(more) = rest.strip_prefix("super::") {
                base.pop();
                rest = more;
            }
            found.extend(named(rest, &base.join("::")));
        }
    }
    found
}

/// The paths that a piece of code such as `a::{b, c::d};` names, below a base.
fn named(code: &str, base: &str) -> Vec<String> {
    let join =
        |name: &str| if base.is_empty() { name.to_owned() } else { format!("{base}::{name}") };
    let head: String =
        code.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
    let rest = &code[head.len()..];
    let head = head.trim_end_matches("::");
    if !rest.starts_with('{') {
        return vec![join(head)];
    }
    let inside = rest[1..].split('}').next().unwrap_or_default();
    let prefix = if head.is_empty() { String::new() } else { format!("{head}::") };
    inside
        .split(',')
        .map(|item| item.trim().split(' ').next().unwrap_or_default())
        .filter(|item| !item.is_empty() && *item != "self")
        .map(|item| join(&format!("{prefix}{item}")))
        .collect()
}

#[test]
fn no_module_imports_from_above_or_beside_it() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in sources(Path::new("src")) {
        let path = path_of(&file);
        if ["main", "lib"].contains(&path.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let Some(from) = module_of(&path) else {
            // `workflow` itself only lists its parts.
            assert_eq!(path, "workflow", "{path} has no layer");
            continue;
        };
        for import in imports(code_of(&text), &path) {
            let Some(to) = module_of(&import) else { continue };
            seen += 1;
            let down = layer_of(to) < layer_of(from);
            let allowed = (down && !NEVER.contains(&(from, to)))
                || from == to
                || SIDEWAYS.contains(&(from, to));
            if !allowed {
                wrong.push(format!("{}: {from} imports {to} ({import})", file.display()));
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were seen: this test does not read them any more");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_them() {
    for (code, path, expected) in [
        ("use crate::store::Store;", "agents::coder", vec!["store::Store"]),
        ("use crate::{cli, domain::text};", "x", vec!["cli", "domain::text"]),
        ("use super::open::load;", "store::create", vec!["store::open::load"]),
        ("use super::{ask, run};", "workflow::driver", vec!["workflow::ask", "workflow::run"]),
        ("let x = crate::llm::call(1);", "x", vec!["llm::call"]),
        ("// use crate::store::Store;", "x", vec![]),
    ] {
        let found: Vec<String> = imports(code, path).into_iter().collect();
        assert_eq!(found, expected, "{code}");
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for folder in ["src", "tests", "benches"] {
        for file in sources(Path::new(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 800, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn only_the_doors_open_the_disk_and_the_terminal() {
    let doors = ["src/files.rs", "src/terminal/", "src/main.rs"];
    let words = ["println!", "eprintln!", "print!(", "io::stdout()", "io::stdin()", "io::stderr()"];
    for file in sources(Path::new("src")) {
        let name = file.to_str().unwrap();
        if doors.iter().any(|door| name.starts_with(door)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = code_of(&text);
        for word in words {
            assert!(!code.contains(word), "{name} uses `{word}`");
        }
        for word in ["allow(clippy::disallowed", "expect(clippy::disallowed"] {
            assert!(!code.contains(word), "{name} goes round the ban on raw file access");
        }
    }
}
