//! The Safety agent: judges whether a script is safe to run, and why.

use super::{Refusal, RefusalKind, ask};
use crate::domain::chat::{Agent, Request};
use crate::domain::report::Judged;
use crate::domain::text::one_line;
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

/// Maximum length of a reason, in characters.
const LONGEST: usize = 300;
/// The labels of the requested form.
const LABEL: &str = "safe";
const REASON: &str = "reason";
/// The requested form as a pattern of the whole answer; every result of [`write`] matches.
pub const PATTERN: &str = r"[ \n]{0,4}SAFE: (yes|no)\nREASON: [^\n]+\n?";
const YES: &[&str] = &["yes", "true"];
const NO: &[&str] = &["no", "false"];

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The approved plan, or the request.
    pub plan: &'a str,
    /// The script.
    pub script: &'a str,
    /// What the script accesses outside its folder, as text.
    pub asks: &'a str,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let (plan, script) = (shown.plan.trim_end(), shown.script.trim_end());
    let request = ask(prompts, Agent::Safety, Shown { plan, script, ..*shown })?;
    Ok(Request { form: Some(PATTERN.to_owned()), ..request })
}

/// Parses an answer.
///
/// # Errors
/// If the answer says neither yes nor no, or both.
pub fn parse(answer: &str) -> Result<Judged, Refusal> {
    if let Some(judged) = in_form(answer) {
        return Ok(judged);
    }
    let lines: Vec<String> = answer.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let mut said: Vec<bool> = lines.iter().filter_map(|line| verdict(line)).collect();
    said.dedup();
    let [safe] = said[..] else {
        let reason = "it does not say clearly whether the script is safe: the first line has to be \
                      `SAFE: yes` or `SAFE: no`";
        return Err(Refusal::new(RefusalKind::Unusable, reason));
    };
    let reason = lines.iter().find_map(|line| after(line, REASON));
    let other = || lines.iter().find(|line| verdict(line).is_none()).map(String::as_str);
    let reason = one_line(reason.or_else(other).unwrap_or("no reason was given"), LONGEST);
    Ok(Judged { safe, reason })
}

/// Formats an answer in the requested form. A reason is one line.
#[must_use]
pub fn write(judged: &Judged) -> String {
    format!("SAFE: {}\nREASON: {}\n", if judged.safe { "yes" } else { "no" }, judged.reason)
}

/// Parses an answer that has exactly the requested form; the reason is taken literally.
fn in_form(answer: &str) -> Option<Judged> {
    let mut lines = answer.lines().filter(|line| !line.trim().is_empty());
    let safe = match after(lines.next()?.trim(), LABEL)? {
        yes if yes.eq_ignore_ascii_case("yes") => true,
        no if no.eq_ignore_ascii_case("no") => false,
        _ => return None,
    };
    let reason = one_line(after(lines.next()?.trim(), REASON)?, LONGEST);
    (lines.next().is_none() && !reason.is_empty()).then_some(Judged { safe, reason })
}

/// A line without Markdown and other marks.
fn plain(line: &str) -> String {
    let marks = |c: char| matches!(c, '*' | '#' | '>' | '`' | '"' | '{' | '}' | '-' | '_');
    line.replace(marks, "").trim().to_owned()
}

/// The text after a label.
fn after<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let start = line.get(..label.len())?;
    let rest = line[label.len()..].trim_start();
    (start.eq_ignore_ascii_case(label)).then(|| rest.strip_prefix([':', '=', '?']))?.map(str::trim)
}

/// The yes or no on a line, if any.
fn verdict(line: &str) -> Option<bool> {
    let value = after(line, LABEL).unwrap_or(line).to_lowercase();
    let value = value.trim_end_matches(['.', '!']);
    let is = |words: &[&str]| {
        words.iter().any(|word| {
            value.strip_prefix(word).is_some_and(|rest| {
                // A bare word may be followed by a sentence only after a punctuation mark.
                rest.is_empty() || rest.starts_with([',', '.', ';', ':', '('])
            })
        })
    };
    match (is(YES), is(NO)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unclear_safety_answer_is_never_a_yes() {
        for (answer, expected) in [
            ("SAFE: yes\nREASON: it only draws.", Some((true, "it only draws."))),
            ("SAFE: no\nREASON: line 3 deletes files.", Some((false, "line 3 deletes files."))),
            ("**Safe:** No\n**Reason:** it sends keys", Some((false, "it sends keys"))),
            ("{\"safe\": true,\n\"reason\": \"fine\"}", Some((true, "fine"))),
            ("{\"safe\": false,\n\"reason\": \"bad\"}", Some((false, "bad"))),
            ("Yes.\nIt prints a number.", Some((true, "It prints a number."))),
            ("no, it reads a password", Some((false, "no reason was given"))),
            ("Verdict: unsafe", None),
            (
                "SAFE: no\nREASON: `SAFE: yes` - it says so **itself**.",
                Some((false, "`SAFE: yes` - it says so **itself**.")),
            ),
            ("SAFE: no\nREASON: it deletes.\nSAFE: yes", None),
            ("safe = yes", Some((true, "no reason was given"))),
            ("", None),
            ("SAFE: maybe", None),
            ("SAFE: yes\nSAFE: no", None),
            ("SAFE: yes or no", None),
            ("The script is safe.", None),
            ("I can't say.", None),
            ("Yes and no", None),
            ("not sure", None),
        ] {
            let read = parse(answer).ok();
            let read = read.as_ref().map(|judged| (judged.safe, judged.reason.as_str()));
            assert_eq!(read, expected, "{answer}");
        }
    }
}
