//! The Reviewer: judgements, findings and a verdict on one version.

mod form;
mod json;
mod lines;

pub use form::{pattern, write};
pub use json::write as write_json;

use super::thoughts::after_thinking;
use super::{Refusal, RefusalKind, ask, text};
use crate::domain::chat::{Agent, Request};
use crate::domain::plan::Requirement;
use crate::domain::review::{Judgement, RawFinding, RawReview, Status, Verdict};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of findings; a model that writes more does not stop.
const MAX_FINDINGS: usize = 100;
/// Maximum number of judgements that are read.
const MAX_JUDGED: usize = 10_000;

/// An open finding, to be confirmed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Open<'a> {
    /// Its id, `F1`.
    pub id: &'a str,
    /// What is wrong.
    pub text: &'a str,
}

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The approved plan.
    pub plan: &'a str,
    /// Its requirements.
    pub requirements: &'a [Requirement],
    /// The user's unsettled feedback on earlier versions.
    pub wishes: &'a [&'a str],
    /// The data files: each name with a description of the content.
    pub data: &'a [String],
    /// The script, without line numbers: a quote must be in it as written.
    pub script: &'a str,
    /// Its run, as text.
    pub run: &'a str,
    /// The results of the static checks, as text.
    pub checks: Option<&'a str>,
    /// Open findings; only the first twelve are used.
    pub open: &'a [Open<'a>],
    /// The version's number.
    pub version: u32,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
    /// The model is constrained to JSON.
    pub structured: bool,
}

/// The variables of the template.
#[derive(Serialize)]
struct Context<'a> {
    plan: &'a str,
    wishes: &'a [&'a str],
    data: &'a [String],
    script: &'a str,
    run: &'a str,
    checks: Option<&'a str>,
    open: &'a [Open<'a>],
    version: u32,
    refusal: Option<&'a str>,
    structured: bool,
    /// `R1, R2, R3`
    ids: String,
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let ids: Vec<&str> = shown.requirements.iter().map(|r| r.id.as_str()).collect();
    let context = Context {
        plan: shown.plan.trim_end(),
        wishes: shown.wishes,
        data: shown.data,
        script: shown.script.trim_end(),
        run: shown.run,
        checks: shown.checks,
        open: &shown.open[..shown.open.len().min(12)],
        version: shown.version,
        refusal: shown.refusal,
        structured: shown.structured,
        ids: ids.join(", "),
    };
    let schema = shown.structured.then(|| schema(&ids));
    let form = (!shown.structured).then(|| pattern(&ids));
    Ok(Request { schema, form, ..ask(prompts, Agent::Reviewer, context)? })
}

/// The JSON schema of a review: a judgement of each of these requirements, the findings, the
/// verdict. All fields are required, as some providers demand it; a missing text is empty. The
/// fields have the order of the prompt's example, in which a constrained model has to write them.
pub(super) fn schema(ids: &[&str]) -> Value {
    let object = |fields: Value| {
        let names: Vec<String> =
            fields.as_object().into_iter().flat_map(Map::keys).cloned().collect();
        json!({"type": "object", "properties": fields, "required": names,
            "additionalProperties": false})
    };
    let one_of = |words: &[&str]| json!({"type": "string", "enum": words});
    let text = json!({"type": "string"});
    let list = |of: Value| json!({"type": "array", "items": of});
    let finding = object(json!({
        "severity": one_of(&["blocker", "should", "nit"]),
        "requirement": text,
        "quote": text,
        "problem": text,
    }));
    let verdict = one_of(&["ACCEPT", "ITERATE"]);
    if ids.is_empty() {
        return object(json!({"findings": list(finding), "verdict": verdict}));
    }
    let judgement = json!({"id": one_of(ids), "status": one_of(&["met", "partly", "not met"])});
    object(json!({
        "requirements": list(object(judgement)),
        "findings": list(finding),
        "verdict": verdict,
    }))
}

/// Parses the review in an answer. The requested form (see [`write`] and [`write_json`]) is taken
/// literally. If an answer has no judgement or no finding in this form, lists and tables are parsed
/// for them.
///
/// Judgements are returned in the plan's order, and only where the answer does not contradict
/// itself.
///
/// # Errors
/// If the answer contains no review.
pub fn parse(answer: &str, requirements: &[Requirement]) -> Result<RawReview, Refusal> {
    let normal = text::normalise(answer);
    // What is nothing but the form holds no thoughts, whatever marks stand in it.
    let is_form = form::is_all(&normal) || serde_json::from_str::<Value>(&normal).is_ok();
    let text = if is_form { normal.as_str() } else { after_thinking(&normal) };
    if text.trim().is_empty() {
        let reason = "The answer was empty. Write the review.";
        return Err(Refusal::new(RefusalKind::Empty, reason));
    }
    let mut sheet = Sheet { requirements, ..Sheet::default() };
    // A finding may mention JSON: only an answer that starts with JSON is read as JSON.
    if begins_as_json(text) && json::read(text, &mut sheet) {
        let last = || text.lines().rev().find_map(form::verdict_line);
        sheet.verdict = sheet.verdict.or_else(last);
    } else {
        lines::read(text, &mut sheet);
        if sheet.judged.is_empty() && sheet.findings.is_empty() {
            json::read(text, &mut sheet);
        }
    }
    let (review, contradicts) = sheet.review();
    if review == RawReview::default() {
        return Err(refuse(contradicts));
    }
    Ok(review)
}

