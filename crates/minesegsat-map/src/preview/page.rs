//! An HTML page to browse a data set: [`Card`] and [`write_page`].
//!
//! The page is one file without external resources: style and script are inline, pictures are data URIs, and its
//! content security policy allows nothing else. Cards are JSON data, which the script shows only as text, never as
//! markup.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil;
use maud::{PreEscaped, html};
use minesegsat_page::{Page, data_script, data_uri, href, svg_path};
use serde::Serialize;

use super::decimate::{Averager, Axis};
use super::outlier::{Outlier, median, outlier_scores};
use super::panel::{Panel, draw};
use super::sheet::{Heading, lon_lat, mining};
use super::view::View;
use minesegsat_core::output::atomic_write;
use minesegsat_core::{Band, Cause, Error, Result};

/// Controls and empty containers for the script. Contains no values.
const CONTROLS: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
/// JPEG quality of thumbnails. At this quality, artefacts look like the texture of the ground.
const QUALITY: u8 = 78;
/// Pictures of a card. The page starts with the first.
const PANELS: [Panel; 3] = [Panel::TrueColour, Panel::Swir, Panel::FalseColour];

/// One place of a data set.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name; unique in the set.
    pub id: String,
    /// Part of the set: `train`.
    pub split: Option<String>,
    /// Day of sensing.
    pub date: Option<civil::Date>,
    /// The mined commodity.
    pub commodity: Option<String>,
    /// Share of mining land, 0 to 1. Default: measured in the mask of the view.
    pub mining_share: Option<f64>,
    /// MGRS tile or another name of the place.
    pub place: Option<String>,
    /// Additional information, by name.
    pub details: Vec<(String, String)>,
    /// Path of its files, relative to the page.
    pub link: Option<String>,
    /// The reduced view of the place.
    pub view: View,
}

impl Entry {
    /// Creates an entry with only a view.
    pub fn new(id: impl Into<String>, view: View) -> Self {
        Self {
            id: id.into(),
            split: None,
            date: None,
            commodity: None,
            mining_share: None,
            place: None,
            details: Vec::new(),
            link: None,
            view,
        }
    }

    /// The heading of the entry's sheet.
    pub fn heading(&self) -> Heading {
        let mut facts = Vec::new();
        facts.extend(self.place.clone());
        facts.extend(self.view.centre().map(|(lon, lat)| lon_lat(lon, lat)));
        facts.extend(self.date.map(|date| date.to_string()));
        facts.extend(self.commodity.clone());
        facts.extend(self.share().map(mining));
        facts.extend(self.split.clone());
        Heading { title: self.id.clone(), facts }
    }

    fn share(&self) -> Option<f64> {
        self.mining_share.or_else(|| self.view.mining_share())
    }
}

/// The page data of an entry: pictures and values.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commodity: Option<String>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    details: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    width: usize,
    height: usize,
    /// Data URI of each panel.
    images: BTreeMap<&'static str, String>,
    /// Outlines as an SVG path in pixels of the picture.
    outline: String,
    /// Mean reflectance of the visible bands.
    #[serde(skip_serializing_if = "Option::is_none")]
    brightness: Option<f64>,
    /// Share without data, 0 to 1.
    nodata: f64,
    /// Mean reflectance of each band.
    means: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outlier: Option<Outlier>,
}

