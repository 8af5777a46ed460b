//! The page at the end of `minesegsat demo`, and the same numbers on the terminal.

use std::{fmt::Write as _, io::Write};

use base64::Engine as _;
use minesegsat::{metrics::ConfusionMatrix, preview::png};

use super::{Demo, MappedYear};
use crate::commands::train::duration;

/// Widest side of a picture, in pixels.
pub(super) const SIDE: usize = 768;

/// Numbers to the terminal.
pub(super) fn print(demo: &Demo) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out)?;
    writeln!(out, "on a landscape of another seed ({} years, where the ground could be seen):", demo.years.len())?;
    writeln!(out, "year     true ha  measured ha   error     F1  precision  recall")?;
    for year in &demo.years {
        let c = &year.counts;
        writeln!(
            out,
            "{:<6} {:>9.1}  {:>11.1}  {:>5.1} %  {:>5}  {:>9}  {:>6}",
            year.year,
            year.true_ha,
            year.measured_ha,
            error_percent(year),
            number(c.f1()),
            number(c.precision()),
            number(c.recall())
        )?;
    }
    if let [first, .., last] = demo.years.as_slice() {
        writeln!(out, "change {:>9.1}  {:>11.1}", last.true_ha - first.true_ha, last.measured_ha - first.measured_ha)?;
    }
    writeln!(out)
}

