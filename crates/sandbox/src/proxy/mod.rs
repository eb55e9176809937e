//! The only network access of a child with a list of hosts: an HTTP proxy in redraft's own process,
//! for `CONNECT` and for `http://` URLs.
//!
//! A host must be on the list before its name is looked up ([`hosts`]). The addresses found are
//! checked again, and the proxy connects to exactly those. Each connection serves one request, so
//! that none goes unchecked ([`http`]).

mod hosts;
mod http;

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Job;
use hosts::{Known, Refusal, Target};

use http::{BadRequest, Wish};
use redraft_domain::host::NamedHost;

/// Maximum number of concurrent connections; further ones wait.
const AT_ONCE: usize = 64;
/// Bytes per read.
const CHUNK: usize = 16 << 10;
/// Time limit for reading a head, for a lookup and for connecting.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time limit for a connection without traffic.
const SILENCE: Duration = Duration::from_mins(5);
/// How long to keep reading a refused request, so that its sender reads the answer.
const REST: Duration = Duration::from_secs(2);
/// Maximum number of addresses of a name to try.
const TRIES: usize = 4;
/// Maximum number of refused hosts to remember.
const REMEMBERED: usize = 20;

/// Looks up the addresses of a name.
type Resolve = Box<dyn Fn(String, u16) -> BoxFuture<'static, Found> + Send + Sync>;
type Found = io::Result<Vec<SocketAddr>>;

/// The proxy of one child.
pub(super) struct Proxy {
    list: Vec<NamedHost>,
    resolve: Resolve,
    refused: Mutex<Vec<String>>,
}

/// Why a request was not served.
enum Fault {
    Refused(Refusal),
    Bad(BadRequest),
    /// The host can't be reached: status and reason.
    Unreachable(u16, String),
}

impl From<BadRequest> for Fault {
    fn from(bad: BadRequest) -> Self {
        Self::Bad(bad)
    }
}

impl Proxy {
    /// A proxy for these hosts; `None` if there are none.
    pub(super) fn of(hosts: &[String]) -> Result<Option<Arc<Self>>, String> {
        let resolve = |name: String, port| {
            async move { Ok(lookup_host((name, port)).await?.collect()) }.boxed()
        };
        if hosts.is_empty() {
            return Ok(None);
        }
        Self::new(hosts, Box::new(resolve)).map(Some)
    }

    fn new(hosts: &[String], resolve: Resolve) -> Result<Arc<Self>, String> {
        let list = hosts.iter().map(|host| NamedHost::parse(host)).collect::<Result<_, _>>()?;
        Ok(Arc::new(Self { list, resolve, refused: Mutex::default() }))
    }

