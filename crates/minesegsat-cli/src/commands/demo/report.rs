//! The report page of `minesegsat demo`, and its numbers on the terminal.

use std::io::Write;

use maud::{Markup, html};
use minesegsat::preview::png;
use minesegsat_page::{
    Page,
    chart::{Drawing, Plot, Scale},
    data_uri,
    palette::{FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE},
    scroll, table, text,
};

use super::{Demo, MappedYear};
use crate::progress::duration;

/// Longest side of a picture, in pixels.
pub(super) const SIDE: usize = 768;

/// Prints the numbers to the terminal.
pub(super) fn print(demo: &Demo) -> std::io::Result<()> {
    let mut out = crate::terminal::stdout();
    writeln!(out)?;
    writeln!(
        out,
        "on a landscape that the network was not trained on ({} years, cloud-free pixels):",
        demo.years.len()
    )?;
    writeln!(out, "year     true ha    mapped ha   error     F1  precision  recall")?;
    for year in &demo.years {
        let c = &year.counts;
        writeln!(
            out,
            "{:<6} {:>9.1}  {:>11.1}  {:>5.1} %  {:>5}  {:>9}  {:>6}",
            year.year,
            year.true_ha,
            year.mapped_ha,
            error_percent(year),
            number(c.f1()),
            number(c.precision()),
            number(c.recall())
        )?;
    }
    if let [first, .., last] = demo.years.as_slice() {
        writeln!(out, "change {:>9.1}  {:>11.1}", last.true_ha - first.true_ha, last.mapped_ha - first.mapped_ha)?;
    }
    writeln!(out)
}

