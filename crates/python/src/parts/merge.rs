//! Merges two scripts statement by statement.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::Range;

use ruff_python_ast::{Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::super::scope::Names;
use super::script::{Kind, Script, import_lines};
use super::{Put, listed};

/// Replacement texts for ranges of a script.
struct Changes<'b> {
    base: &'b Script<'b>,
    made: Vec<(Range<usize>, String)>,
    /// Indices of the replaced statements.
    replaced: HashSet<usize>,
}

/// Additions of a part, by destination.
#[derive(Default)]
struct Added {
    imports: Vec<String>,
    /// Definitions and values.
    definitions: Vec<String>,
    effects: Vec<String>,
    names: Vec<String>,
}

/// Merges the part `new` into `base`: definitions replace those of the same name, and the rest is
/// added.
///
/// # Errors
/// Where a definition belongs is ambiguous, as a message to the model.
pub(super) fn into(base: &Script<'_>, new: &Script<'_>) -> Result<Put, String> {
    let mut changes = Changes { base, made: Vec::new(), replaced: HashSet::new() };
    let mut added = Added::default();
    let mut replaced: Vec<&str> = Vec::new();
    for (place, stmt, kind) in new.statements() {
        match kind {
            Kind::Text | Kind::Other => {}
            Kind::Import => added.imports.extend(missing_imports(base, new, stmt)?),
            Kind::Guard => match base.guard {
                Some(guard) if changes.replaced.insert(guard) => {
                    let range = base.range(&base.body()[guard]);
                    changes.made.push((range, new.source(stmt).to_owned()));
                }
                _ => added.effects.push(new.source(stmt).to_owned()),
            },
            Kind::Effect => {
                if !stands_in(base.text, new.source(stmt)) {
                    added.effects.push(new.source(stmt).to_owned());
                }
            }
            // Of several definitions of one name, the last counts.
            Kind::Definition(name) if later(new, place, name) => {}
            Kind::Definition(name) => {
                if changes.replace(name, new, stmt)? || changes.method(name, new, stmt)? {
                    replaced.push(name);
                } else {
                    added.definitions.push(new.text[new.with_comments(stmt)].to_owned());
                    added.names.push(name.to_owned());
                }
            }
            Kind::Value(name) => {
                if !changes.value(name, new.source(stmt)) && !stands_in(base.text, new.source(stmt))
                {
                    added.definitions.push(new.text[new.with_comments(stmt)].to_owned());
                }
            }
        }
    }
    let mut did = Vec::new();
    if !replaced.is_empty() {
        did.push(format!("replaced {}", listed(&replaced)));
    }
    if !added.names.is_empty() {
        let names: Vec<&str> = added.names.iter().map(String::as_str).collect();
        did.push(format!("added {}", listed(&names)));
    }
    let did = if did.is_empty() { String::new() } else { format!(": {}", did.join(", ")) };
    if changes.overlap() {
        return Err("The answer has a class, and a method of it once more beside it.".to_owned());
    }
    changes.add(&added, false);
    let notes = vec![format!("put the part into the script that it belongs to{did}")];
    Ok(Put { script: changes.finish(), notes })
}

/// `new`, completed with the definitions and imports of these names from `base`, and all that these
/// need.
pub(super) fn filled(new: &Script<'_>, base: &Script<'_>, wanted: &BTreeSet<&str>) -> Put {
    let mut open: VecDeque<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    let mut taken = BTreeSet::new();
    let mut names = BTreeSet::new();
    while let Some(name) = open.pop_front() {
        for place in base.names.bound.get(&name).into_iter().flatten() {
            let of_use =
                matches!(base.kinds[*place], Kind::Definition(_) | Kind::Import | Kind::Value(_));
            if !of_use || new.names.bound.contains_key(&name) || !taken.insert(*place) {
                continue;
            }
            names.insert(name.clone());
            let of_it = Names::of(std::slice::from_ref(&base.body()[*place]), &HashSet::new());
            open.extend(of_it.free().into_iter().map(str::to_owned));
        }
    }
    let mut added = Added::default();
    for place in taken {
        let stmt = &base.body()[place];
        if base.kinds[place] == Kind::Import {
            added.imports.push(base.source(stmt).to_owned());
        } else {
            added.definitions.push(base.text[base.with_comments(stmt)].to_owned());
        }
    }
    let mut changes = Changes { base: new, made: Vec::new(), replaced: HashSet::new() };
    changes.add(&added, true);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let notes = vec![format!("took over what it lacked of the script before: {}", listed(&names))];
    Put { script: changes.finish(), notes }
}

