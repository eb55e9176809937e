//! Which names belong to a script's top level, and where they are used: needed to merge pieces of
//! scripts.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Comprehension, ExceptHandler, Expr, Parameters, Pattern, Stmt};
use ruff_text_size::{Ranged, TextSize};

use super::tree::top;

/// A use of a name that no enclosing function binds, so that it belongs to the top level or to
/// Python.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) name: String,
    /// Start offset.
    pub(super) start: TextSize,
    /// Attributes accessed on it, each with its end offset: `path`, `join` in `os.path.join`.
    pub(super) attributes: Vec<(String, TextSize)>,
    /// The name, or its last attribute, is assigned.
    pub(super) stored: bool,
    /// Indices in [`Names::scopes`] of the enclosing functions.
    scopes: Vec<usize>,
}

/// The names of a script.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// All uses of top-level names, in order.
    pub(super) uses: Vec<Used>,
    /// The names that the top level binds, with the indices of the binding statements.
    pub(super) bound: BTreeMap<String, BTreeSet<usize>>,
    /// The names that each function binds.
    scopes: Vec<HashSet<String>>,
}

impl Names {
    /// Analyses the statements of a script. Imports do not count as binding the names in
    /// `transparent`.
    pub(super) fn of(body: &[Stmt], transparent: &HashSet<String>) -> Self {
        let mut reader = Reader { names: Self::default(), around: Vec::new(), transparent };
        for (place, stmt) in body.iter().enumerate() {
            let begin = reader.names.uses.len();
            reader.visit_stmt(stmt);
            let mut binder = Binder::new(transparent);
            binder.visit_stmt(stmt);
            let stored = reader.names.uses[begin..].iter();
            let stored = stored.filter(|used| used.stored && used.attributes.is_empty());
            let stored: Vec<String> = stored.map(|used| used.name.clone()).collect();
            for name in binder.bound.into_iter().chain(stored) {
                reader.names.bound.entry(name).or_default().insert(place);
            }
        }
        reader.names
    }

    /// The names that are used but not bound by the script.
    pub(super) fn free(&self) -> BTreeSet<&str> {
        let loaded = self.uses.iter().filter(|used| !used.stored || !used.attributes.is_empty());
        loaded
            .map(|used| used.name.as_str())
            .filter(|name| !self.bound.contains_key(*name))
            .collect()
    }

    /// Whether an enclosing function binds the name.
    pub(super) fn is_shadowed(&self, used: &Used, name: &str) -> bool {
        used.scopes.iter().any(|scope| self.scopes[*scope].contains(name))
    }
}

/// The names that one function, or the top level, binds, without nested functions.
struct Binder<'t> {
    bound: HashSet<String>,
    /// Names declared `global` or `nonlocal`.
    declared: HashSet<String>,
    transparent: &'t HashSet<String>,
}

impl<'t> Binder<'t> {
    fn new(transparent: &'t HashSet<String>) -> Self {
        Self { bound: HashSet::new(), declared: HashSet::new(), transparent }
    }

    fn bind(&mut self, name: &str) {
        self.bound.insert(name.to_owned());
    }

    fn import(&mut self, name: &str) {
        if name != "*" && !self.transparent.contains(name) {
            self.bind(name);
        }
    }
}

impl<'a> Visitor<'a> for Binder<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => self.bind(&function.name),
            Stmt::ClassDef(class) => self.bind(&class.name),
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().map_or(top(&alias.name), |name| name);
                    self.import(name);
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    self.import(alias.asname.as_ref().unwrap_or(&alias.name));
                }
            }
            Stmt::Global(global) => {
                self.declared.extend(global.names.iter().map(ToString::to_string));
            }
            Stmt::Nonlocal(outer) => {
                self.declared.extend(outer.names.iter().map(ToString::to_string));
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if !name.ctx.is_load() => self.bind(&name.id),
            Expr::Lambda(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
            | Expr::Generator(_) => {}
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(caught) = handler;
        if let Some(name) = &caught.name {
            self.bind(name);
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(pattern) => pattern.name.as_ref(),
            Pattern::MatchStar(pattern) => pattern.name.as_ref(),
            Pattern::MatchMapping(pattern) => pattern.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name);
        }
        visitor::walk_pattern(self, pattern);
    }
}

/// An enclosing function, class, lambda or comprehension.
struct Around {
    scope: usize,
    /// A class: its methods do not see its names.
    class: bool,
    /// Names declared `global` or `nonlocal`.
    declared: HashSet<String>,
}

struct Reader<'t> {
    names: Names,
    around: Vec<Around>,
    transparent: &'t HashSet<String>,
}

