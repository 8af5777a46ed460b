//! The first day of somebody who has the program and nothing else: from a box on the map to a signed file, without a second try.

use std::fs;
use std::path::Path;

use minesegsat_testing::smtp::smtp;

use crate::map::landscape;
use crate::support::{Done, program};

#[test]
fn a_box_becomes_a_verdict_a_mail_a_pdf_and_signed_evidence() {
    let folder = tempfile::tempdir().unwrap();
    // A simulated landscape stands for the catalogue and its server.
    let (items, bbox) = landscape(folder.path());
    let items = items.to_str().unwrap();
    let office = smtp(&[]);
    let alerts = format!(
        "[[mail]]\nname = 'office'\nserver = '127.0.0.1:{}'\ntls = 'none'\nfrom = 'mines@example.org'\nto = ['officer@example.org']\n",
        office.port
    );
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("alerts.toml"), alerts).unwrap();

    let mut commands = 0;
    let mut hints = Vec::new();
    let mut run = |arguments: &[&str], code: i32| {
        commands += 1;
        let done = Done::of(program().args(arguments).current_dir(&home));
        assert_eq!(done.code, Some(code), "{arguments:?}\n{}\n{}", done.stdout, done.stderr);
        hints.extend(commands_in(&done.stdout).chain(commands_in(&done.stderr)));
        done
    };

    run(&["map", "--bbox", &bbox, "--year", "2019", "--api", items, "-o", "quarry"], 0);
    let register = ["--register", "quarry/sites.gpkg"];
    let permit = ["sites", "permit", "area", "P-1", "--valid-from", "2019-01-01", "--limit", "1 ha"];
    // The area was judged without a permit: another verdict is announced first.
    let asked = run(&[&permit[..], &register].concat(), 1);
    assert!(asked.stderr.contains("no limit known -> "), "{}", asked.stderr);
    run(&[&permit[..], &register, &["--force"]].concat(), 0);
    run(&[&["monitor", "alerts", "--test", "--alerts", "alerts.toml"][..], &register].concat(), 0);
    let monitor = ["monitor", "run", "--api", items, "--since", "2024-01-01", "--alerts", "alerts.toml"];
    // An exceedance has an exit code of its own.
    let found = run(&[&monitor[..], &register].concat(), 5);
    assert!(found.stdout.contains("Exceeded on 2024-"), "{}", found.stdout);
    let shown = run(&[&["sites", "show", "area", "--json"][..], &register].concat(), 0).json();
    let last = shown["observations"].as_array().unwrap().iter().max_by_key(|o| o["date"].as_str().unwrap()).unwrap();
    let date = last["date"].as_str().unwrap().to_owned();
    assert_eq!(last["verdict"], "exceeded");
    run(&[&["report", "area", "-o", "area.pdf"][..], &register].concat(), 0);
    run(&["evidence", "keygen", "--no-password", "-o", "key"], 0);
    let evidence = ["evidence", "area", "--date", &date, "--key", "key", "-o", "pack.zip"];
    run(&[&evidence[..], &register].concat(), 0);
    let verified = run(&["evidence", "verify", "pack.zip", "--public-key", "key.pub"], 0);
    assert!(verified.stdout.contains("sound and authenticated"), "{}", verified.stdout);

    assert!(commands < 15, "{commands} commands");
    let mails = office.messages();
    assert_eq!(mails.len(), 2, "a test, and one mail with all findings: {mails:?}");
    assert!(mails[1].contains("P-1") && mails[1].contains("Content-Type: image/png"), "{}", mails[1]);
    assert!(!mails[0].contains("Content-Type: image/png"), "a test has no picture: {}", mails[0]);
    let report = fs::read(home.join("area.pdf")).unwrap();
    let pages = lopdf::Document::load_mem(&report).unwrap().get_pages().len();
    assert!((2..=4).contains(&pages), "{pages} pages");
    let mut pack = zip::ZipArchive::new(fs::File::open(home.join("pack.zip")).unwrap()).unwrap();
    assert!(pack.by_name("report.pdf").is_ok());

    // What the program proposes is what it understands.
    assert!(hints.iter().any(|hint| hint.starts_with("minesegsat serve ")), "the map page is proposed: {hints:?}");
    for hint in hints {
        try_hint(&hint, &home);
    }
}

/// The commands that a text proposes: those between backquotes that begin with the program's name, and ends of lines such as
/// `map page   minesegsat serve --workspace out`.
fn commands_in(text: &str) -> impl Iterator<Item = String> {
    let quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
    let lines = text.lines().filter_map(|line| {
        let start = if line.starts_with("minesegsat ") { 0 } else { line.find("  minesegsat ")? + 2 };
        Some(line[start..].trim().to_owned())
    });
    let found: Vec<String> = quoted.chain(lines).filter(|line| line.starts_with("minesegsat ")).collect();
    found.into_iter()
}

/// Runs a proposed command. Words in capitals stand for what only a person knows; then its arguments are only parsed.
fn try_hint(hint: &str, home: &Path) {
    let words: Vec<&str> = hint.split_whitespace().skip(1).collect();
    let is_complete = !words.iter().any(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()));
    let is_server = words.first() == Some(&"serve");
    let done = if is_complete && !is_server {
        Done::of(program().args(&words).current_dir(home))
    } else {
        Done::of(program().args(&words).arg("--help").current_dir(home))
    };
    assert!(done.code != Some(2), "`{hint}` is not understood:\n{}", done.stderr);
}
