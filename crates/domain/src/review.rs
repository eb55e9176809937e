//! Review results, and the findings that persist over versions.

use serde::{Deserialize, Serialize};

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The version can't be accepted while the finding is open.
    Blocker,
    /// Should be improved.
    Should,
    /// A matter of taste.
    Nit,
}

impl Severity {
    /// Name in reviews and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Should => "should",
            Self::Nit => "nit",
        }
    }
}

/// The Reviewer's recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Accept the version.
    Accept,
    /// Write another version.
    Iterate,
}

impl Verdict {
    /// Name in reviews and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Iterate => "ITERATE",
        }
    }
}

/// Whether a requirement is fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Fulfilled.
    Met,
    /// Partly fulfilled.
    Partly,
    /// Not fulfilled.
    NotMet,
}

impl Status {
    /// Name in reviews and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::NotMet => "not met",
        }
    }
}

/// The Reviewer's judgement of one requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// `R1`, `R2`, ...
    pub requirement: String,
    /// Whether it is fulfilled.
    pub status: Status,
}

/// One finding as the Reviewer wrote it, before the ledger has merged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawFinding {
    /// Id of the finding of an earlier version that it repeats, such as `F1`.
    pub id: Option<String>,
    /// The requirement that it belongs to, if named.
    pub requirement: Option<String>,
    /// Its severity, if named.
    pub severity: Option<Severity>,
    /// The quoted line of the script.
    pub quote: Option<String>,
    /// What is wrong.
    pub text: String,
}

/// A parsed answer of the Reviewer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawReview {
    /// Judgements of requirements.
    pub judgements: Vec<Judgement>,
    /// Findings, as written.
    pub findings: Vec<RawFinding>,
    /// Verdict, if there is one.
    pub verdict: Option<Verdict>,
}

impl RawReview {
    /// Whether the answer itself demands another version.
    #[must_use]
    pub fn blocks(&self) -> bool {
        let blocks = |finding: &RawFinding| finding.severity == Some(Severity::Blocker);
        let unmet = |judgement: &Judgement| judgement.status == Status::NotMet;
        self.verdict == Some(Verdict::Iterate)
            || self.findings.iter().any(blocks)
            || self.judgements.iter().any(unmet)
    }
}

/// State of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// To be fixed.
    Open,
    /// No longer found by a later review.
    Fixed,
    /// Waived by the user.
    Waived,
    /// It contradicts an earlier finding.
    Contested,
    /// Its quote is not in the script, or the run printed what it calls missing: it is shown, but
    /// not sent to the Coder.
    Unsupported,
}

impl FindingState {
    /// Name in reviews and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fixed => "settled",
            Self::Waived => "waived",
            Self::Contested => "contested",
            Self::Unsupported => "unsupported",
        }
    }
}

/// One finding with an id, tracked until it is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id within the session: `F1`, `F2`, ...
    pub id: String,
    /// The requirement that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The quoted line of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// What is wrong.
    pub text: String,
    /// State.
    pub state: FindingState,
    /// The version in which it was first found.
    pub first: u32,
    /// The version in which it was last found.
    pub last: u32,
    /// Number of wordings that were merged into it.
    pub times: u32,
    /// The finding that it contradicts, if it is contested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The user found it, in a test by hand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_manager: bool,
}

impl Finding {
    /// A new open finding, first found in `version`; `known` is the number of findings in the
    /// ledger.
    #[must_use]
    pub fn new(known: usize, version: u32, severity: Severity, text: String) -> Self {
        Self {
            id: format!("F{}", known + 1),
            requirement: None,
            severity,
            quote: None,
            text,
            state: FindingState::Open,
            first: version,
            last: version,
            times: 1,
            against: None,
            by_manager: false,
        }
    }
}

/// The user's observation of a requirement in a test by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Whether it is fulfilled.
    pub status: Status,
    /// The user's note; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(n: &u32) -> bool {
    *n == 0
}

/// A review after the ledger has merged its findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The Reviewer's verdict.
    pub said: Option<Verdict>,
    /// Judgements of requirements.
    pub judgements: Vec<Judgement>,
    /// Ids of findings that are new in this version.
    pub new: Vec<String>,
    /// Ids of findings that were found again.
    pub again: Vec<String>,
    /// Ids of findings that this version settled.
    pub settled: Vec<String>,
    /// Ids of all open blockers after this review, and of the requirements that are not met where no finding
    /// says why.
    pub blockers: Vec<String>,
    /// It was made before the version was run: a run that ended normally overrides it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_run: bool,
    /// Number of findings that were dropped: a review leaves a limited number of findings open for
    /// each requirement.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u32,
}
