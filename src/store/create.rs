//! Creates sessions. A new session is built in a temporary folder and moved into place, so that
//! there is never a partial one.

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

/// The parameters of a new session.
pub struct Draft {
    /// The name; `None` to derive one from the request.
    pub name: Option<String>,
    /// The task.
    pub request: String,
    /// The settings.
    pub settings: Settings,
    /// Data files, copied into `data/`.
    pub data: Vec<PathBuf>,
    /// Descriptions of the data files, in the same order, where known.
    pub described: Vec<Option<Described>>,
    /// Test files, copied into `tests/`.
    pub tests: Vec<PathBuf>,
    /// The names of the script that the tests use.
    pub interface: Vec<String>,
}

/// The file that keeps `git` from changing the files of a sessions folder, and its content.
const ATTRIBUTES: (&str, &str) = (
    ".gitattributes",
    "# A session is told by the bytes of its files: git may not change their line ends.\n* -text\n",
);

/// Creates the sessions folder if it does not exist.
fn make_root(root: &Path) -> Result<(), FileError> {
    if root.exists() {
        return Ok(());
    }
    files::create_folder(root)?;
    let (file, content) = ATTRIBUTES;
    files::write(&root.join(file), content.as_bytes(), Mode::Normal)
}

/// Creates a session, and the sessions folder if needed.
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

/// Creates a session that starts at a version of another one.
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
    // The other session's pauses do not apply to this one.
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

/// Creates a session with the same first event in a temporary folder, for a replay.
pub fn scratch(root: &Path, first: Entry) -> Result<Store, StoreError> {
    Making::start(root)?.finish(root, "replay", vec![first])
}

/// The error for a version that does not exist.
#[must_use]
pub fn no_version(session: &crate::domain::session::Session, version: u32) -> StoreError {
    let has = match session.versions.len() {
        0 => "it has none yet".to_owned(),
        1 => "it has v1".to_owned(),
        n => format!("it has v1 to v{n}"),
    };
    StoreError::NoVersion { name: session.name.clone(), version, has }
}

/// The index of the entry after the work on a version: the first one that belongs to the next
/// version.
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

/// Checks data files, and returns their names in the session. Nothing is written.
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

/// A session's folder in the making; removed again unless it is finished.
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
        // Opening the session writes the remaining files, as for a fork.
        Ok(open(&place)?.0)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // The folder was moved into place, or is incomplete and useless.
        let _ = files::remove_folder(&self.folder);
    }
}
