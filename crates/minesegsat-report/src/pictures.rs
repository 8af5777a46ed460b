//! The pictures before and after, with outlines and a movable divider.

use std::io::Cursor;

use geo::MultiPolygon;
use maud::{Markup, html};
use minesegsat_page::words::Words;
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

/// CSS class and outlines of each layer, bottom layer first. Its label has the key `outline-CLASS`.
pub(super) const LAYERS: [(&str, Outlines); 5] = [
    ("boundary", |picture| &picture.boundary),
    ("permit", |picture| &picture.permit),
    ("loss", |picture| &picture.loss),
    ("gain", |picture| &picture.gain),
    ("disturbed", |picture| &picture.disturbed),
];

/// The section with the pictures, or a sentence if there is none.
pub(super) fn pictures(before: Option<&DatedPicture>, after: Option<&DatedPicture>, words: &Words) -> Result<Markup> {
    let known = [("before", before), ("after", after)];
    let known: Vec<(&str, &DatedPicture)> = known.into_iter().filter_map(|(class, p)| Some((class, p?))).collect();
    if known.is_empty() {
        return Ok(html! { p.faint { (words.say("no-picture")) } });
    }
    let since = after.and_then(|picture| picture.change_since).map(|date| date.to_string()).unwrap_or_default();
    let is_one = known.len() == 1;
    let can_swipe = before.zip(after).is_some_and(|(a, b)| (a.width, a.height) == (b.width, b.height));
    let mut figures = Vec::new();
    for (class, picture) in &known {
        figures.push(figure(class, is_one, picture, words)?);
    }
    let shown = LAYERS.iter().rev().filter(|(_, outlines)| known.iter().any(|(_, p)| !outlines(p).0.is_empty()));
    let shown: Vec<(&str, String)> = shown
        .map(|(class, _)| {
            let values = [("date", since.as_str().into())];
            (*class, words.say_with(&format!("outline-{class}"), &values))
        })
        .collect();
    // The script puts the shares in.
    let shares = [("before", "#\u{a0}%".into()), ("after", "##\u{a0}%".into())];
    Ok(html! {
        div.view {
            div.stage {
                div.pictures.one[is_one].two[!is_one].swipe[can_swipe] {
                    @for figure in &figures { (figure) }
                    @if can_swipe { div.divider {} }
                }
                @if can_swipe {
                    p.slide {
                        label for="divider" { (words.say("divider")) }
                        input #divider type="range" min="0" max="100" step="1" value="50"
                            data-shares=(words.say_with("divider-at", &shares));
                    }
                }
            }
            @if !shown.is_empty() {
                fieldset.layers {
                    legend { (words.say("shown-over-pictures")) }
                    ul {
                        @for (class, label) in &shown {
                            li {
                                label {
                                    input type="checkbox" id={ "show-" (class) } checked="checked";
                                    (swatch(class)) " " (label)
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

fn figure(class: &str, is_one: bool, picture: &DatedPicture, words: &Words) -> Result<Markup> {
    let DatedPicture { date, width: w, height: h, scenes, .. } = picture;
    let address = address(picture)?;
    // The hatch spacing is a fixed share of the picture's size.
    let hatch = f64::from(*w.max(h)) / 90.0;
    let fill = |layer: &str| match layer {
        "gain" | "loss" => format!("url(#{layer}-{class})"),
        _ => "none".to_owned(),
    };
    let day = [("date", date.to_string().into())];
    let caption = if is_one { date.to_string() } else { words.say_with(class, &day) };
    let label = words.say_with("picture-of", &day);
    let label = if is_one { label } else { format!("{caption}. {label}") };
    Ok(html! {
        figure class=(class) {
            svg.frame.small[*w.max(h) < SMALL] viewBox={ "0 0 " (w) " " (h) } role="img" aria-label=(label) {
                @for layer in ["gain", "loss"] { (pattern(&format!("{layer}-{class}"), layer, hatch)) }
                image href=(address) width=(w) height=(h) {}
                @for (layer, outlines) in LAYERS {
                    @let path = svg_path(outlines(picture), 1.0, 1.0);
                    @if !path.is_empty() {
                        g class={ "layer-" (layer) } {
                            path.casing fill="none" d=(path) {}
                            path class=(layer) fill=(fill(layer)) d=(path) {}
                        }
                    }
                }
            }
            figcaption { b { (caption) } " " span.faint.small { (scenes.join(", ")) } }
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
