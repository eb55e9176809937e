//! What a file defines, imports and asserts: used to recognise tests and to find definitions that a
//! new version dropped.

use std::collections::{BTreeSet, HashSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use ruff_python_parser::parse_module;
use ruff_text_size::Ranged;

use super::check::{self, SyntaxProblem};
use super::depth::with_room;
use super::distributions::is_standard;
use super::tree::{Tree, top};

/// The names of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Functions and classes at the top level, in order.
    pub definitions: Vec<String>,
    /// Imported top-level modules outside the standard library.
    pub modules: BTreeSet<String>,
    /// The file contains assertions.
    pub asserts: bool,
    /// All names that are bound anywhere in the file.
    bound: HashSet<String>,
    /// Nesting depth of the visitor in functions and classes.
    depth: usize,
}

/// The outline of a file with valid syntax.
///
/// # Errors
/// The first syntax error.
pub fn of(script: &str) -> Result<Outline, SyntaxProblem> {
    check::syntax(script)?;
    Ok(with_room(|| read(script)).flatten().unwrap_or_default())
}

/// The outline of a file; `None` if it does not parse.
fn read(script: &str) -> Option<Outline> {
    let parsed = parse_module(script).ok()?;
    let mut outline = Outline::default();
    outline.visit_body(parsed.suite());
    Some(outline)
}

/// Whether a script only defines what others import: functions with parameters that print nothing,
/// or classes.
#[must_use]
pub fn is_library(script: &str) -> bool {
    let defines_only = |suite: &[Stmt]| {
        suite.iter().all(|stmt| match stmt {
            Stmt::FunctionDef(function) => !function.parameters.is_empty(),
            Stmt::Expr(text) => text.value.is_string_literal_expr(),
            Stmt::ClassDef(_)
            | Stmt::Import(_)
            | Stmt::ImportFrom(_)
            | Stmt::Assign(_)
            | Stmt::AnnAssign(_)
            | Stmt::TypeAlias(_) => true,
            _ => false,
        })
    };
    let read = with_room(|| {
        let parsed = parse_module(script).ok()?;
        let uses = Tree::of(parsed.syntax(), script, false).uses;
        let prints =
            uses.iter().any(|used| matches!(used.name.as_str(), "print" | "builtins.print"));
        Some(defines_only(parsed.suite()) && !prints)
    });
    read.flatten().unwrap_or_default()
        && of(script).is_ok_and(|outline| !outline.definitions.is_empty())
}

/// The names of a module that a file uses, in order.
#[must_use]
pub fn used_of(script: &str, module: &str) -> Vec<String> {
    let read = with_room(|| {
        let parsed = parse_module(script).ok()?;
        Some(Tree::of(parsed.syntax(), script, false))
    });
    let uses = read.flatten().unwrap_or_default().uses;
    let mut names: Vec<String> = Vec::new();
    for used in uses {
        let Some(rest) = used.name.strip_prefix(module).and_then(|n| n.strip_prefix('.')) else {
            continue;
        };
        let name = rest.split(['.', '(']).next().unwrap_or_default();
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The top-level functions and classes of a script that its successor no longer binds. Both scripts
/// were checked.
#[must_use]
pub fn removed(before: &str, after: &str) -> Vec<String> {
    // Both were checked when they became versions.
    let outlines = with_room(|| read(before).zip(read(after)));
    let Some((before, after)) = outlines.flatten() else { return Vec::new() };
    let mut gone = before.definitions;
    gone.retain(|name| !after.bound.contains(name));
    gone.dedup();
    gone
}

/// The functions among `names` at the top level of a script that have parameters and use none:
/// their result can be right for one input only. Functions with a parameter starting with `_` are
/// exempt.
#[must_use]
pub fn ignores_parameters(script: &str, names: &[String]) -> Vec<String> {
    let read = with_room(|| {
        let parsed = parse_module(script).ok()?;
        let functions = parsed.suite().iter().filter_map(Stmt::as_function_def_stmt);
        let called = functions.filter(|function| names.iter().any(|n| *n == *function.name));
        let ignores_parameters = called.filter(|function| Given::is_unused(function));
        Some(ignores_parameters.map(|function| function.name.to_string()).collect())
    });
    read.flatten().unwrap_or_default()
}

/// Parameters of a function, and whether its body uses one.
struct Given<'a> {
    names: HashSet<&'a str>,
    used: bool,
}

impl<'a> Given<'a> {
    fn is_unused(function: &'a StmtFunctionDef) -> bool {
        let names: HashSet<&str> =
            function.parameters.iter().map(|parameter| parameter.name().as_str()).collect();
        if names.is_empty() || names.iter().any(|name| name.starts_with('_')) {
            return false;
        }
        let mut given = Self { names, used: false };
        given.visit_body(&function.body);
        !given.used
    }
}

impl<'a> Visitor<'a> for Given<'_> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr {
            let whole = matches!(name.id.as_str(), "locals" | "vars" | "eval" | "exec");
            self.used |= whole || self.names.contains(name.id.as_str()) && !name.ctx.is_store();
        }
        visitor::walk_expr(self, expr);
    }

    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::AugAssign(assign) = stmt
            && let Expr::Name(name) = assign.target.as_ref()
        {
            self.used |= self.names.contains(name.id.as_str());
        }
        visitor::walk_stmt(self, stmt);
    }
}

