//! The program in an isolated environment: an empty home, an empty folder, a scripted model.

use super::model_server::{ModelServer, Received, Reply};
use redraft::trust::Register;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// The environment variables that the program inherits; all others come from the world.
const KEPT: [&str; 3] = ["PATH", "PYENV_ROOT", "PYENV_VERSION"];

/// The result of a run of the program.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Output {
    /// Fails unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }

    /// The last line of standard error, or of standard output if there are no errors.
    pub(crate) fn last_line(&self) -> &str {
        let all = if self.err.trim().is_empty() { &self.out } else { &self.err };
        all.trim_end().lines().last().unwrap_or_default()
    }

    /// Standard output as JSON, one value per line.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// A temporary folder with an empty home, removed when this value is dropped.
pub(crate) struct World {
    folder: TempDir,
    server: Option<ModelServer>,
}

impl World {
    /// A world without a model.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder, server: None }
    }

    /// A world whose `redraft.yaml` configures a scripted server in `OpenAI`'s format as the model
    /// `local/m`, without structured output (which would be probed first) and with short waits
    /// between retries.
    pub(crate) fn with(replies: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let mut world = Self::empty();
        let server = ModelServer::start(replies);
        world.write(
            "redraft.yaml",
            &format!(
                "model: local/m\nproviders:\n  local: {{ kind: openai, base_url: '{}/v1', \
                 retry_seconds: 0.001, timeout: 20, structured: false }}\n",
                server.base_url()
            ),
        );
        world.server = Some(server);
        world
    }

    /// A world whose model answers each agent from its list, in order; the last answer repeats.
    pub(crate) fn scripted(planner: &[&str], coder: &[&str], reviewer: &[&str]) -> Self {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let lists = [own(planner), own(coder), own(reviewer)];
        let at = Arc::new(Mutex::new([0_usize; 3]));
        Self::with(move |request| {
            if let Some(answer) = no_packages(request) {
                return Reply::to(request, &answer);
            }
            let which = agent(request) as usize;
            let mut at = at.lock().unwrap();
            let list = &lists[which];
            let text = list.get(at[which]).or(list.last()).expect("an answer for the agent");
            at[which] += 1;
            Reply::to(request, text)
        })
    }

    /// The working directory of commands.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file in the world.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file. A `redraft.yaml` in the world's folder is trusted, as by `redraft trust`.
    pub(crate) fn write(&self, name: &str, text: &str) {
        self.write_untrusted(name, text);
        if name == "redraft.yaml" {
            let register = Register::in_folder(&self.file("home/.local/state/redraft"));
            register.trust(&self.path().canonicalize().unwrap(), text).unwrap();
        }
    }

    /// Writes a file without trusting it.
    pub(crate) fn write_untrusted(&self, name: &str, text: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The requests to the model so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.server.as_ref().map_or_else(Vec::new, ModelServer::received)
    }

    /// The model's server.
    pub(crate) fn server(&self) -> &ModelServer {
        self.server.as_ref().expect("a world with a server")
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redraft"));
        command.args(args).current_dir(self.path()).env_clear();
        for name in KEPT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", self.file("home")).env("NO_PROXY", "*");
        // No test downloads a real model: those of this catalogue cannot be downloaded.
        let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/models.yaml");
        command.env("REDRAFT_CATALOGUE", catalogue);
        // No test downloads packages.
        command.env("PIP_NO_INDEX", "1").env("UV_NO_INDEX", "1");
        command
    }

    /// Runs the program with empty standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "")
    }

    /// Runs the program with this standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Output {
        finish(self.command(args), input)
    }

    /// Starts the program in the background.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A shell command in this world, not started yet.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]).current_dir(self.path()).env_clear();
        for (name, value) in self.command(&[]).get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    /// The files and folders of the world by path, with the contents of files. Without lock files:
    /// they contain the last owner.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut tree = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                    tree.insert(path, None);
                } else if path.file_name().is_some_and(|name| name != ".lock") && path.is_file() {
                    let content = std::fs::read(&path).unwrap();
                    tree.insert(path, Some(content));
                }
            }
        }
        tree
    }

    /// The events of a session's journal. Ignores an incomplete last line: the program may be
    /// writing it.
    pub(crate) fn journal(&self, session: &str) -> Vec<serde_json::Value> {
        let text = self.read(&format!("sessions/{session}/journal.jsonl"));
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The names of a session's events, in order.
    pub(crate) fn events(&self, session: &str) -> Vec<String> {
        self.journal(session).iter().map(|e| e["event"].as_str().unwrap().to_owned()).collect()
    }
}

/// Waits until the condition is true; fails after 60 seconds.
#[track_caller]
pub(crate) fn wait_for(is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 60, "it never came to that");
        std::thread::yield_now();
    }
}

/// Runs a command to its end with this text as standard input.
pub(crate) fn finish(command: Command, input: &str) -> Output {
    feed(command, input.as_bytes())
}

/// Runs a command to its end with these bytes as standard input.
pub(crate) fn feed(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read all of its input closes it early.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The agent that sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    Planner,
    Coder,
    Reviewer,
}

/// The answer that no package is needed, if the request asks for the packages of modules.
fn no_packages(request: &Received) -> Option<String> {
    let prompt = request.prompt();
    let modules = prompt.split("Which package is each of these in? ").nth(1)?.lines().next()?;
    Some(modules.split(", ").map(|module| format!("{module}: none\n")).collect())
}

/// The agent that a request comes from, determined by its prompt.
pub(crate) fn agent(request: &Received) -> Asking {
    let prompt = request.prompt();
    let is = |words: &str| prompt.starts_with(words);
    if is("You are the Planner") {
        Asking::Planner
    } else if is("You are the Reviewer") {
        Asking::Reviewer
    } else {
        assert!(is("You are the Coder"), "nobody's prompt: {prompt}");
        Asking::Coder
    }
}

/// An answer with this script in a fenced block.
pub(crate) fn fenced(script: &str) -> String {
    format!("Here it is:\n```python\n{script}\n```\n")
}

/// A plan with two requirements.
pub(crate) const PLAN: &str = "A script that counts.\nR1: It prints one. Check: read the output.\nR2: It prints two. Check: read the output.\n";

/// A review without findings.
pub(crate) const ACCEPT: &str = "R1: met\nR2: met\nVERDICT: ACCEPT\n";