impl Changes<'_> {
    /// Replaces the top-level definition of the same name, if there is one.
    fn replace(&mut self, name: &str, new: &Script<'_>, stmt: &Stmt) -> Result<bool, String> {
        let base = self.base;
        let defined = base.definitions();
        let Some((_, place)) = defined.iter().rev().find(|(known, _)| *known == name) else {
            return Ok(false);
        };
        let old = &base.body()[*place];
        let text = match (old, stmt) {
            (Stmt::ClassDef(old), Stmt::ClassDef(class)) => self.class(old, new, class, stmt),
            _ => new.source(stmt).to_owned(),
        };
        if self.replaced.insert(*place) {
            self.made.push((base.range(old), text));
        }
        Ok(true)
    }

    /// The new class, plus those methods of the old class that it leaves out and that are still
    /// used.
    fn class(
        &self,
        old: &StmtClassDef,
        new: &Script<'_>,
        class: &StmtClassDef,
        stmt: &Stmt,
    ) -> String {
        let mut text = new.source(stmt).to_owned();
        let own: HashSet<&str> = methods(class).map(|method| method.name.as_str()).collect();
        let dropped: Vec<&StmtFunctionDef> =
            methods(old).filter(|method| !own.contains(method.name.as_str())).collect();
        let attributes = [self.base.attributes(), new.attributes()];
        let used = |method: &&StmtFunctionDef| {
            attributes.iter().any(|names| names.contains(method.name.as_str()))
        };
        if !dropped.iter().any(used) {
            return text;
        }
        let Some(first) = class.body.first() else { return text };
        let indent = indent_of(new.text, first.start().to_usize());
        for method in dropped {
            let range = method.start().to_usize()..method.end().to_usize();
            let was = indent_of(self.base.text, range.start);
            // The lines are indented already unless the two indentations differ.
            let lines = if was == indent {
                self.base.text[range].to_owned()
            } else {
                reindented(&self.base.text[range], was, indent)
            };
            text.push_str("\n\n");
            text.push_str(indent);
            text.push_str(&lines);
        }
        text
    }

    /// Replaces a method by a top-level function of the same name that takes `self`.
    fn method(&mut self, name: &str, new: &Script<'_>, stmt: &Stmt) -> Result<bool, String> {
        let Stmt::FunctionDef(function) = stmt else { return Ok(false) };
        let first = function.parameters.iter().next();
        if !first.is_some_and(|first| matches!(first.name().as_str(), "self" | "cls")) {
            return Ok(false);
        }
        let base = self.base;
        let classes: Vec<&StmtClassDef> =
            base.body().iter().filter_map(Stmt::as_class_def_stmt).collect();
        let found: Vec<&StmtFunctionDef> =
            classes.iter().copied().filter_map(|class| method_of(class, name)).collect();
        let (range, gap) = match (&found[..], &classes[..]) {
            ([method], _) => (method.start().to_usize()..method.end().to_usize(), ""),
            ([], [class]) => (class.end().to_usize()..class.end().to_usize(), "\n\n"),
            ([], []) => return Ok(false),
            _ => {
                return Err(format!(
                    "The answer has the method `{name}` without its class, and there are several \
                     classes that it may belong to."
                ));
            }
        };
        let at = found
            .first()
            .map(Ranged::start)
            .or_else(|| classes.first().and_then(|class| class.body.first()).map(Ranged::start));
        let indent = at.map_or("    ", |at| indent_of(base.text, at.to_usize()));
        let text = new.indented(new.range(stmt), indent);
        let lead = if gap.is_empty() { "" } else { indent };
        self.made.push((range, format!("{gap}{lead}{text}")));
        Ok(true)
    }

    /// Replaces the first assignment of the name.
    fn value(&mut self, name: &str, text: &str) -> bool {
        let base = self.base;
        let found = base.statements().find(|(_, _, kind)| *kind == Kind::Value(name));
        let Some((place, stmt, _)) = found else { return false };
        if self.replaced.insert(place) {
            self.made.push((base.range(stmt), text.to_owned()));
        }
        true
    }

    /// Inserts the additions: imports at the top, definitions before the code that runs (with
    /// `early`, before everything else), the rest at the end.
    fn add(&mut self, added: &Added, early: bool) {
        let base = self.base;
        if !added.imports.is_empty() {
            let (at, gap) = self.after_imports();
            let imports = added.imports.join("\n");
            let text = if gap { format!("\n{imports}") } else { format!("{imports}\n") };
            self.made.push((at..at, text));
        }
        if !added.definitions.is_empty() {
            let text = added.definitions.join("\n\n\n");
            match if early { self.before_all() } else { self.before_running() } {
                Some(at) => self.made.push((at..at, format!("{text}\n\n\n"))),
                None => self.at_end(&text),
            }
        }
        if !added.effects.is_empty() {
            self.at_end(&added.effects.join("\n"));
        }
        debug_assert!(self.made.iter().all(|(range, _)| range.end <= base.text.len()));
    }

    fn at_end(&mut self, text: &str) {
        let end = self.base.text.trim_end().len();
        self.made.push((end..end, format!("\n\n\n{text}")));
    }

    /// Where an import is inserted, and whether that is directly after a statement.
    fn after_imports(&self) -> (usize, bool) {
        let base = self.base;
        let head =
            base.statements().take_while(|(_, _, kind)| matches!(kind, Kind::Import | Kind::Text));
        match head.last() {
            Some((_, stmt, _)) => (base.range(stmt).end, true),
            None => {
                (base.body().first().map_or(base.text.len(), |stmt| stmt.start().to_usize()), false)
            }
        }
    }

    /// Offset of the first statement that is not an import.
    fn before_all(&self) -> Option<usize> {
        let base = self.base;
        let other =
            |(_, _, kind): &(usize, &Stmt, Kind<'_>)| !matches!(kind, Kind::Import | Kind::Text);
        let first = base.statements().find(other);
        first.map(|(_, stmt, _)| base.with_comments(stmt).start)
    }

    /// Where a definition is inserted: before the main guard, else before the code that runs after
    /// all definitions.
    fn before_running(&self) -> Option<usize> {
        let base = self.base;
        let last = base.definitions().last().map(|(_, place)| *place);
        let first = base.guard.or_else(|| {
            let effect = |(place, _, kind): &(usize, &Stmt, Kind<'_>)| {
                *kind == Kind::Effect && last.is_none_or(|last| *place > last)
            };
            base.statements().find(effect).map(|(place, _, _)| place)
        })?;
        Some(base.with_comments(&base.body()[first]).start)
    }

    /// Whether two changes overlap.
    fn overlap(&self) -> bool {
        let inside = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        let ranges = || self.made.iter().map(|(range, _)| range);
        ranges().enumerate().any(|(n, a)| ranges().skip(n + 1).any(|b| inside(a, b)))
    }

    fn finish(mut self) -> String {
        let mut text = self.base.text.to_owned();
        // Insertions at the same place keep their order.
        let mut changes: Vec<_> = self.made.drain(..).enumerate().collect();
        changes.sort_by_key(|(n, (range, _))| (range.start, range.end, *n));
        for (_, (range, new)) in changes.into_iter().rev() {
            text.replace_range(range, &new);
        }
        format!("{}\n", text.trim_end())
    }
}