    /// The refused targets as `HOST:PORT`, in order of their first request.
    pub(super) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves connections until it is dropped.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) -> Infallible {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut served = JoinSet::new();
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            // Out of file handles: wait for open connections to end.
            let Ok((client, _)) = listener.accept().await else {
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            let proxy = Arc::clone(&self);
            served.spawn(async move {
                proxy.attend(client).await;
                drop(place);
            });
            while served.try_join_next().is_some() {}
        }
    }

    /// Serves one connection. It is not an error if the client or the server disconnects.
    async fn attend(&self, client: TcpStream) {
        let (mut from, mut to) = client.into_split();
        let Err(fault) = self.request(&mut from, &mut to).await else { return };
        let (status, reason) = match fault {
            Fault::Refused(refusal) => {
                self.remember(refusal.wanted());
                (403, refusal.words(&self.list))
            }
            Fault::Bad(BadRequest(status, reason)) => (status, format!("redraft: {reason}")),
            Fault::Unreachable(status, reason) => (status, reason),
        };
        if to.write_all(&http::answer(status, &reason)).await.is_ok() && to.shutdown().await.is_ok()
        {
            let _ = timeout(REST, drain(&mut from)).await;
        }
    }

    fn remember(&self, host: String) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < REMEMBERED && !refused.contains(&host) {
            refused.push(host);
        }
    }

    async fn request(
        &self,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
    ) -> Result<(), Fault> {
        let mut buffer = Vec::new();
        let read = timeout(PATIENCE, head(from, &mut buffer, http::request)).await;
        let Some(read) = read.unwrap_or(Err(BadRequest(408, "the request took too long")))? else {
            return Ok(());
        };
        let behind = buffer.split_off(read.length);
        match read.value {
            Wish::Tunnel(target) => {
                let (mut back, mut forth) = self.connect(&target).await?.into_split();
                let done = b"HTTP/1.1 200 Connection established\r\n\r\n";
                if to.write_all(done).await.is_ok() && forth.write_all(&behind).await.is_ok() {
                    let moved = AtomicU64::new(0);
                    let both = join(copy(from, &mut forth, &moved), copy(&mut back, to, &moved));
                    while_it_moves(&moved, both).await;
                }
                Ok(())
            }
            Wish::Request { target, head, body } => {
                let (mut back, mut forth) = self.connect(&target).await?.into_split();
                let moved = AtomicU64::new(0);
                let forth = async {
                    if forth.write_all(&head).await.is_ok() {
                        send_body(&behind, body, from, &mut forth, &moved).await;
                    }
                    // Further data from the client is not for this server, which may have answered
                    // before it read the whole body.
                    drain(from).await
                };
                let both = async {
                    tokio::select! {
                        biased;
                        answered = answer(&mut back, to, &moved) => answered,
                        _ = forth => Ok(()),
                    }
                };
                while_it_moves(&moved, both).await.unwrap_or(Ok(()))
            }
        }
    }

    /// Connects to a host that the list allows.
    async fn connect(&self, target: &Target) -> Result<TcpStream, Fault> {
        let unreachable = |status, why: String| {
            Fault::Unreachable(status, format!("redraft: `{target}` can't be reached: {why}"))
        };
        let slow = || unreachable(504, format!("no answer in {} s", PATIENCE.as_secs()));
        let addresses = match hosts::listed(&self.list, target).map_err(Fault::Refused)? {
            Known::Addresses(addresses) => addresses,
            Known::Lookup(name) => {
                let found = timeout(PATIENCE, (self.resolve)(name, target.port)).await;
                let found = found
                    .map_err(|_| slow())?
                    .map_err(|error| unreachable(502, redraft_files::reason(&error)))?;
                hosts::usable(&self.list, target, found).map_err(Fault::Refused)?
            }
        };
        let tries = async {
            let mut last = unreachable(502, "its name has no address".to_owned());
            for address in addresses.into_iter().take(TRIES) {
                match TcpStream::connect(address).await {
                    Ok(stream) => return self.not_ours(target, address, stream),
                    Err(error) => last = unreachable(502, redraft_files::reason(&error)),
                }
            }
            Err(last)
        };
        timeout(PATIENCE, tries).await.map_err(|_| slow())?
    }

    /// If the local address of the connection equals the target's, the target is this machine,
    /// which must be named on the list.
    fn not_ours(
        &self,
        target: &Target,
        address: SocketAddr,
        stream: TcpStream,
    ) -> Result<TcpStream, Fault> {
        let ours = stream.local_addr().map(|own| own.ip()).ok() == Some(address.ip());
        if ours && !address.ip().is_loopback() && !hosts::names(&self.list, address) {
            let refusal = Refusal::Inside(target.clone(), address, "this machine");
            return Err(Fault::Refused(refusal));
        }
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// Environment variables that point a child's programs to the proxy at this port of its loopback
/// device.
pub(super) fn environment(hosts: &[String], port: u16) -> Vec<(OsString, OsString)> {
    let address = format!("http://127.0.0.1:{port}");
    let named = |name: &str| [name.to_ascii_lowercase(), name.to_owned()];
    // Connections of the child to itself bypass the proxy, unless the list names this machine.
    let mut named_hosts = hosts.iter().filter_map(|host| NamedHost::parse(host).ok());
    let to_us = named_hosts.any(|host| host.is_loopback());
    let own = if to_us { "" } else { "localhost,127.0.0.1,::1" };
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].into_iter().flat_map(named);
    let proxies = proxies.map(|name| (name.into(), address.clone().into()));
    proxies.chain(named("NO_PROXY").map(|name| (name.into(), own.into()))).collect()
}