impl Card {
    /// Creates pictures of at most `side` pixels on the longer side, and measures the entry.
    pub fn new(entry: &Entry, side: usize) -> Result<Self> {
        let view = &entry.view;
        let (view_width, view_height) = view.size();
        let (width, height) = fitting(view.size(), side);
        let mut images = BTreeMap::new();
        for panel in PANELS {
            if let Ok(image) = draw(view, panel) {
                let colours = (0..image.pixels.len()).map(|i| image.colour(i, i % view_width, i / view_width));
                images.insert(panel.id(), jpeg_uri(&colours.collect::<Vec<_>>(), view.size(), side)?);
            }
        }
        let mean = |band: &Vec<f32>| {
            let known = band.iter().filter(|v| !v.is_nan());
            let (sum, count) = known.fold((0.0, 0_u64), |(sum, count), &v| (sum + f64::from(v), count + 1));
            (count > 0).then(|| round(sum / count as f64, 1e4))
        };
        let means: BTreeMap<&'static str, f64> =
            view.reflectance.iter().filter_map(|(band, values)| Some((band.id(), mean(values)?))).collect();
        let visible: Vec<f64> =
            [Band::B02, Band::B03, Band::B04].iter().filter_map(|band| means.get(band.id()).copied()).collect();
        let brightness = (!visible.is_empty()).then(|| round(visible.iter().sum::<f64>() / visible.len() as f64, 1e4));
        let (scale_x, scale_y) = (width as f64 / view_width as f64, height as f64 / view_height as f64);
        let place = entry.place.clone().into_iter().chain(view.centre().map(|(lon, lat)| lon_lat(lon, lat)));
        Ok(Self {
            id: entry.id.clone(),
            split: entry.split.clone(),
            date: entry.date.map(|date| date.to_string()),
            commodity: entry.commodity.clone(),
            share: entry.share().map(|share| round(share, 1e5)),
            place: Some(place.collect::<Vec<_>>().join(", ")).filter(|place| !place.is_empty()),
            details: entry.details.clone(),
            link: entry.link.as_deref().map(href),
            width,
            height,
            images,
            outline: svg_path(&view.outlines, scale_x, scale_y),
            brightness,
            nodata: round(view.nodata_share(), 1e5),
            means,
            outlier: None,
        })
    }
}

/// Maximum side of the thumbnails for a number of entries, in pixels. Keeps a page of hundreds under 20 MB.
pub fn thumbnail_side(entries: usize) -> usize {
    match entries {
        0..=120 => 448,
        121..=300 => 320,
        301..=700 => 224,
        _ => 160,
    }
}

/// Writes the page of a data set to a file. Replaces an existing file.
pub fn write_page(path: &Path, title: &str, cards: Vec<Card>) -> Result<()> {
    atomic_write(path, page(title, cards)?.as_bytes())
}

/// Data for the page's script.
#[derive(Serialize)]
struct Data {
    /// Titles of the pictures, by id.
    panels: Vec<(&'static str, &'static str)>,
    /// Medians of the band means in the set.
    medians: BTreeMap<&'static str, f64>,
    /// Names of the features that [`Outlier::feature`] indexes.
    features: Vec<String>,
    cards: Vec<Card>,
}

