//! Extracts names, lines and strings from a syntax tree for the other modules.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_source_file::LineIndex;
use ruff_text_size::{Ranged, TextRange};

/// Maximum number of parts in a dotted name: no relevant name is longer.
const LONGEST_NAME: usize = 8;
/// Bytes kept of a string argument.
const LONGEST_TEXT: usize = 200;

/// One imported module.
#[derive(Debug)]
pub(super) struct Import {
    /// Its full name, such as `os.path`.
    pub(super) module: String,
    /// Line in the script, from 1.
    pub(super) line: usize,
    /// A star import.
    pub(super) star: bool,
    /// What the script does if the module is missing.
    pub(super) without: Without,
}

/// What a script does without a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Without {
    /// It fails.
    #[default]
    Fails,
    /// It continues in another way.
    Goes,
    /// It does not import this module if these modules exist.
    Unasked(Vec<String>),
}

/// A use of an imported or builtin name.
#[derive(Debug)]
pub(super) struct Use {
    /// Full name, regardless of import aliases: `subprocess.run`. A call within the name is `()`,
    /// as in `pathlib.Path().expanduser`.
    pub(super) name: String,
    /// Line in the script, from 1.
    pub(super) line: usize,
    /// The start of each string argument, where known.
    pub(super) texts: Vec<String>,
}

/// What a script imports and uses.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Every import that is not relative.
    pub(super) imports: Vec<Import>,
    /// Every use, in source order.
    pub(super) uses: Vec<Use>,
    /// Byte ranges that look like code but never run: strings and some annotations.
    pub(super) idle: Vec<Range<usize>>,
    /// Byte offsets where an async function returns a value, which is an error if it also yields.
    pub(super) async_returns: Vec<usize>,
    /// The start of each string that contains a URL, with its line; a complete string gets a `/` at
    /// the end.
    pub(super) texts: Vec<(String, usize)>,
    /// Number of statements, including nested ones.
    pub(super) statements: usize,
}

impl Tree {
    /// Analyses a module. `lazy_annotations`: this Python version evaluates annotations only on
    /// request.
    pub(super) fn of(module: &ast::ModModule, script: &str, lazy_annotations: bool) -> Self {
        let lines = LineIndex::from_source_text(script);
        let mut reader = Reader {
            lines: &lines,
            lazy_annotations,
            functions: Vec::new(),
            imported: HashMap::new(),
            defined: HashSet::new(),
            constants: HashMap::new(),
            raw: Vec::new(),
            without: Without::Fails,
            tree: Self::default(),
        };
        reader.visit_body(&module.body);
        reader.finish()
    }

    /// Whether the byte at `offset` never runs.
    pub(super) fn is_idle(&self, offset: usize) -> bool {
        self.idle.iter().any(|range| range.contains(&offset))
    }
}

/// An argument as written.
enum Argument {
    Text(String),
    Name(String),
}

/// A use with an unresolved name: its import may follow later, when the use is inside a function.
struct Raw {
    head: String,
    rest: String,
    line: usize,
    arguments: Vec<Argument>,
}

struct Reader<'a> {
    lines: &'a LineIndex,
    lazy_annotations: bool,
    /// For each enclosing function, whether it is async.
    functions: Vec<bool>,
    /// Local name to full name.
    imported: HashMap<String, String>,
    /// Names that the script itself binds.
    defined: HashSet<String>,
    /// Names of string constants.
    constants: HashMap<String, String>,
    raw: Vec<Raw>,
    /// The effect of a missing module at the current position.
    without: Without,
    tree: Tree,
}