fn error_percent(year: &MappedYear) -> f64 {
    if year.true_ha > 0.0 { (year.measured_ha / year.true_ha - 1.0) * 100.0 } else { f64::NAN }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

/// Colours that people of any colour vision tell apart, as in the pictures of `evaluate`.
const FOUND: [u8; 3] = [235, 230, 200];
const MISSED: [u8; 3] = [64, 160, 240];
const INVENTED: [u8; 3] = [229, 80, 30];
const HIDDEN: [u8; 3] = [120, 120, 128];
const OTHER: [u8; 3] = [28, 30, 36];

/// Every few pixels of a map beside the truth: found, missed, taken for a mine, not assessable.
pub(super) fn right_and_wrong(mask: &[u8], truth: &[u8], width: usize) -> minesegsat::Result<Vec<u8>> {
    let height = mask.len() / width.max(1);
    let step = width.max(height).div_ceil(SIDE).max(1);
    let mut pixels = Vec::new();
    for row in (0..height).step_by(step) {
        for col in (0..width).step_by(step) {
            let i = row * width + col;
            pixels.push(match (mask[i], truth[i] != 0) {
                (255, _) => HIDDEN,
                (0, false) => OTHER,
                (0, true) => MISSED,
                (_, true) => FOUND,
                (_, false) => INVENTED,
            });
        }
    }
    png(&pixels, width.div_ceil(step), height.div_ceil(step))
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1c1e24;background:#fafaf8}\
h1{font-size:1.7rem;margin-bottom:.2rem}h2{margin-top:2.2rem;font-size:1.2rem}p.lead{color:#555;margin-top:0}\
table{border-collapse:collapse;width:100%}th,td{padding:.45rem .7rem;text-align:right;border-bottom:1px solid #ddd}th:first-child,\
td:first-child{text-align:left}th{font-weight:600;color:#555}td.big{font-size:1.15rem;font-weight:600}.pair{display:flex;gap:1rem;flex-wrap:wrap}\
figure{flex:1 1 420px;margin:0}img{width:100%;image-rendering:auto;border-radius:4px}figcaption{color:#555;font-size:.9rem}\
.key span{display:inline-block;width:.9em;height:.9em;border-radius:2px;margin:0 .3em 0 1em;vertical-align:-1px;outline:1px solid #999}.note{color:#555;font-size:.9rem}\
svg{width:100%;height:auto;background:#fff;border:1px solid #e5e5e0;border-radius:4px}code{background:#eee;padding:0 .25em;border-radius:3px}";

/// The whole page.
pub(super) fn page(demo: &Demo) -> String {
    let mut out = String::new();
    let total: f64 = demo.seconds.iter().map(|(_, seconds)| seconds).sum();
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>MineSegSAT demo</title><style>{STYLE}</style><h1>How much land do these mines disturb?</h1>\
         <p class=\"lead\">Every landscape here is invented, so the truth is known to the pixel. A small SegFormer learned from {} of \
         them ({} patches, {} epochs, {}) and then mapped two years of one it had never seen. All of it took {}.</p>",
        landscapes(demo.training.len()),
        demo.samples,
        demo.trained.epochs,
        duration(demo.trained.seconds),
        duration(total)
    );
    table(&mut out, demo);
    for year in &demo.years {
        pictures(&mut out, year);
    }
    sites(&mut out, demo);
    out.push_str("<h2>How it learned</h2>");
    curve(&mut out, demo);
    out.push_str("<h2>Where the time went</h2><table>");
    for (what, seconds) in &demo.seconds {
        let _ = write!(out, "<tr><td>{what}</td><td>{}</td></tr>", duration(*seconds));
    }
    out.push_str("</table>");
    let _ = write!(
        out,
        "<h2>What to open next</h2><p>The maps lie in <code>predictions/2021</code> and <code>predictions/2022</code>: \
         <code>probability.tif</code>, <code>mask.tif</code> and <code>polygons.gpkg</code> open in QGIS; the truth beside them is \
         in <code>sim/unseen/truth</code>. The trained model is <code>run/best</code>; \
         <code>minesegsat predict SCENE --model demo/run/best -o out</code> maps any scene with it, though what it knows of the real \
         world is only what the simulator knows. The folder is a workspace too: <code>minesegsat demo --serve</code> shows its mines on a \
         map with their timelines. Seed {}.</p></html>",
        demo.seed
    );
    out
}

/// The mines that are watched, as they stand in the last year.
fn sites(out: &mut String, demo: &Demo) {
    let (Some(first), Some(last)) = (demo.watched.first(), demo.watched.last()) else { return };
    let _ = write!(
        out,
        "<h2>The mines as sites that are watched</h2><p class=\"note\">Each has an invented permit: a tenth more than it disturbed in \
         {first}. The network maps every year to {last} and judges. Areas come with the interval that is to hold the truth nine times of \
         ten; how wide it has to be was measured on one more landscape.</p>\
         <table><tr><th>site<th>limit, ha<th>last date<th>disturbed, ha<th>90 % interval<th>verdict</tr>"
    );
    for site in &demo.sites {
        let limit = site.limit_ha.map_or_else(|| "-".to_owned(), |ha| format!("{ha:.0}"));
        let _ = write!(out, "<tr><td>{}<td>{limit}", site.name);
        match &site.last {
            Some(seen) => {
                let (area, interval) = seen.area.as_ref().map_or_else(
                    || ("-".to_owned(), "-".to_owned()),
                    |area| (format!("{:.1}", area.ha), format!("{:.1} to {:.1}", area.lower_ha, area.upper_ha)),
                );
                let _ = write!(out, "<td>{}<td>{area}<td>{interval}<td>{}</tr>", seen.date, seen.verdict);
            }
            None => out.push_str("<td colspan=\"4\">never seen</tr>"),
        }
    }
    out.push_str("</table>");
}

fn landscapes(count: usize) -> String {
    if count == 1 { "one".to_owned() } else { count.to_string() }
}

fn table(out: &mut String, demo: &Demo) {
    out.push_str(
        "<h2>True against measured</h2><table><tr><th>year<th>true, ha<th>measured, ha<th>error<th>F1<th>precision<th>recall<th>IoU\
         <th>hidden by cloud, ha</tr>",
    );
    for year in &demo.years {
        let c: &ConfusionMatrix = &year.counts;
        let _ = write!(
            out,
            "<tr><td>{}<td class=\"big\">{:.1}<td class=\"big\">{:.1}<td>{:+.1} %<td>{}<td>{}<td>{}<td>{}<td>{:.1}</tr>",
            year.year,
            year.true_ha,
            year.measured_ha,
            error_percent(year),
            number(c.f1()),
            number(c.precision()),
            number(c.recall()),
            number(c.iou()),
            year.hidden_ha
        );
    }
    if let [first, .., last] = demo.years.as_slice() {
        let _ = write!(
            out,
            "<tr><td>change<td class=\"big\">{:+.1}<td class=\"big\">{:+.1}<td colspan=\"6\"></tr>",
            last.true_ha - first.true_ha,
            last.measured_ha - first.measured_ha
        );
    }
    out.push_str(
        "</table><p class=\"note\">Counted where the ground could be seen; each year has clouds of its own, so the change counts other \
         pixels in each. A pixel is 0.01 ha.</p>",
    );
}

fn pictures(out: &mut String, year: &MappedYear) {
    let named = [(FOUND, "found"), (MISSED, "missed"), (INVENTED, "taken for a mine"), (HIDDEN, "not assessable")];
    let key: String = named
        .iter()
        .map(|([r, g, b], name)| format!("<span style=\"background:rgb({r},{g},{b})\"></span>{name}"))
        .collect();
    let _ = write!(
        out,
        "<h2>{}</h2><div class=\"pair\"><figure><img alt=\"the scene with what was found\" src=\"{}\"><figcaption>\
         The scene, and outlines of what was found: {} polygons, {:.1} ha; {:.1} % of the area could be assessed.</figcaption></figure>\
         <figure><img alt=\"right and wrong\" src=\"data:image/png;base64,{}\"><figcaption class=\"key\">Beside the truth:{}</figcaption>\
         </figure></div>",
        year.year,
        year.scene,
        year.manifest.totals.polygons,
        year.manifest.totals.area_ha,
        year.manifest.assessed.share_assessed * 100.0,
        base64::engine::general_purpose::STANDARD.encode(&year.right_and_wrong),
        key
    );
}

/// Loss and F1 by epoch.
fn curve(out: &mut String, demo: &Demo) {
    const WIDTH: f64 = 1000.0;
    const HEIGHT: f64 = 260.0;
    const MARGIN: f64 = 40.0;
    let epochs = demo.epochs.last().map_or(1, |last| last.epoch).max(2) as f64;
    let top = demo.epochs.iter().map(|epoch| epoch.loss).fold(0.0, f64::max).max(1e-9);
    let x = |epoch: usize| MARGIN + (epoch as f64 - 1.0) / (epochs - 1.0) * (WIDTH - 2.0 * MARGIN);
    let y = |share: f64| HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
    let line = |points: Vec<(f64, f64)>, colour: &str| {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        format!("<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" points=\"{}\"/>", path.join(" "))
    };
    let losses = demo.epochs.iter().map(|epoch| (x(epoch.epoch), y(epoch.loss / top))).collect();
    let scores: Vec<(f64, f64)> = demo
        .epochs
        .iter()
        .filter_map(|epoch| Some((x(epoch.epoch), y(*epoch.validation.as_ref()?.get("f1")?))))
        .collect();
    let dots: String =
        scores.iter().map(|(x, y)| format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#2a9d4a\"/>")).collect();
    let _ =
        write!(out, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui\" font-size=\"13\" fill=\"#555\">");
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = y(share);
        let _ = write!(
            out,
            "<line x1=\"{MARGIN}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#eee\"/><text x=\"{}\" y=\"{:.1}\">{share}</text>\
             <text x=\"4\" y=\"{:.1}\" fill=\"#c0504d\">{:.2}</text>",
            WIDTH - MARGIN,
            WIDTH - MARGIN + 6.0,
            at + 4.0,
            at + 4.0,
            share * top
        );
    }
    let _ = write!(
        out,
        "{}{}{dots}<text x=\"{MARGIN}\" y=\"{}\"><tspan fill=\"#c0504d\">loss (left)</tspan> and <tspan fill=\"#2a9d4a\">F1 of the \
         validation patches (right)</tspan> by epoch, 1 to {epochs}</text></svg>",
        line(losses, "#c0504d"),
        line(scores, "#2a9d4a"),
        HEIGHT - 10.0
    );
}
