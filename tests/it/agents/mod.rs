//! The agents' parsers of answers: tables of forms, and complete answers of real small models.

mod coder;
mod corpus;
mod formats;
mod forms;
mod planner;
mod prompts;
mod properties;
mod reviewer;
mod samples;

use redraft::agents::extract::SyntaxProblem;
use redraft::domain::plan::Requirement;

/// Whether the text is valid Python syntax, with the same messages as the real checks.
fn parses(text: &str) -> Result<(), SyntaxProblem> {
    match ruff_python_parser::parse_module(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let at = error.location.start().to_usize().min(text.len());
            let line = text[..at].matches('\n').count() + 1;
            Err(SyntaxProblem { line, message: error.error.to_string() })
        }
    }
}

pub(crate) fn requirements(texts: &[&str]) -> Vec<Requirement> {
    let number = |(n, text): (usize, &&str)| Requirement {
        id: format!("R{}", n + 1),
        text: (*text).to_owned(),
    };
    texts.iter().enumerate().map(number).collect()
}
