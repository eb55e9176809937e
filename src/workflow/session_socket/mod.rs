//! A session that is worked on, offered to other processes of the same user on this machine: they watch it
//! and answer its questions as a watcher inside the process does ([`super::session_task`]).
//!
//! A connection is one [`Request`], a line of JSON, and what is said to it: one line, or for `watch` the
//! session's messages, a line each. Both ends make sure that the other is a process of this user, and not
//! of a container or of the sandbox.

#[cfg(unix)]
mod offer;

#[cfg(unix)]
pub use offer::{Offer, offer};

/// There is none on this system.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Offer;

/// Offers nothing.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub fn offer(_: &super::session_task::SessionTask, _: &Path, _: bool) -> io::Result<Offer> {
    Err(io::ErrorKind::Unsupported.into())
}

use super::manager::Answer;
use super::session_task::AnswerError;
use crate::domain::event::Gate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

#[cfg(unix)]
type Stream = tokio::net::UnixStream;
/// Nobody listens there.
#[cfg(not(unix))]
type Stream = tokio::net::TcpStream;

/// How long the other end may take for a line.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request, in bytes: an answer can be a whole script.
const LONGEST: u64 = 8 << 20;

/// What another process asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Request {
    /// All messages from now on, the open question first.
    Watch,
    /// A [`State`].
    State,
    /// That this answer is taken; it is told whether it was: a `Result<(), Refusal>`.
    Answer { question: u64, answer: Answer },
    /// That what runs is stopped and the session is paused; the same.
    Stop,
}

/// What the process that works on a session says of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// It takes answers from other processes.
    pub takes_answers: bool,
    /// The question that is open.
    pub question: Option<Asked>,
}

/// A question that waits for an answer: [`super::session_task::Question`] without the session, which is on
/// the disk as the question finds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Its number.
    pub id: u64,
    /// What about; none where the next question to the session is asked for.
    pub gate: Option<Gate>,
    /// What keeps the session from going on by itself.
    pub trouble: Option<String>,
}

/// Why an answer is not taken, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Somebody else answered first.
    #[error("{0}")]
    Closed(String),
    /// No such question was asked.
    #[error("{0}")]
    Unknown(String),
    /// The question takes other answers.
    #[error("{0}")]
    Unfitting(String),
    /// The process takes no answers from others.
    #[error("the process that works on this session is told by whoever started it")]
    Elsewhere,
}

impl From<AnswerError> for Refusal {
    fn from(error: AnswerError) -> Self {
        let words = error.to_string();
        match error {
            AnswerError::Closed(_) => Self::Closed(words),
            AnswerError::Unknown(_) => Self::Unknown(words),
            AnswerError::Unfitting { .. } => Self::Unfitting(words),
        }
    }
}

/// What the process that works on a session says of it; none where it says nothing.
pub async fn state(folder: &Path) -> Option<State> {
    ask(folder, &Request::State).await.ok()
}

/// Has the process that works on a session take an answer.
///
/// # Errors
/// Nobody listens. The inner error says why the answer is not taken.
pub async fn answer(
    folder: &Path,
    question: u64,
    answer: Answer,
) -> io::Result<Result<(), Refusal>> {
    ask(folder, &Request::Answer { question, answer }).await
}

/// Has the process that works on a session stop what it does and pause the session.
///
/// # Errors
/// As for [`answer`].
pub async fn stop(folder: &Path) -> io::Result<Result<(), Refusal>> {
    ask(folder, &Request::Stop).await
}

/// The messages of a session that another process works on.
#[derive(Debug)]
pub struct Messages {
    from: BufReader<Stream>,
}

impl Messages {
    /// Begins to listen.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { from: BufReader::new(connected(folder, &Request::Watch).await?) })
    }

    /// The next message, as a line of JSON; none after the last one, and where the process is gone.
    pub async fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.from.read_line(&mut line).await.ok()?;
        (read > 0 && line.ends_with('\n')).then(|| line.trim_end().to_owned())
    }
}

async fn ask<T: DeserializeOwned>(folder: &Path, request: &Request) -> io::Result<T> {
    let asked = async {
        let mut line = String::new();
        let from = connected(folder, request).await?;
        BufReader::new(from).take(LONGEST).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    };
    tokio::time::timeout(PATIENCE, asked).await?
}

/// A connection to the process that works on a session, which was sent this.
async fn connected(folder: &Path, request: &Request) -> io::Result<Stream> {
    let mut stream = connect(folder).await?;
    send(&mut stream, request).await?;
    Ok(stream)
}

#[cfg(unix)]
async fn connect(folder: &Path) -> io::Result<Stream> {
    let place = crate::store::socket_of(folder).ok_or(io::ErrorKind::NotFound)?;
    let stream = Stream::connect(place).await?;
    if offer::is_ours(&stream) { Ok(stream) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

#[cfg(not(unix))]
async fn connect(_: &Path) -> io::Result<Stream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Writes a value as a line.
async fn send(
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await
}
