//! `minesegsat report` on the built program.

use std::fs;
use std::path::Path;

use crate::support::{Done, program, run};
use minesegsat::register::{Area, Observation, Permit, Register, Site, SiteStatus, Verdict, boundary_of_bbox};

/// A register with a site that may be over its limit, and one that was never looked at.
fn register(path: &Path) {
    let register = Register::create(path).unwrap();
    for (id, name) in [("wolverine", "Wolverine & Sons"), ("brule", "Brule")] {
        let site = Site {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            operator: None,
            commodity: Some("coal".to_owned()),
            status: SiteStatus::Active,
            boundary: boundary_of_bbox([-121.2, 55.0, -121.1, 55.1]),
        };
        register.add_site(&site).unwrap();
    }
    let permit = Permit {
        site: "wolverine".parse().unwrap(),
        number: "C-1".to_owned(),
        valid_from: "2020-01-01".parse().unwrap(),
        valid_to: None,
        polygon: None,
        limit_ha: Some(140.0),
        document: None,
        document_sha256: None,
    };
    register.add_permit(&permit).unwrap();
    let observation = Observation {
        site: permit.site.clone(),
        date: "2024-07-01".parse().unwrap(),
        scenes: vec!["S2A_1".to_owned()],
        model_sha256: "ab".repeat(32),
        is_provisional: None,
        new_land: None,
        share_assessed: 0.98,
        share_beyond_map: None,
        share_in_other_sites: None,
        share_disagreeing: None,
        boundary_sha256: None,
        permit_sha256: None,
        area: Some(Area { ha: 138.0, lower_ha: 130.0, upper_ha: 146.0 }),
        parts: None,
        details: None,
        seen_change: None,
        confidence_level_percent: 90.0,
        compared_with: None,
        gain_ha: None,
        loss_ha: None,
        outside_permit_ha: Some(1.0),
        permit: Some(permit.number),
        limit_ha: permit.limit_ha,
        verdict: Verdict::PossibleExceedance,
        statement: "The limit of 140 ha lies in the interval.".to_owned(),
        warnings: Vec::new(),
        files: Vec::new(),
        created: "2024-07-02T00:00:00Z".parse().unwrap(),
    };
    register.store_observation(&observation, |_| Ok(())).unwrap();
}

#[test]
fn a_page_on_a_site_and_one_on_all_are_written_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let sites = path("sites.gpkg");
    register(Path::new(&sites));

    let page = path("wolverine.html");
    let done = run(["report", "wolverine", "-o", &page, "--register", &sites]).succeeded_quietly();
    assert_eq!(done.stdout.trim(), page);
    let text = fs::read_to_string(&page).unwrap();
    assert!(
        text.contains("<h1>Wolverine &amp; Sons</h1>") && text.contains("The limit of 140 ha lies in the interval.")
    );
    assert!(text.contains("Possible exceedance") && text.contains("A revision of the permit may be missing"));
    run(["report", "wolverine", "-o", &page, "--register", &sites]).failed(1, &["wolverine.html", "exists"]);
    run(["report", "wolverine", "-o", &page, "--register", &sites, "--overwrite"]).succeeded_quietly();

    let all = path("all.html");
    run(["report", "--all", "-o", &all, "--register", &sites]).succeeded_quietly();
    let text = fs::read_to_string(&all).unwrap();
    assert!(text.contains(r#"<a href="wolverine.html">Wolverine &amp; Sons</a>"#), "its page lies beside");
    assert!(text.contains("Brule") && !text.contains(r#"href="brule.html""#), "it has no page");
}

#[test]
fn a_report_is_a_pdf_in_the_language_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let sites = path("sites.gpkg");
    register(Path::new(&sites));
    let text = |name: &str| {
        let document = lopdf::Document::load(path(name)).unwrap();
        let pages: Vec<u32> = document.get_pages().into_keys().collect();
        document.extract_text(&pages).unwrap().split_whitespace().collect::<String>()
    };
    let report = |more: &[&str]| run([&["report", "--register", &sites][..], more].concat());

    report(&["wolverine", "-o", &path("en.pdf"), "--lang", "en"]).succeeded_quietly();
    assert!(text("en.pdf").contains("Thelimitof140haliesintheinterval."), "{}", text("en.pdf"));
    report(&["wolverine", "-o", &path("fr.pdf"), "--lang", "fr_CA"]).succeeded_quietly();
    assert!(text("fr.pdf").contains("138,0(130,0–146,0)") && text("fr.pdf").contains("Dépassementpossible"));
    report(&["--all", "-o", &path("all.PDF"), "--lang", "pt"]).succeeded_quietly();
    assert!(text("all.PDF").contains("Registrodelocais") && text("all.PDF").contains("Wolverine&Sons"));

    report(&["wolverine", "-o", &path("fr.pdf")]).failed(1, &["fr.pdf", "exists"]);
    report(&["wolverine", "-o", &path("de.pdf"), "--lang", "de"]).failed(2, &["de", "en, fr, es, pt"]);
    report(&["wolverine", "-o", &path("report.docx")]).failed(1, &["report.docx", ".html", ".pdf"]);
    for name in ["de.pdf", "report.docx"] {
        assert!(!Path::new(&path(name)).exists(), "{name}");
    }
}

#[test]
fn a_page_is_in_the_language_that_is_asked_for_or_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let sites = path("sites.gpkg");
    register(Path::new(&sites));
    let report = |more: &[&str], lang: &str| {
        let mut command = program();
        Done::of(command.args(["report", "--register", &sites]).args(more).env("LANG", lang)).succeeded_quietly();
    };
    let text = |name: &str| fs::read_to_string(path(name)).unwrap();

    report(&["wolverine", "-o", &path("fr.html"), "--lang", "fr"], "es_PE.UTF-8");
    assert!(text("fr.html").contains(r#"<html lang="fr">"#) && text("fr.html").contains("138,0\u{a0}ha"));
    let record = r#"<span lang="en">The limit of 140 ha lies in the interval.</span>"#;
    assert!(text("fr.html").contains("Dépassement possible") && text("fr.html").contains(record));
    // Peru has a decimal point.
    report(&["wolverine", "-o", &path("pe.html")], "es_PE.UTF-8");
    assert!(text("pe.html").contains("Superficie alterada") && text("pe.html").contains("138.0\u{a0}ha"));
    report(&["--all", "-o", &path("all.html"), "--lang", "es"], "C.UTF-8");
    assert!(text("all.html").contains("Registro de sitios") && text("all.html").contains("140,0\u{a0}ha"));
    report(&["wolverine", "-o", &path("en.html")], "C.UTF-8");
    assert!(text("en.html").contains(r#"<html lang="en">"#) && text("en.html").contains("138.0\u{a0}ha"));
}

#[test]
fn a_site_that_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let sites = folder.path().join("sites.gpkg");
    register(&sites);
    let sites = sites.to_str().unwrap();
    let page = folder.path().join("page.html");
    let page = page.to_str().unwrap();
    run(["report", "wolverin", "-o", page, "--register", sites]).failed(1, &["wolverin"]);
    run(["report", "-o", page, "--register", sites]).failed(2, &["<SITE>"]);
    run(["report", "wolverine", "--all", "-o", page, "--register", sites]).failed(2, &["--all"]);
    assert!(!Path::new(page).exists());
}
