//! Candidates for a version: they are checked, run and tested concurrently, and the best is chosen.

use super::packages::Ground;
use super::run::but_the_disks;
use super::{Driver, DriverError, Next, removed};
use crate::domain::event::{Artifact, Event, SampleTried};
use crate::domain::example::Example;
use crate::domain::packages::Needs;
use crate::domain::permission::Access;
use crate::domain::report::{AS_GIVEN, Checks, GivenBy, Run, RunVerdict, Test, Trial};
use crate::domain::session::{Sample, Version};
use crate::domain::settings::Sandbox;
use crate::files;
use crate::python::acceptance::examples;
use crate::python::agreement;
use crate::python::interpreter::Interpreter;
use crate::python::run::{self, Ask, Ran, RunFault};
use crate::python::{behaviour, outline, trial};
use crate::sandbox::{self, Runner};
use crate::store::{StoreError, artifacts};
use crate::workflow::manager::News;
use crate::workflow::variations::{self, Inputs, Variation};
use crate::workflow::{install, machine, permission, results, samples};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::thread;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Why a candidate that fails when started counts as run.
const IMPORTED: &str =
    "started without arguments or input it fails; imported, as the request asks for, it works";
/// Maximum size of a data file that is varied, in bytes.
const VARIED: u64 = 1 << 20;

/// A candidate that can be run, with everything its run needs.
struct Candidate {
    script: String,
    name: String,
    checks: Checks,
    python: Interpreter,
    runner: Box<dyn Runner>,
    access: Access,
    data: Vec<PathBuf>,
    tests: Vec<PathBuf>,
    examples: Vec<Example>,
    limits: Sandbox,
    args: Vec<String>,
    stdin: String,
    given_by: Option<GivenBy>,
    keep: PathBuf,
    /// Whether it is compared with other candidates.
    compared: bool,
    /// Whether it defines a name that the request asks to import.
    imported: bool,
    /// Quoted texts of the request.
    said: Vec<String>,
    /// Whether its functions can be called with any value: it has no access to the outside.
    called: bool,
}

/// The results of a candidate: its run, the user's tests if it ran, and its behaviour in
/// comparisons.
struct Outcome {
    ran: Ran,
    tests: Option<Vec<Test>>,
    behaviour: BTreeMap<String, String>,
    trials: Vec<Trial>,
}

/// Inputs that all candidates are run with in addition to the session's own.
struct Varied {
    what: String,
    args: Vec<String>,
    stdin: String,
    data: Vec<PathBuf>,
    /// Holds the data files until this value is dropped.
    _folder: TempDir,
}

