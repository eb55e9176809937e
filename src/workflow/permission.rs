//! Permissions: what a script needs outside its run folder, what was explicitly allowed, and what
//! is still to be asked.
//!
//! Only a flag, the configuration, an approved plan's `## Needs` and an answer at a gate grant a
//! permission, and only the one that they name. No other text grants anything.

use crate::domain::event::{By, Event};
use crate::domain::permission::{Access, Permission};
use crate::domain::report::{Capability, CapabilityKind};
use crate::domain::session::{Session, Version};
use crate::domain::settings::{Safety, SandboxMode};
use crate::domain::text::one_line;
use std::path::PathBuf;

/// A permission that a version needs, or that the settings of a foreign session ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need<'v> {
    /// The permission that it requires.
    pub permission: Permission,
    /// The capability in the script that requires it.
    pub capability: Option<&'v Capability>,
}

impl Need<'_> {
    /// The capability and its line.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let capability = self.capability?;
        Some(format!("{} in line {}", capability.what, capability.line))
    }

    /// The message that it is not allowed, with its place and the flag that would allow it.
    #[must_use]
    pub fn not_allowed(&self) -> String {
        let place = self.place().map_or_else(String::new, |place| format!(" ({place})"));
        let what = self.permission.words();
        let text = self.permission.to_string();
        let how = match &self.permission {
            Permission::Sandbox(mode) => format!("; `--sandbox {}` allows it", mode.name()),
            Permission::Python(_) => "; `--python P` names another one".to_owned(),
            permission if permission.is_offered() => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "=/.:_-[]".contains(c);
                let flag = if text.chars().all(plain) {
                    text.clone()
                } else {
                    shlex::try_quote(&text).map_or_else(|_| text.clone(), Into::into)
                };
                format!("; `--allow {flag}` allows it")
            }
            Permission::Call(_) => "; only an answer at the safety gate allows it".to_owned(),
            _ => String::new(),
        };
        format!("it was not allowed to {what}{place}{how}")
    }

    /// Whether a script cannot run without it. Scripts do run without other programs or a variable:
    /// many of them continue then, and the sandbox blocks the access in any case.
    const fn is_essential(&self) -> bool {
        matches!(
            self.permission,
            Permission::Network(_) | Permission::Read(_) | Permission::Call(_)
        )
    }
}

/// The needs that the user has to answer for before a version runs: permissions that were neither
/// allowed nor denied. Those that the settings of a foreign session ask for come first.
#[must_use]
pub fn unanswered<'v>(session: &Session, version: &'v Version) -> Vec<Need<'v>> {
    let of_settings = session.elsewhere.iter().filter(|wanted| wanted.is_of_settings());
    let of_settings: Vec<Need<'v>> = of_settings
        .map(|permission| Need { permission: permission.clone(), capability: None })
        .collect();
    if !of_settings.is_empty() {
        return of_settings;
    }
    let mut unanswered: Vec<Need<'v>> = Vec::new();
    for need in asked(session, version) {
        let known = unanswered.iter().any(|other| other.permission == need.permission);
        if !known && !denied(session, &need.permission) {
            unanswered.push(need);
        }
    }
    unanswered
}

/// Hosts that a version tried to reach in its run, neither allowed nor denied.
#[must_use]
pub fn tried<'v>(session: &Session, version: &'v Version) -> Vec<Need<'v>> {
    let hosts = version.run.iter().flat_map(|run| &run.hosts_refused);
    let network = |host: &String| Permission::Network(Some(host.clone()));
    hosts
        .map(|host| Need { permission: network(host), capability: None })
        .filter(|need| !may(session, &need.permission) && !denied(session, &need.permission))
        .collect()
}

