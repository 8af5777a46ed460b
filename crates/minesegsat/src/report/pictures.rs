//! The pictures before and after, with outlines over them and a divider between.

use std::fmt::Write;
use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use geo::MultiPolygon;

use super::site_report::DatedPicture;
use crate::preview::{escaped, svg_path, thumbnail_uri};
use crate::{Error, Result};

/// Pictures of more bytes become a JPEG, so that a page stays small enough to be mailed.
const MOST_BYTES: usize = 400_000;
/// Longer side of such a JPEG, in pixels.
const SIDE: usize = 1400;
/// Smaller pictures are enlarged pixel by pixel.
const SMALL: u32 = 320;

type Outlines = fn(&DatedPicture) -> &MultiPolygon<f64>;

/// Class, words and outlines of the layers, the lowest first.
const LAYERS: [(&str, &str, Outlines); 5] = [
    ("boundary", "boundary of the site", |picture| &picture.boundary),
    ("permit", "permitted area", |picture| &picture.permit),
    ("loss", "loss: no longer disturbed", |picture| &picture.loss),
    ("gain", "gain: newly disturbed", |picture| &picture.gain),
    ("disturbed", "disturbed land on that date", |picture| &picture.disturbed),
];

/// The part of the page with the pictures; words instead where there is none.
pub(super) fn pictures(before: Option<&DatedPicture>, after: Option<&DatedPicture>) -> Result<String> {
    let known: Vec<(&str, &str, &DatedPicture)> = [("before", "Before", before), ("after", "After", after)]
        .into_iter()
        .filter_map(|(class, words, picture)| Some((class, words, picture?)))
        .collect();
    if known.is_empty() {
        return Ok(r#"<p class="faint">There is no picture of the site yet.</p>"#.to_owned());
    }
    let is_one = known.len() == 1;
    let can_swipe = before.zip(after).is_some_and(|(a, b)| (a.width, a.height) == (b.width, b.height));
    let mut frames = String::new();
    for (class, words, picture) in &known {
        frames += &figure(class, if is_one { "" } else { words }, picture)?;
    }
    let class = match (is_one, can_swipe) {
        (true, _) => "pictures one",
        (false, false) => "pictures two",
        (false, true) => "pictures two swipe",
    };
    let divider = if can_swipe { r#"<div class="divider"></div>"# } else { "" };
    let range = if can_swipe {
        r#"<p class="slide"><label for="divider">Divider between before (left) and after (right); drag it, or use the arrow keys</label><input type="range" id="divider" min="0" max="100" step="1" value="50"/></p>"#
    } else {
        ""
    };
    let mut layers = String::new();
    for (class, words, outlines) in LAYERS.iter().rev() {
        if known.iter().any(|(_, _, picture)| !outlines(picture).0.is_empty()) {
            let _ = write!(
                layers,
                r#"<li><label><input type="checkbox" id="show-{class}" checked="checked"/>{} {words}</label></li>"#,
                swatch(class)
            );
        }
    }
    let layers = if layers.is_empty() {
        String::new()
    } else {
        format!(r#"<fieldset class="layers"><legend>Shown over the pictures</legend><ul>{layers}</ul></fieldset>"#)
    };
    Ok(format!(
        r#"<div class="view"><div class="stage"><div class="{class}">{frames}{divider}</div>{range}</div>{layers}</div>"#
    ))
}

fn figure(class: &str, words: &str, picture: &DatedPicture) -> Result<String> {
    let DatedPicture { date, width: w, height: h, scenes, .. } = picture;
    let address = address(picture)?;
    let mut layers = String::new();
    for (layer, _, outlines) in LAYERS {
        let path = svg_path(outlines(picture), 1.0, 1.0);
        if !path.is_empty() {
            let fill = if matches!(layer, "gain" | "loss") {
                format!(r#" fill="url(#{layer}-{class})""#)
            } else {
                r#" fill="none""#.to_owned()
            };
            let _ = write!(
                layers,
                r#"<g class="layer-{layer}"><path class="casing" fill="none" d="{path}"/><path class="{layer}"{fill} d="{path}"/></g>"#
            );
        }
    }
    // Hatches are some hundredth of the picture wide at any size of it.
    let hatch = f64::from(*w.max(h)) / 90.0;
    let lead = if words.is_empty() { String::new() } else { format!("{words}: ") };
    let rendering = if *w.max(h) < SMALL { " small" } else { "" };
    let scenes: Vec<String> = scenes.iter().map(|scene| escaped(scene)).collect();
    Ok(format!(
        r#"<figure class="{class}"><svg class="frame{rendering}" viewBox="0 0 {w} {h}" role="img" aria-label="{lead}true-colour picture of the site on {date}, with outlines">{}{}<image href="{address}" width="{w}" height="{h}"/>{layers}</svg><figcaption><b>{lead}{date}</b> <span class="faint small">{}</span></figcaption></figure>"#,
        pattern(&format!("gain-{class}"), "gain", hatch),
        pattern(&format!("loss-{class}"), "loss", hatch),
        scenes.join(", ")
    ))
}

/// Gain is hatched upwards, loss downwards: told apart without colours too.
fn pattern(id: &str, layer: &str, size: f64) -> String {
    let line = if layer == "gain" { format!("M0 {size:.2}L{size:.2} 0") } else { format!("M0 0L{size:.2} {size:.2}") };
    format!(
        r#"<defs><pattern id="{id}" patternUnits="userSpaceOnUse" width="{size:.2}" height="{size:.2}"><rect class="{layer}-ground" width="{size:.2}" height="{size:.2}"/><path class="{layer}-hatch" stroke-width="{:.2}" d="{line}"/></pattern></defs>"#,
        size / 6.0
    )
}

fn swatch(layer: &str) -> String {
    let inside = match layer {
        "gain" | "loss" => format!(
            r#"{}<rect class="{layer}" fill="url(#key-{layer})" x="4" y="4" width="22" height="10"/>"#,
            pattern(&format!("key-{layer}"), layer, 6.0)
        ),
        _ => {
            format!(r#"<path class="casing" fill="none" d="M3 9H27"/><path class="{layer}" fill="none" d="M3 9H27"/>"#)
        }
    };
    format!(
        r#"<svg class="swatch" viewBox="0 0 30 18" aria-hidden="true"><rect class="dark" width="30" height="18" rx="3"/>{inside}</svg>"#
    )
}

/// The picture as a `data:` address. It must have the size that its outlines were made for.
fn address(picture: &DatedPicture) -> Result<String> {
    let reader = png::Decoder::new(Cursor::new(&picture.png)).read_info().map_err(|error| Error::Input {
        location: format!("the picture of {}", picture.date),
        reason: format!("not a PNG: {error}"),
    })?;
    let (width, height) = (reader.info().width, reader.info().height);
    if (width, height) != (picture.width, picture.height) {
        return Err(Error::Input {
            location: format!("the picture of {}", picture.date),
            reason: format!(
                "it has {width} x {height} pixels, and its outlines are for {} x {}",
                picture.width, picture.height
            ),
        });
    }
    if picture.png.len() > MOST_BYTES {
        return thumbnail_uri(&picture.png, SIDE);
    }
    Ok(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&picture.png)))
}
