//! Questions: builds the Engineer's prompt, handles its answers, and asks the user for the next
//! question.

use super::fit::PromptBudget;
use super::{Driver, DriverError, End, Next};
use crate::agents;
use crate::agents::engineer::{self, Exchange};
use crate::agents::extract::SyntaxProblem;
use crate::domain::chat::{Agent, Request};
use crate::domain::dialogue::{Dialogue, Piece, Question, Reply, Turn};
use crate::domain::event::{Artifact, Cause, Event};
use crate::domain::report::{Run, RunVerdict};
use crate::domain::session::{Pending, Session, Version};
use crate::domain::text::{ends, fenced, one_line, visible};
use crate::files;
use crate::prompts::{PromptError, Prompts};
use crate::python::{check, forgotten, words};
use crate::store::artifacts;
use crate::workflow::machine::dialogue;
use crate::workflow::manager::News;
use crate::workflow::schema;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// Number of earlier questions in a prompt, and maximum size of each question and answer in bytes.
const BEFORE: usize = 6;
const BEFORE_BYTES: usize = 1000;
/// Maximum number of files from earlier runs that a run finds, and their total size in bytes.
const MOST_FILES: usize = 100;
const MOST_BYTES: u64 = 50 * 1024 * 1024;
/// The instructions after code that failed, and after code that ran.
const AGAIN: &str =
    "Write the whole program again in one ```python block, so that this can't happen.";
const ANSWER_NOW: &str = "If that answers the question, answer it now in words, without code. If not, \
                          write another ```python block.";
/// The message for an answer that only repeats the prompt.
const ECHO: &str = "Your answer only says again what you were told.";
/// Maximum number of file names in a prompt.
const NAMED: usize = 20;

impl Driver<'_, '_> {
    /// Asks the user for the next question.
    pub(super) async fn listen(&mut self) -> Result<Next, DriverError> {
        self.store.sync()?;
        if !self.tools.more {
            return Ok(Next::End(End::Answered));
        }
        match self.tools.manager.listen().await {
            Ok(Some(text)) => {
                self.record(Event::QuestionAsked { text })?;
                Ok(Next::Go)
            }
            Ok(None) => Ok(Next::End(End::Answered)),
            Err(_) => Ok(Next::End(End::Interrupted)),
        }
    }

    /// Makes a version of the next piece of code.
    pub(super) fn take_piece(&mut self) -> Result<Next, DriverError> {
        let session = self.store.session();
        let open = session.dialogue.as_ref().and_then(|dialogue| dialogue.open());
        let Some((call, piece)) = open.and_then(Question::waiting) else { return Ok(Next::Go) };
        let version = session.next_version();
        let event = Event::VersionCreated {
            version,
            cause: Cause::Question,
            base: None,
            call: Some(call),
            notes: piece.notes.clone(),
            samples: Vec::new(),
            split: None,
            others: Vec::new(),
            script: piece.code.clone(),
            artifact: Artifact::default(),
        };
        self.record(event)?;
        if let Some(version) = self.store.session().version(version) {
            self.tools.manager.tell(News::Written { version, base: None });
        }
        Ok(Next::Go)
    }

