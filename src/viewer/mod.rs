//! Sessions as pages: renders the values of `view` as HTML and Markdown. Pure, except `serve`.
//!
//! The parts of a page are macros of `parts.html`, which take values of `view` and a few of this
//! module; [`Pages`] renders them. A page contains its style and script, a policy allows only
//! these, and it loads nothing. All text is escaped in one place, [`write_value`], independent of
//! the templates.

mod diff;
mod markdown;
mod report;
mod script;
pub mod serve;

pub use diff::{Diff, Row};
pub use markdown::markdown;
pub use report::{Chat, Detail, Material, PICTURE, Picture, detailed, html};

use crate::domain::text::{self, visible};
use crate::view::words;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, Output, State};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The style sheet of all pages.
const STYLE: &str = include_str!("page.css");
/// The script of all pages.
const SCRIPT: &str = include_str!("page.js");
/// The templates, with their names.
const TEMPLATES: [(&str, &str); 2] =
    [("parts.html", include_str!("parts.html")), ("report.html", include_str!("report.html"))];

/// The parsed templates.
pub struct Pages {
    environment: Environment<'static>,
}

impl Pages {
    /// Parses the templates.
    ///
    /// # Errors
    /// A template is invalid: an error in this program.
    pub fn new() -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_formatter(write_value);
        environment.add_filter("cut", |text: Cow<'_, str>, limit: usize| cut(&text, limit));
        environment.add_filter("python", |text: Cow<'_, str>| {
            Value::from_safe_string(script::html(&text))
        });
        environment.add_filter("size", |bytes: u64| text::size(bytes));
        environment.add_filter("count", |n: usize, what: Cow<'_, str>| text::count(n, &what));
        environment.add_filter("pad", |n: usize| format!("{n:>4}"));
        environment.add_filter("dollars", |usd: f64| format!("${usd:.4}"));
        environment.add_filter("duration", |seconds: f64| words::seconds(milliseconds(seconds)));
        environment.add_filter("moment", |at: Cow<'_, str>| words::moment(&at));
        environment.add_filter("words", |word: Cow<'_, str>| word.replace('_', " "));
        environment.add_global("style", Value::from_safe_string(STYLE.to_owned()));
        environment.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
        environment.add_global("policy", policy());
        for (name, template) in TEMPLATES.into_iter().chain(serve::TEMPLATES) {
            environment.add_template(name, template)?;
        }
        Ok(Self { environment })
    }

    /// Renders a template with a value.
    ///
    /// # Errors
    /// An error in the template.
    pub fn page(&self, template: &str, value: &impl Serialize) -> Result<String, Error> {
        self.environment.get_template(template)?.render(Value::from(Serde(value)))
    }

    /// Renders one part of a page: a macro of `parts.html` with its arguments.
    ///
    /// # Errors
    /// The part does not exist, or an error in the template.
    pub fn part(&self, name: &str, arguments: &[Value]) -> Result<String, Error> {
        let parts = self.environment.get_template("parts.html")?;
        parts.render_captured(())?.with_state_mut(|state| state.call_macro(name, arguments))
    }
}

/// The content security policy: a page's own style and script, and embedded pictures.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Writes a value into a template's output: control characters and bidirectional marks become
/// visible, and HTML is escaped, in text and in attributes. Only safe strings, which filters and
/// macros build from escaped text, are written unchanged.
fn write_value(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(());
    }
    match value.as_str() {
        Some(text) if value.is_safe() => out.write_str(text)?,
        Some(text) => out.write_str(&escaped(text))?,
        None => out.write_str(&escaped(&value.to_string()))?,
    }
    Ok(())
}

/// A text escaped for HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for c in visible(text).chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// Cuts a text to a number of characters, and states how many were cut off.
fn cut(text: &str, limit: usize) -> String {
    let Some((at, _)) = text.char_indices().nth(limit) else { return text.to_owned() };
    format!("{} … ({} more characters)", &text[..at], text[at..].chars().count())
}

/// Converts the seconds of a view to milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "they were made of whole milliseconds"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round().max(0.0) as u64
}

/// A picture as a data URI; `None` if the bytes are not a PNG file.
#[must_use]
pub fn data_uri(bytes: &[u8]) -> Option<String> {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    bytes.starts_with(PNG).then(|| format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn html_and_control_characters_in_a_value_are_escaped() {
        for (text, html) in [
            ("a < b & c", "a &lt; b &amp; c"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
            ("\" onload='x'", "&quot; onload=&#39;x&#39;"),
            ("a\u{202e}b\u{1b}[31m", "a\\u{202e}b\\x1b[31m"),
        ] {
            assert_eq!(escaped(text), html);
        }
    }

    #[test]
    fn a_cut_text_says_how_many_characters_are_missing() {
        for (text, limit, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc … (1 more characters)"),
            ("äöüß", 2, "äö … (2 more characters)"),
        ] {
            assert_eq!(cut(text, limit), shown);
        }
    }

    #[test]
    fn only_a_png_becomes_a_data_uri() {
        assert_eq!(data_uri(b"<svg onload=x>"), None);
        assert_eq!(data_uri(b""), None);
        assert!(
            data_uri(b"\x89PNG\r\n\x1a\nx").unwrap().starts_with("data:image/png;base64,iVBOR")
        );
    }

    #[test]
    fn a_page_part_is_rendered_alone_and_escaped() {
        let pages = Pages::new().unwrap();
        let finding = crate::domain::review::Finding::new(
            0,
            2,
            crate::domain::review::Severity::Blocker,
            "it shows <b>".into(),
        );
        let findings = [crate::view::Finding::of(&finding, None)];
        let html = pages.part("findings", &[Value::from(Serde(&findings))]).unwrap();
        assert!(
            html.contains("<th scope=\"row\">F1 ") && html.contains("it shows &lt;b&gt;"),
            "{html}"
        );
        assert!(pages.part("no_such_part", &[]).is_err());
    }
}
