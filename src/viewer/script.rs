//! A script as HTML: one element per line, with syntax highlighting from Python's tokens.

use super::{cut, escaped};
use crate::python::highlight::{Kind, parts};
use std::fmt::Write as _;

/// Maximum size of a script in a page, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;
/// Maximum length of a line in a page, in characters.
pub(super) const WIDEST: usize = 1000;

/// The lines of a script as HTML, up to the limits. Its text is that of the script.
pub(super) fn html(script: &str) -> String {
    let script = &script[..script.floor_char_boundary(LONGEST)];
    let mut html = String::with_capacity(script.len() * 2);
    let mut line = String::new();
    let mut width = 0;
    for (kind, text) in parts(script) {
        for (n, piece) in text.split('\n').enumerate() {
            if n > 0 {
                end_line(&mut html, &mut line);
                width = 0;
            }
            let piece = piece.trim_end_matches('\r');
            if piece.is_empty() || width >= WIDEST {
                continue;
            }
            let shown = escaped(&cut(piece, WIDEST - width));
            width += piece.chars().count();
            match class(kind) {
                None => line.push_str(&shown),
                Some(class) => {
                    let _ = write!(line, "<span class=\"{class}\">{shown}</span>");
                }
            }
        }
    }
    if !line.is_empty() {
        end_line(&mut html, &mut line);
    }
    html
}

fn end_line(html: &mut String, line: &mut String) {
    html.push_str("<span class=\"l\">");
    html.push_str(line);
    html.push_str("</span>\n");
    line.clear();
}

const fn class(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Plain => None,
        Kind::Comment => Some("c"),
        Kind::Text => Some("s"),
        Kind::Constant => Some("n"),
        Kind::Keyword => Some("k"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_one_element_with_escaped_text() {
        for (script, expected) in [
            ("", ""),
            ("x", "<span class=\"l\">x</span>\n"),
            (
                "if x:\n    y = '<b>'\n",
                "<span class=\"l\"><span class=\"k\">if</span> x:</span>\n\
                 <span class=\"l\">    y = <span class=\"s\">&#39;&lt;b&gt;&#39;</span></span>\n",
            ),
            (
                "\n'''a\nb'''\n",
                "<span class=\"l\"></span>\n<span class=\"l\"><span class=\"s\">&#39;&#39;&#39;a</span></span>\n\
                 <span class=\"l\"><span class=\"s\">b&#39;&#39;&#39;</span></span>\n",
            ),
        ] {
            assert_eq!(html(script), expected, "{script}");
        }
    }

    #[test]
    fn long_lines_and_long_scripts_are_cut() {
        let wide = html(&format!("# {}\nx = 1\n", "a".repeat(20_000)));
        assert!(wide.len() < 2 * WIDEST && wide.contains("more characters"), "{wide}");
        assert!(html(&"x = 1\n".repeat(100_000)).len() < 16 * LONGEST);
    }
}
