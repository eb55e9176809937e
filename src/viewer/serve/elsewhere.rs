//! Sessions of other processes: followed, and answered if the process allows it.

use super::{Failure, Site, aside, folder_of};
use crate::files::{self, Holder};
use crate::store::{self, JOURNAL};
use crate::workflow::manager::{self, Answer};
use crate::workflow::session_socket::{self, Messages, Refusal};
use crate::workflow::session_task::Question;
use axum::response::sse::Event;
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often to check the journal of a process that sends no messages.
const LOOK: Duration = Duration::from_millis(500);

/// A session that another process works on.
pub(super) struct Elsewhere {
    folder: PathBuf,
    holder: Holder,
}

impl Elsewhere {
    /// The session of this name, if another process works on it.
    pub(super) fn of(site: &Site, name: &str) -> Option<Self> {
        let folder = folder_of(site, name).ok().filter(|_| site.live(name).is_none())?;
        let holder = store::worked_on_by(&folder)?;
        // A holder in this process is a task of ours that is about to end.
        (!holder.is_this_process()).then_some(Self { folder, holder })
    }

    /// The process that works on it, as text.
    pub(super) fn who(&self) -> String {
        self.holder.to_string()
    }

    /// Whether answers from here are accepted, and where to answer, as text.
    pub(super) async fn words(&self) -> (bool, String) {
        let state = session_socket::state(&self.folder).await;
        let takes_answers = state.is_some_and(|state| state.takes_answers);
        let who = self.who();
        let words = if takes_answers {
            format!("{who} works on it; it can be answered there and here")
        } else {
            format!("{who} works on it, and is answered there")
        };
        (takes_answers, words)
    }

    /// The open question, if it can be answered from here.
    pub(super) async fn question(&self) -> Result<Option<Question>, Failure> {
        let state = session_socket::state(&self.folder).await.filter(|state| state.takes_answers);
        let Some(asked) = state.and_then(|state| state.question) else { return Ok(None) };
        let folder = self.folder.clone();
        let session = aside(move || Ok(store::read(&folder).map_err(Failure::broken)?.session));
        Ok(Some(Question {
            id: asked.id,
            gate: asked.gate,
            trouble: asked.trouble,
            partial: None,
            choices: manager::choices(asked.gate),
            session: Arc::new(session.await?),
        }))
    }

    /// Sends an answer to the process.
    pub(super) async fn answer(&self, question: u64, answer: Answer) -> Result<(), Failure> {
        self.taken(session_socket::answer(&self.folder, question, answer).await)
    }

    /// Asks the process to stop its work.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        self.taken(session_socket::stop(&self.folder).await)
    }

    fn taken(&self, said: io::Result<Result<(), Refusal>>) -> Result<(), Failure> {
        match said {
            Ok(taken) => taken.map_err(Failure::from),
            Err(_) => Err(Failure::conflict(format!(
                "{} works on this session, and is answered there",
                self.who()
            ))),
        }
    }

    /// The events from now on: the messages of the process. If it sends none: `changed` after each
    /// write to the journal, and the end.
    pub(super) fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold((self, Following::Begins), |(session, mut following)| async move {
            loop {
                following = match following {
                    Following::Begins => Messages::of(&session.folder)
                        .await
                        .map_or(Following::Disk(None), Following::Messages),
                    Following::Messages(mut messages) => match messages.next().await {
                        Some(line) => {
                            let next = if is_end(&line) {
                                Following::Over
                            } else {
                                Following::Messages(messages)
                            };
                            return Some((Ok(Event::default().data(line)), (session, next)));
                        }
                        // The process was killed, or closed the connection.
                        None => Following::Disk(None),
                    },
                    Following::Disk(seen) => {
                        let length = files::length(&session.folder.join(JOURNAL));
                        let (message, next) = if store::worked_on_by(&session.folder).is_none() {
                            let end = json!({ "message": "ended", "end": null, "error": null });
                            (end, Following::Over)
                        } else if length == seen {
                            tokio::time::sleep(LOOK).await;
                            following = Following::Disk(seen);
                            continue;
                        } else {
                            (json!({ "message": "changed" }), Following::Disk(length))
                        };
                        let event = Event::default().data(message.to_string());
                        return Some((Ok(event), (session, next)));
                    }
                    Following::Over => return None,
                }
            }
        })
    }
}

/// The open question of a session, if it can be answered from here.
pub(super) async fn open_question(site: &Site, name: &str) -> Result<Option<Question>, Failure> {
    match (site.live(name), Elsewhere::of(site, name)) {
        (Some(task), _) => Ok(task.question()),
        (None, Some(elsewhere)) => elsewhere.question().await,
        (None, None) => Ok(None),
    }
}

impl From<Refusal> for Failure {
    fn from(error: Refusal) -> Self {
        match error {
            Refusal::Closed(_) | Refusal::Elsewhere => Self::conflict(error),
            Refusal::Unknown(_) => Self::missing(error),
            Refusal::Unfitting(_) => Self::wrong(error),
        }
    }
}

/// The source of the next event.
enum Following {
    Begins,
    Messages(Messages),
    /// The journal, with its length at the last check.
    Disk(Option<u64>),
    Over,
}

fn is_end(line: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        message: String,
    }
    serde_json::from_str(line).is_ok_and(|kind: Kind| kind.message == "ended")
}
