//! Records the user's decisions on single findings and requirements at a gate, one event each.

use super::{Driver, DriverError, Next};
use crate::domain::event::{By, Event};
use crate::domain::review::{Answered, Finding, Status};
use crate::domain::session::Session;
use crate::findings::{evidence, ledger};
use crate::workflow::manager::News;

impl Driver<'_, '_> {
    /// Waives or reopens findings, and reports the result for each.
    pub(super) fn decide(
        &mut self,
        ids: &[String],
        how: impl Fn(&Session, &str) -> Result<Finding, String>,
    ) -> Result<Next, DriverError> {
        for id in ids {
            match how(self.store.session(), id) {
                Ok(finding) => {
                    let words = format!("{} is {} now", finding.id, finding.state.name());
                    let finding = Box::new(finding);
                    self.record(Event::FindingDecided { by: By::Manager, finding })?;
                    self.tools.manager.tell(News::Note(&words));
                }
                Err(problem) => self.tools.manager.tell(News::Note(&problem)),
            }
        }
        Ok(Next::Go)
    }

    /// Records the results of the user's tests by hand, and reports each.
    pub(super) fn tested_by_hand(
        &mut self,
        version: u32,
        tried: Vec<(String, Answered)>,
    ) -> Result<Next, DriverError> {
        for (requirement, answered) in tried {
            if requirement.starts_with('F') {
                if answered.status == Status::Met {
                    self.decide(&[requirement], ledger::settle)?;
                } else {
                    let words = format!("say `feedback: ...` for what is left of {requirement}");
                    self.tools.manager.tell(News::Note(&words));
                }
                continue;
            }
            let status = answered.status.name();
            match evidence::tried(self.store.session(), version, &requirement, answered) {
                Ok(event) => {
                    let words = format!("{requirement} is {status} in v{version}, as you saw");
                    self.record(event)?;
                    self.tools.manager.tell(News::Note(&words));
                }
                Err(problem) => self.tools.manager.tell(News::Note(&problem)),
            }
        }
        Ok(Next::Go)
    }
}
