//! Captures the start and the end of a stream in bounded memory.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes requested per read: the usual size of a pipe.
const CHUNK: usize = 64 * 1024;

/// The captured part of an output stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// As text: bytes that are not UTF-8 are replaced, and a line in the middle says how much was
    /// cut.
    pub text: String,
    /// Bytes read in total.
    pub bytes: u64,
}

/// The first and the last bytes of a stream.
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    half: usize,
    bytes: u64,
}

impl Capture {
    /// Keeps at most `keep` bytes, half of them from each end.
    pub(super) fn new(keep: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), half: keep / 2, bytes: 0 }
    }

    /// Reads until the stream ends. If the future is dropped earlier, the bytes read so far are
    /// kept.
    pub(super) async fn fill(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut chunk = vec![0; CHUNK];
        // A read error is treated like the end of the stream.
        while let Ok(n @ 1..) = stream.read(&mut chunk).await {
            self.push(&chunk[..n]);
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// The captured text.
    pub(super) fn finish(self) -> Captured {
        let Self { mut head, tail, bytes, .. } = self;
        let mut tail = Vec::from(tail);
        let cut = bytes - (head.len() + tail.len()) as u64;
        if cut == 0 {
            head.append(&mut tail);
            return Captured { text: lossy(head), bytes };
        }
        let (head, tail) = (whole_start(&head), whole_end(&tail));
        let text = format!(
            "{}\n[... {} bytes left out ...]\n{}",
            String::from_utf8_lossy(head),
            bytes - (head.len() + tail.len()) as u64,
            String::from_utf8_lossy(tail)
        );
        Captured { text, bytes }
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Cuts an incomplete character at the end.
fn whole_start(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80);
    let start = last.map_or(0, |back| bytes.len() - 1 - back);
    match std::str::from_utf8(&bytes[start..]) {
        Err(error) if error.error_len().is_none() => &bytes[..start],
        _ => bytes,
    }
}

/// Cuts an incomplete character at the start.
fn whole_end(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    &bytes[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(keep: usize, pieces: &[&[u8]]) -> Captured {
        let mut capture = Capture::new(keep);
        for piece in pieces {
            capture.push(piece);
        }
        capture.finish()
    }

    #[test]
    fn both_ends_of_a_long_output_are_kept() {
        for (keep, pieces, text) in [
            (8, &[b"abc" as &[u8], b"defgh"] as &[&[u8]], "abcdefgh"),
            (8, &[b"abcdefghi"], "abcd\n[... 1 bytes left out ...]\nfghi"),
            (4, &[b"ab", b"cd", b"ef", b"gh"], "ab\n[... 4 bytes left out ...]\ngh"),
            (0, &[b"abc"], "\n[... 3 bytes left out ...]\n"),
            (8, &[], ""),
        ] {
            assert_eq!(captured(keep, pieces).text, text, "{pieces:?}");
        }
    }

    #[test]
    fn a_cut_does_not_show_half_characters() {
        let euro = "€".repeat(100);
        for keep in 20..32 {
            let captured = captured(keep, &[euro.as_bytes()]);
            assert!(!captured.text.contains('\u{fffd}'), "{}", captured.text);
            assert_eq!(captured.bytes, 300);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(captured(20, &[b"a\xff\xfeb"]).text, "a\u{fffd}\u{fffd}b");
        assert_eq!(captured(4, &[b"\xff\xff\xff\xff\xff\xff"]).bytes, 6);
    }
}
