//! Joins the files of a script into one text.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use ruff_python_ast::Stmt;
use ruff_python_stdlib::builtins::is_python_builtin;
use ruff_text_size::Ranged;

use super::super::check::USUAL;
use super::super::parts::{Kind, Put, import_lines};
use super::super::scope::{Names, Used};
use super::super::tree::top;
use super::graph::{Bound, Graph, Module};

/// Joins the files.
///
/// # Errors
/// Conflicting names, as a message to the model.
pub(super) fn flatten(graph: &Graph<'_>) -> Result<Put, String> {
    let Some((main, others)) = graph.order.split_last() else {
        return Err("The answer has no script.".to_owned());
    };
    if others.is_empty() {
        let script = format!("{}\n", graph.modules[*main].text.trim_end());
        let notes = vec!["left out files that only use the script".to_owned()];
        return Ok(Put { script, notes });
    }
    let mut files: BTreeMap<usize, File<'_>> = BTreeMap::new();
    for place in &graph.order {
        files.insert(*place, File::of(&graph.modules[*place], place == main));
    }
    drop_unused(graph, &mut files);
    clashes(graph, &files)?;
    let mut aliases: BTreeMap<usize, BTreeSet<(String, String)>> = BTreeMap::new();
    let mut texts: HashMap<usize, String> = HashMap::new();
    for place in &graph.order {
        let changes = changes(graph, &files, *place, &mut aliases)?;
        texts.insert(*place, made(graph.modules[*place].text, changes));
    }
    let mut head = File::head(&graph.modules[*main], &texts[main]);
    let mut script = std::mem::take(&mut head.0);
    let future: BTreeSet<&str> =
        files.values().flat_map(|file| file.future.iter().copied()).collect();
    let mut parts: Vec<String> = future.into_iter().map(str::to_owned).collect();
    let mut seen: HashSet<String> = HashSet::new();
    for place in &graph.order {
        let text = if place == main { &head.1 } else { &texts[place] };
        let mut text = without_known_imports(text, &mut seen);
        for (alias, name) in aliases.remove(place).unwrap_or_default() {
            let _ = write!(text, "\n\n\n{alias} = {name}");
        }
        if !text.trim().is_empty() {
            parts.push(text.trim_matches('\n').trim_end().to_owned());
        }
    }
    if !script.is_empty() {
        script.push_str("\n\n");
    }
    script.push_str(&parts.join("\n\n\n"));
    let names: Vec<&str> = graph
        .order
        .iter()
        .map(|place| graph.modules[*place].name)
        .filter(|n| !n.is_empty())
        .collect();
    let of = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let notes = vec![format!("joined {} files to one script{of}", graph.order.len())];
    Ok(Put { script: format!("{}\n", script.trim_end()), notes })
}

/// Analysis of one file.
struct File<'g> {
    names: Names,
    main: bool,
    /// Indices of top-level statements to leave out.
    dropped: HashSet<usize>,
    /// Its imports from `__future__`.
    future: Vec<&'g str>,
    /// The names that it imports from other files.
    taken: HashSet<String>,
}

impl<'g> File<'g> {
    fn of(module: &'g Module<'_>, main: bool) -> Self {
        let (mut imported, mut taken, mut renamed) =
            (HashSet::new(), HashSet::new(), HashSet::new());
        for bound in module.imports.iter().flat_map(|import| &import.bound) {
            match bound {
                Bound::Module { path, .. } => imported.extend(path.first().cloned()),
                Bound::Name { name, local, .. } => {
                    imported.insert(local.clone());
                    taken.insert(local.clone());
                    if name != local {
                        renamed.insert(local.clone());
                    }
                }
                Bound::All(_) | Bound::Other(_) => {}
            }
        }
        let mut names = Names::of(module.body(), &imported);
        for local in renamed {
            names.bound.entry(local).or_default();
        }
        let mut dropped = HashSet::new();
        let mut future = Vec::new();
        for (place, (stmt, kind)) in module.body().iter().zip(&module.kinds).enumerate() {
            let description = *kind == Kind::Text && place == 0;
            let own = matches!(kind, Kind::Value(name) if name.starts_with("__"));
            if !main && (description || own || *kind == Kind::Guard) {
                dropped.insert(place);
            }
            if matches!(stmt, Stmt::ImportFrom(import)
                if import.module.as_ref().is_some_and(|name| name.as_str() == "__future__"))
            {
                future.push(&module.text[range(stmt)]);
                dropped.insert(place);
            }
        }
        Self { names, main, dropped, future, taken }
    }

