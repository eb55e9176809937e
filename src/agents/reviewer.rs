//! The Reviewer: judgements, findings and a verdict on one version.

mod json;
mod lines;
mod peel;
mod words;

use super::{Refusal, RefusalKind, ask, text};
use crate::domain::chat::{Agent, Request};
use crate::domain::plan::Requirement;
use crate::domain::review::{Judgement, RawFinding, RawReview, Status, Verdict};
use crate::domain::text::one_line;
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use words::Vocabulary;

/// More points than this are a model that does not stop.
const MAX_FINDINGS: usize = 100;
/// Characters of a finding's text or quote.
const MAX_WIDTH: usize = 600;

/// A finding that is still open, to be confirmed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Open<'a> {
    /// Its id, `F1`.
    pub id: &'a str,
    /// What is wrong.
    pub text: &'a str,
}

/// What the Reviewer is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The approved plan.
    pub plan: &'a str,
    /// Its requirements.
    pub requirements: &'a [Requirement],
    /// What the user said of versions before, and has not settled.
    pub wishes: &'a [&'a str],
    /// The data files: the name of each, with what is in it.
    pub data: &'a [String],
    /// The script, without line numbers: a quote must be in it as written.
    pub script: &'a str,
    /// Its run, in words.
    pub run: &'a str,
    /// What the static checks found, in words.
    pub checks: Option<&'a str>,
    /// Findings still open; only the first twelve are shown.
    pub open: &'a [Open<'a>],
    /// The version's number.
    pub version: u32,
    /// Why the answer before was refused.
    pub refusal: Option<&'a str>,
    /// The model is held to a form that is JSON.
    pub structured: bool,
}

/// The names that the template uses.
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

/// What is asked of the Reviewer.
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
    Ok(Request { schema, ..ask(prompts, Agent::Reviewer, context)? })
}

/// What a review has to be: a judgement of each of these requirements, the findings, the verdict. All
/// fields are required, as some providers want it: a text that there is none of is empty.
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
    let mut review = json!({
        "findings": list(finding),
        "verdict": one_of(&["ACCEPT", "ITERATE"]),
    });
    if !ids.is_empty() {
        let judgement = json!({"id": one_of(ids), "status": one_of(&["met", "partly", "not met"])});
        review["requirements"] = list(object(judgement));
    }
    object(review)
}

/// The review in an answer: JSON, also cut in the middle, or lines of almost any form.
///
/// Judgements are given in the plan's order and only where the answer does not contradict itself.
pub fn parse(answer: &str, requirements: &[Requirement]) -> Result<RawReview, Refusal> {
    let normal = text::normalise(answer);
    let text = text::after_thinking(&normal);
    if text.trim().is_empty() {
        let reason = "The answer was empty. Write the review.";
        return Err(Refusal::new(RefusalKind::Empty, reason));
    }
    let mut notes = Notes::new(requirements);
    if !json::read(text, &mut notes) {
        lines::read(text, &mut notes);
    } else if notes.verdict.is_none() {
        notes.verdict = text.lines().rev().find_map(words::verdict_line);
    }
    let contradicts = notes.contradicts();
    let review = notes.review();
    if review == RawReview::default() {
        return Err(refuse(contradicts));
    }
    Ok(review)
}

fn refuse(contradicts: bool) -> Refusal {
    let form = "Write one line for each requirement (`R1: met`, `R2: partly` or `R3: not met`), \
                then the problems as `- [blocker] R2 \"quoted line\" what is wrong`, then \
                `VERDICT: ACCEPT` or `VERDICT: ITERATE`, and stop.";
    let reason = if contradicts {
        format!("The answer contradicts itself: the same requirement is met and not met. {form}")
    } else {
        format!("There is no review in the answer. {form}")
    };
    Refusal::new(RefusalKind::Unusable, reason)
}

/// What is being collected from an answer.
struct Notes<'a> {
    requirements: &'a [Requirement],
    vocabulary: Vocabulary,
    statuses: BTreeMap<String, BTreeSet<u8>>,
    findings: Vec<RawFinding>,
    seen: BTreeSet<String>,
    verdict: Option<Verdict>,
}

