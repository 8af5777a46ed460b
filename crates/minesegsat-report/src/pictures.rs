//! The pictures before and after, with outlines and a movable divider.

use std::io::Cursor;

use geo::MultiPolygon;
use maud::{Markup, html};
use minesegsat_page::{data_uri, svg_path};

use super::site_report::DatedPicture;
use minesegsat_core::{Error, Result};
use minesegsat_map::preview::thumbnail_uri;

/// Pictures larger than this, in bytes, are converted to JPEG, so that a page stays small enough to mail.
const MOST_BYTES: usize = 400_000;
/// Longer side of such a JPEG, in pixels.
const SIDE: usize = 1400;
/// Pictures with a longer side below this, in pixels, are enlarged without smoothing.
const SMALL: u32 = 320;

pub(super) type Outlines = fn(&DatedPicture) -> &MultiPolygon<f64>;

/// CSS class, label and outlines of each layer, bottom layer first.
pub(super) const LAYERS: [(&str, &str, Outlines); 5] = [
    ("boundary", "boundary of the site", |picture| &picture.boundary),
    ("permit", "permitted area", |picture| &picture.permit),
    ("loss", "loss: no longer disturbed", |picture| &picture.loss),
    ("gain", "gain: newly disturbed", |picture| &picture.gain),
    ("disturbed", "disturbed land on that date", |picture| &picture.disturbed),
];

/// The section with the pictures, or a sentence if there is none.
pub(super) fn pictures(before: Option<&DatedPicture>, after: Option<&DatedPicture>) -> Result<Markup> {
    let known: Vec<(&str, &str, &DatedPicture)> = [("before", "Before: ", before), ("after", "After: ", after)]
        .into_iter()
        .filter_map(|(class, words, picture)| Some((class, words, picture?)))
        .collect();
    if known.is_empty() {
        return Ok(html! { p.faint { "There is no picture of the site yet." } });
    }
    let since = after.and_then(|picture| picture.change_since);
    let is_one = known.len() == 1;
    let can_swipe = before.zip(after).is_some_and(|(a, b)| (a.width, a.height) == (b.width, b.height));
    let mut figures = Vec::new();
    for (class, words, picture) in &known {
        figures.push(figure(class, if is_one { "" } else { words }, picture)?);
    }
    let shown = LAYERS.iter().rev().filter(|(_, _, outlines)| known.iter().any(|(.., p)| !outlines(p).0.is_empty()));
    let shown: Vec<_> = shown.collect();
    Ok(html! {
        div.view {
            div.stage {
                div.pictures.one[is_one].two[!is_one].swipe[can_swipe] {
                    @for figure in &figures { (figure) }
                    @if can_swipe { div.divider {} }
                }
                @if can_swipe {
                    p.slide {
                        label for="divider" {
                            "Divider between before (left) and after (right); drag it, or use the arrow keys"
                        }
                        input #divider type="range" min="0" max="100" step="1" value="50";
                    }
                }
            }
            @if !shown.is_empty() {
                fieldset.layers {
                    legend { "Shown over the pictures" }
                    ul {
                        @for (class, words, _) in shown {
                            li {
                                label {
                                    input type="checkbox" id={ "show-" (class) } checked="checked";
                                    (swatch(class)) " " (words)
                                    @if let ("gain" | "loss", Some(date)) = (*class, since) { " since " (date) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

fn figure(class: &str, lead: &str, picture: &DatedPicture) -> Result<Markup> {
    let DatedPicture { date, width: w, height: h, scenes, .. } = picture;
    let address = address(picture)?;
    // The hatch spacing is a fixed share of the picture's size.
    let hatch = f64::from(*w.max(h)) / 90.0;
    let fill = |layer: &str| match layer {
        "gain" | "loss" => format!("url(#{layer}-{class})"),
        _ => "none".to_owned(),
    };
    let label = format!("{lead}true-colour picture of the site on {date}, with outlines");
    Ok(html! {
        figure class=(class) {
            svg.frame.small[*w.max(h) < SMALL] viewBox={ "0 0 " (w) " " (h) } role="img" aria-label=(label) {
                @for layer in ["gain", "loss"] { (pattern(&format!("{layer}-{class}"), layer, hatch)) }
                image href=(address) width=(w) height=(h) {}
                @for (layer, _, outlines) in LAYERS {
                    @let path = svg_path(outlines(picture), 1.0, 1.0);
                    @if !path.is_empty() {
                        g class={ "layer-" (layer) } {
                            path.casing fill="none" d=(path) {}
                            path class=(layer) fill=(fill(layer)) d=(path) {}
                        }
                    }
                }
            }
            figcaption { b { (lead) (date) } " " span.faint.small { (scenes.join(", ")) } }
        }
    })
}

/// Hatch pattern: gain rises, loss falls, so that they differ without colour too.
pub(super) fn pattern(id: &str, layer: &str, size: f64) -> Markup {
    let side = format!("{size:.2}");
    let width = format!("{:.2}", size / 6.0);
    let line = if layer == "gain" { format!("M0 {side}L{side} 0") } else { format!("M0 0L{side} {side}") };
    html! {
        defs {
            pattern id=(id) patternUnits="userSpaceOnUse" width=(side) height=(side) {
                rect class={ (layer) "-ground" } width=(side) height=(side) {}
                path class={ (layer) "-hatch" } stroke-width=(width) d=(line) {}
            }
        }
    }
}

fn swatch(layer: &str) -> Markup {
    html! {
        svg.swatch viewBox="0 0 30 18" aria-hidden="true" {
            rect.dark width="30" height="18" rx="3" {}
            @if matches!(layer, "gain" | "loss") {
                (pattern(&format!("key-{layer}"), layer, 6.0))
                rect class=(layer) fill={ "url(#key-" (layer) ")" } x="4" y="4" width="22" height="10" {}
            } @else {
                path.casing fill="none" d="M3 9H27" {}
                path class=(layer) fill="none" d="M3 9H27" {}
            }
        }
    }
}

/// The picture as a `data:` URL. Its size must be the one that its outlines were made for.
fn address(picture: &DatedPicture) -> Result<String> {
    let reader = png::Decoder::new(Cursor::new(&picture.png))
        .read_info()
        .map_err(|error| Error::input(format!("the picture of {}", picture.date), "not a PNG").caused_by(error))?;
    let (width, height) = (reader.info().width, reader.info().height);
    if (width, height) != (picture.width, picture.height) {
        return Err(Error::input(
            format!("the picture of {}", picture.date),
            format!(
                "it has {width} x {height} pixels, and its outlines are for {} x {}",
                picture.width, picture.height
            ),
        ));
    }
    if picture.png.len() > MOST_BYTES {
        return thumbnail_uri(&picture.png, SIDE);
    }
    Ok(data_uri("image/png", &picture.png))
}
