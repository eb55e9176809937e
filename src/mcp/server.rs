//! The server: handles a client's requests, in both versions of the protocol.
//!
//! In 2025-11-25 and earlier, the user is asked at gates during the call (`elicitation/create`). In
//! 2026-07-28, a call that reaches a gate ends with an `InputRequiredResult`, and is repeated with
//! the user's answer. A client that supports neither gets a result that describes the gate.

use super::gate::Form;
use super::manager::Asked;
use super::tools::{self, AnswerGate, Call, ContinueSession};
use super::{Perform, Reply, Waiting, Wire, resources};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ElicitRequest, ElicitRequestParams,
    ElicitResult, ElicitationAction, ElicitationSchema, ErrorData, Implementation, InputRequest,
    InputRequiredResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::{Peer, RequestContext, RoleServer, ServerInitializeError, ServiceExt as _};
use rmcp::transport::io::stdio_pipes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Key of the question in a result that requires input.
const GATE: &str = "gate";

/// The server's instructions for clients.
const INSTRUCTIONS: &str = "redraft writes Python scripts, and runs each before it calls it working. \
    `write_script` starts a session. If a decision is needed, `gate` lists the possible answers; give one with \
    `answer_gate`. The session stores everything: a later call, also from another process, continues it.";

/// The server for one client.
#[derive(Clone)]
pub struct Server {
    perform: Arc<Perform>,
    sessions: PathBuf,
    /// A client's answers count as the user's.
    trusted: bool,
    /// Threads of running calls, which must end before the program does.
    working: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// Serves one client on standard input and output until it disconnects or `stop` is cancelled. All
/// running work is stopped and journaled before it returns.
///
/// # Errors
/// The client does not speak the protocol.
pub async fn serve(
    perform: Arc<Perform>,
    sessions: PathBuf,
    trusted: bool,
    stop: CancellationToken,
) -> Result<(), String> {
    let server = Server::new(perform, sessions, trusted);
    let ended = match server.clone().serve_with_ct(stdio_pipes(), stop.child_token()).await {
        Ok(service) => service.waiting().await.map(|_| ()).map_err(|error| error.to_string()),
        // Not an error: the client left before it sent anything, or the server was stopped.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    stop.cancel();
    server.end();
    ended
}

/// The gate that a client was asked about, echoed back by it. Untrusted: the session's state
/// decides.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    session: String,
    gate: String,
}

impl Server {
    pub(super) fn new(perform: Arc<Perform>, sessions: PathBuf, trusted: bool) -> Self {
        Self { perform, sessions, trusted, working: Arc::default() }
    }

    /// Waits for the running calls, after they were cancelled.
    pub(super) fn end(&self) {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        for call in std::mem::take(&mut *working) {
            // A panic was already reported.
            let _ = call.join();
        }
    }

    async fn call(&self, call: Call, is_person: bool, of: &Of) -> Reply {
        let (news, listener) = progress(of);
        let (person, asked) = match of.person {
            ByWhom::Elicited => {
                let (sender, receiver) = mpsc::channel(1);
                (Some(sender), Some(receiver))
            }
            _ => (None, None),
        };
        let is_person = is_person || self.trusted;
        let wire = Wire { cancel: of.cancel.clone(), news, person, is_person };
        let perform = Arc::clone(&self.perform);
        let (reply, replied) = oneshot::channel();
        // A session can't be moved between threads, and its work may block.
        self.work(std::thread::spawn(move || {
            // After a cancellation nobody receives the result.
            let _ = reply.send(perform(call, wire));
        }));
        let asking = async {
            if let Some(asked) = asked {
                tokio::select! {
                    () = of.cancel.cancelled() => {}
                    () = ask(&of.peer, asked) => {}
                }
            }
        };
        let telling = async {
            if let Some((listener, token)) = listener {
                tell(&of.peer, listener, token).await;
            }
        };
        // The other two end with the thread, which holds their senders.
        let (replied, (), ()) = tokio::join!(replied, asking, telling);
        replied.unwrap_or_else(|_| Reply::failed("the tool failed without a word"))
    }

    fn work(&self, call: JoinHandle<()>) {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        working.retain(|call| !call.is_finished());
        working.push(call);
    }
}

/// How the user behind a client is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByWhom {
    /// With a request during the call.
    Elicited,
    /// Through the call's result.
    Required,
    /// Not possible.
    Nobody,
}

/// The parts of a request that are needed while it is worked on.
struct Of {
    cancel: CancellationToken,
    peer: Peer<RoleServer>,
    person: ByWhom,
    token: Option<ProgressToken>,
}

impl Of {
    fn new(context: &RequestContext<RoleServer>) -> Self {
        let elicitation = context.client_capabilities().and_then(|all| all.elicitation);
        // A client that names no kind of elicitation means forms, the original kind.
        let forms = elicitation.is_some_and(|kinds| kinds.form.is_some() || kinds.url.is_none());
        let stateless = context
            .protocol_version()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        let person = match (forms, stateless) {
            (false, _) => ByWhom::Nobody,
            (true, false) => ByWhom::Elicited,
            (true, true) => ByWhom::Required,
        };
        Self {
            cancel: context.ct.clone(),
            peer: context.peer.clone(),
            person,
            token: context.meta.get_progress_token(),
        }
    }
}

type Listener = (mpsc::UnboundedReceiver<String>, ProgressToken);

