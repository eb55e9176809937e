//! Files of a session's folder, served as data: a browser never treats them as a page of this
//! server.

use super::{Failure, Site, aside, folder_of};
use crate::files;
use axum::extract::{Path as Named, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Maximum size of a served file, in bytes.
const LARGEST: u64 = 256 << 20;
/// Blocks scripts and resources of a file, even if it is opened by itself.
const POLICY: &str = "sandbox; default-src 'none'";

/// Serves a file of a session.
pub(super) async fn file(
    State(site): State<Arc<Site>>,
    Named((name, path)): Named<(String, String)>,
) -> Result<Response, Failure> {
    let kind = content_type(&path);
    // Pictures and text are shown; all other files are downloaded.
    let how = if kind == "application/octet-stream" { "attachment" } else { "inline" };
    let bytes = aside(move || {
        let folder = folder_of(&site, &name)?;
        let found = within(&folder, &path).and_then(|path| files::read_regular(&path, LARGEST));
        found.ok_or_else(|| Failure::missing("the session has no such file"))
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, how),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    Ok((headers, bytes).into_response())
}

/// The path of a file below a folder; `None` if a part of it leads out of the folder or is hidden.
fn within(folder: &Path, path: &str) -> Option<PathBuf> {
    let hidden = path.split('/').any(|part| part.starts_with('.'));
    files::within(folder, path).filter(|_| !hidden)
}

/// The content type for a file name extension: a picture, plain text, or `application/octet-stream`
/// for all others.
fn content_type(path: &str) -> &'static str {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    match end.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "txt" | "md" | "py" | "csv" | "tsv" | "json" | "jsonl" | "yaml" | "yml" | "log" => {
            "text/plain; charset=utf-8"
        }
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_path_stays_below_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for (path, is_within) in [
            ("plan.md", true),
            ("run_v1/files/a.png", true),
            ("../secret", false),
            ("run_v1/../../secret", false),
            ("/etc/passwd", false),
            (".lock", false),
            ("run_v1/.hidden", false),
        ] {
            assert_eq!(within(folder.path(), path).is_some(), is_within, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
        assert_eq!(within(folder.path(), "etc/passwd"), None);
    }

    #[test]
    fn html_and_svg_files_are_served_as_downloads() {
        for (path, kind) in [
            ("a.html", "application/octet-stream"),
            ("a.svg", "application/octet-stream"),
            ("a", "application/octet-stream"),
            ("a.PNG", "image/png"),
            ("a.py", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(content_type(path), kind, "{path}");
        }
    }
}
