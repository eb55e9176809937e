//! New sessions: made aside and moved into place whole, so that there is never half of one.

use super::line::Entry;
use super::open::load;
use super::sealer::Sealer;
use super::{DATA, JOURNAL, Store, StoreError, TESTS, artifacts, open};
use crate::domain::chat::Agent;
use crate::domain::event::{DataFile, Described, Event, FORMAT, SessionCreated};
use crate::domain::name;
use crate::domain::settings::Settings;
use crate::files::{self, FileError, Mode};
use std::path::{Path, PathBuf};

/// What a new session is made from.
pub struct Draft {
    /// The name that was asked for; one is made from the request otherwise.
    pub name: Option<String>,
    /// The task.
    pub request: String,
    /// What it runs with.
    pub settings: Settings,
    /// Files to give it, copied into `data/`.
    pub data: Vec<PathBuf>,
    /// What is in them, in the same order, where that was looked at.
    pub described: Vec<Option<Described>>,
    /// Tests to hold its scripts against, copied into `tests/`.
    pub tests: Vec<PathBuf>,
    /// The names that these use of the script.
    pub interface: Vec<String>,
}

/// The file by which `git` leaves the files of a sessions folder as they are, and its content.
const ATTRIBUTES: (&str, &str) = (
    ".gitattributes",
    "# A session is told by the bytes of its files: git may not change their line ends.\n* -text\n",
);

/// Makes the sessions folder if it is not there.
fn make_root(root: &Path) -> Result<(), FileError> {
    if root.exists() {
        return Ok(());
    }
    files::create_folder(root)?;
    let (file, content) = ATTRIBUTES;
    files::write(&root.join(file), content.as_bytes(), Mode::Normal)
}

/// Makes a session in the sessions folder, which is created if it is not there.
pub fn create(root: &Path, draft: Draft) -> Result<Store, StoreError> {
    let name = match draft.name {
        Some(name) => {
            name::check(&name)?;
            if taken(root, &name) {
                return Err(StoreError::Exists(name));
            }
            name
        }
        None => free_name(root, &name::suggest(&draft.request)),
    };
    let named = name_data(&draft.data)?;
    let tests = name_data(&draft.tests)?;
    make_root(root)?;
    let made = Making::start(root)?;
    let mut data = take_data(&made.folder.join(DATA), named)?;
    for (file, described) in data.iter_mut().zip(draft.described) {
        file.described = described;
    }
    let tests = take_data(&made.folder.join(TESTS), tests)?;
    let event = SessionCreated {
        format: FORMAT,
        program: concat!("redraft ", env!("CARGO_PKG_VERSION")).to_owned(),
        name: name.clone(),
        request: draft.request,
        settings: draft.settings,
        data,
        tests,
        interface: draft.interface,
        forked_from: None,
        artifact: artifacts::of("", ""),
    };
    made.finish(root, &name, vec![Entry::now(1, Event::SessionCreated(Box::new(event)))])
}

/// Makes a session that starts where a version of another one stood.
pub fn fork(
    root: &Path,
    source: &Path,
    version: Option<u32>,
    name: &str,
) -> Result<Store, StoreError> {
    name::check(name)?;
    if taken(root, name) {
        return Err(StoreError::Exists(name.to_owned()));
    }
    let loaded = load(source)?;
    let session = &loaded.session;
    if session.format > FORMAT {
        return Err(StoreError::Newer { name: session.name.clone(), format: session.format });
    }
    let version = version.or(session.head);
    if let Some(number) = version
        && session.version(number).is_none()
    {
        return Err(no_version(session, number));
    }
    let mut entries: Vec<Entry> = loaded.entries()?;
    if let Some(version) = version {
        let end = end_of(&entries, version);
        entries.truncate(end);
    }
    // What kept the other session waiting does not keep this one.
    while entries.last().is_some_and(|e| matches!(e.event, Event::Paused { .. })) {
        entries.pop();
    }
    if let Some(Entry { event: Event::SessionCreated(created), .. }) = entries.first_mut() {
        created.forked_from = Some(
            version.map_or_else(|| session.name.clone(), |v| format!("{}:v{v}", session.name)),
        );
        name.clone_into(&mut created.name);
    }
    make_root(root)?;
    let made = Making::start(root)?;
    let given = super::given(source, session);
    for (within, path) in given
        .data
        .iter()
        .map(|path| (DATA, path))
        .chain(given.tests.iter().map(|path| (TESTS, path)))
    {
        let name = path.file_name().unwrap_or_default();
        files::copy(path, &made.folder.join(within).join(name))?;
    }
    let mut store = made.finish(root, name, entries)?;
    if let Some(version) = version
        && store.session().head != Some(version)
    {
        store.record(Event::Rewound { version, by: crate::domain::event::By::Manager })?;
    }
    Ok(store)
}

