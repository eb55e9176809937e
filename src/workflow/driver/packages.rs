//! Resolves the packages that a version needs, and installs them where that is allowed.

use super::{Driver, DriverError, Next};
use crate::domain::event::Event;
use crate::domain::packages::Needs;
use crate::domain::report::{Checks, Run, RunVerdict};
use crate::python::interpreter::{self, Interpreter, InterpreterError};
use crate::python::packages::{InstallError, failed_run};
use crate::workflow::install;
use crate::workflow::manager::News;
use std::time::Instant;

/// The environment of a run, or what happens in place of the run.
pub(super) enum Ground {
    /// Run with this Python.
    Python(Interpreter),
    /// The version cannot be run; this is the report of the run.
    Nothing(Box<Run>),
    /// Another step comes first.
    Else(Next),
    /// The installation was interrupted.
    Stopped,
}

impl Driver<'_, '_> {
    /// The configured Python without a version's packages. The lookup is cached.
    fn interpreter(&mut self) -> Result<Interpreter, InterpreterError> {
        if let Some(python) = &self.python {
            return Ok(python.clone());
        }
        let found = interpreter::find(self.store.session().settings.python.as_deref())?;
        Ok(self.python.insert(found).clone())
    }

    pub(super) async fn seek(&mut self, version: u32) -> Result<Next, DriverError> {
        let checks = self.store.session().version(version).and_then(|v| v.checks.clone());
        let Some(needs) = self.needs_of(checks.as_ref()).await else {
            return self.stopped(None).await;
        };
        self.record(Event::PackagesSought { version, needs: Box::new(needs) })?;
        Ok(Next::Go)
    }

    /// The packages that a script with these checks needs, or `None` if the lookup was interrupted.
    pub(super) async fn needs_of(&mut self, checks: Option<&Checks>) -> Option<Needs> {
        self.tools.manager.tell(News::Seeking);
        let needs = match self.interpreter() {
            Ok(python) => {
                let (mut checks, data) =
                    (checks.cloned().unwrap_or_default(), self.store.given().data.clone());
                let session = self.store.session();
                for (module, name) in install::names(session) {
                    let named = checks.dependencies.iter_mut().filter(|d| *d == module);
                    named.for_each(|dependency| name.clone_into(dependency));
                }
                let tools = &self.tools;
                let ask_index = session.settings.check_index;
                tools.packages.needs(&python, &checks, &data, ask_index, &self.running).await
            }
            // The run will report this error.
            Err(_) => Needs::default(),
        };
        // An interrupted lookup is discarded.
        (!self.running.is_cancelled()).then_some(needs)
    }

    /// The environment of a version: the Python in use, or an environment with its packages.
    pub(super) async fn ground(&mut self, version: u32) -> Result<Ground, DriverError> {
        let Some(head) = self.store.session().version(version) else {
            return Ok(Ground::Else(Next::Go));
        };
        let needs = head.needs.clone().unwrap_or_default();
        self.ground_of(version, &needs).await
    }

    /// The same for this list of packages.
    pub(super) async fn ground_of(
        &mut self,
        version: u32,
        needs: &Needs,
    ) -> Result<Ground, DriverError> {
        let python = match self.interpreter() {
            Ok(python) => python,
            Err(problem) => {
                let run = Run::not_run(RunVerdict::Skipped, problem.to_string());
                return Ok(Ground::Nothing(Box::new(run)));
            }
        };
        let session = self.store.session();
        if install::is_impossible(needs) {
            return Ok(Ground::Nothing(Box::new(failed_run(needs, None))));
        }
        let answers = install::answers(&session.installs, &session.settings.packages);
        let wanted = install::wanted(session.settings.install, &answers, needs);
        if wanted.is_empty() {
            return Ok(Ground::Python(python));
        }
        if let Some(there) = self.tools.packages.find(&python, &wanted) {
            return Ok(Ground::Python(there));
        }
        if needs.ready {
            // The environment existed before, so the user was not asked; it was removed since, so
            // now the user is asked.
            let needs = Box::new(Needs { ready: false, ..needs.clone() });
            self.record(Event::PackagesSought { version, needs })?;
            return Ok(Ground::Else(Next::Go));
        }
        self.install(version, &python, needs, wanted).await
    }

    async fn install(
        &mut self,
        version: u32,
        python: &Interpreter,
        needs: &Needs,
        wanted: Vec<String>,
    ) -> Result<Ground, DriverError> {
        self.record(Event::InstallStarted { version, packages: wanted.clone() })?;
        self.tools.manager.tell(News::Installing(&wanted));
        let begun = Instant::now();
        let (packages, cancel) = (self.tools.packages, self.running.clone());
        let mut installed = packages.install(python, &wanted, &cancel).await;
        for _ in 1..self.store.session().settings.install_attempts {
            if !matches!(installed, Err(InstallError::Refused(_))) {
                break;
            }
            self.tools.manager.tell(News::Note("the installation failed and is tried again"));
            installed = packages.install(python, &wanted, &cancel).await;
        }
        if matches!(installed, Err(InstallError::Interrupted)) {
            return Ok(Ground::Stopped);
        }
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let error = installed.as_ref().err().map(ToString::to_string);
        self.record(Event::InstallFinished { version, milliseconds, error: error.clone() })?;
        Ok(match (installed, error) {
            (Ok(environment), _) => Ground::Python(environment),
            (Err(_), said) => Ground::Nothing(Box::new(failed_run(needs, said.as_deref()))),
        })
    }
}
