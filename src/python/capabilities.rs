//! What a script asks for outside its run folder, by the names that it uses.
//!
//! This tells a person what a script is about; it does not hold a script that hides what it does.

use std::collections::BTreeMap;

use super::tree::{Tree, Use};
use crate::domain::report::{Capability, CapabilityKind};
use crate::domain::text::one_line;

/// Capabilities kept of a script.
const MOST: usize = 50;
/// Characters kept of what asks for one.
const LONGEST: usize = 80;

/// Names that ask for something by themselves: the name, or a module that it is in.
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

/// Functions that ask for files where they are given a path outside the run folder.
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

/// Paths outside the run folder that are no file of anyone's.
const NOBODYS: &[&str] = &["/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr"];

/// What a script asks for, in the order of its lines; one of a kind a line.
pub(super) fn of(tree: &Tree) -> Vec<Capability> {
    let mut found = BTreeMap::new();
    // A star import leaves no names to look for: the import itself stands for their use.
    let stars = tree.imports.iter().filter(|import| import.star);
    for (name, line) in stars.map(|import| (&import.module, import.line)) {
        if let Some(kind) = asking(name) {
            found.entry((line, kind)).or_insert_with(|| name.clone());
        }
    }
    for used in &tree.uses {
        if let Some(kind) = asking(&used.name) {
            found.entry((used.line, kind)).or_insert_with(|| used.name.clone());
        } else if let Some(path) = path_outside(used) {
            found
                .entry((used.line, CapabilityKind::Files))
                .or_insert_with(|| format!("{}(\"{path}\")", used.name));
        }
    }
    found
        .into_iter()
        .take(MOST)
        .map(|((line, kind), what)| Capability { kind, line, what: one_line(&what, LONGEST) })
        .collect()
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

/// Whether a path leads out of the folder that it is relative to.
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
