//! Detects which access outside its run folder a script asks for, by the names that it uses.
//!
//! This informs the user. It does not detect a script that hides what it does.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use super::imports::TERMINAL;
use super::tree::{Tree, Use};
use redraft_domain::permission;
use redraft_domain::report::{Capability, CapabilityKind};
use redraft_domain::text::one_line;

/// Maximum number of capabilities kept of a script.
const MOST: usize = 50;
/// Maximum number of characters kept of the code that asks for one.
const LONGEST: usize = 80;

/// Names whose use is a capability: a function, or a module.
const ASKING: &[(CapabilityKind, &[&str])] = &[
    (
        CapabilityKind::Network,
        &[
            "aiohttp",
            "asyncio.open_connection",
            "asyncio.start_server",
            "boto3",
            "discord",
            "fastapi",
            "flask",
            "ftplib",
            "http.client",
            "http.server",
            "httpx",
            "imaplib",
            "nntplib",
            "openai",
            "paramiko",
            "poplib",
            "requests",
            "selenium",
            "smtplib",
            "socket",
            "socketserver",
            "ssl",
            "telnetlib",
            "urllib.request",
            "urllib3",
            "uvicorn",
            "webbrowser",
            "websocket",
            "websockets",
            "wsgiref.simple_server",
            "xmlrpc",
        ],
    ),
    (
        CapabilityKind::Processes,
        &[
            "asyncio.create_subprocess_exec",
            "asyncio.create_subprocess_shell",
            "os.abort",
            "os.execl",
            "os.execle",
            "os.execlp",
            "os.execlpe",
            "os.execv",
            "os.execve",
            "os.execvp",
            "os.execvpe",
            "os.fork",
            "os.forkpty",
            "os.kill",
            "os.killpg",
            "os.popen",
            "os.posix_spawn",
            "os.posix_spawnp",
            "os.spawnl",
            "os.spawnle",
            "os.spawnlp",
            "os.spawnlpe",
            "os.spawnv",
            "os.spawnve",
            "os.spawnvp",
            "os.spawnvpe",
            "os.startfile",
            "os.system",
            "pexpect",
            "psutil",
            "pty",
            "sh",
            "subprocess",
        ],
    ),
    (
        CapabilityKind::Environment,
        &["os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"],
    ),
    (
        CapabilityKind::DynamicCode,
        &[
            "__import__",
            "builtins.__import__",
            "builtins.compile",
            "builtins.eval",
            "builtins.exec",
            "cloudpickle",
            "code.interact",
            "compile",
            "dill",
            "eval",
            "exec",
            "importlib.import_module",
            "importlib.util",
            "joblib.load",
            "marshal",
            "pickle.Unpickler",
            "pickle.load",
            "pickle.loads",
            "runpy",
            "shelve",
            "types.CodeType",
            "types.FunctionType",
        ],
    ),
    (CapabilityKind::NativeCode, &["_ctypes", "cffi", "ctypes", "numpy.ctypeslib"]),
    (
        CapabilityKind::Files,
        &[
            "os.chroot",
            "os.path.expanduser",
            "os.path.expandvars",
            "os.removedirs",
            "pathlib.Path.home",
            "pathlib.Path().expanduser",
            "shutil.rmtree",
        ],
    ),
];

/// Functions that access files if their argument is a path outside the run folder.
const WITH_PATHS: &[&str] = &[
    "codecs.open",
    "fileinput.input",
    "glob.glob",
    "glob.iglob",
    "gzip.open",
    "io.open",
    "open",
    "os.access",
    "os.chdir",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.listdir",
    "os.lstat",
    "os.makedirs",
    "os.mkdir",
    "os.open",
    "os.path.exists",
    "os.path.join",
    "os.readlink",
    "os.remove",
    "os.rename",
    "os.replace",
    "os.rmdir",
    "os.scandir",
    "os.stat",
    "os.symlink",
    "os.truncate",
    "os.unlink",
    "os.utime",
    "os.walk",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.PurePath",
    "shutil.copy",
    "shutil.copy2",
    "shutil.copyfile",
    "shutil.copytree",
    "shutil.move",
    "sqlite3.connect",
    "tarfile.open",
    "zipfile.ZipFile",
    "pandas.read_csv",
    "pandas.read_excel",
    "pandas.read_json",
    "numpy.load",
    "numpy.loadtxt",
    "PIL.Image.open",
    "cv2.imread",
];

/// Environment variables that every run sets to a value of its own.
const GIVEN: &[&str] =
    &["HOME", "TMPDIR", "PATH", "LANG", "DISPLAY", "PYTHONPATH", "PYTHONIOENCODING", "MPLBACKEND"];
/// Paths outside the run folder that are harmless. The terminal is the run's own pseudo-terminal.
const NOBODYS: &[&str] = &["/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", TERMINAL];

