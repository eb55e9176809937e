//! Downloads a model from a server, and resumes broken connections.

use super::error::{FetchError, News, Trouble, Way};
use crate::proxy;
use redraft_domain::text::{one_line, size};
use redraft_files::{self as files, Appender, Mode, reason};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode, Url};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Timeout of a connection attempt; short, so that without network access the next source is tried
/// soon.
const CONNECT: Duration = Duration::from_secs(5);
/// Timeout of the response's head.
const BEGIN: Duration = Duration::from_secs(15);
/// Maximum time without data.
const SILENCE: Duration = Duration::from_secs(30);
/// Maximum number of consecutive attempts without progress.
const TRIES: u32 = 4;
/// Wait before the second of these attempts; doubles with each further one.
const WAIT: Duration = Duration::from_millis(250);

/// Error of one connection.
enum Broken {
    /// A new connection may work.
    Passing(String),
    /// A new connection would not help.
    For(Trouble),
}

impl<E: Into<Trouble>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::For(error.into())
    }
}

fn refused(why: impl Into<String>) -> Broken {
    Broken::For(Trouble::Refused(why.into()))
}

/// The server's name in a URL, for the user.
pub(super) fn server(address: &str) -> String {
    let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "an address that is none".to_owned())
}

/// Downloads the missing rest of a file.
pub(super) async fn get(
    way: &Way<'_>,
    address: &str,
    on: &mut (dyn FnMut(News<'_>) + Send),
) -> Result<(), Trouble> {
    let url = Url::parse(address).map_err(|_| Trouble::Refused("it has no host".to_owned()))?;
    let client = client(&url)?;
    let (mut in_vain, mut ever) = (0, false);
    while way.came() < way.entry.bytes {
        let before = way.came();
        let ended = tokio::select! {
            biased;
            () = way.cancel.cancelled() => return Err(Trouble::End(FetchError::Interrupted)),
            ended = attempt(way, &client, &url, on) => ended,
        };
        let why = match ended {
            Ok(()) => continue,
            Err(Broken::For(trouble)) => return Err(trouble),
            Err(Broken::Passing(why)) => why,
        };
        let more = way.came() > before;
        ever |= more;
        in_vain = if more { 0 } else { in_vain + 1 };
        // Without any data so far, a retry is not worth the wait.
        if !ever || in_vain == TRIES {
            return Err(Trouble::Refused(why));
        }
        tokio::select! {
            () = way.cancel.cancelled() => return Err(Trouble::End(FetchError::Interrupted)),
            () = sleep(WAIT * (1 << in_vain)) => {}
        }
    }
    Ok(())
}

fn client(url: &Url) -> Result<Client, Trouble> {
    let builder = Client::builder()
        .user_agent(concat!("redraft/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT);
    let builder = proxy::set(builder, url).map_err(|error| Trouble::Refused(error.to_string()))?;
    builder.build().map_err(|error| Trouble::Refused(innermost(error)))
}

/// One connection.
async fn attempt(
    way: &Way<'_>,
    client: &Client,
    url: &Url,
    on: &mut (dyn FnMut(News<'_>) + Send),
) -> Result<(), Broken> {
    let passing = |error: reqwest::Error| Broken::Passing(innermost(error));
    let bytes = way.entry.bytes;
    let mut came = way.came();
    let mut request = client.get(url.clone());
    if came > 0 {
        request = request.header(RANGE, format!("bytes={came}-"));
    }
    let slow = || Broken::Passing(format!("no answer within {} s", BEGIN.as_secs()));
    let mut response =
        timeout(BEGIN, request.send()).await.map_err(|_| slow())?.map_err(passing)?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(came) => {}
        // The server ignores ranges and sends the whole file.
        StatusCode::OK => came = 0,
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if came > 0 => {
            // The server can't resume here: start from the beginning.
            files::remove_file(way.part)?;
            return Ok(());
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(Broken::Passing(format!("status {status}")));
        }
        status => return Err(refused(format!("status {status}"))),
    }
    if let Some(length) = response.content_length().map(|length| length + came)
        && length != bytes
    {
        let [theirs, ours] = [length, bytes].map(size);
        return Err(refused(format!("what it has there has {theirs}, not {ours}")));
    }
    if files::length(way.part).is_none() {
        files::write(way.part, b"", Mode::Normal)?;
    }
    let mut file = Appender::open(way.part, came)?;
    while came < bytes {
        let chunk = timeout(SILENCE, response.chunk()).await;
        let silent = |_| Broken::Passing(format!("nothing came for {} s", SILENCE.as_secs()));
        let Some(chunk) = chunk.map_err(silent)?.map_err(passing)? else {
            return Err(Broken::Passing("it ended too early".to_owned()));
        };
        if chunk.len() as u64 > bytes - came {
            return Err(refused("it sends more than the file has"));
        }
        file.append(&chunk)?;
        came += chunk.len() as u64;
        on(News::Came(came));
    }
    Ok(())
}

/// The start of the range that the server sends.
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// The innermost cause of an error, without the URL.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let cause = proxy::innermost(&error);
    one_line(&cause.downcast_ref().map_or_else(|| cause.to_string(), reason), 160)
}
