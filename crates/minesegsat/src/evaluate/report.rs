//! `report.html`: one page that loads nothing.

use std::fmt::Write;

use super::chart::{Chart, forest};
use super::evaluation::{Estimate, Evaluation, ThresholdOrigin, probability};
use super::picture::{FALSE_NEGATIVE, FALSE_POSITIVE, FOUND, PatchPicture, Rank};
use super::run::{METRICS_FILE, Protocol, SITES_FILE};
use super::sums::Metric;
use crate::Band;
use crate::dataset::Split;
use crate::preview::{digest, escaped, filled};

const TEMPLATE: &str = include_str!("report.html");
/// Sites in the table of the page; the file has all.
const MOST_SITES: usize = 40;
/// Smaller pictures are enlarged pixel by pixel.
const SMALL_PICTURE: usize = 256;

pub(super) fn page(evaluation: &Evaluation, pictures: &[PatchPicture]) -> String {
    let e = evaluation;
    let hex = |colour: [u8; 3]| format!("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2]);
    let is_small = pictures.iter().all(|picture| picture.width.max(picture.height) < SMALL_PICTURE);
    // The digest must be that of the style as it stands in the page.
    let colours = [
        ("tp", hex(FOUND)),
        ("fp", hex(FALSE_POSITIVE)),
        ("fn", hex(FALSE_NEGATIVE)),
        ("rendering", if is_small { "pixelated" } else { "auto" }.to_owned()),
    ];
    let template =
        colours.iter().fold(TEMPLATE.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value));
    let heading = escaped(&e.model_title);
    filled(
        &template,
        &[
            ("style_digest", &digest(&template, "style")),
            ("version", env!("CARGO_PKG_VERSION")),
            ("title", &format!("{heading}: evaluation")),
            ("heading", &heading),
            ("lead", &lead(e)),
            ("verdict", &verdict(e)),
            ("notes", &notes(e)),
            ("tiles", &tiles(e)),
            ("table", &table(e)),
            ("table_note", &table_note(e)),
            ("charts", &charts(e)),
            ("patches", &patches(pictures)),
            ("sites", &sites(e)),
            ("facts", &facts(e)),
            ("method", &method(e)),
        ],
    )
}

fn lead(e: &Evaluation) -> String {
    let d = &e.dataset;
    let share = d.mining_share.map_or_else(String::new, |share| format!(", {:.1} % of it mining land", share * 100.0));
    let protocol = match e.protocol {
        Protocol::Full => "whole patches, pixels pooled",
        Protocol::Paper => "the paper's protocol: central crops, mean over patches",
    };
    format!(
        "Measured on the <b>{}</b> split of {}: {} patches in {} sites, {:.2} million pixels{share}; {protocol}.",
        d.split,
        escaped(&d.title),
        d.patches,
        d.sites,
        d.pixels as f64 / 1e6
    )
}

