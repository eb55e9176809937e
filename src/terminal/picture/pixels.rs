//! The pixels of a picture that a script left: read within limits, and made smaller. Pure.

use crate::domain::text::one_line;
use png::{ColorType, Decoder, Encoder, Transformations};
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The largest picture that is read, in pixels.
const MOST: usize = 16 << 20;
/// How a JPEG file begins; whatever else is taken for a PNG.
const JPEG: &[u8] = b"\xff\xd8\xff";
/// What shines through a picture, as a page would be.
const GROUND: u32 = 255;

/// Red, green and blue.
pub(super) type Colour = [u8; 3];

/// A picture, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    /// How wide it is.
    pub(super) width: usize,
    /// How high it is.
    pub(super) height: usize,
    /// Its colours, `width` a row.
    pub(super) colours: Vec<Colour>,
}

impl Pixels {
    /// Reads a PNG or JPEG file.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(JPEG) { of_jpeg(bytes) } else { of_png(bytes) }
    }

    /// The picture made smaller, so that it is no larger than this; as it is where it fits.
    pub(super) fn within(self, width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let fits = self.width <= width && self.height <= height;
        if fits {
            return self;
        }
        // The side that is too long by more decides.
        let (new_width, new_height) = if self.width * height >= self.height * width {
            (width, (self.height * width / self.width).max(1))
        } else {
            ((self.width * height / self.height).max(1), height)
        };
        let colours = (0..new_height).flat_map(|row| {
            let rows = part(row, self.height, new_height);
            (0..new_width).map(move |column| (rows.clone(), part(column, self.width, new_width)))
        });
        let colours = colours.map(|(rows, columns)| self.mean(rows, columns)).collect();
        Self { width: new_width, height: new_height, colours }
    }

    /// The colour at a place; none beside the picture.
    pub(super) fn at(&self, column: usize, row: usize) -> Option<Colour> {
        (column < self.width).then(|| self.colours.get(row * self.width + column).copied())?
    }

    /// The picture as a PNG file.
    pub(super) fn png(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let size = |side: usize| u32::try_from(side).unwrap_or_default();
        let mut encoder = Encoder::new(&mut bytes, size(self.width), size(self.height));
        encoder.set_color(ColorType::Rgb);
        let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
        let written = writer.write_image_data(self.colours.as_flattened());
        written.and_then(|()| writer.finish()).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    fn mean(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Colour {
        let mut sums = [0_u64; 3];
        let mut count = 0;
        for row in rows {
            for colour in &self.colours[row * self.width..][columns.clone()] {
                for (sum, value) in sums.iter_mut().zip(colour) {
                    *sum += u64::from(*value);
                }
                count += 1;
            }
        }
        sums.map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX))
    }
}

/// The old places that a new one stands for; at least one, where there are more old ones.
fn part(place: usize, old: usize, new: usize) -> std::ops::Range<usize> {
    let begin = place * old / new;
    begin..((place + 1) * old / new).max(begin + 1).min(old)
}

/// Says that a picture is too large, if it is.
fn bounded(width: usize, height: usize) -> Result<(), String> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MOST => Ok(()),
        _ => Err(format!("it is too large to be drawn: {width} x {height} pixels")),
    }
}

fn broken(why: &str) -> String {
    format!("it is no picture that can be drawn: {}", one_line(why, 100))
}

fn of_png(bytes: &[u8]) -> Result<Pixels, String> {
    let wrong = |error: png::DecodingError| broken(&error.to_string());
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let header = decoder.read_header_info().map_err(wrong)?;
    let (width, height) = (header.width as usize, header.height as usize);
    bounded(width, height)?;
    let mut reader = decoder.read_info().map_err(wrong)?;
    let mut samples = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let info = reader.next_frame(&mut samples).map_err(wrong)?;
    let each = info.color_type.samples();
    let rows = samples.chunks(info.line_size).take(height);
    let colours = rows.flat_map(|row| row[..width * each].chunks(each)).map(colour).collect();
    Ok(Pixels { width, height, colours })
}

fn of_jpeg(bytes: &[u8]) -> Result<Pixels, String> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let wrong = |error: zune_jpeg::errors::DecodeErrors| broken(&error.to_string());
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(wrong)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    bounded(width, height)?;
    let samples = decoder.decode().map_err(wrong)?;
    let colours: Vec<Colour> = samples.chunks_exact(3).map(colour).collect();
    if colours.len() != width * height {
        return Err(broken("it is in other colours"));
    }
    Ok(Pixels { width, height, colours })
}

