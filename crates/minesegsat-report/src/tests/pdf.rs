use jiff::civil::date;

use super::{empty_report, keep, overview, report, site};
use crate::*;

/// Pages and text of a PDF. The text has no spaces, as PDFs place words and not lines.
fn read_pdf(pdf: &[u8]) -> (usize, String) {
    let document = lopdf::Document::load_mem(pdf).unwrap();
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    let text = document.extract_text(&pages).unwrap();
    (pages.len(), text.split_whitespace().collect())
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn the_pdf_of_a_site_says_what_the_page_says_in_each_language() {
    let report = report();
    let last = report.in_order().pop().unwrap().clone();
    let area = last.area.unwrap();
    for language in Language::ALL {
        let pdf = site_pdf(&report, language).unwrap();
        keep(&format!("site-{language}.pdf"), &pdf);
        let (pages, text) = read_pdf(&pdf);
        assert!((2..=4).contains(&pages), "{language}: {pages} pages");
        let words = language.words();
        let number = |value: f64| words.number(Some(value), 1);
        let mut expected = vec![
            report.site.name.clone(),
            words.say(&format!("verdict-{}-heading", last.verdict.name())),
            words.say("revision-may-be-missing"),
            words.say("no-proof"),
            format!("{} ({} – {})", number(area.ha), number(area.lower_ha), number(area.upper_ha)),
            words.hectares(last.limit_ha),
            last.date.to_string(),
            "C-118-2023".to_owned(),
            "1 km".to_owned(),
        ];
        // The wording of the record stands in every language.
        expected.push(last.statement.clone());
        for part in expected {
            assert!(text.contains(&squeezed(&part)), "{language}: {part}\n{text}");
        }
        assert_eq!(site_pdf(&report, language).unwrap(), pdf, "the same input has the same bytes");
    }
}

#[test]
fn a_missing_revision_is_said_once() {
    let mut report = report();
    let said = "Exceeded on that day. A revision of the permit may be missing in the register.";
    for one in &mut report.observations {
        said.clone_into(&mut one.statement);
    }
    let (_, text) = read_pdf(&site_pdf(&report, Language::English).unwrap());
    assert_eq!(text.matches(&squeezed("revision of the permit may be missing")).count(), 1, "{text}");
}

#[test]
fn the_pdf_of_a_site_without_observations_says_so() {
    let pdf = site_pdf(&empty_report(), Language::English).unwrap();
    keep("site-empty.pdf", &pdf);
    let (pages, text) = read_pdf(&pdf);
    assert_eq!(pages, 1);
    for key in ["not-observed-yet", "no-picture", "nothing-to-draw", "no-permit", "no-scene"] {
        assert!(text.contains(&squeezed(&Language::English.words().say(key))), "{key}\n{text}");
    }
}

#[test]
fn the_pdf_of_a_site_has_few_pages_whatever_its_names_and_numbers() {
    let mut long = report();
    long.site.name = "منجم الشمال ".to_owned() + &"Mina".repeat(75);
    long.site.operator = Some("# Operator *with* $signs$ [and] \"quotes\" \\ @ref <label>".to_owned());
    let one = long.observations[0].clone();
    long.observations = (0..200)
        .map(|i| {
            let mut o = one.clone();
            o.date = date(2021, 1, 1).checked_add(jiff::Span::new().days(5 * i)).unwrap();
            o.scenes = vec!["S".repeat(300)];
            o
        })
        .collect();
    long.scenes.iter_mut().for_each(|scene| scene.id = "S".repeat(300));
    let pdf = site_pdf(&long, Language::French).unwrap();
    keep("site-long.pdf", &pdf);
    let (pages, text) = read_pdf(&pdf);
    assert!(pages <= 7, "{pages} pages");
    let left_out = Language::French.words().say_with("observations-left-out", &[("count", 176.into())]);
    assert!(left_out.contains("176") && text.contains(&squeezed(&left_out)), "{left_out}\n{text}");
    // Signs of the template's language are text.
    assert!(text.contains("#Operator*with*$signs$[and]\"quotes\"\\@ref<label>"), "{text}");
}

#[test]
fn the_pdf_of_all_sites_lists_the_most_urgent_first() {
    for language in Language::ALL {
        let pdf = overview_pdf(&overview(), language).unwrap();
        keep(&format!("overview-{language}.pdf"), &pdf);
        let (pages, text) = read_pdf(&pdf);
        assert!(pages <= 2, "{pages} pages");
        let place = |name: &str| text.rfind(&squeezed(name)).unwrap_or_else(|| panic!("{name}\n{text}"));
        assert!(place("Brule Creek") < place("Quintette Ridge"), "exceeded before possible");
        assert!(place("Quintette Ridge") < place("Elk Valley North"), "possible before within");
        assert!(text.contains(&squeezed(&language.words().say("revision-may-be-missing"))));
    }
}

#[test]
fn the_pdf_of_a_thousand_sites_and_of_two_thousand_observations_is_made() {
    let mut many = overview();
    let one = many.sites[0].clone();
    many.sites = (0..1000)
        .map(|i| {
            let mut entry = one.clone();
            entry.site = site(&format!("s{i}"), &format!("Site {i:04}"), (f64::from(i % 40), f64::from(i / 40)));
            entry
        })
        .collect();
    let (pages, text) = read_pdf(&overview_pdf(&many, Language::English).unwrap());
    assert!((10..=60).contains(&pages), "{pages} pages");
    assert!(text.contains("Site0000") && text.contains("Site0999"), "each site has a row");

    let mut long = report();
    let one = long.observations[0].clone();
    let day = |i: i32| date(2016, 1, 1).checked_add(jiff::Span::new().days(i)).unwrap();
    long.observations =
        (0..2000).map(|i| minesegsat_watch::register::Observation { date: day(i), ..one.clone() }).collect();
    let (pages, _) = read_pdf(&site_pdf(&long, Language::English).unwrap());
    assert!(pages <= 4, "{pages} pages");
}

#[test]
fn the_pdf_refuses_a_picture_that_is_none() {
    let mut wrong = report();
    wrong.after.as_mut().unwrap().png = b"no picture".to_vec();
    assert!(site_pdf(&wrong, Language::English).is_err());
}
