//! The modules that a script imports, and the packages that provide them.

use std::collections::{BTreeMap, BTreeSet};

use super::distributions::{distribution, is_standard};
use super::packages::requirement::{Requirement, normal};
use super::packages::{known, requirement};
use super::pep723;
use super::tree::{Import, Tree, Use, Without, top};

/// Alternative packages for a module, besides its usual one.
const OTHERS: &[(&str, &str)] = &[
    ("cv2", "opencv-contrib-python"),
    ("cv2", "opencv-contrib-python-headless"),
    ("crypto", "pycryptodomex"),
    ("discord", "nextcord"),
    ("discord", "py-cord"),
    ("fpdf", "fpdf"),
    ("levenshtein", "levenshtein"),
    ("magic", "python-magic-bin"),
    ("pygame", "pygame-ce"),
];

/// Modules whose import means a window.
const WINDOWS: &[&str] = &[
    "arcade",
    "customtkinter",
    "dearpygui",
    "kivy",
    "PyQt4",
    "PyQt5",
    "PyQt6",
    "PySide2",
    "PySide6",
    "PySimpleGUI",
    "pygame",
    "pyglet",
    "tkinter",
    "ttkbootstrap",
    "turtle",
    "wx",
];

/// Calls that open a window, in modules that also work without one.
const SHOWS: &[&str] = &["cv2.imshow"];

/// Modules that configure a terminal, draw on it or read its keys.
const TERMINALS: &[&str] = &[
    "InquirerPy",
    "_curses",
    "asciimatics",
    "blessed",
    "blessings",
    "curses",
    "curtsies",
    "inquirer",
    "npyscreen",
    "prompt_toolkit",
    "questionary",
    "readchar",
    "termios",
    "textual",
    "tty",
    "urwid",
];

/// Calls that read from a terminal, in modules that also work without one.
const ASKS: &[&str] = &["getpass.getpass"];

/// The controlling terminal of the process that opens it.
pub(super) const TERMINAL: &str = "/dev/tty";

/// The imported top-level modules, sorted.
pub(super) fn of(tree: &Tree) -> Vec<String> {
    let modules: BTreeSet<_> = tree.imports.iter().map(|import| top(&import.module)).collect();
    modules.into_iter().map(str::to_owned).collect()
}

/// The packages that a script needs, sorted by name: those that it declares, and those of imported
/// modules that no declaration covers.
pub(super) fn dependencies(tree: &Tree, script: &str) -> Vec<String> {
    let modules = tree.imports.iter().map(|import| import.module.as_str());
    let modules: BTreeSet<_> = modules.filter(|module| !is_standard(module)).collect();
    let mut needed = declared(script);
    let names: Vec<String> = needed.iter().map(|text| requirement::name_of(text)).collect();
    // A declared package that matches no import may provide the unknown modules.
    let known = |module: &str| known::is_known(distribution(module));
    let spare = names.iter().any(|name| !modules.iter().any(|module| covers(name, module)));
    let undeclared = modules.iter().filter(|module| {
        let declared = names.iter().any(|name| covers(name, module));
        !(declared || (spare && !known(module)))
    });
    let packages: BTreeSet<&str> = undeclared.map(|module| distribution(module)).collect();
    needed.extend(packages.into_iter().map(str::to_owned));
    needed.sort_by_cached_key(|text| requirement::name_of(text));
    needed
}

