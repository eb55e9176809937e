//! What the Reviewer found, and the findings that live over versions.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The version can't be accepted with it.
    Blocker,
    /// Should be better.
    Should,
    /// A matter of taste.
    Nit,
}

impl Severity {
    /// The word in reviews and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Should => "should",
            Self::Nit => "nit",
        }
    }
}

/// What the Reviewer would have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Take it.
    Accept,
    /// Write another version.
    Iterate,
}

impl Verdict {
    /// The word in reviews and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Iterate => "ITERATE",
        }
    }
}

/// How far a requirement is fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Fulfilled.
    Met,
    /// In part.
    Partly,
    /// Not fulfilled.
    NotMet,
}

impl Status {
    /// The words in reviews and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::NotMet => "not met",
        }
    }
}

/// The Reviewer's word on one requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// `R1`, `R2`, ...
    pub requirement: String,
    /// How far it is fulfilled.
    pub status: Status,
}

/// One point as the Reviewer wrote it, before the ledger has seen it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawFinding {
    /// The finding of an earlier version that it names as still there, `F1`.
    pub id: Option<String>,
    /// The requirement that it belongs to, where one was named.
    pub requirement: Option<String>,
    /// Its weight, where one was named.
    pub severity: Option<Severity>,
    /// The quoted line of the script.
    pub quote: Option<String>,
    /// What is wrong.
    pub text: String,
}

/// A Reviewer's answer taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawReview {
    /// Its word on requirements.
    pub judgements: Vec<Judgement>,
    /// Its points, as written.
    pub findings: Vec<RawFinding>,
    /// Its verdict, where it gave one.
    pub verdict: Option<Verdict>,
}

impl RawReview {
    /// Whether it says by itself that another version is needed.
    #[must_use]
    pub fn blocks(&self) -> bool {
        let blocks = |finding: &RawFinding| finding.severity == Some(Severity::Blocker);
        let unmet = |judgement: &Judgement| judgement.status == Status::NotMet;
        self.verdict == Some(Verdict::Iterate)
            || self.findings.iter().any(blocks)
            || self.judgements.iter().any(unmet)
    }
}

/// Where a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// To be dealt with.
    Open,
    /// A later review did not find it any more.
    Fixed,
    /// The Manager said that it does not matter.
    Waived,
    /// Asked for the opposite of an earlier finding.
    Contested,
    /// Its quote is not in the script, or the run printed what it misses: shown, not given to the
    /// Coder.
    Unsupported,
}

impl FindingState {
    /// The word in reviews and on the screen.
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

/// One point with an id that lives until it is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `F1`, `F2`, ... in a session.
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
    /// Where it stands.
    pub state: FindingState,
    /// The version in which it was first found.
    pub first: u32,
    /// The version in which it was last found.
    pub last: u32,
    /// How many wordings were merged into it.
    pub times: u32,
    /// The finding that it asks for the opposite of, where it is contested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The Manager found it, in a test by hand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_manager: bool,
}

impl Finding {
    /// One that is open and was found in a version for the first time, of a ledger of so many findings.
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

/// What the Manager saw of a requirement in a test by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// How far it is fulfilled.
    pub status: Status,
    /// What the Manager said of it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(n: &u32) -> bool {
    *n == 0
}

/// A review after the ledger has seen it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The Reviewer's own verdict.
    pub said: Option<Verdict>,
    /// Its word on requirements.
    pub judgements: Vec<Judgement>,
    /// Ids of the findings that are new with this version.
    pub new: Vec<String>,
    /// Ids of those found again.
    pub again: Vec<String>,
    /// Ids of those that are settled by this version.
    pub settled: Vec<String>,
    /// Ids of all open blockers after this review.
    pub blockers: Vec<String>,
    /// It was made before the version was run: where the run went well, that counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_run: bool,
    /// Points that were left out: a review leaves only so many findings of one requirement open.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u32,
}