    /// The top-level names that remain.
    fn bound(&self) -> impl Iterator<Item = (&str, &BTreeSet<usize>)> {
        let left = |places: &BTreeSet<usize>| {
            places.is_empty() || places.iter().any(|place| !self.dropped.contains(place))
        };
        self.names
            .bound
            .iter()
            .filter(move |(_, places)| left(places))
            .map(|(n, p)| (n.as_str(), p))
    }

    /// Splits off the head, which must stay at the top: leading comments and the docstring.
    fn head(module: &Module<'_>, text: &str) -> (String, String) {
        let mut end = 0;
        for line in text.split_inclusive('\n') {
            if !line.starts_with('#') && !line.trim().is_empty() {
                break;
            }
            end += line.len();
        }
        // Nothing above the first statement is changed, so its offset stays valid.
        end = end.min(module.body().first().map_or(text.len(), |stmt| stmt.start().to_usize()));
        if let (Some(Kind::Text), Some(stmt)) = (module.kinds.first(), module.body().first()) {
            end = range(stmt).end;
        }
        let names_file = |line: &&str| !module.name.is_empty() && line.contains(module.name);
        let head: Vec<&str> = text[..end].lines().collect();
        let skip = usize::from(head.first().is_some_and(names_file));
        (head[skip..].join("\n").trim().to_owned(), text[end..].to_owned())
    }
}

fn range(stmt: &Stmt) -> Range<usize> {
    stmt.start().to_usize()..stmt.end().to_usize()
}

/// The names of a file that others import or use as attributes.
fn wanted(graph: &Graph<'_>, files: &BTreeMap<usize, File<'_>>, of: usize) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (place, file) in files {
        for bound in graph.modules[*place].imports.iter().flat_map(|import| &import.bound) {
            match bound {
                Bound::Name { file, name, .. } if *file == of => {
                    names.insert(name.clone());
                }
                Bound::All(file) if *file == of => {
                    names.extend(files[&of].names.bound.keys().cloned());
                }
                _ => {}
            }
        }
        for used in &file.names.uses {
            if let Some((target, rest)) = meant(&graph.modules[*place], used)
                && target == of
                && let Some((name, _)) = used.attributes.get(rest)
            {
                names.insert(name.clone());
            }
        }
    }
    names
}

/// The file that a use refers to, and the number of its attributes that belong to the file's path.
fn meant(module: &Module<'_>, used: &Used) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    for bound in module.imports.iter().flat_map(|import| &import.bound) {
        let Bound::Module { path, file } = bound else { continue };
        let Some((head, rest)) = path.split_first() else { continue };
        let follows = used.name == *head
            && rest.len() <= used.attributes.len()
            && rest.iter().zip(&used.attributes).all(|(part, (name, _))| part == name);
        if follows && best.is_none_or(|(_, longest)| rest.len() >= longest) {
            best = Some((*file, rest.len()));
        }
    }
    best
}

