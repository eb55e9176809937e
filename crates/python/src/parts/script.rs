//! A script as a list of statements, each with its kind.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Alias, Expr, ModModule, Stmt, StmtImportFrom};
use ruff_python_parser::{Parsed, parse_module};
use ruff_text_size::Ranged;

use super::super::outline::is_text;
use super::super::scope::Names;

/// The kind of a top-level statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A string by itself, such as a docstring.
    Text,
    /// An import.
    Import,
    /// A function or class definition.
    Definition(&'a str),
    /// An assignment to one name.
    Value(&'a str),
    /// A main guard, which runs when the script is started and not when it is imported.
    Guard,
    /// A statement with an effect.
    Effect,
    /// Anything else.
    Other,
}

/// A parsed script.
pub(super) struct Script<'a> {
    pub(super) text: &'a str,
    parsed: Parsed<ModModule>,
    pub(super) names: Names,
    /// Index of the main guard.
    pub(super) guard: Option<usize>,
    /// One for each statement.
    pub(super) kinds: Vec<Kind<'a>>,
}

impl<'a> Script<'a> {
    /// Parses a script; `None` if it does not parse.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let parsed = parse_module(text).ok()?;
        let names = Names::of(parsed.suite(), &HashSet::new());
        let kinds: Vec<Kind<'a>> = parsed.suite().iter().map(|stmt| kind(text, stmt)).collect();
        let guard = kinds.iter().rposition(|kind| *kind == Kind::Guard);
        Some(Self { text, parsed, names, guard, kinds })
    }

    pub(super) fn body(&self) -> &[Stmt] {
        self.parsed.suite()
    }

    /// Each statement with its index and kind.
    pub(super) fn statements(&self) -> impl Iterator<Item = (usize, &Stmt, Kind<'a>)> {
        self.body().iter().zip(&self.kinds).enumerate().map(|(n, (stmt, kind))| (n, stmt, *kind))
    }

    /// The top-level functions and classes with their indices.
    pub(super) fn definitions(&self) -> Vec<(&'a str, usize)> {
        let of = |(place, kind): (usize, &Kind<'a>)| match kind {
            Kind::Definition(name) => Some((*name, place)),
            _ => None,
        };
        self.kinds.iter().enumerate().filter_map(of).collect()
    }

    /// Whether it does anything when it is started.
    pub(super) fn runs(&self) -> bool {
        self.kinds.iter().any(|kind| matches!(kind, Kind::Guard | Kind::Effect))
    }

    /// The names that its main guard uses.
    pub(super) fn used_by_guard(&self) -> BTreeSet<&str> {
        let range = self.guard.map(|guard| self.body()[guard].range());
        let inside = |start| range.is_some_and(|range| range.contains(start));
        let uses = self.names.uses.iter().filter(|used| inside(used.start));
        uses.map(|used| used.name.as_str()).collect()
    }

    /// The names of all attributes that are used anywhere.
    pub(super) fn attributes(&self) -> HashSet<&str> {
        let mut attributes = Attributes::default();
        attributes.visit_body(self.body());
        attributes.names
    }

    /// Number of lines that are not empty.
    pub(super) fn lines(&self) -> usize {
        self.text.lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// Byte range of a statement, including a comment at the end of its last line.
    pub(super) fn range(&self, stmt: &Stmt) -> Range<usize> {
        let (start, end) = (stmt.start().to_usize(), stmt.end().to_usize());
        let rest = self.text[end..].split('\n').next().unwrap_or_default();
        let comment = rest.trim_start().starts_with('#');
        start..if comment { end + rest.trim_end().len() } else { end }
    }

    /// Source text of a statement.
    pub(super) fn source(&self, stmt: &Stmt) -> &'a str {
        &self.text[self.range(stmt)]
    }

    /// The same range, extended by the comments directly above it.
    pub(super) fn with_comments(&self, stmt: &Stmt) -> Range<usize> {
        let Range { mut start, end } = self.range(stmt);
        while let Some(before) = self.text[..start].strip_suffix('\n') {
            let line = before.rfind('\n').map_or(0, |at| at + 1);
            if !before[line..].starts_with('#') {
                break;
            }
            start = line;
        }
        start..end
    }

    /// A piece of the script with every line but the first indented, except lines inside strings.
    pub(super) fn indented(&self, range: Range<usize>, indent: &str) -> String {
        let text_kinds = [TokenKind::String, TokenKind::FStringMiddle, TokenKind::TStringMiddle];
        let texts: Vec<Range<usize>> = self
            .parsed
            .tokens()
            .iter()
            .filter(|token| text_kinds.contains(&token.kind()))
            .map(|token| token.start().to_usize()..token.end().to_usize())
            .filter(|text| range.contains(&text.start))
            .collect();
        let mut out = String::new();
        let mut at = range.start;
        for line in self.text[range.clone()].split_inclusive('\n') {
            let in_text = texts.iter().any(|text| text.start < at && at < text.end);
            if at > range.start && !in_text && !line.trim().is_empty() {
                out.push_str(indent);
            }
            out.push_str(line);
            at += line.len();
        }
        out
    }
}