/// The capabilities of a script by line; each kind and target once per line.
pub(super) fn of(tree: &Tree) -> Vec<Capability> {
    let mut found = BTreeMap::new();
    let mut note = |line, kind, target: Option<String>, what: &str| {
        found.entry((line, kind, target)).or_insert_with(|| what.to_owned());
    };
    // A star import hides the names that are used, so the import itself counts.
    let stars = tree.imports.iter().filter(|import| import.star);
    for (name, line) in stars.map(|import| (&import.module, import.line)) {
        if let Some(kind) = asking(name) {
            note(line, kind, None, name);
        }
    }
    for used in &tree.uses {
        match asking(&used.name) {
            Some(CapabilityKind::Environment) => {
                let name = used.texts.first().filter(|name| !GIVEN.contains(&name.as_str()));
                note(used.line, CapabilityKind::Environment, name.cloned(), &used.name);
            }
            Some(kind) => note(used.line, kind, None, &used.name),
            None => {
                if let Some(path) = path_outside(used) {
                    let what = format!("{}(\"{path}\")", used.name);
                    note(used.line, CapabilityKind::Files, Some(path.to_owned()), &what);
                }
            }
        }
    }
    // URLs anywhere in the script show which hosts it connects to.
    let network =
        |(_, kind, _): &(usize, CapabilityKind, Option<String>)| *kind == CapabilityKind::Network;
    if found.keys().any(network) {
        for (host, line) in tree.texts.iter().filter_map(|(text, line)| Some((host(text)?, line))) {
            let what = format!("\"{host}\"");
            found.entry((*line, CapabilityKind::Network, Some(host))).or_insert(what);
        }
    }
    found
        .into_iter()
        .take(MOST)
        .map(|((line, kind, target), what)| {
            let what = one_line(&what, LONGEST);
            Capability { kind, line, what, target, named: None }
        })
        .collect()
}

/// The host of a URL at the start of a text, in the syntax of permissions; `None` if part of it is
/// only known at run time.
fn host(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        "ftp" => "",
        _ => return None,
    };
    let end = rest.find(['/', '?', '#'])?;
    let (_, host) = rest[..end].rsplit_once('@').unwrap_or(("", &rest[..end]));
    let host = permission::host(host).ok()?;
    Some(host.strip_suffix(usual).map_or(host.clone(), str::to_owned))
}

/// Resolves the targets of capabilities: links are followed, and a file that does not exist or a
/// variable that is not set needs no permission.
pub(super) fn resolve(mut capabilities: Vec<Capability>) -> Vec<Capability> {
    capabilities.retain_mut(|capability| {
        let Some(target) = capability.target.take() else { return true };
        match capability.kind {
            CapabilityKind::Files => match Path::new(&target).canonicalize() {
                // A path relative to the run folder, or of another system: no target on this
                // machine.
                _ if !Path::new(&target).is_absolute() => {}
                Ok(path) => {
                    let path = path.to_string_lossy().into_owned();
                    capability.named = (path != target).then_some(target);
                    capability.target = Some(path);
                }
                Err(_) => return false,
            },
            CapabilityKind::Environment => {
                capability.target = Some(target).filter(|name| env::var_os(name).is_some());
            }
            _ => capability.target = Some(target),
        }
        true
    });
    capabilities
}

fn asking(name: &str) -> Option<CapabilityKind> {
    let is_in = |module: &&str| {
        name.strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '(']))
    };
    ASKING.iter().find(|(_, names)| names.iter().any(is_in)).map(|(kind, _)| *kind)
}

fn path_outside(used: &Use) -> Option<&str> {
    let function = used.name.strip_suffix("()").unwrap_or(&used.name);
    if !WITH_PATHS.contains(&function) {
        return None;
    }
    used.texts.iter().map(String::as_str).find(|path| is_outside(path))
}

/// Whether a path leaves the folder that it is relative to.
fn is_outside(path: &str) -> bool {
    if NOBODYS.contains(&path) || path.contains("://") {
        return false;
    }
    let drive =
        path.as_bytes().get(..2).is_some_and(|p| p[0].is_ascii_alphabetic() && p[1] == b':');
    drive || path.starts_with(['/', '\\', '~']) || path.split(['/', '\\']).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_lead_out_are_outside() {
        for (path, outside) in [
            ("data.csv", false),
            ("data/sales.csv", false),
            ("..hidden/a", false),
            ("/dev/null", false),
            ("file://x", false),
            ("", false),
            ("/etc/passwd", true),
            ("~/notes.txt", true),
            ("../secret", true),
            ("a/../../b", true),
            ("C:\\Users", true),
            ("\\\\server\\share", true),
        ] {
            assert_eq!(is_outside(path), outside, "{path}");
        }
    }
}
