//! Models of kind `command`: a program that reads the messages as JSON on its standard input and
//! writes the answer to its standard output.

use super::fault::shown;
use super::{Chunk, Fault, Finish, Model};
use futures_util::future::{BoxFuture, FutureExt};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use redraft_domain::chat::{Outcome, Request};
use redraft_files::reason;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Size of the read buffer, in bytes.
const BUFFER: usize = 8 << 10;

/// Length of the end of the program's error output that is kept, in bytes.
const ERRORS_KEPT: usize = 8 << 10;

/// How long to read output after the program ended: a child that it left behind can hold the pipes
/// open forever.
const REST: Duration = Duration::from_millis(500);

/// A program that answers requests.
pub(super) struct CommandModel {
    /// The program and its arguments, run without a shell.
    pub(super) command: Vec<String>,
    /// The model's name, passed in `REDRAFT_MODEL`.
    pub(super) model: String,
}

impl Model for CommandModel {
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        chunks: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>> {
        Box::pin(self.run(request, chunks))
    }
}

impl CommandModel {
    async fn run(&self, request: &Request, out: mpsc::Sender<Chunk>) -> Result<Finish, Fault> {
        let prompt = serde_json::to_vec(&request.messages).map_err(Fault::bad_text)?;
        let mut child = self
            .spawn(request)
            .map_err(|error| self.fault(&format!("can't be started: {}", reason(&error))))?;
        let _group = Group(child.id());
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();

        let mut errors = Vec::new();
        let status = {
            let mut output = std::pin::pin!(async {
                tokio::try_join!(
                    pass_on(stdout, &out),
                    keep_end(stderr, &mut errors).map(Ok),
                    feed(stdin, &prompt).map(Ok),
                )
            });
            tokio::select! {
                // The output can end long before the program, and the other way round.
                status = child.wait() => {
                    if let Ok(ended) = timeout(REST, output).await {
                        ended?;
                    }
                    status
                }
                ended = &mut output => {
                    ended?;
                    child.wait().await
                }
            }
        };
        match status {
            Ok(status) if status.success() => Ok(Finish { outcome: Outcome::Whole, usage: None }),
            Ok(status) => Err(self.fault(&format!("failed ({status}){}", last_line(&errors)))),
            Err(error) => Err(self.fault(&format!("was lost: {error}"))),
        }
    }

    fn spawn(&self, request: &Request) -> io::Result<Child> {
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| io::Error::other("no program is named"))?;
        Command::new(program)
            .args(arguments)
            .env("REDRAFT_MODEL", &self.model)
            .env("REDRAFT_AGENT", request.agent.name())
            .env("REDRAFT_TEMPERATURE", request.temperature.to_string())
            .env("REDRAFT_MAX_TOKENS", request.max_tokens.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A process group of its own: its children are killed with it, and Ctrl-C reaches it
            // only through this process.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    fn fault(&self, reason: &str) -> Fault {
        let program = self.command.first().map_or("", String::as_str);
        Fault::Program { program: shown(program), reason: shown(reason) }
    }
}

/// The program's process group, which is killed on drop.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // An error only means that no process of the group is left.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

/// Writes the prompt. A program that does not read it may close its end; that is no error.
async fn feed(stdin: Option<ChildStdin>, prompt: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(prompt).await;
    }
}

/// Forwards the program's output as it arrives.
async fn pass_on(
    stdout: Option<impl AsyncRead + Unpin>,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), Fault> {
    let Some(mut stdout) = stdout else { return Ok(()) };
    let mut buffer = vec![0; BUFFER];
    let mut pending = Vec::new();
    loop {
        let count = stdout.read(&mut buffer).await.map_err(|_| Fault::Truncated)?;
        if count == 0 {
            break;
        }
        pending.extend_from_slice(&buffer[..count]);
        let text = take_text(&mut pending)?;
        if !text.is_empty() {
            out.send(Chunk::Text(text)).await.map_err(|_| Fault::Truncated)?;
        }
    }
    if pending.is_empty() { Ok(()) } else { Err(Fault::bad_text("it ends inside a character")) }
}

/// Takes the complete characters; the beginning of an incomplete one stays in `pending`.
fn take_text(pending: &mut Vec<u8>) -> Result<String, Fault> {
    let whole = match str::from_utf8(pending) {
        Ok(text) => text.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(error) => return Err(Fault::bad_text(error)),
    };
    let rest = pending.split_off(whole);
    String::from_utf8(std::mem::replace(pending, rest)).map_err(Fault::bad_text)
}

/// Reads to the end of the stream and keeps the last part.
async fn keep_end(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; BUFFER];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * ERRORS_KEPT {
            kept.drain(..kept.len() - ERRORS_KEPT);
        }
    }
}

/// The last line that is not blank, after a colon.
fn last_line(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    line.map_or_else(String::new, |line| format!(": {line}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn characters_split_over_reads_arrive_whole() {
        let text = "añ時🕐 end";
        let mut pending = Vec::new();
        let mut got = String::new();
        for byte in text.bytes() {
            pending.push(byte);
            got.push_str(&take_text(&mut pending).unwrap());
        }
        assert_eq!((got.as_str(), pending.len()), (text, 0));
        assert!(take_text(&mut vec![b'a', 0xff, b'b']).is_err());
    }

    #[test]
    fn the_last_line_of_stderr_that_is_not_blank_is_reported() {
        assert_eq!(last_line(b"one\nKeyError: 'x'\n\n  \n"), ": KeyError: 'x'");
        assert_eq!(last_line(b" \n"), "");
    }
}