/// The methods of a class.
fn methods(class: &StmtClassDef) -> impl Iterator<Item = &StmtFunctionDef> {
    class.body.iter().filter_map(Stmt::as_function_def_stmt)
}

fn method_of<'c>(class: &'c StmtClassDef, name: &str) -> Option<&'c StmtFunctionDef> {
    methods(class).filter(|method| method.name.as_str() == name).last()
}

/// The whitespace before an offset, if nothing else is on the line.
fn indent_of(text: &str, at: usize) -> &str {
    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let blanks = &text[line..at];
    if blanks.trim().is_empty() { blanks } else { "    " }
}

fn reindented(text: &str, was: &str, indent: &str) -> String {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |out, line| match line.strip_prefix(was) {
        Some(rest) => out + "\n" + indent + rest,
        None => out + "\n" + line,
    })
}

/// Whether a later definition of the same name exists.
fn later(script: &Script<'_>, place: usize, name: &str) -> bool {
    script.definitions().iter().any(|(known, later)| *later > place && *known == name)
}

/// Whether a statement already occurs in a text, at any indentation.
fn stands_in(text: &str, statement: &str) -> bool {
    if statement.contains('\n') {
        return text.contains(statement);
    }
    text.lines().any(|line| line.trim() == statement.trim())
}

/// The imports of a statement that a script lacks.
fn missing_imports(
    base: &Script<'_>,
    new: &Script<'_>,
    stmt: &Stmt,
) -> Result<Vec<String>, String> {
    if matches!(stmt, Stmt::Try(_)) {
        let source = new.source(stmt).to_owned();
        return Ok(if stands_in(base.text, &source) { Vec::new() } else { vec![source] });
    }
    let known: Vec<(String, String)> = base.body().iter().flat_map(import_lines).collect();
    let mut missing = Vec::new();
    for (local, line) in import_lines(stmt) {
        if known.iter().any(|(_, other)| *other == line) {
            continue;
        }
        if local != "*" && known.iter().any(|(other, _)| *other == local) {
            return Err(format!(
                "The answer imports `{local}` otherwise than the script that it belongs to."
            ));
        }
        missing.push(line);
    }
    Ok(missing)
}
