//! The imports between the files of an answer, and which file is the script.

use std::collections::{BTreeSet, HashSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{ModModule, Stmt};
use ruff_python_parser::{Parsed, parse_module};
use ruff_text_size::Ranged;

use super::super::distributions::is_standard;
use super::super::parts::{Kind, kind};
use super::super::scope::Names;
use super::File;

/// A file as a module.
pub(super) struct Module<'a> {
    pub(super) text: &'a str,
    /// Its file name; empty if it has none.
    pub(super) name: &'a str,
    /// Its import path, such as `pkg.shapes`; empty if unknown.
    pub(super) path: String,
    pub(super) parsed: Parsed<ModModule>,
    pub(super) kinds: Vec<Kind<'a>>,
    /// Its imports of other files of the answer.
    pub(super) imports: Vec<Import>,
    /// It is a package's `__init__.py`.
    package: bool,
}

/// An import of another file.
pub(super) struct Import {
    /// Byte range of the statement in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The import is inside another statement.
    pub(super) nested: bool,
    /// The names that it binds, in source order.
    pub(super) bound: Vec<Bound>,
}

/// A name that an import binds.
pub(super) enum Bound {
    /// A file, under a dotted name.
    Module {
        /// The name's parts as used: `["pkg", "mod"]`.
        path: Vec<String>,
        /// Index of the file.
        file: usize,
    },
    /// A name defined in a file.
    Name {
        /// Index of the file.
        file: usize,
        /// Its name in that file.
        name: String,
        /// Its name in the importing file.
        local: String,
    },
    /// All names of a file (star import).
    All(usize),
    /// An import of anything else, as a statement of its own.
    Other(String),
}

impl Bound {
    fn file(&self) -> Option<usize> {
        match self {
            Self::Module { file, .. } | Self::Name { file, .. } | Self::All(file) => Some(*file),
            Self::Other(_) => None,
        }
    }
}

/// The files that form the script.
pub(super) struct Graph<'a> {
    pub(super) modules: Vec<Module<'a>>,
    /// Indices of the needed files, each after its imports; the last one is the script itself.
    pub(super) order: Vec<usize>,
}

impl Module<'_> {
    pub(super) fn body(&self) -> &[Stmt] {
        self.parsed.suite()
    }

    fn uses(&self) -> BTreeSet<usize> {
        self.imports.iter().flat_map(|import| &import.bound).filter_map(Bound::file).collect()
    }

    fn guarded(&self) -> bool {
        self.kinds.contains(&Kind::Guard)
    }

    fn runs(&self) -> bool {
        self.kinds.iter().any(|kind| matches!(kind, Kind::Guard | Kind::Effect))
    }

    fn defines(&self) -> bool {
        self.kinds.iter().any(|kind| matches!(kind, Kind::Definition(_)))
    }

    /// Whether it is a test file by the conventions of Python's test runners.
    fn is_test(&self) -> bool {
        let stem = self.path.rsplit('.').next().unwrap_or_default();
        let runner = |module: &str| matches!(module, "pytest" | "unittest");
        let imports = self.body().iter().any(|stmt| match stmt {
            Stmt::Import(import) => import.names.iter().any(|alias| runner(&alias.name)),
            Stmt::ImportFrom(import) => import.module.as_ref().is_some_and(|m| runner(m)),
            _ => false,
        });
        let mut defined = self.kinds.iter().filter_map(|kind| match kind {
            Kind::Definition(name) => Some(*name),
            _ => None,
        });
        let tests = self.defines() && defined.all(|name| name.to_lowercase().starts_with("test"));
        stem.starts_with("test_") || stem.ends_with("_test") || imports || tests
    }

    pub(super) fn shown(&self) -> &str {
        if self.name.is_empty() { "the script" } else { self.name }
    }
}

impl<'a> Graph<'a> {
    /// Builds the graph; `None` if no file imports another one.
    pub(super) fn of(files: &'a [File]) -> Option<Result<Self, String>> {
        let mut modules: Vec<Module<'a>> = Vec::new();
        for file in files {
            let parsed = parse_module(&file.text).ok()?;
            let kinds = parsed.suite().iter().map(|stmt| kind(&file.text, stmt)).collect();
            let (path, package) = module_path(&file.name);
            let module = Module {
                text: &file.text,
                name: &file.name,
                path,
                parsed,
                kinds,
                imports: Vec::new(),
                package,
            };
            // A repeated file replaces the earlier one.
            match modules.iter().position(|known| !file.name.is_empty() && known.name == file.name)
            {
                Some(place) => modules[place] = module,
                None => modules.push(module),
            }
        }
        name_the_nameless(&mut modules);
        for place in 0..modules.len() {
            modules[place].imports = Imports::of(&modules, place);
        }
        if modules.iter().all(|module| module.imports.is_empty()) {
            return None;
        }
        let main = main(&modules)?;
        Some(main.map(|main| {
            let mut order = Vec::new();
            visit(&modules, main, &mut HashSet::new(), &mut order);
            Self { modules, order }
        }))
    }
}