impl Driver<'_, '_> {
    /// Checks all untried candidates, and runs and tests those that may run without asking.
    pub(super) async fn try_samples(&mut self) -> Result<Next, DriverError> {
        let open: Vec<Sample> =
            self.store.session().samples.iter().filter(|s| !s.tried).cloned().collect();
        self.tools.manager.tell(News::Trying { samples: open.len() });
        let varied = Rc::new(self.varied()?);
        let mut candidates = Vec::new();
        for mut sample in open {
            let checks = super::checks_of(self.store.session(), &sample.version.script);
            sample.version.checks = Some(checks);
            let python = match self.ground_of_sample(&mut sample.version).await? {
                Ground::Python(python) => python,
                Ground::Nothing(run) => {
                    self.tried(sample, Some(*run))?;
                    continue;
                }
                Ground::Else(Next::Go) => {
                    self.tried(sample, None)?;
                    continue;
                }
                Ground::Else(end) => return Ok(end),
                Ground::Stopped => return self.stopped(None).await,
            };
            candidates.push((self.candidate(&sample, python)?, sample));
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let cancel = self.running.clone();
        let running = candidates.into_iter().map(|(candidate, sample)| {
            let (cancel, varied) = (cancel.clone(), varied.clone());
            async move { (sample, candidate.run(&varied.0, &varied.1, &cancel).await) }
        });
        let mut running = stream::iter(running).buffer_unordered(cores);
        while let Some((mut sample, tried)) = running.next().await {
            match tried {
                Ok(Outcome { ran: Ran { run, stdout, stderr }, tests, behaviour, trials }) => {
                    sample.behaviour = behaviour;
                    sample.trials = trials;
                    sample.version.stdout = stdout;
                    sample.version.stderr = stderr;
                    sample.version.tests = tests;
                    self.tried(sample, Some(run))?;
                }
                Err(RunFault::Interrupted) => {
                    // Ends the other runs before anything is asked.
                    drop(running);
                    return self.stopped(None).await;
                }
                Err(fault) => {
                    let fault = but_the_disks(fault)?;
                    let run = Run::not_run(RunVerdict::Skipped, fault.to_string());
                    self.tried(sample, Some(run))?;
                }
            }
        }
        Ok(Next::Go)
    }

    fn tried(&mut self, sample: Sample, run: Option<Run>) -> Result<(), DriverError> {
        let session = self.store.session();
        let run = run.map(|run| {
            let (version, called) = (&sample.version, !sample.behaviour.is_empty());
            results::judged(session, version, called, run, &version.stdout)
        });
        let Version { number, checks, stdout, stderr, tests, .. } = sample.version;
        let checks = checks.unwrap_or_default();
        let (sample, behaviour, trials) = (sample.number, sample.behaviour, sample.trials);
        let version = number;
        self.record(Event::SampleTried(Box::new(SampleTried {
            version,
            sample,
            checks,
            run,
            stdout,
            stderr,
            tests,
            behaviour,
            trials,
        })))
    }

    /// The Python for a candidate, if it may run without asking. A chosen candidate passes the
    /// gates like any version.
    async fn ground_of_sample(&mut self, version: &mut Version) -> Result<Ground, DriverError> {
        let session = self.store.session();
        let not_run = |verdict, why: &str| {
            Ok(Ground::Nothing(Box::new(Run::not_run(verdict, why.to_owned()))))
        };
        if version.check_failed() || !session.settings.run {
            return Ok(Ground::Else(Next::Go));
        }
        if let Some(why) = permission::refusal(session, version) {
            return not_run(RunVerdict::Refused, &why);
        }
        let asked = !permission::unanswered(session, version).is_empty();
        let unasked = self.tools.auto && permission::runs_unasked(session, version);
        if permission::is_to_be_judged(session, version) || (asked && !unasked) {
            return not_run(RunVerdict::Skipped, "somebody has to be asked before it runs");
        }
        if !install::is_open(session, version) {
            return self.ground_of(version.number, &Needs::default()).await;
        }
        let Some(needs) = self.needs_of(version.checks.as_ref()).await else {
            return Ok(Ground::Stopped);
        };
        version.needs = Some(needs.clone());
        let session = self.store.session();
        let named = install::unnamed(session, version).is_empty();
        if !named || !install::unanswered(session, version).is_empty() {
            return not_run(RunVerdict::Skipped, "somebody has to be asked for its packages");
        }
        self.ground_of(version.number, &Needs { ready: false, ..needs }).await
    }

    fn candidate(&self, sample: &Sample, python: Interpreter) -> Result<Candidate, DriverError> {
        let (session, version) = (self.store.session(), &sample.version);
        let (given, given_by) = super::given(session);
        let access = permission::access(session, version);
        let called = agreement::called(&session.request);
        let defines = outline::of(&version.script).map(|outline| outline.definitions);
        Ok(Candidate {
            imported: defines.is_ok_and(|names| names.iter().any(|name| called.contains(name))),
            script: version.script.clone(),
            name: artifacts::script_file(version.number),
            checks: version.checks.clone().unwrap_or_default(),
            python,
            runner: sandbox::runner(access.mode),
            called: access == Access::default(),
            access,
            data: self.store.given().data.clone(),
            tests: self.store.given().tests.clone(),
            examples: session.all_examples().cloned().collect(),
            limits: session.settings.sandbox,
            args: given.args,
            stdin: given.stdin,
            given_by,
            said: agreement::quoted(&session.request),
            compared: session.settings.candidates > 1,
            keep: self.store.sample_files(version.number, sample.number)?,
        })
    }

    /// Variations of the scripts' inputs, with their files; and copies of the inputs with one of
    /// them replaced.
    fn varied(&self) -> Result<(Vec<Varied>, Vec<Varied>), DriverError> {
        let (given, _) = super::given(self.store.session());
        let data = &self.store.given().data;
        let content = |path: &PathBuf| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, files::read_regular(path, VARIED)?))
        };
        let inputs = Inputs {
            args: given.args,
            stdin: given.stdin,
            files: data.iter().filter_map(content).collect(),
        };
        let made = |(what, inputs): (String, Inputs)| {
            let folder = files::temporary_folder()?;
            let mut paths = Vec::new();
            for (name, bytes) in &inputs.files {
                let place = folder.path().join(name);
                files::put(&place, bytes)?;
                paths.push(place);
            }
            // Files that cannot be read are passed unchanged.
            let is_varied = |path: &&PathBuf| {
                inputs
                    .files
                    .iter()
                    .any(|(name, _)| path.file_name().is_some_and(|n| n == name.as_str()))
            };
            paths.extend(data.iter().filter(|path| !is_varied(path)).cloned());
            let Inputs { args, stdin, .. } = inputs;
            Ok(Varied { what, args, stdin, data: paths, _folder: folder })
        };
        let all = |inputs: Vec<(String, Inputs)>| -> Result<Vec<Varied>, DriverError> {
            let all: Result<Vec<Varied>, files::FileError> = inputs.into_iter().map(made).collect();
            Ok(all.map_err(StoreError::from)?)
        };
        let varied = variations::of(&inputs).into_iter();
        let varied = varied.map(|Variation { what, inputs }| (what.to_owned(), inputs)).collect();
        Ok((all(varied)?, all(variations::without_one(&inputs))?))
    }

    /// Records the best candidate as the next version, with its results so far.
    pub(super) fn choose(&mut self) -> Result<Next, DriverError> {
        let session = self.store.session();
        let (scores, best) = samples::choose(session);
        let Some(chosen) = session.samples.get(best).cloned() else { return Ok(Next::Go) };
        let mut version =
            Version { base: session.head, cause: machine::next_cause(session), ..chosen.version };
        let number = version.number;
        let split = samples::split(session, best).map(Box::new);
        // One artifact per candidate: the other scripts, and the scores.
        let others = vec![Artifact::default(); scores.len()];
        self.tools.manager.tell(News::Chosen { scores: &scores });
        self.record(Event::VersionCreated {
            version: number,
            cause: version.cause,
            base: version.base,
            call: Some(chosen.call),
            notes: version.notes.clone(),
            samples: scores,
            split,
            others,
            script: version.script.clone(),
            artifact: Artifact::default(),
        })?;
        self.tell_written(number);
        let mut checks = version.checks.take().unwrap_or_default();
        checks.removed = removed::of(self.store.session(), &version);
        let checks = Box::new(checks);
        self.record(Event::Checked { version: number, checks, artifact: Artifact::default() })?;
        if let Some(version) = self.store.session().version(number) {
            self.tools.manager.tell(News::Checked(version));
        }
        if self.dry_run.is_some() {
            return Ok(Next::Go);
        }
        let kept = self.store.keep_sample_files(number, chosen.number);
        // A candidate that was not run passes the gates like any version.
        if let Some(run) = version.run.filter(|run| run.verdict.ran()) {
            kept?;
            self.ran(number, run, version.stdout, version.stderr)?;
            if let Some(tests) = version.tests {
                return self.tested(number, tests);
            }
        }
        Ok(Next::Go)
    }
}