/// For a script that ends in a function without a body (apart from a docstring, `...` or `pass`):
/// the text up to the point where the body continues, with one space less than the indentation,
/// since in most tokenizers that space belongs to the first word. `None` for any other text.
#[must_use]
pub fn unfinished(script: &str) -> Option<String> {
    check::syntax(script).ok()?;
    with_room(|| begun(script)).flatten()
}

fn begun(script: &str) -> Option<String> {
    let parsed = parse_module(script).ok()?;
    let (Stmt::FunctionDef(function), others) = parsed.suite().split_last()? else { return None };
    let empty = |stmt: &Stmt| matches!(stmt, Stmt::FunctionDef(other) if is_empty(&other.body));
    let has_empty = |stmt: &Stmt| match stmt {
        Stmt::ClassDef(class) => class.body.iter().any(empty),
        other => empty(other),
    };
    // A completion of the last function would leave the other empty ones unfinished.
    if !is_empty(&function.body) || others.iter().any(has_empty) {
        return None;
    }
    let first = function.body.first()?;
    let start = first.range().start().to_usize();
    let line = script[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = script[line..start].len().checked_sub(1)?;
    if !script[line..start].bytes().all(|byte| byte == b' ') {
        return None;
    }
    let end = if is_text(first) { first.range().end().to_usize() } else { line };
    let mut before = script[..end].trim_end();
    // Placeholder comments such as "Your code here" are removed.
    while let Some((rest, last)) = before.rsplit_once('\n')
        && !is_text(first)
        && last.trim_start().starts_with('#')
    {
        before = rest.trim_end();
    }
    Some(format!("{before}\n{}", " ".repeat(indent)))
}

/// Whether a body has no statements apart from a docstring, `...` or `pass`.
fn is_empty(body: &[Stmt]) -> bool {
    let is_filler = |stmt: &Stmt| match stmt {
        Stmt::Pass(_) => true,
        Stmt::Expr(expr) => expr.value.is_ellipsis_literal_expr(),
        _ => false,
    };
    let rest = body.get(usize::from(body.first().is_some_and(is_text))..).unwrap_or_default();
    rest.iter().all(is_filler)
}

/// Whether a statement is only a string, such as a docstring.
pub(super) fn is_text(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Expr(expr) if expr.value.is_string_literal_expr())
}

impl Outline {
    fn define(&mut self, name: &str) {
        self.bound.insert(name.to_owned());
        if self.depth == 0 {
            self.definitions.push(name.to_owned());
        }
    }

    fn import(&mut self, module: &str) {
        let module = top(module);
        if !is_standard(module) {
            self.modules.insert(module.to_owned());
        }
    }
}

