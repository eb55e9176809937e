//! The agent: handles a client's requests.

use super::rpc::{self, Client, Incoming, RpcError, answer, parse};
use super::turn::Turn;
use super::updates;
use crate::domain::session::Session;
use crate::domain::text::one_line;
use crate::store::{self, StoreError, catalog};
use crate::terminal::Terminal;
use crate::view::{Row, SessionRow};
use crate::workflow::machine::{self, Step};
use crate::workflow::session_task::SessionTask;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Sessions per page of the list, those last worked on first.
const PAGE: usize = 100;
/// Maximum number of messages queued for a client that does not read.
const WAITING: usize = 64;
/// How long to wait at the end for a client to read the last messages.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A new session, as requested by a prompt.
pub struct Request {
    /// The sessions folder.
    pub sessions: PathBuf,
    /// The session's name.
    pub name: String,
    /// The task.
    pub request: String,
    /// Files named in the prompt; those in the client's folder are passed to the script.
    pub files: Vec<PathBuf>,
    /// The client's working folder.
    pub cwd: PathBuf,
}

/// Actions that the caller provides. All may block. Errors are complete sentences.
#[expect(clippy::type_complexity, reason = "each says what it takes and gives")]
pub struct Actions {
    /// Reports what is missing to work on sessions, such as a key or a model.
    pub ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Creates a session; returns notes for the user.
    pub create: Box<dyn Fn(Request) -> Result<Vec<String>, String> + Send + Sync>,
    /// Starts work on the session in a folder, with optional feedback on its latest version.
    pub work:
        Box<dyn Fn(PathBuf, Option<String>, &SessionTask) -> Result<(), String> + Send + Sync>,
}

/// State of a session opened by this client.
#[derive(Clone, Default)]
struct Open {
    /// The client's working folder.
    cwd: PathBuf,
    /// The running task.
    task: Option<SessionTask>,
}

struct Agent {
    actions: Actions,
    terminal: Terminal,
    /// The sessions folder, relative to the client's folder.
    sessions: PathBuf,
    client: Client,
    open: Mutex<HashMap<String, Open>>,
}

/// Serves the client on standard input and output until it disconnects or `stop` is cancelled. All
/// running work is stopped and journaled before it returns.
pub async fn serve(
    actions: Actions,
    terminal: Terminal,
    sessions: PathBuf,
    mut lines: mpsc::Receiver<String>,
    stop: CancellationToken,
) {
    let (out, written) = write(terminal);
    let client = Client::new(out);
    let agent = Arc::new(Agent { actions, terminal, sessions, client, open: Mutex::default() });
    let mut working = JoinSet::new();
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => break,
            line = lines.recv() => line,
        };
        let Some(line) = line else { break };
        while working.try_join_next().is_some() {}
        match rpc::read(&line) {
            Incoming::Request { id, method, params } => {
                // Started here, because the next line may cancel the turn.
                let begun = (method == "session/prompt").then(|| agent.begin(&params));
                let agent = Arc::clone(&agent);
                working.spawn(async move {
                    let result = match begun {
                        Some(Ok((prompt, task))) => agent.prompt(prompt, task).await,
                        Some(Err(error)) => Err(error),
                        None => agent.perform(&method, params).await,
                    };
                    agent.client.send(answer(&id, result)).await;
                });
            }
            Incoming::Notification { method, params } => agent.note(&method, &params),
            Incoming::Response { id, result } => agent.client.answered(id, result),
            Incoming::Wrong(refusal) => agent.client.send(refusal).await,
        }
    }
    for open in agent.open().values() {
        open.cancel();
    }
    agent.client.hang_up();
    while working.join_next().await.is_some() {}
    drop(agent);
    // With a timeout, in case the client does not read.
    let _ = tokio::time::timeout(LAST_WORDS, written).await;
}

/// Starts a thread that writes messages, so that a client that does not read can't block other
/// work.
fn write(terminal: Terminal) -> (mpsc::Sender<Value>, oneshot::Receiver<()>) {
    let (out, mut messages) = mpsc::channel(WAITING);
    let (done, written) = oneshot::channel();
    std::thread::spawn(move || {
        while let Some(message) = messages.blocking_recv() {
            terminal.json(&message);
        }
        drop(done);
    });
    (out, written)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialize {
    #[serde(default)]
    client_capabilities: Value,
}

#[derive(Deserialize)]
struct New {
    cwd: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    session_id: String,
    cwd: PathBuf,
}

#[derive(Deserialize)]
struct List {
    cwd: Option<PathBuf>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prompt {
    session_id: String,
    prompt: Vec<Block>,
}

/// A part of a prompt.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ResourceLink {
        name: String,
        uri: String,
    },
    /// A kind that the agent's capabilities do not include.
    #[serde(other)]
    Other,
}

