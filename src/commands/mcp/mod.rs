//! `redraft mcp`: redraft's work as tools for other programs and their models.
//!
//! A client may have a model behind it: what it says is data. It names sessions by their names, files below
//! the folders that the user allows, and opens nothing.

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

/// What calls are worked on with.
struct Tools {
    context: Context,
    /// The folders whose files clients may give to scripts, without links in their paths.
    roots: Vec<PathBuf>,
    /// Clients may say what only a person may.
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
    // Standard input may be waited for in a way that can't be stopped.
    runtime.shutdown_background();
    match served {
        Ok(()) => Ok(super::code::DONE),
        Err(why) => bail!("the client does not speak the protocol: {}", one_line(&why, 200)),
    }
}

/// Serves over HTTP, and says where and with which token.
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

/// The folders that files may be given from: those that were named, and the current one, unless it is one
/// that a program is started in by default and that holds everything.
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

    /// The files that a client gives to a script, without links in their paths.
    fn data(&self, paths: &[String]) -> Result<Vec<PathBuf>> {
        paths.iter().map(|path| self.file(path)).collect()
    }

    fn file(&self, path: &str) -> Result<PathBuf> {
        let shown = one_line(path, 100);
        // What stands outside is not told from what is not there.
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
