//! Settings of a session.

use super::chat::{Agent, Role};
use super::example::Example;
use super::packages::Rules;
use super::permission::Permission;
pub use super::policy::{Install, Safety, SandboxMode};
use super::report::Evidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Limits of a session.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Maximum number of versions.
    pub max_versions: u32,
    /// Maximum number of repairs, and of refused answers, in a row.
    pub repairs: u32,
    /// Budget in tokens, prompts and answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u64>,
    /// Budget in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// Maximum number of pieces of code that are run for one question of a dialogue, instead of the
    /// default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_versions: 10, repairs: 3, budget_tokens: None, budget_usd: None, steps: None }
    }
}

/// Limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// Sandbox mode.
    pub mode: SandboxMode,
    /// Wall-clock seconds.
    pub seconds: u64,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Limit of written data, in MiB.
    pub disk_mb: u64,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            mode: SandboxMode::Strict,
            seconds: 30,
            memory_mb: 2048,
            processes: 64,
            disk_mb: 512,
        }
    }
}

/// Gates at which the user is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gates {
    /// All gates.
    #[default]
    All,
    /// The plan is approved by the rules. Permissions are asked for all the same.
    End,
}

/// How lint findings are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LintUse {
    /// They are only recorded in the report.
    Off,
    /// They are shown to the Reviewer, and to the Coder together with other problems.
    #[default]
    Report,
    /// A version that works but has lint findings is sent to the Coder once to fix them.
    Repair,
}

/// How to choose between candidates with equal tests, runs and findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By lint score.
    #[default]
    Lint,
    /// The first one is taken.
    None,
}

/// A way of working: a named set of settings of the state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Plan, versions, reviews, all gates.
    #[default]
    Guided,
    /// No plan and no review: errors are sent back until the script runs.
    Quick,
    /// Several candidates for plan and script, the best by tests, run and checks.
    Sampler,
    /// A question about data files: the script is reviewed before each run, and a failure is
    /// explained.
    Analyst,
    /// Questions answered by running code: a dialogue without a plan, accepted versions or reviews.
    Ask,
}

impl Preset {
    /// Name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guided => "guided",
            Self::Quick => "quick",
            Self::Sampler => "sampler",
            Self::Analyst => "analyst",
            Self::Ask => "ask",
        }
    }
}

/// Settings of one role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSettings {
    /// `PROVIDER/MODEL`.
    pub model: String,
    /// Sampling temperature, instead of the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Maximum length of the answer in tokens, instead of the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The model to try once if the session is stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<String>,
}

/// Settings of a session: `session.yaml` without the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The preset.
    pub preset: Preset,
    /// Settings of each role.
    pub roles: BTreeMap<Role, RoleSettings>,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// Whether there is a plan; otherwise the request takes its place.
    #[serde(default = "yes")]
    pub plan: bool,
    /// Whether versions are reviewed.
    #[serde(default = "yes")]
    pub review: bool,
    /// Whether versions are reviewed before they are run for the first time.
    #[serde(default)]
    pub review_before_run: bool,
    /// Whether a repair prompt has all earlier attempts, and a failure of the last repair is
    /// explained.
    #[serde(default)]
    pub analysis: bool,
    /// Whether the user's question is answered from the output of an accepted version.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interpretation: bool,
    /// Gates at which the user is asked.
    #[serde(default)]
    pub gates: Gates,
    /// Number of candidates for a script.
    #[serde(default = "one")]
    pub candidates: u32,
    /// Number of candidates for a plan.
    #[serde(default = "one")]
    pub plan_candidates: u32,
    /// Maximum number of times that a model is asked for a module's package.
    #[serde(default = "three")]
    pub dependency_samples: u32,
    /// Whether the index is asked if a package exists before it is installed.
    #[serde(default = "yes")]
    pub check_index: bool,
    /// Maximum number of installation attempts.
    #[serde(default = "one")]
    pub install_attempts: u32,
    /// Increase of the temperature for each further candidate.
    #[serde(default = "tenth")]
    pub sampling_temperature_step: f64,
    /// How to choose between candidates that are otherwise equal.
    #[serde(default)]
    pub sampling_strategy: Strategy,
    /// Number of candidates that have to behave the same to be trusted.
    #[serde(default = "two")]
    pub quorum: u32,
    /// Whether the Coder answers with edits of the previous script, if there is one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edits: bool,
    /// Whether arguments and input are extracted from the request if a script reads any.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tries: bool,
    /// The evidence that the rules of `--auto` require to accept a version.
    #[serde(default)]
    pub accept: Evidence,
    /// How lint findings are used.
    #[serde(default)]
    pub lint: LintUse,
    /// Whether versions are run.
    #[serde(default = "yes")]
    pub run: bool,
    /// Sandbox mode and limits of runs.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// Permissions of scripts outside their run folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Permission>,
    /// Whether packages are installed.
    #[serde(default)]
    pub install: Install,
    /// The user's rules for packages.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub packages: Rules,
    /// Who judges whether a script is safe to run.
    #[serde(default)]
    pub safety: Safety,
    /// The Python to use, if it is not the first one found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Command-line arguments of every run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Standard input of every run, before end of file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdin: String,
    /// The user's examples of what the script does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// JSON schema that the output must match, as JSON on one line; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema: String,
}

