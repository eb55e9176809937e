//! Renames attributes that hide a method of the same name, so that it can't be called: small models
//! write `self.balance = 0` beside `def balance(self)`.

use std::collections::HashSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Stmt, StmtClassDef};
use ruff_python_parser::parse_module;
use ruff_text_size::{Ranged, TextRange};

use super::check;
use super::depth::with_room;

/// Renames such attributes, and returns the script and their old names. The script is unchanged if
/// there are none.
#[must_use]
pub fn without_hidden_methods(script: &str) -> (String, Vec<String>) {
    let found = with_room(|| places(script)).flatten().unwrap_or_default();
    let mut names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    let mut mended = script.to_owned();
    for (name, range) in found.iter().rev() {
        mended.replace_range(std::ops::Range::<usize>::from(*range), &format!("_{name}"));
    }
    if names.is_empty() || check::syntax(&mended).is_err() {
        return (script.to_owned(), Vec::new());
    }
    (mended, names)
}

/// The positions of the attributes to rename, in order.
fn places(script: &str) -> Option<Vec<(String, TextRange)>> {
    let parsed = parse_module(script).ok()?;
    let mut found = Vec::new();
    for class in parsed.suite().iter().filter_map(Stmt::as_class_def_stmt) {
        found.extend(of_class(class));
    }
    found.sort_by_key(|(_, range)| range.start());
    Some(found)
}

fn of_class(class: &StmtClassDef) -> Vec<(String, TextRange)> {
    let functions = class.body.iter().filter_map(Stmt::as_function_def_stmt);
    // A decorated method may be a property, which can be assigned like an attribute.
    let plain = functions.filter(|function| function.decorator_list.is_empty());
    let methods: HashSet<&str> = plain.map(|function| function.name.as_str()).collect();
    let mut uses = Uses::default();
    uses.visit_body(&class.body);
    let taken: HashSet<&str> = uses.found.iter().map(|used| used.name).collect();
    let hides = |name: &str| {
        let set = uses.found.iter().any(|used| used.name == name && used.is_set);
        set && methods.contains(name) && !taken.contains(format!("_{name}").as_str())
    };
    let renamed = uses.found.iter().filter(|used| hides(used.name) && !used.is_called);
    renamed.map(|used| (used.name.to_owned(), used.range)).collect()
}

/// A use of an attribute of `self`.
struct Used<'a> {
    name: &'a str,
    range: TextRange,
    is_set: bool,
    is_called: bool,
}

#[derive(Default)]
struct Uses<'a> {
    found: Vec<Used<'a>>,
    /// The attribute that the enclosing call calls.
    called: Option<TextRange>,
}

impl<'a> Visitor<'a> for Uses<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && let Expr::Attribute(attribute) = call.func.as_ref()
        {
            self.called = Some(attribute.attr.range());
        }
        if let Expr::Attribute(attribute) = expr
            && attribute.value.as_name_expr().is_some_and(|name| name.id.as_str() == "self")
        {
            let range = attribute.attr.range();
            self.found.push(Used {
                name: attribute.attr.as_str(),
                range,
                is_set: attribute.ctx.is_store(),
                is_called: self.called == Some(range),
            });
        }
        visitor::walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_that_hides_a_method_is_renamed_and_nothing_else() {
        let class = |init: &str, method: &str| {
            format!("class A:\n    def __init__(self):\n        {init}\n\n    {method}\n")
        };
        for (before, after) in [
            (
                class("self.sum = 0", "def sum(self):\n        return self.sum"),
                class("self._sum = 0", "def sum(self):\n        return self._sum"),
            ),
            (
                class(
                    "self.sum = 0\n        self.sum += 1",
                    "def sum(self):\n        return self.sum()",
                ),
                class(
                    "self._sum = 0\n        self._sum += 1",
                    "def sum(self):\n        return self.sum()",
                ),
            ),
        ] {
            assert_eq!(without_hidden_methods(&before), (after, vec!["sum".to_owned()]));
        }
        for other in [
            class("self.total = 0", "def sum(self):\n        return self.total"),
            class("self.sum = 0", "@property\n    def sum(self):\n        return 1"),
            class("self.sum = 0; self._sum = 1", "def sum(self):\n        return self._sum"),
            "x = 1\n".to_owned(),
        ] {
            assert_eq!(without_hidden_methods(&other), (other.clone(), Vec::new()));
        }
    }
}
