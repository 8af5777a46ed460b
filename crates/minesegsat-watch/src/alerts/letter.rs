//! The mail about findings: its subject, plain text, page and pictures.

use maud::{DOCTYPE, Markup, html};
use minesegsat_page::palette::light;
use minesegsat_page::words::{Language, Value, Words};

use super::sites::{Sites, Thumbnail};
use super::wording::{limit, one_line, plain_spaces, verdict};
use super::{AlertConfig, Finding, FindingKind, Standing};
use crate::register::SiteId;
use crate::sentence::{Judged, interval_at_level};

/// Most pictures of a mail: with at most 200 kB each, mail servers take it.
const MOST_PICTURES: usize = 20;
/// Smaller pictures are enlarged to about this size, in pixels of the longer side.
const SMALLEST_SIDE: usize = 320;

const BODY_STYLE: &str = "margin: 0 auto; padding: 16px; max-width: 640px; font-family: sans-serif; font-size: 16px; \
                          line-height: 1.45;";
const SITE_STYLE: &str = "margin: 32px 0 8px; font-size: 22px;";
const TABLE_STYLE: &str = "border-collapse: collapse; margin: 12px 0;";
const LABEL_STYLE: &str = "padding: 3px 16px 3px 0; text-align: left; vertical-align: top; font-weight: normal;";
const VALUE_STYLE: &str = "padding: 3px 0; vertical-align: top;";
const SMALL_STYLE: &str = "margin: 8px 0; font-size: 13px; overflow-wrap: anywhere;";
const LIST_STYLE: &str = "margin: 4px 0 16px; padding-left: 24px;";
const PICTURE_STYLE: &str = "display: block; max-width: 100%; height: auto;";

/// A mail about one finding or several.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) pictures: Vec<InlinePicture>,
}

/// A picture that the page shows by its content id.
#[derive(Debug)]
pub(super) struct InlinePicture {
    pub(super) content_id: String,
    pub(super) file_name: String,
    pub(super) thumbnail: Thumbnail,
}

/// The findings of a site.
struct Chapter<'a> {
    site: &'a SiteId,
    name: Option<String>,
    /// Address of the site on the map page.
    url: Option<String>,
    /// The most urgent finding first, each with the place of its picture, if no finding before it has the same one.
    findings: Vec<(&'a Finding, Option<usize>)>,
}

impl Chapter<'_> {
    /// How the site is called: by its name, or by its id if that is all that is known.
    fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(self.site.as_str())
    }
}

impl Letter {
    /// Writes the mail about findings. `id` is the id of the message, for the ids of its pictures.
    pub(super) fn new(
        id: &str,
        findings: &[Finding],
        config: &AlertConfig,
        sites: &dyn Sites,
        has_pictures: bool,
        words: &Words,
    ) -> Self {
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        sorted.sort_by_key(|finding| urgency(finding));
        let mut chapters: Vec<Chapter<'_>> = Vec::new();
        let mut pictures: Vec<InlinePicture> = Vec::new();
        for finding in sorted {
            let wanted = has_pictures && pictures.len() < MOST_PICTURES;
            let thumbnail = if wanted { sites.picture(finding) } else { None };
            let new = thumbnail.filter(|new| pictures.iter().all(|known| known.thumbnail != *new));
            let picture = new.map(|thumbnail| {
                let number = pictures.len() + 1;
                let content_id = format!("picture-{number}.{id}@minesegsat");
                pictures.push(InlinePicture { content_id, file_name: format!("picture-{number}.png"), thumbnail });
                number - 1
            });
            match chapters.iter().position(|chapter| *chapter.site == finding.site) {
                Some(known) => chapters[known].findings.push((finding, picture)),
                None => chapters.push(Chapter {
                    site: &finding.site,
                    name: sites.name(&finding.site).map(|name| one_line(&name)).filter(|name| !name.trim().is_empty()),
                    url: config.site_url(finding),
                    findings: vec![(finding, picture)],
                }),
            }
        }
        let first = chapters.first().and_then(|chapter| {
            let (finding, _) = chapter.findings.first()?;
            Some(finding.title_of(&shortened(chapter.title()), words))
        });
        let mut subject = first.unwrap_or_default();
        let mut lead = None;
        if findings.len() > 1 {
            let count = || ("count", Value::from(findings.len()));
            let values = [count(), ("title", Value::from(subject))];
            subject = plain_spaces(&words.say_with("alert-subject", &values));
            lead = Some(words.say_with("alert-lead", &[count(), ("sites", Value::from(chapters.len()))]));
        }
        let subject = format!("[minesegsat] {subject}");
        let text = plain_spaces(&plain_text(lead.as_deref(), &chapters, words));
        let html = page(&subject, lead.as_deref(), &chapters, &pictures, words).into_string();
        Self { subject, text, html, pictures }
    }
}

