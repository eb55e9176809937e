//! What a script may do outside its run folder: what it asks for, what was asked for by the request
//! and the plan, and what the Manager answered.

use crate::domain::event::{By, Event};
use crate::domain::report::{Capability, CapabilityKind};
use crate::domain::session::{Session, Version};
use crate::domain::settings::{Safety, SandboxMode};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Words of a request or a plan by which it asks for something itself.
const ASKED_BY: &[(CapabilityKind, &[&str])] = &[
    (
        CapabilityKind::Network,
        &[
            "http",
            "https",
            "url",
            "urls",
            "download",
            "downloads",
            "fetch",
            "fetches",
            "web",
            "website",
            "webpage",
            "api",
            "internet",
            "online",
            "server",
            "socket",
            "sockets",
            "network",
            "scrape",
            "scraper",
            "rss",
            "feed",
            "email",
            "mail",
            "smtp",
            "ftp",
            "localhost",
            "port",
            "browser",
            "dns",
            "ping",
        ],
    ),
    (
        CapabilityKind::Processes,
        &[
            "subprocess",
            "process",
            "processes",
            "shell",
            "command",
            "commands",
            "executes",
            "launch",
            "launches",
            "cpu",
            "system",
            "git",
        ],
    ),
    (CapabilityKind::Environment, &["environment", "variable", "variables", "env"]),
    (
        CapabilityKind::DynamicCode,
        &[
            "eval",
            "evaluate",
            "evaluates",
            "expression",
            "expressions",
            "formula",
            "formulas",
            "calculator",
            "plugin",
            "plugins",
            "pickle",
            "interpreter",
            "repl",
            "compile",
        ],
    ),
    (CapabilityKind::NativeCode, &["ctypes", "native", "dll", "library", "libraries"]),
];

/// Capabilities of a version that somebody has to answer for: neither asked for by the request or a
/// plan that the Manager approved, nor answered before in this session, nor open by its settings.
#[must_use]
pub fn unanswered<'v>(session: &Session, version: &'v Version) -> Vec<&'v Capability> {
    asked(session, version).filter(|c| !session.allowed.contains_key(&c.kind)).collect()
}

/// Whether the Manager, or the rules of `--auto`, refused something that a version asks for.
#[must_use]
pub fn refused(session: &Session, version: &Version) -> bool {
    let distrusted = is_judged(session)
        && version.trusted == Some(false)
        && version.judged.as_ref().is_some_and(|judged| !judged.safe);
    distrusted || asked(session, version).any(|c| session.allowed.get(&c.kind) == Some(&false))
}

/// The answer to what the head asks for outside its run folder, or to what a model said of it. The
/// rules of `--auto` refuse only what the sandbox would have to be opened for.
#[must_use]
pub fn answer(session: &Session, allowed: bool, by: By) -> Event {
    let head = session.head();
    let suspicious = head.filter(|head| suspicion(session, head).is_some());
    if let Some(version) = suspicious.map(|head| head.number) {
        return Event::RunPermission {
            allowed,
            by,
            capabilities: Vec::new(),
            version: Some(version),
        };
    }
    let asked = head.map(|head| unanswered(session, head));
    let kinds = asked.unwrap_or_default().into_iter().map(|capability| capability.kind);
    let meant = |kind: &CapabilityKind| allowed || by == By::Manager || !is_held(*kind);
    let capabilities: BTreeSet<_> = kinds.filter(meant).collect();
    let capabilities = capabilities.into_iter().collect();
    Event::RunPermission { allowed, by, capabilities, version: None }
}

/// Whether a model has to judge a version before it runs.
#[must_use]
pub fn is_to_be_judged(session: &Session, version: &Version) -> bool {
    is_judged(session) && version.judged.is_none()
}

/// Why a model judged a version to be unsafe, where that was not answered.
#[must_use]
pub fn suspicion<'v>(session: &Session, version: &'v Version) -> Option<&'v str> {
    let judged = version.judged.as_ref().filter(|judged| !judged.safe && is_judged(session))?;
    version.trusted.is_none().then_some(judged.reason.as_str())
}

fn is_judged(session: &Session) -> bool {
    matches!(session.settings.safety, Safety::Model | Safety::Both)
}

/// Whether a kind of capability harms nothing outside, since the sandbox holds what it does.
#[must_use]
pub const fn is_held(kind: CapabilityKind) -> bool {
    !matches!(kind, CapabilityKind::Files | CapabilityKind::Network)
}

/// How a version is confined: as the session says, with the network where that is allowed to it.
#[must_use]
pub fn mode(session: &Session, version: &Version) -> SandboxMode {
    let network =
        capabilities(version).any(|c| c.kind == CapabilityKind::Network && may(session, c));
    match session.settings.sandbox.mode {
        SandboxMode::Strict if network => SandboxMode::Network,
        mode => mode,
    }
}

/// The files and folders outside its run folder that a version names and may read.
#[must_use]
pub fn readable(session: &Session, version: &Version) -> Vec<PathBuf> {
    capabilities(version).filter(|c| may(session, c)).filter_map(path_of).collect()
}

fn capabilities(version: &Version) -> impl Iterator<Item = &Capability> {
    version.checks.iter().flat_map(|checks| &checks.capabilities)
}

