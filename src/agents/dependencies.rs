//! The Dependencies agent: names the packages of modules that the program cannot map itself.

use super::{Refusal, RefusalKind, ask};
use crate::domain::chat::{Agent, Request};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;
use std::collections::BTreeMap;

/// Maximum length of a package name, in bytes.
const LONGEST: usize = 80;

/// The input of the prompt.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The import lines of these modules in the script.
    pub imports: Vec<&'a str>,
    /// The modules, as a list in words.
    pub modules: String,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
}

/// Builds the request for the packages of these modules of a script.
pub fn request(
    prompts: &Prompts,
    modules: &[&str],
    script: &str,
    refusal: Option<&str>,
) -> Result<Request, PromptError> {
    let names = |line: &&str| {
        let line = line.trim_start();
        (line.starts_with("import ") || line.starts_with("from "))
            && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| modules.contains(&w))
    };
    let imports = script.lines().filter(names).map(str::trim).take(modules.len() * 3).collect();
    let shown = Shown { imports, modules: modules.join(", "), refusal };
    let request = ask(prompts, Agent::Dependencies, shown)?;
    Ok(Request { form: Some(pattern(modules)), ..request })
}

/// The answer's form as a pattern, with these modules in order.
#[must_use]
pub fn pattern(modules: &[&str]) -> String {
    let line =
        |module: &&str| format!("{}: [A-Za-z0-9][A-Za-z0-9._-]{{0,79}}", regex::escape(module));
    let lines: Vec<String> = modules.iter().map(line).collect();
    format!(r"[ \n]{{0,4}}{}\n?", lines.join("\\n"))
}

/// Parses an answer: the package of each module that it names, or an empty name if there is none.
///
/// # Errors
/// If the answer names none of the modules.
pub fn parse(answer: &str, modules: &[&str]) -> Result<BTreeMap<String, String>, Refusal> {
    let mut named = BTreeMap::new();
    for line in answer.lines() {
        let plain: String = line.chars().filter(|c| !matches!(c, '`' | '*' | '"' | '\'')).collect();
        let plain = plain.trim_start_matches(['-', '+', ' ', '\t']);
        let Some((module, rest)) = plain.split_once([':', '=']).or_else(|| plain.split_once("->"))
        else {
            continue;
        };
        let module = module.trim().trim_end_matches('-').trim();
        if let Some(module) = modules.iter().find(|m| m.eq_ignore_ascii_case(module)) {
            let rest = rest.trim_start_matches(['=', '>', ' ']);
            let rest = rest.trim_start_matches("pip install ").trim();
            let first = rest.split([' ', ',', ';', '(']).next().unwrap_or_default();
            named
                .entry((*module).to_owned())
                .or_insert_with(|| name(first).unwrap_or_default().to_owned());
        }
    }
    if named.is_empty() {
        let reason =
            format!("it names no package for {}: a line each is wanted", modules.join(", "));
        return Err(Refusal::new(RefusalKind::Unusable, reason));
    }
    Ok(named)
}

/// Writes an answer in the requested form, with `none` for modules without a package.
#[must_use]
pub fn write(named: &BTreeMap<String, String>) -> String {
    let package = |name: &'_ str| if name.is_empty() { "none".to_owned() } else { name.to_owned() };
    named
        .iter()
        .fold(String::new(), |text, (module, name)| text + module + ": " + &package(name) + "\n")
}

/// The package name in a word, if it is a valid one.
fn name(word: &str) -> Option<&str> {
    let word = word.trim_end_matches('.');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_name = word.len() <= LONGEST
        && word.bytes().all(plain)
        && word.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    (is_name && !word.eq_ignore_ascii_case("none")).then_some(word)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn package_names_are_read_from_any_list_notation() {
        for (answer, expected) in [
            ("cv9: opencv-python", Some("opencv-python")),
            ("- `cv9`: `opencv-python`", Some("opencv-python")),
            ("**cv9** -> opencv-python", Some("opencv-python")),
            ("cv9 = pip install opencv-python", Some("opencv-python")),
            ("Here:\n\nCV9: opencv-python (the usual one)\n", Some("opencv-python")),
            ("cv9: none", None),
            ("cv9: None.", None),
            ("cv9: --index-url=http://evil", None),
            ("cv9: ../../x", None),
            ("cv9: a;b", Some("a")),
            ("cv9: ", None),
        ] {
            let read = parse(answer, &["cv9"]).unwrap();
            assert_eq!(read["cv9"], expected.unwrap_or_default(), "{answer}");
        }
        for answer in ["", "I do not know.", "other: thing", "cv9"] {
            assert!(parse(answer, &["cv9"]).is_err(), "{answer}");
        }
    }
}
