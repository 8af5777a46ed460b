//! `report.html`: one page without external resources.

mod deployment;

use maud::{Markup, PreEscaped, html};
use minesegsat_page::chart::{Drawing, Plot, Scale, forest};
use minesegsat_page::text::number;
use minesegsat_page::{Page, table};

use super::evaluation::{CurvePoint, Estimate, Evaluation, ThresholdOrigin, probability};
use super::picture::{PatchPicture, Rank};
use super::run::{METRICS_FILE, Protocol, SITES_FILE};
use super::sums::Metric;
use crate::Split;
use minesegsat_core::Band;

/// Maximum number of sites in the page's table. The CSV file has all sites.
const MOST_SITES: usize = 40;
/// Pictures smaller than this, in pixels, are enlarged with nearest-neighbour resampling.
const SMALL_PICTURE: usize = 256;

pub(super) fn page(e: &Evaluation, pictures: &[PatchPicture]) -> String {
    let body = html! {
        header {
            h1 { (e.model_title) }
            p.lead { (lead(e)) }
            (verdict(e))
            @if !e.notes.is_empty() { ul.notes { @for note in &e.notes { li { (note) } } } }
            div.tiles { (tiles(e)) }
        }
        main {
            h2 { "Comparison with baselines" }
            div.panel.scroll { (metrics(e)) }
            p.faint.small { (metrics_note(e)) }
            h2 { "Curves" }
            div.charts {
                @if e.has_mines() {
                    (precision_recall(e)) (by_threshold(e)) (reliability(e))
                } @else {
                    p.faint { "No curves: there are no mines in the evaluated pixels." }
                }
            }
            @if !pictures.is_empty() { (patches(pictures)) }
            @if let Some(stability) = &e.stability { (deployment::stability(stability)) }
            @if let Some(negatives) = &e.negatives { (deployment::negatives(negatives)) }
            (sites(e))
            h2 { "Method" }
            div.two {
                div.panel { h3 { "Model and data" } (facts(e)) }
                div.panel.small { (method(e)) }
            }
        }
    };
    let title = format!("{}: evaluation", e.model_title);
    Page { title: &title, style: include_str!("report.css"), script: "", body }.into_html()
}

fn lead(e: &Evaluation) -> Markup {
    let d = &e.dataset;
    html! {
        "Measured on the " b { (d.split) } " split of " (d.title) ": " (d.patches) " patches in " (d.sites) " sites, "
        (format!("{:.2}", d.pixels as f64 / 1e6)) " million pixels"
        @if let Some(share) = d.mining_share { ", " (format!("{:.1}", share * 100.0)) " % of it mining land" }
        "; "
        @match e.protocol {
            Protocol::Full => "whole patches, pixels pooled",
            Protocol::Paper => "the paper's protocol: central crops, mean over patches",
        }
        "."
    }
}

fn verdict(e: &Evaluation) -> Markup {
    let low = e.above_best_baseline.as_ref().and_then(|above| above.difference.low);
    let class = match e.beats_baselines {
        Some(false) => "verdict bad",
        _ if low.is_some_and(|low| low <= 0.0) => "verdict unsure",
        _ => "verdict",
    };
    html! { @if let Some(text) = e.verdict() { p class=(class) { (text) } } }
}

/// The most important metrics.
fn tiles(e: &Evaluation) -> Markup {
    let names: [&str; 6] = match e.protocol {
        Protocol::Full => ["f1", "precision", "recall", "iou", "boundary_f1_2px", "ece"],
        Protocol::Paper => ["f1_image", "precision_image", "recall_image", "iou_image", "accuracy_image", "f1"],
    };
    html! {
        @for name in names {
            @let estimate = e.metrics[name];
            div.tile.first[name == e.headline] {
                div.faint.small { (Metric::named(name).label) }
                div.value { (number(estimate.value, 3)) }
                div.faint.small {
                    @match interval(&estimate, 3) { Some(range) => { "95 % " (range) }, None => "no interval" }
                }
            }
        }
    }
}