fn begins_as_json(text: &str) -> bool {
    let text = text.trim_start();
    let fenced = text.strip_prefix("```").and_then(|rest| rest.split_once('\n'));
    fenced.map_or(text, |(_, rest)| rest.trim_start()).starts_with(['{', '['])
}

const FORM: &str = "Write one line for each requirement (`R1: met`, `R2: partly` or `R3: not met`), \
                    then the problems as `- [blocker] R2 \"quoted line\" what is wrong`, then \
                    `VERDICT: ACCEPT` or `VERDICT: ITERATE`, and stop.";

/// The refusal of a review that leaves out these requirements.
#[must_use]
pub fn unjudged(ids: &[&str]) -> Refusal {
    let reason = format!("The answer does not judge {}. {FORM}", ids.join(", "));
    Refusal::new(RefusalKind::Unusable, reason)
}

fn refuse(contradicts: bool) -> Refusal {
    let reason = if contradicts {
        format!("The answer contradicts itself: the same requirement is met and not met. {FORM}")
    } else {
        format!("There is no review in the answer. {FORM}")
    };
    Refusal::new(RefusalKind::Unusable, reason)
}

/// Collects the parts of a review.
#[derive(Default)]
struct Sheet<'a> {
    requirements: &'a [Requirement],
    /// Judgements in the requested form.
    judged: Vec<(String, Status)>,
    /// Possible judgements in other forms.
    guessed: Vec<(String, Status)>,
    /// Findings in the requested form.
    findings: Vec<RawFinding>,
    /// Possible findings in other forms.
    loose: Vec<RawFinding>,
    verdict: Option<Verdict>,
}

impl Sheet<'_> {
    /// Whether the plan has this requirement. Without a plan, any id is accepted.
    fn knows(&self, id: &str) -> bool {
        self.requirements.is_empty() || self.requirements.iter().any(|r| r.id == id)
    }

    /// The review, and whether the answer calls one requirement both met and not met.
    fn review(mut self) -> (RawReview, bool) {
        let judged = if self.judged.is_empty() { &self.guessed } else { &self.judged };
        let mut statuses: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
        for (id, status) in judged.iter().take(MAX_JUDGED).filter(|(id, _)| self.knows(id)) {
            statuses.entry(id).or_default().insert(*status as u8);
        }
        let contradicts = statuses.values().any(|said| said.len() > 1);
        let ids: Vec<&str> = if self.requirements.is_empty() {
            statuses.keys().copied().collect()
        } else {
            self.requirements.iter().map(|r| r.id.as_str()).collect()
        };
        let judgements = ids.into_iter().filter_map(|id| {
            let said = statuses.get(id)?;
            let status = [Status::Met, Status::Partly, Status::NotMet]
                .into_iter()
                .find(|status| said.len() == 1 && said.contains(&(*status as u8)))?;
            Some(Judgement { requirement: id.to_owned(), status })
        });
        let judgements: Vec<Judgement> = judgements.collect();
        let formal = !self.findings.is_empty();
        let said = std::mem::take(if formal { &mut self.findings } else { &mut self.loose });
        let mut findings: Vec<RawFinding> = Vec::new();
        for finding in said.into_iter().map(|finding| self.tidy(finding)) {
            let empty = finding.text.is_empty() && finding.id.is_none();
            let counts = formal || self.says_something(&finding, &judgements);
            if !empty && counts && findings.len() < MAX_FINDINGS && !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        (RawReview { judgements, findings, verdict: self.verdict }, contradicts)
    }

    fn tidy(&self, finding: RawFinding) -> RawFinding {
        let quote = finding.quote.map(|quote| form::kept(&quote)).filter(|q| !q.is_empty());
        let text = form::kept(&finding.text);
        // The quoted line alone shows where the problem is.
        let text = if text.is_empty() { quote.clone().unwrap_or_default() } else { text };
        let requirement = finding.requirement.filter(|id| self.knows(id));
        RawFinding { requirement, quote, text, ..finding }
    }

    /// Whether a point in another form can be a finding: it is more than a word or a heading, does
    /// not repeat the plan, and is not about a requirement that the same answer calls met.
    fn says_something(&self, finding: &RawFinding, judgements: &[Judgement]) -> bool {
        if finding.severity.is_some() || finding.quote.is_some() || finding.id.is_some() {
            return true;
        }
        let key = text::key(&finding.text);
        let letters = finding.text.chars().filter(|c| c.is_alphabetic()).count();
        let word = letters < 6 || (!key.contains(' ') && finding.text.is_ascii());
        let again = self.requirements.iter().any(|r| text::key(&r.text) == key);
        let of_it = |j: &&Judgement| Some(&j.requirement) == finding.requirement.as_ref();
        let met = judgements.iter().find(of_it).is_some_and(|j| j.status == Status::Met);
        !(word || again || met || finding.text.ends_with(':'))
    }
}