/// Gives a child the CA certificates that the user has configured for other programs.
pub(super) fn give_certificates(job: &mut Job) {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        let path = std::env::var_os(name).map(PathBuf::from);
        if let Some(path) = path.filter(|path| path.is_absolute() && path.exists()) {
            job.env.push((name.into(), path.clone().into()));
            job.readable.push(path);
        }
    }
}

/// Reads until a head is complete; `None` if the other side disconnects first.
async fn head<T>(
    from: &mut OwnedReadHalf,
    buffer: &mut Vec<u8>,
    read: impl Fn(&[u8]) -> Result<Option<T>, BadRequest>,
) -> Result<Option<T>, BadRequest> {
    loop {
        if let Some(head) = read(buffer)? {
            return Ok(Some(head));
        }
        if buffer.len() >= http::HEAD {
            return Err(BadRequest(431, "the head of a message is too long"));
        }
        if !matches!(from.read_buf(buffer).await, Ok(1..)) {
            return Ok(None);
        }
    }
}

/// Forwards a body of this length, whose first bytes are in `begun`. `None` if a side disconnected.
async fn send_body(
    begun: &[u8],
    length: u64,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    moved: &AtomicU64,
) -> Option<()> {
    let begun = &begun[..begun.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
    to.write_all(begun).await.ok()?;
    let left = length - begun.len() as u64;
    copy_some(&mut from.take(left), to, moved).await
}

/// Forwards a response: its heads, and everything after the last one.
async fn answer(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    moved: &AtomicU64,
) -> Result<(), Fault> {
    let mut buffer = Vec::new();
    loop {
        let Some(read) = head(from, &mut buffer, http::response).await? else {
            return Err(BadRequest(502, "the server ended the connection without an answer").into());
        };
        buffer.drain(..read.length);
        moved.fetch_add(1, Ordering::Relaxed);
        if to.write_all(&read.value.head).await.is_err() {
            return Ok(());
        }
        if !read.value.interim {
            break;
        }
    }
    if to.write_all(&buffer).await.is_ok() {
        copy(from, to, moved).await;
    }
    Ok(())
}

/// Copies until one side ends, then shuts down the other.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    moved: &AtomicU64,
) {
    copy_some(from, to, moved).await;
    let _ = to.shutdown().await;
}

/// Copies until one side ends. `None` if a side disconnected.
async fn copy_some(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    moved: &AtomicU64,
) -> Option<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = from.read(&mut chunk).await.ok()?;
        if n == 0 {
            return Some(());
        }
        to.write_all(&chunk[..n]).await.ok()?;
        moved.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads and discards everything. Always returns `None`: there is nothing to forward.
async fn drain(from: &mut OwnedReadHalf) -> Option<()> {
    let mut chunk = vec![0; CHUNK];
    while from.read(&mut chunk).await.ok()? > 0 {}
    None
}

/// Runs a future while data moves; `None` if nothing moved for too long.
async fn while_it_moves<T>(moved: &AtomicU64, moving: impl Future<Output = T>) -> Option<T> {
    let silence = async {
        let mut before = u64::MAX;
        loop {
            let now = moved.load(Ordering::Relaxed);
            if now == before {
                return;
            }
            before = now;
            sleep(SILENCE).await;
        }
    };
    tokio::select! {
        done = moving => Some(done),
        () = silence => None,
    }
}

#[cfg(test)]
mod tests;
