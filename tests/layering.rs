//! Checks the architecture: fails on any import that ARCHITECTURE.md does not allow, on any import
//! cycle between files, on any file over 800 lines, and on a direct use of the terminal or the disk
//! outside the modules for them. Works on the syntax trees.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// The crates below the workflow, each with the crates that it may depend on.
const CRATES: [(&str, &[&str]); 6] = [
    ("domain", &[]),
    ("files", &[]),
    ("sandbox", &["domain", "files"]),
    ("data", &["domain", "files"]),
    ("llm", &["domain", "files"]),
    ("python", &["domain", "files", "sandbox"]),
];

/// The layers of the root package, lowest first. A module may import from lower layers and from
/// itself, but not from other modules of its own layer.
const LAYERS: [&[&str]; 17] = [
    &["domain"],
    &["files", "diff"],
    &["data", "llm", "sandbox"],
    &["config", "prompts", "python", "trust", "workflow::variations"],
    &[
        "workflow::install",
        "workflow::permission",
        "workflow::progress",
        "workflow::schema",
        "workflow::writes",
    ],
    &["findings"],
    &["workflow::convergence", "workflow::results", "workflow::samples"],
    &["workflow::forecast"],
    &["workflow::machine", "workflow::manager"],
    &["agents", "store", "traces"],
    &["view"],
    &["workflow::driver"],
    &["workflow::session_task"],
    &["workflow::session_socket"],
    &["batch", "terminal", "viewer"],
    &["acp", "mcp"],
    &["cli", "commands"],
];

/// Allowed imports within a layer, each with its reason.
const SIDEWAYS: [(&str, &str); 2] = [
    // A gate's question depends on why the machine is stuck.
    ("workflow::manager", "workflow::machine"),
    // Commands receive the parsed arguments.
    ("commands", "cli"),
];

/// Forbidden imports, although they point to a lower layer.
const NEVER: [(&str, &str); 9] = [
    ("store", "workflow::machine"),
    ("store", "llm"),
    ("store", "python"),
    ("agents", "files"),
    ("agents", "sandbox"),
    ("agents", "llm"),
    ("agents", "python"),
    ("workflow::machine", "llm"),
    ("workflow::machine", "files"),
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

/// The source folders of the root package and of the crates.
fn packages() -> Vec<PathBuf> {
    let crates = CRATES.iter().map(|(name, _)| Path::new("crates").join(name).join("src"));
    std::iter::once("src".into()).chain(crates).collect()
}

/// The module in [`LAYERS`] that a path in the root package belongs to.
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

/// The file's module path in its package, such as `store::fold`; empty for `lib.rs`.
fn path_of(file: &Path, package: &Path) -> String {
    let relative = file.strip_prefix(package).unwrap().with_extension("");
    let path = relative.to_str().unwrap().replace('/', "::");
    match path.strip_suffix("mod") {
        Some(folder) if folder.is_empty() || folder.ends_with("::") => {
            folder.trim_end_matches("::").to_owned()
        }
        _ if path == "lib" => String::new(),
        _ => path,
    }
}

/// Every path into its own package that a file uses outside its tests: `crate::a::b`, with
/// `super::` and `self::` resolved.
#[derive(Default)]
struct Imports {
    /// The path of the current module.
    module: Vec<String>,
    found: BTreeSet<String>,
}

impl Imports {
    fn of(code: &str, path: &str) -> BTreeSet<String> {
        let module = path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let mut imports = Self { module, ..Self::default() };
        imports.visit_file(&syn::parse_file(code).unwrap());
        imports.found
    }

    fn name(&mut self, names: &[String]) {
        let mut place = match names.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("super" | "self") => self.module.clone(),
            _ => return,
        };
        for name in names {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => drop(place.pop()),
                name => place.push(name.to_owned()),
            }
        }
        self.found.insert(place.join("::"));
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before);
                }
            }
            syn::UseTree::Name(syn::UseName { ident, .. })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                let own = ident == "self";
                before.extend((!own).then(|| ident.to_string()));
                self.name(before);
                if !own {
                    before.pop();
                }
            }
            syn::UseTree::Glob(_) => self.name(before),
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test")
    })
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.tree(&item.tree, &mut Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.name(&names);
        visit::visit_path(self, path);
    }
}

/// The imports of each file of a package, by module path.
fn read(package: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let files = sources(package).into_iter().filter(|file| {
        let name = file.file_stem().unwrap();
        name != "tests" && name != "main"
    });
    files
        .map(|file| {
            let path = path_of(&file, package);
            let imports = Imports::of(&fs::read_to_string(&file).unwrap(), &path);
            (path, imports)
        })
        .collect()
}