/// What a version asks for that its session does not give anyway.
fn asked<'v>(
    session: &Session,
    version: &'v Version,
) -> impl Iterator<Item = &'v Capability> + use<'v> {
    let settings = &session.settings;
    let open = settings.sandbox.mode == SandboxMode::Off
        || matches!(settings.safety, Safety::Off | Safety::Model);
    let network = settings.sandbox.mode == SandboxMode::Network;
    let words = said(session);
    capabilities(version)
        .filter(move |_| !open)
        .filter(move |c| !(network && c.kind == CapabilityKind::Network))
        .filter(move |c| !implied(&words, c))
}

fn may(session: &Session, capability: &Capability) -> bool {
    match session.allowed.get(&capability.kind) {
        Some(answer) => *answer,
        None => implied(&said(session), capability),
    }
}

/// What the Manager said or approved, in small letters.
fn said(session: &Session) -> String {
    let planning = &session.planning;
    let plan = planning.plan.iter().filter(|_| planning.by_manager).map(|plan| plan.text.as_str());
    let asked = session.dialogue.iter().flat_map(|d| &d.questions).map(|q| q.text.as_str());
    let parts = std::iter::once(session.request.as_str()).chain(plan).chain(asked);
    parts.collect::<Vec<_>>().join("\n").to_lowercase()
}

/// Whether what was said asks for a capability: by a word, or by the path.
fn implied(said: &str, capability: &Capability) -> bool {
    if capability.kind == CapabilityKind::Files {
        return path_of(capability)
            .is_some_and(|path| said.contains(&path.to_string_lossy().to_lowercase()));
    }
    let asking = ASKED_BY.iter().find(|(kind, _)| *kind == capability.kind);
    said.split(|c: char| !c.is_alphanumeric())
        .any(|word| asking.is_some_and(|(_, words)| words.contains(&word)))
}

/// The absolute path that a capability names, as `open("/etc/hosts")` does.
fn path_of(capability: &Capability) -> Option<PathBuf> {
    if capability.kind != CapabilityKind::Files {
        return None;
    }
    let path = capability.what.split_once("(\"")?.1.strip_suffix("\")")?;
    let shown_whole = !path.ends_with('…');
    let inside = !path.split('/').any(|part| part == "..");
    (path.starts_with('/') && path.len() > 1 && shown_whole && inside).then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::plan::Plan;
    use crate::domain::report::Checks;

    fn asking(kind: CapabilityKind, what: &str) -> Version {
        let capability = Capability { kind, line: 1, what: what.to_owned() };
        let checks = Checks { capabilities: vec![capability], ..Checks::default() };
        Version { checks: Some(checks), ..Version::new(1, Cause::First, None, String::new()) }
    }

    #[test]
    fn only_what_nobody_asked_for_has_to_be_answered() {
        use CapabilityKind::{DynamicCode, Environment, Files, Network};
        for (request, kind, what, open) in [
            ("show the time", Network, "requests.get", true),
            ("download a page and count its words", Network, "requests.get", false),
            ("Count words of https://a.b", Network, "requests.get", false),
            ("a clock", Environment, "os.environ", true),
            ("print an environment variable", Environment, "os.environ", false),
            ("a calculator for expressions", DynamicCode, "eval", false),
            ("reapings", Network, "socket.socket", true),
            ("show the hosts", Files, "open(\"/etc/hosts\")", true),
            ("show /etc/hosts", Files, "open(\"/etc/hosts\")", false),
            ("show /etc/hosts", Files, "open(\"/etc/passwd\")", true),
            ("clean up", Files, "shutil.rmtree", true),
        ] {
            let mut session = Session { request: request.to_owned(), ..Session::default() };
            let version = asking(kind, what);
            assert_eq!(!unanswered(&session, &version).is_empty(), open, "{request}: {what}");
            session.settings.safety = Safety::Off;
            assert!(unanswered(&session, &version).is_empty());
        }
    }

    #[test]
    fn a_plan_asks_for_something_only_if_the_manager_approved_it() {
        let mut session = Session::default();
        let text = "It downloads a page from a website.".to_owned();
        session.planning.plan = Some(Plan { text, requirements: Vec::new() });
        let version = asking(CapabilityKind::Network, "requests.get");
        assert_eq!(unanswered(&session, &version).len(), 1);
        assert_eq!(mode(&session, &version), SandboxMode::Strict);
        session.planning.by_manager = true;
        assert!(unanswered(&session, &version).is_empty());
        assert_eq!(mode(&session, &version), SandboxMode::Network);
    }

    #[test]
    fn an_answer_opens_what_was_asked_for_and_no_more() {
        use CapabilityKind::{Files, Network};
        let mut session = Session::default();
        session.allowed.insert(Files, true);
        for (what, path) in [
            ("open(\"/srv/data/a.csv\")", Some("/srv/data/a.csv")),
            ("open(\"/\")", None),
            ("open(\"/a/../etc\")", None),
            ("open(\"../a\")", None),
            ("shutil.rmtree", None),
        ] {
            let version = asking(Files, what);
            assert_eq!(readable(&session, &version).first(), path.map(PathBuf::from).as_ref());
            assert_eq!(mode(&session, &version), SandboxMode::Strict);
        }
        session.allowed.insert(Network, false);
        let version = asking(Network, "socket.socket");
        assert!(refused(&session, &version) && unanswered(&session, &version).is_empty());
        assert_eq!(mode(&session, &version), SandboxMode::Strict);
    }
}
