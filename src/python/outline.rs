//! What a file defines, imports and asserts: told tests by, and what a new version lost.

use std::collections::{BTreeSet, HashSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Stmt};
use ruff_python_parser::parse_module;

use super::check::{self, SyntaxProblem};
use super::depth::with_room;
use super::imports::is_standard;
use super::tree::top;

/// The names of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The functions and classes at its top level, in order.
    pub definitions: Vec<String>,
    /// The top-level modules that it imports from outside the standard library.
    pub modules: BTreeSet<String>,
    /// It asserts something.
    pub asserts: bool,
    /// All names that it gives a meaning anywhere.
    bound: HashSet<String>,
    /// How deep in functions and classes the reader is.
    depth: usize,
}

/// The names of a file that Python takes.
///
/// # Errors
/// The first problem in it, where Python does not.
pub fn of(script: &str) -> Result<Outline, SyntaxProblem> {
    check::syntax(script)?;
    let read = with_room(|| {
        let mut outline = Outline::default();
        if let Ok(parsed) = parse_module(script) {
            outline.visit_body(parsed.suite());
        }
        outline
    });
    Ok(read.unwrap_or_default())
}

/// The functions and classes at the top level of a script that the one written from it has in no
/// form any more.
#[must_use]
pub fn vanished(before: &str, after: &str) -> Vec<String> {
    let (Ok(before), Ok(after)) = (of(before), of(after)) else { return Vec::new() };
    let mut gone = before.definitions;
    gone.retain(|name| !after.bound.contains(name));
    gone.dedup();
    gone
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
            assert_eq!(vanished(before, after), gone, "{after}");
        }
    }
}