#[test]
fn modules_import_only_from_allowed_layers() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, imports) in read(Path::new("src")) {
        if path.is_empty() {
            continue;
        }
        let Some(from) = module_of(&path) else {
            // `workflow` itself only declares its submodules.
            assert_eq!(path, "workflow", "{path} has no layer");
            continue;
        };
        for import in imports {
            let Some(to) = module_of(&import) else { continue };
            seen += 1;
            let down = layer_of(to) < layer_of(from);
            let allowed = (down && !NEVER.contains(&(from, to)))
                || from == to
                || SIDEWAYS.contains(&(from, to));
            if !allowed {
                wrong.push(format!("{path}: {from} imports {to} ({import})"));
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were seen: this test does not read them any more");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_crate_depends_only_on_lower_crates() {
    for (name, below) in CRATES {
        let manifest = fs::read_to_string(format!("crates/{name}/Cargo.toml")).unwrap();
        let known = manifest.lines().filter_map(|line| line.strip_prefix("redraft-"));
        let known: Vec<&str> = known.filter_map(|line| line.split(['.', ' ']).next()).collect();
        assert_eq!(known, below, "crates/{name}/Cargo.toml");
    }
    let folders = fs::read_dir("crates").unwrap().count();
    assert_eq!(folders, CRATES.len(), "a crate has no row here");
}

/// The file that a path belongs to: the one with the longest matching module path.
fn file_of<'f>(path: &str, files: &'f BTreeMap<String, BTreeSet<String>>) -> Option<&'f str> {
    let begins = |file: &&String| {
        !file.is_empty() && (path == **file || path.starts_with(&format!("{file}::")))
    };
    files.keys().filter(begins).max_by_key(|file| file.len()).map(String::as_str)
}

/// Whether `one` is a module that contains `other`.
fn holds(one: &str, other: &str) -> bool {
    other.starts_with(&format!("{one}::"))
}

#[test]
fn no_imports_are_circular() {
    let mut circles = Vec::new();
    for package in packages() {
        let files = read(&package);
        let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, imports) in &files {
            let to = imports.iter().filter_map(|import| file_of(import, &files));
            // Imports between a module and its submodules are allowed.
            let to = to.filter(|to| *to != from && !holds(to, from) && !holds(from, to));
            arrows.entry(from).or_default().extend(to);
        }
        for start in arrows.keys() {
            let (mut reached, mut left) = (BTreeSet::new(), vec![*start]);
            while let Some(file) = left.pop() {
                left.extend(arrows[file].iter().filter(|to| reached.insert(**to)));
            }
            if reached.contains(start) {
                circles.push(format!("{}: {start}", package.display()));
            }
        }
    }
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn the_import_reader_finds_every_form_of_import() {
    for (code, path, expected) in [
        ("use crate::store::Store;", "agents::coder", vec!["store::Store"]),
        ("use crate::{cli, domain::text};", "x", vec!["cli", "domain::text"]),
        ("use crate::{\n  a::{self, b},\n  c::*,\n};", "x", vec!["a", "a::b", "c"]),
        ("use super::open::load;", "store::create", vec!["store::open::load"]),
        ("use super::super::{ask, run as go};", "a::b::c", vec!["a::ask", "a::run"]),
        ("fn f() { let x = crate::llm::call(1); }", "x", vec!["llm::call"]),
        ("fn f(x: &super::Y) {}", "a::b", vec!["a::Y"]),
        ("mod m { use super::z; }", "a", vec!["a::z"]),
        ("#[cfg(test)] mod tests { use crate::store; }", "x", vec![]),
        ("// use crate::store::Store;", "x", vec![]),
    ] {
        let found: Vec<String> = Imports::of(code, path).into_iter().collect();
        assert_eq!(found, expected, "{code}");
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for folder in ["src", "crates", "tests", "benches"] {
        for file in sources(Path::new(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 800, "{} has {lines} lines", file.display());
        }
    }
}

/// The part of a file before its tests, which may use the disk and the terminal.
fn code_of(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap()
}

#[test]
fn only_the_file_and_terminal_modules_use_the_disk_and_the_terminal() {
    let doors = ["crates/files/src/", "src/terminal/", "src/main.rs"];
    let words = ["println!", "eprintln!", "print!(", "io::stdout()", "io::stdin()", "io::stderr()"];
    for file in packages().iter().flat_map(|package| sources(package)) {
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