fn error_percent(year: &MappedYear) -> f64 {
    if year.true_ha > 0.0 { (year.mapped_ha / year.true_ha - 1.0) * 100.0 } else { f64::NAN }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

const HIDDEN: [u8; 3] = [120, 120, 128];
const OTHER: [u8; 3] = [28, 30, 36];

/// A reduced picture of a map and the truth: found, missed, false alarm, not assessable.
pub(super) fn error_map(mask: &[u8], truth: &[u8], width: usize) -> minesegsat::Result<Vec<u8>> {
    let height = mask.len() / width.max(1);
    let step = width.max(height).div_ceil(SIDE).max(1);
    let mut pixels = Vec::new();
    for row in (0..height).step_by(step) {
        for col in (0..width).step_by(step) {
            let i = row * width + col;
            pixels.push(match (mask[i], truth[i] != 0) {
                (255, _) => HIDDEN,
                (0, false) => OTHER,
                (0, true) => FALSE_NEGATIVE,
                (_, true) => TRUE_POSITIVE,
                (_, false) => FALSE_POSITIVE,
            });
        }
    }
    png(&pixels, width.div_ceil(step), height.div_ceil(step))
}

const STYLE: &str = "body { max-width: 68.75rem; }
table { border: 1px solid var(--line); }
td.big { font-size: 1.0625rem; font-weight: 600; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
img { display: block; width: 100%; border-radius: 4px; background: var(--picture-ground); }
.legend { margin: 0.2rem 0 0; }
.key { width: 1rem; border: 1px solid var(--faint); }
.key.hidden { background: #787880; }
.key.loss-curve, .key.score-curve { height: 4px; border: 0; background: var(--accent); }
.key.score-curve { background: var(--info); }
";

/// The report page, as HTML.
pub(super) fn page(demo: &Demo) -> String {
    let total: f64 = demo.seconds.iter().map(|(_, seconds)| seconds).sum();
    let landscapes = match demo.training.len() {
        1 => "one landscape".to_owned(),
        count => format!("{count} landscapes"),
    };
    let body = html! {
        header {
            h1 { "How much land do these mines disturb?" }
            p.lead {
                "Every landscape here is simulated, so the truth is known for every pixel. A small SegFormer was trained on "
                (landscapes) " (" (demo.samples) " patches, " (demo.trained.epochs) " epochs, " (duration(demo.trained.seconds))
                "). Then it mapped two years of another landscape. The whole demo took " (duration(total)) "."
            }
        }
        main {
            h2 { "True and mapped area" }
            (areas(demo))
            p.faint.small {
                "Only cloud-free pixels are counted. The years have different clouds, so the change compares different pixels. A \
                 pixel is 0.01 ha."
            }
            @for year in &demo.years { (pictures(year)) }
            (sites(demo))
            h2 { "Training" }
            (curve(demo))
            h2 { "Time" }
            table {
                tbody { @for (what, seconds) in &demo.seconds { tr { td { (what) } td { (duration(*seconds)) } } } }
            }
            h2 { "What to open next" }
            p {
                "The maps are in " code { "predictions/2021" } " and " code { "predictions/2022" } ": "
                code { "probability.tif" } ", " code { "mask.tif" } " and " code { "polygons.gpkg" } " open in QGIS; the truth is in "
                code { "sim/unseen/truth" } ". The trained model is " code { "run/best" } "; "
                code { "minesegsat predict SCENE --model demo/run/best -o out" } " maps any scene with it. It was trained on \
                 simulated scenes only, so its accuracy on real scenes is unknown. The folder is also a workspace: "
                code { "minesegsat demo --serve" } " shows its mines on a map with their timelines. Seed " (demo.seed) "."
            }
        }
    };
    Page { title: "MineSegSAT demo", style: STYLE, script: "", body }.into_html()
}

/// The monitored mines and their state in the last year.
fn sites(demo: &Demo) -> Markup {
    let (Some(first), Some(last)) = (demo.monitored_years.first(), demo.monitored_years.last()) else {
        return html! {};
    };
    let rows = html! {
        @for site in &demo.sites {
            tr {
                td { (site.name) }
                td { (text::number(site.limit_ha, 0)) }
                @if let Some(seen) = &site.last {
                    td { (seen.date) }
                    td { (text::number(seen.area.map(|area| area.ha), 1)) }
                    td {
                        @if let Some(area) = &seen.area { (format!("{:.1} to {:.1}", area.lower_ha, area.upper_ha)) }
                        @else { (text::NONE) }
                    }
                    td.words { (seen.verdict) }
                } @else {
                    td colspan="4" { "never observed" }
                }
            }
        }
    };
    let head = ["site", "limit, ha", "latest date", "disturbed, ha", "90 % interval", "<verdict"];
    html! {
        h2 { "The mines as monitored sites" }
        p.faint.small {
            "Each site has an invented permit: its limit is 10 % above the area disturbed in " (first) ". The network maps every \
             year until " (last) " and compares the area with the limit. Areas have 90 % confidence intervals; their width was \
             calibrated on a separate landscape."
        }
        (table("Monitored sites", &head, rows))
    }
}

fn areas(demo: &Demo) -> Markup {
    let rows = html! {
        @for year in &demo.years {
            @let c = &year.counts;
            tr {
                td { (year.year) }
                td.big { (format!("{:.1}", year.true_ha)) }
                td.big { (format!("{:.1}", year.mapped_ha)) }
                td { (format!("{:+.1} %", error_percent(year))) }
                @for score in [c.f1(), c.precision(), c.recall(), c.iou()] { td { (text::number(score, 3)) } }
                td { (format!("{:.1}", year.hidden_ha)) }
            }
        }
        @if let [first, .., last] = demo.years.as_slice() {
            tr {
                td { "change" }
                td.big { (format!("{:+.1}", last.true_ha - first.true_ha)) }
                td.big { (format!("{:+.1}", last.mapped_ha - first.mapped_ha)) }
                td colspan="6" {}
            }
        }
    };
    let head = ["year", "true, ha", "mapped, ha", "error", "F1", "precision", "recall", "IoU", "hidden by cloud, ha"];
    table("True and mapped area", &head, rows)
}

fn pictures(year: &MappedYear) -> Markup {
    let totals = &year.manifest.totals;
    html! {
        h2 { (year.year) }
        div.pair {
            figure {
                img alt="the scene with the mapped polygons" src=(year.scene);
                figcaption.faint.small {
                    "The scene with outlines of the mapped polygons: " (totals.polygons) " polygons, "
                    (format!("{:.1} ha; {:.1} %", totals.area_ha, year.manifest.assessed.share_assessed * 100.0))
                    " of the area could be assessed."
                }
            }
            figure {
                img alt="correct and wrong pixels" src=(data_uri("image/png", &year.error_map));
                figcaption.faint.small {
                    "Compared with the truth:"
                    ul.legend {
                        li { span.key.true-positive {} "found" }
                        li { span.key.false-negative {} "missed" }
                        li { span.key.false-positive {} "false alarm" }
                        li { span.key.hidden {} "not assessable" }
                    }
                }
            }
        }
    }
}

/// A chart of loss and F1 by epoch.
fn curve(demo: &Demo) -> Markup {
    let epochs = demo.epochs.last().map_or(1, |last| last.epoch).max(2) as f64;
    let top = demo.epochs.iter().map(|epoch| epoch.loss).fold(0.0, f64::max).max(1e-9);
    let x = Scale { low: 1.0, high: epochs, start: 56.0, end: 950.0 };
    let loss = Plot { x, y: Scale { low: 0.0, high: top, start: 220.0, end: 20.0 } };
    let score = Plot { y: Scale { high: 1.0, ..loss.y }, ..loss };
    let mut drawing = Drawing::new(1000.0, 260.0);
    let (marks, _) = minesegsat_page::chart::ticks(1.0, epochs, 12);
    let marks: Vec<(f64, String)> =
        marks.into_iter().filter(|epoch| epoch.fract() == 0.0).map(|epoch| (x.at(epoch), epoch.to_string())).collect();
    loss.x_axis(&mut drawing, "Epoch", loss.y.end, &marks);
    score.y_axis(&mut drawing, "Loss", 5, |share, _| format!("{:.2}", share * top));
    for share in (0..=5).map(|i| f64::from(i) / 5.0) {
        drawing.text("", "start", (x.end + 7.0, score.y.at(share) + 4.0), &share.to_string());
    }
    drawing.path("curve", demo.epochs.iter().map(|epoch| loss.at(epoch.epoch as f64, epoch.loss)));
    let scores: Vec<(f64, f64)> = demo
        .epochs
        .iter()
        .filter_map(|epoch| Some(score.at(epoch.epoch as f64, *epoch.validation.as_ref()?.get("f1")?)))
        .collect();
    drawing.path("curve second", scores.iter().copied());
    for at in scores {
        drawing.dot("dot second", at, 4.0);
    }
    let label = format!("Loss and F1 on the validation split by epoch, 1 to {epochs}");
    html! {
        div.panel {
            ul.legend {
                li { span.key.loss-curve {} "loss (left)" }
                li { span.key.score-curve {} "F1 on the validation split (right)" }
            }
            (scroll("Chart of training", drawing.finish("chart wide", Some(&label))))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use minesegsat::nn::train::{EpochReport, TrainReport};
    use minesegsat::register::{Area, LastSeen, SiteStatus, SiteSummary, Verdict};

    use super::*;

    const EVIL: &str = r#"<script>alert(1)</script>"'&"#;

    fn epoch(epoch: usize) -> EpochReport {
        EpochReport {
            epoch,
            phase: 1,
            step: 10,
            learning_rate: 1e-3,
            loss: 0.6 / epoch as f64,
            gradient_norm: None,
            seconds: 1.0,
            patches_per_second: 10.0,
            waiting_share: 0.0,
            validation: Some(BTreeMap::from([("f1".to_owned(), 1.0 - 0.7 / epoch as f64)])),
            is_best: true,
            seconds_left: 0.0,
        }
    }

    #[test]
    fn names_of_sites_are_text_and_the_chart_has_its_axes() {
        let area = Area { ha: 31.24, lower_ha: 28.0, upper_ha: 34.5 };
        let last = LastSeen {
            date: jiff::civil::date(2022, 7, 3),
            area: Some(area),
            mapped_ha: Some(30.1),
            assumed_ha: Some(0.0),
            verdict: Verdict::Within,
        };
        let site = |last| SiteSummary {
            id: "mine-1".parse().unwrap(),
            name: EVIL.to_owned(),
            operator: None,
            commodity: None,
            status: SiteStatus::Active,
            permit: None,
            limit_ha: Some(35.4),
            observations: 2,
            last,
            problems: Vec::new(),
        };
        let trained = TrainReport {
            parameters: 1,
            epochs: 8,
            steps: 80,
            seconds: 61.0,
            best_epoch: None,
            metric: "f1".to_owned(),
            best: None,
            best_metrics: BTreeMap::new(),
            best_model: Some("run/best".into()),
            stopped_early: false,
        };
        let demo = Demo {
            seed: 7,
            training: Vec::new(),
            samples: 160,
            epochs: (1..=8).map(epoch).collect(),
            trained,
            years: Vec::new(),
            sites: vec![site(Some(last)), site(None)],
            monitored_years: &[2021, 2022],
            seconds: vec![("training a small SegFormer", 61.0)],
        };
        let page = page(&demo);
        assert!(!page.contains("<script") && page.matches("<td>&lt;script&gt;alert(1)&lt;/script&gt;").count() == 2);
        for expected in
            ["<td>31.2</td><td>28.0 to 34.5</td>", "<td>35</td>", "never observed", "Loss and F1", ">8</text>"]
        {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }
}
