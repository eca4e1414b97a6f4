//! Generated pictures: real files of the size asked that show what they were asked for, so that a person who looks at
//! one sees which request made it. The same seed and text give the same bytes.

mod encode;

use crate::random::Random;
use crate::wire::error::ApiError;
use font8x8::{
    BASIC_FONTS, BLOCK_FONTS, BOX_FONTS, GREEK_FONTS, HIRAGANA_FONTS, LATIN_FONTS, MISC_FONTS, UnicodeFonts,
};
use std::fmt::Write;

/// Longest edge drawn, whatever a request asks: the largest picture that any model makes.
pub(crate) const LONGEST_EDGE: u32 = 3840;

/// What a picture is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Motif {
    pub width: u32,
    pub height: u32,
    /// Written on it.
    pub text: String,
    /// Nothing stands behind it, where the format can show that.
    pub transparent: bool,
    pub seed: u64,
}

/// A file format of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    Png,
    Jpeg,
    Webp,
    Gif,
    Svg,
}

impl PictureFormat {
    /// As requests and answers name it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "png" => PictureFormat::Png,
            "jpeg" => PictureFormat::Jpeg,
            "webp" => PictureFormat::Webp,
            "gif" => PictureFormat::Gif,
            "svg" => PictureFormat::Svg,
            _ => return None,
        })
    }

    /// Of a file, as its first bytes say.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(PictureFormat::Png),
            [0xff, 0xd8, 0xff, ..] => Some(PictureFormat::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(PictureFormat::Webp),
            [b'G', b'I', b'F', b'8', ..] => Some(PictureFormat::Gif),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PictureFormat::Png => "png",
            PictureFormat::Jpeg => "jpeg",
            PictureFormat::Webp => "webp",
            PictureFormat::Gif => "gif",
            PictureFormat::Svg => "svg",
        }
    }

    /// Media type.
    pub(crate) fn media(self) -> &'static str {
        match self {
            PictureFormat::Png => "image/png",
            PictureFormat::Jpeg => "image/jpeg",
            PictureFormat::Webp => "image/webp",
            PictureFormat::Gif => "image/gif",
            PictureFormat::Svg => "image/svg+xml",
        }
    }
}

/// Colours, by the number a pixel has.
const BACKGROUND: u8 = 0;
const DISC: u8 = 1;
const STRIPE: u8 = 2;
const INK: u8 = 3;

/// The colours of one picture: light ones, and a dark one to write with.
fn palette(random: &mut Random) -> [[u8; 3]; 4] {
    let mut background = [0; 3];
    for part in &mut background {
        *part = random.between(196, 244) as u8;
    }
    [background, background.map(|part| part - 28), background.map(|part| part - 14), background.map(|part| part / 6)]
}

/// A picture, drawn.
struct Drawing {
    width: u32,
    height: u32,
    palette: [[u8; 3]; 4],
    transparent: bool,
    /// One number of a colour each.
    pixels: Vec<u8>,
}

/// A motif as a file. `quality` from 0 to 100, where the format has one; `done` = how much of it is there yet, from the
/// top: 1.0 = all.
///
/// # Errors
/// An encoder fails, which none does when it writes to memory.
pub(crate) fn file(motif: &Motif, format: PictureFormat, quality: u8, done: f32) -> Result<Vec<u8>, ApiError> {
    if format == PictureFormat::Svg {
        return Ok(svg(motif).into_bytes());
    }
    draw(motif, done).encode(format, quality)
}

fn draw(motif: &Motif, done: f32) -> Drawing {
    let (width, height) = (motif.width.clamp(1, LONGEST_EDGE), motif.height.clamp(1, LONGEST_EDGE));
    let mut random = Random::new(motif.seed);
    let palette = palette(&mut random);
    let mut pixels = vec![BACKGROUND; width as usize * height as usize];
    let (across, down) = (i64::from(width), i64::from(height));
    let (x, y) = (random.between(0, across), random.between(0, down));
    let (radius, slope) = (across.min(down) / 3, random.between(4, 9));
    let rows = (f64::from(height) * f64::from(done.clamp(0.0, 1.0))).ceil() as usize;
    for (row, line) in pixels.chunks_exact_mut(width as usize).enumerate().take(rows) {
        let from_middle = row as i64 - y;
        for (column, pixel) in line.iter_mut().enumerate() {
            let aside = column as i64 - x;
            if aside * aside + from_middle * from_middle < radius * radius {
                *pixel = DISC;
            } else if (column as i64 + row as i64 * slope / 8) / (radius / 2 + 1) % 3 == 0 {
                *pixel = STRIPE;
            }
        }
    }
    let mut drawing = Drawing { width, height, palette, transparent: motif.transparent, pixels };
    drawing.write(&motif.text, rows);
    drawing
}

