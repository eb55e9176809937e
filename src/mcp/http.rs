//! The same server over HTTP (streamable HTTP), for clients that do not start the program
//! themselves.

use super::Perform;
use super::server::Server;
use crate::viewer::serve::AccessCheck;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Path of the endpoint.
pub const PATH: &str = "/mcp";

/// Serves any number of clients that present the access token, until `stop` is cancelled. All
/// running work is stopped and journaled before it returns.
///
/// # Errors
/// The system accepts no further connections.
pub async fn serve(
    listener: TcpListener,
    access: AccessCheck,
    perform: Arc<Perform>,
    sessions: PathBuf,
    trusted: bool,
    stop: CancellationToken,
) -> Result<(), String> {
    let server = Server::new(perform, sessions, trusted);
    let own = server.clone();
    // `AccessCheck` has already checked `Host` and `Origin`.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_cancellation_token(stop.child_token());
    let service = StreamableHttpService::new(
        move || Ok(own.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let router = Router::new()
        .route_service(PATH, service)
        .layer(middleware::from_fn_with_state(Arc::new(access), guard));
    let ended = tokio::select! {
        ended = async { axum::serve(listener, router).await } => ended,
        () = stop.cancelled() => Ok(()),
    };
    stop.cancel();
    // On another thread, since this one must deliver the cancellation to the calls.
    let _ = tokio::task::spawn_blocking(move || server.end()).await;
    ended.map_err(|error| error.to_string())
}

async fn guard(State(access): State<Arc<AccessCheck>>, request: Request, next: Next) -> Response {
    match access.admit(request.headers()) {
        Ok(()) => next.run(request).await,
        Err((status, why)) => (status, format!("{why}\n")).into_response(),
    }
}
