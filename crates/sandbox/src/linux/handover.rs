//! Network access for a child with allowed hosts: a socket that listens in the child's network
//! namespace and on which redraft accepts connections. The outer process creates it and sends it to
//! redraft.

use std::io::IoSlice;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::{Shared, raw, step};

/// Name of the socket for this transfer, in the folder that the processes share.
const PLACE: &str = "listener";
const WHAT: &str = "cannot make the way to its hosts";

/// The receiving end.
pub(super) struct Receiver(UnixListener);

impl Receiver {
    pub(super) fn in_folder(folder: &Path) -> Result<Self, String> {
        let shared = Shared::open(folder)?;
        step(WHAT, UnixListener::bind(place(&shared))).map(Self)
    }

    /// Waits for the socket from the outer process, identified by its process id; `None` on
    /// failure.
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

/// Listens on the loopback device of this process's network namespace, sends the socket to redraft,
/// and returns its port. No handle stays open here, so that the child can't inherit one.
pub(super) fn listen(shared: &Shared) -> Result<u16, String> {
    let listener = step(WHAT, StdListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let port = step(WHAT, listener.local_addr())?.port();
    let stream = step(WHAT, StdStream::connect(place(shared)))?;
    step(WHAT, send_handle(stream.as_fd(), listener.as_fd()))?;
    Ok(port)
}

/// Sends a handle over a socket.
pub(super) fn send_handle(to: BorrowedFd<'_>, handle: BorrowedFd<'_>) -> nix::Result<()> {
    let handles = [handle.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&handles)];
    let parts = [IoSlice::new(b"\n")];
    sendmsg::<()>(to.as_raw_fd(), &parts, &message, MsgFlags::empty(), None).map(drop)
}

/// Through the folder's handle: its path may be too long for a socket address.
fn place(shared: &Shared) -> PathBuf {
    Path::new("/proc/self/fd").join(shared.0.as_raw_fd().to_string()).join(PLACE)
}