impl Reader<'_> {
    fn line(&self, node: &impl Ranged) -> usize {
        self.lines.line_index(node.start()).get()
    }

    fn import(&mut self, import: &ast::StmtImport) {
        let line = self.line(import);
        for alias in &import.names {
            let module = alias.name.to_string();
            let (local, full) = match &alias.asname {
                Some(local) => (local.to_string(), module.clone()),
                None => (top(&module).to_owned(), top(&module).to_owned()),
            };
            self.imported.insert(local, full);
            let without = self.without.clone();
            self.tree.imports.push(Import { module, line, star: false, without });
        }
    }

    fn import_from(&mut self, import: &ast::StmtImportFrom) {
        let Some(module) = import.module.as_ref().filter(|_| import.level == 0) else { return };
        let line = self.line(import);
        let star = import.names.iter().any(|alias| alias.name.as_str() == "*");
        for alias in &import.names {
            let local = alias.asname.as_ref().unwrap_or(&alias.name);
            self.imported.insert(local.to_string(), format!("{module}.{}", alias.name));
        }
        if module.as_str() == "__future__" {
            let lazy = import.names.iter().any(|alias| alias.name.as_str() == "annotations");
            self.lazy_annotations |= lazy;
        }
        let (module, without) = (module.to_string(), self.without.clone());
        self.tree.imports.push(Import { module, line, star, without });
    }

    /// A `try` that catches a failing import: the modules in its body are optional, and those in
    /// its handlers are needed only without them.
    fn guarded(&mut self, guard: &ast::StmtTry) {
        let begin = self.tree.imports.len();
        let outer = std::mem::replace(&mut self.without, Without::Goes);
        self.visit_body(&guard.body);
        let tried = self.tree.imports[begin..].iter().map(|import| import.module.clone()).collect();
        self.without = Without::Unasked(tried);
        for handler in &guard.handlers {
            self.visit_except_handler(handler);
        }
        self.without = outer;
        self.visit_body(&guard.orelse);
        self.visit_body(&guard.finalbody);
    }

    fn idle(&mut self, range: TextRange) {
        self.tree.idle.push(range.start().to_usize()..range.end().to_usize());
    }

    /// Records a string that may be a URL.
    fn address(&mut self, text: &str, expr: &Expr) {
        if text.contains("://") {
            let text = text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned();
            let line = self.line(expr);
            self.tree.texts.push((text, line));
        }
    }

    fn note(&mut self, expr: &Expr, arguments: Vec<Argument>) {
        if let Some((head, rest)) = dotted(expr) {
            self.raw.push(Raw { head, rest, line: self.line(expr), arguments });
        }
    }

    /// Visits the expression at the base of an attribute chain, unless it is part of the name.
    fn below(&mut self, expr: &Expr) {
        let mut expr = expr;
        while let Expr::Attribute(attribute) = expr {
            expr = &attribute.value;
        }
        if !expr.is_name_expr() {
            self.visit_expr(expr);
        }
    }

    fn finish(mut self) -> Tree {
        for Raw { head, rest, line, arguments } in self.raw {
            let name = match self.imported.get(&head) {
                Some(full) => full.clone() + &rest,
                None if self.defined.contains(&head) => continue,
                None => head + &rest,
            };
            let text = |argument| match argument {
                Argument::Text(text) => Some(text),
                Argument::Name(name) => self.constants.get(&name).cloned(),
            };
            let texts = arguments.into_iter().filter_map(text).collect();
            self.tree.uses.push(Use { name, line, texts });
        }
        self.tree
    }
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.tree.statements += 1;
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Try(guard) if guard.handlers.iter().any(catches_imports) => {
                self.guarded(guard);
                return;
            }
            Stmt::FunctionDef(function) => {
                self.defined.insert(function.name.to_string());
                self.functions.push(function.is_async);
                visitor::walk_stmt(self, stmt);
                self.functions.pop();
                return;
            }
            Stmt::ClassDef(class) => {
                self.defined.insert(class.name.to_string());
            }
            Stmt::Assign(assign) => {
                if let ([Expr::Name(name)], Some(Argument::Text(text))) =
                    (assign.targets.as_slice(), argument(&assign.value))
                {
                    self.constants.insert(name.id.to_string(), text);
                }
            }
            Stmt::Return(answer)
                if answer.value.is_some() && self.functions.last() == Some(&true) =>
            {
                self.tree.async_returns.push(answer.start().to_usize());
            }
            // Annotations of local variables are never evaluated.
            Stmt::AnnAssign(assign) if !self.functions.is_empty() => {
                self.idle(assign.annotation.range());
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_annotation(&mut self, expr: &'a Expr) {
        if self.lazy_annotations {
            self.idle(expr.range());
        }
        visitor::walk_annotation(self, expr);
    }

    fn visit_parameter(&mut self, parameter: &'a ast::Parameter) {
        self.defined.insert(parameter.name.to_string());
        visitor::walk_parameter(self, parameter);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(call) => {
                let values = call.arguments.keywords.iter().map(|keyword| &keyword.value);
                let arguments = call.arguments.args.iter().chain(values).filter_map(argument);
                self.note(&call.func, arguments.collect());
                self.below(&call.func);
                self.visit_arguments(&call.arguments);
            }
            Expr::Attribute(_) => {
                self.note(expr, Vec::new());
                self.below(expr);
            }
            Expr::Name(name) if name.ctx.is_load() => self.note(expr, Vec::new()),
            Expr::Name(name) => {
                self.defined.insert(name.id.to_string());
            }
            // Only inside the quotes: an error about the whole string is reported at its start.
            Expr::StringLiteral(text) => {
                self.address(&format!("{}/", text.value.to_str()), expr);
                self.tree.idle.push(text.start().to_usize() + 1..text.end().to_usize());
            }
            Expr::FString(text) => {
                let first = text.value.elements().next().and_then(|first| first.as_literal());
                if let Some(first) = first {
                    self.address(&first.value, expr);
                }
                visitor::walk_expr(self, expr);
            }
            // `os.environ["NAME"]` reads that variable.
            Expr::Subscript(part) if part.value.is_attribute_expr() => {
                self.note(&part.value, argument(&part.slice).into_iter().collect());
                self.below(&part.value);
                self.visit_expr(&part.slice);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// Whether a handler catches a failing import and the script continues.
fn catches_imports(handler: &ast::ExceptHandler) -> bool {
    let ast::ExceptHandler::ExceptHandler(handler) = handler;
    let catches = |kind: &Expr| {
        matches!(kind, Expr::Name(name)
            if ["ImportError", "ModuleNotFoundError", "Exception"].contains(&name.id.as_str()))
    };
    let caught = match handler.type_.as_deref() {
        None => true,
        Some(Expr::Tuple(kinds)) => kinds.elts.iter().any(catches),
        Some(kind) => catches(kind),
    };
    let ends = |stmt: &Stmt| match stmt {
        Stmt::Raise(_) => true,
        Stmt::Expr(expr) => dotted(&expr.value).is_some_and(|(head, rest)| {
            let name = (head + &rest).trim_end_matches("()").to_owned();
            ["exit", "quit", "sys.exit", "os._exit"].contains(&name.as_str())
        }),
        _ => false,
    };
    caught && !handler.body.iter().any(ends)
}

/// The first part of a dotted name: `os` of `os.path`.
pub(super) fn top(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}

/// The first name of an expression, and the rest: `("os", ".path.join")`.
fn dotted(expr: &Expr) -> Option<(String, String)> {
    let mut parts = Vec::new();
    let mut expr = expr;
    while parts.len() < LONGEST_NAME {
        match expr {
            Expr::Name(name) => {
                let rest = parts.iter().rev().copied().collect();
                return Some((name.id.to_string(), rest));
            }
            Expr::Attribute(attribute) => {
                parts.extend([attribute.attr.as_str(), "."]);
                expr = &attribute.value;
            }
            Expr::Call(call) => {
                parts.push("()");
                expr = &call.func;
            }
            _ => return None,
        }
    }
    None
}

/// The string that an argument starts with, or its name.
fn argument(expr: &Expr) -> Option<Argument> {
    let mut expr = expr;
    while let Expr::BinOp(operation) = expr {
        expr = &operation.left;
    }
    let text = match expr {
        Expr::Name(name) => return Some(Argument::Name(name.id.to_string())),
        Expr::StringLiteral(literal) => literal.value.to_str(),
        Expr::FString(literal) => literal.value.elements().next()?.as_literal()?.as_ref(),
        _ => return None,
    };
    Some(Argument::Text(text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned()))
}