fn verdict(e: &Evaluation) -> String {
    let Some(text) = e.verdict() else { return String::new() };
    let low = e.above_best_baseline.as_ref().and_then(|above| above.difference.low);
    let class = match e.beats_baselines {
        Some(false) => "verdict bad",
        _ if low.is_some_and(|low| low <= 0.0) => "verdict unsure",
        _ => "verdict",
    };
    format!(r#"<p class="{class}">{}</p>"#, escaped(&text))
}

fn notes(e: &Evaluation) -> String {
    if e.notes.is_empty() {
        return String::new();
    }
    let items: String = e.notes.iter().map(|note| format!("<li>{}</li>", escaped(note))).collect();
    format!(r#"<ul class="notes">{items}</ul>"#)
}

/// The numbers that people look for first.
fn tiles(e: &Evaluation) -> String {
    let names: [&str; 6] = match e.protocol {
        Protocol::Full => ["f1", "precision", "recall", "iou", "boundary_f1_2px", "ece"],
        Protocol::Paper => ["f1_image", "precision_image", "recall_image", "iou_image", "accuracy_image", "f1"],
    };
    let mut out = String::new();
    for name in names {
        let metric = Metric::named(name);
        let estimate = e.metrics[name];
        let class = if name == e.headline { "tile first" } else { "tile" };
        let range = interval(&estimate, 3).map_or_else(|| "no interval".to_owned(), |range| format!("95 % {range}"));
        let _ = write!(
            out,
            r#"<div class="{class}"><div class="faint small">{}</div><div class="value">{}</div><div class="faint small">{range}</div></div>"#,
            metric.label,
            number(estimate.value, 3)
        );
    }
    out
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| minus(format!("{value:.digits$}")))
}

/// A minus sign as wide as a plus sign.
fn minus(text: String) -> String {
    text.replace('-', "−")
}

fn interval(estimate: &Estimate, digits: usize) -> Option<String> {
    let (low, high) = (estimate.low?, estimate.high?);
    Some(minus(format!("{low:.digits$} to {high:.digits$}")))
}

/// Whether one value is better than another; `None` where that is not a question.
fn better(name: &str, a: f64, b: f64) -> Option<bool> {
    match name {
        "bce" | "brier" | "ece" | "area_mae_ha" | "area_mae_expected_ha" => Some(a < b),
        "area_bias_ha" | "area_bias_expected_ha" => Some(a.abs() < b.abs()),
        "area_ratio" => Some((a - 1.0).abs() < (b - 1.0).abs()),
        "precision" | "precision_image" | "recall" | "recall_image" | "specificity_without_mines" => None,
        _ => Some(a > b),
    }
}

fn table(e: &Evaluation) -> String {
    let mut out = "<table><thead><tr><th></th><th>This model</th><th>95 % interval</th><th></th>".to_owned();
    for baseline in &e.baselines {
        let threshold =
            baseline.threshold.map_or_else(String::new, |t| format!(r#"<br><span class="small">from {t:.4}</span>"#));
        let _ = write!(out, "<th>{}{threshold}</th>", escaped(&baseline.label));
    }
    out += "</tr></thead><tbody>";
    for metric in Metric::ALL {
        let estimate = e.metrics[metric.name];
        let digits = metric.digits();
        let others: Vec<Option<f64>> = e.baselines.iter().map(|baseline| baseline.metrics[metric.name].value).collect();
        let of_probabilities = metric.is_of_probabilities();
        let mut class = Vec::new();
        if metric.name == e.headline {
            class.push("head");
        }
        if matches!(metric.name, "f1_image" | "boundary_f1_1px" | "specificity_without_mines" | "bce" | "area_ratio") {
            class.push("gap");
        }
        let compared: Vec<f64> = if of_probabilities { Vec::new() } else { others.iter().flatten().copied().collect() };
        let is_best =
            |value: f64, among: &[f64]| among.iter().all(|other| better(metric.name, *other, value) == Some(false));
        let all: Vec<f64> = compared.iter().copied().chain(estimate.value).collect();
        let mark = |value: Option<f64>| {
            if !compared.is_empty() && value.is_some_and(|value| is_best(value, &all)) { " best" } else { "" }
        };
        let bar = match estimate.value {
            Some(value) if !metric.is_hectares() && metric.name != "bce" && metric.name != "area_ratio" => {
                forest(value, estimate.low.zip(estimate.high), &compared)
            }
            _ => String::new(),
        };
        let _ = write!(
            out,
            r#"<tr class="{}"><th>{}</th><td class="model{}">{}</td><td><span class="range">{}</span></td><td>{bar}</td>"#,
            class.join(" "),
            metric.label,
            mark(estimate.value),
            number(estimate.value, digits),
            interval(&estimate, digits).unwrap_or_default()
        );
        for other in others {
            if of_probabilities {
                out += "<td></td>";
            } else {
                let _ = write!(out, r#"<td class="{}">{}</td>"#, mark(other).trim(), number(other, digits));
            }
        }
        out += "</tr>";
    }
    out + "</tbody></table>"
}

fn table_note(e: &Evaluation) -> String {
    let tuned: Vec<String> = e
        .baselines
        .iter()
        .filter_map(|b| Some(format!("{} (F1 there {:.3})", escaped(&b.label).to_lowercase(), b.f1_on_training?)))
        .collect();
    let tuned = if tuned.is_empty() {
        String::new()
    } else {
        format!(" Thresholds of baselines were tuned on the training split: {}.", tuned.join(", "))
    };
    format!(
        "Underlined: the best of a row; rings: the baselines. – means not defined (null in {METRICS_FILE}).{tuned} All baselines \
         are measured on the same pixels as the model."
    )
}

fn charts(e: &Evaluation) -> String {
    if !e.has_mines() {
        return "<p class=\"faint\">There is no mine to draw curves of.</p>".to_owned();
    }
    let figure = |title: &str, chart: String, text: String| {
        format!(r#"<div class="panel"><h3>{title}</h3>{chart}<p class="faint small">{text}</p></div>"#)
    };
    precision_recall(e, &figure) + &by_threshold(e, &figure) + &reliability(e, &figure)
}

type Figure<'a> = &'a dyn Fn(&str, String, String) -> String;

fn precision_recall(e: &Evaluation, figure: Figure<'_>) -> String {
    let mut chart = Chart::new("Precision by recall", "Recall", "Precision");
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
    let ap = number(e.average_precision, 3);
    figure(
        "Precision and recall",
        chart.finish(),
        format!(
            "All pixels pooled. Area under the curve (average precision) {ap}. Rings: baselines; dashed: equal F1."
        ),
    )
}

fn by_threshold(e: &Evaluation, figure: Figure<'_>) -> String {
    let mut chart = Chart::new("F1, precision and recall by threshold", "Threshold", "");
    let curve = e.curve();
    let points = |value: fn(&super::evaluation::CurvePoint) -> Option<f64>| -> Vec<(f64, f64)> {
        curve.iter().filter_map(|at| Some((f64::from(at.threshold), value(at)?))).collect()
    };
    chart.line("curve second", points(|at| at.precision));
    chart.line("curve third", points(|at| at.recall));
    chart.line("curve", points(|at| at.f1));
    let chosen = f64::from(e.threshold.value);
    chart.vertical("mark", chosen);
    if let Some(f1) = e.counts.f1() {
        chart.dot("dot", chosen, f1, 5.5);
        chart.text("strong", chosen, f1, &format!("F1 {f1:.3}"));
    }
    let is_tuned_here = e.threshold.origin == ThresholdOrigin::Validation && e.dataset.split == Split::Val;
    let best = e.histogram.best_f1().filter(|_| !is_tuned_here).map_or_else(String::new, |best| {
        format!(
            " In hindsight {} would have been best here (F1 {}), which nobody can know beforehand.",
            probability(best.threshold),
            number(best.counts.f1(), 3)
        )
    });
    figure(
        "F1 by threshold",
        chart.finish(),
        format!("Orange: F1; blue: precision; green: recall. The threshold: {}.{best}", e.threshold_text()),
    )
}

fn reliability(e: &Evaluation, figure: Figure<'_>) -> String {
    let mut chart =
        Chart::new("Share of mines by predicted probability", "Predicted probability", "Share that is a mine");
    let bins = &e.reliability.bins;
    let width = 1.0 / bins.len() as f64;
    let largest = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
    for (i, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        // The logarithm, so that rare probabilities can be seen beside the sure ones.
        let height = 0.18 * (1.0 + bin.count as f64).ln() / (1.0 + largest).ln();
        chart.bar(i as f64 * width, (i + 1) as f64 * width, height);
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
    figure(
        "Can the probabilities be believed?",
        chart.finish(),
        format!(
            "On the dashed line they come true as often as they say. Expected calibration error {}. Grey: pixels by \
             probability, in logarithms.",
            number(e.value("ece"), 3)
        ),
    )
}

fn patches(pictures: &[PatchPicture]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let mut out = r#"<h2>Patches to look at</h2><ul class="legend"><li><span class="swatch line truth-colour"></span>true outline</li><li><span class="swatch line found-colour"></span>predicted outline</li><li><span class="swatch tp-colour"></span>mine, found</li><li><span class="swatch fp-colour"></span>false positive: found, no mine</li><li><span class="swatch fn-colour"></span>false negative: mine, missed</li><li><span class="swatch ig-colour"></span>not judged</li></ul>"#
        .to_owned();
    for (rank, title) in [(Rank::Best, "Best by F1"), (Rank::Median, "In the middle"), (Rank::Worst, "Worst")] {
        let of_rank: Vec<&PatchPicture> = pictures.iter().filter(|picture| picture.rank == rank).collect();
        if of_rank.is_empty() {
            continue;
        }
        let _ = write!(out, r#"<h3>{title}</h3><div class="patches">"#);
        for picture in of_rank {
            out += &patch(picture);
        }
        out += "</div><p></p>";
    }
    out
}

fn patch(picture: &PatchPicture) -> String {
    let PatchPicture { width: w, height: h, ground, errors, truth, found, .. } = picture;
    let c = &picture.counts;
    let area = picture
        .area
        .map_or_else(String::new, |[truth, counted, _]| format!(", {truth:.1} ha true, {counted:.1} ha measured"));
    let site = if picture.site == picture.id { String::new() } else { format!(", site {}", escaped(&picture.site)) };
    let id = escaped(&picture.id);
    let outline = |class: &str, path: &str| {
        if path.is_empty() {
            String::new()
        } else {
            format!(r#"<path class="casing" d="{path}"/><path class="{class}" d="{path}"/>"#)
        }
    };
    format!(
        r#"<figure><div class="pair"><svg viewBox="0 0 {w} {h}" role="img" aria-label="{id} with outlines"><image href="{ground}" width="{w}" height="{h}"/>{}{}</svg><svg viewBox="0 0 {w} {h}" role="img" aria-label="{id}: errors"><image href="{errors}" width="{w}" height="{h}"/></svg></div><figcaption><b>{id}</b> <span class="faint small">{}{site}</span><br>F1 {}, precision {}, recall {}{area}</figcaption></figure>"#,
        outline("truth", truth),
        outline("found", found),
        escaped(&picture.composite),
        number(c.f1(), 3),
        number(c.precision(), 3),
        number(c.recall(), 3),
    )
}

fn sites(e: &Evaluation) -> String {
    let Some(total) = &e.area else { return String::new() };
    let mut order: Vec<_> = e.sites.iter().filter_map(|site| Some((site, site.area?))).collect();
    order.sort_by(|(_, a), (_, b)| (b[1] - b[0]).abs().total_cmp(&(a[1] - a[0]).abs()));
    let shown = order.len().min(MOST_SITES);
    let error = |value: f64| {
        let class = if value > 0.0 { "over" } else { "under" };
        format!(r#"<span class="{class}">{}</span>"#, minus(format!("{value:+.1}")))
    };
    let mut out = format!(
        r#"<h2>Hectares by site</h2><div class="panel"><table><thead><tr><th>Site</th><th>Patches</th><th>True (ha)</th><th>Measured (ha)</th><th>Error</th><th>Summed probabilities (ha)</th><th>Error</th><th>F1</th></tr></thead><tbody><tr class="head"><th>All {} sites</th><td>{}</td><td>{:.1}</td><td>{:.1}</td><td>{}</td><td>{:.1}</td><td>{}</td><td>{}</td></tr>"#,
        e.sites.len(),
        e.dataset.patches,
        total.truth_ha,
        total.counted_ha,
        error(total.counted_ha - total.truth_ha),
        total.expected_ha,
        error(total.expected_ha - total.truth_ha),
        number(e.counts.f1(), 3)
    );
    for (site, [truth, counted, expected]) in &order[..shown] {
        let _ = write!(
            out,
            "<tr><th>{}</th><td>{}</td><td>{truth:.1}</td><td>{counted:.1}</td><td>{}</td><td>{expected:.1}</td><td>{}</td><td>{}</td></tr>",
            escaped(&site.site),
            site.patches,
            error(counted - truth),
            error(expected - truth),
            number(site.counts.f1(), 3)
        );
    }
    out += "</tbody></table></div>";
    if shown < order.len() {
        let _ = write!(out, r#"<p class="faint small">The {shown} of the largest errors; {SITES_FILE} has all.</p>"#);
    }
    out
}

fn facts(e: &Evaluation) -> String {
    let mut out = String::new();
    let mut fact = |name: &str, value: String| {
        let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
    };
    let text = |value: &serde_json::Value| -> Option<String> {
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    };
    fact("Model", e.model_title.clone());
    fact("Bands", Band::list(&e.model_bands));
    for (name, key) in [("Licence", "licence"), ("Network", "network"), ("Weights (SHA-256)", "weights_sha256")] {
        if let Some(value) = text(&e.model[key]) {
            fact(name, value);
        }
    }
    if let Some(data) = text(&e.model["training"]["data"]) {
        fact("Trained on", data);
    }
    if let Some(views) = e.model["views"].as_u64().filter(|&views| views > 1) {
        fact("Views", format!("each patch in {views} symmetries, logits averaged"));
    }
    if let Some(temperature) = e.model["temperature"].as_f64() {
        fact("Temperature", format!("{temperature:.3}"));
    }
    fact("Data set", format!("{} ({})", e.dataset.title, e.dataset.folder));
    fact("Split", format!("{}, {} of its patches without mines", e.dataset.split, e.dataset.patches_without_mines));
    fact("Threshold", e.threshold_text());
    if e.protocol == Protocol::Full {
        fact("Windows", format!("{} pixels, overlapping by at least {}", e.window_px, e.overlap_px));
    }
    fact(
        "Intervals",
        format!(
            "{}: {} sites, {} draws, seed {}",
            e.intervals.method, e.intervals.sites, e.intervals.resamples, e.intervals.seed
        ),
    );
    fact("Made", format!("{} by {}", e.created.strftime("%Y-%m-%d %H:%M UTC"), e.software));
    out
}

fn method(e: &Evaluation) -> String {
    let protocol = match e.protocol {
        Protocol::Full => {
            "<p><b>Full protocol.</b> Whole patches go through the network in overlapping windows, as in <code>predict</code>. F1, \
             precision, recall, IoU and accuracy are those of all pixels together."
        }
        Protocol::Paper => {
            "<p><b>Protocol of the paper.</b> The central 512 pixels of each patch, a threshold of 0.5, and the mean over patches. \
             A ratio that is not defined for a patch (no mine in it and none found) counts as 1."
        }
    };
    format!(
        "{protocol} Means over patches count undefined ratios as 1. Ignored pixels (no data, cloud, no label) are in nothing.</p>\
         <p><b>Boundary F1</b> after Csurka et al. 2013: the part of the predicted outline with a true one within so many \
         pixels, and the other way round; the border of a patch is no outline.</p>\
         <p><b>Area.</b> Measured: pixels over the threshold. Summed probabilities need no threshold, and are right on average where \
         the model is calibrated. A site is the group of its patches, or the patch.</p>\
         <p><b>Intervals.</b> Sites are drawn with replacement and all numbers taken again; the middle 95 %. Pixels of one mine are \
         alike, so the number of sites is what counts.</p>\
         <p><b>Calibration.</b> Expected calibration error in 15 bins (Naeini et al. 2015); Brier score and cross-entropy are \
         lower for better probabilities.</p>"
    )
}