fn interval(estimate: &Estimate, digits: usize) -> Option<String> {
    let (low, high) = (estimate.low?, estimate.high?);
    Some(format!("{} to {}", number(Some(low), digits), number(Some(high), digits)))
}

/// Whether value `a` of a metric is better than `b`; `None` for metrics without a better direction.
fn better(name: &str, a: f64, b: f64) -> Option<bool> {
    match name {
        "bce" | "brier" | "ece" | "area_mae_ha" | "area_mae_expected_ha" => Some(a < b),
        "area_bias_ha" | "area_bias_expected_ha" => Some(a.abs() < b.abs()),
        "area_ratio" => Some((a - 1.0).abs() < (b - 1.0).abs()),
        "precision" | "precision_image" | "recall" | "recall_image" | "specificity_without_mines" => None,
        _ => Some(a > b),
    }
}

fn metrics(e: &Evaluation) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th {} th { "This model" } th { "95 % interval" } th {}
                    @for baseline in &e.baselines {
                        th {
                            (baseline.label)
                            @if let Some(threshold) = baseline.threshold {
                                br; span.small { "from " (format!("{threshold:.4}")) }
                            }
                        }
                    }
                }
            }
            tbody { @for metric in &Metric::ALL { (metric_row(e, metric)) } }
        }
    }
}

fn metric_row(e: &Evaluation, metric: &Metric) -> Markup {
    let Metric { name, label, .. } = *metric;
    let estimate = e.metrics[name];
    let digits = metric.digits();
    let others: Vec<Option<f64>> = e.baselines.iter().map(|baseline| baseline.metrics[name].value).collect();
    let of_probabilities = metric.is_of_probabilities();
    let begins_group =
        matches!(name, "f1_image" | "boundary_f1_1px" | "specificity_without_mines" | "bce" | "area_ratio");
    let compared: Vec<f64> = if of_probabilities { Vec::new() } else { others.iter().flatten().copied().collect() };
    let all: Vec<f64> = compared.iter().copied().chain(estimate.value).collect();
    let is_best = |value: Option<f64>| {
        let is_at_least = |value: f64| all.iter().all(|other| better(name, *other, value) == Some(false));
        !compared.is_empty() && value.is_some_and(is_at_least)
    };
    let is_share = !metric.is_hectares() && name != "bce" && name != "area_ratio";
    html! {
        tr.head[name == e.headline].gap[begins_group] {
            th { (label) }
            td.model.best[is_best(estimate.value)] { (number(estimate.value, digits)) }
            td.between { (interval(&estimate, digits).unwrap_or_default()) }
            td {
                @if let Some(value) = estimate.value.filter(|_| is_share) {
                    (forest(value, estimate.low.zip(estimate.high), &compared))
                }
            }
            @for other in others {
                td.best[is_best(other)] { @if !of_probabilities { (number(other, digits)) } }
            }
        }
    }
}

fn metrics_note(e: &Evaluation) -> String {
    let tuned: Vec<String> = e
        .baselines
        .iter()
        .filter_map(|b| Some(format!("{} (F1 there {:.3})", b.label.to_lowercase(), b.f1_on_training?)))
        .collect();
    let tuned = if tuned.is_empty() {
        String::new()
    } else {
        format!(" Thresholds of baselines were tuned on the training split: {}.", tuned.join(", "))
    };
    format!(
        "Underlined: best value of the row; rings: baselines. – means undefined (null in {METRICS_FILE}).{tuned} All baselines \
         are measured on the same pixels as the model."
    )
}

/// A chart with axes from 0 to 1.
struct Shares {
    drawing: Drawing,
    plot: Plot,
}

impl Shares {
    fn new(x: &str, y: &str) -> Self {
        let mut drawing = Drawing::new(400.0, 330.0);
        let axis = |start, end| Scale { low: 0.0, high: 1.0, start, end };
        let plot = Plot { x: axis(46.0, 388.0), y: axis(286.0, 12.0) };
        let ticks: Vec<(f64, String)> =
            (0..=5).map(|i| f64::from(i) / 5.0).map(|part| (plot.x.at(part), part.to_string())).collect();
        plot.x_axis(&mut drawing, x, plot.y.end, &ticks);
        plot.y_axis(&mut drawing, y, 5, |part, _| ((part * 10.0).round() / 10.0).to_string());
        Self { drawing, plot }
    }

    fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        self.drawing.path(class, points.into_iter().map(|(x, y)| self.plot.at(x, y)));
    }

    fn dot(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        self.drawing.dot(class, self.plot.at(x, y), radius);
    }

    /// Writes text beside a point, on the side that has room.
    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let (at_x, at_y) = self.plot.at(x, y);
        let (anchor, shift) = if x > 0.6 { ("end", -8.0) } else { ("start", 8.0) };
        self.drawing.text(class, anchor, (at_x + shift, at_y + if y > 0.9 { 14.0 } else { -7.0 }), text);
    }

    fn finish(self, label: &str, title: &str, text: &str) -> Markup {
        html! {
            div.panel { h3 { (title) } (self.drawing.finish("chart", Some(label))) p.faint.small { (text) } }
        }
    }
}

fn precision_recall(e: &Evaluation) -> Markup {
    let mut chart = Shares::new("Recall", "Precision");
    // Lines of equal F1: precision = F r / (2 r - F).
    for f1 in [0.2, 0.4, 0.6, 0.8] {
        let start = f1 / (2.0 - f1);
        let points = (0..=40).map(|i| start + (1.0 - start) * f64::from(i) / 40.0);
        chart.line("iso", points.map(|r| (r, f1 * r / (2.0 * r - f1))));
        chart.text("", 0.985, f1 / (2.0 - f1) - 0.005, &format!("F1 {f1}"));
    }
    chart.line("curve", e.curve().iter().filter_map(|at| at.recall.zip(at.precision)));
    for baseline in &e.baselines {
        let value = |name: &str| baseline.metrics[name].value;
        if let Some((recall, precision)) = value("recall").zip(value("precision")) {
            chart.dot("other", recall, precision, 4.0);
        }
    }
    if let Some((recall, precision)) = e.counts.recall().zip(e.counts.precision()) {
        chart.dot("dot", recall, precision, 5.5);
        chart.text("strong", recall, precision, &format!("at {}", probability(e.threshold.value)));
    }
    let text = format!(
        "All pixels pooled. Area under the curve (average precision) {}. Rings: baselines; dashed: equal F1.",
        number(e.average_precision, 3)
    );
    chart.finish("Precision by recall", "Precision and recall", &text)
}

/// Takes a metric from a point of the curve.
type CurveValue = fn(&CurvePoint) -> Option<f64>;

fn by_threshold(e: &Evaluation) -> Markup {
    let mut chart = Shares::new("Threshold", "");
    let curve = e.curve();
    let lines: [(&str, CurveValue); 3] =
        [("curve second", |at| at.precision), ("curve third", |at| at.recall), ("curve", |at| at.f1)];
    for (class, value) in lines {
        chart.line(class, curve.iter().filter_map(|at| Some((f64::from(at.threshold), value(at)?))));
    }
    let chosen = f64::from(e.threshold.value);
    chart.line("at", [(chosen, 0.0), (chosen, 1.0)]);
    if let Some(f1) = e.counts.f1() {
        chart.dot("dot", chosen, f1, 5.5);
        chart.text("strong", chosen, f1, &format!("F1 {f1:.3}"));
    }
    let is_tuned_here = e.threshold.origin == ThresholdOrigin::Validation && e.dataset.split == Split::Val;
    let best = e.histogram.best_f1().filter(|_| !is_tuned_here).map_or_else(String::new, |best| {
        format!(
            " The best threshold for this split, known only afterwards, is {} (F1 {}).",
            probability(best.threshold),
            number(best.counts.f1(), 3)
        )
    });
    let text = format!("Orange: F1; blue: precision; green: recall. The threshold: {}.{best}", e.threshold_text());
    chart.finish("F1, precision and recall by threshold", "F1 by threshold", &text)
}

