//! Whether a script failed because it got no input: `input()` raises an error of its own then, but
//! `sys.stdin` yields an empty text, and the error follows later.

use std::collections::HashSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Comprehension, Expr, Stmt};
use ruff_python_parser::parse_module;
use ruff_source_file::LineIndex;
use ruff_text_size::{Ranged, TextRange};

use super::depth::{too_deep, with_room};

/// Name of standard input.
const INPUT: &str = "stdin";
/// Attributes of it that read nothing.
const ABOUT: [&str; 2] = ["isatty", "fileno"];

/// Whether this line (from 1) uses data that the script read from standard input.
#[must_use]
pub(super) fn is_about_input(script: &str, line: usize) -> bool {
    read(script, |reader, lines| {
        let known = reader.made_of_input();
        let on_line = |range: TextRange| {
            let [first, last] = [range.start(), range.end()].map(|at| lines.line_index(at).get());
            (first..=last).contains(&line)
        };
        let mut whole = reader.whole.iter();
        whole.any(|(range, names)| on_line(*range) && names.iter().any(|name| known.contains(name)))
    })
}

/// Whether the script reads standard input repeatedly, in a `while` loop.
#[must_use]
pub(super) fn loops_over_input(script: &str) -> bool {
    read(script, |reader, _| {
        let read_in = |within: &TextRange| {
            let mut whole = reader.whole.iter();
            whole.any(|(range, names)| {
                within.contains_range(*range) && names.iter().any(|name| name == INPUT)
            })
        };
        reader.loops.iter().any(read_in)
    })
}

fn read(script: &str, is: impl Fn(&Reader, &LineIndex) -> bool + Sync) -> bool {
    if !script.contains(INPUT) || too_deep(script).is_some() {
        return false;
    }
    let is = &is;
    let answer = with_room(|| {
        let parsed = parse_module(script).ok()?;
        let mut reader = Reader::default();
        reader.visit_body(parsed.suite());
        Some(is(&reader, &LineIndex::from_source_text(script)))
    });
    answer.flatten().unwrap_or_default()
}

/// The data flow of a script.
#[derive(Default)]
struct Reader {
    /// Names, and the names that they are computed from.
    made: Vec<(Vec<String>, Vec<String>)>,
    /// Objects of method calls with the names in the arguments, which the object then holds.
    /// Ignored unless the object is itself assigned somewhere.
    held: Vec<(Vec<String>, Vec<String>)>,
    /// Functions with their parameters.
    parameters: Vec<(String, Vec<String>)>,
    /// Calls of functions with the names in their arguments.
    calls: Vec<(String, Vec<String>)>,
    /// Outermost expressions with their names.
    whole: Vec<(TextRange, Vec<String>)>,
    loops: Vec<TextRange>,
    /// The enclosing functions.
    around: Vec<String>,
    inside: bool,
}

impl Reader {
    fn makes(&mut self, target: &Expr, of: &Expr) {
        self.made.push((names(target), names(of)));
    }

    /// Names that hold data from standard input, directly or computed.
    fn made_of_input(&self) -> HashSet<String> {
        let mut known: HashSet<String> = HashSet::from([INPUT.to_owned()]);
        let given = self.calls.iter().flat_map(|(called, given)| {
            let own = self.parameters.iter().filter(move |(function, _)| function == called);
            own.map(move |(_, parameters)| (parameters, given))
        });
        let variables: HashSet<&String> =
            self.made.iter().flat_map(|(targets, _)| targets).collect();
        let held =
            self.held.iter().filter(|(targets, _)| targets.iter().all(|t| variables.contains(t)));
        let made: Vec<(&Vec<String>, &Vec<String>)> =
            self.made.iter().chain(held).map(|(targets, of)| (targets, of)).chain(given).collect();
        loop {
            let before = known.len();
            for (targets, of) in &made {
                if of.iter().any(|name| known.contains(name)) {
                    known.extend(targets.iter().cloned());
                }
            }
            if known.len() == before {
                return known;
            }
        }
    }
}

