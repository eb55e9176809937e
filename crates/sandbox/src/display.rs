//! A virtual display: an X server that draws into memory, and screenshots of it.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{Content, Input};
use redraft_files::{self as files, Mode};

/// Name of the server program.
const SERVER: &str = "Xvfb";
/// Name of the server's framebuffer file.
const MEMORY: &str = "Xvfb_screen0";
/// Width, height and colour depth.
const SCREEN: &str = "1280x800x24";
/// Time limit for the server to start.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time limit for it to exit on SIGTERM.
const LEAVE: Duration = Duration::from_secs(1);
/// Margin in pixels around the changed area in a screenshot.
const MARGIN: usize = 8;

/// An invisible display. It ends when this is dropped, or when this process ends in any way.
pub struct Display {
    folder: TempDir,
    number: String,
    process: u32,
    blank: Option<Frame>,
    /// Dropping this ends the server.
    end: Option<Sender<()>>,
    owner: Option<JoinHandle<()>>,
}

/// Content of a display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    width: usize,
    height: usize,
    /// Red, green and blue for each pixel, row by row.
    pixels: Vec<u8>,
}

impl Display {
    /// Starts a display.
    ///
    /// # Errors
    /// What is missing, and how to install it.
    pub fn start() -> Result<Self, String> {
        let program = server().ok_or_else(unavailable)?;
        let folder = files::temporary_folder().map_err(|error| error.to_string())?;
        let secret = folder.path().join("secret");
        files::write(&secret, &authority(), Mode::Normal).map_err(|error| error.to_string())?;
        let mut command = command(&program);
        command
            .args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"])
            // A confined program shares no memory with the server.
            .args(["-extension", "MIT-SHM"])
            .arg("-auth")
            .arg(&secret)
            .arg("-fbdir")
            .arg(folder.path());
        let (end, ended) = mpsc::channel();
        let (send, started) = mpsc::channel();
        // The kernel kills the server with the thread that started it, so this thread lives as long
        // as the display.
        let owner = thread::spawn(move || own(command, &send, &ended));
        let mut display = Self {
            folder,
            number: String::new(),
            process: 0,
            blank: None,
            end: Some(end),
            owner: Some(owner),
        };
        let (process, output) = started.recv().map_err(|_| unavailable())?;
        display.process = process;
        let (send, number) = mpsc::channel();
        thread::spawn(move || {
            let _ = send.send(first_line(output));
        });
        let number = number.recv_timeout(PATIENCE).unwrap_or_default();
        number.trim().clone_into(&mut display.number);
        if display.number.is_empty() {
            return Err(format!("the virtual display did not start ({SERVER})"));
        }
        display.blank = display.frame();
        Ok(display)
    }

    /// Process id of the server, whose memory counts as the client's.
    #[must_use]
    pub const fn process(&self) -> u32 {
        self.process
    }

    /// Value of `DISPLAY` for client programs.
    #[must_use]
    pub fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// The socket that clients connect to.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/.X11-unix/X{}", self.number))
    }

    /// The authority file, for the work folder of a client, which is its home.
    #[must_use]
    pub fn key(&self) -> Input {
        let content = Content::Copy(self.folder.path().join("secret"));
        Input { name: ".Xauthority".into(), content }
    }

    /// The current screenshot; `None` if the display is empty.
    #[must_use]
    pub fn picture(&self) -> Option<Frame> {
        let frame = self.frame()?;
        let blank = self.blank.as_ref()?;
        frame.changed(blank)
    }

    fn frame(&self) -> Option<Frame> {
        Frame::read(&fs::read(self.folder.path().join(MEMORY)).ok()?)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(owner) = self.owner.take() {
            let _ = owner.join();
        }
    }
}

/// Starts the server, sends its process id and output, and ends it when the display is dropped.
fn own(mut command: Command, started: &Sender<(u32, ChildStdout)>, ended: &Receiver<()>) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let Ok(mut server) = command.spawn() else { return };
    if let Some(output) = server.stdout.take() {
        let _ = started.send((server.id(), output));
    }
    // Returns when the sender is dropped.
    let _ = ended.recv();
    stop(&mut server);
}