/// Lines of a text, so many characters long at most; no more lines than asked.
fn wrap(text: &str, columns: usize, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    'text: for (index, paragraph) in text.lines().enumerate() {
        if index > 0 {
            lines.push(String::new());
            used = 0;
        }
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > columns {
                lines.push(String::new());
                used = 0;
            }
            if used > 0 {
                used += 1;
                lines.last_mut().into_iter().for_each(|line| line.push(' '));
            }
            for letter in word.chars() {
                if used == columns {
                    lines.push(String::new());
                    used = 0;
                }
                used += 1;
                lines.last_mut().into_iter().for_each(|line| line.push(letter));
            }
            if lines.len() > most {
                break 'text;
            }
        }
    }
    lines
}

/// A letter as eight rows of eight pixels, the lowest bit to the left; a box for letters that have none here.
fn glyph(letter: char) -> [u8; 8] {
    BASIC_FONTS
        .get(letter)
        .or_else(|| LATIN_FONTS.get(letter))
        .or_else(|| GREEK_FONTS.get(letter))
        .or_else(|| HIRAGANA_FONTS.get(letter))
        .or_else(|| BOX_FONTS.get(letter))
        .or_else(|| BLOCK_FONTS.get(letter))
        .or_else(|| MISC_FONTS.get(letter))
        .unwrap_or([0x7e, 0x42, 0x42, 0x42, 0x42, 0x42, 0x7e, 0])
}

impl Drawing {
    /// Writes as large as the text fits, on the first rows.
    fn write(&mut self, text: &str, rows: usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        let margin = width.min(height) / 16;
        let room = |size: usize| ((width - 2 * margin) / (8 * size), (height - 2 * margin) / (10 * size));
        let largest = (width.min(height) / 100).clamp(1, 24);
        let mut fitting = (1, Vec::new());
        for size in (1..=largest).rev() {
            let (columns, most) = room(size);
            if columns == 0 || most == 0 {
                continue;
            }
            let lines = wrap(text, columns, most);
            let fits = lines.len() <= most;
            fitting = (size, lines.into_iter().take(most).collect());
            if fits {
                break;
            }
        }
        let (size, lines) = fitting;
        for (number, line) in lines.iter().enumerate() {
            let top = margin + number * 10 * size;
            for (place, letter) in line.chars().enumerate() {
                let left = margin + place * 8 * size;
                for (row, bits) in glyph(letter).iter().enumerate() {
                    for column in (0..8).filter(|column| bits >> column & 1 == 1) {
                        self.block(left + column * size, top + row * size, size, rows);
                    }
                }
            }
        }
    }

    /// Fills a square with ink, as far as it lies on the first rows.
    fn block(&mut self, left: usize, top: usize, size: usize, rows: usize) {
        let width = self.width as usize;
        for row in top..(top + size).min(rows) {
            if let Some(pixels) = self.pixels.get_mut(row * width + left..row * width + (left + size).min(width)) {
                pixels.fill(INK);
            }
        }
    }
}