#[derive(Default)]
struct Attributes<'s> {
    names: HashSet<&'s str>,
}

impl<'s> Visitor<'s> for Attributes<'s> {
    fn visit_expr(&mut self, expr: &'s Expr) {
        if let Expr::Attribute(attribute) = expr {
            self.names.insert(attribute.attr.as_str());
        }
        visitor::walk_expr(self, expr);
    }
}

/// Classifies a statement.
pub(crate) fn kind<'a>(text: &'a str, stmt: &Stmt) -> Kind<'a> {
    // The names borrow from the text, so they live as long as it does.
    let named =
        |range: ruff_text_size::TextRange| &text[range.start().to_usize()..range.end().to_usize()];
    match stmt {
        Stmt::FunctionDef(function) => Kind::Definition(named(function.name.range())),
        Stmt::ClassDef(class) => Kind::Definition(named(class.name.range())),
        Stmt::Import(_) | Stmt::ImportFrom(_) => Kind::Import,
        Stmt::Try(tried) if tried.body.iter().all(is_import) => Kind::Import,
        Stmt::Assign(assign) => match assign.targets.as_slice() {
            [Expr::Name(name)] => Kind::Value(named(name.range())),
            _ => Kind::Other,
        },
        Stmt::AnnAssign(assign) => match assign.target.as_ref() {
            Expr::Name(name) if assign.value.is_some() => Kind::Value(named(name.range())),
            _ => Kind::Other,
        },
        Stmt::If(branch) if is_guard(&branch.test) => Kind::Guard,
        _ if is_text(stmt) => Kind::Text,
        Stmt::Expr(_)
        | Stmt::For(_)
        | Stmt::While(_)
        | Stmt::If(_)
        | Stmt::With(_)
        | Stmt::Match(_)
        | Stmt::Raise(_)
        | Stmt::Try(_) => Kind::Effect,
        _ => Kind::Other,
    }
}

fn is_import(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_))
}

/// Whether a condition compares `__name__`.
fn is_guard(test: &Expr) -> bool {
    let Expr::Compare(compare) = test else { return false };
    let sides = std::iter::once(compare.left.as_ref()).chain(compare.comparators.iter());
    let mut names = sides.filter_map(Expr::as_name_expr);
    names.any(|name| name.id.as_str() == "__name__")
}

/// The bindings of an import statement, each as a line of its own: `("m", "import a.m as m")`.
/// Without imports from `__future__`, which must stand first and change little.
pub(crate) fn import_lines(stmt: &Stmt) -> Vec<(String, String)> {
    let shown = |alias: &Alias| match &alias.asname {
        Some(name) => format!("{} as {name}", alias.name),
        None => alias.name.to_string(),
    };
    match stmt {
        Stmt::Import(import) => {
            let line = |alias: &Alias| {
                let local = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                (local, format!("import {}", shown(alias)))
            };
            import.names.iter().map(line).collect()
        }
        Stmt::ImportFrom(import) if is_future(import) => Vec::new(),
        Stmt::ImportFrom(import) => {
            let module = import.module.as_ref().map_or("", |module| module.as_str());
            let dots = ".".repeat(import.level as usize);
            let line = |alias: &Alias| {
                let local = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                (local, format!("from {dots}{module} import {}", shown(alias)))
            };
            import.names.iter().map(line).collect()
        }
        _ => Vec::new(),
    }
}

fn is_future(import: &StmtImportFrom) -> bool {
    import.module.as_ref().is_some_and(|module| module.as_str() == "__future__")
}