    pub(super) fn read_reply(&mut self, pending: &Pending) -> Result<(), DriverError> {
        let session = self.store.session();
        let open = session.dialogue.as_ref().and_then(|dialogue| dialogue.open());
        let calls = |turn: &Turn| turn.pieces.iter().any(|piece| piece.call.is_some());
        let called_before = open.is_some_and(|question| question.turns.iter().any(calls));
        let parses = |code: &str| {
            check::syntax(code)
                .map_err(|problem| SyntaxProblem { line: problem.line, message: problem.message })
        };
        let (answer, outcome) = (&pending.answer, pending.outcome);
        let mut reply = engineer::parse(answer, &pending.calls, outcome, called_before, &parses);
        if let Reply::Words(words) = &reply {
            let told = [&pending.told, AGAIN, ANSWER_NOW, dialogue::LAST].join("\n");
            let own = agents::without_echo(words, &told);
            reply = match own.trim() {
                "" => Reply::Unusable { said: String::new(), reason: ECHO.to_owned() },
                own => Reply::Words(own.to_owned()),
            };
        }
        if let Reply::Code { pieces, .. } = &mut reply {
            pieces.iter_mut().for_each(mend);
        }
        let Some(event) = dialogue::judge(session, pending.call, outcome, reply) else {
            return Ok(());
        };
        if let Event::Replied(replied) = &event {
            let problems = replied.pieces.iter().filter_map(|piece| piece.problem.as_deref());
            for reason in problems.chain(replied.note.as_deref()) {
                self.tools.manager.tell(News::Refused { agent: Agent::Engineer, reason });
            }
        }
        self.record(event)?;
        let dialogue = self.store.session().dialogue.as_ref();
        if let Some(question) = dialogue.and_then(|d| d.questions.last())
            && let Some(end) = &question.end
        {
            self.tools.manager.tell(News::Answered(end));
            self.store.sync()?;
        }
        Ok(())
    }

    /// The files that earlier runs of a dialogue left, by their names in the run folder. Empty in
    /// other sessions, where each version has to work by itself.
    pub(super) fn left_files(&self) -> Vec<(String, PathBuf)> {
        let mut room = MOST_BYTES;
        let mut found = Vec::new();
        for (name, version) in left(self.store.session()) {
            let file = format!("{}/files/{name}", artifacts::run_folder(version));
            // Skips links and anything that is no longer a regular file: a run did not leave those.
            let Some(path) = files::within(self.store.folder(), &file) else { continue };
            let Some(length) = files::length(&path).filter(|length| *length <= room) else {
                continue;
            };
            room -= length;
            found.push((name.to_owned(), path));
        }
        found
    }
}

/// Adds missing imports.
fn mend(piece: &mut Piece) {
    if piece.problem.is_none() {
        let (code, added) = forgotten::with_imports(&piece.code);
        piece.code = code;
        let note = |import: &String| format!("a forgotten import was added: {import}");
        piece.notes.extend(added.iter().map(note));
    }
}

/// The files that the runs of a dialogue left, each with the latest version that wrote it.
fn left(session: &Session) -> Vec<(&str, u32)> {
    let mut files: BTreeMap<&str, u32> = BTreeMap::new();
    for version in session.versions.iter().filter(|_| session.dialogue.is_some()) {
        let names = version.run.iter().flat_map(|run| &run.files).map(String::as_str);
        files.extend(names.filter(|name| is_plain(name)).map(|name| (name, version.number)));
    }
    let mut files: Vec<(&str, u32)> = files.into_iter().collect();
    // Keep the newest.
    files.sort_by_key(|(_, version)| std::cmp::Reverse(*version));
    files.truncate(MOST_FILES);
    files
}

/// Whether a relative path stays below its base: a journal may come from anywhere.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    !name.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// The prompt for the open question. It grows with the steps of this question, which are limited,
/// but not with the dialogue.
pub(super) fn request(
    session: &Session,
    prompts: &Prompts,
    room: PromptBudget,
    tools: bool,
) -> Result<Request, PromptError> {
    let empty = Dialogue::begun(&session.request);
    let dialogue = session.dialogue.as_ref().unwrap_or(&empty);
    let Some((question, earlier)) = dialogue.questions.split_last() else {
        return engineer::request(prompts, &engineer::Shown::default());
    };
    let told = earlier.iter().rev().filter_map(|question| {
        let answer = question.end.as_ref()?.answer.as_deref()?;
        Some((ends(&question.text, BEFORE_BYTES), ends(answer, BEFORE_BYTES)))
    });
    let mut before: Vec<(String, String)> = told.take(BEFORE.min(room.findings)).collect();
    before.reverse();
    let data = super::given::data(session, room.data);
    let data: Vec<String> = data.iter().map(|file| format!("data/{file}")).collect();
    let files: Vec<String> =
        left(session).iter().take(NAMED).map(|(name, _)| visible(name)).collect();
    let last = dialogue::is_last(session, question);
    let count = question.turns.len();
    let turns: Vec<Exchange<'_>> = question
        .turns
        .iter()
        .enumerate()
        .map(|(n, turn)| {
            let newest = n + 1 == count;
            exchange(session, turn, room, newest && last, newest && !tools)
        })
        .collect();
    let task = schema::told(&session.settings, &question.text);
    let shown = engineer::Shown {
        question: &task,
        data: &data,
        files: &files,
        before: &before,
        turns: &turns,
        tools,
    };
    engineer::request(prompts, &shown)
}

