//! Resources: plans, scripts, reports and pictures of sessions, by URI.

use crate::domain::name;
use crate::domain::session::Session;
use crate::files;
use crate::store::{self, StoreError, artifacts, catalog};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use std::fmt::Write as _;
use std::path::Path;

/// Prefix of the URIs.
const SCHEME: &str = "redraft://session/";
/// Maximum number of sessions in the list, those last worked on; all sessions can be read.
const LISTED: usize = 50;
/// The largest file to return, in bytes.
const LARGEST: u64 = 16 << 20;

/// A kind of resource of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Plan,
    Script(u32),
    Report(u32),
    Picture(u32),
}

impl Part {
    /// Its path within the session's URI.
    fn path(self) -> String {
        match self {
            Self::Plan => "plan".to_owned(),
            Self::Script(version) => format!("script/v{version}"),
            Self::Report(version) => format!("report/v{version}"),
            Self::Picture(version) => format!("picture/v{version}"),
        }
    }

    /// Parses such a path.
    fn read(path: &str) -> Option<Self> {
        if path == "plan" {
            return Some(Self::Plan);
        }
        let (kind, version) = path.split_once("/v")?;
        let version = version.parse().ok()?;
        match kind {
            "script" => Some(Self::Script(version)),
            "report" => Some(Self::Report(version)),
            "picture" => Some(Self::Picture(version)),
            _ => None,
        }
    }

    const fn mime(self) -> &'static str {
        match self {
            Self::Plan => "text/markdown",
            Self::Script(_) => "text/x-python",
            Self::Report(_) => "application/yaml",
            Self::Picture(_) => "image/png",
        }
    }

    /// Description for display.
    fn words(self) -> String {
        match self {
            Self::Plan => "the approved plan".to_owned(),
            Self::Script(version) => format!("the script, version {version}"),
            Self::Report(version) => format!("what was found in version {version}"),
            Self::Picture(version) => format!("a picture of the window of version {version}"),
        }
    }

    /// Whether a session has this resource.
    fn is_there(self, session: &Session) -> bool {
        match self {
            Self::Plan => session.planning.plan.is_some(),
            Self::Script(version) => session.version(version).is_some(),
            Self::Report(version) => {
                session.version(version).is_some_and(|version| version.checks.is_some())
            }
            Self::Picture(version) => session
                .version(version)
                .and_then(|version| version.run.as_ref())
                .is_some_and(|run| run.screenshot),
        }
    }
}

/// The resources of recent sessions: the plan and the latest version of each.
///
/// # Errors
/// The sessions folder can't be read.
pub fn list(sessions: &Path) -> Result<Vec<Resource>, files::FileError> {
    let recent = catalog::recent(sessions, LISTED, |session| (session.name.clone(), of(session)))?;
    let each = recent.into_iter().flat_map(|(name, parts)| {
        parts.into_iter().map(move |part| {
            Resource::new(address(&name, part), format!("{name}/{}", part.path()))
                .with_description(format!("{name}: {}", part.words()))
                .with_mime_type(part.mime())
        })
    });
    Ok(each.collect())
}

fn of(session: &Session) -> Vec<Part> {
    let of_latest = session.result().map(|v| [Part::Script(v), Part::Report(v), Part::Picture(v)]);
    let parts = [Part::Plan].into_iter().chain(of_latest.into_iter().flatten());
    parts.filter(|part| part.is_there(session)).collect()
}

/// The URI templates.
#[must_use]
pub fn templates() -> Vec<ResourceTemplate> {
    let template = |path: &str, name: &str, mime: &str| {
        ResourceTemplate::new(format!("{SCHEME}{{session}}/{path}"), name).with_mime_type(mime)
    };
    vec![
        template("plan", "the approved plan of a session", Part::Plan.mime()),
        template("script/v{version}", "a version of a session's script", Part::Script(1).mime()),
        template("report/v{version}", "what was found in a version", Part::Report(1).mime()),
        template("picture/v{version}", "a picture of a version's window", Part::Picture(1).mime()),
    ]
}

/// Reads a resource; `None` if the URI names none.
///
/// # Errors
/// The session can't be read.
pub fn read(sessions: &Path, uri: &str) -> Result<Option<ResourceContents>, StoreError> {
    let Some((name, part)) = parse(uri) else { return Ok(None) };
    let folder = match catalog::named(sessions, &name) {
        Ok(folder) => folder,
        Err(StoreError::Unknown(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let session = store::read(&folder)?.session;
    if !part.is_there(&session) {
        return Ok(None);
    }
    let text = |text: String| ResourceContents::text(text, uri).with_mime_type(part.mime());
    let file = |name: String| {
        files::within(&folder, &name).and_then(|place| files::read_regular(&place, LARGEST))
    };
    Ok(match part {
        Part::Plan => session.planning.plan.map(|plan| text(plan.text)),
        Part::Script(version) => session.version(version).map(|v| text(v.script.clone())),
        Part::Report(version) => file(artifacts::report_file(version))
            .map(|bytes| text(String::from_utf8_lossy(&bytes).into_owned())),
        Part::Picture(version) => {
            file(format!("{}/screenshot.png", artifacts::run_folder(version))).map(|bytes| {
                ResourceContents::blob(STANDARD.encode(bytes), uri).with_mime_type(part.mime())
            })
        }
    })
}

/// The URI of a resource. Session names may contain spaces and letters of any language, which are
/// percent-encoded.
fn address(name: &str, part: Part) -> String {
    let mut uri = SCHEME.to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push('/');
    uri + &part.path()
}

/// Parses a URI.
fn parse(uri: &str) -> Option<(String, Part)> {
    let (name, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let name = decoded(name)?;
    name::check(&name).ok()?;
    Some((name, Part::read(path)?))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_part_of_one_session_and_never_a_path() {
        for name in ["clock", "analog clock", "Überweisung", "a.b-c_d", "50"] {
            for part in [Part::Plan, Part::Script(3), Part::Report(12), Part::Picture(1)] {
                assert_eq!(parse(&address(name, part)), Some((name.to_owned(), part)), "{name}");
            }
        }
        for uri in [
            "redraft://session/../plan",
            "redraft://session/%2e%2e/plan",
            "redraft://session/%2Fetc%2Fpasswd/plan",
            "redraft://session/a%00b/plan",
            "redraft://session/a%/plan",
            "redraft://session/a%ff/plan",
            "redraft://session//plan",
            "redraft://session/clock/journal",
            "redraft://session/clock/script/v",
            "redraft://session/clock/script/v1/../../x",
            "redraft://session/clock",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(parse(uri), None, "{uri}");
        }
    }
}
