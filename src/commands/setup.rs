//! Session settings from the configuration and the flags.

use super::Context;
use crate::cli::Work;
use crate::config::Config;
use crate::domain::chat::Role;
use crate::domain::example::Example;
use crate::domain::permission::{self, Permission};
use crate::domain::report::Evidence;
use crate::domain::settings::{Preset, RoleSettings, Safety, Settings, Strategy};
use crate::domain::text::one_line;
use crate::files;
use crate::llm::Used;
use crate::llm::discover::{self, Choice};
use crate::llm::library::{Library, LibraryError};
use crate::llm::provider::{self, ProviderError};
use crate::workflow::{driver, schema};
use anyhow::{Result, anyhow, bail};
use std::collections::BTreeSet;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Number of candidates for a free model, and how many of them must agree: agreement is stronger
/// evidence than any single candidate.
const OF_OTHERS: (u32, u32) = (3, 2);
/// The same for a model that judges scripts no better than chance: it makes the same mistake twice.
const OF_GUESSING: (u32, u32) = (4, 3);
/// Increase of the temperature per candidate, so that the candidates differ.
const STEP: f64 = 0.2;
/// The longest input for a script, in bytes: it is stored in the session's journal.
const LONGEST_INPUT: u64 = 1 << 20;

/// A runtime for models, scripts and Ctrl-C. One thread is enough for one session.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// The settings of a new session.
///
/// # Errors
/// No model was named and none was found.
pub(super) fn settings(context: &Context, preset: Option<Preset>, work: &Work) -> Result<Settings> {
    let config = &context.config;
    if preset.is_none() && config.preset == Some(Preset::Ask) {
        bail!("`preset: ask` in the configuration leads to no script; ask with: redraft ask");
    }
    let usual = Settings::of(preset.or(config.preset).unwrap_or_default());
    let usual_accept = usual.accept;
    let mut settings = Settings {
        limits: config.limits(usual.limits),
        candidates: config.candidates.unwrap_or(usual.candidates),
        plan_candidates: config.plan_candidates.unwrap_or(usual.plan_candidates),
        dependency_samples: config.dependency_samples.unwrap_or(usual.dependency_samples),
        check_index: config.check_index.unwrap_or(usual.check_index),
        install_attempts: config.install_attempts.unwrap_or(usual.install_attempts),
        sampling_temperature_step: config
            .sampling_temperature_step
            .unwrap_or(usual.sampling_temperature_step),
        sampling_strategy: config.sampling_strategy.unwrap_or(usual.sampling_strategy),
        lint: config.lint.unwrap_or(usual.lint),
        run: config.run.unwrap_or(usual.run),
        sandbox: config.sandbox(),
        allow: permissions(&config.allow)?,
        install: config.install.unwrap_or_default(),
        packages: config.packages(),
        safety: config.safety.unwrap_or_default(),
        python: config.python.clone(),
        ..usual
    };
    let mut found = None;
    let judged = matches!(settings.safety, Safety::Model | Safety::Both);
    let roles = roles_of(settings.preset).iter().copied().chain(judged.then_some(Role::Safety));
    for role in roles {
        let mut of_role = RoleSettings::default();
        if let Some(config) = config.roles.get(&role) {
            of_role.temperature = config.temperature;
            of_role.max_tokens = config.max_tokens;
            of_role.escalate_to.clone_from(&config.escalate_to);
        }
        of_role.model = if let Some(model) = flag(work, role).or_else(|| config.model_of(role)) {
            model.to_owned()
        } else {
            if found.is_none() {
                found = Some(default_model(context)?.model);
            }
            found.clone().unwrap_or_default()
        };
        settings.roles.insert(role, of_role);
    }
    further_roles(config, work, &mut settings);
    let free = provider::costs_nothing(&settings.role(Role::Coder).model, config.models());
    if free && config.candidates.is_none() && writes_unseen(settings.preset) {
        let guesses = provider::is_guessing(&settings.role(Role::Coder).model, config.models());
        let (candidates, quorum) = if guesses { OF_GUESSING } else { OF_OTHERS };
        settings.candidates = settings.candidates.max(candidates);
        settings.quorum = quorum;
        // If none agree, the model's most likely answer is used.
        if config.sampling_strategy.is_none() && settings.preset != Preset::Sampler {
            settings.sampling_strategy = Strategy::None;
        }
        if config.sampling_temperature_step.is_none() {
            settings.sampling_temperature_step = STEP;
        }
    }
    // A model that judges scripts no better than chance, or may be small, writes whole scripts
    // instead of edits.
    let strong =
        || !free && !provider::is_guessing(&settings.role(Role::Coder).model, config.models());
    settings.edits = config.edits.unwrap_or_else(strong);
    settings.tries = free && writes_unseen(settings.preset);
    apply(&mut settings, work)?;
    settings.accept = config.accept.unwrap_or(if free && settings.candidates > 1 {
        Evidence::Agreed
    } else {
        usual_accept
    });
    Ok(settings)
}

