//! The Agent Client Protocol's Rust client: a session with a plan, a permission and a diff, then the same
//! session loaded by another process.
//!
//! Usage: `acp_client REDRAFT FOLDER`, with a folder that `world.py` made.

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    InitializeRequest, ListSessionsRequest, LoadSessionRequest, NewSessionRequest, PlanEntryStatus,
    PromptRequest, RequestPermissionOutcome, RequestPermissionRequest, RequestPermissionResponse,
    SelectedPermissionOutcome, SessionId, SessionNotification, SessionUpdate, StopReason,
    ToolCallContent,
};
use agent_client_protocol::{AcpAgent, AcpAgentConfig, Agent, Client, Error};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The updates and permission requests of redraft.
#[derive(Default)]
struct Editor {
    updates: Mutex<Vec<SessionUpdate>>,
    titles: Mutex<Vec<String>>,
}

impl Editor {
    /// Runs redraft in this folder, with a user who approves, allows and accepts, while `work`
    /// runs.
    async fn with<T>(
        self: &Arc<Self>,
        redraft: &str,
        folder: &Path,
        work: impl AsyncFnOnce(ConnectionTo<Agent>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (config, sessions) = (folder.join("config.yaml"), folder.join("sessions"));
        let arguments =
            ["acp", "--config", config.to_str().unwrap(), "--sessions", sessions.to_str().unwrap()];
        let agent = AcpAgent::new(AcpAgentConfig::new(redraft).args(arguments));
        let (shown, asked) = (Arc::clone(self), Arc::clone(self));
        Client
            .v1()
            .on_receive_notification(
                async move |notification: SessionNotification, _| {
                    shown.updates.lock().unwrap().push(notification.update);
                    Ok(())
                },
                agent_client_protocol::on_receive_notification!(),
            )
            .on_receive_request(
                async move |request: RequestPermissionRequest, responder, _| {
                    asked
                        .titles
                        .lock()
                        .unwrap()
                        .push(request.tool_call.fields.title.clone().unwrap_or_default());
                    let wanted = ["approve", "accept", "allow"];
                    let chosen = wanted.iter().find_map(|wanted| {
                        request.options.iter().find(|option| option.option_id.0.as_ref() == *wanted)
                    });
                    let chosen = chosen
                        .expect("an option of a gate that this person knows")
                        .option_id
                        .clone();
                    responder.respond(RequestPermissionResponse::new(
                        RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(chosen)),
                    ))
                },
                agent_client_protocol::on_receive_request!(),
            )
            .connect_with(agent, async |connection: ConnectionTo<Agent>| {
                let hello = connection
                    .send_request(InitializeRequest::new(ProtocolVersion::V1))
                    .block_task()
                    .await?;
                assert_eq!(hello.protocol_version, ProtocolVersion::V1);
                assert!(hello.agent_capabilities.load_session);
                work(connection).await
            })
            .await
    }
}

/// Runs a session until its script is accepted; returns its id.
async fn write(redraft: &str, folder: &Path) -> Result<SessionId, Error> {
    let editor = Arc::new(Editor::default());
    let session = editor
        .with(redraft, folder, async |agent| {
            let session =
                agent.send_request(NewSessionRequest::new(folder)).block_task().await?.session_id;
            let prompt = PromptRequest::new(session.clone(), vec!["count to two".into()]);
            let ended = agent.send_request(prompt).block_task().await?;
            assert_eq!(ended.stop_reason, StopReason::EndTurn);
            Ok(session)
        })
        .await?;

    let updates = editor.updates.lock().unwrap();
    let plans: Vec<_> = updates
        .iter()
        .filter_map(|update| if let SessionUpdate::Plan(plan) = update { Some(plan) } else { None })
        .collect();
    let pending = |plan: &&agent_client_protocol::v1::schema::Plan| {
        plan.entries.len() == 2
            && plan.entries.iter().all(|entry| entry.status == PlanEntryStatus::Pending)
    };
    assert!(plans.first().is_some_and(pending), "{plans:?}");
    let done = plans.last().unwrap();
    assert!(
        done.entries.iter().all(|entry| entry.status == PlanEntryStatus::Completed),
        "{done:?}"
    );

    let calls = updates.iter().filter_map(|update| {
        if let SessionUpdate::ToolCall(call) = update { Some(call) } else { None }
    });
    let diffs: Vec<_> = calls
        .flat_map(|call| &call.content)
        .filter_map(
            |content| if let ToolCallContent::Diff(diff) = content { Some(diff) } else { None },
        )
        .collect();
    let [diff] = diffs[..] else { panic!("one version, so one diff: {diffs:?}") };
    assert_eq!(std::fs::read_to_string(&diff.path).unwrap(), diff.new_text);

    let titles = editor.titles.lock().unwrap();
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert!(titles[1].starts_with("May it?"), "{titles:?}");
    println!(
        "agent-client-protocol 5.2.0 (Rust): {} permissions, a plan, a diff: accepted",
        titles.len()
    );
    Ok(session)
}

/// Lists and loads the session in another process.
async fn load(redraft: &str, folder: &Path, session: SessionId) -> Result<(), Error> {
    let editor = Arc::new(Editor::default());
    editor
        .with(redraft, folder, async |agent| {
            let request = ListSessionsRequest::new().cwd(folder.to_owned());
            let listed = agent.send_request(request).block_task().await?.sessions;
            assert_eq!(listed.iter().map(|one| &one.session_id).collect::<Vec<_>>(), [&session]);
            agent
                .send_request(LoadSessionRequest::new(session.clone(), folder))
                .block_task()
                .await?;
            Ok(())
        })
        .await?;
    let updates = editor.updates.lock().unwrap();
    assert!(
        updates.iter().any(|update| matches!(update, SessionUpdate::UserMessageChunk(_))),
        "{updates:?}"
    );
    assert!(updates.iter().any(|update| matches!(update, SessionUpdate::Plan(_))), "{updates:?}");
    println!("agent-client-protocol 5.2.0 (Rust): listed and loaded by another process");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [redraft, folder] = &arguments[..] else { panic!("usage: acp_client REDRAFT FOLDER") };
    let folder = Path::new(folder);
    let session = write(redraft, folder).await?;
    load(redraft, folder, session).await
}
