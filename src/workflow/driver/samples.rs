//! Samples of a version: checked, run and tested side by side, and the best of them taken.

use super::packages::Ground;
use super::{Driver, DriverError, Next, lost};
use crate::domain::event::{Artifact, Event, SampleTried};
use crate::domain::packages::Needs;
use crate::domain::permission::Access;
use crate::domain::report::{Checks, GivenBy, Run, RunVerdict, Test};
use crate::domain::session::{Sample, Version};
use crate::domain::settings::Sandbox;
use crate::files;
use crate::python::interpreter::Interpreter;
use crate::python::run::{self, Ask, Ran, RunFault};
use crate::python::{acceptance, behaviour};
use crate::sandbox::{self, Runner};
use crate::store::artifacts;
use crate::workflow::manager::News;
use crate::workflow::{install, machine, permission, promised, samples};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use tokio_util::sync::CancellationToken;

/// A sample that can be run, with all that it is run with.
struct Trial {
    script: String,
    name: String,
    checks: Checks,
    python: Interpreter,
    runner: Box<dyn Runner>,
    access: Access,
    data: Vec<PathBuf>,
    tests: Vec<PathBuf>,
    limits: Sandbox,
    args: Vec<String>,
    stdin: String,
    given_by: Option<GivenBy>,
    keep: PathBuf,
    /// There are others that it can be compared with.
    compared: bool,
    /// Its functions can be called with anything: nothing outside can come of it.
    called: bool,
}

/// What came of a trial: its run, the Manager's tests where it ran, and what it does besides.
type Tried = Result<(Ran, Option<Vec<Test>>, BTreeMap<String, String>), RunFault>;