impl<'a> Visitor<'a> for Outline {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let nested = match stmt {
            Stmt::FunctionDef(function) => {
                self.define(&function.name);
                true
            }
            Stmt::ClassDef(class) => {
                self.define(&class.name);
                true
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.import(&alias.name);
                    let local = alias.asname.as_ref().map_or(top(&alias.name), |name| name);
                    self.bound.insert(local.to_owned());
                }
                false
            }
            Stmt::ImportFrom(import) => {
                if let Some(module) = import.module.as_ref().filter(|_| import.level == 0) {
                    self.import(module);
                }
                let locals = import.names.iter().map(|a| a.asname.as_ref().unwrap_or(&a.name));
                self.bound.extend(locals.map(ToString::to_string));
                false
            }
            Stmt::Assert(_) => {
                self.asserts = true;
                false
            }
            _ => false,
        };
        self.depth += usize::from(nested);
        visitor::walk_stmt(self, stmt);
        self.depth -= usize::from(nested);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr
            && name.ctx.is_store()
        {
            self.bound.insert(name.id.to_string());
        }
        visitor::walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;

    #[test]
    fn what_only_defines_for_others_is_a_library() {
        for (script, expected) in [
            ("def half(x):\n    return x / 2", true),
            ("\"\"\"Halves.\"\"\"\nimport math\nN = 2\ndef half(x):\n    return x / N", true),
            ("class A:\n    pass", true),
            ("def main():\n    print(1)", false),
            ("def main():\n    return 1", false),
            ("def show(x):\n    print(x)", false),
            ("def half(x):\n    return x / 2\nhalf(3)", false),
            ("if __name__ == '__main__':\n    pass", false),
            ("x = 1", false),
            ("", false),
        ] {
            assert_eq!(is_library(script), expected, "{script}");
        }
    }

    #[test]
    fn what_a_file_defines_imports_and_asserts_is_seen() {
        let outline = of("import os, a.b as c\nfrom d import e\nfrom . import f\n\
            def one():\n    def two(): assert 1\n\
            class Three:\n    def four(self): pass\n\
            if os:\n    async def five(): pass\n")
        .unwrap();
        assert_eq!(outline.definitions, ["one", "Three", "five"]);
        assert_eq!(outline.modules.iter().collect::<Vec<_>>(), ["a", "d"]);
        assert!(outline.asserts && !of("print(1)").unwrap().asserts);
        assert_eq!(of("a = 1\ndef f(:\n").unwrap_err().line, 2);
    }

    #[test]
    fn a_function_that_is_to_be_completed_is_not_seen_or_one_that_is_done_is() {
        let documented =
            "import math\n\n\ndef f(x):\n    \"\"\"Half of x.\n    >>> f(2)\n    1\n    \"\"\"";
        for (script, begun) in [
            (documented, Some(format!("{documented}\n   "))),
            (&format!("{documented}\n    pass\n"), Some(format!("{documented}\n   "))),
            ("def f(x):\n  ...\n", Some("def f(x):\n ".to_owned())),
            (
                "def f(x) -> int:\n\n    # halves it\n    pass",
                Some("def f(x) -> int:\n   ".to_owned()),
            ),
            (
                "def f(x):  # halves\n    # your code here\n    # or there\n    ...",
                Some("def f(x):  # halves\n   ".to_owned()),
            ),
            (
                "class E(Exception):\n    pass\n\ndef f(x):\n    pass",
                Some("class E(Exception):\n    pass\n\ndef f(x):\n   ".to_owned()),
            ),
            ("def f(x):\n    \"\"\"One.\"\"\"\n\ndef g(x):\n    \"\"\"Two.\"\"\"", None),
            ("class A:\n    def f(x):\n        pass\n\ndef g(x):\n    pass", None),
            (&format!("{documented}\n    return x / 2\n"), None),
            (&format!("{documented}\n\n\nprint(f(2))"), None),
            ("def f(x): ...", None),
            ("def f(x):\n\tpass", None),
            ("class A:\n    pass", None),
            ("def f(x):\n", None),
            ("", None),
        ] {
            assert_eq!(unfinished(script), begun, "{script}");
        }
    }

    #[test]
    fn what_is_used_of_a_module_is_told_however_it_is_imported() {
        for (text, used) in [
            ("from script import add\ndef test(): assert add(1)", vec!["add"]),
            ("from script import add as plus\nassert plus(1)", vec!["add"]),
            ("import script as s\nassert s.Clock().tick() == s.ZERO", vec!["Clock", "ZERO"]),
            ("import script\nassert script.add(script.add(1)) and scripted.other", vec!["add"]),
            ("assert script.add", vec!["add"]),
            ("def f(:", vec![]),
        ] {
            assert_eq!(used_of(text, "script"), used, "{text}");
        }
    }

    #[test]
    fn a_function_that_answers_without_looking_at_the_question_is_not_told_from_others() {
        for (script, ignores_parameters) in [
            ("def f(x):\n    return 0.5", true),
            ("def f(x: float) -> float:\n    \"\"\"Half of x.\"\"\"\n    return 0.5", true),
            ("def f(*x, y=1):\n    x = [1]\n    z = 2\n    return z", true),
            ("def f(x):\n    pass", true),
            ("def f(x):\n    return x", false),
            ("def f(a, x):\n    return [1 for a in range(3)] + x", false),
            ("def f(x):\n    def g():\n        return x\n    return g", false),
            ("def f(x):\n    x += 1", false),
            ("def f(x):\n    del x", false),
            ("def f(**x):\n    return f\"{x}\"", false),
            ("def f(x):\n    return locals()", false),
            ("def f(_x):\n    return 1", false),
            ("def f():\n    return 1", false),
            // Nobody calls it, or it is not a function of the script.
            ("def g(x):\n    return 1", false),
            ("class A:\n    def f(self):\n        return 1", false),
            ("from m import f", false),
            ("def f(:", false),
        ] {
            let names = ["f".to_owned()];
            let expected: &[&str] = if ignores_parameters { &["f"] } else { &[] };
            assert_eq!(super::ignores_parameters(script, &names), expected, "{script}");
        }
    }

    #[test]
    fn only_what_is_gone_in_every_form_has_vanished() {
        let before = "def parse(): pass\nclass Clock: pass\ndef main(): pass\n";
        for (after, gone) in [
            (before, vec![]),
            ("def main(): pass\n", vec!["parse", "Clock"]),
            ("class Clock:\n    def parse(self): pass\ndef main(): pass\n", vec![]),
            ("from x import Clock, y as parse\nmain = print\n", vec![]),
            ("parse = Clock = 1\nmain()\n", vec!["main"]),
            ("def (:", vec![]),
        ] {
            assert_eq!(removed(before, after), gone, "{after}");
        }
    }
}
