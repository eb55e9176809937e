//! Permissions of a script outside its run folder, as values and as text.
//!
//! The text is the same on the command line (`--allow read=/srv/a.csv`), in the configuration, in
//! `session.yaml` and in the journal. Lines under `## Needs` of a plan have a form of their own
//! (`- read /srv/a.csv`).

use super::host::NamedHost;
use super::policy::{Install, Safety, SandboxMode};
use super::section;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Maximum length of a permission's text, in bytes.
const LONGEST: usize = 4096;
/// Maximum number of lines that are read under [`HEADING`].
const MOST_NEEDS: usize = 20;
/// Heading of the permissions that a plan's script needs.
pub const HEADING: &str = "## Needs";

/// One permission of a script outside its run folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Network access to one host, such as `api.example.org` or `127.0.0.1:8000`; to all hosts if
    /// `None`.
    Network(Option<String>),
    /// Reading one file, or one folder with everything in it. The path is absolute and resolved.
    Read(PathBuf),
    /// Reading one environment variable.
    Environment(String),
    /// Starting other programs inside the sandbox.
    Processes,
    /// Calling a function whose effect depends on its arguments at run time, such as
    /// `shutil.rmtree`. The sandbox is not changed for it; a person decides that the script may
    /// run.
    Call(String),
    /// The sandbox mode in the settings of a session made elsewhere.
    Sandbox(SandboxMode),
    /// The Python interpreter in such settings.
    Python(String),
    /// The safety policy in such settings.
    Safety(Safety),
    /// The install policy in such settings.
    Install(Install),
}

impl Permission {
    /// This permission, if parsing its text gives the same permission: sessions store the text.
    ///
    /// # Errors
    /// It does not.
    pub fn writable(self) -> Result<Self, PermissionError> {
        let text = self.to_string();
        match text.parse() {
            Ok(again) if self == again => Ok(self),
            _ => Err(PermissionError::Unwritable(shown(&text))),
        }
    }

    /// Whether users can grant it by a flag, in the configuration or in a plan.
    #[must_use]
    pub const fn is_offered(&self) -> bool {
        matches!(self, Self::Network(_) | Self::Read(_) | Self::Environment(_) | Self::Processes)
    }

    /// Whether a session's settings ask for it, not a script.
    #[must_use]
    pub const fn is_of_settings(&self) -> bool {
        matches!(self, Self::Sandbox(_) | Self::Python(_) | Self::Safety(_) | Self::Install(_))
    }

    /// Whether this permission includes the other: the whole network includes each host, a host
    /// each of its ports, a folder everything in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Network(None), Self::Network(_)) => true,
            (Self::Network(Some(host)), Self::Network(Some(asked))) => {
                match (NamedHost::parse(host), NamedHost::parse(asked)) {
                    (Ok(host), Ok(asked)) => host.includes(&asked),
                    _ => false,
                }
            }
            (Self::Read(place), Self::Read(path)) => path.starts_with(place),
            _ => self == other,
        }
    }

    /// Text for the user, as in "may read /srv/a.csv".
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Network(None) => "reach the whole network".to_owned(),
            Self::Network(Some(host)) => format!("reach {host} over the network"),
            Self::Read(path) => format!("read {}", path.display()),
            Self::Environment(name) => format!("see the environment variable {name}"),
            Self::Processes => "start other programs, inside the sandbox".to_owned(),
            Self::Call(name) => format!("call {name}, inside the sandbox"),
            Self::Sandbox(mode) => format!("run with the sandbox mode `{}`", mode.name()),
            Self::Python(python) => format!("run on the Python `{python}`"),
            Self::Safety(safety) => format!("run with `safety: {}`", word(safety)),
            Self::Install(install) => format!("install packages by `install: {}`", word(install)),
        }
    }
}

/// What a run may access besides its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Sandbox mode.
    pub mode: SandboxMode,
    /// Files and folders that it may read, as the script names them, each with the resolved path
    /// that was allowed.
    pub readable: Vec<(PathBuf, PathBuf)>,
    /// Hosts that it may connect to, as `HOST` or `HOST:PORT`.
    pub hosts: Vec<String>,
    /// Names of environment variables that it may read.
    pub environment: Vec<String>,
    /// Whether it may start other programs.
    pub programs: bool,
}