impl<'a> Notes<'a> {
    fn new(requirements: &'a [Requirement]) -> Self {
        Self {
            requirements,
            vocabulary: Vocabulary::new(requirements),
            statuses: BTreeMap::new(),
            findings: Vec::new(),
            seen: BTreeSet::new(),
            verdict: None,
        }
    }

    /// Whether the plan has such a requirement. Without a plan any id will do.
    fn knows(&self, id: &str) -> bool {
        self.requirements.is_empty() || self.requirements.iter().any(|r| r.id == id)
    }

    fn judge(&mut self, id: &str, status: Status) {
        if self.knows(id) && self.statuses.len() <= MAX_FINDINGS {
            self.statuses.entry(id.to_owned()).or_default().insert(status as u8);
        }
    }

    fn judge_all(&mut self, status: Status) {
        for requirement in self.requirements {
            self.judge(&requirement.id, status);
        }
    }

    /// Takes a finding, unless it is none: praise, the plan said again, the prompt's own words.
    fn find(&mut self, mut finding: RawFinding) {
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        // Its number is the prompt's, and tells nobody what is wrong.
        let plain = text::plain(&finding.text);
        finding.text = one_line(words::without_number(plain.trim_start()), MAX_WIDTH);
        finding.quote =
            finding.quote.map(|q| one_line(q.trim(), MAX_WIDTH)).filter(|q| !q.is_empty());
        if finding.quote.as_deref().is_some_and(words::is_echo) {
            return;
        }
        if finding.text.is_empty() {
            finding.text = finding.quote.take().unwrap_or_default();
        }
        if finding.quote.is_some() {
            // "... draws nothing:" with the quote below.
            finding.text.truncate(finding.text.trim_end_matches([':', ' ']).len());
        }
        finding.requirement = finding.requirement.filter(|id| self.knows(id));
        let id = finding.requirement.as_deref();
        // "partly: Print the square" says the plan again, and nothing of what is wrong.
        let said = finding.text.as_str();
        let said = words::leading_status(said).map_or(said, |(_, rest)| rest);
        if words::says_nothing(&finding.text)
            || words::is_echo(&finding.text)
            || self.vocabulary.restates(id, said)
            || words::is_praise(&finding.text)
        {
            return;
        }
        let key = format!("{:?}|{:?}|{}", id, finding.quote, text::key(&finding.text));
        if self.seen.insert(key) {
            self.findings.push(finding);
        }
    }

    fn contradicts(&self) -> bool {
        self.statuses.values().any(|said| said.len() > 1)
    }

    /// Leaves out what tells that the script does what it should: of a requirement that is met, where
    /// nothing asks for another version, or where it is what the plan asks for.
    fn without_descriptions(&mut self) {
        let iterate = self.verdict == Some(Verdict::Iterate);
        let met = BTreeSet::from([Status::Met as u8]);
        let (statuses, vocabulary) = (&self.statuses, &self.vocabulary);
        self.findings.retain(|finding| {
            let judged = finding.requirement.as_ref().and_then(|id| statuses.get(id));
            let (text, is_met) = (finding.text.as_str(), judged == Some(&met));
            let weighed = finding.severity.is_some() && !is_met;
            let no_word = judged.is_none() && (!iterate || vocabulary.retells(text));
            let praise = is_met || no_word;
            finding.quote.is_some() || weighed || !praise || !words::describes(text)
        });
    }

    fn review(mut self) -> RawReview {
        self.without_descriptions();
        let ids: Vec<&String> = if self.requirements.is_empty() {
            self.statuses.keys().collect()
        } else {
            self.requirements.iter().map(|r| &r.id).collect()
        };
        let judgements = ids.into_iter().filter_map(|id| {
            let said = self.statuses.get(id)?;
            let status = [Status::Met, Status::Partly, Status::NotMet]
                .into_iter()
                .find(|status| said.len() == 1 && said.contains(&(*status as u8)))?;
            Some(Judgement { requirement: id.clone(), status })
        });
        RawReview {
            judgements: judgements.collect(),
            findings: self.findings,
            verdict: self.verdict,
        }
    }
}
