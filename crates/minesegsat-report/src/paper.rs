//! What the PDF reports share: the frame of the template, signs of verdicts and outlines over pictures; and words of observations, which
//! the pages have too.

use geo::MultiPolygon;
use jiff::Timestamp;
use maud::{Markup, html};
use minesegsat_page::chart::standalone;
use minesegsat_page::palette::light;
use minesegsat_page::svg_path;
use minesegsat_page::words::{Language, Words};
use serde_json::{Value as Json, json};

use super::pictures::{LAYERS, pattern};
use super::sign;
use super::site_report::DatedPicture;
use minesegsat_core::Result;
use minesegsat_pdf::{Document, typeset};
use minesegsat_watch::register::{Area, Observation, SiteStatus, Verdict};
use minesegsat_watch::sentence::Judged;

/// Page, fonts, colours and functions of the templates.
const FRAME: &str = include_str!("paper.typ");
/// Rules of charts, maps and signs, beside those of every chart.
pub(super) const DRAWINGS: &str = include_str!("drawings.css");

/// The PDF of a template, its data and its pictures.
pub(super) fn print(template: &str, data: &Json, files: Vec<(String, Vec<u8>)>, created: Timestamp) -> Result<Vec<u8>> {
    typeset(&Document { template: &[FRAME, template].concat(), data, files, created })
}

/// What every template reads: title, language, foot of the page and colours.
pub(super) fn frame(title: &str, created: Timestamp, software: &str, words: &Words) -> Json {
    let colour = |name: &str| light(name).unwrap_or("#000000");
    let names = ["line", "text", "faint", "raised", "accent", "good", "caution", "bad", "info"];
    let grounds = [("good-ground", "good-ground"), ("caution-ground", "caution-ground"), ("bad-ground", "bad-ground")];
    let colours: serde_json::Map<String, Json> =
        names.into_iter().zip(names).chain(grounds).map(|(key, name)| (key.to_owned(), colour(name).into())).collect();
    json!({
        "title": title,
        "lang": words.language().code(),
        "made": made(created, software, words),
        "copernicus": words.say("copernicus"),
        // The template puts the numbers of the pages in.
        "page-of": words.say_with("page-of", &[("page", "#".into()), ("pages", "##".into())]),
        "colours": colours,
    })
}

/// When and with what a report was made.
fn made(created: Timestamp, software: &str, words: &Words) -> String {
    let time = created.strftime("%Y-%m-%d %H:%M UTC").to_string();
    words.say_with("made-by", &[("time", time.into()), ("software", software.into())])
}

/// The foot of the pages of HTML.
pub(super) fn foot(created: Timestamp, software: &str, words: &Words) -> Markup {
    html! { footer { p { (made(created, software, words)) ". " (words.say("copernicus")) } } }
}

/// Name, colour and ground of a verdict's panel in the templates.
pub(super) fn look(verdict: Option<Verdict>) -> Json {
    let (colour, ground) = match verdict {
        Some(Verdict::Within) => ("good", "good-ground"),
        Some(Verdict::PossibleExceedance) => ("caution", "caution-ground"),
        Some(Verdict::Exceeded) => ("bad", "bad-ground"),
        Some(Verdict::NoLimit) => ("info", "raised"),
        Some(Verdict::NotAssessable) | None => ("faint", "raised"),
    };
    json!({ "colour": colour, "ground": ground, "icon": icon_name(verdict) })
}

/// File of a verdict's icon.
pub(super) fn icon_name(verdict: Option<Verdict>) -> String {
    format!("{}.svg", sign::class(verdict))
}

/// The icons of all verdicts, as files of the template.
pub(super) fn icons() -> impl Iterator<Item = (String, Vec<u8>)> {
    sign::ALL.into_iter().map(|verdict| (icon_name(verdict), standalone(&sign::icon(verdict), DRAWINGS)))
}