fn reliability(e: &Evaluation) -> Markup {
    let mut chart = Shares::new("Predicted probability", "Share that is a mine");
    let bins = &e.reliability.bins;
    let width = 1.0 / bins.len() as f64;
    let largest = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
    for (i, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        // Logarithmic, so that rare probabilities stay visible beside common ones.
        let height = 0.18 * (1.0 + bin.count as f64).ln() / (1.0 + largest).ln();
        let ((left, bottom), (right, top)) =
            (chart.plot.at(i as f64 * width, 0.0), chart.plot.at((i + 1) as f64 * width, height));
        chart.drawing.rect("count", (left + 0.5, bottom), (right - 0.5, top));
    }
    chart.line("iso", [(0.0, 0.0), (1.0, 1.0)]);
    let points: Vec<(f64, f64)> = bins
        .iter()
        .filter(|bin| bin.count > 0)
        .map(|bin| (bin.probability / bin.count as f64, bin.mines as f64 / bin.count as f64))
        .collect();
    chart.line("curve", points.iter().copied());
    for (x, y) in points {
        chart.dot("dot", x, y, 4.0);
    }
    let text = format!(
        "Dashed line: perfect calibration. Expected calibration error {}. Grey: number of pixels by probability, on a \
         logarithmic scale.",
        number(e.value("ece"), 3)
    );
    chart.finish("Share of mines by predicted probability", "Calibration of the probabilities", &text)
}

fn patches(pictures: &[PatchPicture]) -> Markup {
    let is_small = pictures.iter().all(|picture| picture.width.max(picture.height) < SMALL_PICTURE);
    html! {
        h2 { "Example patches" }
        ul.legend {
            @for (class, words) in [
                ("key line truth-colour", "true outline"),
                ("key line found-colour", "predicted outline"),
                ("key true-positive", "mine, found"),
                ("key false-positive", "false positive: found, no mine"),
                ("key false-negative", "false negative: mine, missed"),
                ("key not-judged", "not judged"),
            ] {
                li { span class=(class) {} (words) }
            }
        }
        @for (rank, title) in [(Rank::Best, "Best by F1"), (Rank::Median, "Median"), (Rank::Worst, "Worst")] {
            @if pictures.iter().any(|picture| picture.rank == rank) {
                h3 { (title) }
                div.patches.small-pictures[is_small] {
                    @for picture in pictures.iter().filter(|picture| picture.rank == rank) { (patch(picture)) }
                }
            }
        }
    }
}

fn patch(picture: &PatchPicture) -> Markup {
    let PatchPicture { id, site, counts, area, width: w, height: h, composite, ground, errors, .. } = picture;
    let view_box = format!("0 0 {w} {h}");
    html! {
        figure {
            div.pair {
                svg viewBox=(view_box) role="img" aria-label={ (id) " with outlines" } {
                    image href=(ground) width=(w) height=(h) {}
                    @for (class, path) in [("truth", &picture.truth), ("found", &picture.found)] {
                        @if !path.is_empty() { path.casing d=(path) {} path class=(class) d=(path) {} }
                    }
                }
                svg viewBox=(view_box) role="img" aria-label={ (id) ": errors" } {
                    image href=(errors) width=(w) height=(h) {}
                }
            }
            figcaption {
                b { (id) } " " span.faint.small { (composite) @if site != id { ", site " (site) } } br;
                "F1 " (number(counts.f1(), 3)) ", precision " (number(counts.precision(), 3))
                ", recall " (number(counts.recall(), 3))
                @if let Some([truth, counted, _]) = area { (format!(", {truth:.1} ha true, {counted:.1} ha measured")) }
            }
        }
    }
}

