//! Runs a version and journals how it went.

use super::packages::Ground;
use super::{Driver, DriverError, Next};
use crate::domain::event::{Artifact, Event, RunFinished};
use crate::domain::report::{Run, RunVerdict};
use crate::python::run::{self, Ask, RunFault};
use crate::sandbox;
use crate::store::artifacts;
use crate::workflow::manager::News;
use crate::workflow::{permission, promised};

impl Driver<'_, '_> {
    pub(super) async fn run(&mut self, number: u32) -> Result<Next, DriverError> {
        let python = match self.ground(number).await? {
            Ground::Python(python) => python,
            Ground::Nothing(run) => return self.ran(number, *run, String::new(), String::new()),
            Ground::Else(next) => return Ok(next),
        };
        let session = self.store.session();
        let Some(version) = session.version(number) else { return Ok(Next::Go) };
        let script = version.script.clone();
        let checks = version.checks.clone().unwrap_or_default();
        let limits = session.settings.sandbox;
        let (given, by) = super::given(session);
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
        match run::run(runner.as_ref(), ask, &self.tools.cancel).await {
            Ok(ran) => {
                let run = Run { given_by: by, ..ran.run };
                self.ran(number, run, ran.stdout, ran.stderr)
            }
            Err(RunFault::Interrupted) => Ok(Next::End(self.interrupted()?)),
            Err(fault) => {
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
        let run = promised::kept(session, &super::given(session).0.args, run);
        // One place each for the outputs, where there can be any: the store fills them in.
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
