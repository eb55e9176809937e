//! Records what a script did with some inputs, in a form that can be stored and compared: its
//! output and the content of the files that it wrote.

use super::run::{self, Ask, RunFault};
use redraft_domain::report::{Run, Trial};
use redraft_domain::text::ends;
use redraft_files as files;
use redraft_sandbox::Runner;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Maximum number of characters kept of the output, and of each file.
const PRINTED: usize = 8_000;
const FILE: usize = 4_000;
/// Maximum number of files recorded per trial.
const FILES: usize = 40;
/// Largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// Largest decoded picture, in bytes.
const PICTURE: usize = 64 << 20;
/// Grid of a picture, columns and rows, whose mean colours are compared.
const FIELDS: (usize, usize) = (12, 8);
/// Quantization step of a colour component.
const STEP: u64 = 32;

/// Runs a script with some inputs; the files that it writes are discarded afterwards.
///
/// # Errors
/// The caller cancelled, or the child could not be run.
pub async fn of(
    runner: &dyn Runner,
    given: &str,
    ask: Ask<'_>,
    cancel: &CancellationToken,
) -> Result<Trial, RunFault> {
    let folder = files::temporary_folder().ok();
    let keep = folder.as_ref().map(|folder| folder.path().join("files"));
    let ran = run::run(runner, Ask { keep_files_in: keep.as_deref(), ..ask }, cancel).await?;
    Ok(seen(given, &ran.run, &ran.stdout, keep.as_deref()))
}

/// The trial for a finished run, whose files are in `kept`.
#[must_use]
pub fn seen(given: &str, run: &Run, printed: &str, kept: Option<&Path>) -> Trial {
    let mut wrote = BTreeMap::new();
    for name in run.files.iter().take(FILES) {
        let content = kept.and_then(|kept| files::read_regular(&kept.join(name), LARGEST));
        wrote.insert(name.clone(), content.map_or_else(String::new, |bytes| summary(&bytes)));
    }
    let printed = ends(printed.trim_end(), PRINTED);
    Trial { given: given.to_owned(), verdict: run.verdict, printed, wrote }
}

/// Summary of a file: its text, the colours of a picture, otherwise its hash.
fn summary(bytes: &[u8]) -> String {
    if let Some(picture) = picture(bytes) {
        return picture;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => ends(text.trim_end(), FILE),
        Err(_) => format!("sha256 {}", files::hash(bytes)),
    }
}

/// The PNG files among `names` in which all pixels have the same colour.
#[must_use]
pub fn blank_pictures(names: &[String], kept: &Path) -> Vec<String> {
    let is_blank = |name: &&String| {
        let bytes = files::read_regular(&kept.join(name), LARGEST);
        let decoded = bytes.as_deref().and_then(decoded);
        decoded.is_some_and(|(info, pixels)| {
            let mut rows = pixels.chunks(info.line_size).take(info.height as usize);
            let samples = info.color_type.samples();
            let width = info.width as usize * samples;
            let first = pixels.get(..samples);
            let one_colour = |row: &[u8]| row[..width].chunks(samples).all(|p| Some(p) == first);
            // A picture of one pixel always has a single colour.
            info.width > 1 && info.height > 1 && rows.all(one_colour)
        })
    };
    names.iter().take(FILES).filter(is_blank).cloned().collect()
}

/// The pixels of a PNG file, eight bits per sample; `None` for another file or a very large
/// picture.
fn decoded(bytes: &[u8]) -> Option<(png::OutputInfo, Vec<u8>)> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let size = reader.output_buffer_size().filter(|size| *size <= PICTURE)?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).ok()?;
    Some((info, pixels))
}

/// The size of a PNG file and the quantized mean colour of each cell of a grid over it.
fn picture(bytes: &[u8]) -> Option<String> {
    let (info, pixels) = decoded(bytes)?;
    let samples = info.color_type.samples();
    let (width, height) = (info.width as usize, info.height as usize);
    let (across, down) = (FIELDS.0.min(width), FIELDS.1.min(height));
    let mut text = format!("picture {width} x {height}\n");
    for row in 0..down {
        for column in 0..across {
            let mut sums = [0u64; 4];
            let mut count = 0;
            for y in row * height / down..(row + 1) * height / down {
                for x in column * width / across..(column + 1) * width / across {
                    let at = y * info.line_size + x * samples;
                    for (sum, value) in sums.iter_mut().zip(pixels.get(at..at + samples)?) {
                        *sum += u64::from(*value);
                    }
                    count += 1;
                }
            }
            let mut field = String::from("c");
            for sum in &sums[..samples] {
                let _ = write!(field, "{:x}", sum / count.max(1) / STEP);
            }
            text.push_str(&field);
            text.push(' ');
        }
        text.push('\n');
    }
    Some(text)
}
