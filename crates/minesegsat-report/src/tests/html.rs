//! Pages: their elements and words in each language, and what they do with missing and hostile input.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use quick_xml::{Reader, XmlVersion, events::Event};
use sha2::{Digest, Sha256};

use super::*;

/// Elements and text of a page.
#[derive(Default)]
struct Parsed {
    /// Names and attributes of elements, in document order.
    elements: Vec<(String, Vec<(String, String)>)>,
    /// Text outside of style and script.
    text: String,
    /// Text and labels outside of what is marked as English.
    spoken: String,
}

/// Attributes whose words are read out, or put into the page by its script.
const SPOKEN: [&str; 3] = ["aria-label", "data-words", "data-shares"];

/// HTML elements without an end tag.
const VOID: [&str; 3] = ["meta", "input", "br"];

/// Parses a page as strict XML, except for void elements: elements nest, attributes are quoted and unique, and only the
/// entities of XML occur.
fn parsed(page: &str) -> Parsed {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = false;
    let mut out = Parsed::default();
    // Names of the elements, and whether they are marked as English.
    let mut open: Vec<(String, bool)> = Vec::new();
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error} at byte {at}"));
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap_or_else(|error| panic!("{error} in <{name}> at byte {at}"));
                    let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap();
                    (attribute.key.as_ref().to_owned(), value.into_owned())
                });
                let attributes: Vec<(String, String)> = attributes.collect();
                let is_marked = name != "html" && attributes.contains(&("lang".to_owned(), "en".to_owned()));
                let is_english = is_marked || open.last().is_some_and(|(_, is_english)| *is_english);
                for (_, value) in attributes.iter().filter(|(key, _)| !is_english && SPOKEN.contains(&key.as_str())) {
                    out.spoken += &format!("{value}\n");
                }
                out.elements.push((name.clone(), attributes));
                if matches!(event, Event::Start(_)) && !VOID.contains(&name.as_str()) {
                    open.push((name, is_english));
                }
            }
            Event::End(end) => {
                let name = end.name();
                let closed = open.pop().map(|(name, _)| name);
                assert_eq!(closed.as_deref(), Some(name.as_ref()), "at byte {at}");
            }
            Event::Text(text) if !open.iter().any(|(name, _)| name == "style" || name == "script") => {
                out.text.push_str(text);
                if !open.last().is_some_and(|(_, is_english)| *is_english) {
                    let text: &str = text;
                    out.spoken += &format!("{text}\n");
                }
            }
            Event::GeneralRef(reference) => {
                let name: &str = reference;
                assert!(name.starts_with('#') || ["amp", "lt", "gt", "quot"].contains(&name), "&{name};");
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    out
}

fn digest(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text))
}

/// Checks that hold for every page in English.
fn check(page: &str) -> Parsed {
    check_in(page, Language::English)
}

