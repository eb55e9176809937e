//! What a session runs with.

use super::chat::{Agent, Role};
use super::example::Example;
use super::packages::Rules;
use super::permission::Permission;
pub use super::policy::{Install, Safety, SandboxMode};
use super::report::Evidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a session may go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Versions in all.
    pub max_versions: u32,
    /// Repairs, and answers refused, in a row.
    pub repairs: u32,
    /// Tokens of prompts and answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u64>,
    /// Money, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// Pieces of code that are run for one question of a dialogue, where the default is not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_versions: 10, repairs: 3, budget_tokens: None, budget_usd: None, steps: None }
    }
}

/// The limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// How much it is confined.
    pub mode: SandboxMode,
    /// Wall-clock seconds.
    pub seconds: u64,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Processes and threads.
    pub processes: u64,
    /// What it may write, in MiB.
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

/// Which gates a person is asked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gates {
    /// All of them.
    #[default]
    All,
    /// The plan is approved by rule. What is to be allowed is asked all the same.
    End,
}

/// What becomes of lint findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LintUse {
    /// They are kept in the report and told to nobody.
    Off,
    /// They are told to the Reviewer, and beside other problems to the Coder.
    #[default]
    Report,
    /// A version that works and has some goes back to the Coder for them once.
    Repair,
}

/// What counts between samples that tests, run and findings can't tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The lint score.
    #[default]
    Lint,
    /// Nothing: the first one is taken.
    None,
}

/// A way of working: settings of the one state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Plan, versions, reviews, all gates.
    #[default]
    Guided,
    /// No plan and no review: errors go back until it runs.
    Quick,
    /// Several samples of plan and script, the best by tests, run and checks.
    Sampler,
    /// A question about files of data: reviewed before each run, and a failure is explained.
    Analyst,
    /// Questions answered by running code: a dialogue, without plan, versions to accept and reviews.
    Ask,
}

impl Preset {
    /// The word on the command line.
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

/// What one role works with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSettings {
    /// `PROVIDER/MODEL`.
    pub model: String,
    /// Sampling temperature, where the template's is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The longest answer in tokens, where the template's is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The model to try once when the session is stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<String>,
}

/// What a session runs with: `session.yaml` without the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The way of working.
    pub preset: Preset,
    /// A model for each role.
    pub roles: BTreeMap<Role, RoleSettings>,
    /// How far it may go.
    #[serde(default)]
    pub limits: Limits,
    /// Whether there is a plan; else the request stands for it.
    #[serde(default = "yes")]
    pub plan: bool,
    /// Whether versions are reviewed.
    #[serde(default = "yes")]
    pub review: bool,
    /// Whether versions are reviewed before they are run for the first time.
    #[serde(default)]
    pub review_before_run: bool,
    /// Whether a repair is told of all tries before it, and the last one that fails is explained.
    #[serde(default)]
    pub analysis: bool,
    /// Whether the output of an accepted version is put into words, for the question that was asked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interpretation: bool,
    /// Which gates a person is asked at.
    #[serde(default)]
    pub gates: Gates,
    /// How many samples of a script are asked for at once.
    #[serde(default = "one")]
    pub candidates: u32,
    /// How many samples of a plan.
    #[serde(default = "one")]
    pub plan_candidates: u32,
    /// How often a model is asked for a module's package, at most.
    #[serde(default = "three")]
    pub dependency_samples: u32,
    /// Whether the index is asked if a package is there before it is installed.
    #[serde(default = "yes")]
    pub check_index: bool,
    /// How often an installation is tried.
    #[serde(default = "one")]
    pub install_attempts: u32,
    /// How much warmer each further sample is asked for.
    #[serde(default = "tenth")]
    pub sampling_temperature_step: f64,
    /// What counts between samples that are otherwise equal.
    #[serde(default)]
    pub sampling_strategy: Strategy,
    /// How many candidates have to do the same to be agreed on.
    #[serde(default = "two")]
    pub quorum: u32,
    /// Whether the Coder answers with edits of the script before, where there is one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edits: bool,
    /// Whether arguments and typed input are looked for in the request where a script reads some.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tries: bool,
    /// How much has to be seen of a version before the rules of `--auto` accept it.
    #[serde(default)]
    pub accept: Evidence,
    /// What becomes of lint findings.
    #[serde(default)]
    pub lint: LintUse,
    /// Whether versions are run.
    #[serde(default = "yes")]
    pub run: bool,
    /// How runs are confined.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// What scripts may reach outside their run folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Permission>,
    /// Whether packages are installed.
    #[serde(default)]
    pub install: Install,
    /// Which packages may be installed, as far as the user says so beforehand.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub packages: Rules,
    /// Who judges whether a script is safe to run.
    #[serde(default)]
    pub safety: Safety,
    /// The Python to use, where it is not the first that is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The command-line arguments that every version is run with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// What every version can read from standard input before end of file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdin: String,
    /// What the user says that the script does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// The JSON schema that what it prints has to fit, as JSON on one line; empty: none.
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
    /// Those of the preset `guided`, without models.
    fn default() -> Self {
        Self::of(Preset::Guided)
    }
}

impl Settings {
    /// What a preset stands for, without models.
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

    /// What these settings open, as permissions: what they have to be trusted for.
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

    /// The same settings without what they open.
    #[must_use]
    pub fn closed(mut self) -> Self {
        for permission in self.openings() {
            self.close(&permission);
        }
        self.packages.allow.clear();
        self
    }

    /// Opens what an answer allowed of what settings made elsewhere ask for.
    pub fn open(&mut self, permission: &Permission) {
        match permission {
            Permission::Sandbox(mode) => self.sandbox.mode = *mode,
            Permission::Python(python) => self.python = Some(python.clone()),
            Permission::Safety(safety) => self.safety = *safety,
            Permission::Install(install) => self.install = *install,
            _ => {}
        }
    }

    /// Takes back what these settings open by a permission.
    pub fn close(&mut self, permission: &Permission) {
        match permission {
            Permission::Sandbox(_) => self.sandbox.mode = SandboxMode::Strict,
            Permission::Python(_) => self.python = None,
            Permission::Safety(_) => self.safety = Safety::Static,
            Permission::Install(_) => self.install = Install::Ask,
            _ => self.allow.retain(|allowed| allowed != permission),
        }
    }

    /// How many samples are asked for at once where this agent is asked.
    #[must_use]
    pub fn samples(&self, agent: Agent) -> usize {
        let samples = match agent {
            // One that mends the script, and one that is written anew.
            Agent::Repair if self.accept == Evidence::Agreed => self.candidates.min(2),
            Agent::Coder | Agent::Repair => self.candidates,
            Agent::Planner => self.plan_candidates,
            _ => 1,
        };
        usize::try_from(samples).unwrap_or(1).max(1)
    }

    /// What a role works with; a role that nothing was set for has no model.
    #[must_use]
    pub fn role(&self, role: Role) -> RoleSettings {
        self.roles.get(&role).cloned().unwrap_or_default()
    }
}
