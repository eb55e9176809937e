//! The server end: the process that works on the session.

use super::{Asked, LONGEST, PATIENCE, Refusal, Request, State, Stream, send};
use crate::files;
use crate::store;
use crate::workflow::session_task::SessionTask;
use std::io;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Maximum number of connections.
const MOST: usize = 32;
/// Time that watchers have to receive the last messages.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// The listening socket. Dropping it closes the socket.
#[derive(Debug)]
pub struct Offer {
    _name: files::SocketName,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// Opens the socket of a session whose lock this process holds. With `takes_answers`, other
/// processes may answer and stop the session; otherwise they can only watch.
///
/// # Errors
/// If the user has no state folder, or no socket can be created in it. The session runs all the
/// same.
pub fn offer(task: &SessionTask, folder: &Path, takes_answers: bool) -> io::Result<Offer> {
    let place = store::socket_of(folder).ok_or(io::ErrorKind::NotFound)?;
    let (listener, name) = files::listen(&place).map_err(|error| error.source)?;
    listener.set_nonblocking(true)?;
    let (stop, task) = (CancellationToken::new(), task.clone());
    let mut offer = Offer { _name: name, stop: stop.clone(), thread: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || runtime.block_on(listen(listener, &task, takes_answers, stop));
    offer.thread = Some(std::thread::Builder::new().name("socket".to_owned()).spawn(work)?);
    Ok(offer)
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn listen(
    listener: std::os::unix::net::UnixListener,
    task: &SessionTask,
    takes_answers: bool,
    stop: CancellationToken,
) {
    let Ok(listener) = UnixListener::from_std(listener) else { return };
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept(), if open.len() < MOST => match accepted {
                Ok((stream, _)) if is_ours(&stream) => {
                    let task = task.clone();
                    // A peer that disconnects changes nothing.
                    open.spawn(async move { drop(attend(stream, &task, takes_answers).await) });
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
    let ends = async { while open.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_WORDS, ends).await;
}

/// Handles one connection.
async fn attend(stream: Stream, task: &SessionTask, takes_answers: bool) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    let mut bounded = (&mut read).take(LONGEST);
    tokio::time::timeout(PATIENCE, bounded.read_line(&mut line)).await??;
    let elsewhere = || Err::<(), _>(Refusal::Elsewhere);
    match serde_json::from_str(&line)? {
        Request::Watch => {
            let mut watcher = task.watch();
            loop {
                tokio::select! {
                    message = watcher.next() => match message {
                        Some(message) => send(&mut write, &message).await?,
                        None => return Ok(()),
                    },
                    // The peer disconnected; a watcher sends nothing more.
                    _ = read.read_u8() => return Ok(()),
                }
            }
        }
        Request::State => {
            let asked = |question: crate::workflow::session_task::Question| Asked {
                id: question.id,
                gate: question.gate,
                trouble: question.trouble,
            };
            send(&mut write, &State { takes_answers, question: task.question().map(asked) }).await
        }
        Request::Answer { .. } | Request::Stop if !takes_answers => {
            send(&mut write, &elsewhere()).await
        }
        Request::Answer { question, answer } => {
            send(&mut write, &task.answer(question, answer).map_err(Refusal::from)).await
        }
        Request::Stop => {
            task.cancel();
            send(&mut write, &Ok::<(), Refusal>(())).await
        }
    }
}

/// Whether the peer is a process of this user in the same PID namespace. A script in the sandbox is
/// not, even where it can read the state folder: it has a PID namespace of its own.
pub(super) fn is_ours(stream: &Stream) -> bool {
    let Ok(peer) = stream.peer_cred() else { return false };
    peer.uid() == nix::unistd::geteuid().as_raw() && peer.pid().is_none_or(lives_here)
}

/// Whether a process is in the same PID namespace: `NSpid` lists one id for each namespace that the
/// process is visible in, so a process in a nested namespace has more. The link `ns/pid` would show
/// the same, but that of a process with protected memory, such as redraft, is readable by itself
/// only.
fn lives_here(process: i32) -> bool {
    let spaces = |process: &str| {
        let status = Path::new("/proc").join(process).join("status");
        let status = files::read_text(&status, 1 << 16).ok()?;
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        Some(numbers.split_whitespace().count())
    };
    !cfg!(target_os = "linux")
        || spaces("self").is_some_and(|own| spaces(&process.to_string()) == Some(own))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn only_a_visible_process_of_this_user_is_let_in() {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            one.set_nonblocking(true).unwrap();
            assert!(is_ours(&Stream::from_std(one).unwrap()));
        });
        drop(other);
        assert!(lives_here(i32::try_from(std::process::id()).unwrap()));
        assert!(!lives_here(0), "a process that can't be seen from here");
    }
}