/// Checks that hold for every page.
fn check_in(page: &str, language: Language) -> Parsed {
    let parsed = parsed(page);
    assert!(page.starts_with("<!doctype html>") && page.contains(&format!(r#"<html lang="{language}">"#)));
    let mut level = 0;
    let mut ids = BTreeSet::new();
    for (name, attributes) in &parsed.elements {
        let get = |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        if let Some(heading) = name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok()) {
            assert!(heading <= level + 1, "h{heading} after h{level}");
            assert!(heading > 1 || level == 0, "one h1");
            level = heading;
        }
        if let Some(id) = get("id") {
            assert!(ids.insert(id.to_owned()), "id `{id}` twice");
        }
        for (key, value) in attributes {
            assert!(!key.starts_with("on"), "a handler in markup does not run under the policy: {key}");
            assert_ne!(key, "style", "a style in markup does not hold under the policy");
            if ["src", "srcset", "xlink:href", "data", "action"].contains(&key.as_str())
                || (key == "href" && name != "a")
            {
                assert!(value.starts_with("data:image/"), "<{name} {key}=\"{value:.60}\"> loads something");
            }
            assert!(!value.contains("url(") || value.starts_with("url(#"), "{value}");
        }
        if name == "svg" {
            assert!(get("aria-hidden").is_some() || get("aria-label").is_some_and(|label| label.len() > 10));
        }
        assert!(!["link", "iframe", "object", "embed", "base"].contains(&name.as_str()), "<{name}>");
        if name == "script" {
            assert!(attributes.is_empty());
        }
    }
    assert!(level > 1);
    for (name, attributes) in &parsed.elements {
        for (key, value) in attributes {
            let references = (name == "label" && key == "for").then_some(value.as_str());
            for id in references.into_iter().chain(value.strip_prefix("url(#").and_then(|id| id.strip_suffix(')'))) {
                assert!(ids.contains(id), "no element `{id}`");
            }
        }
    }
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import"));
    for tag in ["style", "script"] {
        assert_eq!(page.matches(&format!("<{tag}>")).count(), 1);
        let (_, rest) = page.split_once(&format!("<{tag}>")).unwrap();
        let (inline, _) = rest.split_once(&format!("</{tag}>")).unwrap();
        assert!(page.contains(&format!("{tag}-src 'sha256-{}'", digest(inline))), "the policy has the digest of {tag}");
    }
    parsed
}

#[test]
fn a_full_page_is_well_formed_loads_nothing_and_says_all() {
    let report = report();
    let page = site_page(&report, Language::English).unwrap();
    keep("site.html", &page);
    let parsed = check(&page);
    let last = report.observations.last().unwrap();
    for expected in [
        "Northern Ridge Mine",
        "Northern Ridge Coal Ltd.",
        last.statement.as_str(),
        "Limit exceeded, as far as the permits are known",
        REVISION,
        "C-118-2019",
        &"a7".repeat(32),
        "none (baseline before 04.00)",
        "SegFormer B0, simulated scenes",
        "B08 stood in for B8A.",
        "possible exceedance*",
        "limit 140.0\u{a0}ha (C-118-2019)",
        "Green plants, bare soil and water",
    ] {
        assert!(parsed.text.contains(expected), "{expected}");
    }
    let count = |wanted: &str| parsed.elements.iter().filter(|(name, _)| name == wanted).count();
    assert_eq!(count("image"), 2);
    assert_eq!(
        parsed.elements.iter().filter(|(_, a)| a.contains(&("type".to_owned(), "checkbox".to_owned()))).count(),
        5
    );
    assert_eq!(parsed.elements.iter().filter(|(_, a)| a.contains(&("type".to_owned(), "range".to_owned()))).count(), 1);
    // Two charts' numbers, observations, permits, scenes, offsets of the scenes.
    assert_eq!(count("table"), 6);
    assert!(page.len() < 1_500_000, "{}", page.len());
}

#[test]
fn possible_is_never_dropped_and_every_exceedance_names_the_revision() {
    let mut report = report();
    let site = report.site.clone();
    report.observations = vec![observation(&site, date(2024, 7, 1), Some([120.0, 133.0, 148.0]), Some(140.0))];
    let page = site_page(&report, Language::English).unwrap();
    keep("possible.html", &page);
    let text = check(&page).text;
    assert!(text.contains("Possible exceedance of the limit") && text.contains(REVISION));
    for (at, _) in text.match_indices("exceedance") {
        let before = text[..at].trim_end();
        let is_general = ["an", "no"].iter().any(|word| before.ends_with(word));
        assert!(is_general || before.to_lowercase().ends_with("possible"), "{}", &text[at.saturating_sub(60)..at + 20]);
    }
    // Titles in the chart are read on their own.
    for title in page.split("<title>").skip(2).map(|rest| rest.split_once('<').unwrap().0) {
        assert!(!title.contains("exceed") || title.contains(REVISION), "{title}");
    }
    assert!(text.contains(FOOTNOTE));
}

#[test]
fn what_is_missing_is_said() {
    let page = site_page(&empty_report(), Language::English).unwrap();
    keep("empty.html", &page);
    let text = check(&page).text;
    for expected in
        ["No observation yet", "never observed", "No permit is in the register", "no picture", "No scene is known"]
    {
        assert!(text.contains(expected), "{expected}");
    }
    assert!(!page.contains("<image") && !page.contains(r#"type="range""#));

    // One picture, one observation, no permit.
    let mut report = empty_report();
    let site = report.site.clone();
    report.observations = vec![observation(&site, date(2024, 7, 1), Some([20.0, 24.0, 28.0]), None)];
    report.after = Some(picture(date(2024, 7, 1), 60.0));
    let page = site_page(&report, Language::English).unwrap();
    keep("one.html", &page);
    let text = check(&page).text;
    assert_eq!(page.matches("<image").count(), 1);
    assert!(
        !page.contains(r#"type="range""#)
            && text.contains("No limit known")
            && text.contains("none is in the register")
    );
}

#[test]
fn a_site_under_cloud_keeps_its_last_verdict_in_sight() {
    let mut report = report();
    let site = report.site.clone();
    // Passed out of order.
    report.observations.insert(0, observation(&site, date(2024, 10, 2), None, Some(180.0)));
    let page = site_page(&report, Language::English).unwrap();
    keep("cloud.html", &page);
    let text = check(&page).text;
    let (_, verdict) = text.split_once("Not assessable").unwrap();
    let end = verdict.find("Last assessable observation, 2024-09-16: exceeded.").unwrap();
    assert!(verdict[end..].find(REVISION).unwrap() < 300);
    // Only clouds.
    report.observations.retain(|o| o.area.is_none());
    let text = check(&site_page(&report, Language::English).unwrap()).text;
    assert!(text.contains("could not be assessed on any date"));
}

#[test]
fn nothing_that_a_name_says_is_markup() {
    let evil = r#"<script>alert(1)</script>&"'{{style}}"#;
    let mut report = report();
    report.site.name = evil.to_owned();
    report.site.operator = Some(evil.to_owned());
    report.site.commodity = Some(evil.to_owned());
    for permit in &mut report.permits {
        (permit.number, permit.document, permit.document_sha256) =
            (evil.to_owned(), Some(evil.to_owned()), Some(evil.to_owned()));
    }
    for o in &mut report.observations {
        (o.statement, o.permit, o.warnings) = (evil.to_owned(), Some(evil.to_owned()), vec![evil.to_owned()]);
    }
    for scene in &mut report.scenes {
        (scene.id, scene.offset_decision, scene.processing_baseline) =
            (evil.to_owned(), evil.to_owned(), Some(evil.to_owned()));
    }
    report.before.as_mut().unwrap().scenes = vec![evil.to_owned()];
    let method = report.method.as_mut().unwrap();
    (method.model_title, method.model_sha256, method.software) = (evil.to_owned(), evil.to_owned(), evil.to_owned());
    let page = site_page(&report, Language::English).unwrap();
    let parsed = check(&page);
    assert_eq!(parsed.elements.iter().filter(|(name, _)| name == "script").count(), 1);
    assert!(page.contains("<h1>&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;'{{style}}</h1>"));

    let mut overview = overview();
    overview.title = evil.to_owned();
    overview.software = evil.to_owned();
    for site in &mut overview.sites {
        site.site.name = evil.to_owned();
        (site.site.operator, site.site.commodity) = (Some(evil.to_owned()), Some(evil.to_owned()));
        if let Some(last) = &mut site.last {
            last.statement = evil.to_owned();
        }
        site.page = Some("javascript:alert(1)".to_owned());
    }
    let page = overview_page(&overview, Language::English).unwrap();
    let parsed = check(&page);
    assert_eq!(parsed.elements.iter().filter(|(name, _)| name == "script").count(), 1);
    assert!(!page.contains("javascript:"));
}

#[test]
fn pictures_must_be_what_they_say() {
    let mut report = report();
    report.after.as_mut().unwrap().width = 421;
    let error = site_page(&report, Language::English).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot use the picture of 2024-09-16: it has 420 x 360 pixels, and its outlines are for 421 x 360"
    );
    report.after.as_mut().unwrap().png.truncate(20);
    assert!(site_page(&report, Language::English).unwrap_err().to_string().contains("not a PNG"));
}

#[test]
fn pictures_of_other_sizes_stand_side_by_side() {
    let mut report = report();
    let before = report.before.as_mut().unwrap();
    (before.width, before.height, before.png) = (100, 90, ground(100, 90, &[]));
    let page = site_page(&report, Language::English).unwrap();
    check(&page);
    assert!(!page.contains(r#"type="range""#) && page.matches("<image").count() == 2);
}

#[test]
fn large_pictures_become_small() {
    let mut report = report();
    let after = report.after.as_mut().unwrap();
    (after.width, after.height, after.png) = (900, 800, ground(900, 800, &[(400.0, 400.0, 150.0, 0.0)]));
    assert!(after.png.len() > 400_000);
    let page = site_page(&report, Language::English).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && page.contains(r#"viewBox="0 0 900 800""#));
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn numbers_that_are_none_do_not_spoil_the_chart() {
    let mut report = report();
    for (o, value) in report.observations.iter_mut().zip([f64::NAN, f64::INFINITY, -1.0, 0.0]) {
        o.area = Some(Area { ha: value, lower_ha: value, upper_ha: value });
        (o.gain_ha, o.loss_ha) = (Some(value), Some(value));
    }
    report.permits[0].limit_ha = Some(f64::NAN);
    report.indices[0].inside.ndvi = Some(f64::NAN);
    let page = site_page(&report, Language::English).unwrap();
    check(&page);
    // The base64 of pictures contains random letters.
    let without: String =
        page.split("base64,").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect();
    assert!(!without.contains("NaN") && !without.contains("inf\""), "no number that SVG does not know");
}

#[test]
fn the_limit_is_a_step_over_each_validity() {
    let report = report();
    let order = report.in_order();
    let chart = timeline::timeline(&order, &report.permits, Language::English.words()).unwrap();
    assert!(chart.has_limit && chart.has_change);
    // Two horizontal lines, and a vertical one where one permit follows the other.
    assert_eq!(chart.svg.0.matches(r#"<line class="limit""#).count(), 3);
    let mut permits = report.permits.clone();
    permits[0].valid_to = Some(date(2022, 7, 1));
    let chart = timeline::timeline(&order, &permits, Language::English.words()).unwrap();
    assert_eq!(chart.svg.0.matches(r#"<line class="limit""#).count(), 2, "a gap between permits is no step");
    permits[0].valid_to = Some(date(2020, 7, 1));
    let chart = timeline::timeline(&order, &permits, Language::English.words()).unwrap();
    assert_eq!(chart.svg.0.matches(r#"<line class="limit""#).count(), 1, "a permit before the chart");
    let blind = report.observations.iter().filter(|o| o.area.is_none()).count();
    assert_eq!(chart.svg.0.matches(r#"class="mark open not-assessable""#).count(), blind);
}

#[test]
fn what_needs_attention_comes_first() {
    let overview = overview();
    let page = overview_page(&overview, Language::English).unwrap();
    keep("overview.html", &page);
    let parsed = check(&page);
    let verdicts: Vec<&str> = parsed
        .elements
        .iter()
        .filter(|(name, _)| name == "tr")
        .filter_map(|(_, a)| a.iter().find(|(key, _)| key == "data-verdict").map(|(_, value)| value.as_str()))
        .collect();
    let expected = [
        "exceeded",
        "exceeded",
        "possible-exceedance",
        "possible-exceedance",
        "not-assessable",
        "unseen",
        "no-limit",
        "within",
        "within",
        "within",
    ];
    assert_eq!(verdicts, expected);
    // The site furthest over its limit comes first.
    let first = page.split_once("<tbody>").unwrap().1;
    assert!(first.find("Brule Creek").unwrap() < first.find("Wolverine Bench").unwrap());
    assert!(page.contains(r#"<a href="site-1.html">Brule Creek</a>"#));
    assert!(parsed.text.contains(FOOTNOTE) && parsed.text.contains("10 sites, last observed on 2024-09-16"));
    assert!(page.len() < 100_000, "{}", page.len());
}

#[test]
fn an_overview_without_sites_and_one_of_a_thousand() {
    let mut overview = overview();
    let sites = std::mem::take(&mut overview.sites);
    let text = check(&overview_page(&overview, Language::English).unwrap()).text;
    assert!(text.contains("The register has no site.") && text.contains("0 sites, none observed yet"));
    overview.sites = (0..1000)
        .map(|i| {
            let mut entry = sites[i % sites.len()].clone();
            entry.site = site(
                &format!("s{i}"),
                &format!("Site {i}"),
                ((i % 40) as f64 * 8.0 - 160.0, (i / 40) as f64 * 4.0 - 40.0),
            );
            entry
        })
        .collect();
    let page = overview_page(&overview, Language::English).unwrap();
    keep("thousand.html", &page);
    check(&page);
    assert!(page.len() < 3_000_000, "{}", page.len());
}

/// English words that no other language of the reports has.
const ENGLISH: &[&str] = &[
    "the",
    "of",
    "and",
    "is",
    "are",
    "not",
    "with",
    "land",
    "disturbed",
    "seen",
    "outside",
    "inside",
    "around",
    "since",
    "made",
    "by",
    "limit",
    "permit",
    "boundary",
    "loss",
    "before",
    "after",
    "network",
    "picture",
    "shown",
    "scene",
    "assessed",
    "numbers",
    "interval",
    "below",
    "noise",
    "share",
    "from",
    "yet",
    "active",
    "unknown",
    "last",
    "observed",
    "exceeded",
    "within",
    "model",
    "weights",
    "software",
    "verdict",
];

/// Checks that a page speaks its language only, apart from what it marks as English, and has no key without words.
fn check_words(spoken: &str, language: Language) {
    for &word in ENGLISH {
        let is_shared = language == Language::English || (language == Language::French && word == "verdict");
        let mut words = spoken.split(|c: char| !c.is_alphabetic());
        assert!(is_shared || !words.any(|found| found.to_lowercase() == word), "{language}: `{word}`\n{spoken}");
    }
    let is_key = |word: &&str| word.contains('-') && word.chars().all(|c| c == '-' || c.is_ascii_lowercase());
    if language == Language::English {
        let keys: BTreeSet<&str> = spoken.split_whitespace().filter(is_key).collect();
        assert!(keys.is_subset(&BTreeSet::from(["new-site", "northern-ridge", "open-ended"])), "{keys:?}");
    }
}

#[test]
fn pages_speak_each_language_and_mark_the_record_as_english() {
    let mut report = report();
    report.problems = vec!["The register has a row that cannot be used: the row 7.".to_owned()];
    let last = report.observations.last_mut().unwrap();
    last.is_provisional = Some(true);
    last.share_beyond_map = Some(0.012);
    let estimated = last.area.unwrap();
    let parts =
        AreaParts { mapped_ha: 200.0, estimated, assumed_ha: 3.5, inside_permit_ha: None, outside_site_ha: 1.5 };
    last.parts = Some(parts);
    (last.gain_ha, last.loss_ha) = (Some(0.0), Some(0.0));
    last.seen_change = Some(SeenChange { gain_ha: 2.5, loss_ha: 0.0, noise_floor_ha: 8.5 });
    let last = last.clone();
    report.corrections = vec![Correction {
        site: last.site.clone(),
        observation: last.name(),
        date: last.date,
        replaced: report.created,
        reason: "the permit was added after the observation".to_owned(),
        editor: None,
        verdict: Verdict::NoLimit,
        is_provisional: None,
        statement: String::new(),
        permit: None,
        limit_ha: None,
        outside_permit_ha: None,
    }];
    let mut overview = overview();
    overview.title = "Minas".to_owned();
    overview.problems = report.problems.clone();
    for (i, entry) in overview.sites.iter_mut().enumerate() {
        entry.site.name = format!("Mina {i}");
    }
    for language in Language::ALL {
        let words = language.words();
        let page = site_page(&report, language).unwrap();
        keep(&format!("site-{language}.html"), &page);
        let parsed = check_in(&page, language);
        check_words(&parsed.spoken, language);
        let (limit, seen) = match language {
            Language::English => ("180.0\u{a0}ha", "97.3\u{a0}%"),
            _ => ("180,0\u{a0}ha", "97,3\u{a0}%"),
        };
        for part in [
            limit,
            seen,
            &words.say("verdict-exceeded-heading"),
            &words.say("revision-may-be-missing"),
            &words.say("no-proof"),
            &words.hectares(Some(estimated.ha)),
            &words.say("chart-of-areas"),
            &words.say("indices-by-date"),
            &words.say("divider"),
        ] {
            assert!(parsed.spoken.contains(part), "{language}: {part}\n{}", parsed.spoken);
        }
        for record in [&report.problems[0], &last.warnings[0], &report.corrections[0].reason, &last.statement] {
            assert!(parsed.text.contains(record.as_str()), "{language}: {record}");
            let is_own = language == Language::English && *record == last.statement;
            assert_eq!(parsed.spoken.contains(record.as_str()), is_own, "{language}: {record}");
        }

        let page = overview_page(&overview, language).unwrap();
        keep(&format!("overview-{language}.html"), &page);
        let parsed = check_in(&page, language);
        check_words(&parsed.spoken, language);
        for key in ["locations", "map-of-sites", "how-to-read-text", "share-of-limit", "footnote"] {
            assert!(parsed.spoken.contains(&words.say(key)), "{language}: {key}\n{}", parsed.spoken);
        }
        assert!(parsed.spoken.contains(if language == Language::English { "330.5\u{a0}ha" } else { "330,5\u{a0}ha" }));
        // A page without anything.
        check_words(&check_in(&site_page(&empty_report(), language).unwrap(), language).spoken, language);
    }
    // A region writes its own numbers.
    let page = site_page(&report, Locale::of_tag("es-PE").unwrap()).unwrap();
    let parsed = check_in(&page, Language::Spanish);
    check_words(&parsed.spoken, Language::Spanish);
    assert!(parsed.spoken.contains("180.0\u{a0}ha") && !parsed.spoken.contains("180,0"));
}

#[test]
fn new_land_is_told_by_its_dates_with_a_map() {
    let mut report = report();
    assert!(!site_page(&report, Language::English).unwrap().contains("When land became disturbed"));
    let row = |after: Date, until: Date, confirmed_ha: f64, provisional_ha: f64| OnsetRow {
        after,
        until,
        confirmed_ha,
        provisional_ha,
    };
    let months = [date(2021, 5, 3), date(2022, 6, 3), date(2023, 7, 3), date(2024, 9, 16)];
    let rows = months.windows(2).enumerate();
    report.onsets = Some(Onsets {
        dates: [months[0], months[3]],
        rows: rows.map(|(i, pair)| row(pair[0], pair[1], 11.25 + i as f64, 0.5 * i as f64)).collect(),
        png: Some(ground(64, 48, &[(30.0, 20.0, 12.0, 0.4)])),
    });
    for language in Language::ALL {
        let page = site_page(&report, language).unwrap();
        let words = language.words();
        let caption = words.say_with("onset-picture", &[("first", "2021-05-03".into()), ("last", "2024-09-16".into())]);
        for part in [words.say("new-land"), caption, words.number(Some(13.25), 1), "<img class=\"onsets\"".to_owned()] {
            assert!(page.contains(&part), "{language}: {part}");
        }
        keep(&format!("site-onsets-{language}.pdf"), site_pdf(&report, language).unwrap());
    }
    let onsets = report.onsets.as_mut().unwrap();
    assert_eq!(onsets.latest_rows(3), onsets.rows);
    // Nothing is lost in a short table.
    let short = onsets.latest_rows(2);
    assert_eq!(short, [row(months[0], months[2], 23.5, 0.5), row(months[2], months[3], 13.25, 1.0)]);
    onsets.rows.clear();
    let page = site_page(&report, Language::English).unwrap();
    assert!(page.contains("No land became disturbed between 2021-05-03 and 2024-09-16."));
    assert!(!page.contains("class=\"onsets\""));
}
