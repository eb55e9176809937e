//! Rejects YAML that is nested too deeply, before the YAML library parses it.
//!
//! The library's run time grows with the square of the nesting depth of `[` and `{`. This scanner
//! follows libyaml's rules for the start of tokens and the end of scalars, and only counts the open
//! lists and maps. It reads a text once. It may continue where the library would stop with an
//! error.

/// Maximum nesting depth of lists and maps.
const DEEPEST: usize = 64;
/// Maximum distance of a key's colon from the key's start, in characters.
const LONGEST_KEY: usize = 1024;

/// Checks that a text is nested at most 64 deep.
///
/// # Errors
/// If it is nested deeper, with the line and the column.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut scanner = Scanner::new(text);
    while scanner.token() {
        if scanner.depth() > DEEPEST {
            let (line, column) = (scanner.line + 1, scanner.column);
            return Err(format!(
                "is nested more than {DEEPEST} deep at line {line} column {column}"
            ));
        }
    }
    Ok(())
}

/// Position of a possible key: line, column and index.
type Key = (usize, isize, usize);

struct Scanner {
    chars: Vec<char>,
    at: usize,
    line: usize,
    column: usize,
    /// Columns of the open block collections, outermost first.
    indents: Vec<isize>,
    /// Number of open flow collections.
    flow: usize,
    /// Whether the next token may be a key without a `?`.
    key_allowed: bool,
    /// Position of such a possible key, outside of flow collections.
    key: Option<Key>,
}