impl Varied {
    /// The script's behaviour with these inputs; `None` if it could not be run with them.
    async fn tried(
        &self,
        runner: &dyn Runner,
        ask: Ask<'_>,
        cancel: &CancellationToken,
    ) -> Result<Option<Trial>, RunFault> {
        let stdin = self.stdin.clone().into_bytes();
        let ask = Ask { data: &self.data, args: &self.args, stdin, ..ask };
        match trial::of(runner, &self.what, ask, cancel).await {
            Err(RunFault::Interrupted) => Err(RunFault::Interrupted),
            tried => Ok(tried.ok()),
        }
    }
}

impl Candidate {
    async fn run(
        &self,
        varied: &[Varied],
        without: &[Varied],
        cancel: &CancellationToken,
    ) -> Result<Outcome, RunFault> {
        let picture = self.keep.with_file_name("screenshot.png");
        let ask = |keep| Ask {
            script: &self.script,
            script_name: &self.name,
            data: &self.data,
            earlier: &[],
            access: &self.access,
            checks: &self.checks,
            limits: self.limits,
            python: &self.python,
            keep_files_in: keep,
            picture: Some(picture.as_path()).filter(|_| keep.is_some()),
            by_hand: false,
            imported: false,
            args: &self.args,
            stdin: self.stdin.clone().into_bytes(),
        };
        let mut ran = run::run(self.runner.as_ref(), ask(Some(&self.keep)), cancel).await?;
        let runner = self.runner.as_ref();
        if ran.run.verdict.wants_more() && self.imported && self.args.is_empty() {
            let imported = Ask { imported: true, ..ask(Some(&self.keep)) };
            let second = run::run(runner, imported, cancel).await?;
            if second.run.verdict == RunVerdict::Ok {
                ran = second;
                ran.run.reason = Some(IMPORTED.to_owned());
            }
        }
        ran.run.given_by = self.given_by;
        ran.run.blank = trial::blank_pictures(&ran.run.files, &self.keep);
        let mut tests = None;
        if !(self.tests.is_empty() && self.examples.is_empty()) && ran.run.verdict.ran() {
            let (files, given) = (&self.tests, &self.examples);
            tests = Some(examples::with_tests(runner, &ask(None), files, given, cancel).await?);
        }
        let failed = tests.iter().flatten().any(Test::failed);
        let worth_it = self.compared && ran.run.verdict == RunVerdict::Ok && !failed;
        let (mut behaviour, mut trials) = (BTreeMap::new(), Vec::new());
        if worth_it {
            if self.called {
                behaviour = match behaviour::of(runner, &ask(None), &self.said, &self.tests, cancel)
                    .await
                {
                    Err(RunFault::Interrupted) => return Err(RunFault::Interrupted),
                    // Without its calls, it is compared by less.
                    called => called.unwrap_or_default(),
                };
            }
            trials.push(trial::seen(AS_GIVEN, &ran.run, &ran.stdout, Some(&self.keep)));
            // A script with access to the outside is not run more often than the user expects.
            for varied in varied.iter().filter(|_| self.called) {
                trials.extend(varied.tried(runner, ask(None), cancel).await?);
            }
        }
        let given = trials.first().filter(|given| !given.printed.is_empty());
        for other in without.iter().filter(|_| given.is_some() && self.called) {
            let Some(tried) = other.tried(runner, ask(None), cancel).await? else { continue };
            let came = |trial: &Trial| (trial.verdict, trial.printed.clone(), trial.wrote.clone());
            if given.is_some_and(|given| came(given) == came(&tried)) {
                ran.run.ignores.push(other.what.clone());
            }
        }
        Ok(Outcome { ran, tests, behaviour, trials })
    }
}