/// Why a text is not a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// There is no permission of this name.
    #[error(
        "`{0}` is no permission; there are `network`, `network=HOST`, `read=PATH`, `env=NAME` and \
         `processes`"
    )]
    Unknown(String),
    /// The value is not a host.
    #[error("{0}")]
    Host(String),
    /// The value is not the name of an environment variable.
    #[error("`{0}` is no name of an environment variable")]
    Name(String),
    /// The path is not absolute.
    #[error("`{0}` is no absolute path")]
    Path(String),
    /// A path that can't be written down as others read it again.
    #[error(
        "`{0}` can't be allowed: its path is too long, holds a line feed, or is no UTF-8; rename it"
    )]
    Unwritable(String),
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        let unknown = || PermissionError::Unknown(shown(text));
        if text.len() > LONGEST {
            return Err(unknown());
        }
        let (kind, value) = match text.split_once('=') {
            Some((kind, value)) => (kind, Some(value)),
            None => (text, None),
        };
        Ok(match (kind, value) {
            ("network", None) => Self::Network(None),
            ("network", Some(host)) => Self::Network(Some(self::host(host)?)),
            ("read", Some(path)) => Self::Read(absolute(path)?),
            ("env", Some(name)) => Self::Environment(variable(name)?),
            ("processes", None) => Self::Processes,
            ("call", Some(name)) if !name.is_empty() => Self::Call(name.to_owned()),
            ("sandbox", Some(mode)) => Self::Sandbox(read_word(mode).ok_or_else(unknown)?),
            ("python", Some(python)) if !python.is_empty() => Self::Python(python.to_owned()),
            ("safety", Some(safety)) => Self::Safety(read_word(safety).ok_or_else(unknown)?),
            ("install", Some(install)) => Self::Install(read_word(install).ok_or_else(unknown)?),
            _ => return Err(unknown()),
        })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(None) => f.write_str("network"),
            Self::Network(Some(host)) => write!(f, "network={host}"),
            Self::Read(path) => write!(f, "read={}", path.display()),
            Self::Environment(name) => write!(f, "env={name}"),
            Self::Processes => f.write_str("processes"),
            Self::Call(name) => write!(f, "call={name}"),
            Self::Sandbox(mode) => write!(f, "sandbox={}", mode.name()),
            Self::Python(python) => write!(f, "python={python}"),
            Self::Safety(safety) => write!(f, "safety={}", word(safety)),
            Self::Install(install) => write!(f, "install={}", word(install)),
        }
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Parses a value of `--allow` or of the configuration's list. A list of hosts becomes one
/// permission for each; a relative path is resolved against `folder`.
///
/// # Errors
/// If it is not a permission, or not one that a flag can grant.
pub fn read_flag(text: &str, folder: &Path) -> Result<Vec<Permission>, PermissionError> {
    if let Some(hosts) = text.strip_prefix("network=") {
        return hosts
            .split(',')
            .map(|host| Ok(Permission::Network(Some(self::host(host)?))))
            .collect();
    }
    if let Some(path) = text.strip_prefix("read=").filter(|path| !path.is_empty()) {
        return Ok(vec![Permission::Read(folder.join(path))]);
    }
    let permission: Permission = text.parse()?;
    if permission.is_offered() {
        Ok(vec![permission])
    } else {
        Err(PermissionError::Unknown(shown(text)))
    }
}

