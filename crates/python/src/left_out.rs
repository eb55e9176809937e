//! Detects code that a new version omits because the previous version has it: a function body
//! replaced by a placeholder, or everything but the changed functions.

use std::collections::BTreeMap;

use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use ruff_python_parser::parse_module;
use ruff_text_size::Ranged;

use super::depth::with_room;
use super::outline;

/// Describes, as a message to the model, what a version omits of the previous one; `None` if it is
/// complete.
#[must_use]
pub fn of(before: &str, after: &str) -> Option<String> {
    let read = |script: &'_ str| with_room(|| Shape::of(script)).flatten();
    let (old, new) = (read(before)?, read(after)?);
    let had_code = |name: &&String| old.functions.get(*name) == Some(&true);
    let emptied = new.functions.iter().filter(|(_, code)| !**code).map(|(name, _)| name);
    if let Some(name) = emptied.into_iter().find(had_code) {
        return Some(format!("`{name}` has no code any more"));
    }
    let gone = outline::removed(before, after);
    let name = gone.first().filter(|_| old.runs && !new.runs)?;
    Some(format!("nothing in it runs, and `{name}` is not in it any more"))
}

/// Structure of a script.
#[derive(Default)]
struct Shape {
    /// Its functions and methods, and whether each has code.
    functions: BTreeMap<String, bool>,
    /// Some statement runs when the script is started.
    runs: bool,
}

impl Shape {
    fn of(script: &str) -> Option<Self> {
        let parsed = parse_module(script).ok()?;
        let mut shape = Self::default();
        for statement in parsed.suite() {
            shape.runs |= runs(statement);
            match statement {
                Stmt::FunctionDef(function) => shape.add("", function, script),
                Stmt::ClassDef(class) => {
                    for method in class.body.iter().filter_map(Stmt::as_function_def_stmt) {
                        shape.add(&format!("{}.", class.name), method, script);
                    }
                }
                _ => {}
            }
        }
        Some(shape)
    }

    fn add(&mut self, class: &str, function: &StmtFunctionDef, script: &str) {
        // A decorated one may be abstract.
        let code = has_code(function, script) || !function.decorator_list.is_empty();
        let known = self.functions.entry(format!("{class}{}", function.name)).or_default();
        *known |= code;
    }
}

/// Whether a statement has an effect when the script is started.
fn runs(statement: &Stmt) -> bool {
    match statement {
        Stmt::FunctionDef(_)
        | Stmt::ClassDef(_)
        | Stmt::Import(_)
        | Stmt::ImportFrom(_)
        | Stmt::Assign(_)
        | Stmt::AnnAssign(_)
        | Stmt::TypeAlias(_)
        | Stmt::Pass(_) => false,
        Stmt::Expr(expression) => !is_mark(&expression.value),
        _ => true,
    }
}

/// Whether a function is more than `...`, a string, or `pass` with a comment.
fn has_code(function: &StmtFunctionDef, script: &str) -> bool {
    let range = std::ops::Range::<usize>::from(function.range());
    let said = script.get(range).unwrap_or_default();
    let comment = said.lines().any(|line| line.trim_start().starts_with('#'));
    let mark = |statement: &Stmt| match statement {
        Stmt::Expr(expression) => is_mark(&expression.value),
        Stmt::Pass(_) => comment,
        _ => false,
    };
    !function.body.iter().all(mark)
}

fn is_mark(expression: &Expr) -> bool {
    matches!(expression, Expr::EllipsisLiteral(_) | Expr::StringLiteral(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_version_before_had_is_not_left_out() {
        let before = "def area(r):\n    return 3 * r\n\n\nclass A:\n    def f(self):\n        \
                      print(1)\n\n\nif __name__ == '__main__':\n    print(area(1), A())\n";
        for (after, left_out) in [
            (before.to_owned(), None),
            (before.replace("return 3 * r", "..."), Some("`area` has")),
            (before.replace("return 3 * r", "'''as before'''"), Some("`area` has")),
            (before.replace("print(1)", "# unchanged\n        pass"), Some("`A.f` has")),
            // It may be empty on purpose.
            (before.replace("print(1)", "pass"), None),
            (
                before
                    .replace("    def f", "    @abstractmethod\n    def f")
                    .replace("print(1)", "..."),
                None,
            ),
            ("# remaining functions as above\nprint(3)\n".to_owned(), None),
            (
                "def area(r):\n    return 4\n\n# ... rest unchanged\n".to_owned(),
                Some("nothing in it"),
            ),
            ("def area(r):\n    return 4\n\n\nprint(area(1))\n".to_owned(), None),
            ("def area(:\n".to_owned(), None),
        ] {
            let found = of(before, &after);
            assert_eq!(found.is_some(), left_out.is_some(), "{after}: {found:?}");
            assert!(found.is_none_or(|found| found.starts_with(left_out.unwrap_or_default())));
        }
    }
}