/// Roles that use the settings of another role unless configured themselves.
fn further_roles(config: &Config, work: &Work, settings: &mut Settings) {
    let judge = if settings.preset == Preset::Ask { Role::Engineer } else { Role::Reviewer };
    for (role, usual) in [
        // Not its temperature: this role uses another template.
        (
            Role::Dependencies,
            RoleSettings { model: settings.role(judge).model, ..RoleSettings::default() },
        ),
        (Role::Linter, settings.role(Role::Coder)),
    ] {
        let Some(own) = config.roles.get(&role) else { continue };
        let model = flag(work, role).or(own.model.as_deref());
        let set = RoleSettings {
            model: model.map_or(usual.model, str::to_owned),
            temperature: own.temperature.or(usual.temperature),
            max_tokens: own.max_tokens.or(usual.max_tokens),
            escalate_to: own.escalate_to.clone().or(usual.escalate_to),
        };
        if !set.model.is_empty() {
            settings.roles.insert(role, set);
        }
    }
}

/// Probes the models of an unattended session that were not probed yet, because later requests
/// depend on the result. Returns whether any was probed, or `None` if interrupted.
///
/// # Errors
/// A model that can't be connected to.
pub(super) fn get_to_know(
    context: &Context,
    settings: &Settings,
    cancel: &CancellationToken,
) -> Result<Option<bool>> {
    let roles = [Role::Planner, Role::Coder, Role::Reviewer];
    let mut models: Vec<String> = roles.map(|role| settings.role(role).model.clone()).into();
    models.sort();
    models.dedup();
    let mut new = Vec::new();
    for model in models {
        let connection = provider::connect(&model, context.config.models(), &Used::new())?;
        if connection.is_new {
            new.push((model, connection));
        }
    }
    if new.is_empty() {
        return Ok(Some(false));
    }
    let runtime = runtime()?;
    let mut any = false;
    for (model, mut connection) in new {
        let mut tell = |words: &str| context.terminal.note(&format!("  {}", one_line(words, 500)));
        let asked = driver::get_to_know(&mut connection, &model, cancel, &mut tell);
        match runtime.block_on(asked) {
            Ok(asked) => any |= asked,
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(any))
}

/// Adapts the settings of an unattended session: a model that judges scripts no better than chance
/// neither plans nor reviews. Returns a note if something was changed.
pub(super) fn suit_unattended(context: &Context, settings: &mut Settings) -> Option<String> {
    let guesses = |role| provider::is_guessing(&settings.role(role).model, context.config.models());
    let (plan, review) = (guesses(Role::Planner), guesses(Role::Reviewer));
    let analyst = settings.review_before_run;
    if analyst || !(settings.plan && plan || settings.review && review) {
        return None;
    }
    settings.plan &= !plan;
    settings.review &= !review;
    let left_out = match (plan, review) {
        (true, true) => "no plan and no review",
        (true, false) => "no plan",
        _ => "no review",
    };
    Some(format!(
        "{left_out}: nobody is at the gates, and the model judges scripts no better than chance"
    ))
}

/// Whether several scripts may be written and run before the user sees any of them.
const fn writes_unseen(preset: Preset) -> bool {
    matches!(preset, Preset::Guided | Preset::Quick | Preset::Sampler)
}

/// Applies the flags to the settings of a session.
///
/// # Errors
/// Arguments or an input for the script that can't be read.
pub(super) fn apply(settings: &mut Settings, work: &Work) -> Result<()> {
    let mut roles: BTreeSet<Role> = settings.roles.keys().copied().collect();
    roles.extend(roles_of(settings.preset));
    for role in roles {
        if let Some(model) = flag(work, role) {
            model.clone_into(&mut settings.roles.entry(role).or_default().model);
        }
    }
    settings.candidates = work.candidates.unwrap_or(settings.candidates);
    let limits = &mut settings.limits;
    limits.repairs = work.repairs.unwrap_or(limits.repairs);
    limits.max_versions = work.max_versions.unwrap_or(limits.max_versions);
    limits.budget_tokens = work.means.budget_tokens.or(limits.budget_tokens);
    limits.budget_usd = work.means.budget_usd.or(limits.budget_usd);
    settings.run &= !work.no_run;
    if let Some(mode) = work.means.sandbox {
        settings.sandbox.mode = mode.into();
        settings.run = !work.no_run;
    }
    for permission in permissions(&work.means.allow)? {
        if !settings.allow.contains(&permission) {
            settings.allow.push(permission);
        }
    }
    if work.means.python.is_some() {
        settings.python.clone_from(&work.means.python);
    }
    if let Some(file) = &work.means.schema {
        let text = files::read_text(file, LONGEST_INPUT)?;
        settings.schema = schema::read(&text)
            .map_err(|why| anyhow!("cannot take `--schema {}`: {why}", file.display()))?;
    }
    if let Some(args) = &work.args {
        let Some(args) = shlex::split(args) else {
            bail!("cannot read `--args {}`: a quote is not closed", one_line(args, 60));
        };
        settings.args = args;
    }
    for text in &work.examples {
        let example = Example::read(text)
            .map_err(|why| anyhow!("cannot take `--example {}`: {why}", one_line(text, 60)))?;
        if !settings.examples.contains(&example) {
            settings.examples.push(example);
        }
    }
    if let Some(stdin) = &work.stdin {
        settings.stdin = match stdin.strip_prefix('@') {
            Some(file) => files::read_text(Path::new(file), LONGEST_INPUT)?,
            // Input typed at a terminal ends with a line feed.
            None if stdin.is_empty() || stdin.ends_with('\n') => stdin.clone(),
            None => format!("{stdin}\n"),
        };
    }
    Ok(())
}

/// The permissions from flags or the configuration. Paths are resolved here, so that a link that
/// changes later has no effect.
///
/// # Errors
/// An invalid permission, or a path that does not exist.
pub(super) fn permissions(texts: &[String]) -> Result<Vec<Permission>> {
    let here = std::env::current_dir()?;
    let mut permissions = Vec::new();
    for text in texts {
        for permission in permission::read_flag(text, &here)? {
            permissions.push(match permission {
                Permission::Read(path) => Permission::Read(files::resolve(&path)?).writable()?,
                other => other,
            });
        }
    }
    Ok(permissions)
}

/// The roles that always get a model.
const fn roles_of(preset: Preset) -> &'static [Role] {
    match preset {
        Preset::Ask => &[Role::Engineer],
        _ => &Role::WORKFLOW,
    }
}

fn flag(work: &Work, role: Role) -> Option<&str> {
    let own = match role {
        Role::Planner => &work.planner,
        Role::Coder => &work.coder,
        Role::Reviewer => &work.reviewer,
        Role::Safety | Role::Dependencies | Role::Engineer | Role::Linter => &None,
    };
    own.as_deref().or(work.means.model.as_deref())
}

/// The model to use if none is configured.
pub(super) fn default_model(context: &Context) -> Result<Choice> {
    let library = Library::open()?;
    let found = runtime()?.block_on(discover::discover(context.config.models()));
    Ok(discover::choose(&found, library.preferred()))
}

/// Checks that every model of the settings can be used as configured, before anything is written,
/// downloaded or paid for. Models that only need to be downloaded are left to
/// [`super::fetch::ensure`].
pub(super) fn check_models(context: &Context, settings: &Settings) -> Result<()> {
    for role in settings.roles.values() {
        for model in [Some(&role.model), role.escalate_to.as_ref()].into_iter().flatten() {
            match provider::check(model, context.config.models()) {
                Err(ProviderError::Library(LibraryError::NotHere { .. })) => {}
                checked => checked?,
            }
        }
    }
    Ok(())
}
