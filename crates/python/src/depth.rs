//! Keeps deep nesting from ending the program.
//!
//! A syntax tree is walked by recursion, and a stack that runs out ends the process: nothing
//! catches it. So what a model wrote is measured token by token before it becomes a tree, and the
//! tree is walked on a stack that holds the deepest one let through.

use std::thread;

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// Operators, brackets and the like that may stand inside one another. Python's own compiler gives
/// up at a few thousand; what people write stays under a hundred.
const DEEPEST_EXPRESSION: usize = 1_000;
/// Python's own limit.
const DEEPEST_BRACKETS: usize = 200;
/// Python's own limit.
const DEEPEST_BLOCK: usize = 100;
/// Room for the deepest tree. Only what is used of it takes memory.
const STACK: usize = 256 * 1024 * 1024;

/// Something is nested deeper than Python itself takes.
pub(super) struct TooDeep {
    /// Line where the limit was passed, from 1; lines within texts are not counted.
    pub(super) line: usize,
    /// What is too deep, in Python's words where it has some.
    pub(super) message: &'static str,
}

/// Looks for nesting that is too deep, without recursion and without a tree.
pub(super) fn too_deep(script: &str) -> Option<TooDeep> {
    let mut lexer = lexer::lex(script, Mode::Module);
    // Per open bracket, what was counted since the last comma in it. A comma starts a sibling, so
    // that a long list is not a deep one.
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
            // A keyword that no expression goes on after, too: the line feeds after a bracket that
            // was never closed end nothing for the lexer, and the parser starts anew there.
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

/// Whether what follows the token can become a child of what stands before it.
fn nests(kind: TokenKind) -> bool {
    kind.is_operator() || kind.is_keyword() || kind == TokenKind::FStringStart
}

/// Calls `read` on a stack that holds the tree of any script that is not too deep.
///
/// `None` if there was no room for it or the reading itself failed: such a script is left to the
/// run, which tells what is wrong with it.
pub(super) fn with_room<T: Send>(read: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("check".to_owned()).stack_size(STACK);
        reader.spawn_scoped(scope, read).ok()?.join().ok()
    })
}
