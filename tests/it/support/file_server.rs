//! A server of one file that does what real ones do on a bad day.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What a server does with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    /// Gives what was asked for.
    Well,
    /// Gives the whole file, whatever part was asked for.
    Whole,
    /// Says that it gives the whole file, and gives another one of the same length.
    Wrong,
    /// Closes the connection after so many bytes.
    Cut(usize),
    /// Sends nothing after so many bytes, until it is released.
    Hang(usize),
    /// Gives another part than was asked for.
    Elsewhere,
    /// A page of text in the file's place.
    Page,
    /// Refuses with this status.
    Status(u16),
}

/// A running server. It does by and by what it was told, and the last of that from then on.
pub(crate) struct FileServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    content: Vec<u8>,
    ways: Mutex<VecDeque<How>>,
    /// Where each part that was asked for begins.
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
                // A client that goes away is no matter of the server's.
                thread::spawn(move || shared.serve(&stream).ok());
            }
        });
        Self { address, shared }
    }

    /// The file's address.
    pub(crate) fn address(&self) -> String {
        format!("http://{}/there/model.gguf", self.address)
    }

    /// Where each part that was asked for begins.
    pub(crate) fn asked(&self) -> Vec<usize> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Lets what hangs go on to its end.
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
