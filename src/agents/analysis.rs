//! The Analysis agent: explains why no script worked, and what to try.

use super::thoughts::prose;
use super::{Refusal, RefusalKind, ask};
use crate::domain::chat::{Agent, Request};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

/// Maximum length of an explanation, in characters.
const LONGEST: usize = 6000;
/// Minimum number of letters and digits in an explanation.
const SHORTEST: usize = 40;

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The approved plan, or the request.
    pub plan: &'a str,
    /// The data files: each name with a description of the content.
    pub data: &'a [String],
    /// The history of failed tries, oldest first.
    pub tries: &'a str,
    /// The last script.
    pub script: &'a str,
    /// Its run, as text.
    pub run: &'a str,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let (plan, script) = (shown.plan.trim_end(), shown.script.trim_end());
    ask(prompts, Agent::Analysis, Shown { plan, script, ..*shown })
}

/// Extracts the explanation from an answer, without code.
///
/// # Errors
/// If there is hardly any text.
pub fn parse(answer: &str) -> Result<String, Refusal> {
    let kept = prose(answer);
    if kept.chars().filter(|c| c.is_alphanumeric()).count() < SHORTEST {
        let reason = "It explains nothing. Write `## What failed`, `## Why` and `## What to try`, \
                      each with a few sentences, and no code.";
        return Err(Refusal::new(RefusalKind::Unusable, reason));
    }
    let end = kept.char_indices().nth(LONGEST).map_or(kept.len(), |(at, _)| at);
    Ok(kept[..end].to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn only_an_analysis_that_explains_in_words_is_accepted() {
        let good = "## What failed\nThe column `temp` is not in the file, so each try ended.\n";
        for (answer, kept) in [
            (good.to_owned(), Some("## What failed\nThe column")),
            (
                format!("<think>code?</think>\n{good}```python\nprint(1)\n```\n## Why\n"),
                Some("## Why"),
            ),
            (
                "```python\nimport pandas as pd\nprint(pd.read_csv('data/x.csv').head(100))\n```"
                    .into(),
                None,
            ),
            (String::new(), None),
            ("I don't know.".into(), None),
            (good.repeat(1000), Some("each try")),
        ] {
            let read = parse(&answer);
            assert_eq!(read.is_ok(), kept.is_some(), "{answer}");
            if let (Ok(text), Some(kept)) = (read, kept) {
                assert!(text.contains(kept) && !text.contains("print"), "{text}");
                assert!(text.chars().count() <= LONGEST);
            }
        }
        assert!(parse("").unwrap_err().reason.contains("## Why"));
    }
}