fn visit(modules: &[Module<'_>], place: usize, seen: &mut HashSet<usize>, order: &mut Vec<usize>) {
    if !seen.insert(place) {
        return;
    }
    for used in modules[place].uses() {
        visit(modules, used, seen, order);
    }
    order.push(place);
}

/// Index of the file that is the script.
fn main(modules: &[Module<'_>]) -> Option<Result<usize, String>> {
    let imported = |place: usize, by_tests: bool| {
        let mut others =
            modules.iter().enumerate().filter(|(n, m)| *n != place && (by_tests || !m.is_test()));
        others.any(|(_, module)| module.uses().contains(&place))
    };
    let is_left_out = |place: usize| modules[place].is_test() && !imported(place, false);
    let mut roots: Vec<usize> = (0..modules.len())
        .filter(|place| !is_left_out(*place) && !imported(*place, false))
        .filter(|place| !modules[*place].uses().is_empty() || imported(*place, true))
        .collect();
    // A few lines that demonstrate a script are not a script.
    let example = |place: usize| {
        let module = &modules[place];
        let shown: Vec<usize> = module.uses().into_iter().collect();
        match &shown[..] {
            [only] if !module.guarded() && !module.defines() && modules[*only].runs() => {
                Some(*only)
            }
            _ => None,
        }
    };
    for root in &mut roots {
        *root = example(*root).unwrap_or(*root);
    }
    roots.sort_unstable();
    roots.dedup();
    if roots.is_empty() {
        roots = (0..modules.len()).filter(|place| !modules[*place].imports.is_empty()).collect();
    }
    let by_name = |place: &usize| {
        matches!(modules[*place].path.rsplit('.').next(), Some("main" | "__main__"))
    };
    let narrower: [&dyn Fn(&usize) -> bool; 3] = [
        &|place: &usize| modules[*place].runs(),
        &|place: &usize| modules[*place].guarded(),
        &by_name,
    ];
    for fits in narrower {
        let fitting: Vec<usize> = roots.iter().copied().filter(|place| fits(place)).collect();
        if roots.len() > 1 && !fitting.is_empty() {
            roots = fitting;
        }
    }
    match &roots[..] {
        [] => None,
        [main] => Some(Ok(*main)),
        several => {
            let names: Vec<String> =
                several.iter().map(|place| format!("`{}`", modules[*place].shown())).collect();
            Some(Err(format!(
                "The answer has several scripts, {}, and it can't be told which one is meant.",
                names.join(" and ")
            )))
        }
    }
}

/// The import path for a file name, and whether it is a package's `__init__.py`.
fn module_path(name: &str) -> (String, bool) {
    let stem = name.trim_start_matches("./").trim_end_matches(".py");
    let path = stem.replace(['/', '\\'], ".");
    match path.strip_suffix("__init__") {
        Some(package) => (package.trim_end_matches('.').to_owned(), true),
        None => (path, false),
    }
}

/// Names a file without a name after the module that another file imports, if it is the only one
/// that defines all imported names and runs nothing itself.
fn name_the_nameless(modules: &mut [Module<'_>]) {
    let mut given: Vec<(usize, String)> = Vec::new();
    for (place, importer) in modules.iter().enumerate() {
        let mut reader = Imports { found: Vec::new(), depth: 0 };
        reader.visit_body(importer.body());
        for (stmt, _) in reader.found {
            let Stmt::ImportFrom(import) = stmt else { continue };
            let Some(module) = import.module.as_ref().filter(|_| import.level == 0) else {
                continue;
            };
            if is_standard(module) || !importer.runs() || find(modules, module).is_some() {
                continue;
            }
            let has_all = |(n, other): &(usize, &Module<'_>)| {
                let names = Names::of(other.body(), &HashSet::new());
                *n != place
                    && other.path.is_empty()
                    && !other.runs()
                    && import
                        .names
                        .iter()
                        .all(|alias| names.bound.contains_key(alias.name.as_str()))
            };
            let fitting: Vec<usize> =
                modules.iter().enumerate().filter(has_all).map(|(n, _)| n).collect();
            if let [only] = fitting[..] {
                given.push((only, module.to_string()));
            }
        }
    }
    for (place, path) in given {
        modules[place].path = path;
    }
}

/// The file for an import path: an exact match, or the only file whose path ends with it.
fn find(modules: &[Module<'_>], path: &str) -> Option<usize> {
    if path.is_empty() {
        return None;
    }
    if let Some(exact) = modules.iter().position(|module| module.path == path) {
        return Some(exact);
    }
    let ends = |module: &Module<'_>| {
        module.path.strip_suffix(path).is_some_and(|before| before.ends_with('.'))
    };
    let mut found = modules.iter().enumerate().filter(|(_, module)| ends(module));
    let first = found.next().map(|(place, _)| place);
    first.filter(|_| found.next().is_none())
}

/// Collects import statements at any depth.
struct Imports<'s> {
    found: Vec<(&'s Stmt, bool)>,
    depth: usize,
}

impl<'s> Visitor<'s> for Imports<'s> {
    fn visit_stmt(&mut self, stmt: &'s Stmt) {
        if matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_)) {
            self.found.push((stmt, self.depth > 0));
        }
        self.depth += 1;
        visitor::walk_stmt(self, stmt);
        self.depth -= 1;
    }
}