/// Why a version is not run: it needs a denied permission, or a model judged it unsafe and the user
/// did not allow it.
#[must_use]
pub fn refusal(session: &Session, version: &Version) -> Option<String> {
    let doubted = version.judged.as_ref().is_some_and(|judged| !judged.safe);
    if is_judged(session) && version.trusted == Some(false) && doubted {
        let reason = version.judged.as_ref().map_or("", |judged| judged.reason.as_str());
        return Some(format!(
            "it was judged not safe, and not allowed ({}); only an answer at the safety gate allows it",
            one_line(reason, 200)
        ));
    }
    let refused = |need: &&Need<'_>| need.is_essential() && denied(session, &need.permission);
    asked(session, version).iter().find(refused).map(Need::not_allowed)
}

/// Why a version was not run, if that is still the case: it needs something that is not allowed.
#[must_use]
pub fn withheld(session: &Session, version: &Version) -> Option<String> {
    version.withheld().then(|| refusal(session, version)).flatten()
}

/// The event for an answer at the safety gate, about the needs of the head or a model's doubts.
#[must_use]
pub fn answer(session: &Session, allowed: bool, by: By) -> Event {
    let head = session.head();
    let suspicious = head.filter(|head| suspicion(session, head).is_some());
    let version = suspicious.map(|head| head.number);
    let asked = head.filter(|_| version.is_none()).map(|head| open(session, head));
    let permissions = asked.unwrap_or_default().into_iter().map(|need| need.permission).collect();
    Event::RunPermission { allowed, by, permissions, capabilities: Vec::new(), version }
}

/// What the safety gate asks about a version: its needs before the run, or the hosts that it tried
/// in the run.
#[must_use]
pub fn open<'v>(session: &Session, version: &'v Version) -> Vec<Need<'v>> {
    let before = unanswered(session, version);
    if before.is_empty() { tried(session, version) } else { before }
}

/// Whether a version can run without asking, since it can run without the permissions that are
/// still open.
#[must_use]
pub fn runs_unasked(session: &Session, version: &Version) -> bool {
    !unanswered(session, version).iter().any(Need::is_essential)
}

/// Whether a model has to judge a version before it runs.
#[must_use]
pub fn is_to_be_judged(session: &Session, version: &Version) -> bool {
    is_judged(session) && version.judged.is_none()
}

/// Why a model judged a version to be unsafe, if the user has not answered that yet.
#[must_use]
pub fn suspicion<'v>(session: &Session, version: &'v Version) -> Option<&'v str> {
    let judged = version.judged.as_ref().filter(|judged| !judged.safe && is_judged(session))?;
    version.trusted.is_none().then_some(judged.reason.as_str())
}

fn is_judged(session: &Session) -> bool {
    matches!(session.settings.safety, Safety::Model | Safety::Both)
}

/// All permissions granted to the session, in order: settings, plan, answers.
pub fn granted(session: &Session) -> impl Iterator<Item = &Permission> {
    let answered = session.allowed.iter().filter(|(_, allowed)| **allowed);
    let answered = answered.map(|(permission, _)| permission);
    session.settings.allow.iter().chain(&session.planning.needs).chain(answered)
}

/// What the sandbox opens for runs of a version.
#[must_use]
pub fn access(session: &Session, version: &Version) -> Access {
    let mut access = access_of(session.settings.sandbox.mode, granted(session));
    // Also under the path as written in the script, if that differs from its target.
    for capability in capabilities(version) {
        if let (Some(named), Some(target)) = (&capability.named, &capability.target)
            && may(session, &Permission::Read(PathBuf::from(target)))
        {
            access.readable.push((named.into(), target.into()));
        }
    }
    access
}

/// What the sandbox opens in this mode with these permissions.
#[must_use]
pub fn access_of<'p>(
    mode: SandboxMode,
    granted: impl IntoIterator<Item = &'p Permission>,
) -> Access {
    let mut access = Access { mode, ..Access::default() };
    for permission in granted {
        match permission {
            Permission::Network(None) if access.mode == SandboxMode::Strict => {
                access.mode = SandboxMode::Network;
            }
            Permission::Network(Some(host)) => access.hosts.push(host.clone()),
            Permission::Read(path) => access.readable.push((path.clone(), path.clone())),
            Permission::Environment(name) => access.environment.push(name.clone()),
            Permission::Processes => access.programs = true,
            _ => {}
        }
    }
    access
}