/// A motif as vectors: readers scale it as they like.
fn svg(motif: &Motif) -> String {
    let palette = palette(&mut Random::new(motif.seed)).map(|[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}"));
    let (width, height) = (motif.width.clamp(1, LONGEST_EDGE), motif.height.clamp(1, LONGEST_EDGE));
    let size = (width.min(height) / 16).max(1);
    let columns = (width / size * 3 / 2).max(1) as usize;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
    );
    // Writing to a String cannot fail.
    if !motif.transparent {
        let _ = write!(out, "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>", palette[0]);
    }
    let _ = write!(out, "<circle cx=\"50%\" cy=\"50%\" r=\"33%\" fill=\"{}\"/>", palette[1]);
    let most = (height / (size * 5 / 4).max(1)) as usize;
    for (number, line) in wrap(&motif.text, columns, most).iter().take(most).enumerate() {
        let y = size + number as u32 * size * 5 / 4;
        let line = line.replace('&', "&amp;").replace('<', "&lt;").replace(|c: char| c.is_control(), " ");
        let _ = write!(
            out,
            "<text x=\"{size}\" y=\"{y}\" font-family=\"monospace\" font-size=\"{size}\" fill=\"{}\">{line}</text>",
            palette[3]
        );
    }
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const ALL: [PictureFormat; 4] = [PictureFormat::Png, PictureFormat::Jpeg, PictureFormat::Webp, PictureFormat::Gif];

    fn motif(width: u32, height: u32, transparent: bool) -> Motif {
        Motif { width, height, text: "a red fox".into(), transparent, seed: 7 }
    }

    /// Width, height, and the pixels as red, green, blue, alpha.
    fn decode(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
        match PictureFormat::of(bytes).expect("known first bytes") {
            PictureFormat::Png => {
                let mut decoder = png::Decoder::new(Cursor::new(bytes));
                decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
                let mut reader = decoder.read_info().expect("a head");
                let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
                let info = reader.next_frame(&mut pixels).expect("pixels");
                (info.width, info.height, pixels)
            }
            PictureFormat::Webp => {
                let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).expect("a head");
                let ((width, height), alpha) = (decoder.dimensions(), decoder.has_alpha());
                let mut pixels = vec![0; decoder.output_buffer_size().expect("a size")];
                decoder.read_image(&mut pixels).expect("pixels");
                let rgba = match alpha {
                    true => pixels,
                    false => pixels.chunks(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect(),
                };
                (width, height, rgba)
            }
            PictureFormat::Gif => {
                let mut options = gif::DecodeOptions::new();
                options.set_color_output(gif::ColorOutput::RGBA);
                let mut decoder = options.read_info(bytes).expect("a head");
                let frame = decoder.read_next_frame().expect("a frame").expect("one").clone();
                (u32::from(frame.width), u32::from(frame.height), frame.buffer.into_owned())
            }
            PictureFormat::Jpeg => {
                let mut decoder = jpeg_decoder::Decoder::new(bytes);
                let pixels = decoder.decode().expect("pixels");
                let info = decoder.info().expect("a head");
                let rgba = pixels.chunks(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
                (u32::from(info.width), u32::from(info.height), rgba)
            }
            PictureFormat::Svg => panic!("no pixels"),
        }
    }

    fn dark(pixels: &[u8]) -> usize {
        pixels.chunks(4).filter(|pixel| pixel[3] == 255 && pixel[..3].iter().all(|part| *part < 100)).count()
    }

    #[test]
    fn every_format_is_a_file_of_the_size_asked_that_shows_the_text() {
        for format in ALL {
            for (width, height) in [(64, 64), (256, 128), (100, 300), (1, 1)] {
                let bytes = file(&motif(width, height, false), format, 90, 1.0).expect("a file");
                let (across, down, pixels) = decode(&bytes);
                assert_eq!((PictureFormat::of(&bytes), across, down), (Some(format), width, height));
                assert_eq!(dark(&pixels) > 20, width > 1, "{format:?}: something is written");
                assert!(pixels.chunks(4).all(|pixel| pixel[3] == 255), "{format:?} is opaque");
            }
        }
    }

    #[test]
    fn what_is_transparent_has_pixels_that_are_not_there() {
        for format in [PictureFormat::Png, PictureFormat::Webp, PictureFormat::Gif] {
            let (_, _, pixels) = decode(&file(&motif(128, 128, true), format, 90, 1.0).expect("a file"));
            let gone = pixels.chunks(4).filter(|pixel| pixel[3] == 0).count();
            assert!(gone > 1000 && dark(&pixels) > 20, "{format:?}: {gone} of 16384 are not there");
        }
    }

    #[test]
    fn another_text_is_another_picture_and_the_same_is_the_same() {
        let other = Motif { text: "a grey fox".into(), ..motif(256, 256, false) };
        for format in ALL {
            let bytes = |motif: &Motif| file(motif, format, 90, 1.0).expect("a file");
            assert_eq!(bytes(&motif(256, 256, false)), bytes(&motif(256, 256, false)));
            assert_ne!(bytes(&motif(256, 256, false)), bytes(&other));
        }
    }

    #[test]
    fn a_part_of_a_picture_has_as_many_rows() {
        let half = draw(&motif(64, 64, false), 0.5);
        let whole = draw(&motif(64, 64, false), 1.0);
        assert_eq!(half.pixels[..64 * 32], whole.pixels[..64 * 32]);
        assert!(half.pixels[64 * 32..].iter().all(|pixel| *pixel == BACKGROUND));
    }

    #[test]
    fn any_text_can_be_written() {
        for text in ["", " ", "\n\n", "日本語 あ é ☃ \u{0} \u{202e}", &"long ".repeat(6400), &"x".repeat(32000)]
        {
            let motif = Motif { text: text.into(), ..motif(97, 61, false) };
            for format in ALL {
                decode(&file(&motif, format, 0, 1.0).expect("a file"));
            }
            let vectors = String::from_utf8(file(&motif, PictureFormat::Svg, 0, 1.0).expect("a file")).expect("text");
            assert!(vectors.starts_with("<svg ") && vectors.ends_with("</svg>\n") && vectors.len() < 20_000);
        }
    }

    #[test]
    fn vectors_show_the_text_too() {
        let motif = Motif { text: "a <b> & c".into(), ..motif(640, 640, true) };
        let vectors = svg(&motif);
        assert!(vectors.contains(">a &lt;b> &amp; c</text>") && !vectors.contains("<rect"), "{vectors}");
    }
}