/// A line under the needs heading that can't be granted, with the reason.
pub type Impossible = (String, &'static str);

/// Parses the permissions that a plan's script needs: the lines under [`HEADING`].
#[must_use]
pub fn needs(plan: &str) -> (Vec<Permission>, Vec<Impossible>) {
    let (mut needs, mut impossible) = (Vec::new(), Vec::new());
    let points = section::items(plan, HEADING);
    for line in points.take(MOST_NEEDS) {
        match need(line) {
            Ok(more) => needs.extend(more),
            Err(why) => impossible.push((shown(line), why)),
        }
    }
    needs.dedup();
    (needs, impossible)
}

/// Removes the section of needs from a plan's text.
#[must_use]
pub fn without_needs(plan: &str) -> String {
    section::without(plan, HEADING)
}

/// Formats the section of needs of a plan; empty if there are none.
#[must_use]
pub fn write_needs(needs: &[Permission]) -> String {
    let line = |need: &Permission| match need {
        Permission::Network(Some(host)) => Some(format!("network: {host}")),
        Permission::Network(None) => Some("network".to_owned()),
        Permission::Read(path) => Some(format!("read {}", path.display())),
        Permission::Environment(name) => Some(format!("environment {name}")),
        Permission::Processes => Some("processes".to_owned()),
        _ => None,
    };
    section::write(HEADING, needs.iter().filter_map(line))
}

/// Parses one line of a plan's needs: `network: HOST`, `read PATH`, `environment NAME`,
/// `processes`.
fn need(line: &str) -> Result<Vec<Permission>, &'static str> {
    let (kind, value) = line.split_once([':', ' ', '=']).unwrap_or((line, ""));
    let value = value.trim_matches([' ', ':', '=', '`', '"']);
    let named = |permission: Result<Permission, PermissionError>, why| match permission {
        Ok(permission) => Ok(vec![permission]),
        Err(_) => Err(why),
    };
    match (kind, value) {
        ("network", "") => Ok(vec![Permission::Network(None)]),
        ("network", hosts) => hosts
            .split(',')
            .map(|host| self::host(host.trim()).map(|host| Permission::Network(Some(host))))
            .collect::<Result<_, _>>()
            .map_err(|_| "it names no host"),
        ("read", path) => named(absolute(path).map(Permission::Read), "its path is not absolute"),
        ("environment", name) => {
            named(variable(name).map(Permission::Environment), "it names no variable")
        }
        ("processes", "") => Ok(vec![Permission::Processes]),
        ("write", _) => Err("a script writes in its run folder only, and what it writes is kept"),
        _ => Err("it is none of `network: HOST`, `read PATH`, `environment NAME`, `processes`"),
    }
}

/// Parses a host into its canonical form, as used in permissions.
///
/// # Errors
/// If the text is not a host with or without a port.
pub fn host(text: &str) -> Result<String, PermissionError> {
    NamedHost::parse(text).map(|host| host.to_string()).map_err(PermissionError::Host)
}

fn variable(name: &str) -> Result<String, PermissionError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if begins && name.len() < 256 && name.chars().all(fits) {
        Ok(name.to_owned())
    } else {
        Err(PermissionError::Name(shown(name)))
    }
}

fn absolute(path: &str) -> Result<PathBuf, PermissionError> {
    let plain = !path.contains(['\0', '\n']) && !path.split('/').any(|part| part == "..");
    if Path::new(path).is_absolute() && plain {
        Ok(path.into())
    } else {
        Err(PermissionError::Path(shown(path)))
    }
}

/// Any text, shortened and made safe for a message.
fn shown(text: &str) -> String {
    super::text::one_line(text, 100)
}