/// Short name of an observation's verdict, with its standing.
pub(super) fn verdict_words(observation: &Observation, words: &Words) -> String {
    let label = sign::label(Some(observation.verdict), words);
    if observation.is_provisional == Some(true) { format!("{label} ({})", words.say("provisional")) } else { label }
}

pub(super) fn status(status: SiteStatus, words: &Words) -> String {
    words.say(match status {
        SiteStatus::Active => "status-active",
        SiteStatus::Planned => "status-planned",
        SiteStatus::Suspended => "status-suspended",
        SiteStatus::Closed => "status-closed",
        SiteStatus::Reclaimed => "status-reclaimed",
    })
}

/// An area in hectares with its interval in brackets, without the unit, or a dash.
pub(super) fn area(observation: Option<&Observation>, words: &Words) -> String {
    match observation.and_then(|o| o.area) {
        None => minesegsat_page::text::NONE.to_owned(),
        Some(Area { ha, lower_ha, upper_ha }) => {
            let number = |value: f64| words.number(Some(value), 1);
            format!("{} ({} – {})", number(ha), number(lower_ha), number(upper_ha))
        }
    }
}

/// The verdict of an observation in a sentence. In English it is the sentence of the record; in other languages it is made from the
/// numbers of the record.
pub(super) fn sentence(observation: &Observation, words: &Words) -> String {
    if words.language() == Language::English {
        return observation.statement.clone();
    }
    Judged::from(observation).sentence(words)
}

/// The outlines of a picture as an SVG file of the picture's size.
pub(super) fn outlines(picture: &DatedPicture) -> Vec<u8> {
    let (width, height) = (picture.width, picture.height);
    // Lines keep their width on paper whatever the size of the picture.
    let unit = f64::from(width.max(height)) / 420.0;
    let fill = |layer: &str| match layer {
        "gain" | "loss" => format!("url(#{layer}-hatched)"),
        _ => "none".to_owned(),
    };
    let svg = html! {
        svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) {
            @for layer in ["gain", "loss"] { (pattern(&format!("{layer}-hatched"), layer, 5.0 * unit)) }
            @for (layer, polygons) in LAYERS {
                @let path = path_of(polygons(picture));
                @if !path.is_empty() {
                    g class={ "layer-" (layer) } fill-rule="evenodd" {
                        path.casing fill="none" d=(path) {}
                        path class=(layer) fill=(fill(layer)) d=(path) {}
                    }
                }
            }
        }
    };
    let scaled = |width: f64| format!("{:.2}", width * unit);
    let css = format!(
        "{DRAWINGS}.casing {{ stroke-width: {}; }} .disturbed {{ stroke-width: {}; }} .gain, .loss {{ stroke-width: {}; }} \
         .layer-gain .casing, .layer-loss .casing {{ stroke-width: {}; }} \
         .permit {{ stroke-width: {}; stroke-dasharray: {} {}; }} .boundary {{ stroke-width: {}; }}",
        scaled(2.2),
        scaled(1.0),
        scaled(0.8),
        scaled(1.7),
        scaled(1.0),
        scaled(4.0),
        scaled(2.5),
        scaled(0.7),
    );
    standalone(&svg, &css)
}

fn path_of(polygons: &MultiPolygon<f64>) -> String {
    svg_path(polygons, 1.0, 1.0)
}

/// The sign of a layer of outlines for a legend, as an SVG file.
pub(super) fn layer_sign(layer: &str) -> Vec<u8> {
    let svg: Markup = html! {
        svg viewBox="0 0 30 18" width="30" height="18" {
            rect.dark width="30" height="18" rx="3" fill="#4a4f45" {}
            @if matches!(layer, "gain" | "loss") {
                (pattern(&format!("key-{layer}"), layer, 6.0))
                rect class=(layer) fill={ "url(#key-" (layer) ")" } x="4" y="4" width="22" height="10" {}
            } @else {
                path.casing fill="none" d="M3 9H27" {}
                path class=(layer) fill="none" d="M3 9H27" {}
            }
        }
    };
    standalone(&svg, DRAWINGS)
}