impl Reader<'_> {
    fn enter(&mut self, bound: &HashSet<String>, declared: HashSet<String>, class: bool) {
        let scope = self.names.scopes.len();
        self.names.scopes.push(bound.difference(&declared).cloned().collect());
        self.around.push(Around { scope, class, declared });
    }

    fn enter_body(&mut self, body: &[Stmt], parameters: HashSet<String>, class: bool) {
        let mut binder = Binder::new(self.transparent);
        binder.bound = parameters;
        for stmt in body {
            binder.visit_stmt(stmt);
        }
        self.enter(&binder.bound, binder.declared, class);
    }

    fn is_of_top(&self, name: &str) -> bool {
        for (depth, around) in self.around.iter().rev().enumerate() {
            if around.declared.contains(name) {
                // A nonlocal name is bound in an enclosing function, which comes next.
                continue;
            }
            if around.class && depth > 0 {
                continue;
            }
            if self.names.scopes[around.scope].contains(name) {
                return false;
            }
        }
        true
    }

    fn note(&mut self, expr: &Expr) -> bool {
        let mut attributes = Vec::new();
        let stored = match expr {
            Expr::Attribute(attribute) => !attribute.ctx.is_load(),
            Expr::Name(name) => !name.ctx.is_load(),
            _ => false,
        };
        let mut inner = expr;
        while let Expr::Attribute(attribute) = inner {
            attributes.push((attribute.attr.to_string(), attribute.end()));
            inner = &attribute.value;
        }
        let Expr::Name(name) = inner else { return false };
        if self.is_of_top(&name.id) {
            attributes.reverse();
            let functions = self.around.iter().filter(|around| !around.class);
            self.names.uses.push(Used {
                name: name.id.to_string(),
                start: name.start(),
                attributes,
                stored,
                scopes: functions.map(|around| around.scope).collect(),
            });
        }
        true
    }

    fn comprehension<'a>(&mut self, expr: &'a Expr, generators: &'a [Comprehension]) {
        let mut binder = Binder::new(self.transparent);
        for generator in generators {
            binder.visit_expr(&generator.target);
        }
        self.enter(&binder.bound, HashSet::new(), false);
        visitor::walk_expr(self, expr);
        self.around.pop();
    }
}

fn names_of(parameters: &Parameters) -> HashSet<String> {
    parameters.iter().map(|parameter| parameter.name().to_string()).collect()
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => {
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.visit_parameters(&function.parameters);
                if let Some(returns) = &function.returns {
                    self.visit_annotation(returns);
                }
                self.enter_body(&function.body, names_of(&function.parameters), false);
                self.visit_body(&function.body);
                self.around.pop();
            }
            Stmt::ClassDef(class) => {
                for decorator in &class.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
                self.enter_body(&class.body, HashSet::new(), true);
                self.visit_body(&class.body);
                self.around.pop();
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(lambda) => {
                let mut bound = HashSet::new();
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                    bound = names_of(parameters);
                }
                self.enter(&bound, HashSet::new(), false);
                self.visit_expr(&lambda.body);
                self.around.pop();
            }
            Expr::ListComp(inner) => self.comprehension(expr, &inner.generators),
            Expr::SetComp(inner) => self.comprehension(expr, &inner.generators),
            Expr::DictComp(inner) => self.comprehension(expr, &inner.generators),
            Expr::Generator(inner) => self.comprehension(expr, &inner.generators),
            Expr::Name(_) | Expr::Attribute(_) => {
                if !self.note(expr) {
                    visitor::walk_expr(self, expr);
                }
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;
    use ruff_python_parser::parse_module;

    #[test]
    fn a_name_of_a_function_is_not_taken_for_one_of_the_script() {
        for (script, free) in [
            ("def f(x):\n    return x + y\n", vec!["y"]),
            ("def f():\n    y = 1\n    return y\n", vec![]),
            ("def f():\n    global y\n    y = 1\ny\n", vec![]),
            ("def f():\n    def g():\n        nonlocal z\n        z = 1\n    z = 0\n", vec![]),
            ("a = [i for i in range(3) if i > k]\n", vec!["k", "range"]),
            ("f = lambda a, b=c: a + b + d\n", vec!["c", "d"]),
            (
                "class A(B):\n    n = 1\n    m = n\n    def f(self):\n        return n\n",
                vec!["B", "n"],
            ),
            ("import os.path as p, a.b\np.join(a.b, c.d)\n", vec!["c"]),
            ("try:\n    pass\nexcept ValueError as e:\n    e\n", vec!["ValueError"]),
            ("match x:\n    case [a, *b]:\n        a, b\n    case {**c}:\n        c\n", vec!["x"]),
            ("with o() as f, p() as (g, h):\n    f, g, h\n", vec!["o", "p"]),
            ("if (n := m) > 1:\n    n\n", vec!["m"]),
            ("@d\ndef f(a: t = u) -> v: ...\n", vec!["d", "t", "u", "v"]),
        ] {
            let parsed = parse_module(script).unwrap();
            let names = Names::of(parsed.suite(), &HashSet::new());
            assert_eq!(names.free().into_iter().collect::<Vec<_>>(), free, "{script}");
        }
    }
}