/// Ends the server: with SIGTERM first, so that it removes its socket and lock file.
fn stop(server: &mut Child) {
    if let Ok(id) = i32::try_from(server.id()) {
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    let until = Instant::now() + LEAVE;
    while matches!(server.try_wait(), Ok(None)) && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
    let _ = server.kill();
    let _ = server.wait();
}

/// A command with an empty environment that ends with the thread that started it, where the system
/// supports that.
fn command(program: &Path) -> Command {
    #[cfg(target_os = "linux")]
    return super::linux::helper(program);
    #[cfg(not(target_os = "linux"))]
    {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/opt/X11/bin:/usr/bin:/bin");
        command
    }
}

/// The first line of the server's output, which is its display number. The pipe stays open.
fn first_line(mut output: ChildStdout) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while output.read(&mut byte).is_ok_and(|n| n == 1) && byte != *b"\n" {
        text.extend(byte);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// An authority file with one secret for all addresses. Fields: family, address, display, name,
/// secret.
fn authority() -> Vec<u8> {
    let secret: Vec<u8> = (0..16).map(|_| fastrand::u8(..)).collect();
    let mut bytes = vec![0xff, 0xff];
    for part in [&b""[..], b"", b"MIT-MAGIC-COOKIE-1", &secret] {
        bytes.extend(u16::try_from(part.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

impl Frame {
    /// Parses the server's framebuffer: an XWD file with 32 bits per pixel. See `XWDFile.h` of X11.
    fn read(bytes: &[u8]) -> Option<Self> {
        let field = |n: usize| -> Option<usize> {
            let number = bytes.get(n * 4..n * 4 + 4)?;
            usize::try_from(u32::from_be_bytes(number.try_into().ok()?)).ok()
        };
        let (header, width, height) = (field(0)?, field(4)?, field(5)?);
        let (bits, line, colors) = (field(11)?, field(12)?, field(19)?);
        // The format on all known machines: four bytes per pixel, blue first.
        if bits != 32 || width.checked_mul(4)? > line {
            return None;
        }
        let from = header.checked_add(colors.checked_mul(12)?)?;
        let rows = bytes.get(from..from.checked_add(line.checked_mul(height)?)?)?;
        let mut pixels = Vec::with_capacity(width * height * 3);
        for row in rows.chunks_exact(line) {
            for pixel in row[..width * 4].chunks_exact(4) {
                pixels.extend([pixel[2], pixel[1], pixel[0]]);
            }
        }
        Some(Self { width, height, pixels })
    }

    /// The area that differs from another frame of the same size, with a margin.
    fn changed(&self, before: &Self) -> Option<Self> {
        if (self.width, self.height) != (before.width, before.height) {
            return None;
        }
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        let pairs = self.pixels.chunks_exact(3).zip(before.pixels.chunks_exact(3));
        for (at, _) in pairs.enumerate().filter(|(_, (now, then))| now != then) {
            let (x, y) = (at % self.width, at / self.width);
            (left, right) = (left.min(x), right.max(x));
            (top, bottom) = (top.min(y), bottom.max(y));
        }
        if left > right {
            return None;
        }
        let (left, top) = (left.saturating_sub(MARGIN), top.saturating_sub(MARGIN));
        let right = (right + MARGIN + 1).min(self.width);
        let bottom = (bottom + MARGIN + 1).min(self.height);
        let rows = self.pixels.chunks_exact(self.width * 3);
        let pixels = rows
            .skip(top)
            .take(bottom - top)
            .flat_map(|row| &row[left * 3..right * 3])
            .copied()
            .collect();
        Some(Self { width: right - left, height: bottom - top, pixels })
    }

    /// Encodes the frame as PNG.
    #[must_use]
    pub fn png(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let (width, height) = (u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?);
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.pixels).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}

/// Path of the server program.
fn server() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(SERVER)).find(|path| path.is_file())
}

fn unavailable() -> String {
    format!(
        "no virtual display ({SERVER} is not there or does not start); on Debian: apt install xvfb"
    )
}

/// Why a virtual display is not available; `None` if it is.
#[must_use]
pub fn missing() -> Option<String> {
    server().is_none().then(|| {
        format!("{SERVER} is not there: programs with a window are not run (apt install xvfb)")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// A framebuffer of four by three pixels with two bytes of padding per row, in one colour.
    fn memory(color: [u8; 4]) -> Vec<u8> {
        let mut header = [0_u32; 25];
        (header[0], header[4], header[5]) = (100, 4, 3);
        (header[11], header[12], header[19]) = (32, 18, 1);
        let mut bytes: Vec<u8> = header.iter().flat_map(|n| n.to_be_bytes()).collect();
        bytes.extend([0; 12]);
        for _ in 0..3 {
            bytes.extend(color.repeat(4));
            bytes.extend([9, 9]);
        }
        bytes
    }

    #[test]
    fn the_servers_memory_is_read_and_what_changed_is_found() {
        let blank = Frame::read(&memory([0, 0, 0, 0])).unwrap();
        assert_eq!((blank.width, blank.height, blank.pixels.len()), (4, 3, 36));
        assert_eq!(blank.changed(&blank), None);
        let mut bytes = memory([0, 0, 0, 0]);
        let at = 112 + 18 + 8;
        bytes[at..at + 3].copy_from_slice(&[1, 2, 3]);
        let frame = Frame::read(&bytes).unwrap();
        assert_eq!(&frame.pixels[(4 + 2) * 3..][..3], [3, 2, 1]);
        let changed = frame.changed(&blank).unwrap();
        assert_eq!((changed.width, changed.height), (4, 3), "with its margin");
        assert!(changed.png().unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn a_memory_that_makes_no_sense_is_no_picture() {
        let whole = memory([0, 0, 0, 0]);
        for end in 0..whole.len() {
            assert_eq!(Frame::read(&whole[..end]), None, "{end}");
        }
        for field in [0, 5, 11, 12, 19] {
            let mut bytes = whole.clone();
            bytes[field * 4..field * 4 + 4].copy_from_slice(&u32::MAX.to_be_bytes());
            assert_eq!(Frame::read(&bytes), None, "{field}");
        }
    }
}
