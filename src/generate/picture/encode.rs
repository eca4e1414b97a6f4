//! A drawn picture as a file.

use super::{BACKGROUND, Drawing, PictureFormat};
use crate::wire::error::ApiError;
use jpeg_encoder::{ImageBuffer, JpegColorType, rgb_to_ycbcr};
use std::fmt::Display;

impl Drawing {
    pub(super) fn encode(&self, format: PictureFormat, quality: u8) -> Result<Vec<u8>, ApiError> {
        let mut out = Vec::new();
        match format {
            PictureFormat::Png => {
                let mut encoder = png::Encoder::new(&mut out, self.width, self.height);
                encoder.set_color(png::ColorType::Indexed);
                encoder.set_depth(png::BitDepth::Eight);
                encoder.set_palette(self.palette.as_flattened());
                if self.transparent {
                    encoder.set_trns(&[0u8, 255, 255, 255][..]);
                }
                let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.pixels));
                written.map_err(failed)?;
            }
            PictureFormat::Gif => {
                let (width, height) = (self.width as u16, self.height as u16);
                let mut frame = gif::Frame { width, height, ..gif::Frame::default() };
                frame.buffer = self.pixels.as_slice().into();
                frame.transparent = self.transparent.then_some(BACKGROUND);
                gif::Encoder::new(&mut out, width, height, self.palette.as_flattened())
                    .and_then(|mut encoder| encoder.write_frame(&frame))
                    .map_err(failed)?;
            }
            PictureFormat::Jpeg => {
                let encoder = jpeg_encoder::Encoder::new(&mut out, quality.clamp(1, 100));
                encoder.encode_image(JpegRows::of(self)).map_err(failed)?;
            }
            PictureFormat::Webp => {
                let kind = if self.transparent { image_webp::ColorType::Rgba8 } else { image_webp::ColorType::Rgb8 };
                image_webp::WebPEncoder::new(&mut out)
                    .encode(&self.colours(self.transparent), self.width, self.height, kind)
                    .map_err(failed)?;
            }
            // Made of the motif, not of pixels.
            PictureFormat::Svg => {}
        }
        Ok(out)
    }

    /// Red, green and blue of each pixel; with `alpha` how much of it is there.
    fn colours(&self, alpha: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.pixels.len() * if alpha { 4 } else { 3 });
        for pixel in &self.pixels {
            out.extend_from_slice(&self.palette[usize::from(*pixel) % self.palette.len()]);
            if alpha {
                out.push(if *pixel == BACKGROUND { 0 } else { 255 });
            }
        }
        out
    }
}

fn failed(error: impl Display) -> ApiError {
    ApiError::emulator("picture_not_encoded", format!("The picture could not be encoded: {error}."))
}

/// The rows of a picture in JPEG's colours: of the few that it has, each is converted once. The library's own ways to read
/// pixels are nine encoders, of which all would be carried.
struct JpegRows<'a> {
    picture: &'a Drawing,
    palette: Vec<(u8, u8, u8)>,
}

impl<'a> JpegRows<'a> {
    fn of(picture: &'a Drawing) -> Self {
        let palette = picture.palette.iter().map(|[red, green, blue]| rgb_to_ycbcr(*red, *green, *blue)).collect();
        JpegRows { picture, palette }
    }
}

impl ImageBuffer for JpegRows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.picture.width as u16
    }

    fn height(&self) -> u16 {
        self.picture.height as u16
    }

    fn fill_buffers(&self, row: u16, [y, cb, cr, _]: &mut [Vec<u8>; 4]) {
        let width = self.picture.width as usize;
        for pixel in self.picture.pixels.iter().skip(usize::from(row) * width).take(width) {
            let colour = self.palette[usize::from(*pixel) % self.palette.len()];
            y.push(colour.0);
            cb.push(colour.1);
            cr.push(colour.2);
        }
    }
}