/// Sorts findings: what was withdrawn last, then by kind, then what is confirmed first.
fn urgency(finding: &Finding) -> (bool, usize, bool) {
    let kind = FindingKind::ALL.iter().position(|kind| *kind == finding.kind).unwrap_or(FindingKind::ALL.len());
    let is = |standing: Standing| finding.standing == Some(standing);
    (is(Standing::Withdrawn), kind, is(Standing::Provisional))
}

/// The facts of a finding, each with its label. What is unknown has no line.
fn facts(finding: &Finding, words: &Words) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |key: &str, value: String| lines.push((words.say(key), one_line(&value)));
    // A finding without a new scene has none.
    let has_scenes = !finding.scenes.is_empty();
    if has_scenes {
        line("alert-day", words.date(finding.date));
    }
    if let Some(standing) = finding.standing {
        line("alert-standing", words.say(&format!("alert-standing-{}", standing.name())));
    }
    // A test is about no site.
    if finding.kind != FindingKind::Test {
        line("verdict", verdict(finding.verdict, words));
    }
    if let Some(previous) = finding.previous_verdict {
        line("alert-previous-verdict", verdict(previous, words));
    }
    if let Some(area) = &finding.area {
        let interval = interval_at_level(area, finding.confidence_level_percent, words);
        let values = [("ha", Value::from(words.hectares(Some(area.ha)))), ("interval", Value::from(interval))];
        line("disturbed-land", words.say_with("alert-area", &values));
    }
    if let Some(permit) = &finding.permit {
        let with_limit = finding.limit_ha.map(|ha| {
            let values = [("permit", Value::from(permit.as_str())), ("limit", Value::from(limit(ha, words)))];
            words.say_with("alert-permit", &values)
        });
        line("permit", with_limit.unwrap_or_else(|| permit.clone()));
    }
    if has_scenes {
        line("share-seen", words.percent(Some(finding.share_assessed), 0));
    }
    lines
}

/// What a finding says in sentences: in English those of the record, in other languages one that is made from its numbers.
fn statement(finding: &Finding, words: &Words) -> String {
    if words.language() == Language::English {
        return one_line(&finding.statement);
    }
    if finding.kind == FindingKind::Test {
        return words.say("alert-test-statement");
    }
    if let (Some(since), true) = (finding.since, finding.scenes.is_empty()) {
        let key = if finding.previous_verdict.is_some() { "alert-no-scene" } else { "alert-no-scene-ever" };
        let values = [("day", Value::from(words.date(finding.date))), ("since", Value::from(words.date(since)))];
        return words.say_with(key, &values);
    }
    let judged = Judged {
        date: finding.date,
        verdict: finding.verdict,
        area: finding.area,
        confidence_level_percent: finding.confidence_level_percent,
        share_assessed: finding.share_assessed,
        permit: finding.permit.as_deref(),
        limit_ha: finding.limit_ha,
    };
    one_line(&judged.sentence(words))
}

/// The wording of the record, beside a statement in another language.
fn record(finding: &Finding, words: &Words) -> Option<String> {
    let is_translated = words.language() != Language::English && finding.kind != FindingKind::Test;
    is_translated.then(|| one_line(&finding.statement))
}

/// What stands below a finding, each with its label.
fn notes(chapter: &Chapter<'_>, finding: &Finding, words: &Words) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |key: &str, value: &str| lines.push((words.say(key), one_line(value)));
    if chapter.name.is_some() {
        line("alert-site-id", finding.site.as_str());
    }
    if !finding.scenes.is_empty() {
        line("scenes", &finding.scenes.join(", "));
    }
    if !finding.model_sha256.is_empty() {
        line("model", &finding.model_sha256);
    }
    line("alert-id", &finding.id());
    lines
}

/// A value with its label.
fn line(label: String, value: String, words: &Words) -> String {
    words.say_with("alert-line", &[("label", Value::from(label)), ("value", Value::from(value))])
}

fn plain_text(lead: Option<&str>, chapters: &[Chapter<'_>], words: &Words) -> String {
    let line = |(label, value): (String, String)| line(label, value, words) + "\n";
    let mut parts = Vec::new();
    for chapter in chapters {
        for (finding, _) in &chapter.findings {
            let mut part = String::new();
            // A test is about no site.
            if finding.kind != FindingKind::Test {
                part += &line((words.say("site"), chapter.title().to_owned()));
            }
            part += &line((words.say("alert-finding"), finding.what(words)));
            part.extend(facts(finding, words).into_iter().map(line));
            part += &format!("\n{}\n", statement(finding, words));
            if finding.needs_caveat() {
                part += &format!("\n{}\n", words.say("alert-caveat"));
            }
            part += "\n";
            if let Some(record) = record(finding, words) {
                part += &line((words.say("wording-of-the-record"), record));
            }
            if let Some(url) = &chapter.url {
                part += &line((words.say("alert-map-page"), url.clone()));
            }
            part.extend(notes(chapter, finding, words).into_iter().map(line));
            parts.push(part);
        }
    }
    let lead = lead.map_or_else(String::new, |lead| format!("{lead}\n\n"));
    lead + &parts.join("\n* * *\n\n")
}

fn page(
    subject: &str,
    lead: Option<&str>,
    chapters: &[Chapter<'_>],
    pictures: &[InlinePicture],
    words: &Words,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(words.language().code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (subject) }
            }
            body style=(BODY_STYLE) {
                @if let Some(lead) = lead { p { (lead) } (contents(chapters, words)) }
                @for chapter in chapters {
                    @if chapter.findings.iter().any(|(finding, _)| finding.kind != FindingKind::Test) {
                        h2 style=(SITE_STYLE) { (chapter.title()) }
                    }
                    @if let Some(url) = &chapter.url { p { a href=(url) { (words.say("alert-map-page")) } } }
                    @for (place, (finding, picture)) in chapter.findings.iter().enumerate() {
                        @let is_told = chapter.findings[..place].iter().any(|(before, _)| tells_the_same(before, finding));
                        (section(chapter, finding, picture.and_then(|place| pictures.get(place)), is_told, words))
                    }
                }
            }
        }
    }
}

