//! Makes a running session available to other processes of the same user on this machine: they
//! watch it and answer its questions like a watcher in the same process ([`super::session_task`]).
//!
//! A connection carries one [`Request`], a line of JSON, and the response: one line, or for `watch`
//! one line for each message of the session. Both ends verify that the peer is a process of this
//! user, outside of any container or sandbox.

#[cfg(unix)]
mod offer;

#[cfg(unix)]
pub use offer::{Offer, offer};

/// A socket; not available on this system.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Offer;

/// Not available on this system.
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
/// A placeholder; no connection is ever made.
#[cfg(not(unix))]
type Stream = tokio::net::TcpStream;

/// Time limit for a line from the peer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Maximum size of a request, in bytes: an answer can be a whole script.
const LONGEST: u64 = 8 << 20;

/// A request of another process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Request {
    /// Send all messages from now on, starting with the open question.
    Watch,
    /// Send a [`State`].
    State,
    /// Answer a question. The response is a `Result<(), Refusal>`.
    Answer { question: u64, answer: Answer },
    /// Stop the running step and pause the session. The response is a `Result<(), Refusal>`.
    Stop,
}

/// The state of the process that works on a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// Whether it accepts answers from other processes.
    pub takes_answers: bool,
    /// The open question, if there is one.
    pub question: Option<Asked>,
}

/// An open question: [`super::session_task::Question`] without the session, which can be read from
/// the disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Its number.
    pub id: u64,
    /// The gate; `None` for the prompt for the next question.
    pub gate: Option<Gate>,
    /// Why the session cannot continue by itself.
    pub trouble: Option<String>,
}

/// Why an answer is refused, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The question was answered already.
    #[error("{0}")]
    Closed(String),
    /// There is no such question.
    #[error("{0}")]
    Unknown(String),
    /// The answer is not valid for this question.
    #[error("{0}")]
    Unfitting(String),
    /// The process does not accept answers from other processes.
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

/// The state of the process that works on a session, or `None` if it does not respond.
pub async fn state(folder: &Path) -> Option<State> {
    ask(folder, &Request::State).await.ok()
}

/// Sends an answer to the process that works on a session.
///
/// # Errors
/// If no process listens. The inner error says why the answer is refused.
pub async fn answer(
    folder: &Path,
    question: u64,
    answer: Answer,
) -> io::Result<Result<(), Refusal>> {
    ask(folder, &Request::Answer { question, answer }).await
}

/// Asks the process that works on a session to stop and to pause the session.
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
    /// Connects.
    ///
    /// # Errors
    /// If no process listens.
    pub async fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { from: BufReader::new(connected(folder, &Request::Watch).await?) })
    }

    /// The next message, as a line of JSON; `None` after the last one or if the process ended.
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

/// Connects to the process that works on a session, and sends the request.
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

/// Writes a value as a line of JSON.
async fn send(
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await
}