/// The colour of a pixel: grey, grey with alpha, red-green-blue, or that with alpha.
fn colour(samples: &[u8]) -> Colour {
    let over = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        u8::try_from((value * alpha + GROUND * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    match *samples {
        [grey] => [grey; 3],
        [grey, alpha] => [over(grey, alpha); 3],
        [red, green, blue] => [red, green, blue],
        [red, green, blue, alpha] => [red, green, blue].map(|value| over(value, alpha)),
        _ => [0; 3],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const RED: Colour = [255, 0, 0];
    const BLUE: Colour = [0, 0, 255];

    fn pixels(width: usize, height: usize, of: impl Fn(usize, usize) -> Colour) -> Pixels {
        let colours = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Pixels { width, height, colours: colours.map(|(x, y)| of(x, y)).collect() }
    }

    #[test]
    fn a_png_survives_writing_and_reading() {
        let picture = pixels(3, 2, |x, y| [u8::try_from(x * 80).unwrap(), u8::from(y == 0), 9]);
        assert_eq!(Pixels::read(&picture.png().unwrap()).unwrap(), picture);
    }

    #[test]
    fn colour_and_greyscale_jpegs_are_read() {
        use base64::Engine as _;
        const TABLES: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAFA3PEY8MlBGQUZaVVBfeMiCeG5uePWvuZHI//////////////////////\
            //////////////////////////////";
        for (rest, expected) in [
            (
                "2wBDAVVaWnhpeOuCguv/////////////////////////////////////////////////////////////////////////\
                 wAARCAACAAMDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAA\
                 AAAAAAAAAAAAAAAAAwT/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCQA1j/2Q==",
                RED,
            ),
            (
                "wAALCAACAAMBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z",
                [128; 3],
            ),
        ] {
            let bytes = base64::engine::general_purpose::STANDARD.decode(format!("{TABLES}{rest}"));
            let read = Pixels::read(&bytes.unwrap()).unwrap();
            assert_eq!((read.width, read.height), (3, 2));
            let near =
                |colour: &Colour| colour.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 24);
            assert!(read.colours.iter().all(near), "{read:?}");
        }
    }

    #[test]
    fn a_picture_is_scaled_down_to_fit_and_never_up() {
        let halves =
            |width, height| pixels(width, height, |x, _| if x < width / 2 { RED } else { BLUE });
        for ((width, height), room, size) in [
            ((4, 4), (8, 8), (4, 4)),
            ((100, 50), (10, 50), (10, 5)),
            ((50, 100), (50, 10), (5, 10)),
            ((1000, 1), (10, 10), (10, 1)),
            ((1, 1000), (10, 10), (1, 10)),
            ((3, 3), (2, 2), (2, 2)),
            ((2, 2), (0, 0), (1, 1)),
        ] {
            let small = halves(width, height).within(room.0, room.1);
            assert_eq!((small.width, small.height), size, "{width} x {height}");
            assert_eq!(small.colours.len(), size.0 * size.1);
            if size.0 > 1 && width % 2 == 0 {
                let last = small.at(size.0 - 1, size.1 - 1);
                assert_eq!((small.at(0, 0), last), (Some(RED), Some(BLUE)));
            }
        }
        assert_eq!(halves(2, 1).at(2, 0), None);
        assert_eq!(halves(2, 1).at(0, 1), None);
    }

    #[test]
    fn an_invalid_or_too_large_picture_is_a_one_line_error() {
        let whole =
            pixels(64, 64, |x, y| [u8::try_from(x * y % 256).unwrap(), 0, 0]).png().unwrap();
        let mut huge = whole.clone();
        // Its header says that it is 60,000 pixels wide and high.
        for at in [16, 20] {
            huge[at..at + 4].copy_from_slice(&60_000_u32.to_be_bytes());
        }
        let sum = crc(&huge[12..29]);
        huge[29..33].copy_from_slice(&sum.to_be_bytes());
        for (bytes, words) in [
            (&b"GIF89a"[..], "it is no picture"),
            (b"", "it is no picture"),
            (b"\xff\xd8\xff\xe0 and nothing", "it is no picture"),
            (&whole[..whole.len() / 2], "it is no picture"),
            (&huge, "it is too large to be drawn: 60000 x 60000 pixels"),
        ] {
            let said = Pixels::read(bytes).unwrap_err();
            assert!(said.starts_with(words) && !said.contains('\n'), "{said}");
        }
    }

    /// The checksum of a part of a PNG file.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
        })
    }

    #[test]
    fn transparent_pixels_become_white() {
        for (samples, expected) in [
            (&[7][..], [7; 3]),
            (&[7, 0], [255; 3]),
            (&[7, 255], [7; 3]),
            (&[1, 2, 3], [1, 2, 3]),
            (&[1, 2, 3, 0], [255; 3]),
            (&[0, 0, 0, 51], [204; 3]),
        ] {
            assert_eq!(colour(samples), expected, "{samples:?}");
        }
    }
}