fn capabilities(version: &Version) -> impl Iterator<Item = &Capability> {
    version.checks.iter().flat_map(|checks| &checks.capabilities)
}

/// The needs of a version that its session does not grant.
fn asked<'v>(session: &Session, version: &'v Version) -> Vec<Need<'v>> {
    let settings = &session.settings;
    if settings.sandbox.mode == SandboxMode::Off
        || matches!(settings.safety, Safety::Off | Safety::Model)
    {
        return Vec::new();
    }
    // With a list of allowed hosts, a script that names none is run, and the proxy reports the
    // hosts that it tried.
    let listed = granted(session).any(|granted| matches!(granted, Permission::Network(Some(_))));
    let held = |need: &Need<'_>| listed && need.permission == Permission::Network(None);
    let given = |need: &Need<'_>| may(session, &need.permission) || held(need);
    needs(version).into_iter().filter(|need| !given(need)).collect()
}

/// The permissions that a script needs, as far as its code shows them. Code generated at run time
/// and native code need none: the sandbox confines them like any other code.
fn needs(version: &Version) -> Vec<Need<'_>> {
    let knows_hosts =
        capabilities(version).any(|c| c.kind == CapabilityKind::Network && c.target.is_some());
    let of = |capability: &Capability| {
        let target = capability.target.clone();
        match (capability.kind, target) {
            (CapabilityKind::Network, Some(host)) => Some(Permission::Network(Some(host))),
            (CapabilityKind::Network, None) => (!knows_hosts).then_some(Permission::Network(None)),
            (CapabilityKind::Files, Some(path)) => Some(Permission::Read(path.into())),
            (CapabilityKind::Files, None) => Some(Permission::Call(capability.what.clone())),
            (CapabilityKind::Environment, name) => name.map(Permission::Environment),
            (CapabilityKind::Processes, _) => Some(Permission::Processes),
            (CapabilityKind::DynamicCode | CapabilityKind::NativeCode, _) => None,
        }
    };
    capabilities(version)
        .filter_map(|c| Some(Need { permission: of(c)?, capability: Some(c) }))
        .collect()
}

fn may(session: &Session, permission: &Permission) -> bool {
    let network = session.settings.sandbox.mode != SandboxMode::Strict
        && matches!(permission, Permission::Network(_));
    network || granted(session).any(|granted| granted.covers(permission))
}

fn denied(session: &Session, permission: &Permission) -> bool {
    let denials = session.allowed.iter().filter(|(_, allowed)| !**allowed);
    let mut denials = denials.map(|(denied, _)| denied);
    denials.any(|denied| denied.covers(permission)) && !may(session, permission)
}

