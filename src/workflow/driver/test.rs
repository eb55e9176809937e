//! Runs the user's tests on a version and records each result.

use super::packages::Ground;
use super::run::but_the_disks;
use super::{Driver, DriverError, Next};
use crate::domain::event::{Artifact, Event};
use crate::domain::example::Example;
use crate::domain::report::{Test, TestOutcome};
use crate::domain::session::{Session, Version};
use crate::python::acceptance::examples;
use crate::python::run::{Ask, RunFault};
use crate::sandbox;
use crate::store::artifacts;
use crate::workflow::manager::News;
use crate::workflow::permission;

impl Driver<'_, '_> {
    pub(super) async fn test(&mut self, number: u32) -> Result<Next, DriverError> {
        let python = match self.ground(number).await? {
            Ground::Python(python) => python,
            Ground::Nothing(run) => {
                return self.not_tested(number, run.reason.as_deref().unwrap_or("it can't be run"));
            }
            Ground::Else(next) => return Ok(next),
            Ground::Stopped => return self.stopped(None).await,
        };
        let session = self.store.session();
        let Some(version) = session.version(number) else { return Ok(Next::Go) };
        let (settings, script) = (session.settings.clone(), version.script.clone());
        let (given, _) = super::given(session);
        let checks = version.checks.clone().unwrap_or_default();
        let access = permission::access(session, version);
        let runner = sandbox::runner(access.mode);
        let data = self.store.given().data.clone();
        let tests = self.store.given().tests.clone();
        let sandbox = runner.level().to_owned();
        self.record(Event::TestsStarted { version: number, sandbox })?;
        let seconds = settings.sandbox.seconds;
        self.tools.manager.tell(News::Testing { version: number, seconds });
        let ask = Ask {
            script: &script,
            script_name: &artifacts::script_file(number),
            data: &data,
            earlier: &[],
            access: &access,
            checks: &checks,
            limits: settings.sandbox,
            python: &python,
            keep_files_in: None,
            picture: None,
            by_hand: false,
            imported: false,
            args: &given.args,
            stdin: given.stdin.into_bytes(),
        };
        let examples: Vec<Example> = self.store.session().all_examples().cloned().collect();
        let runner = runner.as_ref();
        let cancel = &self.running;
        match examples::with_tests(runner, &ask, &tests, &examples, cancel).await {
            Ok(tests) => self.tested(number, tests),
            Err(RunFault::Interrupted) => self.stopped(None).await,
            Err(fault) => self.not_tested(number, &but_the_disks(fault)?.to_string()),
        }
    }

    /// Records all tests as skipped, since this system could not run them.
    fn not_tested(&mut self, number: u32, why: &str) -> Result<Next, DriverError> {
        let files = self.store.session().tests.iter();
        let tests = files
            .map(|file| Test {
                name: file.name.clone(),
                outcome: TestOutcome::Skipped,
                message: Some(why.to_owned()),
                milliseconds: 0,
                passed_in: None,
            })
            .collect();
        self.tested(number, tests)
    }

    pub(super) fn tested(
        &mut self,
        number: u32,
        mut tests: Vec<Test>,
    ) -> Result<Next, DriverError> {
        let session = self.store.session();
        for test in tests.iter_mut().filter(|test| test.failed()) {
            test.passed_in = passed_in(session, number, &test.name);
        }
        self.record(Event::TestsFinished {
            version: number,
            tests,
            artifact: Artifact::default(),
        })?;
        if let Some(version) = self.store.session().version(number) {
            self.tools.manager.tell(News::Tested(version));
        }
        Ok(Next::Go)
    }
}

/// The latest base of a version in which a test passed. For a file that cannot be loaded, any of
/// its tests counts.
fn passed_in(session: &Session, number: u32, name: &str) -> Option<u32> {
    let passed = |version: &Version| {
        let mut passed = version.tests.iter().flatten();
        let within = |test: &Test| {
            test.name
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        passed.any(|test| test.outcome.went_well() && within(test))
    };
    let base = |version: &Version| session.version(version.base?);
    // A base is always an earlier version, so this ends.
    std::iter::successors(session.version(number).and_then(base), |version| base(version))
        .find(|version| passed(version))
        .map(|version| version.number)
}
