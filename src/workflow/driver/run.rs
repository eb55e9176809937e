//! Runs a version and records the result.

use super::packages::Ground;
use super::{Driver, DriverError, Next};
use crate::domain::event::{Artifact, Event, RunFinished};
use crate::domain::report::{GivenBy, Run, RunVerdict};
use crate::python::run::{self, Ask, RunFault};
use crate::python::trial;
use crate::sandbox::{self, RunnerError};
use crate::store::artifacts;
use crate::workflow::manager::News;
use crate::workflow::{permission, results};

/// Passes on a fault that concerns the script or this system. A disk error ends the work; the
/// version is run again when the session is resumed.
pub(super) fn but_the_disks(fault: RunFault) -> Result<RunFault, DriverError> {
    match fault {
        RunFault::Runner(error @ RunnerError::Folder(_)) => Err(error.into()),
        fault => Ok(fault),
    }
}

impl Driver<'_, '_> {
    pub(super) async fn run(&mut self, number: u32) -> Result<Next, DriverError> {
        let python = match self.ground(number).await? {
            Ground::Python(python) => python,
            Ground::Nothing(run) => return self.ran(number, *run, String::new(), String::new()),
            Ground::Else(next) => return Ok(next),
            Ground::Stopped => return self.stopped(None).await,
        };
        let session = self.store.session();
        let Some(version) = session.version(number) else { return Ok(Next::Go) };
        let script = version.script.clone();
        let checks = version.checks.clone().unwrap_or_default();
        let limits = session.settings.sandbox;
        let (given, mut by) = super::given(session);
        let proposed = super::given::proposed(session);
        let access = permission::access(session, version);
        let runner = sandbox::runner(access.mode);
        let data = self.store.given().data.clone();
        let earlier = self.left_files();
        let keep = self.store.run_files(number)?;
        let picture = keep.with_file_name("screenshot.png");
        let level = runner.level().to_owned();
        self.record(Event::RunStarted { version: number, sandbox: level })?;
        self.tools.manager.tell(News::Running { version: number, seconds: limits.seconds });
        let ask = Ask {
            script: &script,
            script_name: &artifacts::script_file(number),
            data: &data,
            earlier: &earlier,
            access: &access,
            checks: &checks,
            limits,
            python: &python,
            keep_files_in: Some(&keep),
            picture: Some(&picture),
            by_hand: false,
            imported: false,
            args: &given.args,
            stdin: given.stdin.into_bytes(),
        };
        let cancel = &self.running;
        let mut ran = run::run(runner.as_ref(), ask.clone(), cancel).await;
        let wants_more = |ran: &run::Ran| ran.run.verdict.wants_more();
        let failed = ran.as_ref().is_ok_and(wants_more);
        if let Some(proposed) = proposed.filter(|_| failed) {
            // The script may need input that the user did not pass: the input proposed by the plan
            // is tried.
            let aside = self.store.further_files(number)?;
            let seen = aside.with_extension("png");
            let ask = Ask {
                keep_files_in: Some(&aside),
                picture: Some(&seen),
                args: &proposed.args,
                stdin: proposed.stdin.into_bytes(),
                ..ask
            };
            match run::run(runner.as_ref(), ask, cancel).await {
                Err(RunFault::Interrupted) => return self.stopped(None).await,
                Ok(further) if further.run.verdict.went_well() => {
                    (ran, by) = (Ok(further), Some(GivenBy::Plan));
                    self.store.take_further_files(number)?;
                }
                _ => drop(self.store.further_files(number)?),
            }
        }
        match ran {
            Ok(ran) => {
                let blank = trial::blank_pictures(&ran.run.files, &keep);
                let run = Run { given_by: by, blank, ..ran.run };
                self.ran(number, run, ran.stdout, ran.stderr)
            }
            Err(RunFault::Interrupted) => self.stopped(None).await,
            Err(fault) => {
                let fault = but_the_disks(fault)?;
                let run = Run::not_run(RunVerdict::Skipped, fault.to_string());
                self.ran(number, run, String::new(), String::new())
            }
        }
    }

    pub(super) fn ran(
        &mut self,
        version: u32,
        run: Run,
        stdout: String,
        stderr: String,
    ) -> Result<Next, DriverError> {
        let session = self.store.session();
        let run = match session.version(version) {
            Some(version) => results::judged(session, version, false, run, &stdout),
            None => run,
        };
        // Two placeholders for the outputs of a run that took place: the store fills them in.
        let outputs = if run.verdict.ran() { vec![Artifact::default(); 2] } else { Vec::new() };
        let artifact = Artifact::default();
        let finished = RunFinished { version, run, stdout, stderr, artifact, outputs };
        self.record(Event::RunFinished(Box::new(finished)))?;
        if let Some(version) = self.store.session().version(version) {
            self.tools.manager.tell(News::Ran(version));
        }
        Ok(Next::Go)
    }
}
