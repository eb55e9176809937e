//! Splits a script into comments, strings, numbers and keywords, for highlighting on pages.

use super::depth;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

/// Token class of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything without highlighting.
    Plain,
    /// `# ...`
    Comment,
    /// A string, or the literal parts of an f-string.
    Text,
    /// A number, `True`, `False` or `None`.
    Constant,
    /// `def`, `if`, ...
    Keyword,
}

/// Splits a script into parts that together are the whole script. Invalid Python is highlighted as
/// far as it can be tokenized; a script that is nested too deep to parse is one plain part.
#[must_use]
pub fn parts(script: &str) -> Vec<(Kind, &str)> {
    if depth::too_deep(script).is_some() {
        return vec![(Kind::Plain, script)];
    }
    let tokens = || {
        let parsed = parse_unchecked(script, ParseOptions::from(Mode::Module));
        let place = |token: &Token| (kind(token.kind()), token.range());
        parsed.tokens().iter().map(place).collect::<Vec<_>>()
    };
    let mut parts: Vec<(Kind, &str)> = Vec::new();
    let mut at = 0;
    for (kind, range) in depth::with_room(tokens).unwrap_or_default() {
        let (from, to) = (range.start().to_usize(), range.end().to_usize());
        if kind == Kind::Plain || from < at || to == from {
            continue;
        }
        let (Some(before), Some(text)) = (script.get(at..from), script.get(from..to)) else {
            continue;
        };
        if !before.is_empty() {
            parts.push((Kind::Plain, before));
        }
        parts.push((kind, text));
        at = to;
    }
    parts.extend(script.get(at..).filter(|rest| !rest.is_empty()).map(|rest| (Kind::Plain, rest)));
    parts
}

fn kind(token: TokenKind) -> Kind {
    match token {
        TokenKind::Comment => Kind::Comment,
        TokenKind::String
        | TokenKind::FStringStart
        | TokenKind::FStringMiddle
        | TokenKind::FStringEnd
        | TokenKind::TStringStart
        | TokenKind::TStringMiddle
        | TokenKind::TStringEnd => Kind::Text,
        TokenKind::Int
        | TokenKind::Float
        | TokenKind::Complex
        | TokenKind::True
        | TokenKind::False
        | TokenKind::None => Kind::Constant,
        token if token.is_non_soft_keyword() => Kind::Keyword,
        _ => Kind::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_coloured_is_what_python_reads() {
        for (script, coloured) in [
            ("", &[][..]),
            ("x = 1  # one\n", &[(Kind::Constant, "1"), (Kind::Comment, "# one")]),
            (
                "def f():\n    return 'a'\n",
                &[(Kind::Keyword, "def"), (Kind::Keyword, "return"), (Kind::Text, "'a'")],
            ),
            (
                "f'a{x}b'\n",
                &[(Kind::Text, "f'"), (Kind::Text, "a"), (Kind::Text, "b"), (Kind::Text, "'")],
            ),
            ("match = None\n", &[(Kind::Constant, "None")]),
            ("'''a\nb'''\n", &[(Kind::Text, "'''a\nb'''")]),
            ("def broken(:\n", &[(Kind::Keyword, "def")]),
        ] {
            let found: Vec<_> =
                parts(script).into_iter().filter(|(kind, _)| *kind != Kind::Plain).collect();
            assert_eq!(found, coloured, "{script}");
        }
        let deep = format!("x = {}1{}\n", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(parts(&deep), [(Kind::Plain, deep.as_str())]);
    }

    proptest! {
        #[test]
        fn all_parts_together_are_the_script(script in "(\\PC|[\n\"'#{}\\\\ ]){0,80}") {
            let whole: String = parts(&script).into_iter().map(|(_, text)| text).collect();
            prop_assert_eq!(whole, script);
        }
    }
}