fn sites(e: &Evaluation) -> Markup {
    let Some(total) = &e.area else { return html! {} };
    let mut order: Vec<_> = e.sites.iter().filter_map(|site| Some((site, site.area?))).collect();
    order.sort_by(|(_, a), (_, b)| (b[1] - b[0]).abs().total_cmp(&(a[1] - a[0]).abs()));
    let shown = order.len().min(MOST_SITES);
    let error = |value: f64| {
        let sign = if value.is_sign_positive() { "+" } else { "" };
        html! { span.over[value > 0.0].under[value <= 0.0] { (sign) (number(Some(value), 1)) } }
    };
    let cells = |patches: usize, [truth, counted, expected]: [f64; 3], f1: Option<f64>| {
        let ha = |value: f64| html! { td { (format!("{value:.1}")) } };
        html! {
            td { (patches) } (ha(truth))
            (ha(counted)) td { (error(counted - truth)) }
            (ha(expected)) td { (error(expected - truth)) }
            td { (number(f1, 3)) }
        }
    };
    let all = [total.truth_ha, total.counted_ha, total.expected_ha];
    let rows = html! {
        tr.head { th { "All " (e.sites.len()) " sites" } (cells(e.dataset.patches, all, e.counts.f1())) }
        @for (site, area) in &order[..shown] {
            tr { th { (site.site) } (cells(site.patches, *area, site.counts.f1())) }
        }
    };
    let head = ["Site", "Patches", "True (ha)", "Measured (ha)", "Error", "Summed probabilities (ha)", "Error", "F1"];
    html! {
        h2 { "Hectares by site" }
        div.panel { (table("Hectares by site", &head, rows)) }
        @if shown < order.len() {
            p.faint.small { "The " (shown) " sites with the largest errors; " (SITES_FILE) " lists all sites." }
        }
    }
}

fn facts(e: &Evaluation) -> Markup {
    let text = |value: &serde_json::Value| -> Option<String> {
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    };
    let views = e.model["views"].as_u64().filter(|&views| views > 1);
    let is_full = e.protocol == Protocol::Full;
    let facts = [
        ("Model", Some(e.model_title.clone())),
        ("Bands", Some(Band::list(&e.model_bands))),
        ("Licence", text(&e.model["licence"])),
        ("Network", text(&e.model["network"])),
        ("Weights (SHA-256)", text(&e.model["weights_sha256"])),
        ("Trained on", text(&e.model["training"]["data"])),
        ("Views", views.map(|views| format!("{views} flips and rotations of each patch, logits averaged"))),
        ("Temperature", e.model["temperature"].as_f64().map(|temperature| format!("{temperature:.3}"))),
        ("Data set", Some(format!("{} ({})", e.dataset.title, e.dataset.folder))),
        ("Split", Some(format!("{}, {} patches without mines", e.dataset.split, e.dataset.patches_without_mines))),
        ("Threshold", Some(e.threshold_text())),
        ("Windows", is_full.then(|| format!("{} pixels, overlapping by at least {}", e.window_px, e.overlap_px))),
        (
            "Intervals",
            Some(format!(
                "{}: {} sites, {} draws, seed {}",
                e.intervals.method, e.intervals.sites, e.intervals.resamples, e.intervals.seed
            )),
        ),
        ("Made", Some(format!("{} by {}", e.created.strftime("%Y-%m-%d %H:%M UTC"), e.software))),
    ];
    html! {
        dl { @for (name, value) in facts { @if let Some(value) = value { dt { (name) } dd { (value) } } } }
    }
}

