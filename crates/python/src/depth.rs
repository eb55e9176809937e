//! Protects the program from deeply nested scripts.
//!
//! Syntax trees are walked recursively, and a stack overflow aborts the process; it can't be
//! caught. So a script is measured token by token before it is parsed, and its tree is walked on a
//! stack that fits the deepest one accepted.

use std::thread;

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// Deepest nesting of operators, brackets and the like. Python's own compiler gives up at a few
/// thousand; code written by people stays under a hundred.
const DEEPEST_EXPRESSION: usize = 1_000;
/// Python's own limit.
const DEEPEST_BRACKETS: usize = 200;
/// Python's own limit.
const DEEPEST_BLOCK: usize = 100;
/// Stack size in bytes for the deepest tree. Only the part that is used takes memory.
const STACK: usize = 256 * 1024 * 1024;

/// A script is nested deeper than Python itself accepts.
pub(super) struct TooDeep {
    /// Line where the limit was passed, from 1; lines within strings are not counted.
    pub(super) line: usize,
    /// The error, in Python's wording if it has one.
    pub(super) message: &'static str,
}

/// Measures the nesting without recursion and without a tree.
pub(super) fn too_deep(script: &str) -> Option<TooDeep> {
    let mut lexer = lexer::lex(script, Mode::Module);
    // Per open bracket, the count since its last comma. A comma starts a sibling, so a long list is
    // not a deep one.
    let mut open = vec![0];
    let mut total = 0;
    let mut blocks = 0;
    let mut line = 1;
    loop {
        let kind = lexer.next_token();
        line += usize::from(matches!(kind, TokenKind::Newline | TokenKind::NonLogicalNewline));
        match kind {
            TokenKind::EndOfFile => return None,
            TokenKind::Indent => blocks += 1,
            TokenKind::Dedent => blocks -= usize::from(blocks > 0),
            // Includes keywords that end an expression: after an unclosed bracket the lexer ignores
            // line ends, but the parser recovers at such a keyword.
            kind if ends_expression(kind) => {
                total = 0;
                open = vec![0];
            }
            TokenKind::Comma => total -= open.last_mut().map_or(0, std::mem::take),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if open.len() > 1 => {
                total -= open.pop().unwrap_or_default();
            }
            kind if nests(kind) => {
                total += 1;
                if let Some(count) = open.last_mut() {
                    *count += 1;
                }
                if matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace) {
                    open.push(0);
                }
            }
            _ => {}
        }
        let message = if open.len() > DEEPEST_BRACKETS {
            "too many nested parentheses"
        } else if blocks >= DEEPEST_BLOCK {
            "too many levels of indentation"
        } else if total > DEEPEST_EXPRESSION {
            "too many nested expressions: split this one up"
        } else {
            continue;
        };
        return Some(TooDeep { line, message });
    }
}

fn ends_expression(kind: TokenKind) -> bool {
    use TokenKind::{
        Assert, Break, Class, Continue, Def, Del, Except, Finally, Global, Import, Newline,
        Nonlocal, Pass, Raise, Return, Semi, Try, While, With,
    };
    matches!(
        kind,
        Newline
            | Semi
            | Def
            | Class
            | Import
            | Return
            | Raise
            | Assert
            | Del
            | Global
            | Nonlocal
            | Pass
            | Break
            | Continue
            | While
            | With
            | Try
            | Except
            | Finally
    )
}

/// Whether the code after the token can become a child of the code before it.
fn nests(kind: TokenKind) -> bool {
    kind.is_operator() || kind.is_keyword() || kind == TokenKind::FStringStart
}

/// Calls `read` on a stack that fits the tree of any accepted script.
///
/// Returns `None` if the thread could not be started or `read` panicked: the run will then show
/// what is wrong with the script.
pub(super) fn with_room<T: Send>(read: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("check".to_owned()).stack_size(STACK);
        reader.spawn_scoped(scope, read).ok()?.join().ok()
    })
}