/// The findings in short, by site: what the reader must know first.
fn contents(chapters: &[Chapter<'_>], words: &Words) -> Markup {
    html! {
        @for chapter in chapters {
            b { (chapter.title()) }
            ul style=(LIST_STYLE) {
                @for (finding, _) in &chapter.findings {
                    li {
                        (capitalised(&finding.what(words)))
                        // A finding without a new scene names the day that matters.
                        @if !finding.scenes.is_empty() { " · " (words.date(finding.date)) }
                    }
                }
            }
        }
    }
}

/// Whether two findings are about one observation, whose numbers and sentences are the same.
fn tells_the_same(a: &Finding, b: &Finding) -> bool {
    !a.scenes.is_empty() && (a.date, &a.scenes, &a.statement) == (b.date, &b.scenes, &b.statement)
}

/// A name for a subject. A long name would hide what was found.
fn shortened(name: &str) -> String {
    const MOST: usize = 60;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}

/// With a capital letter at the start, for a heading.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A finding on the page. If a finding before it tells the same observation, it has only what is its own.
fn section(
    chapter: &Chapter<'_>,
    finding: &Finding,
    picture: Option<&InlinePicture>,
    is_told: bool,
    words: &Words,
) -> Markup {
    let colour = match finding.kind {
        _ if finding.standing == Some(Standing::Withdrawn) => "faint",
        FindingKind::Exceeded => "bad",
        FindingKind::PossibleExceedance | FindingKind::OutsidePermit => "caution",
        _ => "text",
    };
    let colour = light(colour).unwrap_or("#000000");
    let own = ["alert-day", "alert-standing"].map(|key| words.say(key));
    let notes = notes(chapter, finding, words);
    // The last one is the id of the alert.
    let told_notes = if is_told { notes.len().saturating_sub(1) } else { 0 };
    let heading_style = format!("margin: 24px 0 8px; font-size: 18px; color: {colour};");
    html! {
        h3 style=(heading_style) { (capitalised(&finding.what(words))) }
        @if let Some(picture) = picture { (figure(picture, words)) }
        table style=(TABLE_STYLE) {
            @for (label, value) in facts(finding, words).into_iter().filter(|(label, _)| !is_told || own.contains(label)) {
                tr {
                    th scope="row" style=(LABEL_STYLE) { (label) }
                    td style=(VALUE_STYLE) { (value) }
                }
            }
        }
        @if !is_told { p { (statement(finding, words)) } }
        @if finding.needs_caveat() { p { b { (words.say("alert-caveat")) } } }
        @if let Some(record) = record(finding, words).filter(|_| !is_told) {
            p style=(SMALL_STYLE) { (words.say("wording-of-the-record")) br; span lang="en" { (record) } }
        }
        @for (label, value) in notes.into_iter().skip(told_notes) {
            p style=(SMALL_STYLE) { (line(label, value, words)) }
        }
    }
}

fn figure(picture: &InlinePicture, words: &Words) -> Markup {
    let InlinePicture { content_id, thumbnail, .. } = picture;
    let mut caption = words.say_with("alert-picture", &[("day", Value::from(words.date(thumbnail.date)))]);
    if thumbnail.has_boundary {
        caption = format!("{caption} {}", words.say("alert-picture-boundary"));
    }
    if let Some(since) = thumbnail.change_since {
        let change = words.say_with("alert-picture-change", &[("since", Value::from(words.date(since)))]);
        caption = format!("{caption} {change}");
    }
    let enlarged = (SMALLEST_SIDE / thumbnail.width.max(thumbnail.height).max(1)).max(1);
    let (width, height) = (thumbnail.width * enlarged, thumbnail.height * enlarged);
    html! {
        img src={ "cid:" (content_id) } width=(width) height=(height) alt=(caption) style=(PICTURE_STYLE);
        p style=(SMALL_STYLE) { (caption) }
    }
}