fn method(e: &Evaluation) -> Markup {
    html! {
        p {
            @match e.protocol {
                Protocol::Full => {
                    b { "Full protocol." } " Whole patches go through the network in overlapping windows, as in "
                    code { "predict" } ". F1, precision, recall, IoU and accuracy are computed over all pixels together."
                }
                Protocol::Paper => {
                    b { "Protocol of the paper." } " The central 512 pixels of each patch, a threshold of 0.5, and the mean over \
                    patches. An undefined ratio of a patch (no mine in it and none found) counts as 1."
                }
            }
            " Means over patches count undefined ratios as 1. Ignored pixels (no data, cloud, no label) are excluded everywhere."
        }
        (PreEscaped(include_str!("method.html")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use minesegsat_core::metrics::{ConfusionMatrix, ProbabilityHistogram, Reliability};

    use super::super::baseline::Baseline;
    use super::super::evaluation::{
        Above, AreaTotals, BaselineResult, DatasetSummary, Intervals, SiteResult, ThresholdUsed,
    };
    use super::super::negatives::{CoverClass, FalseLand, Negatives};
    use super::super::stability::{Change, ChangeResult, Stability};
    use super::*;

    /// If this environment variable is set, the test also writes the page into that folder for inspection.
    const FOLDER: &str = "MINESEGSAT_REPORT_PAGES";
    const EVIL: &str = r#"<script>alert(1)</script>"'&"#;

    fn metrics(shift: f64) -> BTreeMap<&'static str, Estimate> {
        let estimate = |i: usize| {
            let value = 0.9 - 0.03 * i as f64 - shift;
            Estimate { value: Some(value), low: Some(value - 0.06), high: Some(value + 0.04) }
        };
        Metric::ALL.iter().enumerate().map(|(i, metric)| (metric.name, estimate(i))).collect()
    }

    /// An evaluation in which every text is `text`.
    fn evaluation(text: &str) -> Evaluation {
        let probabilities: Vec<f32> = (0..4000).map(|i| (i * 37 % 1000) as f32 / 1000.0).collect();
        let mask: Vec<u8> =
            probabilities.iter().enumerate().map(|(i, p)| u8::from(*p + (i * 91 % 100) as f32 / 250.0 > 0.7)).collect();
        let (mut histogram, mut reliability) = (ProbabilityHistogram::default(), Reliability::new(10));
        histogram.add(&probabilities, &mask, 255);
        reliability.add(&probabilities, &mask, 255);
        let mut counts = ConfusionMatrix::default();
        for (p, mine) in probabilities.iter().zip(&mask) {
            match (*p >= 0.5, *mine != 0) {
                (true, true) => counts.tp += 1,
                (true, false) => counts.fp += 1,
                (false, true) => counts.fn_ += 1,
                (false, false) => counts.tn += 1,
            }
        }
        let baseline = |name, shift| BaselineResult {
            name,
            label: text.to_owned(),
            threshold: Some(0.2),
            f1_on_training: Some(0.31),
            metrics: metrics(shift),
        };
        let site = |area| SiteResult { site: text.to_owned(), patches: 2, counts, area: Some(area) };
        let difference = Estimate { value: Some(0.2), low: Some(0.1), high: Some(0.3) };
        Evaluation {
            software: text.to_owned(),
            created: "2024-09-18T06:30:00Z".parse().unwrap(),
            model: serde_json::json!({
                "licence": text, "network": text, "weights_sha256": text, "training": { "data": text }, "views": 4,
                "temperature": 1.2,
            }),
            model_title: text.to_owned(),
            model_bands: vec![Band::B02, Band::B03],
            dataset: DatasetSummary {
                title: text.to_owned(),
                folder: text.to_owned(),
                split: Split::Val,
                patches: 4,
                patches_without_mines: 1,
                sites: 2,
                pixels: 4000,
                mining_share: Some(0.2),
            },
            protocol: Protocol::Full,
            window_px: 512,
            overlap_px: 64,
            threshold: ThresholdUsed { value: 0.5, origin: ThresholdOrigin::Model, f1: None },
            headline: "f1",
            intervals: Intervals { level: 0.95, method: "bootstrap of sites", sites: 2, resamples: 100, seed: 1 },
            metrics: metrics(0.0),
            baselines: vec![baseline(Baseline::AllMine, 0.5), baseline(Baseline::Brightness, 0.2)],
            beats_baselines: Some(true),
            above_best_baseline: Some(Above { baseline: Baseline::Brightness, difference }),
            counts,
            area: Some(AreaTotals { truth_ha: 20.0, counted_ha: 23.5, expected_ha: 19.0 }),
            average_precision: Some(0.8),
            reliability,
            stability: None,
            negatives: None,
            notes: vec![text.to_owned()],
            patches: Vec::new(),
            sites: vec![site([12.0, 15.5, 11.0]), site([8.0, 7.96, 8.0])],
            histogram,
        }
    }

    fn picture(text: &str, counts: ConfusionMatrix) -> PatchPicture {
        let image = minesegsat_map::preview::jpeg_uri(&[[90; 3]; 64 * 64], (64, 64), 64).unwrap();
        PatchPicture {
            rank: Rank::Best,
            id: text.to_owned(),
            site: format!("{text} "),
            counts,
            area: Some([3.0, 3.5, 3.2]),
            width: 64,
            height: 64,
            composite: text.to_owned(),
            ground: image.clone(),
            errors: image,
            truth: "M8 8h20v20h-20z".to_owned(),
            found: "M10 10h20v20h-20z".to_owned(),
        }
    }

    #[test]
    fn every_text_is_escaped_and_no_number_is_missing() {
        let evaluation = evaluation(EVIL);
        let page = page(&evaluation, &[picture(EVIL, evaluation.counts)]);
        assert!(!page.contains("<script") && !page.contains("alert(1)</script>"));
        // Window, heading, lead, verdict, note, 2 baselines and their thresholds, patch (6), sites, facts (8).
        assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;").count() >= 20);
        for expected in ["12.0", "+3.5", "0.0", "bootstrap of sites: 2 sites, 100 draws, seed 1", "19.0"] {
            assert!(page.contains(expected), "{expected}");
        }
        assert!(!page.contains("NaN"));
    }

    #[test]
    fn stability_and_false_land_have_their_tables() {
        let estimate = |value| Estimate { value: Some(value), low: Some(value - 0.125), high: Some(value + 0.125) };
        let change = ChangeResult {
            change: Change::Shift { pixels: 1 },
            label: EVIL.to_owned(),
            patches: 7,
            changed_share: estimate(0.25),
            area_change: estimate(-0.5),
            f1: Estimate::UNDEFINED,
            f1_change: Estimate::UNDEFINED,
        };
        let land = FalseLand {
            patches: 3,
            sites: 3,
            assessed_km2: 0.25,
            false_ha: 0.0,
            ha_per_1000_km2: Estimate { value: Some(0.0), ..Estimate::UNDEFINED },
            patches_with_false_land: 0,
            share_of_patches: Estimate { value: Some(0.0), ..Estimate::UNDEFINED },
            share_of_patches_at_most: Some(0.5),
        };
        let negatives = Negatives {
            left_out: 2,
            land: land.clone(),
            min_area_m2: 1000.0,
            polygons: 0,
            polygons_per_1000_km2: Estimate::UNDEFINED,
            polygons_per_1000_km2_at_most: Some(18.5),
            bound_level: 0.9,
            cover: vec![CoverClass { class: Some(10), name: EVIL.to_owned(), land }],
        };
        let page = page(
            &Evaluation {
                stability: Some(Stability { patches: 7, sites: 4, f1: estimate(0.5), changes: vec![change] }),
                negatives: Some(negatives),
                ..evaluation("Mines of the north")
            },
            &[],
        );
        assert_eq!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;").count(), 2, "change and class");
        for expected in [
            "25.00",
            "12.50 to 37.50",
            "−62.5 to −37.5",
            "0 of 3 patches in 3 sites; at most 50.0 % at 90 %",
            "0 of at least 1000 m2 on 0.25 km2; at most 18.5 per 1000 km2 at 90 %",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
        assert!(!page.contains("NaN"));
    }

    #[test]
    fn a_page_without_mines_or_pictures_says_so() {
        let mut evaluation = evaluation("Mines of the north");
        let looks = page(&evaluation, &[picture("north-1", evaluation.counts)]);
        if let Some(folder) = std::env::var_os(FOLDER) {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(std::path::Path::new(&folder).join("evaluation.html"), looks).unwrap();
        }
        evaluation.counts = ConfusionMatrix { tn: 10, ..ConfusionMatrix::default() };
        let page = page(&evaluation, &[]);
        assert!(
            page.contains("No curves: there are no mines in the evaluated pixels.")
                && !page.contains("Example patches")
        );
    }
}
