//! A server of one file that can be told to fail as real servers do.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// The behaviour for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    /// Sends the requested range.
    Well,
    /// Ignores the range and sends the whole file.
    Whole,
    /// Ignores the range and sends the whole file, with one byte changed.
    Wrong,
    /// Closes the connection after this number of bytes.
    Cut(usize),
    /// Pauses after this number of bytes until the server is released.
    Hang(usize),
    /// Sends another range than the requested one.
    Elsewhere,
    /// Sends an HTML page instead of the file.
    Page,
    /// Refuses with this status.
    Status(u16),
}

/// A running server. Each request uses the next behaviour of the list; the last one repeats.
pub(crate) struct FileServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    content: Vec<u8>,
    ways: Mutex<VecDeque<How>>,
    /// The start offset of each request.
    asked: Mutex<Vec<usize>>,
    released: Mutex<bool>,
    release: Condvar,
}

impl FileServer {
    pub(crate) fn start(content: &[u8], ways: &[How]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            content: content.to_vec(),
            ways: Mutex::new(ways.iter().copied().collect()),
            asked: Mutex::default(),
            released: Mutex::new(false),
            release: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // An error means that the client closed the connection, which is not the server's
                // fault.
                thread::spawn(move || shared.serve(&stream).ok());
            }
        });
        Self { address, shared }
    }

    /// The file's URL.
    pub(crate) fn address(&self) -> String {
        format!("http://{}/there/model.gguf", self.address)
    }

    /// The start offset of each request.
    pub(crate) fn asked(&self) -> Vec<usize> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Lets hanging responses continue.
    pub(crate) fn release(&self) {
        *self.shared.released.lock().unwrap() = true;
        self.shared.release.notify_all();
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.release();
    }
}

impl Shared {
    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut from = 0;
        let mut ranged = false;
        for line in BufReader::new(stream).lines() {
            let line = line?.to_lowercase();
            if let Some(range) = line.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse().unwrap();
                ranged = true;
            }
            if line.is_empty() {
                break;
            }
        }
        self.asked.lock().unwrap().push(from);
        let how = {
            let mut ways = self.ways.lock().unwrap();
            if ways.len() > 1 { ways.pop_front().unwrap() } else { ways[0] }
        };
        let (size, mut status) = (self.content.len(), 200);
        let mut body = self.content.clone();
        match how {
            How::Page => body = b"<html>Please accept the terms</html>".to_vec(),
            How::Status(code) => (status, body) = (code, Vec::new()),
            How::Wrong => body[from] ^= 1,
            _ => {}
        }
        let mut head = String::new();
        if ranged && matches!(how, How::Well | How::Cut(_) | How::Hang(_) | How::Elsewhere) {
            let begin = if matches!(how, How::Elsewhere) { 0 } else { from };
            status = 206;
            body.drain(..begin);
            head = format!("content-range: bytes {begin}-{}/{size}\r\n", size - 1);
        }
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Scripted\r\n{head}content-length: {length}\r\n");
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
        match how {
            How::Cut(bytes) => stream.write_all(&body[..bytes.min(length)]),
            How::Hang(bytes) => {
                stream.write_all(&body[..bytes.min(length)])?;
                let released = self.released.lock().unwrap();
                drop(self.release.wait_while(released, |released| !*released).unwrap());
                stream.write_all(&body[bytes.min(length)..])
            }
            _ => stream.write_all(&body),
        }
    }
}