/// The page of a data set.
pub(super) fn page(title: &str, mut cards: Vec<Card>) -> Result<String> {
    let bands: Vec<&'static str> =
        Band::ALL.map(Band::id).into_iter().filter(|band| cards.iter().any(|c| c.means.contains_key(band))).collect();
    let features: Vec<String> = bands.iter().map(|band| format!("mean of {band}")).collect();
    let values: Vec<Vec<Option<f64>>> =
        cards.iter().map(|card| bands.iter().map(|band| card.means.get(band).copied()).collect()).collect();
    for (card, outlier) in cards.iter_mut().zip(outlier_scores(&values)) {
        card.outlier = outlier.map(|o| Outlier { score: round(o.score, 1e2), ..o });
    }
    let of_set = |(i, &band): (usize, &&'static str)| {
        let known: Vec<f64> = values.iter().filter_map(|place| place[i]).collect();
        median(&known).map(|value| (band, value))
    };
    let medians = bands.iter().enumerate().filter_map(of_set).collect();
    let panels = PANELS.into_iter().filter(|panel| cards.iter().any(|card| card.images.contains_key(panel.id())));
    let panels = panels.map(|panel| (panel.id(), panel.title())).collect();
    let data = Data { panels, medians, features, cards };
    let json = serde_json::to_string(&data).map_err(|error| Error::Io(error.into()))?;
    let body = html! {
        header {
            div { h1 { (title) } p.faint #summary {} }
            div.buttons {
                button.plain #filters type="button" aria-expanded="false" aria-controls="tools" { "Filters" }
                button.plain.theme #theme type="button" { "Dark" }
            }
        }
        noscript {
            main { p { "This page shows its patches with JavaScript, which is switched off. It loads nothing from anywhere." } }
        }
        (PreEscaped(CONTROLS))
        footer {
            p.keys {
                kbd { "/" } " search, arrow keys move between patches, " kbd { "Enter" } " enlarges, " kbd { "1" } " " kbd { "2" } " "
                kbd { "3" } " change the picture, " kbd { "O" } " the outlines, " kbd { "Esc" } " closes"
            }
            p {
                "Pictures are stretched from the 2nd to the 98th percentile of each patch, so brightness cannot be compared between \
                 them; the numbers can. Outlier score: the largest modified z-score of the bands' means against the set (Iglewicz and \
                 Hoaglin 1993); over 3.5 is worth a look. Made by minesegsat " (env!("CARGO_PKG_VERSION")) "."
            }
        }
        (data_script("data", &json))
    };
    Ok(Page { title, style: include_str!("page.css"), script: SCRIPT, body }.into_html())
}

fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// Width and height reduced so that the longer side has at most `side` pixels.
pub fn fitting((width, height): (usize, usize), side: usize) -> (usize, usize) {
    let scale = (side as f64 / width.max(height) as f64).min(1.0);
    let reduced = |pixels: usize| ((pixels as f64 * scale).round() as usize).max(1);
    (reduced(width), reduced(height))
}

/// Reduces a picture by averaging, as bytes.
fn reduce(colours: &[[u8; 3]], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let mut rgb = vec![0; to.0 * to.1 * 3];
    let mut line = vec![0.0; from.0];
    for channel in 0..3 {
        let mut averager = Averager::new(Axis::reducing(from.0, to.0), Axis::reducing(from.1, to.1));
        for (row, colours) in colours.chunks_exact(from.0).enumerate() {
            for (value, colour) in line.iter_mut().zip(colours) {
                *value = f32::from(colour[channel]);
            }
            averager.push_row(row, &line);
        }
        for (pixel, value) in rgb.chunks_exact_mut(3).zip(averager.finish()) {
            pixel[channel] = value.round() as u8;
        }
    }
    rgb
}

/// Encodes a picture as PNG.
///
/// # Shapes
/// - `rgb`: `[height, width]`
pub fn png(rgb: &[[u8; 3]], width: usize, height: usize) -> Result<Vec<u8>> {
    png_with_texts(rgb, width, height, &[])
}

/// Encodes a picture as PNG with texts by keyword (chunks `tEXt`): Latin-1, keywords of 1 to 79 letters.
///
/// # Shapes
/// - `rgb`: `[height, width]`
pub fn png_with_texts(rgb: &[[u8; 3]], width: usize, height: usize, texts: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let encode = || {
        for (keyword, text) in texts {
            encoder.add_text_chunk((*keyword).to_owned(), (*text).to_owned())?;
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(rgb.as_flattened())?;
        writer.finish()
    };
    encode().map_err(|error| Error::raster_write("picture.png", "").caused_by(error))?;
    Ok(bytes)
}

/// Maximum size in bytes of a decoded picture. A header alone can state any size.
const LARGEST_PICTURE_BYTES: usize = 1 << 28;

/// Converts an 8-bit RGB picture to a JPEG of at most `side` pixels on the longer side, as a `data:` address for a
/// page.
pub fn thumbnail_uri(png: &[u8], side: usize) -> Result<String> {
    Ok(data_uri("image/jpeg", &thumbnail(png, side)?))
}

/// Converts an 8-bit RGB picture to a JPEG of at most `side` pixels on the longer side.
pub fn thumbnail(png: &[u8], side: usize) -> Result<Vec<u8>> {
    let (colours, size) = pixels_of_png(png)?;
    jpeg(&colours, size, side)
}

/// Red, green and blue of pixels, shape `[height, width]`, with their width and height.
pub type SizedPixels = (Vec<[u8; 3]>, (usize, usize));

/// Decodes an 8-bit RGB picture.
pub fn pixels_of_png(png: &[u8]) -> Result<SizedPixels> {
    let fail = |reason: String| Error::raster_write("thumbnail.jpg", reason);
    let damaged = |error: png::DecodingError| fail(String::new()).caused_by(error);
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().map_err(damaged)?;
    let size = reader.output_buffer_size().filter(|&size| size <= LARGEST_PICTURE_BYTES);
    let Some(size) = size else {
        let (width, height) = (reader.info().width, reader.info().height);
        return Err(fail(format!(
            "the picture of {width}x{height} pixels takes more than {LARGEST_PICTURE_BYTES} bytes"
        )));
    };
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(damaged)?;
    if (info.color_type, info.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
        return Err(fail(format!(
            "the picture is {:?} of {:?}, expected RGB of 8 bits",
            info.color_type, info.bit_depth
        )));
    }
    let colours = bytes[..info.buffer_size()].as_chunks::<3>().0.to_vec();
    Ok((colours, (info.width as usize, info.height as usize)))
}

/// Reduces a picture of a width and height by averaging, to at most `side` pixels on the longer side.
pub fn reduced(colours: &[[u8; 3]], size: (usize, usize), side: usize) -> SizedPixels {
    let to = fitting(size, side);
    (reduce(colours, size, to).as_chunks::<3>().0.to_vec(), to)
}

/// Encodes pixels of a width and height as a JPEG of at most `side` pixels on the longer side, as a `data:` address
/// for a page.
pub fn jpeg_uri(colours: &[[u8; 3]], size: (usize, usize), side: usize) -> Result<String> {
    Ok(data_uri("image/jpeg", &jpeg(colours, size, side)?))
}

fn jpeg(colours: &[[u8; 3]], size: (usize, usize), side: usize) -> Result<Vec<u8>> {
    let (width, height) = fitting(size, side);
    let rgb = reduce(colours, size, (width, height));
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    let sides = u16::try_from(width).and_then(|width| Ok((width, u16::try_from(height)?)));
    let encoded = sides.map_err(Cause::from).and_then(|(width, height)| {
        encoder.encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb).map_err(Cause::from)
    });
    encoded.map_err(|error| Error::raster_write("thumbnail.jpg", "").caused_by(error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::Value;

    use super::*;
    use minesegsat_core::{Crs, GeoTransform, Grid};

    #[test]
    fn a_thumbnail_is_small_and_what_is_no_picture_is_refused() {
        let picture = png(&[[200, 100, 50]; 64 * 32], 64, 32).unwrap();
        let uri = thumbnail_uri(&picture, 16).unwrap();
        let jpeg = BASE64_STANDARD.decode(uri.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
        // The frame's header has height and width (ISO/IEC 10918-1, B.2.2).
        let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
        assert_eq!(jpeg[frame + 5..frame + 9], [0, 8, 0, 16]);
        assert!(thumbnail_uri(&picture[..30], 16).is_err());
    }

    fn entry(id: &str, brightness: f32) -> Entry {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        let grid = Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width: 40, height: 30 };
        let band = |band: Band| {
            let noise = |i: usize| ((i * 31 + band.index() * 17) % 97) as f32 / 970.0;
            (band, (0..1200).map(|i| brightness + noise(i)).collect())
        };
        let mut view = View::new(grid, [Band::B02, Band::B03, Band::B04].map(band).into());
        let mut mask = vec![0.0; 1200];
        mask[..300].fill(1.0);
        view.set_mask(mask);
        Entry::new(id, view)
    }

    /// The page and the data in it.
    fn made(title: &str, entries: &[Entry]) -> (String, Value) {
        let cards = entries.iter().map(|entry| Card::new(entry, 32).unwrap()).collect();
        let page = page(title, cards).unwrap();
        let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
        let data = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
        (page, data)
    }

    #[test]
    fn every_entry_is_in_the_page_once_with_its_pictures_and_numbers() {
        let mut entries: Vec<Entry> = (0..12).map(|i| entry(&format!("patch-{i}"), 0.1 + 0.001 * i as f32)).collect();
        entries[3].split = Some("train".to_owned());
        entries[3].date = Some(civil::date(2021, 7, 10));
        entries[3].mining_share = Some(0.123_456_7);
        entries[7] = entry("patch-7", 0.9);
        let (page, data) = made("a set", &entries);
        let cards = data["cards"].as_array().unwrap();
        let ids: Vec<&str> = cards.iter().map(|card| card["id"].as_str().unwrap()).collect();
        let expected: Vec<String> = (0..12).map(|i| format!("patch-{i}")).collect();
        assert_eq!(ids, expected);
        assert_eq!(page.matches("\"id\":\"patch-3\"").count(), 1);
        assert_eq!((cards[3]["split"].as_str(), cards[3]["date"].as_str()), (Some("train"), Some("2021-07-10")));
        assert_eq!((cards[3]["share"].as_f64(), cards[4]["share"].as_f64()), (Some(0.12346), Some(0.25)));
        assert_eq!((cards[3]["width"].as_u64(), cards[3]["height"].as_u64()), (Some(32), Some(24)));
        assert_eq!(cards[3]["outline"], "M0 0h32v5.6h-16v0.8h-16v-6.4z");
        assert_eq!(
            data["panels"],
            serde_json::json!([["true-colour", "True colour"]]),
            "no infrared, no other pictures"
        );
        let most = cards.iter().max_by(|a, b| {
            let score = |card: &Value| card["outlier"]["score"].as_f64().unwrap();
            score(a).total_cmp(&score(b))
        });
        assert_eq!(most.unwrap()["id"], "patch-7");
        assert!((data["medians"]["B04"].as_f64().unwrap() - 0.155).abs() < 0.01, "{}", data["medians"]);
        let uri = cards[0]["images"]["true-colour"].as_str().unwrap();
        let jpeg = BASE64_STANDARD.decode(uri.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
        assert_eq!((&jpeg[..3], &jpeg[jpeg.len() - 2..]), (&[0xff, 0xd8, 0xff][..], &[0xff, 0xd9][..]));
    }

    #[test]
    fn nothing_that_an_entry_says_can_run_or_load() {
        let evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
        let mut entry = entry(evil, 0.2);
        (entry.commodity, entry.split) = (Some(evil.to_owned()), Some(evil.to_owned()));
        entry.details = vec![(evil.to_owned(), evil.to_owned())];
        entry.link = Some("javascript:alert(3)//\"".to_owned());
        let (page, data) = made("</title>\"'&<script>", &[entry]);
        assert_eq!(page.matches("<script").count(), 2, "the data and the script of the template");
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("<img"), "pictures are made by the script");
        assert!(page.contains("<title>&lt;/title&gt;&quot;'&amp;&lt;script&gt;</title>"));
        assert_eq!(data["cards"][0]["commodity"], evil, "said as it is, as text");
        assert_eq!(data["cards"][0]["link"], "javascript%3Aalert%283%29//%22");
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("insertAdjacentHTML"));
    }

    #[test]
    fn the_page_loads_nothing() {
        let (page, _) = made("a set", &[entry("one", 0.2)]);
        let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
        assert!(policy.starts_with("default-src 'none'; img-src data:; style-src 'sha256-"), "{policy}");
        for reference in ["src=\"", "href=\"", "@import", "url(", "fetch("] {
            assert!(!page.contains(reference), "{reference}");
        }
        let named = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!named.contains("http:") && !named.contains("https:"), "no address but the name of SVG");
    }

    #[test]
    fn an_empty_set_has_a_page() {
        let (_, data) = made("nothing", &[]);
        assert_eq!(data["cards"], serde_json::json!([]));
    }

    #[test]
    fn pages_are_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set.html");
        write_page(&path, "naïve Bergwerke", vec![Card::new(&entry("ä", 0.2), 16).unwrap()]).unwrap();
        let text = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
        assert!(text.starts_with("<!doctype html>") && text.trim_end().ends_with("</html>"));
        assert!(text.contains("<title>naïve Bergwerke</title>") && text.contains("\"id\":\"ä\""));
    }
}
