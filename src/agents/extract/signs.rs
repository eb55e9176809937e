//! Replaces signs that are not valid in Python with the intended ones: typographic quotes,
//! full-width brackets, invisible characters. The content of strings is not changed.

/// Quotation marks that word processors insert for `"` and for `'`.
const DOUBLE: [char; 10] = ['“', '”', '„', '‟', '＂', '″', '«', '»', '「', '」'];
const SINGLE: [char; 7] = ['‘', '’', '‚', '‛', '＇', '′', '´'];

/// A position in the code.
enum Place {
    Code,
    Comment,
    /// In a string that ends at this text.
    Text(&'static str),
    /// In a string that ends at this many signs for this quote.
    Quoted(char, usize),
}

/// The code with its signs replaced; `None` if there are none to replace.
pub(super) fn replaced(code: &str) -> Option<String> {
    let mut out = String::with_capacity(code.len());
    let mut place = Place::Code;
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match place {
            Place::Code => {
                if let Some((quote, times, straight)) = opens(rest) {
                    out.extend(std::iter::repeat_n(quote, times));
                    length = rest.chars().take(times).map(char::len_utf8).sum();
                    place = match (straight, quote, times) {
                        (true, '"', 3) => Place::Text("\"\"\""),
                        (true, '"', _) => Place::Text("\""),
                        (true, _, 3) => Place::Text("'''"),
                        (true, ..) => Place::Text("'"),
                        (false, ..) => Place::Quoted(quote, times),
                    };
                } else {
                    if matches!(c, '#' | '＃') {
                        place = Place::Comment;
                    }
                    push_sign(&mut out, c);
                }
            }
            Place::Comment => {
                if c == '\n' {
                    place = Place::Code;
                }
                out.push(c);
            }
            Place::Text(_) | Place::Quoted(..) if c == '\\' => {
                out.push(c);
                if let Some(next) = rest[length..].chars().next() {
                    out.push(next);
                    length += next.len_utf8();
                }
            }
            Place::Text(end) if rest.starts_with(end) => {
                out.push_str(end);
                length = end.len();
                place = Place::Code;
            }
            Place::Quoted(quote, times) if closes(rest, quote, times) => {
                out.extend(std::iter::repeat_n(quote, times));
                length = rest.chars().take(times).map(char::len_utf8).sum();
                place = Place::Code;
            }
            Place::Text("\"" | "'") | Place::Quoted(_, 1) if c == '\n' => {
                out.push(c);
                place = Place::Code;
            }
            Place::Text(_) | Place::Quoted(..) => out.push(c),
        }
        rest = &rest[length..];
    }
    (out != code).then_some(out)
}

/// The quote that starts a string, how often it is repeated, and whether it is valid in Python.
fn opens(rest: &str) -> Option<(char, usize, bool)> {
    let first = rest.chars().next()?;
    let quote = quote_of(first)?;
    let times = rest.chars().take(3).take_while(|c| quote_of(*c) == Some(quote)).count();
    let times = if times == 3 { 3 } else { 1 };
    let straight = rest.chars().take(times).all(|c| c == quote);
    if times == 1 && straight {
        // Started by a straight quote, and ended by another one.
        let line = rest.lines().next().unwrap_or_default();
        let inner = &line[1..];
        let others = inner.chars().any(|c| c != quote && quote_of(c) == Some(quote));
        return Some((quote, 1, inner.contains(quote) || !others));
    }
    Some((quote, times, straight))
}

fn closes(rest: &str, quote: char, times: usize) -> bool {
    rest.chars().take(times).filter(|c| quote_of(*c) == Some(quote)).count() == times
}

/// The Python quote that a sign is or stands for.
fn quote_of(c: char) -> Option<char> {
    match c {
        '"' | '\'' => Some(c),
        c if DOUBLE.contains(&c) => Some('"'),
        c if SINGLE.contains(&c) => Some('\''),
        _ => None,
    }
}

/// Appends the Python sign for a character of the code.
fn push_sign(out: &mut String, c: char) {
    match c {
        // Invisible characters and marks of the writing direction.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}' => {}
        '\n' | '\t' | '\x0c' => out.push(c),
        // Full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => {
            out.extend(char::from_u32(u32::from(c) - 0xfee0));
        }
        '、' => out.push(','),
        '。' => out.push('.'),
        '【' => out.push('['),
        '】' => out.push(']'),
        '−' | '–' | '—' | '‐' | '‑' | '‒' => out.push('-'),
        '×' => out.push('*'),
        '÷' => out.push('/'),
        '≤' => out.push_str("<="),
        '≥' => out.push_str(">="),
        '≠' => out.push_str("!="),
        '→' => out.push_str("->"),
        '…' => out.push_str("..."),
        c if c.is_whitespace() && !c.is_ascii() => out.push(' '),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typographic_signs_are_replaced_in_code_but_not_in_strings() {
        for (code, wanted) in [
            ("print（“hi”）", "print(\"hi\")"),
            ("x ＝ ［1，2］；y：int＝3", "x = [1,2];y:int=3"),
            ("print(‘it’, “a b”)", "print('it', \"a b\")"),
            ("print(\"hi”)", "print(\"hi\")"),
            ("print(“hi\")", "print(\"hi\")"),
            ("x\u{a0}=\u{3000}1\u{200b} –\u{ad}2", "x = 1 -2"),
            (
                "def\u{a0}f():\n\u{a0}\u{a0}return\u{a0}“a\u{a0}b”",
                "def f():\n  return \"a\u{a0}b\"",
            ),
            ("“““Two\nlines.”””\nx（1）", "\"\"\"Two\nlines.\"\"\"\nx(1)"),
            ("if a ≤ b and b ≠ c × d:", "if a <= b and b != c * d:"),
            ("f（'“no”，（ok）'） # 「a，b」", "f('“no”，（ok）') # 「a，b」"),
            ("f（\"\"\"“no”\n，\"\"\"）", "f(\"\"\"“no”\n，\"\"\")"),
            ("x＝1 ＃ “a，b", "x=1 # “a，b"),
            ("print(«a b»)", "print(\"a b\")"),
            ("f（'it\\'s “x”'）", "f('it\\'s “x”')"),
        ] {
            assert_eq!(replaced(code).as_deref(), Some(wanted), "{code}");
        }
        for code in ["print('“a”，b')", "x = 1  # “a”\n", "print(\"👨\u{200d}👩\")", "é = 'ß'"]
        {
            assert_eq!(replaced(code), None, "{code}");
        }
    }
}