impl Driver<'_, '_> {
    /// Checks all samples that were not tried, and runs and tests those that may run.
    pub(super) async fn try_samples(&mut self) -> Result<Next, DriverError> {
        let open: Vec<Sample> =
            self.store.session().samples.iter().filter(|s| !s.tried).cloned().collect();
        self.tools.manager.tell(News::Trying { samples: open.len() });
        let mut trials = Vec::new();
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
            };
            trials.push((self.trial(&sample, python)?, sample));
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let cancel = self.tools.cancel.clone();
        let running = trials.into_iter().map(|(trial, sample)| {
            let cancel = cancel.clone();
            async move { (sample, trial.run(&cancel).await) }
        });
        let mut running = stream::iter(running).buffer_unordered(cores);
        while let Some((mut sample, tried)) = running.next().await {
            match tried {
                Ok((Ran { run, stdout, stderr }, tests, behaviour)) => {
                    sample.behaviour = behaviour;
                    sample.version.stdout = stdout;
                    sample.version.stderr = stderr;
                    sample.version.tests = tests;
                    self.tried(sample, Some(run))?;
                }
                Err(RunFault::Interrupted) => return Ok(Next::End(self.interrupted()?)),
                Err(fault) => {
                    let run = Run::not_run(RunVerdict::Skipped, fault.to_string());
                    self.tried(sample, Some(run))?;
                }
            }
        }
        Ok(Next::Go)
    }

    fn tried(&mut self, sample: Sample, run: Option<Run>) -> Result<(), DriverError> {
        let Version { number, checks, stdout, stderr, tests, .. } = sample.version;
        let checks = checks.unwrap_or_default();
        let (sample, behaviour) = (sample.number, sample.behaviour);
        let session = self.store.session();
        let args = super::given(session).0.args;
        let run = run.map(|run| promised::kept(session, &args, run));
        let version = number;
        let tried = SampleTried { version, sample, checks, run, stdout, stderr, tests, behaviour };
        self.record(Event::SampleTried(Box::new(tried)))
    }

    /// What a sample runs on, if it may run without anybody being asked: if it is chosen, the gates
    /// open for it as for any version.
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
            return Ok(Ground::Else(Next::End(self.interrupted()?)));
        };
        version.needs = Some(needs.clone());
        let session = self.store.session();
        let named = install::unnamed(session, version).is_empty();
        if !named || !install::unanswered(session, version).is_empty() {
            return not_run(RunVerdict::Skipped, "somebody has to be asked for its packages");
        }
        self.ground_of(version.number, &Needs { ready: false, ..needs }).await
    }

    fn trial(&self, sample: &Sample, python: Interpreter) -> Result<Trial, DriverError> {
        let (session, version) = (self.store.session(), &sample.version);
        let (given, given_by) = super::given(session);
        let access = permission::access(session, version);
        Ok(Trial {
            script: version.script.clone(),
            name: artifacts::script_file(version.number),
            checks: version.checks.clone().unwrap_or_default(),
            python,
            runner: sandbox::runner(access.mode),
            called: access == Access::default(),
            access,
            data: self.store.given().data.clone(),
            tests: self.store.given().tests.clone(),
            limits: session.settings.sandbox,
            args: given.args,
            stdin: given.stdin,
            given_by,
            compared: session.samples.len() > 1,
            keep: self.store.sample_files(version.number, sample.number)?,
        })
    }

    /// Makes the best sample the next version, with what is known of it.
    pub(super) fn choose(&mut self) -> Result<Next, DriverError> {
        let session = self.store.session();
        let (scores, best) = samples::choose(&session.samples, session.settings.sampling_strategy);
        let Some(chosen) = session.samples.get(best).cloned() else { return Ok(Next::Go) };
        let mut version =
            Version { base: session.head, cause: machine::next_cause(session), ..chosen.version };
        let number = version.number;
        // The other scripts, and the scores.
        let others = vec![Artifact::default(); scores.len()];
        self.tools.manager.tell(News::Chosen { scores: &scores });
        self.record(Event::VersionCreated {
            version: number,
            cause: version.cause,
            base: version.base,
            call: Some(chosen.call),
            notes: version.notes.clone(),
            samples: scores,
            others,
            script: version.script.clone(),
            artifact: Artifact::default(),
        })?;
        self.tell_written(number);
        let mut checks = version.checks.take().unwrap_or_default();
        checks.vanished = lost::of(self.store.session(), &version);
        let checks = Box::new(checks);
        self.record(Event::Checked { version: number, checks, artifact: Artifact::default() })?;
        if let Some(version) = self.store.session().version(number) {
            self.tools.manager.tell(News::Checked(version));
        }
        if self.held_back.is_some() {
            return Ok(Next::Go);
        }
        let kept = self.store.keep_sample_files(number, chosen.number);
        // What could not be run goes through the gates like any version.
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

impl Trial {
    async fn run(&self, cancel: &CancellationToken) -> Tried {
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
            args: &self.args,
            stdin: self.stdin.clone().into_bytes(),
        };
        let mut ran = run::run(self.runner.as_ref(), ask(Some(&self.keep)), cancel).await?;
        ran.run.given_by = self.given_by;
        let runner = self.runner.as_ref();
        let mut tests = None;
        if !self.tests.is_empty() && ran.run.verdict.ran() {
            tests = Some(acceptance::test(runner, &ask(None), &self.tests, cancel).await?);
        }
        let failed = tests.iter().flatten().any(Test::failed);
        let worth_it = self.compared && ran.run.verdict == RunVerdict::Ok && !failed;
        let mut behaviour = BTreeMap::new();
        if worth_it {
            if self.called {
                behaviour = match behaviour::of(runner, &ask(None), &self.tests, cancel).await {
                    Err(RunFault::Interrupted) => return Err(RunFault::Interrupted),
                    // It is compared by less then.
                    called => called.unwrap_or_default(),
                };
            }
            let printed = ran.stdout.trim();
            if !printed.is_empty() {
                behaviour.insert(String::new(), files::hash(printed.as_bytes()));
            }
        }
        Ok((ran, tests, behaviour))
    }
}