/// Whether a package, by its normalized name, provides a module.
fn covers(name: &str, module: &str) -> bool {
    let package = normal(distribution(module));
    let top = normal(top(module));
    // `opencv-python-headless` and `tensorflow-cpu` are other builds of the same package,
    // `psycopg2` of `psycopg2-binary`.
    let part = |whole: &str, part: &str| {
        whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let other = OTHERS.iter().any(|(m, other)| *m == top && *other == name);
    other || part(name, &package) || part(&package, name) || part(name, &top)
}

/// The installs in a model's answer that the script's imports (`modules`) do not imply: another
/// build of a package, or one that may provide an unknown module.
pub(super) fn untold(modules: &[String], installs: &[String]) -> Vec<String> {
    let modules: Vec<&String> = modules.iter().filter(|module| !is_standard(module)).collect();
    let named: Vec<(String, &String)> =
        installs.iter().filter_map(|text| Some((Requirement::parse(text)?.name, text))).collect();
    let is_named = |module: &&String| named.iter().any(|(name, _)| covers(name, module));
    let strange = modules.iter().any(|m| !known::is_known(distribution(m)) && !is_named(m));
    let untold = named.iter().filter(|(name, _)| {
        let own = modules.iter().find(|module| covers(name, module));
        own.map_or(strange, |module| *name != normal(distribution(module)))
    });
    untold.map(|(_, text)| (*text).clone()).collect()
}

/// Packages that the script can run without, each with the modules that it tries first.
pub(super) fn optional(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut optional: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut needed = BTreeSet::new();
    for import in tree.imports.iter().filter(|import| !is_standard(&import.module)) {
        let package = distribution(&import.module);
        let tried = match &import.without {
            Without::Fails => {
                needed.insert(package);
                continue;
            }
            Without::Goes => Vec::new(),
            Without::Unasked(tried) => tried.clone(),
        };
        optional.insert(package.to_owned(), tried);
    }
    optional.retain(|package, _| !needed.contains(package.as_str()));
    optional
}

/// The dependencies in the script's own block, each package once.
fn declared(script: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let block = pep723::read(script).unwrap_or_default();
    let mut declared = block.dependencies;
    declared.retain(|text| seen.insert(requirement::name_of(text)));
    declared
}

/// Whether the script opens a window.
pub(super) fn window(tree: &Tree) -> bool {
    let imports =
        |modules: &[&str]| tree.imports.iter().any(|import| modules.contains(&top(&import.module)));
    imports(WINDOWS) || tree.uses.iter().any(|used| SHOWS.contains(&used.name.as_str()))
}

/// Whether the script uses or reads a terminal.
pub(super) fn terminal(tree: &Tree) -> bool {
    let sets_up = |import: &Import| TERMINALS.contains(&top(&import.module));
    let asks = |used: &Use| {
        ASKS.contains(&used.name.as_str()) || used.texts.iter().any(|text| text == TERMINAL)
    };
    tree.imports.iter().any(sets_up) || tree.uses.iter().any(asks)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_script_goes_on_without_is_told_apart() {
        for (script, optional) in [
            ("import rich\n", vec![]),
            ("try:\n    import rich\nexcept ImportError:\n    rich = None\n", vec![("rich", "")]),
            ("try:\n    import rich\nexcept:\n    rich = None\n", vec![("rich", "")]),
            ("try:\n    import rich\nexcept ImportError:\n    sys.exit('no rich')\n", vec![]),
            ("try:\n    import rich\nexcept ImportError:\n    raise SystemExit(1)\n", vec![]),
            ("try:\n    import rich\nexcept ValueError:\n    pass\n", vec![]),
            (
                "try:\n    import tomllib\nexcept (OSError, ModuleNotFoundError):\n    import tomli\n",
                vec![("tomli", "tomllib")],
            ),
            ("try:\n    import rich\nexcept ImportError:\n    pass\nimport rich\n", vec![]),
            ("try:\n    x = 1\nexcept Exception:\n    pass\nelse:\n    import rich\n", vec![]),
        ] {
            let found = check(script).optional;
            let found: Vec<_> =
                found.iter().map(|(p, tried)| (p.as_str(), tried.join(","))).collect();
            let optional: Vec<_> = optional.iter().map(|(p, t)| (*p, (*t).to_owned())).collect();
            assert_eq!(found, optional, "{script}");
        }
    }

    use crate::check::check;

    #[test]
    fn what_is_installed_and_not_told_by_imports_is_found() {
        for (imports, installs, wanted) in [
            ("math", &["tabulate"][..], &[][..]),
            ("numpy cv2", &["numpy", "opencv-python"], &[]),
            ("cv2", &["opencv-python-headless"], &["opencv-python-headless"]),
            ("strange", &["unheard-of>=1"], &["unheard-of>=1"]),
            ("strange", &["strange"], &[]),
            ("strange numpy", &["numpy", "unheard-of"], &["unheard-of"]),
            ("numpy", &["numpy==1.26"], &[]),
            ("strange", &["--pre", "./x"], &[]),
        ] {
            let owned = |words: &[&str]| -> Vec<String> {
                words.iter().map(|word| (*word).to_owned()).collect()
            };
            let modules: Vec<&str> = imports.split(' ').collect();
            let untold = super::untold(&owned(&modules), &owned(installs));
            assert_eq!(untold, wanted, "{imports} {installs:?}");
        }
    }

    #[test]
    fn what_a_script_declares_wins_over_what_its_imports_are_mapped_to() {
        for (declared, imports, needed) in [
            ("", "cv2, yaml, os", vec!["opencv-python", "PyYAML"]),
            ("'opencv-python-headless'", "cv2", vec!["opencv-python-headless"]),
            ("'opencv-contrib-python>4'", "cv2", vec!["opencv-contrib-python>4"]),
            ("'psycopg2'", "psycopg2", vec!["psycopg2"]),
            ("'tensorflow-cpu'", "tensorflow", vec!["tensorflow-cpu"]),
            ("'pyyaml>=6', 'rich'", "yaml", vec!["pyyaml>=6", "rich"]),
            ("'NumPy<3'", "numpy, pandas", vec!["NumPy<3", "pandas"]),
            ("'numpy', 'numpy>1'", "numpy", vec!["numpy"]),
            // Only the script's declaration can say what provides `strange`.
            ("'unheard-of'", "strange, numpy", vec!["numpy", "unheard-of"]),
            ("'numpy'", "strange, numpy", vec!["numpy", "strange"]),
            ("'a @ https://example.org/a'", "os", vec!["a @ https://example.org/a"]),
        ] {
            let script =
                format!("# /// script\n# dependencies = [{declared}]\n# ///\nimport {imports}\n");
            assert_eq!(check(&script).dependencies, needed, "{declared}: {imports}");
        }
    }
}
