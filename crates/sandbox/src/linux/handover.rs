//! The way out of a child that may reach some hosts: a socket that listens in its network namespace
//! and is ours to accept from. The outer process makes it there and sends it to us.

use std::io::IoSlice;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::{Shared, raw, step};

/// Where the socket is sent to, in the folder that the processes share.
const PLACE: &str = "listener";
const WHAT: &str = "cannot make the way to its hosts";

/// Our end.
pub(super) struct Receiver(UnixListener);

impl Receiver {
    pub(super) fn in_folder(folder: &Path) -> Result<Self, String> {
        let shared = Shared::open(folder)?;
        step(WHAT, UnixListener::bind(place(&shared))).map(Self)
    }

    /// Waits for what the outer process sends, which has this number; none if that fails.
    pub(super) async fn listener(self, outer: Option<u32>) -> Option<TcpListener> {
        let outer = i32::try_from(outer?).ok();
        let sender = loop {
            let (stream, _) = self.0.accept().await.ok()?;
            if stream.peer_cred().ok()?.pid() == outer {
                break stream;
            }
        };
        let receive =
            || raw::receive_handle(sender.as_fd(), MsgFlags::empty()).map_err(std::io::Error::from);
        let handle = UnixStream::async_io(&sender, Interest::READABLE, receive).await.ok()??;
        let listener = StdListener::from(handle);
        listener.set_nonblocking(true).ok()?;
        TcpListener::from_std(listener).ok()
    }
}

/// Listens on the loopback device of this process's namespace and sends the socket to us. Gives its
/// port. Nothing of it stays open here, so that the child can't have it.
pub(super) fn listen(shared: &Shared) -> Result<u16, String> {
    let listener = step(WHAT, StdListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let port = step(WHAT, listener.local_addr())?.port();
    let stream = step(WHAT, StdStream::connect(place(shared)))?;
    step(WHAT, send_handle(stream.as_fd(), listener.as_fd()))?;
    Ok(port)
}

/// Sends a handle to whoever has the other end of a socket.
pub(super) fn send_handle(to: BorrowedFd<'_>, handle: BorrowedFd<'_>) -> nix::Result<()> {
    let handles = [handle.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&handles)];
    let parts = [IoSlice::new(b"\n")];
    sendmsg::<()>(to.as_raw_fd(), &parts, &message, MsgFlags::empty(), None).map(drop)
}

/// By the folder's handle: its own path may be too long for a socket's.
fn place(shared: &Shared) -> PathBuf {
    Path::new("/proc/self/fd").join(shared.0.as_raw_fd().to_string()).join(PLACE)
}
