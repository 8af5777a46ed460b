//! Encodes images as PNG.

use png::{BitDepth, ColorType, Compression, Filter};

use super::colour::Rgba;
use minesegsat_core::{Error, Result};

/// A drawn image, `[H, W]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Image {
    /// Indices into up to 256 colours.
    Indexed {
        /// One per pixel.
        indices: Vec<u8>,
        /// Red, green, blue, opacity.
        palette: Vec<Rgba>,
    },
    /// Red, green, blue, opacity of each pixel.
    Colours(Vec<Rgba>),
}

impl Image {
    /// Whether all pixels are transparent.
    pub(super) fn is_transparent(&self) -> bool {
        match self {
            Self::Indexed { indices, palette } => {
                indices.iter().all(|&i| palette.get(usize::from(i)).is_none_or(|colour| colour[3] == 0))
            }
            Self::Colours(pixels) => pixels.iter().all(|colour| colour[3] == 0),
        }
    }

    /// As a square PNG of `size` pixels.
    pub(super) fn png(&self, size: u32) -> Result<Vec<u8>> {
        let written = match self {
            Self::Indexed { indices, palette } => {
                let colours = palette.iter().flat_map(|c| [c[0], c[1], c[2]]).collect();
                let opacity = palette.iter().map(|c| c[3]).collect();
                // Neighbouring indices are not similar colours, so PNG filters save nothing.
                write(size, indices, ColorType::Indexed, Filter::NoFilter, Some((colours, opacity)))
            }
            Self::Colours(pixels) if pixels.iter().all(|colour| colour[3] == 255) => {
                let rgb: Vec<u8> = pixels.iter().flat_map(|c| [c[0], c[1], c[2]]).collect();
                write(size, &rgb, ColorType::Rgb, Filter::Up, None)
            }
            Self::Colours(pixels) => write(size, pixels.as_flattened(), ColorType::Rgba, Filter::Up, None),
        };
        written.map_err(|error| Error::raster_write("tile.png", "").caused_by(error))
    }
}

/// `palette`: red, green and blue of all colours, and their opacities.
fn write(
    size: u32,
    data: &[u8],
    colour: ColorType,
    filter: Filter,
    palette: Option<(Vec<u8>, Vec<u8>)>,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::with_capacity(data.len() / 2 + 1024);
    let mut encoder = png::Encoder::new(&mut bytes, size, size);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    if let Some((colours, opacity)) = palette {
        encoder.set_palette(colours);
        encoder.set_trns(opacity);
    }
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(filter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(bytes)
}

/// A transparent square PNG, for servers that must return an image for an empty tile.
pub fn transparent_png(size: u32) -> Result<Vec<u8>> {
    let pixels = usize::try_from(size).unwrap_or_default().pow(2);
    Image::Indexed { indices: vec![0; pixels], palette: vec![[0; 4]] }.png(size)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Red, green, blue and opacity of all pixels of a PNG.
    pub(crate) fn decoded(bytes: &[u8]) -> (u32, Vec<Rgba>) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.color_type), (info.height, ColorType::Rgba));
        (info.width, pixels.as_chunks::<4>().0.to_vec())
    }

    #[test]
    fn decoded_images_equal_the_encoded_ones() {
        let colours: Vec<Rgba> = (0..16).map(|i| [i * 16, 255 - i, i, 255]).collect();
        let (size, found) = decoded(&Image::Colours(colours.clone()).png(4).unwrap());
        assert_eq!((size, &found), (4, &colours));
        let mut clear = colours.clone();
        clear[5] = [0; 4];
        assert_eq!(decoded(&Image::Colours(clear.clone()).png(4).unwrap()).1, clear);
        let indexed = Image::Indexed { indices: (0..16).collect(), palette: clear.clone() };
        assert_eq!(decoded(&indexed.png(4).unwrap()).1, clear);
        assert!(!indexed.is_transparent());
    }

    #[test]
    fn empty_images_are_small() {
        let bytes = transparent_png(256).unwrap();
        assert!(bytes.len() < 1000, "{}", bytes.len());
        assert!(decoded(&bytes).1.iter().all(|c| c[3] == 0));
    }
}