const fn yes() -> bool {
    true
}

const fn is_false(it: &bool) -> bool {
    !*it
}

const fn one() -> u32 {
    1
}

const fn two() -> u32 {
    2
}

const fn three() -> u32 {
    3
}

const fn tenth() -> f64 {
    0.1
}

impl Default for Settings {
    /// Settings of the preset `guided`, without models.
    fn default() -> Self {
        Self::of(Preset::Guided)
    }
}

impl Settings {
    /// Settings of a preset, without models.
    #[must_use]
    pub fn of(preset: Preset) -> Self {
        let guided = Self {
            preset,
            roles: BTreeMap::new(),
            limits: Limits::default(),
            plan: true,
            review: true,
            review_before_run: false,
            analysis: false,
            interpretation: false,
            gates: Gates::All,
            candidates: one(),
            plan_candidates: one(),
            dependency_samples: three(),
            check_index: true,
            install_attempts: one(),
            sampling_temperature_step: tenth(),
            sampling_strategy: Strategy::default(),
            quorum: two(),
            edits: false,
            tries: false,
            accept: Evidence::default(),
            lint: LintUse::default(),
            run: true,
            sandbox: Sandbox::default(),
            allow: Vec::new(),
            install: Install::default(),
            packages: Rules::default(),
            safety: Safety::default(),
            python: None,
            args: Vec::new(),
            stdin: String::new(),
            examples: Vec::new(),
            schema: String::new(),
        };
        let patient = Limits { repairs: 5, ..Limits::default() };
        match preset {
            Preset::Guided => guided,
            Preset::Ask => Self { plan: false, review: false, ..guided },
            Preset::Quick => {
                Self { plan: false, review: false, gates: Gates::End, limits: patient, ..guided }
            }
            Preset::Sampler => Self {
                review: false,
                gates: Gates::End,
                limits: patient,
                candidates: 3,
                plan_candidates: 3,
                lint: LintUse::Repair,
                ..guided
            },
            Preset::Analyst => {
                let own = Self { review: false, review_before_run: true, analysis: true, ..guided };
                Self { interpretation: true, ..own }
            }
        }
    }

    /// The permissions that these settings grant, for which they must be trusted.
    #[must_use]
    pub fn openings(&self) -> Vec<Permission> {
        let mode = (self.sandbox.mode != SandboxMode::Strict)
            .then_some(Permission::Sandbox(self.sandbox.mode));
        let python = self.python.clone().map(Permission::Python);
        let unguarded = matches!(self.safety, Safety::Off | Safety::Model);
        let safety = unguarded.then_some(Permission::Safety(self.safety));
        let install = (self.install == Install::Auto).then_some(Permission::Install(self.install));
        let own = mode.into_iter().chain(python).chain(safety).chain(install);
        own.chain(self.allow.iter().cloned()).collect()
    }

    /// The same settings without the permissions that they grant.
    #[must_use]
    pub fn closed(mut self) -> Self {
        for permission in self.openings() {
            self.close(&permission);
        }
        self.packages.allow.clear();
        self
    }

    /// Applies a setting of a session made elsewhere, after the user allowed it.
    pub fn open(&mut self, permission: &Permission) {
        match permission {
            Permission::Sandbox(mode) => self.sandbox.mode = *mode,
            Permission::Python(python) => self.python = Some(python.clone()),
            Permission::Safety(safety) => self.safety = *safety,
            Permission::Install(install) => self.install = *install,
            _ => {}
        }
    }

    /// Revokes a permission that these settings grant.
    pub fn close(&mut self, permission: &Permission) {
        match permission {
            Permission::Sandbox(_) => self.sandbox.mode = SandboxMode::Strict,
            Permission::Python(_) => self.python = None,
            Permission::Safety(_) => self.safety = Safety::Static,
            Permission::Install(_) => self.install = Install::Ask,
            _ => self.allow.retain(|allowed| allowed != permission),
        }
    }

    /// Number of candidates that this agent is asked for at once.
    #[must_use]
    pub fn samples(&self, agent: Agent) -> usize {
        let samples = match agent {
            // One that fixes the script, and one that is written from scratch.
            Agent::Repair if self.accept == Evidence::Agreed => self.candidates.min(2),
            Agent::Coder | Agent::Repair => self.candidates,
            Agent::Planner => self.plan_candidates,
            _ => 1,
        };
        usize::try_from(samples).unwrap_or(1).max(1)
    }

    /// Settings of a role; a role without settings has no model.
    #[must_use]
    pub fn role(&self, role: Role) -> RoleSettings {
        self.roles.get(&role).cloned().unwrap_or_default()
    }
}