/// Drops definitions of a file that no other file uses and only its own main block needs, if
/// another file defines the same name.
fn drop_unused(graph: &Graph<'_>, files: &mut BTreeMap<usize, File<'_>>) {
    let places: Vec<usize> = files.keys().copied().collect();
    for place in places {
        if files[&place].main {
            continue;
        }
        let module = &graph.modules[place];
        let wanted = wanted(graph, files, place);
        let elsewhere = |name: &str| {
            files.iter().any(|(other, file)| *other != place && file.names.bound.contains_key(name))
        };
        let file = &files[&place];
        let mut unused = Vec::new();
        for (n, kind) in module.kinds.iter().enumerate() {
            let Kind::Definition(name) = kind else { continue };
            let own = range(&module.body()[n]);
            let used = file.names.uses.iter().any(|used| {
                let at = used.start.to_usize();
                let within_dropped =
                    file.dropped.iter().any(|n| range(&module.body()[*n]).contains(&at));
                used.name == *name && !own.contains(&at) && !within_dropped
            });
            if !used && !wanted.contains(*name) && elsewhere(name) {
                unused.push(n);
            }
        }
        if let Some(file) = files.get_mut(&place) {
            file.dropped.extend(unused);
        }
    }
}

/// The source that binds a name: a single import line for an import, the statement otherwise.
fn source(module: &Module<'_>, statement: usize, name: &str) -> String {
    let stmt = &module.body()[statement];
    let imported = import_lines(stmt).into_iter().find_map(|(local, line)| match local {
        local if local == name => Some(line),
        // `import os.path` binds `os`.
        local if top(&local) == name => Some(format!("import {name}")),
        _ => None,
    });
    imported.unwrap_or_else(|| module.text[range(stmt)].trim().to_owned())
}

/// Reports names that would change their meaning in one script.
fn clashes(graph: &Graph<'_>, files: &BTreeMap<usize, File<'_>>) -> Result<(), String> {
    let mut owners: BTreeMap<&str, (usize, Vec<String>)> = BTreeMap::new();
    let mut clashing: BTreeSet<&str> = BTreeSet::new();
    let mut between: BTreeSet<usize> = BTreeSet::new();
    for (place, file) in files {
        let module = &graph.modules[*place];
        for (name, statements) in file.bound() {
            let source: Vec<String> = statements.iter().map(|n| source(module, *n, name)).collect();
            match owners.get(name) {
                // The same import or value again.
                Some((_, known)) if *known == source && !source.is_empty() => {}
                Some((owner, _)) => {
                    clashing.insert(name);
                    between.extend([*owner, *place]);
                }
                None => {
                    owners.insert(name, (*place, source));
                }
            }
        }
    }
    for (place, file) in files {
        for name in file.names.free() {
            let other = owners.get(name).filter(|(owner, _)| owner != place);
            if let Some((owner, _)) = other.filter(|_| is_python_builtin(name, USUAL.1, false)) {
                clashing.insert(name);
                between.extend([*owner, *place]);
            }
        }
    }
    if clashing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = clashing.iter().take(6).map(|name| format!("`{name}`")).collect();
    let files: Vec<String> =
        between.iter().map(|place| format!("`{}`", graph.modules[*place].shown())).collect();
    Err(format!(
        "The answer has several files, and one script is wanted. They can't be joined: {} {} something \
         else in each of {}.",
        names.join(", "),
        if names.len() == 1 { "is" } else { "are" },
        files.join(" and ")
    ))
}

/// Whether a file has a name at its top level, of its own or by a star import.
fn has(
    graph: &Graph<'_>,
    files: &BTreeMap<usize, File<'_>>,
    of: usize,
    name: &str,
    depth: usize,
) -> bool {
    let file = &files[&of];
    let of_others = || {
        graph.modules[of].imports.iter().flat_map(|import| &import.bound).any(|bound| match bound {
            Bound::All(other) if depth < files.len() => has(graph, files, *other, name, depth + 1),
            _ => false,
        })
    };
    file.bound().any(|(known, _)| known == name) || file.taken.contains(name) || of_others()
}

type Changes = Vec<(Range<usize>, String)>;