/// A turn as the model is shown it: with the results of its code, and with the next instruction.
fn exchange<'s>(
    session: &'s Session,
    turn: &'s Turn,
    room: PromptBudget,
    last: bool,
    hint: bool,
) -> Exchange<'s> {
    let mut note = turn.note.clone();
    let mut pieces: Vec<(&Piece, String)> = turn
        .pieces
        .iter()
        .map(|piece| {
            let version = piece.version.and_then(|number| session.version(number));
            let came = version.map(|version| came(version, room, hint && !last));
            (piece, came.or_else(|| piece.problem.clone()).unwrap_or_default())
        })
        .collect();
    if last {
        let end = note.as_mut().or_else(|| pieces.last_mut().map(|(_, came)| came));
        if let Some(end) = end {
            *end = format!("{end}\n\n{}", dialogue::LAST);
        }
    }
    Exchange { said: &turn.said, pieces, note }
}

/// The result of a version as text for the model. With `hint`, the next instruction is added.
fn came(version: &Version, room: PromptBudget, hint: bool) -> String {
    let checks = version.checks.clone().unwrap_or_default();
    let mut text = match &version.run {
        _ if version.check_failed() => {
            format!("It was not run.\n{}", fenced(&words::checks_in_words(&checks), ""))
        }
        None => return String::new(),
        Some(run) if run.verdict == RunVerdict::Ok => return printed(version, room, hint),
        Some(run) if run.verdict == RunVerdict::Refused => format!(
            "It was not run: {}. Find another way, or say that it can't be done.",
            one_line(run.reason.as_deref().unwrap_or("it is not allowed"), 300)
        ),
        Some(run) => words::run_in_words(run, &version.stdout, &version.stderr, room.run),
    };
    let error = version.run.as_ref().and_then(|run| run.error.as_ref());
    let error = error.map_or("", |error| error.kind.as_str());
    // Missing names are often defined by earlier code.
    if error == "NameError" || checks.errors.iter().any(|e| e.rule == "F821") {
        text.push_str("\nEach program is run by itself: what earlier code defined is gone.");
    }
    if error == "ModuleNotFoundError" {
        text.push_str("\nNothing more is installed here: use only what is there.");
    }
    if hint {
        let _ = write!(text, "\n\n{AGAIN}");
    }
    text
}

/// The output of a version that ran.
fn printed(version: &Version, room: PromptBudget, hint: bool) -> String {
    let fenced = |text: &str| fenced(&ends(visible(text).trim_end(), room.run), "");
    let mut text = if version.stdout.trim().is_empty() {
        "It ran and printed nothing. Use print() for what you want to see.".to_owned()
    } else {
        format!("It ran. Its output:\n{}", fenced(&version.stdout))
    };
    if !version.stderr.trim().is_empty() {
        let _ = write!(text, "\nIts error output:\n{}", fenced(&version.stderr));
    }
    let files = version.run.iter().flat_map(|run| &run.files).take(NAMED);
    let files: Vec<String> = files.map(|name| visible(name)).collect();
    if !files.is_empty() {
        let _ = write!(text, "\nFiles written:\n{}", fenced(&files.join("\n")));
    }
    if let Some(tried) = version.run.as_ref().and_then(Run::refused_hosts) {
        let _ = write!(text, "\nHosts: {tried}. Reach no other host.");
    }
    if hint && !version.stdout.trim().is_empty() {
        let _ = write!(text, "\n\n{ANSWER_NOW}");
    }
    text
}
