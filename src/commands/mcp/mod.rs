//! `redraft mcp`: offers redraft's work as tools to other programs and their models.
//!
//! A client may pass on what a model says, so its input is untrusted data: it can name sessions by
//! name and files below the folders that the user allows, and has no other access.

mod code;
mod session;

use super::{Context, interrupts, setup};
use crate::cli;
use crate::domain::name;
use crate::domain::text::one_line;
use crate::files;
use crate::mcp::tools::Call;
use crate::mcp::{Perform, Reply, Wire, http, server};
use crate::store::catalog::{self, Place};
use crate::terminal::Terminal;
use crate::viewer::serve::AccessCheck;
use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The context of tool calls.
struct Tools {
    context: Context,
    /// Canonical paths of the folders whose files clients may pass to scripts.
    roots: Vec<PathBuf>,
    /// Clients may give answers that are reserved for the user.
    allow_gates: bool,
}

pub(super) fn run(context: Context, args: &cli::Mcp) -> Result<u8> {
    let terminal = context.terminal;
    let quiet = context.terminal.for_protocol();
    let sessions = context.sessions.clone();
    let context = Context { terminal: quiet, yes: false, ..context };
    let roots = roots(&args.roots)?;
    let tools = Tools { context, roots, allow_gates: args.allow_gates };
    let stop = interrupts::cancel_on_interrupt()?;
    let perform: Arc<Perform> = Arc::new(move |call, wire| tools.perform(call, wire));
    let runtime = setup::runtime()?;
    if let Some(address) = args.http {
        let served = serve_http(terminal, address, perform, sessions, args.allow_gates, stop);
        runtime.block_on(served)?;
        return Ok(super::code::DONE);
    }
    let served = runtime.block_on(server::serve(perform, sessions, args.allow_gates, stop));
    // A read of standard input may be blocking, and can't be cancelled.
    runtime.shutdown_background();
    match served {
        Ok(()) => Ok(super::code::DONE),
        Err(why) => bail!("the client does not speak the protocol: {}", one_line(&why, 200)),
    }
}

/// Serves over HTTP, and prints the address and the token.
async fn serve_http(
    terminal: Terminal,
    address: SocketAddr,
    perform: Arc<Perform>,
    sessions: PathBuf,
    trusted: bool,
    stop: CancellationToken,
) -> Result<()> {
    if !address.ip().is_loopback() {
        bail!(
            "`{address}` is no address of this machine alone: what is sent is not encrypted; use 127.0.0.1"
        );
    }
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| {
        anyhow!("cannot listen on `{address}`: {}; choose another port", files::reason(&error))
    })?;
    let address = listener.local_addr()?;
    let access = AccessCheck::new(address)
        .map_err(|error| anyhow!("the system has no random bytes: {error}"))?;
    let url = format!("http://{address}{}", http::PATH);
    if terminal.json {
        terminal.json(&json!({ "url": url, "token": access.token() }));
    } else {
        terminal.say("the tools are served to clients that send the second line as a header:");
        terminal.say(&url);
        terminal.say(&format!("Authorization: Bearer {}", access.token()));
    }
    http::serve(listener, access, perform, sessions, trusted, stop)
        .await
        .map_err(anyhow::Error::msg)
}

/// The folders that files may be taken from: those that were named, and the current one, unless it
/// is the root or a parent of the home folder, where programs are started by default.
fn roots(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut roots = Vec::new();
    for root in named {
        let resolved = files::resolve(root)?;
        if !resolved.is_dir() {
            bail!("`--root {}` is no folder", root.display());
        }
        roots.push(resolved);
    }
    let home = directories::BaseDirs::new();
    let home = home.as_ref().and_then(|dirs| files::resolve(dirs.home_dir()).ok());
    if let Ok(here) = std::env::current_dir().and_then(|here| here.canonicalize())
        && here.parent().is_some()
        && !home.is_some_and(|home| home.starts_with(&here))
    {
        roots.push(here);
    }
    Ok(roots)
}

impl Tools {
    fn perform(&self, call: Call, wire: Wire) -> Reply {
        let done = match call {
            Call::WriteScript(args) => session::write(self, args, wire),
            Call::ContinueSession(args) => session::go_on(self, &args, wire),
            Call::AnswerGate(args) => session::answer(self, &args, wire),
            Call::GiveFeedback(args) => session::feedback(self, &args),
            Call::RunScript(args) => code::run_script(self, args, &wire.cancel),
            Call::RunPython(args) => code::run_python(self, args, &wire.cancel),
            Call::Lint(args) => Ok(code::lint(&args)),
            Call::ListSessions(args) => code::list(self, &args),
            Call::ShowSession(args) => code::show(self, &args),
            Call::DiffVersions(args) => code::diff(self, &args),
            Call::ExportScript(args) => code::export(self, &args),
        };
        done.unwrap_or_else(|error| Reply::failed(&error.to_string()))
    }

    /// Finds a session by its name.
    fn find(&self, session: &str) -> Result<Place> {
        name::check(session)?;
        Ok(Place { folder: catalog::named(&self.context.sessions, session)?, version: None })
    }

    /// Resolves the files that a client passes to a script.
    fn data(&self, paths: &[String]) -> Result<Vec<PathBuf>> {
        paths.iter().map(|path| self.file(path)).collect()
    }

    fn file(&self, path: &str) -> Result<PathBuf> {
        let shown = one_line(path, 100);
        // The error is the same for a file outside the folders and for a missing one.
        let resolved = files::resolve(Path::new(path)).ok();
        match resolved
            .filter(|file| file.is_file() && self.roots.iter().any(|root| file.starts_with(root)))
        {
            Some(file) => Ok(file),
            None => bail!(
                "there is no file `{shown}` in the folders that clients may take files from: the server's \
                 working folder, and those that its user named with `--root DIR`"
            ),
        }
    }
}

/// The fields of a JSON object.
fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