/// All distinct permissions of a session: those of its settings and those granted to its scripts.
#[must_use]
pub fn allowed(session: &Session) -> Vec<Permission> {
    let mut all: Vec<Permission> = Vec::new();
    let settings = session.settings.openings();
    for permission in settings.iter().chain(granted(session)) {
        if !all.contains(permission) {
            all.push(permission.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::plan::Plan;
    use crate::domain::report::{Checks, Run, RunVerdict};

    fn asking(kind: CapabilityKind, what: &str, target: Option<&str>) -> Version {
        let target = target.map(str::to_owned);
        let capability = Capability { kind, line: 1, what: what.to_owned(), target, named: None };
        let checks = Checks { capabilities: vec![capability], ..Checks::default() };
        Version { checks: Some(checks), ..Version::new(1, Cause::First, None, String::new()) }
    }

    fn texts(needs: &[Need<'_>]) -> Vec<String> {
        needs.iter().map(|need| need.permission.to_string()).collect()
    }

    fn permission(text: &str) -> Permission {
        text.parse().unwrap_or(Permission::Processes)
    }

    #[test]
    fn words_of_a_request_or_plan_grant_no_permission() {
        use CapabilityKind::{Files, Network};
        for request in [
            "download https://a.org and count its words",
            "Print the order in which the ships of ships.csv enter the port",
            "feed the dog",
            "never connect to the internet",
            "Lade die Webseite a.org herunter",
            "lee /srv/data.csv y muestra el servidor",
        ] {
            let mut session = Session { request: request.to_owned(), ..Session::default() };
            let plan = Plan { text: request.to_owned(), requirements: Vec::new() };
            session.planning.plan = Some(plan);
            session.planning.by_manager = true;
            let network = asking(Network, "requests.get", None);
            assert_eq!(texts(&unanswered(&session, &network)), ["network"], "{request}");
            assert_eq!(access(&session, &network), Access::default());
            let file = asking(Files, "open(\"/srv/data.csv\")", Some("/srv/data.csv"));
            assert_eq!(texts(&unanswered(&session, &file)), ["read=/srv/data.csv"], "{request}");
            assert_eq!(access(&session, &file), Access::default());
        }
    }

    #[test]
    fn each_capability_asks_for_its_exact_permission() {
        use CapabilityKind::{DynamicCode, Environment, Files, NativeCode, Network, Processes};
        for (kind, what, target, need) in [
            (Network, "requests.get", Some("a.org"), Some("network=a.org")),
            (Network, "socket.socket", None, Some("network")),
            (Files, "open(\"/etc/motd\")", Some("/etc/motd"), Some("read=/etc/motd")),
            (Files, "shutil.rmtree", None, Some("call=shutil.rmtree")),
            (Environment, "os.getenv", Some("KEY"), Some("env=KEY")),
            (Environment, "os.environ", None, None),
            (Processes, "subprocess.run", None, Some("processes")),
            (DynamicCode, "eval", None, None),
            (NativeCode, "ctypes", None, None),
        ] {
            let mut session = Session::default();
            let version = asking(kind, what, target);
            assert_eq!(texts(&unanswered(&session, &version)), Vec::from_iter(need), "{what}");
            session.settings.safety = Safety::Off;
            assert!(unanswered(&session, &version).is_empty());
        }
    }

    #[test]
    fn an_allowed_permission_covers_only_what_it_names() {
        for (allowed, asked, open) in [
            ("network=a.org", "network=a.org", true),
            ("network=a.org", "network=b.org", false),
            // The proxy lets it reach no other host.
            ("network=a.org", "network", true),
            ("network", "network=b.org", true),
            ("read=/srv/a.csv", "read=/srv/a.csv", true),
            ("read=/srv/a.csv", "read=/srv/b.csv", false),
            ("read=/srv/a.csv", "read=/srv", false),
            ("read=/srv/a", "read=/srv/ab", false),
            ("env=A", "env=B", false),
            ("call=os.removedirs", "call=shutil.rmtree", false),
        ] {
            let mut session = Session::default();
            session.allowed.insert(permission(allowed), true);
            let (kind, target) = match permission(asked) {
                Permission::Network(host) => (CapabilityKind::Network, host),
                Permission::Read(path) => {
                    (CapabilityKind::Files, Some(path.to_string_lossy().into_owned()))
                }
                Permission::Environment(name) => (CapabilityKind::Environment, Some(name)),
                _ => (CapabilityKind::Files, None),
            };
            let what = if kind == CapabilityKind::Files { "shutil.rmtree" } else { "a" };
            let version = asking(kind, what, target.as_deref());
            assert_eq!(unanswered(&session, &version).is_empty(), open, "{allowed}: {asked}");
        }
    }

    #[test]
    fn a_denial_refuses_the_run_or_withholds_the_resource() {
        for (asked, refused) in [
            ("network=a.org", true),
            ("read=/srv/a.csv", true),
            ("call=shutil.rmtree", true),
            ("env=A", false),
            ("processes", false),
        ] {
            let mut session = Session::default();
            session.allowed.insert(permission(asked), false);
            let (kind, what, target) = match asked.split_once('=') {
                Some(("network", host)) => (CapabilityKind::Network, "requests.get", Some(host)),
                Some(("read", path)) => (CapabilityKind::Files, "open", Some(path)),
                Some(("env", name)) => (CapabilityKind::Environment, "os.getenv", Some(name)),
                Some((_, name)) => (CapabilityKind::Files, name, None),
                None => (CapabilityKind::Processes, "os.system", None),
            };
            let version = asking(kind, what, target);
            assert!(unanswered(&session, &version).is_empty(), "{asked}");
            assert_eq!(refusal(&session, &version).is_some(), refused, "{asked}");
            assert_eq!(access(&session, &version), Access::default());
            // The same permission by a flag overrides the denial.
            session.settings.allow.push(permission(asked));
            assert!(refusal(&session, &version).is_none(), "{asked}");
        }
    }

    #[test]
    fn a_refusal_names_the_script_line_and_the_allow_flag() {
        let mut session = Session::default();
        session.allowed.insert(permission("read=/srv/a b.csv"), false);
        let version = asking(CapabilityKind::Files, "open(\"/srv/a b.csv\")", Some("/srv/a b.csv"));
        assert_eq!(
            refusal(&session, &version).unwrap_or_default(),
            "it was not allowed to read /srv/a b.csv (open(\"/srv/a b.csv\") in line 1); \
             `--allow 'read=/srv/a b.csv'` allows it"
        );
    }

    #[test]
    fn a_run_has_exactly_the_allowed_access() {
        let mut session = Session::default();
        let version = asking(CapabilityKind::Processes, "os.system", None);
        session.settings.allow = vec![permission("read=/srv/data"), permission("network=a.org")];
        session.planning.needs = vec![permission("env=A")];
        session.allowed.insert(permission("processes"), true);
        session.allowed.insert(permission("network=b.org"), false);
        let access = access(&session, &version);
        assert_eq!(access.mode, SandboxMode::Strict);
        assert_eq!(access.hosts, ["a.org"]);
        assert_eq!(access.environment, ["A"]);
        assert_eq!(access.readable, [(PathBuf::from("/srv/data"), PathBuf::from("/srv/data"))]);
        assert!(access.programs);
    }

    #[test]
    fn permissions_granted_elsewhere_are_asked_again_here() {
        let mut session = Session::default();
        session.elsewhere.insert(permission("sandbox=off"));
        session.elsewhere.insert(permission("network=a.org"));
        let version = asking(CapabilityKind::DynamicCode, "eval", None);
        assert_eq!(texts(&unanswered(&session, &version)), ["sandbox=off"]);
        let version = asking(CapabilityKind::Network, "requests.get", Some("a.org"));
        let asked = unanswered(&session, &version);
        assert_eq!(texts(&asked), ["sandbox=off"]);
        session.elsewhere.remove(&permission("sandbox=off"));
        assert_eq!(texts(&unanswered(&session, &version)), ["network=a.org"]);
    }

    #[test]
    fn a_host_refused_to_a_run_is_asked_about_once() {
        let mut session = Session::default();
        let mut version = asking(CapabilityKind::DynamicCode, "eval", None);
        let run = Run::not_run(RunVerdict::Failed, String::new());
        version.run = Some(Run { hosts_refused: vec!["b.org:443".to_owned()], ..run });
        assert_eq!(texts(&tried(&session, &version)), ["network=b.org:443"]);
        session.allowed.insert(permission("network=b.org:443"), false);
        assert!(tried(&session, &version).is_empty());
    }
}