/// Makes a session that begins as another one did, in a folder that is thrown away: for a replay.
pub fn scratch(root: &Path, first: Entry) -> Result<Store, StoreError> {
    Making::start(root)?.finish(root, "replay", vec![first])
}

/// The error for a version that is not there.
#[must_use]
pub fn no_version(session: &crate::domain::session::Session, version: u32) -> StoreError {
    let has = match session.versions.len() {
        0 => "it has none yet".to_owned(),
        1 => "it has v1".to_owned(),
        n => format!("it has v1 to v{n}"),
    };
    StoreError::NoVersion { name: session.name.clone(), version, has }
}

/// Where the work on a version ended: before the first sign of the next one.
fn end_of(entries: &[Entry], version: u32) -> usize {
    let created =
        |e: &Entry| matches!(e.event, Event::VersionCreated { version: v, .. } if v == version);
    let Some(start) = entries.iter().position(created) else { return entries.len() };
    let after = entries[start + 1..].iter().position(|entry| match &entry.event {
        Event::ModelCallStarted(call) => matches!(call.agent, Agent::Coder | Agent::Repair),
        Event::VersionCreated { .. }
        | Event::IterationAsked { .. }
        | Event::FeedbackGiven { .. }
        | Event::PlanRemark { .. }
        | Event::RunAsked { .. }
        | Event::Rewound { .. }
        | Event::Accepted { .. } => true,
        _ => false,
    });
    after.map_or(entries.len(), |n| start + 1 + n)
}

fn taken(root: &Path, name: &str) -> bool {
    root.join(name).symlink_metadata().is_ok()
}

fn free_name(root: &Path, wish: &str) -> String {
    if !taken(root, wish) {
        return wish.to_owned();
    }
    (2..u32::MAX).map(|n| format!("{wish}-{n}")).find(|name| !taken(root, name)).unwrap_or_default()
}

/// The names that files will have among the session's data. Nothing is written yet.
fn name_data(paths: &[PathBuf]) -> Result<Vec<(&Path, &str)>, StoreError> {
    let mut named: Vec<(&Path, &str)> = Vec::new();
    for path in paths {
        let refuse = |problem: &str| StoreError::Data {
            file: name::escaped(&path.display().to_string()),
            problem: problem.to_owned(),
        };
        if path.is_dir() {
            return Err(refuse("it is a folder; give each file with a `--data` of its own"));
        }
        if !path.is_file() {
            return Err(refuse("there is no such file"));
        }
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .ok_or_else(|| refuse("its name is not UTF-8"))?;
        name::check_file(name).map_err(|e| refuse(&e.to_string()))?;
        if named.iter().any(|(_, known)| *known == name) {
            return Err(refuse("another file given has the same name"));
        }
        named.push((path, name));
    }
    Ok(named)
}

fn take_data(folder: &Path, named: Vec<(&Path, &str)>) -> Result<Vec<DataFile>, StoreError> {
    let mut data = Vec::new();
    for (path, name) in named {
        let to = folder.join(name);
        let bytes = files::copy(path, &to)?;
        let sha256 = files::hash(&files::read(&to)?);
        data.push(DataFile { name: name.to_owned(), bytes, sha256, described: None });
    }
    Ok(data)
}

/// A session's folder while it is made: gone again unless it is finished.
struct Making {
    folder: PathBuf,
}

impl Making {
    fn start(root: &Path) -> Result<Self, FileError> {
        let folder = root.join(format!(".new-{}-{:08x}", std::process::id(), fastrand::u32(..)));
        files::create_folder(&folder)?;
        Ok(Self { folder })
    }

    fn finish(self, root: &Path, name: &str, mut entries: Vec<Entry>) -> Result<Store, StoreError> {
        if let Some(Entry { event, .. }) = entries.first_mut() {
            let files = artifacts::render(event, &crate::domain::session::Session::default());
            for (artifact, (file, content)) in event.artifacts_mut().into_iter().zip(&files) {
                *artifact = artifacts::of(file, content);
                files::write(&self.folder.join(file), content.as_bytes(), Mode::Normal)?;
            }
        }
        let mut sealer = Sealer::default();
        let lines: String = entries.iter().map(|entry| sealer.line(entry)).collect();
        files::write(&self.folder.join(JOURNAL), lines.as_bytes(), Mode::Normal)?;
        files::sync(&[self.folder.join(JOURNAL), self.folder.join(artifacts::SESSION)])?;
        let place = root.join(name);
        if taken(root, name) {
            return Err(StoreError::Exists(name.to_owned()));
        }
        files::rename(&self.folder, &place)?;
        files::sync_folder(root)?;
        // What else follows from the journal, as in a fork, is written by opening it.
        Ok(open(&place)?.0)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // Moved into place, or half made and of no use.
        let _ = files::remove_folder(&self.folder);
    }
}
