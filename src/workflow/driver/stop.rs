//! A step that was broken off: the session pauses, and a person at a terminal says at once how it goes on.

use super::{Driver, DriverError, End, Next};
use crate::domain::chat::Agent;
use crate::domain::event::{Event, Gate};
use crate::domain::session::Session;
use crate::workflow::machine::{self, Step};
use crate::workflow::manager::{Answer, News, Question};

impl Driver<'_, '_> {
    /// Pauses a session whose step was broken off. Where only the step was stopped and not the work, the
    /// Manager is asked, and is shown what a model had written by then.
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

    /// From now on what runs can be stopped, once.
    pub(super) fn begin(&mut self) {
        self.running = self.tools.cancel.child_token();
        self.tools.manager.begins(&self.running);
    }
}

/// What was said to whoever was stopped: of the plan to the Planner and before there is a version, else of
/// the version. None where the session answers questions, which are as they were asked.
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