impl Agent {
    /// Starts a turn: the part of handling a prompt that must be done before the next message.
    fn begin(&self, params: &Value) -> Result<(Prompt, SessionTask), RpcError> {
        let prompt = Prompt::deserialize(params).map_err(RpcError::params)?;
        let mut all = self.open();
        let open = all.get_mut(&prompt.session_id).ok_or_else(not_open)?;
        if open.task.is_some() {
            let why = "the session is in a turn: wait for its end, or cancel it";
            return Err(RpcError::params(why));
        }
        let task = SessionTask::new();
        open.task = Some(task.clone());
        Ok((prompt, task))
    }

    async fn prompt(
        self: &Arc<Self>,
        prompt: Prompt,
        task: SessionTask,
    ) -> Result<Value, RpcError> {
        let session = prompt.session_id.clone();
        let ended = self.turn(prompt, task).await;
        if let Some(open) = self.open().get_mut(&session) {
            open.task = None;
        }
        Ok(json!({ "stopReason": ended? }))
    }

    async fn perform(self: &Arc<Self>, method: &str, params: Value) -> Result<Value, RpcError> {
        match method {
            "initialize" => Ok(hello(&parse(params)?)),
            "authenticate" => {
                self.aside(|agent| (agent.actions.ready)().map_err(RpcError::not_set_up)).await?;
                Ok(json!({}))
            }
            "session/new" => {
                let New { cwd } = parse(params)?;
                let name = self.aside(move |agent| agent.new_session(cwd)).await?;
                Ok(json!({ "sessionId": name }))
            }
            "session/load" => {
                let Load { session_id, cwd } = parse(params)?;
                let name = session_id.clone();
                let history = self
                    .aside(move |agent| {
                        let (folder, session) = agent.load(&name, cwd)?;
                        Ok(updates::history(&folder, &session))
                    })
                    .await?;
                for update in history {
                    let params = json!({ "sessionId": session_id, "update": update });
                    self.client.notify("session/update", params).await;
                }
                Ok(json!({}))
            }
            "session/resume" => {
                let Load { session_id, cwd } = parse(params)?;
                self.aside(move |agent| agent.load(&session_id, cwd).map(drop)).await?;
                Ok(json!({}))
            }
            "session/list" => {
                let wanted = parse(params)?;
                self.aside(move |agent| agent.list(&wanted)).await
            }
            _ => Err(RpcError::no_method(method)),
        }
    }

