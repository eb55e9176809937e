//! Sixels: bands of six rows of pixels, drawn colour by colour in characters. Pure.

use super::pixels::{Colour, Pixels};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Rows of a band.
const BAND: usize = 6;
/// Shades of red, green and blue.
const SHADES: usize = 6;

/// What draws a picture. Its background is left as it is.
pub(super) fn drawn(picture: &Pixels) -> String {
    let mut out = format!("\u{1b}P0;1;0q\"1;1;{};{}", picture.width, picture.height);
    for register in 0..SHADES * SHADES * SHADES {
        let percent = |shade: usize| shade * 100 / (SHADES - 1);
        let [red, green, blue] =
            [register / (SHADES * SHADES), register / SHADES % SHADES, register % SHADES]
                .map(percent);
        let _ = write!(out, "#{register};2;{red};{green};{blue}");
    }
    for top in (0..picture.height).step_by(BAND) {
        for (register, row) in band(picture, top) {
            let _ = write!(out, "#{register}");
            runs(&row, &mut out);
            // Back to the left, for the next colour.
            out.push('$');
        }
        out.push('-');
    }
    out + "\u{1b}\\\n"
}

/// The colours of a band, each with the pixels of each column that have it, as bits.
fn band(picture: &Pixels, top: usize) -> BTreeMap<usize, Vec<u8>> {
    let mut colours: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for bit in 0..BAND {
        for column in 0..picture.width {
            let Some(colour) = picture.at(column, top + bit) else { continue };
            let row = colours.entry(register(colour)).or_insert_with(|| vec![0; picture.width]);
            row[column] |= 1 << bit;
        }
    }
    colours
}

/// A row of a band, in which what is repeated is counted.
fn runs(row: &[u8], out: &mut String) {
    for run in row.chunk_by(|one, next| one == next) {
        let character = char::from(b'?' + run[0]);
        if run.len() > 3 {
            let _ = write!(out, "!{}{character}", run.len());
        } else {
            out.extend(run.iter().map(|_| character));
        }
    }
}

/// The register of the colour that is nearest.
fn register(colour: Colour) -> usize {
    let shade = |value: u8| (usize::from(value) * (SHADES - 1) + 127) / 255;
    let [red, green, blue] = colour.map(shade);
    (red * SHADES + green) * SHADES + blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sixel_picture_is_drawn_by_bands_and_colours() {
        const RED: Colour = [255, 0, 0];
        const BLACK: Colour = [0, 0, 0];
        for (width, colours, expected) in [
            (1, vec![RED], "#180@$-"),
            (2, vec![RED, BLACK], "#0?@$#180@?$-"),
            (5, vec![BLACK; 5], "#0!5@$-"),
            (1, vec![RED; 7], "#180~$-#180@$-"),
        ] {
            let picture = Pixels { width, height: colours.len() / width, colours };
            let text = drawn(&picture);
            let body = text.rsplit_once("#215;2;100;100;100").map(|(_, body)| body);
            assert_eq!(body, Some(format!("{expected}\u{1b}\\\n").as_str()));
        }
    }
}
