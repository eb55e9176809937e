//! Fetches a model from a server, and goes on where a connection broke.

use super::error::{FetchError, News, Trouble, Way};
use crate::proxy;
use redraft_domain::text::{one_line, size};
use redraft_files::{self as files, Appender, Mode, reason};
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode, Url};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a connection may take: where the network is closed, another source is tried soon.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a server may take to begin its answer.
const BEGIN: Duration = Duration::from_secs(15);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);
/// Tries in a row that bring nothing.
const TRIES: u32 = 4;
/// The wait before the second of these; each further one is twice as long.
const WAIT: Duration = Duration::from_millis(250);

/// What went wrong with one connection.
enum Broken {
    /// Another one may do better.
    Passing(String),
    /// Another one would not.
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

/// The server's name in an address, for people.
pub(super) fn server(address: &str) -> String {
    let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| "an address that is none".to_owned())
}

/// Fetches what is still missing of a file.
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
        // A server that never answered is not worth a wait.
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
        // It gives only whole files.
        StatusCode::OK => came = 0,
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if came > 0 => {
            // It can't go on from here: from the beginning, then.
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

/// Where a part of a file begins, as the server says.
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// What happened, without the address: the innermost cause says it.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let cause = proxy::innermost(&error);
    one_line(&cause.downcast_ref().map_or_else(|| cause.to_string(), reason), 160)
}