/// The channel for progress messages, if the client asked for progress.
fn progress(of: &Of) -> (Option<mpsc::UnboundedSender<String>>, Option<Listener>) {
    let Some(token) = &of.token else { return (None, None) };
    let (sender, receiver) = mpsc::unbounded_channel();
    (Some(sender), Some((receiver, token.clone())))
}

/// Sends progress notifications until the channel is closed.
async fn tell(
    peer: &Peer<RoleServer>,
    mut news: mpsc::UnboundedReceiver<String>,
    token: ProgressToken,
) {
    let mut step = 0.0;
    while let Some(words) = news.recv().await {
        step += 1.0;
        let progress = ProgressNotificationParam::new(token.clone(), step).with_message(words);
        // A client that no longer listens gets no result either.
        let _ = peer.notify_progress(progress).await;
    }
}

/// Presents gates to the user behind a client until the channel is closed.
async fn ask(peer: &Peer<RoleServer>, mut asked: mpsc::Receiver<Asked>) {
    while let Some(Asked { form, again, reply }) = asked.recv().await {
        let said = match params(&form, again.as_deref()) {
            Some(params) => peer.create_elicitation(params).await.ok(),
            None => None,
        };
        let _ = reply.send(said.and_then(filled_in));
    }
}

/// The filled-in form; `None` if the user did not submit it.
fn filled_in(result: ElicitResult) -> Option<Value> {
    result.content.filter(|_| result.action == ElicitationAction::Accept)
}

fn params(form: &Form, again: Option<&str>) -> Option<ElicitRequestParams> {
    let again = again.map_or_else(String::new, |why| format!("{why}\n\n"));
    let asks = &form.asks;
    Some(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: format!("{again}The {} gate\n\n{asks}", form.gate.name()),
        requested_schema: serde_json::from_value::<ElicitationSchema>(form.schema()).ok()?,
    })
}

/// The result that asks for the user's answer.
fn required(waiting: &Waiting) -> Option<InputRequiredResult> {
    let request = ElicitRequest::new(params(&waiting.form, None)?);
    let requests = BTreeMap::from([(GATE.to_owned(), InputRequest::Elicitation(request))]);
    let (session, gate) = (waiting.session.clone(), waiting.form.gate.name().to_owned());
    let state = serde_json::to_string(&Pending { session, gate }).ok()?;
    Some(InputRequiredResult::new(Some(requests), Some(state)))
}

/// Builds the call for a repeated request with the user's answer; the flag says whether there is an
/// answer. Without one, the call only continues the session.
fn answered(request: &CallToolRequestParams) -> Option<(Call, bool)> {
    let pending: Pending = serde_json::from_str(request.request_state.as_deref()?).ok()?;
    let said = request.input_responses.as_ref().and_then(|all| all.get(GATE));
    let content = said
        .and_then(|said| serde_json::from_value::<ElicitResult>(said.clone()).ok())
        .and_then(filled_in);
    let Pending { session, gate } = pending;
    Some(match content {
        Some(content) => {
            let text = |name: &str| content[name].as_str().map(str::to_owned);
            let answer = text("answer").unwrap_or_default();
            let call = AnswerGate { session, answer, text: text("text"), gate: Some(gate) };
            (Call::AnswerGate(call), true)
        }
        None => (Call::ContinueSession(ContinueSession { session, auto: false }), false),
    })
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("redraft", env!("CARGO_PKG_VERSION")).with_title("redraft"),
            )
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::list().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let of = Of::new(&context);
        let again = answered(&request);
        let declined = matches!(again, Some((_, false)));
        let (call, is_person) = match again {
            Some(again) => again,
            None => match tools::read(&request.name, request.arguments) {
                Some(Ok(call)) => (call, false),
                Some(Err(why)) => return Ok(result(Reply::failed(&why)).into()),
                None => {
                    let words = format!("there is no tool `{}`", request.name);
                    return Err(ErrorData::invalid_params(words, None));
                }
            },
        };
        let reply = self.call(call, is_person, &of).await;
        if let Some(waiting) = &reply.waits
            && of.person == ByWhom::Required
            && !declined
            && let Some(required) = required(waiting)
        {
            return Ok(required.into());
        }
        Ok(result(reply).into())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let sessions = self.sessions.clone();
        let resources = aside(move || resources::list(&sessions)).await?;
        Ok(ListResourcesResult::with_all_items(resources))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (sessions, uri) = (self.sessions.clone(), request.uri.clone());
        let Some(contents) = aside(move || resources::read(&sessions, &uri)).await? else {
            let words = format!("nothing stands at `{}`", request.uri);
            return Err(ErrorData::resource_not_found(words, None));
        };
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

/// Reads from disk without blocking other calls.
async fn aside<T: Send + 'static, E: ToString + Send + 'static>(
    read: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ErrorData> {
    let broken = |error: String| ErrorData::internal_error(error, None);
    let done = tokio::task::spawn_blocking(read).await;
    done.map_err(|error| broken(error.to_string()))?.map_err(|error| broken(error.to_string()))
}

/// Builds a tool result. Some clients read the text and others the structured value, so both are
/// complete.
fn result(reply: Reply) -> CallToolResult {
    let value = Value::Object(reply.value);
    if reply.failed {
        CallToolResult::structured_error(value)
    } else {
        CallToolResult::structured(value)
    }
}