/// The name of a setting's value in the configuration.
fn word<T: Serialize>(setting: &T) -> String {
    match serde_json::to_value(setting) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn read_word<T: for<'de> Deserialize<'de>>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_permission_survives_writing_and_reading() {
        for text in [
            "network",
            "network=api.example.org",
            "network=127.0.0.1:8000",
            "network=[::1]:80",
            "read=/srv/a b=c.csv",
            "env=LOCAL_KEY",
            "processes",
            "call=shutil.rmtree",
            "sandbox=off",
            "python=/usr/bin/python3",
            "safety=off",
            "install=auto",
        ] {
            let permission: Permission = text.parse().unwrap();
            assert_eq!(permission.to_string(), text);
            let json = serde_json::to_string(&permission).unwrap();
            assert_eq!(serde_json::from_str::<Permission>(&json).unwrap(), permission);
        }
    }

    #[test]
    fn a_path_that_a_session_could_not_keep_is_refused() {
        let long = format!("/{}", "x".repeat(LONGEST));
        for (path, is_kept) in
            [("/a b", true), ("/a\nb", false), ("/a/../b", false), (long.as_str(), false)]
        {
            let permission = Permission::Read(path.into());
            let kept = permission.clone().writable();
            assert_eq!(kept, if is_kept { Ok(permission) } else { kept.clone() }, "{path:?}");
            assert_eq!(kept.is_ok(), is_kept, "{path:?}");
        }
    }

    #[test]
    fn an_invalid_permission_is_refused() {
        for text in [
            "",
            "net",
            "network=",
            "network=a b",
            "network=a/b",
            "network=a:x",
            "network=[::1",
            "network=user@host",
            "read",
            "read=",
            "read=a.csv",
            "read=/a/../b",
            "env",
            "env=1A",
            "env=A-B",
            "processes=all",
            "sandbox=open",
            "write=/a",
            "Network",
        ] {
            assert!(text.parse::<Permission>().is_err(), "{text}");
        }
        assert!(read_flag("sandbox=off", Path::new("/")).is_err());
        assert!(read_flag("call=os.remove", Path::new("/")).is_err());
    }

    #[test]
    fn a_permission_flag_takes_a_host_list_or_a_relative_path() {
        let read = |text| read_flag(text, Path::new("/work")).unwrap();
        let texts = |text| read(text).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts("network=A.org.,b.org:81"), ["network=a.org", "network=b.org:81"]);
        assert_eq!(texts("read=data/a.csv"), ["read=/work/data/a.csv"]);
        assert_eq!(texts("read=/srv/a.csv"), ["read=/srv/a.csv"]);
    }

    #[test]
    fn a_permission_covers_exactly_what_it_names() {
        for (has, asked, covered) in [
            ("network", "network=a.org", true),
            ("network=a.org", "network", false),
            ("network=a.org", "network=a.org:8080", true),
            ("network=a.org:80", "network=a.org", false),
            ("network=a.org", "network=b.a.org", false),
            ("network=[::1]", "network=[::1]:80", true),
            ("network=2130706433", "network=127.0.0.1:80", true),
            ("network=B\u{fc}cher.example", "network=xn--bcher-kva.example", true),
            ("read=/srv/data", "read=/srv/data/a/b.csv", true),
            ("read=/srv/data", "read=/srv/database.csv", false),
            ("read=/srv/data/a.csv", "read=/srv/data", false),
            ("env=A", "env=AB", false),
            ("processes", "processes", true),
            ("call=os.chroot", "call=shutil.rmtree", false),
        ] {
            let (has, asked): (Permission, Permission) =
                (has.parse().unwrap(), asked.parse().unwrap());
            assert_eq!(has.covers(&asked), covered, "{has} {asked}");
        }
    }

    fn needs_of(plan: &str) -> Vec<Permission> {
        super::needs(plan).0
    }

    #[test]
    fn needs_of_a_plan_are_read_under_their_heading_only() {
        let plan = "# Ships\n\n- network: evil.org\n\n## Requirements\n- R1: read /etc/hosts\n\n\
                    ## Needs\n\n- network: api.example.org, b.org\n- read: /srv/a.csv\n\
                    - read `/srv/b.csv`\n* environment HOME_TOWN\n- processes\n- network\n\
                    - write /srv/out\n- the moon\n- read ~/x\n\n## Examples\n- network: c.org\n";
        let (needs, impossible) = needs(plan);
        let needs: Vec<String> = needs.iter().map(ToString::to_string).collect();
        assert_eq!(
            needs,
            [
                "network=api.example.org",
                "network=b.org",
                "read=/srv/a.csv",
                "read=/srv/b.csv",
                "env=HOME_TOWN",
                "processes",
                "network",
            ]
        );
        let impossible: Vec<&str> = impossible.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(impossible, ["write /srv/out", "the moon", "read ~/x"]);
        assert_eq!(super::needs("## Requirements\n- R1: x\n"), (Vec::new(), Vec::new()));
        let (read, _) = super::needs(&write_needs(&needs_of(plan)));
        assert_eq!(read, needs_of(plan));
        assert_eq!(
            without_needs("a\n## Needs\n- network\n\n# b\n- network\n"),
            "a\n# b\n- network\n"
        );
    }
}