impl Scanner {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            line: 0,
            column: 0,
            indents: Vec::new(),
            flow: 0,
            key_allowed: true,
            key: None,
        }
    }

    fn depth(&self) -> usize {
        self.indents.len() + self.flow
    }

    /// The character `n` positions ahead; `None` after the end.
    fn ahead(&self, n: usize) -> Option<char> {
        self.chars.get(self.at + n).copied()
    }

    fn blank_ahead(&self, n: usize) -> bool {
        self.ahead(n).is_none_or(|c| is_blank(c) || is_break(c))
    }

    fn skip(&mut self) {
        self.at += 1;
        self.column += 1;
    }

    fn skip_while(&mut self, of_it: impl Fn(char) -> bool) {
        while self.ahead(0).is_some_and(&of_it) {
            self.skip();
        }
    }

    fn skip_break(&mut self) {
        self.at += if (self.ahead(0), self.ahead(1)) == (Some('\r'), Some('\n')) { 2 } else { 1 };
        self.line += 1;
        self.column = 0;
    }

    fn indent(&self) -> isize {
        self.indents.last().copied().unwrap_or(-1)
    }

    /// Opens a block collection at a column, unless one is open there.
    fn roll(&mut self, column: isize) {
        if self.flow == 0 && self.indent() < column {
            self.indents.push(column);
        }
    }

    /// Closes the block collections to the right of a column.
    fn unroll(&mut self, column: isize) {
        while self.flow == 0 && self.indent() > column {
            self.indents.pop();
        }
    }

    fn may_be_key(&mut self) {
        if self.key_allowed && self.flow == 0 {
            self.key = Some((self.line, self.column_here(), self.at));
        }
    }

    fn no_key(&mut self) {
        if self.flow == 0 {
            self.key = None;
        }
    }

    fn column_here(&self) -> isize {
        isize::try_from(self.column).unwrap_or(isize::MAX)
    }

    /// Whether a document starts or ends here.
    fn at_marker(&self) -> bool {
        let three = [self.ahead(0), self.ahead(1), self.ahead(2)];
        self.column == 0
            && (three == [Some('-'); 3] || three == [Some('.'); 3])
            && self.blank_ahead(3)
    }

    /// Skips the next token; `false` at the end.
    fn token(&mut self) -> bool {
        self.find_token();
        self.unroll(self.column_here());
        let Some(c) = self.ahead(0) else { return false };
        match c {
            '%' if self.column == 0 => {
                self.begin_document();
                self.skip_while(|c| !is_break(c));
            }
            '-' | '.' if self.at_marker() => {
                self.begin_document();
                (0..3).for_each(|_| self.skip());
            }
            '[' | '{' => {
                self.may_be_key();
                self.flow += 1;
                self.key_allowed = true;
                self.skip();
            }
            ']' | '}' => {
                self.no_key();
                self.flow = self.flow.saturating_sub(1);
                self.key_allowed = false;
                self.skip();
            }
            ',' => {
                self.no_key();
                self.key_allowed = true;
                self.skip();
            }
            '-' if self.blank_ahead(1) => {
                self.roll(self.column_here());
                self.no_key();
                self.key_allowed = true;
                self.skip();
            }
            '?' if self.flow > 0 || self.blank_ahead(1) => {
                self.roll(self.column_here());
                self.no_key();
                self.key_allowed = self.flow == 0;
                self.skip();
            }
            ':' if self.flow > 0 || self.blank_ahead(1) => self.value(),
            '*' | '&' | '!' => {
                self.may_be_key();
                self.key_allowed = false;
                self.skip();
                self.name(c == '!');
            }
            '|' | '>' if self.flow == 0 => {
                self.no_key();
                self.key_allowed = true;
                self.block_scalar();
            }
            '\'' | '"' => {
                self.may_be_key();
                self.key_allowed = false;
                self.quoted(c);
            }
            '|' | '>' | '@' | '`' | '%' | '\t' => self.skip(),
            _ => {
                self.may_be_key();
                self.key_allowed = false;
                self.plain();
            }
        }
        true
    }

    /// Skips blanks, comments and line breaks.
    fn find_token(&mut self) {
        loop {
            if self.column == 0 && self.ahead(0) == Some('\u{feff}') {
                self.skip();
            }
            let tabs = self.flow > 0 || !self.key_allowed;
            self.skip_while(|c| c == ' ' || (tabs && c == '\t'));
            if self.ahead(0) == Some('#') {
                self.skip_while(|c| !is_break(c));
            }
            if !self.ahead(0).is_some_and(is_break) {
                return;
            }
            self.skip_break();
            self.key_allowed |= self.flow == 0;
        }
    }

    fn begin_document(&mut self) {
        self.unroll(-1);
        self.no_key();
        self.key_allowed = false;
    }

    /// The colon after a key, or of an empty key.
    fn value(&mut self) {
        let near = |key: &Key| key.0 == self.line && self.at.saturating_sub(key.2) <= LONGEST_KEY;
        let key = self.key.filter(|key| self.flow == 0 && near(key));
        self.roll(key.map_or(self.column_here(), |(_, column, _)| column));
        self.key_allowed = key.is_none() && self.flow == 0;
        self.no_key();
        self.skip();
    }

    /// The name of an anchor, an alias or a tag, after its indicator.
    fn name(&mut self, is_tag: bool) {
        let verbatim = is_tag && self.ahead(0) == Some('<');
        if verbatim {
            self.skip();
        }
        let uri = |c: char| ";/?:@&=+$.%!~*'()".contains(c) || (verbatim && ",[]".contains(c));
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        self.skip_while(|c| word(c) || (is_tag && uri(c)));
        if verbatim && self.ahead(0) == Some('>') {
            self.skip();
        }
    }

    /// A quoted scalar. A double quote can be escaped by a backslash, a single quote by doubling
    /// it.
    fn quoted(&mut self, quote: char) {
        self.skip();
        while let Some(c) = self.ahead(0) {
            if is_break(c) {
                self.skip_break();
                continue;
            }
            self.skip();
            if c == quote {
                if quote == '"' || self.ahead(0) != Some('\'') {
                    return;
                }
                self.skip();
            } else if c == '\\' && quote == '"' && self.ahead(0).is_some_and(|c| !is_break(c)) {
                self.skip();
            }
        }
    }

    /// A plain scalar: it ends at a colon, a comment, or a line that is not indented further.
    fn plain(&mut self) {
        let least = self.indent() + 1;
        let mut new_line = false;
        while !self.at_marker() && self.ahead(0) != Some('#') {
            while let Some(c) = self.ahead(0).filter(|c| !is_blank(*c) && !is_break(*c)) {
                let ends =
                    (c == ':' && self.blank_ahead(1)) || (self.flow > 0 && ",[]{}".contains(c));
                if ends {
                    break;
                }
                new_line = false;
                self.skip();
            }
            if !self.ahead(0).is_some_and(|c| is_blank(c) || is_break(c)) {
                break;
            }
            while let Some(c) = self.ahead(0).filter(|c| is_blank(*c) || is_break(*c)) {
                if is_break(c) {
                    self.skip_break();
                    new_line = true;
                } else {
                    self.skip();
                }
            }
            if self.flow == 0 && self.column_here() < least {
                break;
            }
        }
        self.key_allowed |= new_line;
    }

    /// A block scalar after `|` or `>`: all lines with at least the indentation of the first.
    fn block_scalar(&mut self) {
        self.skip();
        let mut more = None;
        while let Some(c) = self.ahead(0).filter(|c| c.is_ascii_digit() || "+-".contains(*c)) {
            more = more.or(c.to_digit(10));
            self.skip();
        }
        self.skip_while(is_blank);
        if self.ahead(0) == Some('#') {
            self.skip_while(|c| !is_break(c));
        }
        if !self.ahead(0).is_some_and(is_break) {
            return;
        }
        self.skip_break();
        let outer = usize::try_from(self.indent()).unwrap_or(0);
        let known = more.map(|more| outer + usize::try_from(more).unwrap_or(0));
        let mut widest = 0;
        self.blank_lines(known, &mut widest);
        let least = usize::try_from(self.indent() + 1).unwrap_or(0).max(1);
        let indent = known.unwrap_or_else(|| widest.max(least));
        while self.column == indent && self.ahead(0).is_some() {
            self.skip_while(|c| !is_break(c));
            if self.ahead(0).is_some() {
                self.skip_break();
            }
            self.blank_lines(Some(indent), &mut widest);
        }
    }

    /// Empty lines, and the indentation of the line after them.
    fn blank_lines(&mut self, indent: Option<usize>, widest: &mut usize) {
        loop {
            while self.ahead(0) == Some(' ') && indent.is_none_or(|indent| self.column < indent) {
                self.skip();
            }
            *widest = self.column.max(*widest);
            if !self.ahead(0).is_some_and(is_break) {
                return;
            }
            self.skip_break();
        }
    }
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

const fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::format_collect, reason = "a test may take its time")]

    use super::*;
    use proptest::prelude::*;
    use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
    use std::fmt;

    /// The maximum depth that the scanner counts.
    fn scanned(text: &str) -> usize {
        let mut scanner = Scanner::new(text);
        let mut deepest = 0;
        while scanner.token() {
            deepest = deepest.max(scanner.depth());
        }
        deepest
    }

    /// The depth to which the YAML library nests what it parses.
    struct Depth(usize);

    impl<'de> Deserialize<'de> for Depth {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Self(0))
        }
    }

    impl<'de> Visitor<'de> for Depth {
        type Value = Self;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("YAML without tags")
        }

        fn visit_unit<E: Error>(self) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
            Ok(self)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
            let mut deepest = 0;
            while let Some(Self(depth)) = list.next_element()? {
                deepest = deepest.max(depth);
            }
            Ok(Self(deepest + 1))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
            let mut deepest = 0;
            while let Some((Self(key), Self(value))) = map.next_entry()? {
                deepest = deepest.max(key).max(value);
            }
            Ok(Self(deepest + 1))
        }
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count_as_nesting() {
        for (text, depth) in [
            ("", 0),
            ("a", 0),
            ("a: b", 1),
            ("a: {b: [c, {d: e}]}\n", 4),
            ("- - - x", 3),
            ("a:\n  b:\n    c: d\ne:\n  f: g\n", 3),
            ("a: '[[[[ it''s [[' # [[[[\nb: \"[[ \\\" [[\"\n", 1),
            ("a: |\n  [[[[\n   {{{{\n\n  [[\nb: [c]\n", 2),
            ("a: >2-\n    [[[[\n  [[\nb: x\n", 1),
            ("- |\n [[[[\n- x\n", 1),
            ("a: x [[[[\n  [[[[ {{\nb: [c]\n", 2),
            ("a[[: b{{\n", 1),
            ("[a: b]: c", 1),
            ("? [a]\n: [b]\n", 2),
            ("a: &x [b]\nc: *x\n", 2),
            ("--- [a]\n---\n[b]\n", 1),
        ] {
            assert_eq!(scanned(text), depth, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_quickly_and_with_its_place() {
        let deep = |one: &str| one.repeat(300_000);
        let steps = |n: usize| (0..n).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>();
        for (text, place) in [
            (deep("["), "line 1 column 65"),
            (deep("[\n"), "line 65 column 1"),
            (deep("{a: "), "line 1 column 257"),
            (deep("[? "), "line 1 column 193"),
            (deep("- "), "line 1 column 129"),
            (deep("? "), "line 1 column 129"),
            (format!("a: '['\nb: {}", deep("['', ")), "line 2 column"),
            (format!("a: |\n  [\nb:\n  {}", deep("[")), "line 4 column"),
            (steps(1400), "line 65 column"),
        ] {
            let begun = std::time::Instant::now();
            let error = super::super::read::<serde_json::Value>(&text).unwrap_err();
            assert!(error.contains("nested more than 64 deep at "), "{error}");
            assert!(error.contains(place), "{error}");
            // The library alone takes minutes for most of these.
            assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
        }
        let flat = format!("{}x{}", "[".repeat(64), "]".repeat(64));
        assert!(check(&flat).is_ok() && check(&format!("a: {flat}")).is_err());
    }

    /// Parts of YAML, and text that only looks like them.
    fn texts() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "[", "[", "]", "{", "{", "}", ",", ", ", ": ", ":", ":\n", "- ", "-", "? ", "?", "'",
            "''", "\"", "\\", "\\\"", "#", " #", "|\n", ">-\n", "|2\n", "\n", "\n", "\n ", "\n  ",
            " ", "  ", "a", "b: ", "&a ", "*a", "!t ", "!<[>", "%", "---\n", "...\n", "\t", "\r\n",
            "\u{85}", "é", "\u{feff}", "@", "`",
        ]);
        prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
    }

    /// Values whose strings are full of YAML indicators.
    fn values() -> impl Strategy<Value = serde_json::Value> {
        let text = || "[\\[\\]{},:\\-?'\"#|> \n\ta]{0,12}";
        let leaf = prop_oneof![
            text().prop_map(serde_json::Value::from),
            any::<i32>().prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
        ];
        leaf.prop_recursive(6, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(text(), inner, 0..4)
                    .prop_map(serde_json::Value::from_iter),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_yaml_is_nested_deeper_than_the_scanner_counts(text in texts()) {
            if let Ok(Depth(depth)) = serde_yaml::from_str(&text) {
                // A list may be at its key's column, a single pair in a list is a map, and a list
                // as a key is only recognized after its end.
                let seen = scanned(&text);
                prop_assert!(depth <= 2 * seen + 1, "{depth} and {seen} in {text:?}");
            }
        }

        #[test]
        fn the_scanner_counts_the_nesting_of_written_yaml(value in values()) {
            let text = serde_yaml::to_string(&value).unwrap();
            let Depth(depth) = serde_yaml::from_str(&text).unwrap();
            let seen = scanned(&text);
            prop_assert!(seen <= depth && depth <= 2 * seen, "{depth} and {seen} in {text:?}");
        }
    }
}