    fn note(&self, method: &str, params: &Value) {
        let session = params["sessionId"].as_str().filter(|_| method == "session/cancel");
        if let Some(open) = session.and_then(|session| self.open().get(session).cloned()) {
            open.cancel();
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs blocking work on a thread for it.
    async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let agent = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&agent)).await.map_err(RpcError::failed)?
    }

    /// The sessions folder for a client that works in this folder.
    fn sessions(&self, cwd: &Path) -> Result<PathBuf, RpcError> {
        if !cwd.is_absolute() || !cwd.is_dir() {
            let cwd = one_line(&cwd.display().to_string(), 200);
            return Err(RpcError::params(format!("`{cwd}` is no folder, named by its whole path")));
        }
        Ok(cwd.join(&self.sessions))
    }

    /// Registers a session, which is created with the first prompt. Returns the name of its future
    /// folder.
    fn new_session(&self, cwd: PathBuf) -> Result<String, RpcError> {
        let sessions = self.sessions(&cwd)?;
        (self.actions.ready)().map_err(RpcError::not_set_up)?;
        let mut open = self.open();
        loop {
            let name = format!("chat-{:08x}", fastrand::u32(..));
            if !open.contains_key(&name) && !sessions.join(&name).exists() {
                open.insert(name.clone(), Open { cwd, ..Open::default() });
                return Ok(name);
            }
        }
    }

    /// Opens an existing session, and returns it with its folder.
    fn load(&self, name: &str, cwd: PathBuf) -> Result<(PathBuf, Session), RpcError> {
        let folder = catalog::named(&self.sessions(&cwd)?, name).map_err(RpcError::params)?;
        let session = store::read(&folder).map_err(RpcError::failed)?.session;
        if session.dialogue.is_some() {
            return Err(RpcError::params(
                "the session answers questions: redraft ask goes on with it",
            ));
        }
        self.open().entry(name.to_owned()).or_default().cwd = cwd;
        Ok((folder, session))
    }

    fn list(&self, wanted: &List) -> Result<Value, RpcError> {
        let cwd = match &wanted.cwd {
            Some(cwd) => cwd.clone(),
            None => std::env::current_dir().map_err(RpcError::failed)?,
        };
        let from: usize = match &wanted.cursor {
            Some(cursor) => cursor.parse().map_err(|_| RpcError::params("no such cursor"))?,
            None => 0,
        };
        let listed =
            catalog::list(&self.sessions(&cwd)?, SessionRow::of).map_err(RpcError::failed)?;
        let all = Row::newest_first(listed).into_iter().filter_map(|row| match row {
            Row::Session(row) if row.kind == "script" => Some(row),
            _ => None,
        });
        let mut page = all.skip(from).peekable();
        let infos: Vec<Value> = page
            .by_ref()
            .take(PAGE)
            .map(|row| {
                let title = one_line(&row.request, 100);
                json!({ "sessionId": row.name, "cwd": cwd, "title": title, "updatedAt": row.updated })
            })
            .collect();
        let mut list = json!({ "sessions": infos });
        if page.peek().is_some() {
            list["nextCursor"] = (from + PAGE).to_string().into();
        }
        Ok(list)
    }

    /// Works on a session for a prompt, and returns the stop reason of the turn.
    async fn turn(
        self: &Arc<Self>,
        prompt: Prompt,
        task: SessionTask,
    ) -> Result<&'static str, RpcError> {
        let session = prompt.session_id;
        let cwd = self.open().get(&session).ok_or_else(not_open)?.cwd.clone();
        let (text, files) = said(prompt.prompt);
        if text.is_empty() {
            return Err(RpcError::params("the prompt has no text"));
        }
        let sessions = self.sessions(&cwd)?;
        let folder = sessions.join(&session);
        let mut turn = Turn {
            client: self.client.clone(),
            terminal: self.terminal,
            session: session.clone(),
            folder: folder.clone(),
            task: task.clone(),
            said: None,
            requirements: Vec::new(),
            plan: Value::Null,
            tag: format!("{:08x}", fastrand::u32(..)),
            number: 0,
            outcome: None,
            asked: false,
        };
        let watcher = task.watch();
        let begun = self.aside(move |agent| {
            let (mut notes, mut gate, mut feedback, mut requirements) = (Vec::new(), None, None, Vec::new());
            match catalog::named(&sessions, &session) {
                Ok(folder) => {
                    let session = store::read(&folder).map_err(RpcError::failed)?.session;
                    requirements = updates::requirements(&session).to_vec();
                    match (machine::next_step(&session), session.head) {
                        (Step::Ask(waits), _) => gate = Some((waits, text)),
                        (_, Some(_)) => feedback = Some(text),
                        (_, None) => notes.push(
                            "This session stopped before there was anything to answer, and goes on there."
                                .to_owned(),
                        ),
                    }
                }
                Err(StoreError::Unknown(_)) => {
                    let request = Request { sessions, name: session, request: text, files, cwd };
                    notes = (agent.actions.create)(request).map_err(RpcError::failed)?;
                }
                Err(error) => return Err(RpcError::failed(error)),
            }
            (agent.actions.work)(folder, feedback, &task).map_err(RpcError::failed)?;
            Ok((notes, gate, requirements))
        });
        let notes;
        (notes, turn.said, turn.requirements) = begun.await?;
        for note in notes {
            turn.show(updates::said(&format!("{note}\n\n"))).await;
        }
        turn.follow(watcher).await
    }
}

impl Open {
    fn cancel(&self) {
        if let Some(task) = &self.task {
            task.cancel();
        }
    }
}

fn not_open() -> RpcError {
    RpcError::params("there is no such session here: make one, or load it")
}

/// The agent's capabilities. Clients that can show a terminal are offered a command for setup.
fn hello(client: &Initialize) -> Value {
    let capabilities = &client.client_capabilities;
    // Older clients use `_meta` for this capability.
    let terminal =
        capabilities["auth"]["terminal"] == true || capabilities["_meta"]["terminal-auth"] == true;
    let method = json!({
        "id": "setup",
        "name": "Set up a model",
        "description": "Shows which models were found, and fetches one that runs on this machine",
        "type": "terminal",
        "args": ["--setup"],
    });
    let methods: Vec<Value> = terminal.then_some(method).into_iter().collect();
    json!({
        "protocolVersion": 1,
        "agentCapabilities": {
            "loadSession": true,
            "promptCapabilities": { "image": false, "audio": false, "embeddedContext": false },
            "mcpCapabilities": { "http": false, "sse": false },
            "sessionCapabilities": { "list": {}, "resume": {} },
        },
        "agentInfo": { "name": "redraft", "title": "redraft", "version": env!("CARGO_PKG_VERSION") },
        "authMethods": methods,
    })
}

/// The text of a prompt, including the names of linked files, and the paths of these files.
fn said(prompt: Vec<Block>) -> (String, Vec<PathBuf>) {
    let (mut text, mut files) = (String::new(), Vec::new());
    for block in prompt {
        match block {
            Block::Text { text: said } => text.push_str(&said),
            Block::ResourceLink { name, uri } => {
                text.push_str(&one_line(&name, 200));
                files.extend(url::Url::parse(&uri).ok().and_then(|uri| uri.to_file_path().ok()));
            }
            Block::Other => {}
        }
    }
    (text.trim().to_owned(), files)
}