/// The edits in a file: imports of other files are removed, and references through them become
/// plain names. Adds to `aliases` the further names that other files must define.
fn changes(
    graph: &Graph<'_>,
    files: &BTreeMap<usize, File<'_>>,
    place: usize,
    aliases: &mut BTreeMap<usize, BTreeSet<(String, String)>>,
) -> Result<Changes, String> {
    let (module, file) = (&graph.modules[place], &files[&place]);
    let mut changes: Changes = Vec::new();
    for n in &file.dropped {
        changes.push((line_of(module.text, range(&module.body()[*n])), String::new()));
    }
    let within =
        |changes: &Changes, at: usize| changes.iter().any(|(range, _)| range.contains(&at));
    let missing = |of: usize, name: &str| {
        let (from, to) = (module.shown(), graph.modules[of].shown());
        format!(
            "The answer has several files, and `{to}` does not define `{name}`, which `{from}` uses."
        )
    };
    for import in &module.imports {
        if within(&changes, import.start) {
            continue;
        }
        let mut left = Vec::new();
        for bound in &import.bound {
            match bound {
                Bound::Other(line) => left.push(line.clone()),
                Bound::Name { file, name, local } => {
                    if !has(graph, files, *file, name, 0) {
                        return Err(missing(*file, name));
                    }
                    if local != name {
                        left.push(format!("{local} = {name}"));
                    }
                }
                Bound::Module { .. } | Bound::All(_) => {}
            }
        }
        let range = import.start..import.end;
        if left.is_empty() && !import.nested {
            changes.push((line_of(module.text, range), String::new()));
        } else {
            let text = if left.is_empty() { "pass".to_owned() } else { left.join("; ") };
            changes.push((range, text));
        }
    }
    for used in &file.names.uses {
        let at = used.start.to_usize();
        let Some((of, rest)) = meant(module, used).filter(|_| !within(&changes, at)) else {
            continue;
        };
        let shown = graph.modules[of].shown();
        let Some((name, end)) = used.attributes.get(rest) else {
            return Err(format!(
                "The answer has several files, and one script is wanted. They can't be joined: `{}` uses \
                 the module of `{shown}` as a value.",
                module.shown()
            ));
        };
        if used.stored && used.attributes.len() == rest + 1 {
            return Err(format!(
                "The answer has several files, and one script is wanted. They can't be joined: `{}` sets \
                 `{name}` of `{shown}`.",
                module.shown()
            ));
        }
        if !has(graph, files, of, name, 0) {
            return Err(missing(of, name));
        }
        let text = if file.names.is_shadowed(used, name) {
            let stem = graph.modules[of].path.replace('.', "_");
            let alias = format!("{stem}_{name}");
            aliases.entry(of).or_default().insert((alias.clone(), name.clone()));
            alias
        } else {
            name.clone()
        };
        changes.push((at..end.to_usize(), text));
    }
    Ok(changes)
}

/// Extends a range to whole lines if only a comment follows on them.
fn line_of(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    let behind = text[range.end..end].trim();
    let alone = text[start..range.start].trim().is_empty();
    if alone && (behind.is_empty() || behind.starts_with('#')) { start..end } else { range }
}

fn made(text: &str, mut changes: Changes) -> String {
    changes.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
    let mut out = text.to_owned();
    for (range, new) in changes {
        out.replace_range(range, &new);
    }
    out
}

/// The text without comments at its start and without imports that occurred above already.
fn without_known_imports(text: &str, seen: &mut HashSet<String>) -> String {
    let Ok(parsed) = ruff_python_parser::parse_module(text) else { return text.to_owned() };
    let mut changes: Changes = Vec::new();
    for stmt in
        parsed.suite().iter().filter(|stmt| matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_)))
    {
        if !seen.insert(text[range(stmt)].to_owned()) {
            changes.push((line_of(text, range(stmt)), String::new()));
        }
    }
    let text = made(text, changes);
    let comment = |line: &&str| line.starts_with('#') || line.trim().is_empty();
    let head: usize = text.split_inclusive('\n').take_while(comment).map(str::len).sum();
    text[head..].to_owned()
}