impl Imports<'_> {
    /// The imports by which a file uses the others.
    fn of(modules: &[Module<'_>], place: usize) -> Vec<Import> {
        let mut reader = Imports { found: Vec::new(), depth: 0 };
        reader.visit_body(modules[place].body());
        let found = reader.found.into_iter().map(|(stmt, nested)| Import {
            start: stmt.start().to_usize(),
            end: stmt.end().to_usize(),
            nested,
            bound: bound(modules, place, stmt),
        });
        found.filter(|import| import.bound.iter().any(|bound| bound.file().is_some())).collect()
    }
}

/// The names that an import statement binds.
fn bound(modules: &[Module<'_>], place: usize, stmt: &Stmt) -> Vec<Bound> {
    let other = |found: Option<usize>| found.filter(|found| *found != place);
    match stmt {
        Stmt::Import(import) => {
            let of = |alias: &ruff_python_ast::Alias| match other(find(modules, &alias.name)) {
                Some(file) => {
                    let path = match &alias.asname {
                        Some(local) => vec![local.to_string()],
                        None => alias.name.split('.').map(str::to_owned).collect(),
                    };
                    Bound::Module { path, file }
                }
                None => Bound::Other(format!("import {}", shown(alias))),
            };
            import.names.iter().map(of).collect()
        }
        Stmt::ImportFrom(import) => {
            let module = import.module.as_ref().map_or("", |module| module.as_str());
            let path = absolute(&modules[place], module, import.level);
            let of = |alias: &ruff_python_ast::Alias| {
                let local = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                let inner = if path.is_empty() {
                    alias.name.to_string()
                } else {
                    format!("{path}.{}", alias.name)
                };
                let of_folder = path.is_empty() || find(modules, &path).is_none();
                let exact = modules.iter().position(|module| module.path == inner);
                let inner = exact.or_else(|| find(modules, &inner).filter(|_| of_folder));
                if let Some(file) = other(inner) {
                    return Bound::Module { path: vec![local], file };
                }
                match other(find(modules, &path)) {
                    Some(file) if alias.name.as_str() == "*" => Bound::All(file),
                    Some(file) => Bound::Name { file, name: alias.name.to_string(), local },
                    None => {
                        let dots = ".".repeat(import.level as usize);
                        Bound::Other(format!("from {dots}{module} import {}", shown(alias)))
                    }
                }
            };
            import.names.iter().map(of).collect()
        }
        _ => Vec::new(),
    }
}

fn shown(alias: &ruff_python_ast::Alias) -> String {
    match &alias.asname {
        Some(local) => format!("{} as {local}", alias.name),
        None => alias.name.to_string(),
    }
}

/// Resolves a relative import.
fn absolute(importer: &Module<'_>, module: &str, level: u32) -> String {
    let mut base: Vec<&str> = importer.path.split('.').filter(|part| !part.is_empty()).collect();
    if level == 0 {
        return module.to_owned();
    }
    let up = level as usize - usize::from(importer.package);
    base.truncate(base.len().saturating_sub(up));
    base.extend(module.split('.').filter(|part| !part.is_empty()));
    base.join(".")
}