impl<'a> Visitor<'a> for Reader {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Assign(assign) => {
                assign.targets.iter().for_each(|target| self.makes(target, &assign.value));
            }
            Stmt::AugAssign(assign) => self.makes(&assign.target, &assign.value),
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.makes(&assign.target, value);
                }
            }
            Stmt::For(each) => self.makes(&each.target, &each.iter),
            Stmt::While(each) => self.loops.push(each.range()),
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        self.makes(target, &item.context_expr);
                    }
                }
            }
            Stmt::Return(back) => {
                if let Some((value, function)) = back.value.as_ref().zip(self.around.last()) {
                    self.made.push((vec![function.clone()], names(value)));
                }
            }
            Stmt::FunctionDef(function) => {
                let own = function.parameters.iter().map(|p| p.name().to_string()).collect();
                self.parameters.push((function.name.to_string(), own));
                self.around.push(function.name.to_string());
                visitor::walk_stmt(self, stmt);
                self.around.pop();
                return;
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Named(named) => self.makes(&named.target, &named.value),
            Expr::Call(call) => {
                let keywords = call.arguments.keywords.iter().map(|keyword| &keyword.value);
                let given: Vec<String> =
                    call.arguments.args.iter().chain(keywords).flat_map(names).collect();
                match &*call.func {
                    Expr::Name(name) => self.calls.push((name.id.to_string(), given)),
                    Expr::Attribute(attribute) => {
                        self.calls.push((attribute.attr.to_string(), given.clone()));
                        if attribute.value.is_name_expr() {
                            self.held.push((names(&attribute.value), given));
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        let outer = std::mem::replace(&mut self.inside, true);
        if !outer {
            self.whole.push((expr.range(), names(expr)));
        }
        visitor::walk_expr(self, expr);
        self.inside = outer;
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        self.makes(&comprehension.target, &comprehension.iter);
        visitor::walk_comprehension(self, comprehension);
    }
}

/// The names in an expression, including those of attributes.
fn names(expr: &Expr) -> Vec<String> {
    struct Collector(Vec<String>);
    impl<'a> Visitor<'a> for Collector {
        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Attribute(attribute) if ABOUT.contains(&attribute.attr.as_str()) => return,
                Expr::Attribute(attribute) => self.0.push(attribute.attr.to_string()),
                Expr::Name(name) => self.0.push(name.id.to_string()),
                _ => {}
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut collector = Collector(Vec::new());
    collector.visit_expr(expr);
    collector.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_about_input_if_it_works_with_what_was_read() {
        for (script, line, expected) in [
            ("import sys\nn = int(sys.stdin.readline())", 2, true),
            (
                "from sys import stdin\nline = stdin.readline()\nprint(1 / 0)\nn = int(line)",
                3,
                false,
            ),
            (
                "from sys import stdin\nline = stdin.readline()\nprint(1 / 0)\nn = int(line)",
                4,
                true,
            ),
            ("import sys\na, b = sys.stdin.read().split()", 2, true),
            ("import sys, json\ndata = json.load(sys.stdin)\nprint(data)", 2, true),
            ("import sys\nlines = [x for x in sys.stdin]\nfirst = lines[0]", 3, true),
            (
                "import sys\nall = []\nfor x in sys.stdin:\n    all.append(int(x))\nprint(max(all))",
                5,
                true,
            ),
            ("import sys\ndef ask():\n    return sys.stdin.readline()\nprint(int(ask()))", 4, true),
            ("import sys\ndef f(text):\n    return int(text)\nf(sys.stdin.readline())", 3, true),
            ("import sys\ndef f(text):\n    return int(text)\nf('x')\nsys.stdin.read()", 3, false),
            (
                "import sys\nx = sys.stdin.readline()\nsys.stdout.write(x)\nprint(sys.argv[1])",
                4,
                false,
            ),
            ("import sys\nif sys.stdin.isatty():\n    pass\nx = 1 / 0", 2, false),
            ("import sys\nif (line := sys.stdin.readline()):\n    pass\nprint(line[0])", 4, true),
            ("print(int(''))", 1, false),
            ("stdin = (", 1, false),
        ] {
            assert_eq!(is_about_input(script, line), expected, "line {line} of\n{script}");
        }
    }

    #[test]
    fn a_loop_over_input_reads_it_inside() {
        for (script, expected) in [
            ("import sys\nwhile True:\n    if sys.stdin.readline() == 'q':\n        break", true),
            ("import sys\nwhile sys.stdin.readline() != 'q': pass", true),
            ("import sys\nx = sys.stdin.readline()\nwhile True: pass", false),
            ("import sys\nfor line in sys.stdin: pass", false),
        ] {
            assert_eq!(loops_over_input(script), expected, "{script}");
        }
    }
}
