//! Handles an interrupted step: the session is paused, and the user may say at once how to
//! continue.

use super::{Driver, DriverError, End, Next};
use crate::domain::chat::Agent;
use crate::domain::event::{Event, Gate};
use crate::domain::session::Session;
use crate::workflow::machine::{self, Step};
use crate::workflow::manager::{Answer, News, Question};

impl Driver<'_, '_> {
    /// Pauses a session whose step was interrupted. If only the step was stopped, the user is asked
    /// how to continue, and is shown the partial answer of the model.
    pub(super) async fn stopped(&mut self, partial: Option<&str>) -> Result<Next, DriverError> {
        let end = self.interrupted()?;
        if self.tools.cancel.is_cancelled() {
            return Ok(Next::End(end));
        }
        self.store.sync()?;
        loop {
            let session = self.store.session();
            let question = Question { gate: Gate::Stopped, session, trouble: None, partial };
            match self.tools.manager.ask(&question).await {
                Ok(Answer::Retry) => break,
                Ok(Answer::Say(text)) => match said(self.store.session(), &text) {
                    Some(event) => {
                        self.record(event)?;
                        break;
                    }
                    None => self.tools.manager.tell(News::Note(
                        "the question is answered as it was asked: retry, or quit and ask another one",
                    )),
                },
                Ok(_) => return self.pause("the Manager left"),
                Err(_) => return Ok(Next::End(End::Interrupted)),
            }
        }
        self.begin();
        Ok(Next::Go)
    }

    /// Creates a new cancellation token for the next step and passes it to the Manager.
    pub(super) fn begin(&mut self) {
        self.running = self.tools.cancel.child_token();
        self.tools.manager.begins(&self.running);
    }
}

/// The event for a message after a stop: a remark on the plan during planning or before the first
/// version, otherwise feedback on the version. `None` in a session that answers questions, since a
/// question cannot be changed.
fn said(session: &Session, text: &str) -> Option<Event> {
    if session.dialogue.is_some() {
        return None;
    }
    let plans = matches!(machine::next_step(session), Step::Call { agent: Agent::Planner, .. });
    Some(match session.head.filter(|_| !plans) {
        Some(version) => super::feedback(session, version, text),
        None => Event::PlanRemark { text: text.to_owned() },
    })
}
