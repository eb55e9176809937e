//! Describes the contents of data files, with a child process in the same sandbox as scripts, which
//! reads one file and has no network. Not a command: `new` and `ask` use it.

use super::setup;
use crate::data::{self, Child, LONGEST_REPORT};
use crate::domain::event::Described;
use crate::domain::settings::SandboxMode;
use crate::files;
use crate::sandbox::{self, Content, Input, Job, Limits};
use anyhow::{Result, bail};
use std::fs::Metadata;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// The largest file, in bytes, that is copied for the process if it can't read the original.
const LARGEST_COPY: u64 = 64 << 20;
/// Disk limit of the process, in bytes.
const DISK: u64 = 1 << 20;

/// Descriptions of files; `None` for a file that can't be described.
pub(super) fn describe(paths: &[PathBuf]) -> Vec<Option<Described>> {
    data::describe(paths, &|child| confined(child).map_err(|error| error.to_string()))
}

fn confined(child: &Child<'_>) -> Result<Option<Vec<u8>>> {
    if !cfg!(target_os = "linux") {
        bail!("this system can't confine it");
    }
    let program = std::env::current_exe()?;
    if is_closed(&program.metadata()?) {
        bail!("the process that is confined can't start this program");
    }
    let folder = files::small_temporary_folder()?;
    let mut args = child.args.clone();
    let (mut readable, mut inputs) = (vec![program.clone()], Vec::new());
    let meta = child.file.metadata()?;
    if is_closed(&meta) {
        if meta.len() > LARGEST_COPY {
            bail!("the process that is confined can't read it");
        }
        let name = PathBuf::from("file").join(child.file.file_name().unwrap_or_default());
        args.iter_mut().filter(|arg| *arg == child.file).for_each(|arg| *arg = name.clone().into());
        inputs.push(Input { name, content: Content::Copy(child.file.to_owned()) });
    } else {
        readable.push(child.file.to_owned());
    }
    let limits = Limits { time: child.time, memory: child.memory, processes: 8, disk: DISK };
    let job = Job {
        program,
        args,
        env: Vec::new(),
        inputs,
        readable,
        hosts: Vec::new(),
        programs: false,
        stdin: Vec::new(),
        limits,
        keep: 1024,
        keep_files_in: Some(folder.path().to_owned()),
        stop: CancellationToken::new(),
        attached: false,
        terminal: false,
        hands: None,
        counted: Vec::new(),
    };
    let runner = sandbox::runner(SandboxMode::Strict);
    setup::runtime()?.block_on(runner.run(job, &CancellationToken::new()))?;
    Ok(files::read_regular(&folder.path().join(child.report), LONGEST_REPORT))
}

/// Whether redraft runs as root and the file is only readable by its owner: the confined process is
/// an unprivileged user.
#[cfg(unix)]
fn is_closed(meta: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    nix::unistd::Uid::effective().is_root() && meta.permissions().mode() & 0o004 == 0
}

#[cfg(not(unix))]
fn is_closed(_: &Metadata) -> bool {
    false
}
